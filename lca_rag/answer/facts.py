"""What one record gives to check claims against: amounts, text, names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lca_rag.answer.amounts import bracketed_unit, converted
from lca_rag.answer.claims import Number, Per, Statement
from lca_rag.answer.kept import ByRecord
from lca_rag.answer.lexicon import holds, terms, tokens
from lca_rag.answer.phrases import plain_name
from lca_rag.errors import UnitError
from lca_rag.places import find_place
from lca_rag.record import Exchange, Record
from lca_rag.units import canonical

__all__ = ["Facts", "Row"]

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?")
_NAMED = 0.5
"""Share of a flow's name that a sentence must hold to name it."""
_SURE = 0.75
"""Share that names it whatever else the sentence names."""


@dataclass(frozen=True, slots=True)
class Row:
    """The amount that a claim was found to be."""

    exchange: Exchange | None
    reason: str


@dataclass(frozen=True)
class Facts:
    """One record, prepared for checking; parts are made when first needed."""

    record: Record

    @classmethod
    def of(cls, record: Record) -> Facts:
        """The facts of a record, kept for the next check."""
        return _KEPT.of(record)

    @cached_property
    def text(self) -> str:
        """Everything that the record says in words, in lower case on one line."""
        return " ".join(" ".join(_said(self.record)).split()).lower()

    @cached_property
    def _tokens(self) -> frozenset[str]:
        return frozenset(_NUMBER.findall(self.text))

    @cached_property
    def names_with_digits(self) -> tuple[str, ...]:
        """Names of flows that hold digits, the longest first."""
        names = {
            " ".join(name.split()).lower()
            for exchange in self.record.exchanges
            for name in exchange.flow.all()
        }
        return tuple(
            sorted((name for name in names if re.search(r"\d", name)), key=len, reverse=True)
        )

    def has_token(self, digits: str) -> bool:
        """Whether the text holds exactly this number."""
        return digits in self._tokens

    def has_bare_reference(self, amount: float) -> bool:
        """Whether this is the amount of a reference flow without a unit."""
        return any(e.unit is None and e.amount == amount for e in self.record.reference_exchanges)

    def says(self, number: Number) -> bool:
        """Whether the text holds this number followed by this unit."""
        unit = number.unit or ""
        for match in re.finditer(re.escape(number.digits.lower()) + r"(?![\d.,]*\d)", self.text):
            before = self.text[: match.start()]
            if re.search(r"[\d][.,]?$", before):
                continue
            after = self.text[match.end() : match.end() + 24].lstrip(" \u00a0-")
            if after.startswith(unit.lower()) and not after[len(unit) : len(unit) + 1].isalpha():
                return True
        return False

    def row(self, number: Number, statement: Statement) -> Row | None:
        """The amount that a claimed figure is, or `None`.

        The flow whose amount it is must be the one that the sentence names, if it names any.
        """
        per = _per(number, statement)
        matched = [
            exchange for exchange in self.record.exchanges if self._equals(number, exchange, per)
        ]
        if matched:
            best = max(self._named(exchange, statement) for exchange in matched)
            rival = max(
                (
                    self._named(e, statement)
                    for e in self.record.exchanges
                    if not _alike(e, matched)
                ),
                default=0.0,
            )
            if best >= max(rival, _NAMED) or best >= _SURE or rival < _NAMED:
                exchange = max(matched, key=lambda item: self._named(item, statement))
                return Row(exchange, self._reason(exchange, number))
        return self._result(number, per)

    def named(self, statement: Statement, share: float) -> list[Exchange]:
        """The rows whose flow a sentence names, where it names no other as well."""
        scored = [
            (self._named(exchange, statement), exchange)
            for exchange in self.record.exchanges
            if not exchange.reference and exchange.amount is not None
        ]
        best = max((score for score, _ in scored), default=0.0)
        return [exchange for score, exchange in scored if score >= max(share, best)]

    def _reason(self, exchange: Exchange, number: Number) -> str:
        name = next(iter(exchange.flow.all()), exchange.id)
        return f"is the amount of {name!r} in {self.record.id}"

    def _named(self, exchange: Exchange, statement: Statement) -> float:
        """Share of a flow's name that a sentence holds, in the language that fits best."""
        words = tokens(_outside_quotes(statement))
        shares = [0.0]
        for name in exchange.flow.all():
            own = tokens(name)
            if own:
                shares.append(len(own & words) / len(own))
            found = [term for term in terms(name) if term.weight >= 0.5]
            if found:
                shares.append(0.95 * sum(holds(term, words) for term in found) / len(found))
        return max(shares)

    def _equals(self, number: Number, exchange: Exchange, per: Per | None) -> bool:
        if exchange.amount is None:
            return False
        if exchange.unit is None:
            return False
        if exchange.reference and per is not None:
            return False
        scale = self._scale(per)
        return scale is not None and _close(number, exchange.amount * scale, exchange.unit)

    def _scale(self, per: Per | None) -> float | None:
        """From the data set's reference amount to what the sentence says "per"."""
        references = self.record.reference_exchanges
        if per is None or len(references) != 1:
            return 1.0
        reference = references[0]
        if not reference.amount or reference.unit is None:
            return 1.0
        own = converted(reference.amount, reference.unit, per.unit)
        if own is None:
            return 1.0 if per.amount == 1 else None
        # A large amount may be written rounded, which its trailing zeros show.
        rounded = 5e-6 * own if per.amount >= 1e6 and per.amount % 10 == 0 else 1e-12 * own
        if abs(per.amount - own) <= max(0.5000001 * per.step, rounded):
            return 1.0
        scale = per.amount / own
        # Nearly the data set's own amount, and yet not it: a slip of a digit.
        return None if abs(scale - 1) < 0.005 else scale

    def _result(self, number: Number, per: Per | None) -> Row | None:
        """An impact result that the record carries."""
        for result in self.record.results:
            unit = result.unit or bracketed_unit(result.indicator.join())
            if result.amount is None or unit is None:
                continue
            scale = self._scale(per)
            if scale is not None and _close(number, result.amount * scale, unit):
                return Row(None, f"is an impact result of {self.record.id}")
        return None


