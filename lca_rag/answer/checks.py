"""Does every claim of a text stand in the records it cites? Decided by code, not by a model.

A number with a unit must be an amount of a cited record, scaled to what the sentence says "per"
and converted to the unit it is written in, or stand beside that unit in the record's text. A sum
must be the sum of figures that were verified before it; a ratio, that of two. A bare number must
stand in a cited record's text. What is quoted must stand there too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lca_rag.answer.amounts import converted
from lca_rag.answer.claims import Number, Statement, citations, statements
from lca_rag.answer.facts import Facts
from lca_rag.answer.lexicon import tokens
from lca_rag.answer.result import Check
from lca_rag.record import Exchange, Record

__all__ = ["Finding", "verify"]

_SUM = re.compile(
    r"\b(together|total|sum|in all|altogether|add up)\b|合计|总计|共计|总和", re.IGNORECASE
)
_TIMES = re.compile(r"\btimes\b|\bfold\b|倍", re.IGNORECASE)
_COUNTED = re.compile(r"\s*(data ?sets?|records?|processes|rows?|entries|条|个)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked claim."""

    check: Check
    statement: int
    """Index of the sentence it is in."""
    number: Number | None = None
    exchange: Exchange | None = None
    record: Record | None = None

    @property
    def fails(self) -> bool:
        """Whether it does not stand."""
        return self.check.status == "marked"


@dataclass
class _Run:
    """One verification: what is cited, what was found so far."""

    facts: Sequence[Facts]
    question: str
    sums: list[tuple[str, float, str]] = field(default_factory=list[tuple[str, float, str]])
    """Record id, amount and unit of the figures verified so far."""


def verify(text: str, records: Sequence[Record], question: str = "") -> list[Finding]:
    """Every claim of `text` with whether it stands.

    Args:
        text: An answer with marks "[1]" that count `records` from one.
        records: The evidence, in the order of the marks.
        question: The question; a year that it names may be repeated.
    """
    run = _Run([Facts.of(record) for record in records], question)
    found: list[Finding] = []
    carried: tuple[int, ...] = ()
    for index, statement in enumerate(statements(text)):
        found += _marks(run, statement, index)
        cited = tuple(n for n in statement.cited if 1 <= n <= len(records))
        carried = cited or carried
        sources = [run.facts[n - 1] for n in carried]
        masks = []
        for quotation in statement.quotations:
            finding = _quotation(
                run, sources, quotation.text, quotation.start, quotation.end, index
            )
            found.append(finding)
            masks.append((quotation.start, quotation.end, not finding.fails))
        found += _identifiers(run, statement, index)
        masks += [(start, end, True) for start, end in _named_flows(sources, statement)]
        for number in statement.numbers:
            mask = next(
                (mask for mask in masks if mask[0] <= number.start and number.end <= mask[1] + 1),
                None,
            )
            if mask is None:
                found.append(_number(run, sources, statement, number, index))
    return found


def _marks(run: _Run, statement: Statement, index: int) -> list[Finding]:
    found = []
    for number, start, end in citations(statement.text):
        known = 1 <= number <= len(run.facts)
        reason = (
            "the cited record was in the evidence"
            if known
            else "no record of the evidence has this number"
        )
        found.append(
            Finding(
                _check(
                    f"[{number}]",
                    "citation",
                    known,
                    reason,
                    statement.start + start,
                    statement.start + end,
                ),
                index,
            )
        )
    return found


def _check(claim: str, kind: str, stands: bool, reason: str, start: int, end: int) -> Check:
    status = "verified" if stands else "marked"
    return Check(claim, kind, status, reason, start, end)  # type: ignore[arg-type]


def _quotation(
    run: _Run, sources: Sequence[Facts], text: str, start: int, end: int, index: int
) -> Finding:
    wanted = _plain(text).removesuffix("…").strip()
    if wanted and len(wanted) < 60 and wanted in _plain(run.question):
        return Finding(
            _check(text, "name", True, "these are words of the question", start, end), index
        )
    for facts in (*sources, *run.facts):
        if wanted and wanted in facts.text:
            reason = f"stands in {facts.record.id}"
            return Finding(_check(text, "name", True, reason, start, end), index)
    return Finding(
        _check(text, "name", False, "no record of the evidence says this", start, end), index
    )


def _plain(text: str) -> str:
    return " ".join(text.split()).lower()


