"""Question in, checked and cited answer out, as a LangChain runnable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    convert_to_messages,
)
from langchain_core.runnables import AddableDict, Runnable, RunnableGenerator

from langchain_lca.documents import Content, hit_document
from langchain_lca.retriever import WISHES, LCARetriever, Observed
from lca_rag import Answer, Answerer, Retriever

_ROLES: dict[str, type[BaseMessage]] = {
    "system": SystemMessage,
    "user": HumanMessage,
    "assistant": AIMessage,
}


class ChatModel:
    """A LangChain chat model as lca-rag's answer room asks a model."""

    def __init__(self, model: BaseChatModel) -> None:
        """Keep the model."""
        self.model = model

    @property
    def name(self) -> str:
        """What the model is called."""
        return str(self.model.get_name())

    def complete(self, messages: Sequence[dict[str, str]]) -> str:
        """The model's whole answer."""
        return str(self.model.invoke(_messages(messages)).text)

    def stream(self, messages: Sequence[dict[str, str]]) -> Iterator[str]:
        """The model's answer, piece by piece."""
        for piece in self.model.stream(_messages(messages)):
            yield str(piece.text)


def _messages(messages: Sequence[dict[str, str]]) -> list[BaseMessage]:
    return [_ROLES[message["role"]](content=message["content"]) for message in messages]


def create_lca_qa_chain(
    retriever: LCARetriever | Retriever, llm: BaseChatModel | None = None
) -> Runnable[str | dict[str, Any], dict[str, Any]]:
    """A runnable from a question to a checked, cited answer.

    Args:
        retriever: What is searched; its wishes hold for every question, and its `content` for the
            documents in `context`. How many records are looked at depends on the question, not on
            its `k`.
        llm: Any chat model; without one the answer quotes the records by rules.

    Returns:
        A runnable that takes a question, or `{"question": …, "history": …, "place": …}` with
        earlier messages and any wish, and gives `answer` (text with markers such as [1]),
        `citations` (record ids, in the order of the markers), `checks` (verdict and claims),
        `abstained`, and `context` (the documents found). `stream` yields the answer in pieces that
        are checked already, then the rest. Each search is traced as a run of a retriever. A
        question without text, or with an unknown key, raises a `ValueError`.
    """
    if isinstance(retriever, Retriever):
        retriever = LCARetriever(retriever=retriever)
    content = retriever.content
    model = ChatModel(llm) if llm is not None else None
    answerer = Answerer(Observed(retriever), llm=model)
    wishes = {name: getattr(retriever, name) for name in WISHES}

    def pieces(asked: Any) -> Iterator[AddableDict]:
        given = _given(asked)
        question = given.pop("question")
        for piece in answerer.stream(question, **(wishes | given)):
            if isinstance(piece, str):
                yield AddableDict(answer=piece)
            else:
                yield _rest(piece, content)

    def transform(inputs: Iterator[Any]) -> Iterator[AddableDict]:
        asked: Any = None
        for part in inputs:  # a question may itself be streamed, by a model that rewrites it
            asked = _joined(asked, part)
        yield from pieces(asked)

    async def atransform(inputs: AsyncIterator[Any]) -> AsyncIterator[AddableDict]:
        asked: Any = None
        async for part in inputs:
            asked = _joined(asked, part)
        waiting = pieces(asked)
        while (piece := await asyncio.to_thread(next, waiting, None)) is not None:
            yield piece

    chain: Runnable[Any, Any] = RunnableGenerator(transform, atransform, name="lca_qa")
    # An `AddableDict` is a `dict` that streams add up.
    return cast(
        "Runnable[str | dict[str, Any], dict[str, Any]]",
        chain.with_types(input_type=_Asked, output_type=dict[str, Any]),
    )


_Asked: Any = str | dict[str, Any]
_KEYS = frozenset({"question", "history", "k", *WISHES})


def _joined(before: Any, part: Any) -> Any:
    """What came so far of an input, with the next part of it."""
    if before is None:
        return AddableDict(part) if isinstance(part, dict) else part
    return before + part


def _given(asked: Any) -> dict[str, Any]:
    """The question with its history and wishes, as the answerer takes them."""
    given = dict(asked) if isinstance(asked, dict) else {"question": asked}
    unknown = given.keys() - _KEYS
    if unknown:
        name, known = sorted(map(str, unknown))[0], ", ".join(sorted(_KEYS))
        raise ValueError(f"unknown key {name!r} beside the question; use {known}")
    question = given.get("question")
    if isinstance(question, BaseMessage):
        question = str(question.text)
    if not isinstance(question, str):
        raise ValueError(
            'give a question as text, as a message, or as {"question": …}, not '
            f"{type(asked).__name__ if question is None else type(question).__name__}"
        )
    given["question"] = question
    if "history" in given:
        given["history"] = [_turn(message) for message in convert_to_messages(given["history"])]
    return given


def _turn(message: BaseMessage) -> dict[str, str]:
    """A message of the host as an earlier turn; of other kinds than these two none is kept."""
    role = {"human": "user", "ai": "assistant"}.get(message.type, message.type)
    return {"role": role, "content": str(message.text)}


def _rest(answer: Answer, content: Content) -> AddableDict:
    """What follows the text of an answer."""
    return AddableDict(
        citations=[citation.id for citation in answer.citations],
        checks={
            "verdict": answer.checks.verdict,
            "claims": [
                {"claim": check.claim, "status": check.status, "reason": check.reason}
                for check in answer.checks
            ],
        },
        abstained=answer.abstained,
        context=[hit_document(hit, content) for hit in answer.hits],
    )
