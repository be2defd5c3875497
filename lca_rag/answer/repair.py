"""What fails its check is repaired from the evidence, removed, or marked; never left as it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lca_rag.answer.checks import Finding, verify
from lca_rag.answer.claims import Statement, statements
from lca_rag.answer.facts import Facts
from lca_rag.answer.phrases import amount_of
from lca_rag.answer.result import Check, Checks, Status
from lca_rag.record import Exchange, Record

__all__ = ["Enforced", "enforce"]

_CERTAIN = 0.99
"""Share of a flow's name that a sentence must hold before its figure is put right."""


@dataclass(frozen=True, slots=True)
class Enforced:
    """A text whose every claim stands or is marked, and what was done to it."""

    text: str
    checks: Checks

    @property
    def says_something(self) -> bool:
        """Whether anything is left."""
        return bool(self.text.strip())


def enforce(
    text: str, records: Sequence[Record], question: str = "", *, before: str = ""
) -> Enforced:
    """The text with every failing claim repaired, removed or marked.

    Args:
        text: What was written.
        records: The evidence, in the order of the marks.
        question: What was asked.
        before: What was said before `text` and stands; its citations and figures carry over.
    """
    done: list[Check] = []
    final, at = "", 0
    for statement in statements(text):
        gap, at = text[at : statement.start], statement.end
        kept = _mended(statement, before + final, records, question, done)
        if kept:
            final += gap + kept if final else (gap + kept).lstrip(" ")
    whole = verify(before + final, records, question)
    items = [item.check for item in _after(whole, len(before))]
    marked = {check.claim for check in done if check.status == "marked"}
    items = [replace(item, status="marked") if item.claim in marked else item for item in items]
    changed = [check for check in done if check.status in ("removed", "repaired")]
    return Enforced(final, Checks((*items, *changed)))


def _mended(
    statement: Statement,
    before: str,
    records: Sequence[Record],
    question: str,
    done: list[Check],
) -> str:
    """One sentence after repair; empty if it had to go."""
    sentence = statement.text
    failing = _failing(sentence, before, records, question)
    if not failing:
        return sentence
    for repair in (_without_unknown_marks, _cited_elsewhere, _figure_put_right):
        tried = repair(sentence, failing, records)
        if tried is None or tried == sentence:
            continue
        left = _failing(tried, before, records, question)
        if len(left) < len(failing):
            done.extend(_noted(failing, left, "repaired"))
            sentence, failing = tried, left
        if not failing:
            return sentence
    names = [finding for finding in failing if finding.check.kind == "name"]
    if len(names) == len(failing):
        return _marked(sentence, names, done)
    done.extend(_noted(failing, [], "removed"))
    return ""


def _failing(sentence: str, before: str, records: Sequence[Record], question: str) -> list[Finding]:
    """What fails in a sentence, given what was said before it."""
    context = f"{before}\n" if before else ""
    found = verify(context + sentence, records, question)
    return [finding for finding in _after(found, len(context)) if finding.fails]


def _after(found: Sequence[Finding], start: int) -> list[Finding]:
    """The findings from a position on, counted from there."""
    return [_shifted(finding, start) for finding in found if (finding.check.start or 0) >= start]


def _shifted(finding: Finding, shift: int) -> Finding:
    check = finding.check
    if check.start is None or check.end is None:
        return finding
    return replace(finding, check=replace(check, start=check.start - shift, end=check.end - shift))


def _noted(failing: Sequence[Finding], left: Sequence[Finding], status: Status) -> list[Check]:
    """The failing claims that are gone now, with what became of them."""
    still = [finding.check.claim for finding in left]
    return [
        replace(finding.check, status=status, start=None, end=None)
        for finding in failing
        if finding.check.claim not in still
    ]


def _without_unknown_marks(
    sentence: str, failing: Sequence[Finding], records: Sequence[Record]
) -> str | None:
    """The sentence without marks that count no record."""
    unknown = [finding.check.claim for finding in failing if finding.check.kind == "citation"]
    for mark in unknown:
        sentence = re.sub(rf"\s?{re.escape(mark)}", "", sentence)
    return sentence if unknown else None


def _cited_elsewhere(
    sentence: str, failing: Sequence[Finding], records: Sequence[Record]
) -> str | None:
    """The sentence with the one citation under which all its figures stand."""
    if not any(finding.check.kind == "number" for finding in failing):
        return None
    plain = re.sub(r"\s?\[\d{1,3}\]", "", sentence)
    fitting = []
    for number in range(1, len(records) + 1):
        tried = _with_mark(plain, number)
        if not any(finding.fails for finding in verify(tried, records)):
            fitting.append(tried)
    return fitting[0] if len(fitting) == 1 else None


def _with_mark(sentence: str, number: int) -> str:
    match = re.search(r"[.!?。！？]?\s*$", sentence)
    end = match.start() if match else len(sentence)
    return f"{sentence[:end]} [{number}]{sentence[end:]}"


def _figure_put_right(
    sentence: str, failing: Sequence[Finding], records: Sequence[Record]
) -> str | None:
    """The sentence with its one wrong figure replaced by the row that it names beyond doubt."""
    wrong = [finding for finding in failing if finding.check.kind == "number"]
    if len(wrong) != 1 or wrong[0].number is None or wrong[0].number.unit is None:
        return None
    number = wrong[0].number
    cited = [int(n) for n in re.findall(r"\[(\d{1,3})\]", sentence)]
    rows: list[Exchange] = []
    statement = statements(sentence)
    if number.basis or len(statement) != 1:
        return None
    for index in cited:
        if 1 <= index <= len(records):
            facts = Facts.of(records[index - 1])
            rows += [e for e in facts.named(statement[0], _CERTAIN) if e.unit is not None]
    if len(rows) != 1 or wrong[0].check.start is None or wrong[0].check.end is None:
        return None
    return sentence[: wrong[0].check.start] + amount_of(rows[0]) + sentence[wrong[0].check.end :]


def _marked(sentence: str, names: Sequence[Finding], done: list[Check]) -> str:
    """The sentence with a visible mark behind every name that no record bears."""
    for finding in sorted(names, key=lambda item: -(item.check.end or 0)):
        end = finding.check.end or 0
        sentence = f"{sentence[:end]} (⚠ not found in the records){sentence[end:]}"
        done.append(finding.check)
    return sentence
