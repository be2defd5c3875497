"""Question in, checked and cited answer out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

from lca_rag.answer.absence import absent
from lca_rag.answer.choice import Candidate, rank
from lca_rag.answer.citing import cite
from lca_rag.answer.condense import Turn, condense, turns
from lca_rag.answer.extract import extract
from lca_rag.answer.licences import AuditLog, Policy, is_local
from lca_rag.answer.llm import ChatModel, Message, load_llm
from lca_rag.answer.phrases import phrase
from lca_rag.answer.prompts import messages
from lca_rag.answer.question import Question, understand
from lca_rag.answer.repair import enforce
from lca_rag.answer.rereading import read_again
from lca_rag.answer.result import Answer, Check, Checks, Draft
from lca_rag.answer.searcher import Mode, Searcher
from lca_rag.answer.streaming import Order, echoes, passing
from lca_rag.answer.thresholds import GENERAL, Thresholds
from lca_rag.answer.view import Views
from lca_rag.filters import SearchArguments
from lca_rag.places import Mention, find_place
from lca_rag.record import Hit, Record

__all__ = ["Answerer", "Searcher"]

_DEPTH = {"list": 25, "compare": 25}
"""Candidates that each way of searching brings, by kind of question ..."""
_SHALLOW = 14
"""... and for a question about one data set."""
_EVIDENCE = 5
"""Records in a prompt."""
_DECLINES = re.compile(
    r"not in the (database|records)|no (data ?set|record|row)|(does|do) not (report|list|contain"
    r"|hold|state)"
    r"|数据库中没有|未列出|没有(该|相关)|未说明",
    re.IGNORECASE,
)
_EARLIER = 6
"""Earlier turns that a model is shown."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Everything that an answer rests on, before it is put into words."""

    asked: str
    question: Question
    hits: tuple[Hit, ...]
    candidates: tuple[Candidate, ...]
    draft: Draft
    history: tuple[Turn, ...]
    notes: tuple[str, ...]


