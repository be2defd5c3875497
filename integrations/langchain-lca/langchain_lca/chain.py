"""Question in, checked and cited answer out, as a LangChain runnable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import AddableDict, Runnable, RunnableGenerator

from langchain_lca.documents import hit_document
from langchain_lca.retriever import WISHES, LCARetriever
from lca_rag import Answer, Answerer

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
    retriever: LCARetriever, llm: BaseChatModel | None = None
) -> Runnable[str | dict[str, Any], dict[str, Any]]:
    """A runnable from a question to a checked, cited answer.

    Args:
        retriever: What is searched; its wishes hold for every question.
        llm: Any chat model; without one the answer quotes the records by rules.

    Returns:
        A runnable that takes a question, or `{"question": …, "place": …, "history": …}`, and gives
        `answer` (text with markers such as [1]), `citations` (record ids, in the order of the
        markers), `checks` (verdict and claims), `abstained`, and `context` (the documents found).
        `stream` yields the answer in pieces that are checked already, then the rest.
    """
    model = ChatModel(llm) if llm is not None else None
    answerer = Answerer(retriever.retriever, llm=model)

    def pieces(asked: str | dict[str, Any]) -> Iterator[AddableDict]:
        given = {"question": asked} if isinstance(asked, str) else dict(asked)
        question = str(given.pop("question"))
        wishes = {name: getattr(retriever, name) for name in WISHES}
        for piece in answerer.stream(question, **(wishes | given)):
            yield AddableDict(answer=piece) if isinstance(piece, str) else _rest(piece)

    def transform(inputs: Iterator[str | dict[str, Any]]) -> Iterator[AddableDict]:
        for asked in inputs:
            yield from pieces(asked)

    async def atransform(inputs: AsyncIterator[str | dict[str, Any]]) -> AsyncIterator[AddableDict]:
        async for asked in inputs:
            waiting = pieces(asked)
            while (piece := await asyncio.to_thread(next, waiting, None)) is not None:
                yield piece

    # An `AddableDict` is a `dict` that streams add up.
    return cast(
        "Runnable[str | dict[str, Any], dict[str, Any]]",
        RunnableGenerator(transform, atransform, name="lca_qa"),
    )


def _rest(answer: Answer) -> AddableDict:
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
        context=[hit_document(hit) for hit in answer.hits],
    )
