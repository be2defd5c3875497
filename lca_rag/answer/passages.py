"""Sentences of a record's prose that hold most of what a question asks, where no field does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lca_rag.answer.claims import statements
from lca_rag.answer.lexicon import Term, holds, tokens
from lca_rag.answer.view import View
from lca_rag.units import same_dimension

__all__ = ["Passage", "find_passages", "short"]

_LONGEST = 420
"""Characters of a quotation; the rest is cut at a word."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of a record's prose."""

    label: str
    text: str
    share: float
    """Share of the question's own notions that it holds."""


def find_passages(
    view: View,
    wanted: Sequence[Term],
    *,
    numeric: bool,
    unit: str | None = None,
    enough: float = 0.6,
    count: int = 2,
) -> list[Passage]:
    """Sentences that hold most of the wanted notions, best first.

    Args:
        view: The record.
        wanted: Notions that the sentence must hold; those of the record's name say nothing here.
        numeric: Whether the sentence must hold an amount: a number with a unit.
        unit: What its unit must be convertible to; by default one of mass, volume, energy, area,
            carriage or a share.
        enough: Least share of the notions.
        count: At most how many sentences.
    """
    own = [term for term in wanted if not holds(term, view.name)]
    weight = sum(term.weight for term in own)
    if weight == 0:
        return []
    found = []
    for label, sentence in _sentences(view):
        if numeric and not _tells_amount(sentence, unit):
            continue
        words = tokens(sentence)
        share = sum(term.weight for term in own if holds(term, words)) / weight
        if share >= enough:
            found.append(Passage(label, short(sentence), share))
    found.sort(key=lambda passage: (-passage.share, len(passage.text)))
    return list({passage.text: passage for passage in reversed(found)}.values())[::-1][:count]


def _tells_amount(sentence: str, unit: str | None) -> bool:
    """Whether a sentence holds a number with the asked unit, be it over another ("kg/ha")."""
    wanted = (unit,) if unit is not None else _AMOUNTS
    numbers = (number for part in statements(sentence) for number in part.numbers)
    said = (number.unit.partition("/")[0].strip() for number in numbers if number.unit)
    return any(one == "%" or any(same_dimension(one, other) for other in wanted) for one in said)


_AMOUNTS = ("kg", "m3", "MJ", "m2", "t*km", "p*km")
"""Units of what may be asked by "how much", one a dimension; a depth or a year is no amount."""


def _sentences(view: View) -> Iterator[tuple[str, str]]:
    for label, text in view.passages():
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z(\"“])|(?<=[。！？；])|\n{2,}", text):
            if sentence.strip():
                yield label, sentence.strip()


def short(text: str) -> str:
    """One line, cut at a word where it is long."""
    line = " ".join(text.split())
    if len(line) <= _LONGEST:
        return line
    return line[:_LONGEST].rsplit(" ", 1)[0] + " …"
