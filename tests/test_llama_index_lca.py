from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from llama_index.core.chat_engine.types import ChatMode
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import (
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
)
from llama_index.core.vector_stores.types import BasePydanticVectorStore, VectorStoreQueryMode

import llama_index_lca
from lca_rag import Index, Retriever, demo, embedding_text, load_encoder, read
from llama_index_lca import (
    LCAEmbedding,
    LCAQueryEngine,
    LCAReader,
    LCAReranker,
    LCARetriever,
    LCAVectorStore,
)
from llama_index_lca.nodes import record_node
from tests.hash_encoder import HashEncoder
from tests.hosts import RECORDS, make_index
from tests.tiny_models import make_qwen3

TEXTS = ["# Steel sheet\n\nhot rolled, coil", "  原铝，中国 ", "a", "word " * 1100, "x"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with make_index(tmp_path_factory.mktemp("llama") / "i") as opened:
        yield opened


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_qwen3(tmp_path_factory.mktemp("llama-model") / "tiny")


@pytest.fixture
def embedding() -> LCAEmbedding:
    return LCAEmbedding.from_encoder(HashEncoder())


def test_public_names_and_classes() -> None:
    assert sorted(llama_index_lca.__all__) == [
        "LCAEmbedding",
        "LCAQueryEngine",
        "LCAReader",
        "LCAReranker",
        "LCARetriever",
        "LCAVectorStore",
    ]
    bases = {
        LCAEmbedding: BaseEmbedding,
        LCAReader: BaseReader,
        LCAVectorStore: BasePydanticVectorStore,
        LCARetriever: BaseRetriever,
        LCAReranker: BaseNodePostprocessor,
        LCAQueryEngine: BaseQueryEngine,
    }
    for ours, theirs in bases.items():
        assert theirs.__name__ in [base.__name__ for base in ours.__mro__]


def test_import_is_light() -> None:
    code = (
        "import sys, llama_index_lca\n"
        "assert not {'torch', 'transformers', 'chromadb', 'fastapi'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_vectors_equal_those_of_the_core(tiny: Path) -> None:
    embedding = LCAEmbedding(model_name=str(tiny))
    encoder = load_encoder(str(tiny))
    np.testing.assert_allclose(
        embedding.get_text_embedding_batch(TEXTS), encoder.encode_documents(TEXTS), atol=1e-6
    )
    for text in TEXTS:
        np.testing.assert_allclose(
            embedding.get_query_embedding(text), encoder.encode_queries([text])[0], atol=1e-6
        )


def test_embedding_round_trips_without_weights(tiny: Path) -> None:
    embedding = LCAEmbedding(model_name=str(tiny), query_prompt="find: ", max_length=64)
    before = embedding.get_query_embedding("steel")
    again = LCAEmbedding.from_dict(embedding.to_dict())
    assert again.query_prompt == "find: "
    assert "device" not in embedding.to_dict()
    packed = pickle.dumps(embedding)
    assert len(packed) < 4_000
    for copy in (again, pickle.loads(packed)):
        np.testing.assert_allclose(copy.get_query_embedding("steel"), before, atol=1e-6)


def test_reader_and_reranker_round_trip() -> None:
    reranker = LCAReranker(embedding=LCAEmbedding("mini", max_length=64), top_n=2)
    for again in (
        LCAReranker.from_dict(reranker.to_dict()),
        pickle.loads(pickle.dumps(reranker)),
    ):
        assert (again.top_n, again.embedding.model_name) == (2, "mini")
        assert again.embedding.max_length == 64
    assert isinstance(LCAReader.from_dict(LCAReader().to_dict()), LCAReader)


def test_a_cache_that_mixes_roles_is_refused() -> None:
    from llama_index.core.storage.kvstore import SimpleKVStore

    with pytest.raises(ValueError, match="mixes queries and documents"):
        LCAEmbedding(embeddings_cache=SimpleKVStore())


def test_reader_embeds_our_text_whatever_metadata_is_added() -> None:
    documents = list(LCAReader().lazy_load_data(demo.path(), database="demo"))
    records = list(read(demo.path(), database="demo"))
    assert [document.doc_id for document in documents] == [record.id for record in records]
    for document, record in zip(documents, records, strict=True):
        document.metadata["added later"] = "x"
        assert document.get_content(MetadataMode.EMBED) == embedding_text(record)
    node = next(LCAReader().lazy_load_nodes(demo.path(), database="demo"))
    assert node.get_content(MetadataMode.EMBED) == embedding_text(records[0])
    assert node.ref_doc_id == records[0].id


def test_retriever_gives_the_hits_of_the_core(index: Index) -> None:
    wishes: dict[str, Any] = {"place": "CN", "strict": True, "pedigree_weight": 0.5}
    hits = Retriever(index).search("aluminium ingot", k=4, **wishes)
    retriever = LCARetriever(Retriever(index), similarity_top_k=4, **wishes)
    nodes = retriever.retrieve("aluminium ingot")
    assert [node.node.node_id for node in nodes] == [hit.record.id for hit in hits]
    assert [node.score for node in nodes] == [hit.score for hit in hits]
    assert "kWh" in nodes[0].get_content(MetadataMode.LLM)


def test_the_retriever_has_every_wish_of_the_core() -> None:
    core = set(inspect.signature(Retriever.search).parameters) - {"self", "query", "k"}
    ours = set(inspect.signature(LCARetriever.__init__).parameters)
    assert core - ours == {"vector", "where"}, "which LCAVectorStore has"


async def test_retriever_is_async(index: Index) -> None:
    retriever = LCARetriever(Retriever(index), similarity_top_k=3)
    nodes = await retriever.aretrieve("cement clinker")
    assert [n.node.node_id for n in nodes] == [
        n.node.node_id for n in retriever.retrieve("cement clinker")
    ]


def nodes_of(embedding: LCAEmbedding, texts: dict[str, dict[str, Any]]) -> list[TextNode]:
    return [
        TextNode(
            id_=name,
            text=name,
            metadata=metadata,
            embedding=embedding.get_text_embedding(name),
        )
        for name, metadata in texts.items()
    ]


def test_store_keeps_replaces_filters_and_deletes(tmp_path: Path, embedding: LCAEmbedding) -> None:
    store = LCAVectorStore(tmp_path / "i")
    store.add(nodes_of(embedding, {"steel": {"n": 1}, "coal": {"n": 2}, "wood": {"tags": ["a"]}}))
    vector = embedding.get_query_embedding("coal")
    filters = MetadataFilters(
        filters=[MetadataFilter(key="n", value=1, operator=FilterOperator.GT)]
    )
    found = store.query(VectorStoreQuery(query_embedding=vector, similarity_top_k=3))
    assert (found.ids or [])[0] == "coal"
    assert (found.similarities or [])[0] == pytest.approx(1.0)
    found = store.query(
        VectorStoreQuery(query_embedding=vector, similarity_top_k=3, filters=filters)
    )
    assert found.ids == ["coal"]
    with pytest.raises(ValueError, match="no mode"):
        store.query(VectorStoreQuery(query_embedding=vector, mode=VectorStoreQueryMode.HYBRID))
    assert store.get_nodes(["wood"])[0].metadata == {"tags": ["a"]}
    store.add(nodes_of(embedding, {"steel": {"n": 9}}))
    assert [node.metadata for node in store.get_nodes(["steel"])] == [{"n": 9}]
    store.delete_nodes(["coal"])
    assert sorted(node.node_id for node in store.get_nodes()) == ["steel", "wood"]
    with pytest.raises(ValueError, match="use clear"):
        store.delete_nodes()
    store.clear()
    assert store.get_nodes() == []
    store.client.close()


def test_store_searches_data_sets_of_the_index(index: Index, embedding: LCAEmbedding) -> None:
    engine = VectorStoreIndex.from_vector_store(LCAVectorStore(index), embed_model=embedding)
    nodes = engine.as_retriever(similarity_top_k=5).retrieve("steel sheet")
    hits = Retriever(index).search("steel sheet", k=5, mode="dense")
    assert [node.node.node_id for node in nodes] == [hit.record.id for hit in hits]


def test_pipeline_updates_what_changed_and_leaves_nothing_stale(
    tmp_path: Path, embedding: LCAEmbedding
) -> None:
    store = LCAVectorStore(tmp_path / "i")
    pipeline = IngestionPipeline(
        transformations=[embedding],
        vector_store=store,
        docstore=SimpleDocumentStore(),
        docstore_strategy=DocstoreStrategy.UPSERTS,
    )
    nodes = [record_node(record) for record in RECORDS[:3]]
    pipeline.run(nodes=nodes)
    changed = nodes[0].model_copy(update={"text": "steel, new text"})
    pipeline.run(nodes=[changed, *nodes[1:]])
    texts = {node.node_id: node.get_content(MetadataMode.NONE) for node in store.get_nodes()}
    assert len(texts) == 3
    assert texts[RECORDS[0].id] == "steel, new text"
    store.client.close()


def test_reranker_orders_by_the_models_own_similarity(embedding: LCAEmbedding) -> None:
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in ("coal", "steel coil", "steel")]
    best = LCAReranker(embedding=embedding, top_n=2).postprocess_nodes(nodes, query_str="steel")
    assert [node.get_content() for node in best] == ["steel", "steel coil"]
    assert best[0].score == pytest.approx(1.0)
    with pytest.raises(ValueError, match="needs the question"):
        LCAReranker(embedding=embedding).postprocess_nodes(nodes)


def test_engine_answers_from_a_cited_record(index: Index) -> None:
    engine = LCAQueryEngine(LCARetriever(Retriever(index)))
    response = engine.query("How much electricity does cement clinker production in Germany take?")
    assert "kWh" in str(response)
    assert response.metadata is not None
    assert response.metadata["checks"]["verdict"] == "verified"
    assert [n.node.node_id for n in response.source_nodes] == response.metadata["citations"]


async def test_engine_streams_and_is_async(index: Index) -> None:
    retriever = LCARetriever(Retriever(index), place="US")
    question = "How much electricity does cement clinker take?"
    whole = await LCAQueryEngine(retriever).aquery(question)
    streamed = LCAQueryEngine(retriever, streaming=True).query(question)
    assert isinstance(streamed, StreamingResponse)
    assert "".join(streamed.response_gen) == str(whole)
    assert streamed.metadata is not None
    assert streamed.metadata["citations"]
    pieces = await LCAQueryEngine(retriever, streaming=True).aquery(question)
    assert isinstance(pieces, AsyncStreamingResponse)
    assert "".join([piece async for piece in pieces.async_response_gen()]) == str(whole)
    assert pieces.metadata == streamed.metadata
    assert [n.node_id for n in pieces.source_nodes] == streamed.metadata["citations"]


def test_engine_keeps_inventions_of_a_model_out(index: Index) -> None:
    class Liar(MockLLM):
        def chat(self, messages: Any, **kwargs: Any) -> Any:
            response = super().chat(messages, **kwargs)
            response.message.content = "Clinker takes 999 kWh of electricity per kg [1]."
            return response

        def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
            response = self.chat(messages)
            response.delta = response.message.content
            yield response

    engine = LCAQueryEngine(LCARetriever(Retriever(index)), llm=Liar(max_tokens=None))
    assert "999" not in str(engine.query("How much electricity does cement clinker take?"))


def test_chat_engine_shows_the_evidence_to_its_model(index: Index, embedding: LCAEmbedding) -> None:
    engine = VectorStoreIndex.from_vector_store(LCAVectorStore(index), embed_model=embedding)
    chat = engine.as_chat_engine(chat_mode=ChatMode.CONTEXT, llm=MockLLM(), similarity_top_k=1)
    response = chat.chat("steel sheet")
    assert response.source_nodes[0].node.metadata["name"].startswith("steel")
