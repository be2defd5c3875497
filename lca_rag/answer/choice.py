"""Which records a question is about, and whether any of them really is.

A candidate of the search is judged by the question's notions: those that name the data set must
be held by its name, place or year; the one whose amount is wanted must be a row. What no candidate
holds is what the database does not have.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lca_rag.answer.amounts import converted
from lca_rag.answer.figures import Figure, find_rows
from lca_rag.answer.lexicon import Term, Words, holds, is_chinese, tokens
from lca_rag.answer.question import Half, Question
from lca_rag.answer.view import View
from lca_rag.record import Hit

__all__ = ["NOUN", "Candidate", "Pair", "best_pair", "judge", "left_over", "rank", "two_named"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record with how well it fits."""

    view: View
    hit: Hit
    subject: float
    """Share of the naming notions that it holds, in [0, 1]."""
    strong: float
    """The same, counting only name and place."""
    missing: tuple[Term, ...]
    """Naming notions that it does not hold at all."""
    place: float
    """1 if every asked place fits, 0 if none does; 1 if none is asked."""
    year: float
    basis: bool
    """Whether the asked basis can be computed from its reference flow."""
    rows: tuple[Figure, ...]
    score: float
    held: tuple[float, ...]
    """Per notion of the question, how firmly it is held."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records to compare."""

    one: Candidate
    other: Candidate
    score: float


def rank(question: Question, views: Sequence[tuple[View, Hit]]) -> list[Candidate]:
    """The candidates, best first."""
    found = [
        judge(question, view, hit, place / max(len(views), 1))
        for place, (view, hit) in enumerate(views)
    ]
    return sorted(found, key=lambda candidate: -candidate.score)


def judge(question: Question, view: View, hit: Hit, rank: float = 0.0) -> Candidate:
    """How well one record fits; `rank` is its relative rank in the search, 0 for the first."""
    held = tuple(view.held(term) for term in question.terms)
    asked = question.asked or left_over(question, held)
    rows = tuple(find_rows(view, question, asked)) if asked else ()
    naming = _naming(view, question, held, asked if question.asked or rows else (), rows)
    row = _row_words(view, rows)
    place = _all(
        [
            1.0
            if row and tokens(said.text) <= row
            else max(view.place_fits(area.code, said.text) for area in said.areas)
            for said in question.places
        ]
    )
    year = _all([1.0 if str(year) in row else view.year_fits(year) for year in question.years])
    weight = sum(term.weight for term, _ in naming)
    if weight < 1 and (question.places or question.years) and min(place, year) == 1:
        naming = []  # Place and year alone say which of the data sets it is.
        weight = 0.0
    unnamed = 0.0 if _names_nothing(question) else 1.0
    subject = sum(term.weight * share for term, share in naming) / weight if weight else unnamed
    strong = sum(t.weight for t, share in naming if share == 1.0) / weight if weight else unnamed
    basis = _basis_fits(view, question)
    precision = max(len(title & question.said) / max(len(title), 1) for title in view.titles)
    score = (
        strong
        + 0.7 * subject
        + 0.35 * precision
        + 0.6 * place
        + 0.5 * year
        + (0.1 if rows else 0.0)
        + (0.1 * rows[0].score if rows else 0.0)
        + (0.15 if basis else 0.0)
        + _PRODUCT * _product_named(view, question)
        + _NAMED * view.named_by(question.said)
        + (_PHRASE if any(part in question.phrase for part in view.phrases) else 0.0)
        - 0.15 * rank
    )
    return Candidate(
        view=view,
        hit=hit,
        subject=subject,
        strong=strong,
        missing=tuple(term for term, share in naming if share == 0.0),
        place=place,
        year=year,
        basis=basis,
        rows=rows,
        score=score,
        held=held,
    )


_PRODUCT = 0.3
"""What it counts that a record's name holds what the figure is wanted per."""

_NAMED = 0.1
"""What it counts that the question says all of the name that has content, in one language."""
_PHRASE = 0.1
"""What it counts that the question holds the first part of the name word for word."""


def _product_named(view: View, question: Question) -> float:
    """The share of the product ("per kg of methanol") that the name holds, 0 if none is said."""
    weight = sum(term.weight for term in question.product)
    held = sum(term.weight for term in question.product if holds(term, view.name))
    return held / weight if weight else 0.0


def _row_words(view: View, rows: Sequence[Figure]) -> Words:
    """The words of the best row's name; it may name a place and a year of its own."""
    return next((name for e, name, _ in view.rows if rows and e is rows[0].exchange), Words())


def _names_nothing(question: Question) -> bool:
    """Whether a figure is wanted and neither a product, a place nor a year says of what."""
    if question.kind not in ("figure", "compare"):
        return False
    return not (question.subject or question.places or question.years)


NOUN = 0.5
"""Weight that a notion must exceed to be a noun; unknown participles and adverbs have this much."""


def left_over(question: Question, held: Sequence[float]) -> tuple[Term, ...]:
    """Where the wording names no flow: the notions that a record's name lacks, if few."""
    if question.kind not in ("figure", "compare"):
        return ()
    rest = [term for term, share in zip(question.terms, held, strict=True) if share < 1.0]
    weight = sum(term.weight for term in question.terms)
    left = sum(term.weight for term in rest)
    named = any(term.weight >= NOUN for term in rest)
    return tuple(rest) if named and left <= 0.5 * weight else ()


