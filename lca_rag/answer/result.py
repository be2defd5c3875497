"""What an answer is: text, citations, checks, and whether it declines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lca_rag.record import Hit, Record

__all__ = ["Answer", "Check", "Checks", "Citation", "Draft", "Sentence", "Status"]

Status = Literal["verified", "repaired", "removed", "marked"]


@dataclass(frozen=True, slots=True)
class Citation:
    """A record that an answer rests on."""

    number: int
    """The number in the answer's markers ("[1]")."""
    id: str
    uuid: str
    version: str
    name: str
    database: str
    place: str | None = None
    year: int | None = None
    owner: str | None = None
    licence: str | None = None
    name_zh: str | None = None
    """The Chinese name, where the source gives one."""


@dataclass(frozen=True, slots=True)
class Check:
    """One claim of an answer and what became of it."""

    claim: str
    """The number with its unit, the citation, the identifier or the name, as written."""
    kind: Literal["number", "citation", "identifier", "name"]
    status: Status
    reason: str
    """One sentence: where it stands, how it was computed, or why it fails."""
    start: int | None = None
    """Where the claim stands in the answer's text; `None` if it was removed."""
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Checks:
    """The verdict on an answer."""

    items: tuple[Check, ...] = ()

    def __iter__(self) -> Iterator[Check]:
        """The checks, in the order of the text."""
        return iter(self.items)

    def __len__(self) -> int:
        """How many claims were checked."""
        return len(self.items)

    @property
    def passed(self) -> bool:
        """Whether every claim of the final text stands, as it was or repaired."""
        return not any(item.status == "marked" for item in self.items)

    @property
    def verdict(self) -> Literal["verified", "corrected", "doubtful"]:
        """`verified`: nothing had to be changed; `corrected`: it was; `doubtful`: marks remain."""
        if not self.passed:
            return "doubtful"
        changed = any(item.status in ("repaired", "removed") for item in self.items)
        return "corrected" if changed else "verified"

    def count(self, status: Status) -> int:
        """How many claims have this status."""
        return sum(1 for item in self.items if item.status == status)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question."""

    text: str
    citations: tuple[Citation, ...]
    checks: Checks
    abstained: bool
    """Whether the answer says that what was asked is not there."""
    hits: tuple[Hit, ...] = ()
    """What the search found, best first."""
    question: str = ""
    """The question as it was answered, after earlier turns were taken into account."""
    kind: str = "figure"
    language: Literal["en", "zh"] = "en"
    model: str | None = None
    """The language model that wrote the text; `None` for an extractive answer."""
    notes: tuple[str, ...] = ()
    """Sentences on how the answer was made: withheld records, a model that failed its checks."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One statement and the records it rests on, in the order of the marks "{0}", "{1}"."""

    text: str
    records: tuple[Record, ...] = ()


@dataclass
class Draft:
    """An answer before its citations are numbered."""

    kind: str
    sentences: list[Sentence] = field(default_factory=list[Sentence])
    abstained: bool = False
    nothing_fits: bool = False
    """Whether no record is what the question is about."""

    def say(self, text: str, *records: Record) -> None:
        """Add a statement; its citations go before its final full stop."""
        self.sentences.append(Sentence(text, records))

    def cited(self) -> tuple[Record, ...]:
        """Every record cited, in order of first citation."""
        found = {record.id: record for sentence in self.sentences for record in sentence.records}
        return tuple(found.values())

    def numbered(self, records: Sequence[Record]) -> str:
        """The text with citation numbers by position in `records`."""
        numbers = {record.id: number for number, record in enumerate(records, start=1)}
        lines = []
        for sentence in self.sentences:
            marks = "".join(f"[{numbers[record.id]}]" for record in sentence.records)
            lines.append(_marked(sentence.text, marks))
        return "\n".join(lines)


def _marked(text: str, marks: str) -> str:
    if not marks:
        return text
    for stop in ("。", "."):
        if text.endswith(stop):
            return f"{text.removesuffix(stop)} {marks}{stop}"
    return f"{text} {marks}"
