"""What a text claims: sentences, citations, numbers with units, identifiers, quotations.

The text may come from a language model; nothing is trusted, everything is only parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lca_rag.answer.amounts import known_unit

__all__ = ["Number", "Per", "Quotation", "Statement", "citations", "statements"]

UUID = re.compile(
    r"(?<![0-9a-f-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f-])", re.IGNORECASE
)
_MARK = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\](?!-)")
"""A citation mark; "[6,6]-phenyl" is chemistry."""
_QUOTED = re.compile(r"“([^“”]*)”")
_NUMBER = re.compile(
    r"(?<![\w.,\[])[-−]?\d+(?:[.,]\d+)*(?:\s?[x×*]\s?10\s?\^?\s?[-−]?\d+|[eE][-+−]?\d+)?(?![\w]*\])"
)
_THOUSANDS = re.compile(r"[-−]?\d{1,3}(,\d{3})+(\.\d+)?")
_UNIT = re.compile(
    r"(?:%|‰|[A-Za-zµμ$€£¥]+(?:\(s\))?[²³23]?(?:\s?[*·./^-]\s?[A-Za-zµ]+[²³23]?)*)"
    r"|(?:吨公里|人公里|千瓦时|兆焦耳?|吉焦|毫克|千克|公斤|立方米|平方米|公顷|千吨|万吨|吨|克|升|度|件|年)"
)
_SECOND = re.compile(
    r"\s(?:CO2e|(?:of )?[A-Z][A-Za-z0-9+]*(?:-\d+)?[- ]?eq(?:uiv\w*)?\.?|eq\.?|tons?|met(?:re|er)s?"
    r"|hours?|feet|foot|kilomet(?:re|er)s?)(?!\w)"
)
_NO_UNIT = frozenset(
    [
        "a",
        "in",
        "as",
        "at",
        "to",
        "of",
        "or",
        "is",
        "it",
        "on",
        "an",
        "and",
        "the",
        "for",
        "set",
        "sets",
        "lot",
        "by",
        "no",
        "p",
        "d",
        "u",
        "s",
        "per",
        "with",
        "from",
        "case",
        "box",
        "head",
        "form",
        "units",
        "unit",
        "one",
    ]
)
"""Words that a table of units holds and that mean something else after most numbers."""
_PER = re.compile(r"(?:\bper\b|\bfor\b(?=\s*\d)|/|每)\s*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])(?=\s+[A-Z“\"(\[\u3400-\u9fff])|(?<=[。！？])")
_LIST_ITEM = re.compile(r"^\s*(?:\d+[.)]|[-*•])\s+")


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written, with the unit that follows it."""

    text: str
    """Number and unit as written."""
    digits: str
    """The number alone, as written."""
    value: float
    other: float | None
    """The value if the comma is read the other way, where it can be."""
    step: float
    """What one of the last digit that is written stands for."""
    unit: str | None
    start: int
    end: int
    """Where number and unit stand in the whole text."""
    basis: bool = False
    """Whether it says per how much."""


@dataclass(frozen=True, slots=True)
class Per:
    """Per how much a figure holds, as in "per 1000 kg"."""

    amount: float
    unit: str
    start: int
    step: float = 0.0
    """What one of the last digit of the amount stands for; 0 for a bare unit."""
    leads: bool = False
    """Whether it stands before its figure, as "每" does."""


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words between “ and ”."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence with its claims; positions count from the start of the whole text."""

    text: str
    start: int
    end: int
    cited: tuple[int, ...]
    numbers: tuple[Number, ...]
    pers: tuple[Per, ...]
    quotations: tuple[Quotation, ...]
    uuids: tuple[tuple[str, int, int], ...]


def citations(text: str) -> list[tuple[int, int, int]]:
    """Number, start and end of every citation mark."""
    found = []
    for match in _MARK.finditer(text):
        for number in re.findall(r"\d+", match[1]):
            found.append((int(number), match.start(), match.end()))
    return found


