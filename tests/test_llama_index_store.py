"""What the official Chroma integration is tested for, and holds for our store too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import VectorMemory
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
)
from llama_index.core.vector_stores.types import VectorStoreQueryMode

from lca_rag import Index
from llama_index_lca import LCAVectorStore
from tests.hosts import make_index

AUTHORS = {
    "a": ("King", [1.0, 0.0, 0.0]),
    "b": ("Coppola", [0.9, 0.1, 0.0]),
    "c": ("Nolan", [0.0, 1.0, 0.0]),
    "d": ("Curie", [0.0, 0.9, 0.1]),
    "e": ("Bronte", [0.0, 0.0, 0.3]),
}


def nodes() -> list[TextNode]:
    return [
        TextNode(
            id_=name,
            text=f"by {author}",
            metadata={"author": author, "place": number},
            relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"source-{name}")},
            embedding=vector,
        )
        for number, (name, (author, vector)) in enumerate(AUTHORS.items())
    ]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LCAVectorStore]:
    made = LCAVectorStore(tmp_path / "nodes")
    made.add(nodes())
    yield made
    made.client.close()


def by(author: str) -> MetadataFilters:
    return MetadataFilters(
        filters=[MetadataFilter(key="author", value=author, operator=FilterOperator.EQ)],
        condition=FilterCondition.AND,
    )


async def found(store: LCAVectorStore, asynchronous: bool, **asked: Any) -> list[str]:
    query = VectorStoreQuery(**asked)
    result = await store.aquery(query) if asynchronous else store.query(query)
    assert [node.node_id for node in result.nodes or []] == result.ids
    return list(result.ids or [])


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_a_store_is_asked_by_vector_by_filter_and_by_both(
    store: LCAVectorStore, asynchronous: bool
) -> None:
    vector = AUTHORS["a"][1]
    both = {"query_embedding": vector, "similarity_top_k": 2}
    assert await found(store, asynchronous, **both) == ["a", "b"]
    assert await found(store, asynchronous, filters=by("Curie"), similarity_top_k=1) == ["d"]
    assert await found(store, asynchronous, filters=by("Nolan"), **both) == ["c"]
    assert await found(store, asynchronous, node_ids=["e", "b"], similarity_top_k=9) == ["b", "e"]
    with pytest.raises(ValueError, match="needs a query embedding, or filters"):
        await found(store, asynchronous)


def test_filters_without_a_vector_reach_data_sets_too(tmp_path: Path) -> None:
    index: Index = make_index(tmp_path / "i")
    place = MetadataFilters(filters=[MetadataFilter(key="place", value="CN")])
    result = LCAVectorStore(index).query(VectorStoreQuery(filters=place, similarity_top_k=4))
    assert [node.metadata["place"] for node in result.nodes or []] == ["CN"] * 4
    index.close()


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_nodes_are_given_deleted_and_cleared(
    store: LCAVectorStore, asynchronous: bool
) -> None:
    async def get(**asked: Any) -> list[str]:
        got = await store.aget_nodes(**asked) if asynchronous else store.get_nodes(**asked)
        return sorted(node.node_id for node in got)

    assert await get(node_ids=["a", "b", "missing"]) == ["a", "b"]
    assert await get(filters=by("Bronte")) == ["e"]
    if asynchronous:
        await store.adelete_nodes(["a"], by("King"))
        await store.adelete_nodes(["b"], by("King"))
        await store.adelete("source-c")
        assert await get() == ["b", "d", "e"]
        await store.aclear()
    else:
        store.delete_nodes(["a"], by("King"))
        store.delete_nodes(["b"], by("King"))
        store.delete("source-c")
        assert await get() == ["b", "d", "e"]
        store.clear()
    assert await get() == []


def test_mmr_prefers_what_differs(store: LCAVectorStore) -> None:
    def chosen(**settings: Any) -> list[str]:
        query = VectorStoreQuery(
            query_embedding=[0.8, 0.6, 0.0], similarity_top_k=2, mode=VectorStoreQueryMode.MMR
        )
        result = store.query(query, **settings)
        assert [node.node_id for node in result.nodes or []] == result.ids
        return list(result.ids or [])

    assert chosen(mmr_threshold=1.0) == ["b", "a"], "the nearest two"
    assert chosen(mmr_threshold=0.5) == ["b", "c"] or chosen(mmr_threshold=0.5) == ["b", "d"]
    assert chosen(mmr_threshold=0.5, mmr_prefetch_k=2) == ["b", "a"], "chosen of two"
    with pytest.raises(ValueError, match="not both"):
        chosen(mmr_prefetch_k=16, mmr_prefetch_factor=2.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        chosen(mmr_threshold=2.0)


def test_a_query_asks_for_what_the_core_can_filter_by(tmp_path: Path) -> None:
    index: Index = make_index(tmp_path / "i")
    query = VectorStoreQuery(query_embedding=[1.0] + [0.0] * 63, similarity_top_k=3)
    result = LCAVectorStore(index).query(query, place="DE", strict=True)
    assert {node.metadata["place"] for node in result.nodes or []} == {"DE"}
    with pytest.raises(TypeError, match="country"):
        LCAVectorStore(index).query(query, country="DE")
    index.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the host's own memory
def test_the_hosts_vector_memory_works_on_our_store(tmp_path: Path) -> None:
    store = LCAVectorStore(tmp_path / "memory")
    memory = VectorMemory.from_defaults(
        vector_store=store,
        embed_model=MockEmbedding(embed_dim=3),
        retriever_kwargs={"similarity_top_k": 2},
    )
    memory.put(ChatMessage.from_str("hello from chat", "user"))
    assert [message.content for message in memory.get("anything")] == ["hello from chat"]
    store.client.close()
