"""What the hosts' own classes get wrong, and ours do not: traps by their number in TRAPS.md.

Traps that other files test already are named there with their tests.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.indexing import IndexingResult, InMemoryRecordManager
from langchain_core.indexing import index as host_index
from langchain_core.prompts import PromptTemplate
from langchain_core.stores import InMemoryByteStore
from langchain_core.tools import create_retriever_tool
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import VectorStoreQuery

import langchain_lca
import llama_index_lca
from langchain_lca import LCAEmbeddings, LCARecordLoader, LCARetriever
from langchain_lca.documents import record_document
from lca_rag import Index, Retriever
from lca_rag.errors import FingerprintMismatch
from llama_index_lca import LCAEmbedding
from llama_index_lca.nodes import record_metadata, record_node
from tests.hash_encoder import HashEncoder
from tests.hosts import RECORDS, make_index
from tests.tiny_models import make_qwen3

AXES = {"same": [1.0, 0.0], "orthogonal": [0.0, 1.0], "opposite": [-1.0, 0.0]}


class Axes(langchain_lca.LCAEmbeddings):
    """Embeds three words on known axes."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [AXES[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return AXES["same"]


class Prompted(HashEncoder):
    """A model whose questions and documents have different vectors."""

    def encode_queries(self, texts: Any) -> Any:
        return super().encode_queries([f"Query: {text}" for text in texts])


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with make_index(tmp_path_factory.mktemp("traps") / "i") as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[langchain_lca.LCAVectorStore]:
    made = langchain_lca.LCAVectorStore(
        tmp_path / "store", LCAEmbeddings.from_encoder(HashEncoder())
    )
    yield made
    made.index.close()


@pytest.fixture
def nodes_store(tmp_path: Path) -> Iterator[llama_index_lca.LCAVectorStore]:
    made = llama_index_lca.LCAVectorStore(tmp_path / "nodes")
    yield made
    made.client.close()


def node(name: str, vector: list[float], text: str | None = None, **metadata: Any) -> TextNode:
    return TextNode(id_=name, text=text or name, embedding=vector, metadata=metadata)


