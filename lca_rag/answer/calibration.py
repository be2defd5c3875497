"""Thresholds of one index, from questions that its own records answer.

Each question is asked twice: as it is, and with the record that answers it and its near doubles
taken away, when it must be declined. Nobody has to label anything.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lca_rag.answer.answerer import Answerer
from lca_rag.answer.choice import Candidate
from lca_rag.answer.extract import extract
from lca_rag.answer.figures import flow_name
from lca_rag.answer.phrases import title
from lca_rag.answer.question import Question
from lca_rag.answer.suiting import suits
from lca_rag.answer.thresholds import GENERAL, Enough, Outcome, Thresholds, fit
from lca_rag.record import Record

__all__ = ["Case", "calibrate", "cases_of", "fit_cases", "own_questions"]

_DOUBLE = 0.6
"""Share of their names' words that near doubles have in common."""
_DROPPED = 0.25
"""Share of a name's words that people leave out."""
_SEED = 520


@dataclass(frozen=True)
class Case:
    """A question with its candidates and the records that a right answer cites."""

    question: Question
    candidates: tuple[Candidate, ...]
    right: frozenset[str]
    """UUIDs; none where the question must be declined."""
    _known: dict[tuple[bool, ...], bool] = field(default_factory=dict[tuple[bool, ...], bool])

    def mistaken(self, enough: Thresholds) -> bool:
        """Whether the answer is wrong: answered and should not, declined and should not."""
        key = tuple(suits(self.question, c, enough) for c in self.candidates)
        if self.question.kind == "compare" or key not in self._known:
            draft = extract(self.question, self.candidates, enough)
            cited = {record.uuid for record in draft.cited()}
            good = not draft.abstained and self.right <= cited if self.right else draft.abstained
            self._known[key] = not good
        return self._known[key]


def cases_of(answerer: Answerer, text: str, right: Iterable[str]) -> Iterator[Case]:
    """The case of a question, and where records answer it the case without these."""
    question, candidates = answerer.look(text)
    wanted = frozenset(right)
    yield Case(question, candidates, wanted)
    found = [c for c in candidates if c.view.record.uuid in wanted]
    if len(found) == len(wanted) > 0 and question.kind not in ("list", "compare"):
        rest = tuple(c for c in candidates if not any(_double(c, one) for one in found))
        yield Case(question, rest, frozenset())


def _double(other: Candidate, one: Candidate) -> bool:
    """Whether a record holds all of the question that the right one holds, or bears its name."""
    left, right = other.view.title, one.view.title
    if len(left & right) / max(len(left | right), 1) >= _DOUBLE:
        return True
    as_much = all(a >= b for a, b in zip(other.held, one.held, strict=True))
    return as_much and other.place >= one.place and other.year >= one.year


def fit_cases(cases: Sequence[Case], *, start: Thresholds | None = None) -> Thresholds:
    """The thresholds that these cases ask for; see `fit`."""

    def outcome(kind: str, enough: Enough) -> Outcome:
        tried = Thresholds({"figure": enough, kind: enough})
        wrong = [c for c in cases if c.question.kind == kind and c.mistaken(tried)]
        lost = sum(bool(case.right) for case in wrong)
        return Outcome(lost=lost, false=len(wrong) - lost)

    counts: Counter[str] = Counter(case.question.kind for case in cases if not case.right)
    return fit(counts, outcome, start=start)


def calibrate(answerer: Answerer, records: Iterable[Record]) -> Thresholds:
    """The thresholds of an index, from a sample of its records.

    They stay the general ones unless the index's own questions tell otherwise by more than chance.
    """
    asked = own_questions(records)
    cases = [case for text, uuid in asked for case in cases_of(answerer, text, (uuid,))]
    return fit_cases(cases, start=GENERAL)


def own_questions(records: Iterable[Record]) -> list[tuple[str, str]]:
    """Questions that these records answer, with the UUID of the record, worded as people do.

    A quarter of a name's words is left out, and of a flow only what stands before the first comma
    is named.
    """
    draw = random.Random(_SEED)  # noqa: S311  # for repeatable wording, not for secrets
    made = []
    for record in records:
        rows = [e for e in record.exchanges if not e.reference and e.amount and e.flow.all()]
        name = _shortened(title(record, "en"), draw)
        if rows and name:
            flow = flow_name(draw.choice(rows)).split(",")[0].split(";")[0]
            made.append((f"How much {flow} does {name} have?", record.uuid))
            made.append((f"What is the reference flow of {name}?", record.uuid))
            made.append((f"Which technology does the data set {name} describe?", record.uuid))
    return made


def _shortened(name: str, draw: random.Random) -> str:
    """A name without some of its words; one of few words stays whole."""
    words = name.replace(",", " ").replace(";", " ").split()
    kept = [word for word in words if draw.random() >= _DROPPED]
    return " ".join(kept if len(kept) >= 2 else words)