def statements(text: str) -> list[Statement]:
    """The sentences of a text in order; blank ones are left out."""
    return [_statement(text[start:end], start) for start, end in _spans(text)]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where sentences stand: lines, and within a line what a full stop outside quotes ends."""
    at = 0
    for line in text.splitlines(keepends=True):
        quoted = [match.span() for match in _QUOTED.finditer(line)]
        begin = 0
        for match in _SENTENCE_END.finditer(line):
            cut = match.start()
            if cut <= begin or any(start < cut < end for start, end in quoted):
                continue
            if line[begin:cut].strip():
                yield at + begin, at + cut
            begin = cut
        if line[begin:].strip():
            yield at + begin, at + len(line.rstrip("\n"))
        at += len(line)


def _statement(text: str, start: int) -> Statement:
    quotations = tuple(
        Quotation(match[1], start + match.start(), start + match.end())
        for match in _QUOTED.finditer(text)
    )
    uuids = tuple(
        (match.group(), start + match.start(), start + match.end()) for match in UUID.finditer(text)
    )
    masked = _blank(text, UUID, _MARK, _LIST_ITEM)
    numbers = tuple(_numbers(masked, start))
    return Statement(
        text=text,
        start=start,
        end=start + len(text),
        cited=tuple(number for number, _, _ in citations(text)),
        numbers=numbers,
        pers=tuple(
            per
            for per in _pers(masked, start, numbers)
            if not any(said.start <= per.start < said.end for said in quotations)
        ),
        quotations=quotations,
        uuids=uuids,
    )


def _blank(text: str, *patterns: re.Pattern[str]) -> str:
    """The text with what the patterns find replaced by as many blanks."""
    for pattern in patterns:
        text = pattern.sub(lambda match: " " * len(match.group()), text)
    return text


def _numbers(text: str, offset: int) -> Iterator[Number]:
    for match in _NUMBER.finditer(text):
        digits = match.group()
        value, other, step = reading(digits)
        unit, end = _unit_after(text, match.end())
        before = text[: match.start()]
        basis = bool(re.search(r"(?:\b(?:per|for)\s+|/\s*|每\s*)$", before, re.IGNORECASE))
        yield Number(
            text=text[match.start() : end],
            digits=digits,
            value=value,
            other=other,
            step=step,
            unit=unit,
            start=offset + match.start(),
            end=offset + end,
            basis=basis,
        )


def reading(digits: str) -> tuple[float, float | None, float]:
    """Value, value if the comma is read the other way, and the size of one last digit."""
    plain = digits.replace("−", "-").replace(" ", "")
    mantissa, _, power = re.sub(r"[x×*]10\^?", "e", plain).replace("E", "e").partition("e")
    exponent = int(power) if power else 0
    if _THOUSANDS.fullmatch(mantissa):
        joined = mantissa.replace(",", "")
        alone = mantissa.count(",") == 1 and "." not in mantissa
        other = float(mantissa.replace(",", ".")) if alone else None
    elif "," in mantissa:
        joined, other = (
            mantissa.replace(",", ".") if mantissa.count(",") == 1 else mantissa.replace(",", ""),
            None,
        )
    elif mantissa.count(".") > 1:
        joined, other = mantissa.replace(".", ""), None
    else:
        joined, other = mantissa, None
    decimals = len(joined.partition(".")[2])
    scale = 10.0**exponent
    return float(joined) * scale, None if other is None else other * scale, 10.0**-decimals * scale


def _unit_after(text: str, at: int) -> tuple[str | None, int]:
    """The unit that follows a number, and where it ends."""
    gap = re.match(r"[ \u00a0]?", text[at:])
    begin = at + (gap.end() if gap else 0)
    match = _UNIT.match(text, begin)
    if match is None:
        return None, at
    second = _SECOND.match(text, match.end())
    if second is not None and _is_unit(text[begin : second.end()]):
        return text[begin : second.end()], second.end()
    word = match.group()
    while word:
        if _is_unit(word):
            return word, begin + len(word)
        shorter = re.sub(r"\s?[*·./^-]\s?[A-Za-zµ]*[²³23]?$", "", word)
        word = shorter if shorter != word else ""
    return None, at


@lru_cache(maxsize=8192)
def _is_unit(word: str) -> bool:
    return word.lower() not in _NO_UNIT and known_unit(word)


def _pers(text: str, offset: int, numbers: tuple[Number, ...]) -> Iterator[Per]:
    bases = {number.start: number for number in numbers if number.basis}
    for match in _PER.finditer(text):
        number = bases.get(offset + match.end())
        if number is not None:
            if number.unit is not None:
                leads = match.group().startswith("每")
                yield Per(number.value, number.unit, offset + match.start(), number.step, leads)
            continue
        unit, _ = _unit_after(" " + text[match.end() :], 0)
        if unit is not None:
            leads = match.group().startswith("每")
            yield Per(1.0, unit, offset + match.start(), leads=leads)