class Answerer:
    """Answers questions from records; every figure is checked by code before it is shown.

    Without a language model the answer is put together by rules. With one, the model phrases it
    and the same checks decide what of it stays.
    """

    def __init__(
        self,
        retriever: Searcher,
        llm: ChatModel | str | None = None,
        *,
        policy: Policy | None = None,
        audit: AuditLog | None = None,
        enough: Thresholds = GENERAL,
    ) -> None:
        """Keep what to ask.

        Args:
            retriever: What finds records.
            llm: A model, or "BASE_URL/MODEL" of an OpenAI-compatible server.
            policy: What may be shown and sent; by default only what states a free licence may
                leave the machine.
            audit: Where it is noted what left the machine.
            enough: What a record must hold of a question; `calibrate` makes one for an index.
        """
        self.retriever = retriever
        self.llm: ChatModel | None = load_llm(llm) if isinstance(llm, str) else llm
        self.policy = policy or Policy()
        self.audit = audit
        self.enough = enough
        self._views = Views()

    def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn | Mapping[str, str]] = (),
        k: int | None = None,
        **wishes: Unpack[SearchArguments],
    ) -> Answer:
        """The checked answer to a question.

        Args:
            question: In English or Chinese (a language model may understand more).
            history: Earlier turns, oldest first: `Turn`, or `{"role": …, "content": …}`.
            k: How many candidates each way of searching brings; by default by kind of question.
            **wishes: As for `Retriever.search`: kind (processes by default, flows where a
                substance's number is asked), place, year, database, data_type, system_model,
                allocation, classification, strict, and rights, the databases that the asker may
                see.

        Raises:
            AnswerError: If a language model fails.
            QueryError: If a wish cannot be understood.
            AccessError: If the audit log cannot be written.
        """
        *_, answer = self.stream(question, history=history, k=k, **wishes)
        if not isinstance(answer, Answer):
            raise TypeError("a stream of an answer must end with the answer")
        return answer

    def stream(
        self,
        question: str,
        *,
        history: Sequence[Turn | Mapping[str, str]] = (),
        k: int | None = None,
        **wishes: Unpack[SearchArguments],
    ) -> Iterator[str | Answer]:
        """The answer in pieces that are checked already, and at last the whole `Answer`.

        Arguments and errors are those of `ask`.
        """
        prepared = self._prepare(question, turns(history), k, wishes)
        if self.llm is not None and _worth_a_model(prepared):
            yield from self._generated(prepared, self.llm)
        else:
            answer = _extracted(prepared)
            yield from answer.text.splitlines(keepends=True)
            yield answer

    def look(self, question: str) -> tuple[Question, tuple[Candidate, ...]]:
        """How a question is understood, and the records that may answer it, best first."""
        prepared = self._prepare(question, [], None, {})
        return prepared.question, prepared.candidates

    def _prepare(
        self, asked: str, history: list[Turn], k: int | None, wishes: SearchArguments
    ) -> _Prepared:
        standing = condense(asked, history)
        question = _wished(understand(standing), wishes)
        hits = self._search(question, k or _DEPTH.get(question.kind, _SHALLOW), wishes)
        shown = [replace(hit, record=self.policy.visible(hit.record)) for hit in hits]
        reduced = sum(self.policy.level(hit.record) == "restricted" for hit in hits)
        views = [(self._views.of(hit.record), hit) for hit in shown]
        candidates = rank(question, views)
        while (other := read_again(question, candidates)) is not None:
            question, candidates = other, rank(other, views)
        notes = (phrase("withheld", question.language, count=str(reduced)),) if reduced else ()
        return _Prepared(
            asked=standing,
            question=question,
            hits=tuple(shown),
            candidates=tuple(candidates),
            draft=extract(question, candidates, self.enough),
            history=tuple(history),
            notes=notes,
        )

    def _search(self, question: Question, k: int, wishes: SearchArguments) -> list[Hit]:
        """What the question's words find, then what the other spellings of its notions find."""
        if question.empty:
            return []
        usual = "flow" if question.about_flow else "process"
        sought: SearchArguments = {**wishes, "kind": wishes.get("kind") or usual}
        found: dict[str, Hit] = {}
        queries: dict[str, Mode] = {question.text: "hybrid"}
        queries.setdefault(question.spelled, "lexical")  # a heap of synonyms has no one meaning
        if question.asked:  # what the wording seems to ask for may be the data set's name
            queries.setdefault(" ".join(term.text for term in question.terms), "lexical")
        for query, mode in queries.items():
            if not query.strip():
                continue
            for hit in self.retriever.search(query, k=k, mode=mode, **sought):
                found.setdefault(hit.record.id, hit)
        return list(found.values())

    def _generated(self, prepared: _Prepared, llm: ChatModel) -> Iterator[str | Answer]:
        """The model's answer, sentence by sentence as it passes the checks."""
        records, withheld = self._evidence(prepared, llm)
        if not records:
            note = (
                f"Nothing was sent to {llm.name}: the records are not marked open "
                f"({withheld} withheld); this answer is quoted by rules."
            )
            answer = _extracted(prepared)
            yield from answer.text.splitlines(keepends=True)
            yield replace(answer, notes=(*answer.notes, note))
            return
        chat = messages(
            prepared.asked,
            records,
            language=prepared.question.language,
            history=_earlier(prepared.history),
        )
        self._note(llm, records, chat)
        order = Order(records)
        pieces: list[str] = []
        done: list[Check] = []
        told = "\n".join(message["content"] for message in chat)
        for passed in passing(llm.stream(chat), records, prepared.asked):
            done.extend(check for check in passed.checks.items if check.start is None)
            if echoes(passed.text, told):
                pieces.clear()
                break
            if passed.says_something:
                lead = "" if not pieces else (" " if not passed.text.startswith("\n") else "")
                piece = lead + order.renumbered(passed.text)
                pieces.append(piece)
                yield piece
        answer = self._finished("".join(pieces).strip(), done, order, prepared, llm)
        if answer.model is None:
            yield from answer.text.splitlines(keepends=True)
        yield answer

    def _finished(
        self,
        text: str,
        done: list[Check],
        order: Order,
        prepared: _Prepared,
        llm: ChatModel,
    ) -> Answer:
        """The model's answer with its final checks, or the extractive one if nothing was left."""
        final = enforce(text, order.used, prepared.asked)
        figures = any(
            check.kind == "number" and check.status == "verified" for check in final.checks.items
        )
        declines = bool(_DECLINES.search(final.text)) and not figures
        if not final.says_something or (not order.used and not declines):
            answer = _extracted(prepared)
            note = f"What {llm.name} wrote did not pass the checks; this answer is quoted by rules."
            checks = Checks((*answer.checks.items, *done))
            return replace(answer, checks=checks, notes=(*answer.notes, note))
        return Answer(
            text=final.text,
            citations=tuple(cite(n, record) for n, record in enumerate(order.used, start=1)),
            checks=Checks((*final.checks.items, *done)),
            abstained=declines,
            hits=prepared.hits,
            question=prepared.asked,
            kind=prepared.question.kind,
            language=prepared.question.language,
            model=llm.name,
            notes=prepared.notes,
        )

    def _evidence(self, prepared: _Prepared, llm: ChatModel) -> tuple[list[Record], int]:
        """The records for a prompt that may enter it, and how many may not."""
        cited = prepared.draft.cited()
        others = (candidate.view.record for candidate in prepared.candidates)
        chosen = list({record.id: record for record in (*cited, *others)}.values())[:_EVIDENCE]
        may, may_not = self.policy.sendable(chosen, remote=self._is_remote(llm))
        return may, len(may_not)

    def _is_remote(self, llm: ChatModel) -> bool:
        """Whether a model is outside the house; one that does not say where it is, is."""
        url = getattr(llm, "base_url", None)
        return not (isinstance(url, str) and is_local(url, self.policy.trusted_hosts))

    def _note(self, llm: ChatModel, records: Sequence[Record], chat: Sequence[Message]) -> None:
        if self.audit is not None and self._is_remote(llm):
            destination = str(getattr(llm, "base_url", "a model of the host program"))
            payload = "\n".join(message["content"] for message in chat)
            self.audit.note(
                destination=destination, model=llm.name, records=records, payload=payload
            )