_KEPT = ByRecord(Facts, 10_000)


def _alike(exchange: Exchange, matched: list[Exchange]) -> bool:
    return any(exchange is item or exchange.flow == item.flow for item in matched)


def _outside_quotes(statement: Statement) -> str:
    """The sentence without quotations: the name of a data set may hold names of flows."""
    text = statement.text
    for quotation in reversed(statement.quotations):
        begin, end = quotation.start - statement.start, quotation.end - statement.start
        if not re.search(r"(输入|输出)$", text[:begin]):
            text = text[:begin] + " " + text[end:]
    return text


def _per(number: Number, statement: Statement) -> Per | None:
    """The basis of a figure: "每" stands before it, "per" behind it or, failing that, before."""
    before = [per for per in statement.pers if per.start < number.start]
    after = [per for per in statement.pers if per.start >= number.end and not per.leads]
    if before and before[-1].leads:
        return before[-1]
    if after:
        return after[0]
    return before[-1] if before else None


def _close(number: Number, amount: float, unit: str) -> bool:
    """Whether a written number is this amount, within the rounding of its last digit."""
    if number.unit is None:
        return False
    if _same_unit(unit, number.unit):
        value: float | None = amount
    else:
        value = converted(amount, unit, number.unit)
    if value is None:
        return False
    readings = [number.value] if number.other is None else [number.value, number.other]
    return any(_rounds(read, value, number) for read in readings)


def _rounds(read: float, value: float, number: Number) -> bool:
    if read == value:
        return True
    significant = len(re.sub(r"[eE].*|^[-−0.,]+|[.,]", "", number.digits))
    if significant < 2 and abs(read - value) > 1e-9 * abs(value):
        return False
    apart = abs(read - value)
    shown = len(re.sub(r"0+$", "", re.sub(r"[eE].*|[-−.,]", "", number.digits)).lstrip("0"))
    if shown >= 6 and number.step >= 1 and value:
        # A large number rounded to so many digits ends in zeros that count for nothing.
        last = 10.0 ** (math.floor(math.log10(abs(value))) - shown + 1)
        return apart <= 0.5000001 * max(last, number.step)
    return apart <= 0.5000001 * number.step and apart <= 0.02 * abs(value)


def _same_unit(one: str, other: str) -> bool:
    if one.strip() == other.strip():
        return True
    try:
        return canonical(one) == canonical(other)
    except UnitError:
        return False


def _said(record: Record) -> Iterator[str]:
    """Every word of a record: names, facts, prose."""
    name = record.name
    for language in ("en", "zh"):
        yield plain_name(record, language)
    for words in (
        name.base,
        name.treatment,
        name.mix,
        name.functional,
        record.synonyms,
        record.comment,
    ):
        yield from words.all()
    for words in (
        record.technology,
        record.applicability,
        record.functional_unit,
        record.period.description,
    ):
        yield from words.all()
    yield from (
        record.uuid,
        record.version,
        record.database,
        record.data_type or "",
        record.system_model or "",
    )
    yield from (record.method_principle or "", "; ".join(record.method_approaches))
    period = record.period
    yield from (
        str(year)
        for year in (period.reference_year, period.valid_until, period.start, period.end)
        if year
    )
    if period.start and period.end:
        yield f"{period.start} to {period.end}"
    yield from _said_of_place(record)
    licence = record.licence
    yield licence.type or ""
    yield from (*licence.restrictions.all(), *licence.owner.all())
    for classification in record.classifications:
        yield " > ".join(classification.path)
        yield from classification.codes
    for _, words in record.details:
        yield "; ".join(words.all())
        yield from words.all()
    for _, value in record.extras:
        yield value
    for reference in record.references:
        yield from reference.name.all()
    yield from _said_of_rows(record)


def _said_of_place(record: Record) -> Iterator[str]:
    place = record.place
    if place is None:
        return
    area = find_place(place.code)
    yield from (place.code, place.name or "", area.name if area is not None else "")
    yield f"{place.code} ({place.name or (area.name if area is not None else '')})"
    yield from place.description.all()


def _said_of_rows(record: Record) -> Iterator[str]:
    for exchange in record.exchanges:
        yield from exchange.flow.all()
        yield from exchange.comment.all()
        yield exchange.cas or ""
    for result in record.results:
        yield from result.indicator.all()
        yield result.method or ""
