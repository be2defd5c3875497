"""What else a question may ask for, where its first reading leads to no row of the near records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lca_rag.answer.choice import NOUN, Candidate, left_over
from lca_rag.answer.figures import find_rows
from lca_rag.answer.lexicon import Term, holds
from lca_rag.answer.question import Question

__all__ = ["read_again"]

_LOOKED_AT = 8
"""Candidates whose names tell whether a word names a data set."""


def read_again(question: Question, candidates: Sequence[Candidate]) -> Question | None:
    """The question by its next reading, where what was taken for the flow names data sets.

    "CO2 of trucks: South against West, per t*km" asks for no flow called "South". Where no reading
    is left, the flow is what the name of the best candidate does not hold.
    """
    near = candidates[:_LOOKED_AT]
    if question.parted or not near:
        return None
    if question.kind == "compare" and (shared := _of_several(question, candidates)) is not None:
        return replace(question, asked=shared, readings=(), parted=True)
    if not question.asked:
        rest = _parted(question, candidates[:_PARTED_AT])
        return None if rest is None else replace(question, asked=rest, readings=(), parted=True)
    if (rest := _parted(question, candidates[:_PARTED_AT])) is not None:
        return replace(question, asked=rest, readings=(), parted=True)
    places = [place for place, term in enumerate(question.terms) if term in question.asked]
    if (other := _in_no_name(question, near[0], places)) is not None:
        return replace(question, asked=other, readings=())
    if any(c.rows for c in near):
        return None
    if question.readings and all(any(c.held[p] == 1.0 for c in near) for p in places):
        return replace(question, asked=question.readings[0], readings=question.readings[1:])
    looked_at = candidates if question.kind == "compare" else near
    if (other := _that_is_there(question, looked_at, places)) is not None:
        return replace(question, asked=other, readings=())
    rest = _not_its_name(question, near[0], places)
    if not rest or rest == question.asked:
        return None
    return replace(question, asked=rest, readings=())


def _in_no_name(
    question: Question, best: Candidate, places: Sequence[int]
) -> tuple[Term, ...] | None:
    """What else may be the flow, where what was taken for it is in the best candidate's name.

    It must be a row of that candidate, and not in its name.
    """
    if best.strong < 0.5 or not all(best.held[place] == 1.0 for place in places):
        return None
    named = {term for term, share in zip(question.terms, best.held, strict=True) if share == 1.0}
    for other in (*question.readings, left_over(question, best.held)):
        if not other or named.intersection(other):
            continue
        rows = find_rows(best.view, question, other)
        if rows and (not best.rows or rows[0].score > best.rows[0].score - _NEARLY):
            return other
    return None


def _parted(question: Question, near: Sequence[Candidate]) -> tuple[Term, ...] | None:
    """What one record's name leaves over of the question and one of its rows is.

    Only where the wording led to nothing: the best candidate lacks the row or a word of the
    question. Then name and row together must say every noun of it.
    """
    best = near[0]
    settled = best.rows and best.rows[0].score >= _ROW_SAID and not best.missing
    if question.kind != "figure" or settled:
        return None
    found: tuple[Term, ...] | None = None
    most = 0.0
    for candidate in near:
        if min(candidate.place, candidate.year) < _FITS or not candidate.basis:
            continue
        pairs = list(zip(question.terms, candidate.held, strict=True))
        named = sum(term.weight for term, share in pairs if share == 1.0)
        rest = tuple(
            term
            for term, share in pairs
            if (share < 1.0 and (term.known or term.weight > NOUN))
            and (share == 0.0 or holds(term, candidate.view.flows))
        )
        worth = named + candidate.view.named_by(question.said)
        if named < 1.0 or not 0 < len(rest) <= _FLOW_WORDS or worth <= most:
            continue
        rows = find_rows(candidate.view, question, rest)
        if rows and rows[0].score >= _ROW_SAID:
            found, most = rest, worth
    return None if found == question.asked else found


def _of_several(question: Question, candidates: Sequence[Candidate]) -> tuple[Term, ...] | None:
    """The flow of a comparison: what several records hold as a row and do not bear in their names.

    Only where the wording's own reading is the row of fewer than two.
    """

    def holding(asked: Sequence[Term]) -> int:
        count = 0
        for candidate in candidates[:_LOOKED_AT]:
            named = {t for t, s in zip(question.terms, candidate.held, strict=True) if s == 1.0}
            if named.isdisjoint(asked):
                rows = find_rows(candidate.view, question, asked)
                count += bool(rows) and rows[0].score >= _ROW_SAID
        return count

    if question.asked and holding(question.asked) >= _SEVERAL:
        return None
    single = ((term,) for term in question.terms if term.known)
    tried = (reading for reading in (*question.readings, *single) if reading != question.asked)
    return next((reading for reading in tried if holding(reading) >= _SEVERAL), None)


_SEVERAL = 2
_PARTED_AT = 20
"""Candidates whose names are tried."""
_ROW_SAID, _FITS, _FLOW_WORDS = 0.8, 0.79, 4
"""How well the row, and place and year, must fit, and how many notions name a flow at most."""


def _that_is_there(
    question: Question, near: Sequence[Candidate], places: Sequence[int]
) -> tuple[Term, ...] | None:
    """Another reading that is a row of a candidate, whose name says what was taken for the flow.

    Words that only tell how a thing is done ("running") need not be said by the name.
    """
    for candidate in near:
        unsaid = [p for p in places if candidate.held[p] < 1.0 and question.terms[p].weight > NOUN]
        for other in (*question.readings, left_over(question, candidate.held)):
            left = [p for p in unsaid if question.terms[p] not in other]
            if other and not left and find_rows(candidate.view, question, other):
                return other
    return None


_NEARLY = 0.1
"""How much worse a row may fit that is not in the name than one that is."""


def _not_its_name(question: Question, best: Candidate, places: Sequence[int]) -> tuple[Term, ...]:
    """What was taken for the flow, without the words that name the data set.

    If that leaves nothing: what else the name does not hold, unless it is most of the question.
    """
    other = tuple(question.terms[place] for place in places if best.held[place] < 1.0)
    if other:
        return other
    return left_over(question, best.held)
