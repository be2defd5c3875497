"""Question in, checked and cited answer out, as a LlamaIndex query engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.base.response.schema import (
    RESPONSE_TYPE,
    AsyncStreamingResponse,
    Response,
    StreamingResponse,
)
from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms import LLM
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import NodeWithScore, QueryBundle

from lca_rag import Answer, Answerer, Retriever
from llama_index_lca.nodes import hit_node
from llama_index_lca.retriever import LCARetriever, Observed


class ChatModel:
    """A LlamaIndex language model as lca-rag's answer room asks a model."""

    def __init__(self, model: LLM) -> None:
        """Keep the model."""
        self.model = model

    @property
    def name(self) -> str:
        """What the model is called."""
        return str(self.model.metadata.model_name)

    def complete(self, messages: Sequence[dict[str, str]]) -> str:
        """The model's whole answer."""
        return self.model.chat(_messages(messages)).message.content or ""

    def stream(self, messages: Sequence[dict[str, str]]) -> Iterator[str]:
        """The model's answer, piece by piece."""
        for piece in self.model.stream_chat(_messages(messages)):
            yield piece.delta or ""


def _messages(messages: Sequence[dict[str, str]]) -> list[ChatMessage]:
    return [ChatMessage(role=message["role"], content=message["content"]) for message in messages]


class LCAQueryEngine(BaseQueryEngine):
    """Answers from LCA data sets, with every figure and citation checked by code.

    Example:
        ```python
        from llama_index_lca import LCAQueryEngine, LCARetriever

        engine = LCAQueryEngine(LCARetriever.from_index("my.lca"))
        print(engine.query("How much electricity does one kilogram of aluminium take?"))
        ```

    `response.metadata` holds `citations`, `checks` and `abstained`; `source_nodes` are the cited
    records. With `streaming=True` what streams is checked already: no unchecked figure is shown;
    metadata and source nodes are there once the stream has ended.
    """

    def __init__(
        self,
        retriever: LCARetriever | Retriever,
        llm: LLM | None = None,
        *,
        streaming: bool = False,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        """Keep what to search and who phrases the answer; without `llm` it is quoted by rules."""
        super().__init__(callback_manager)
        self.retriever = LCARetriever(retriever) if isinstance(retriever, Retriever) else retriever
        self.streaming = streaming
        self._answerer = Answerer(
            Observed(self.retriever.retriever, self.callback_manager),
            llm=ChatModel(llm) if llm is not None else None,
        )

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """What the retriever finds for a question, without an answer."""
        return self.retriever.retrieve(query_bundle)

    async def aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """As `retrieve`, on a thread of its own."""
        return await self.retriever.aretrieve(query_bundle)

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        wishes = self.retriever.wishes
        if not self.streaming:
            return _response(self._answerer.ask(query_bundle.query_str, **wishes))
        pieces = self._answerer.stream(query_bundle.query_str, **wishes)
        response = StreamingResponse(response_gen=_nothing())
        response.response_gen = _filling(pieces, response)
        return response

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        if not self.streaming:
            return await asyncio.to_thread(self._query, query_bundle)
        pieces = self._answerer.stream(query_bundle.query_str, **self.retriever.wishes)
        response = AsyncStreamingResponse(response_gen=_anothing())
        response.response_gen = _afilling(pieces, response)
        return response

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}


def _response(answer: Answer) -> Response:
    nodes = _cited(answer)
    return Response(response=answer.text, source_nodes=nodes, metadata=_metadata(answer))


def _nothing() -> Generator[str, None, None]:
    yield from ()


async def _anothing() -> AsyncGenerator[str, None]:
    for piece in _nothing():
        yield piece


def _filling(
    pieces: Iterator[str | Answer], response: StreamingResponse | AsyncStreamingResponse
) -> Generator[str, None, None]:
    """The text of an answer; what follows the text is put into the response at the end."""
    for piece in pieces:
        if isinstance(piece, str):
            yield piece
        else:
            response.source_nodes = _cited(piece)
            response.metadata = _metadata(piece)


async def _afilling(
    pieces: Iterator[str | Answer], response: AsyncStreamingResponse
) -> AsyncGenerator[str, None]:
    """The same, each piece on a thread of its own."""
    waiting = _filling(pieces, response)
    while (piece := await asyncio.to_thread(next, waiting, None)) is not None:
        yield piece


def _cited(answer: Answer) -> list[NodeWithScore]:
    """The cited records as nodes, in the order of their numbers."""
    found = {hit.record.id: hit for hit in answer.hits}
    return [hit_node(found[cited.id]) for cited in answer.citations if cited.id in found]


def _metadata(answer: Answer) -> dict[str, Any]:
    return {
        "citations": [citation.id for citation in answer.citations],
        "checks": {
            "verdict": answer.checks.verdict,
            "claims": [
                {"claim": check.claim, "status": check.status, "reason": check.reason}
                for check in answer.checks
            ],
        },
        "abstained": answer.abstained,
    }
