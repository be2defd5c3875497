"""What LlamaIndex sees of our classes while they work: a free event loop, and its events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.instrumentation.events.retrieval import RetrievalEndEvent
from llama_index_instrumentation import get_dispatcher

from lca_rag import Index, Retriever
from llama_index_lca import LCAEmbedding, LCAQueryEngine, LCAReranker, LCARetriever
from tests.hash_encoder import HashEncoder
from tests.hosts import long_enough, make_index, ticks_during


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with make_index(tmp_path_factory.mktemp("llama-loop") / "i") as opened:
        yield opened


@pytest.fixture
def embedding() -> LCAEmbedding:
    return LCAEmbedding.from_encoder(HashEncoder())


class Collect(BaseEventHandler):
    """Keeps every event."""

    events: list[Any] = []  # noqa: RUF012 a field of the host's Pydantic model

    @classmethod
    def class_name(cls) -> str:
        return "Collect"

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.events.append(event)

    def names(self) -> list[str]:
        return [event.class_name() for event in self.events]

    def of(self, kind: type[BaseEvent]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def collect() -> Iterator[Collect]:
    dispatcher, handler = get_dispatcher(), Collect()
    dispatcher.add_event_handler(handler)
    yield handler
    dispatcher.event_handlers.remove(handler)


async def test_embedding_leaves_the_event_loop_free() -> None:
    embedding = LCAEmbedding("mini")
    texts = long_enough(embedding.get_text_embedding_batch)
    ticks = await ticks_during(embedding.aget_text_embedding_batch(texts))
    print(f"a 50 ms ticker while {len(texts)} texts are embedded: {ticks}")  # noqa: T201 seen with -s
    assert ticks.free


async def test_every_way_to_embed_fires_its_events(
    embedding: LCAEmbedding, collect: Collect
) -> None:
    embedding.get_text_embedding("steel")
    embedding.get_query_embedding("steel")
    embedding.get_text_embedding_batch(["steel", "coal"])
    await embedding.aget_text_embedding("steel")
    await embedding.aget_query_embedding("steel")
    await embedding.aget_text_embedding_batch(["steel", "coal"])
    assert collect.names().count("EmbeddingStartEvent") == 6
    ended = collect.of(EmbeddingEndEvent)
    assert [len(event.chunks) for event in ended] == [1, 1, 2, 1, 1, 2]
    assert all(len(event.embeddings) == len(event.chunks) for event in ended)


def test_callbacks_of_the_older_kind_fire_too() -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    embedding = LCAEmbedding.from_encoder(HashEncoder())
    embedding.callback_manager = CallbackManager([debug])
    embedding.get_text_embedding("steel")
    assert len(debug.get_event_pairs(CBEventType.EMBEDDING)) == 1


async def test_retrieval_reranking_and_queries_fire_their_events(
    index: Index, embedding: LCAEmbedding, collect: Collect
) -> None:
    retriever = LCARetriever(Retriever(index), similarity_top_k=3)
    nodes = retriever.retrieve("steel sheet")
    await retriever.aretrieve("steel sheet")
    assert collect.names().count("RetrievalStartEvent") == 2
    assert [len(event.nodes) for event in collect.of(RetrievalEndEvent)] == [3, 3]
    best = LCAReranker(embedding=embedding, top_n=2).postprocess_nodes(nodes, query_str="steel")
    (start,), (end,) = collect.of(ReRankStartEvent), collect.of(ReRankEndEvent)
    assert (start.top_n, start.model_name, len(start.nodes)) == (2, embedding.model_name, 3)
    assert end.nodes == best
    engine = LCAQueryEngine(retriever)
    engine.query("How much electricity does cement clinker take?")
    await engine.aquery("How much electricity does cement clinker take?")
    assert collect.names().count("QueryStartEvent") == collect.names().count("QueryEndEvent") == 2
