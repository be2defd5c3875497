"""What LlamaIndex's own classes get wrong, and ours do not: traps by their number in TRAPS.md.

Traps that other files test already are named there with their tests.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_index.core import Settings
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.schema import (
    Document,
    MetadataMode,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import VectorStoreQuery

from lca_rag import Index, Retriever, SentenceEncoder
from lca_rag.encoders.tokens import Tokenizer
from llama_index_lca import LCAEmbedding, LCAQueryEngine, LCAReranker, LCARetriever, LCAVectorStore
from llama_index_lca.nodes import record_document, record_metadata, record_node
from tests.embedding_endpoint import embedding_endpoint
from tests.hash_encoder import HashEncoder
from tests.hosts import RECORDS, Crowd, make_index, slow, ticks_during
from tests.tiny_models import make_qwen3

AXES = {"same": [1.0, 0.0], "orthogonal": [0.0, 1.0], "opposite": [-1.0, 0.0]}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with make_index(tmp_path_factory.mktemp("traps") / "i") as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LCAVectorStore]:
    made = LCAVectorStore(tmp_path / "nodes")
    yield made
    made.client.close()


def node(name: str, vector: list[float], text: str | None = None, **metadata: Any) -> TextNode:
    return TextNode(
        id_=name, text=name if text is None else text, embedding=vector, metadata=metadata
    )


async def test_trap_25_search_and_retrieval_leave_the_event_loop_free(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Retriever, "search", slow(Retriever.search))
    vector = LCAEmbedding.from_encoder(HashEncoder()).get_query_embedding("steel")
    query = VectorStoreQuery(query_embedding=vector, similarity_top_k=1)
    assert (await ticks_during(LCAVectorStore(index).aquery(query))).free
    assert (await ticks_during(LCARetriever(Retriever(index)).aretrieve("steel"))).free


async def test_trap_25_so_does_whatever_else_a_store_does(
    store: LCAVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("add", "get_nodes", "delete", "delete_nodes", "clear"):
        monkeypatch.setattr(LCAVectorStore, name, slow(getattr(LCAVectorStore, name)))
    assert (await ticks_during(store.async_add([node("a", [1.0, 0.0])]))).free
    assert (await ticks_during(store.aget_nodes(["a"]))).free
    assert (await ticks_during(store.adelete_nodes(["a"]))).free
    assert (await ticks_during(store.adelete("a"))).free
    assert (await ticks_during(store.aclear())).free


@pytest.mark.parametrize("bad", [None, 7, b"steel"])
def test_trap_05_what_is_no_text_is_refused_at_once(tmp_path: Path, bad: Any) -> None:
    embedding = LCAEmbedding(str(make_qwen3(tmp_path / "tiny")))
    embedding.get_text_embedding("steel")
    start = time.perf_counter()
    with pytest.raises(TypeError, match="text"):
        embedding.get_text_embedding_batch([bad])
    assert time.perf_counter() - start < 4, "no retries"


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
    store: LCAVectorStore,
) -> None:
    names = store.add([node(str(i), [1.0, i / 5500]) for i in range(5_500)])
    assert len(store.get_nodes()) == len(names) == 5_500


def test_trap_27_similarities_of_nodes_are_cosines(
    store: LCAVectorStore,
) -> None:
    store.add([node(name, vector) for name, vector in AXES.items()])
    found = store.query(VectorStoreQuery(query_embedding=AXES["same"], similarity_top_k=3))
    assert dict(zip(found.ids or [], found.similarities or [], strict=True)) == pytest.approx(
        {"same": 1, "orthogonal": 0, "opposite": -1}, abs=1e-6
    )


def test_trap_28_metadata_of_nodes_comes_back_as_it_was(
    store: LCAVectorStore,
) -> None:
    metadata: dict[str, Any] = {"tags": ["a", "b"], "none": None, "deep": {"x": [1]}, "n": 1.5}
    store.add([node("a", [1.0, 0.0], **metadata)])
    assert store.get_nodes(["a"])[0].metadata == metadata


def test_trap_29_nodes_are_replaced_with_and_without_a_source(
    store: LCAVectorStore,
) -> None:
    sourced = node("b", [0.0, 1.0])
    sourced.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id="doc")
    store.add([node("a", [1.0, 0.0], "old"), sourced])
    store.add([node("a", [1.0, 0.0], "new")])
    assert [found.get_content() for found in store.get_nodes(["a"])] == ["new"]
    store.delete("doc")
    assert [found.node_id for found in store.get_nodes()] == ["a"]


def test_trap_30_our_nodes_are_their_own_source_and_keep_exclusions_in_the_store(
    index: Index,
) -> None:
    made = record_node(RECORDS[0])
    assert made.ref_doc_id == made.node_id == RECORDS[0].id
    stored = LCAVectorStore(index).get_nodes([RECORDS[0].id])[0]
    assert stored.excluded_embed_metadata_keys == sorted(record_metadata(RECORDS[0]))
    assert stored.get_content() == made.get_content()


def test_trap_29_a_node_without_a_source_is_its_own(store: LCAVectorStore) -> None:
    store.add([node("a", [1.0, 0.0]), node("b", [0.0, 1.0])])
    store.delete("None")
    assert len(store.get_nodes()) == 2
    store.delete("a")
    assert [found.node_id for found in store.get_nodes()] == ["b"]


# ---- embedding


async def test_trap_31_many_calls_at_once_take_turns_in_one_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_qwen3(tmp_path / "tiny")
    embedding = LCAEmbedding(str(folder), embed_batch_size=2)
    texts = [f"steel {number} " * (1 + number % 3) for number in range(16)]
    expected = embedding.get_text_embedding_batch(texts)
    crowd = Crowd(Tokenizer.encode)
    monkeypatch.setattr(Tokenizer, "encode", crowd)
    found = await embedding.aget_text_embedding_batch(texts)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (crowd.calls, crowd.most) == (8, 1)


async def test_trap_40_a_vector_of_several_questions_has_unit_length() -> None:
    embedding = LCAEmbedding.from_encoder(HashEncoder())
    questions = ["steel sheet", "cement clinker"]
    mean = np.mean([embedding.get_query_embedding(text) for text in questions], axis=0)
    assert np.linalg.norm(mean) < 0.9
    vector = embedding.get_agg_embedding_from_queries(questions)
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-6)
    assert await embedding.aget_agg_embedding_from_queries(questions) == pytest.approx(vector)


def test_trap_41_nothing_of_ours_asks_for_the_hosts_default_model(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the host's default model was asked for")

    monkeypatch.setattr("llama_index.core.settings.resolve_llm", refuse)
    monkeypatch.setattr("llama_index.core.settings.resolve_embed_model", refuse)
    monkeypatch.setenv("IS_TESTING", "1")
    monkeypatch.setattr(Settings, "_llm", None)
    monkeypatch.setattr(Settings, "_embed_model", None)
    retriever = LCARetriever(Retriever(index), similarity_top_k=2)
    assert "kWh" in str(
        LCAQueryEngine(retriever).query("Electricity of cement clinker in Germany?")
    )
    reranker = LCAReranker(embedding=LCAEmbedding.from_encoder(HashEncoder()), top_n=1)
    assert len(reranker.postprocess_nodes(retriever.retrieve("steel"), query_str="steel")) == 1
    with pytest.raises(AssertionError, match="default model"):
        Settings.llm  # noqa: B018 the property resolves


# ---- which text is embedded, and which is shown


def test_trap_42_the_text_for_a_model_holds_what_metadata_holds(index: Index) -> None:
    hits = LCARetriever(Retriever(index), place="CN", similarity_top_k=1).retrieve("steel sheet")
    shown = hits[0].get_content(MetadataMode.LLM)
    for fact in ("CN", str(hits[0].metadata["reference_year"]), "kWh", "steel sheet"):
        assert fact in shown
    documents = [record_document(record) for record in RECORDS]
    for document, record in zip(documents, RECORDS, strict=True):
        assert record.place is not None
        assert record.place.code in document.get_content(MetadataMode.LLM)


def test_trap_43_exclusions_do_not_decide_what_is_embedded() -> None:
    made = record_node(RECORDS[0])
    other = made.model_copy(update={"excluded_embed_metadata_keys": []})
    assert made.hash == other.hash
    assert made.get_content(MetadataMode.EMBED) == other.get_content(MetadataMode.EMBED)
    renamed = made.model_copy(update={"metadata": made.metadata | {"place": "XX"}})
    assert renamed.hash != made.hash, "but metadata counts, which the store keeps"


def test_trap_44_a_splitter_takes_our_documents_whatever_their_metadata() -> None:
    document = record_document(RECORDS[0])
    chunks = TokenTextSplitter(chunk_size=40, chunk_overlap=0).get_nodes_from_documents([document])
    assert len(chunks) > 1
    for chunk in chunks:
        assert chunk.get_content(MetadataMode.EMBED) == chunk.get_content(MetadataMode.NONE)
        assert chunk.metadata["record_id"] == RECORDS[0].id == chunk.ref_doc_id


def test_trap_45_no_splitter_is_needed_the_models_own_tokens_are_counted(tmp_path: Path) -> None:
    embedding = LCAEmbedding(str(make_qwen3(tmp_path / "tiny")), max_length=64)
    whole = record_node(RECORDS[0]).get_content(MetadataMode.EMBED)
    assert len(whole) > 64, "a token of this model is a byte"
    vectors = embedding.get_text_embedding_batch([whole, whole[:63]])
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    assert isinstance(embedding.loaded, SentenceEncoder)
    assert embedding.loaded.truncated == 1, "a cut is counted, and said in the log"


def test_trap_46_a_node_without_text_comes_back_as_one(store: LCAVectorStore) -> None:
    store.add([node("empty", [1.0, 0.0], ""), Document(id_="d", text="", embedding=[0.0, 1.0])])
    assert [found.get_content() for found in store.get_nodes(["empty", "d"])] == ["", ""]
    found = store.query(VectorStoreQuery(query_embedding=[1.0, 0.0], similarity_top_k=2))
    assert found.ids == ["empty", "d"]


# ---- stores and pipelines


def test_trap_47_large_metadata_is_kept_whole(store: LCAVectorStore) -> None:
    metadata = {f"key {number}": "long " * 400 for number in range(40)}
    store.add([node("a", [1.0, 0.0], **metadata)])
    assert store.get_nodes(["a"])[0].metadata == metadata


def pipeline(store: LCAVectorStore, encoder: HashEncoder, **settings: Any) -> IngestionPipeline:
    embedding = LCAEmbedding.from_encoder(encoder)
    return IngestionPipeline(transformations=[embedding], vector_store=store, **settings)


def test_trap_23_documents_without_a_splitter_leave_nothing_stale(store: LCAVectorStore) -> None:
    kept = pipeline(
        store,
        HashEncoder(),
        docstore=SimpleDocumentStore(),
        docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
    )
    first, second, third = map(record_document, RECORDS[:3])
    kept.run(documents=[first, second, third])
    changed = first.model_copy(deep=True)
    changed.set_content("steel, new text")
    kept.run(documents=[changed, second])
    texts = {found.node_id: found.get_content() for found in store.get_nodes()}
    assert texts == {first.doc_id: "steel, new text", second.doc_id: second.get_content()}


def test_trap_48_a_pipeline_without_docstore_doubles_nothing(store: LCAVectorStore) -> None:
    runs = pipeline(store, HashEncoder(), disable_cache=True)
    nodes = [record_node(record) for record in RECORDS[:3]]
    runs.run(nodes=nodes)
    runs.run(nodes=[nodes[0].model_copy(update={"text": "steel, new text"}), *nodes[1:]])
    assert len(store.get_nodes()) == 3
    assert store.get_nodes([RECORDS[0].id])[0].get_content() == "steel, new text"


def test_trap_49_one_changed_node_is_all_that_is_embedded_again(store: LCAVectorStore) -> None:
    encoder = HashEncoder()
    runs = pipeline(
        store,
        encoder,
        docstore=SimpleDocumentStore(),
        docstore_strategy=DocstoreStrategy.UPSERTS,
    )
    nodes = [record_node(record) for record in RECORDS[:5]]
    runs.run(nodes=nodes)
    runs.run(nodes=[*nodes[:4], nodes[4].model_copy(update={"text": "steel, new text"})])
    assert len(encoder.encoded) == 6


def test_trap_50_workers_of_a_pipeline_get_settings_and_not_weights() -> None:
    nodes = [record_node(record) for record in RECORDS[:4]]
    texts = [found.get_content(MetadataMode.EMBED) for found in nodes]
    with embedding_endpoint() as endpoint:
        embedding = LCAEmbedding(f"{endpoint.url}#model", query_prompt="")
        expected = embedding.get_text_embedding_batch(texts)
        runs = IngestionPipeline(transformations=[embedding], disable_cache=True)
        made = runs.run(nodes=nodes, num_workers=2)
    found = {done.node_id: done.get_embedding() for done in made}
    np.testing.assert_allclose([found[n.node_id] for n in nodes], expected, atol=1e-6)