async def ticks_during(work: Any) -> int:
    """How often a 20 ms ticker of the event loop ticks while `work` is awaited."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.02)
            ticks += 1

    ticker = asyncio.create_task(tick())
    await work
    ticker.cancel()
    return ticks


def slow(function: Callable[..., Any]) -> Callable[..., Any]:
    def slowly(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.4)
        return function(*args, **kwargs)

    return slowly


# ---- LangChain: interfaces, caches, indexing


def test_trap_03_a_retriever_tool_shows_metadata_and_every_template_key_is_there(
    index: Index,
) -> None:
    keys = sorted(record_document(RECORDS[0]).metadata)
    template = "\n".join(f"{key}={{{key}}}" for key in keys) + "\n{page_content}"
    tool = create_retriever_tool(
        LCARetriever(retriever=Retriever(index), k=5),
        "lca",
        "LCA data sets",
        document_prompt=PromptTemplate.from_template(template),
    )
    shown = tool.invoke({"query": "steel sheet"})
    assert shown.count("record_id=shop/") == 5
    plain = create_retriever_tool(LCARetriever(retriever=Retriever(index), k=1), "lca", "LCA")
    evidence = plain.invoke({"query": "steel sheet China"})
    assert "kWh" in evidence, "units reach the model without any template"
    assert "CN" in evidence


async def test_trap_04_search_and_retrieval_leave_the_event_loop_free(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Retriever, "search", slow(Retriever.search))
    retriever = LCARetriever(retriever=Retriever(index), k=1)
    assert await ticks_during(retriever.ainvoke("steel")) >= 5
    embeddings = LCAEmbeddings.from_encoder(HashEncoder())
    ours = langchain_lca.LCAVectorStore(index, embeddings)
    assert await ticks_during(ours.asimilarity_search("steel")) >= 5
    theirs = llama_index_lca.LCAVectorStore(index)
    query = VectorStoreQuery(query_embedding=embeddings.embed_query("steel"), similarity_top_k=1)
    assert await ticks_during(theirs.aquery(query)) >= 5
    retriever_too = llama_index_lca.LCARetriever(Retriever(index))
    assert await ticks_during(retriever_too.aretrieve("steel")) >= 5


@pytest.mark.parametrize("bad", [None, 7, b"steel"])
def test_trap_05_what_is_no_text_is_refused_at_once(tmp_path: Path, bad: Any) -> None:
    folder = str(make_qwen3(tmp_path / "tiny"))
    start = time.perf_counter()
    with pytest.raises(TypeError, match="text"):
        LCAEmbeddings(model=folder).embed_documents([bad])
    with pytest.raises(TypeError, match="text"):
        LCAEmbedding(folder).get_text_embedding_batch([bad])
    assert time.perf_counter() - start < 4, "no retries"


def test_trap_06_a_cache_of_documents_never_answers_a_question() -> None:
    classic = pytest.importorskip("langchain_classic.embeddings")
    ours = LCAEmbeddings.from_encoder(Prompted())
    cached = classic.CacheBackedEmbeddings.from_bytes_store(
        ours,
        InMemoryByteStore(),
        namespace=ours.fingerprint,
        query_embedding_cache=InMemoryByteStore(),
        key_encoder="sha256",
    )
    document = cached.embed_documents(["steel"])[0]
    for _ in range(2):
        assert cached.embed_query("steel") == ours.embed_query("steel")
        assert cached.embed_documents(["steel"])[0] == document
    assert not np.allclose(document, ours.embed_query("steel"))


def test_trap_07_the_namespace_of_a_cache_tells_models_apart() -> None:
    names = {
        LCAEmbeddings.from_encoder(encoder).fingerprint
        for encoder in (HashEncoder(), HashEncoder(seed="2"), HashEncoder(dimension=8))
    }
    assert len(names) == 3


def test_trap_08_the_hosts_indexing_updates_skips_and_deletes(
    index: Index, store: langchain_lca.LCAVectorStore
) -> None:
    manager = InMemoryRecordManager("lca")
    manager.create_schema()
    documents = LCARecordLoader(index.folder).load()[:3]

    def run(given: list[Document]) -> IndexingResult:
        return host_index(
            given,
            manager,
            store,
            cleanup="full",
            source_id_key="source",
            key_encoder="sha256",
        )

    assert run(documents)["num_added"] == 3
    changed = documents[0].model_copy(update={"page_content": "steel, new"})
    again = run([changed, documents[1]])
    assert (again["num_added"], again["num_skipped"], again["num_deleted"]) == (1, 1, 2)
    texts = {document.page_content for document in store.similarity_search("steel", k=9)}
    assert texts == {"steel, new", documents[1].page_content}


def test_trap_09_running_again_neither_duplicates_nor_keeps_the_old(
    index: Index, store: langchain_lca.LCAVectorStore
) -> None:
    documents = LCARecordLoader(index.folder).load()[:3]
    store.add_documents(documents)
    changed = documents[0].model_copy(update={"page_content": "steel, new"})
    assert store.add_documents([changed, *documents[1:]]) == [d.id for d in documents]
    found = store.similarity_search("steel", k=9)
    assert len(found) == 3
    assert store.get_by_ids([str(changed.id)])[0].page_content == "steel, new"


def test_trap_10_another_model_on_the_same_index_is_refused(tmp_path: Path) -> None:
    make_index(tmp_path / "i").close()
    other = LCAEmbeddings.from_encoder(HashEncoder(seed="2"))
    with pytest.raises(FingerprintMismatch):
        langchain_lca.LCAVectorStore(tmp_path / "i", other)


def test_trap_11_every_document_has_the_source_key_and_json_metadata() -> None:
    for record in RECORDS:
        metadata = record_document(record).metadata
        assert metadata["source"] == metadata["record_id"] == record.id
        json.dumps(metadata, sort_keys=True, allow_nan=False)


# ---- LangChain: Chroma


def test_trap_14_scores_are_cosines_and_relevance_is_never_negative(tmp_path: Path) -> None:
    store = langchain_lca.LCAVectorStore.from_texts(
        list(AXES), Axes(model="axes", encoder=HashEncoder(dimension=2)), index=tmp_path / "axes"
    )
    scored = store.similarity_search_with_score("same", k=3)
    found = {document.page_content: score for document, score in scored}
    assert found == pytest.approx({"same": 1, "orthogonal": 0, "opposite": -1}, abs=1e-6)
    relevance = [score for _, score in store.similarity_search_with_relevance_scores("same", k=3)]
    assert relevance == pytest.approx([1, 0, 0], abs=1e-6)
    store.index.close()


def test_trap_15_a_store_without_embedding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="embedding"):
        langchain_lca.LCAVectorStore(tmp_path / "i")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="embedding"):
        langchain_lca.LCAVectorStore(tmp_path / "i", None)  # type: ignore[arg-type]


def test_trap_16_ids_twice_in_one_call_and_empty_metadata(
    store: langchain_lca.LCAVectorStore,
) -> None:
    store.add_texts(["old", "new", "bare"], [{"n": 1}, {"n": 2}, {}], ids=["a", "a", "b"])
    assert [d.page_content for d in store.get_by_ids(["a", "b"])] == ["new", "bare"]
    assert [d.metadata for d in store.get_by_ids(["a", "b"])] == [{"n": 2}, {}]


# ---- LlamaIndex


def test_trap_20_serialised_settings_are_those_that_change_vectors() -> None:
    state = LCAEmbedding("mini", device="cpu", max_length=64).to_dict()
    changing = {"model_name", "query_prompt", "revision", "precision", "max_length", "truncate_dim"}
    assert changing <= state.keys()
    assert not {"device", "callback_manager", "api_key", "_encoder"} & state.keys()
    assert LCAEmbedding("mini", max_length=32).to_dict() != LCAEmbedding("mini").to_dict()


def test_trap_21_batches_are_large_enough_to_be_sorted_by_length() -> None:
    encoder = HashEncoder()
    calls: list[int] = []
    encode = encoder.encode_documents

    def counted(texts: Any, **kwargs: Any) -> Any:
        calls.append(len(texts))
        return encode(texts, **kwargs)

    encoder.encode_documents = counted  # type: ignore[method-assign]
    LCAEmbedding.from_encoder(encoder).get_text_embedding_batch(["steel"] * 200)
    assert calls == [200]


def test_trap_26_a_store_takes_more_nodes_than_chroma_takes_at_once(
    nodes_store: llama_index_lca.LCAVectorStore,
) -> None:
    names = nodes_store.add([node(str(i), [1.0, i / 5500]) for i in range(5_500)])
    assert len(nodes_store.get_nodes()) == len(names) == 5_500


def test_trap_27_similarities_of_nodes_are_cosines(
    nodes_store: llama_index_lca.LCAVectorStore,
) -> None:
    nodes_store.add([node(name, vector) for name, vector in AXES.items()])
    found = nodes_store.query(VectorStoreQuery(query_embedding=AXES["same"], similarity_top_k=3))
    assert dict(zip(found.ids or [], found.similarities or [], strict=True)) == pytest.approx(
        {"same": 1, "orthogonal": 0, "opposite": -1}, abs=1e-6
    )


def test_trap_28_metadata_of_nodes_comes_back_as_it_was(
    nodes_store: llama_index_lca.LCAVectorStore,
) -> None:
    metadata: dict[str, Any] = {"tags": ["a", "b"], "none": None, "deep": {"x": [1]}, "n": 1.5}
    nodes_store.add([node("a", [1.0, 0.0], **metadata)])
    assert nodes_store.get_nodes(["a"])[0].metadata == metadata


def test_trap_29_nodes_are_replaced_with_and_without_a_source(
    nodes_store: llama_index_lca.LCAVectorStore,
) -> None:
    sourced = node("b", [0.0, 1.0])
    sourced.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id="doc")
    nodes_store.add([node("a", [1.0, 0.0], "old"), sourced])
    nodes_store.add([node("a", [1.0, 0.0], "new")])
    assert [found.get_content() for found in nodes_store.get_nodes(["a"])] == ["new"]
    nodes_store.delete("doc")
    assert [found.node_id for found in nodes_store.get_nodes()] == ["a"]


def test_trap_30_our_nodes_are_their_own_source_and_keep_exclusions_in_the_store(
    index: Index,
) -> None:
    made = record_node(RECORDS[0])
    assert made.ref_doc_id == made.node_id == RECORDS[0].id
    stored = llama_index_lca.LCAVectorStore(index).get_nodes([RECORDS[0].id])[0]
    assert stored.excluded_embed_metadata_keys == sorted(record_metadata(RECORDS[0]))
    assert stored.get_content() == made.get_content()