def _worth_a_model(prepared: _Prepared) -> bool:
    """Whether a record fits; without one a model could only invent."""
    question = prepared.question
    return not question.empty and bool(prepared.draft.cited()) and not prepared.draft.nothing_fits


def _extracted(prepared: _Prepared) -> Answer:
    """The answer by rules, checked like any other."""
    draft = prepared.draft
    records = draft.cited()
    done = enforce(draft.numbered(records), records, prepared.asked)
    if not done.says_something:  # an amount without a unit, for example, passes no check
        draft = absent(prepared.question, prepared.candidates)
        records = draft.cited()
        done = enforce(draft.numbered(records), records, prepared.asked)
    return Answer(
        text=done.text,
        citations=tuple(cite(n, record) for n, record in enumerate(records, start=1)),
        checks=done.checks,
        abstained=draft.abstained,
        hits=prepared.hits,
        question=prepared.asked,
        kind=prepared.question.kind,
        language=prepared.question.language,
        notes=prepared.notes,
    )


def _earlier(history: Sequence[Turn]) -> list[Message]:
    return [{"role": turn.role, "content": turn.content} for turn in history[-_EARLIER:]]


def _wished(question: Question, wishes: SearchArguments) -> Question:
    """The question with the place and year that were wished beside it."""
    places, years = question.places, question.years
    place, year = wishes.get("place"), wishes.get("year")
    area = find_place(place) if place else None
    if place and area is not None:
        places = (*places, Mention(place, 0, 0, (area,), certain=True))
    if isinstance(year, int):
        years = tuple(dict.fromkeys((*years, year)))
    return replace(question, places=places, years=years)