def _identifiers(run: _Run, statement: Statement, index: int) -> list[Finding]:
    known = {facts.record.uuid.lower() for facts in run.facts}
    found = []
    for uuid, start, end in statement.uuids:
        stands = uuid.lower() in known or any(uuid.lower() in facts.text for facts in run.facts)
        reason = (
            "names a record of the evidence"
            if stands
            else "no record of the evidence bears this identifier"
        )
        found.append(Finding(_check(uuid, "identifier", stands, reason, start, end), index))
    return found


def _named_flows(sources: Sequence[Facts], statement: Statement) -> list[tuple[int, int]]:
    """Where names of flows of the cited records stand; a number in a name is no claim."""
    lowered = statement.text.lower()
    found = []
    for facts in sources:
        for name in facts.names_with_digits:
            at = lowered.find(name)
            while at >= 0:
                found.append((statement.start + at, statement.start + at + len(name)))
                at = lowered.find(name, at + 1)
    return found


def _number(
    run: _Run, sources: Sequence[Facts], statement: Statement, number: Number, index: int
) -> Finding:
    def finding(
        stands: bool, reason: str, record: Record | None = None, exchange: Exchange | None = None
    ) -> Finding:
        check = _check(number.text, "number", stands, reason, number.start, number.end)
        return Finding(check, index, number, exchange, record)

    if number.unit is None:
        return finding(*_bare(run, sources, statement, number))
    if not sources:
        return finding(False, "no record is cited for this figure")
    if number.basis:
        return finding(*_basis(sources, number))
    for facts in sources:
        row = facts.row(number, statement)
        if row is not None:
            run.sums.append((facts.record.id, number.value, number.unit))
            return finding(True, row.reason, facts.record, row.exchange)
    for facts in sources:
        if facts.says(number):
            return finding(True, f"stands in the text of {facts.record.id}", facts.record)
    if _SUM.search(statement.text) and _is_sum(run, sources, number):
        return finding(True, "is the sum of the figures before it")
    return finding(False, "no cited record has this amount in this unit for what the sentence says")


def _bare(
    run: _Run, sources: Sequence[Facts], statement: Statement, number: Number
) -> tuple[bool, str]:
    """A number without a unit: a year, a count, a ratio, or a word of the record."""
    after = statement.text[number.end - statement.start :]
    if _TIMES.match(after.strip()):
        return _ratio(sources, statement, number)
    if number.basis and any(facts.has_bare_reference(number.value) for facts in sources):
        return True, "is the reference amount, whose unit the source leaves out"
    if any(facts.has_token(number.digits) for facts in sources):
        return True, "stands in the text of the cited record"
    if not sources and any(facts.has_token(number.digits) for facts in run.facts):
        return True, "stands in the text of a record of the evidence"
    if re.fullmatch(r"(19|20)\d\d", number.digits) and number.digits in run.question:
        return True, "is the year that the question names"
    if _COUNTED.match(after) and number.value == len(run.facts):
        return True, "counts the records cited"
    return False, "no cited record's text holds this number"


def _ratio(sources: Sequence[Facts], statement: Statement, number: Number) -> tuple[bool, str]:
    """Whether two amounts of two cited records have this ratio."""
    for one in sources:
        for other in sources:
            if one is other:
                continue
            for left in one.record.exchanges:
                for right in other.record.exchanges:
                    if _has_ratio(left, right, number):
                        return True, "is the ratio of two amounts of the cited records"
    return False, "no two amounts of the cited records have this ratio"


def _has_ratio(left: Exchange, right: Exchange, number: Number) -> bool:
    if not left.amount or not right.amount or left.unit != right.unit:
        return False
    if (
        left.reference
        or right.reference
        or not tokens(*left.flow.all()) & tokens(*right.flow.all())
    ):
        return False
    return abs(left.amount / right.amount - number.value) <= 0.51 * number.step


def _basis(sources: Sequence[Facts], number: Number) -> tuple[bool, str]:
    """Per how much: any amount may be a basis, since the figure must be scaled to it."""
    for facts in sources:
        for reference in facts.record.reference_exchanges:
            if (
                reference.unit is not None
                and converted(1.0, reference.unit, number.unit or "") is not None
            ):
                return True, "is what the figure is scaled to"
    return False, "the cited record has no reference flow in such a unit"


def _is_sum(run: _Run, sources: Sequence[Facts], number: Number) -> bool:
    ids = {facts.record.id for facts in sources}
    parts = []
    for record, amount, unit in run.sums:
        if record in ids and (same := converted(amount, unit, number.unit or "")) is not None:
            parts.append(same)
    slack = 0.51 * number.step + 1e-6 * abs(number.value)
    return len(parts) > 1 and math.isclose(sum(parts), number.value, abs_tol=slack)