def _naming(
    view: View,
    question: Question,
    held: Sequence[float],
    asked: Sequence[Term],
    rows: Sequence[Figure],
) -> list[tuple[Term, float]]:
    """The notions that must name the data set, with how firmly the record holds each.

    What only the name of the wanted row holds ("burnt in boilers") says nothing on the data set.
    """
    row = _row_words(view, rows)
    naming = {
        term.options: (term, share)  # a notion that is said twice counts once
        for place, (term, share) in enumerate(zip(question.terms, held, strict=True))
        if term not in asked
        and (share == 1.0 or not holds(term, row))
        and not (share == 0.0 and _between_words(question.terms, held, place))
    }
    return list(naming.values())


def _between_words(terms: Sequence[Term], held: Sequence[float], place: int) -> bool:
    """Whether a pair of Chinese signs only joins the end of a word to the start of the next.

    That is so where it is unknown and a pair that shares a sign with it is held.
    """
    term = terms[place]
    if term.known or len(term.text) != 2 or not is_chinese(term.text):
        return False
    return any(
        0 <= other < len(terms)
        and held[other] > 0
        and len(terms[other].text) == 2
        and abs(terms[other].start - term.start) == 1
        for other in (place - 1, place + 1)
    )


def _all(shares: Sequence[float]) -> float:
    """The mean, 1 for none."""
    return sum(shares) / len(shares) if shares else 1.0


def _basis_fits(view: View, question: Question) -> bool:
    if question.basis is None:
        return True
    return any(
        exchange.unit is not None
        and converted(exchange.amount or 1.0, exchange.unit, question.basis.unit) is not None
        for exchange in view.record.reference_exchanges
    )


def best_pair(
    question: Question,
    candidates: Sequence[Candidate],
    fits: Callable[[Pair], bool],
    *,
    depth: int = 30,
) -> Pair | None:
    """The two that together hold most of the question, each something of its own, and fit it."""
    best: Pair | None = None
    near = list(candidates[:depth])
    fit = [
        [[_half_fit(question, candidate, half) for half in halves] for halves in question.halves]
        for candidate in near
    ]
    for (n, one), (m, other) in itertools.combinations(enumerate(near), 2):
        apart = max(
            (
                max(mine[0] + its[1], mine[1] + its[0])
                for mine, its in zip(fit[n], fit[m], strict=True)
            ),
            default=0.0,
        )
        score = _pair_score(question, one, other) + _APART * apart
        if best is None or score > best.score + 1e-9:
            pair = Pair(one, other, score)
            best = pair if fits(pair) else best
    return best


def _half_fit(question: Question, candidate: Candidate, half: Half) -> float:
    """How well a record is what one side of a comparison names, in [0, 1]."""
    weight = sum(question.terms[place].weight for place in half.places)
    held = sum(
        question.terms[place].weight for place in half.places if candidate.held[place] == 1.0
    )
    titles = candidate.view.titles
    named = max(len(title & half.said) / max(len(title), 1) for title in titles)
    return named * held / weight if weight else 0.0


_APART = 2.0
"""What it counts that each of a pair is what one side of the question names."""
_JOINT = 4.0
"""What a question's words count for a pair, against likeness and the scores of the two."""


def _pair_score(question: Question, one: Candidate, other: Candidate) -> float:
    asked = question.asked
    weight = joint = own_one = own_other = 0.0
    for term, left, right in zip(question.terms, one.held, other.held, strict=True):
        if term in asked:
            continue
        weight += term.weight
        joint += term.weight * max(left, right)
        own_one += term.weight * max(0.0, left - right)
        own_other += term.weight * max(0.0, right - left)
    own_one += _own_facts(question, one, other)
    own_other += _own_facts(question, other, one)
    apart = 0.6 * (own_one > 0.2) + 0.6 * (own_other > 0.2)
    kin = _kin(one, other)
    return (
        (joint / weight if weight else 1.0) * _JOINT + apart + kin + 0.5 * (one.score + other.score)
    )


def _own_facts(question: Question, one: Candidate, other: Candidate) -> float:
    """Places and years that one record meets and the other does not."""
    own = 0.0
    for said in question.places:
        fits = [
            max(c.view.place_fits(area.code, said.text) for area in said.areas)
            for c in (one, other)
        ]
        own += max(0.0, fits[0] - fits[1])
    for year in question.years:
        own += max(0.0, one.view.year_fits(year) - other.view.year_fits(year))
    return own


def _kin(one: Candidate, other: Candidate) -> float:
    """Two records to compare mostly bear like names."""
    left, right = one.view.title, other.view.title
    return 0.8 * len(left & right) / max(len(left | right), 1)


def two_named(
    question: Question, candidates: Sequence[Candidate]
) -> tuple[Candidate, Candidate] | None:
    """Two records that a list names ("the flange and the nose-cone"), each with the wanted row.

    Only where no record bears the whole of the question: each of the two must be named by all of
    its own side, and lack something of the other.
    """
    near = [c for c in candidates[:_LISTED_AT] if c.rows and c.rows[0].score >= _ROW_SURE]
    if not question.asked or any(min(c.strong, c.place, c.year) >= 1 for c in near):
        return None
    for left, right in question.halves:
        one, other = (
            next((c for c in near if _is(question, c, mine) and not _is(question, c, its)), None)
            for mine, its in ((left, right), (right, left))
        )
        if one is not None and other is not None:
            return one, other
    return None


def _is(question: Question, candidate: Candidate, half: Half) -> bool:
    """Whether a record bears all that one side of a list says."""
    view = candidate.view
    named = all(
        candidate.held[place] == 1.0
        for place in half.places
        if question.terms[place].weight >= NOUN
    )
    here = all(
        max(view.place_fits(area.code, said.text) for area in said.areas) >= _FITS
        for said in half.areas
    )
    return named and here and all(view.year_fits(year) >= _FITS for year in half.years)


_LISTED_AT, _FITS, _ROW_SURE = 20, 0.79, 0.8
"""Candidates whose names are tried; how well place and year, and the row, must fit."""
