"""A model's answer while it comes: each sentence through the checks, citations renumbered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lca_rag.answer.claims import statements
from lca_rag.answer.repair import Enforced, enforce
from lca_rag.record import Record

__all__ = ["Order", "echoes", "passing"]

_REPEATED = 60
"""Signs at the head of the prompt that no answer has a reason to hold."""
_MARKER = re.compile(r"</?record-[0-9a-f]{6,}")


class Order:
    """Numbers records in the order in which an answer first cites them."""

    def __init__(self, records: Sequence[Record]) -> None:
        """Keep the evidence, in the order of the model's own marks."""
        self._records = records
        self._numbers: dict[int, int] = {}

    @property
    def used(self) -> list[Record]:
        """The records cited so far, in the order of their numbers."""
        return [self._records[old - 1] for old in self._numbers]

    def renumbered(self, text: str) -> str:
        """The text with the new numbers."""

        def renumber(match: re.Match[str]) -> str:
            marks = []
            for old in map(int, re.findall(r"\d+", match.group())):
                if 1 <= old <= len(self._records):
                    marks.append(f"[{self._numbers.setdefault(old, len(self._numbers) + 1)}]")
            return "".join(marks)

        return re.sub(r"\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\]", renumber, text)


def passing(pieces: Iterator[str], records: Sequence[Record], question: str) -> Iterator[Enforced]:
    """What stands of every sentence, as soon as the sentence is whole."""
    waiting, before = "", ""
    for piece in pieces:
        waiting += piece
        found = statements(waiting)
        if len(found) < 2:
            continue
        whole, waiting = waiting[: found[-1].start], waiting[found[-1].start :]
        passed = enforce(whole, records, question, before=before)
        before = f"{before}\n{passed.text}".strip()
        yield passed
    if waiting.strip():
        yield enforce(waiting, records, question, before=before)


def echoes(text: str, prompt: str) -> bool:
    """Whether a model repeats its orders or the marks around records, as an untrained one does."""
    return prompt[:_REPEATED] in text or _MARKER.search(text) is not None
