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
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tracers.schemas import Run

import langchain_lca
from langchain_lca import (
    LCAEmbeddings,
    LCARecordLoader,
    LCAReranker,
    LCARetriever,
    LCAVectorStore,
    create_lca_qa_chain,
    create_lca_tools,
)
from langchain_lca.retriever import WISHES
from lca_rag import Index, Retriever, embedding_text, load_encoder
from lca_rag.filters import SearchArguments
from tests.hash_encoder import HashEncoder
from tests.hosts import RECORDS, long_enough, make_index, ticks_during
from tests.tiny_models import make_qwen3

TEXTS = ["# Steel sheet\n\nhot rolled, coil", "  原铝，中国 ", "a", "word " * 1100, ""]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with make_index(tmp_path_factory.mktemp("langchain") / "i") as opened:
        yield opened


@pytest.fixture
def retriever(index: Index) -> LCARetriever:
    return LCARetriever(retriever=Retriever(index), k=4)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_qwen3(tmp_path_factory.mktemp("langchain-model") / "tiny")


def test_public_names() -> None:
    assert sorted(langchain_lca.__all__) == [
        "LCAEmbeddings",
        "LCARecordLoader",
        "LCAReranker",
        "LCARetriever",
        "LCAVectorStore",
        "create_lca_qa_chain",
        "create_lca_tools",
        "record_key",
    ]


def test_import_is_light() -> None:
    code = (
        "import sys, langchain_lca\n"
        "heavy = {'torch', 'transformers', 'chromadb', 'fastapi'}\n"
        "other = {'langchain', 'langchain_classic', 'langchain_community', 'langchain_chroma'}\n"
        "assert not (heavy | other) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_vectors_equal_those_of_the_core(tiny: Path) -> None:
    embeddings = LCAEmbeddings(model=str(tiny))
    encoder = load_encoder(str(tiny))
    np.testing.assert_allclose(
        embeddings.embed_documents(TEXTS), encoder.encode_documents(TEXTS), atol=1e-6
    )
    for text in TEXTS:
        np.testing.assert_allclose(
            embeddings.embed_query(text), encoder.encode_queries([text])[0], atol=1e-6
        )
    assert embeddings.embed_documents([]) == []


def test_embeddings_pickle_without_weights(tiny: Path) -> None:
    embeddings = LCAEmbeddings(model=str(tiny))
    before = embeddings.embed_query("steel")
    packed = pickle.dumps(embeddings)
    assert len(packed) < 2_000
    np.testing.assert_allclose(pickle.loads(packed).embed_query("steel"), before, atol=1e-6)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="model_kwargs"):
        LCAEmbeddings(model="mini", model_kwargs={})  # type: ignore[call-arg]


async def test_embedding_leaves_the_event_loop_free() -> None:
    embeddings = LCAEmbeddings(model="mini")
    texts = long_enough(embeddings.embed_documents)
    ticks = await ticks_during(embeddings.aembed_documents(texts))
    print(f"a 50 ms ticker while {len(texts)} texts are embedded: {ticks}")  # noqa: T201 seen with -s
    assert ticks.free


async def test_embeddings_are_floats_and_settings_stay_at_home(tiny: Path) -> None:
    embeddings = LCAEmbeddings(model=str(tiny))
    for vector in (embeddings.embed_query("a"), await embeddings.aembed_query("a")):
        assert type(vector) is list
        assert {type(value) for value in vector} == {float}
    assert not LCARetriever.is_lc_serializable(), "a retriever with an open index does not travel"


def test_hits_are_those_of_the_core(index: Index, retriever: LCARetriever) -> None:
    hits = Retriever(index).search("aluminium ingot", k=4, place="CN")
    documents = retriever.invoke("aluminium ingot", place="CN")
    assert [document.id for document in documents] == [hit.record.id for hit in hits]
    assert [document.metadata["score"] for document in documents] == [hit.score for hit in hits]
    assert documents[0].metadata["place"] == "CN"
    assert "kWh" in documents[0].page_content


async def test_every_wish_can_be_asked_per_call_and_async(retriever: LCARetriever) -> None:
    sync = retriever.invoke("cement clinker", k=2, place="RER", strict=True, year=2016)
    other = await retriever.ainvoke("cement clinker", k=2, place="RER", strict=True, year=2016)
    assert [document.id for document in sync] == [document.id for document in other]
    assert {document.metadata["place"] for document in sync} == {"RER"}
    with pytest.raises(TypeError, match="unknown search argument 'country'"):
        retriever.invoke("cement", country="DE")


def test_data_quality_can_be_weighed_per_call(retriever: LCARetriever) -> None:
    asked: dict[str, Any] = {"place": "DE", "year": 2016, "pedigree_weight": 0.5}
    hits = retriever.retriever.search("cement", k=3, place="DE", year=2016, pedigree_weight=0.5)
    documents = retriever.invoke("cement", k=3, **asked)
    assert [document.metadata["score"] for document in documents] == [hit.score for hit in hits]
    assert any("data quality weighs 50%" in reason for reason in hits[0].reasons)
    plain = retriever.invoke("cement", k=3, place="DE", year=2016)
    assert [document.metadata["score"] for document in plain] != [hit.score for hit in hits]


def test_the_retriever_has_every_wish_of_the_core(index: Index) -> None:
    core = set(inspect.signature(Retriever.search).parameters) - {"self", "query"}
    assert core - set(LCARetriever.model_fields) == {"vector", "where"}, "which LCAVectorStore has"
    assert set(WISHES) == set(SearchArguments.__annotations__), "what answers take as well"


def test_callbacks_and_trace_names(retriever: LCARetriever) -> None:
    from langchain_core.tracers.run_collector import RunCollectorCallbackHandler

    collector = RunCollectorCallbackHandler()
    retriever.invoke("steel", config={"callbacks": [collector]})
    run: Run = collector.traced_runs[0]
    assert run.run_type == "retriever"
    assert run.extra["metadata"]["ls_vector_store_provider"] == "lca-rag"


def test_metadata_is_flat_and_the_same_on_every_document(retriever: LCARetriever) -> None:
    documents = retriever.invoke("steel", k=10)
    keys = {frozenset(document.metadata) for document in documents}
    assert len(keys) == 1
    values = [value for document in documents for value in document.metadata.values()]
    assert all(isinstance(value, str | int | float | bool) for value in values)


def test_loader_gives_what_is_embedded(tmp_path: Path, index: Index) -> None:
    documents = LCARecordLoader(index.folder).load()
    assert [document.id for document in documents] == [record.id for record in RECORDS]
    assert [document.page_content for document in documents] == [
        embedding_text(record) for record in RECORDS
    ]


def test_loader_takes_an_open_index_and_one_database(index: Index) -> None:
    assert len(LCARecordLoader(index).load()) == len(RECORDS)
    assert LCARecordLoader(index, database="other").load() == []


async def test_loader_is_lazy_async_and_cuts_sections(index: Index) -> None:
    loader = LCARecordLoader(index.folder, sections=True)
    documents = [document async for document in loader.alazy_load()]
    sections = {document.metadata["section"] for document in documents}
    assert {"head", "Description", "Main Inputs"} <= sections
    assert all(document.page_content.startswith("# ") for document in documents)
    assert len({document.id for document in documents}) == len(documents)


def test_store_searches_data_sets_with_filters(index: Index) -> None:
    store = LCAVectorStore(index, LCAEmbeddings.from_encoder(HashEncoder()))
    found = store.similarity_search_with_score("steel sheet", k=3, filter={"place": "DE"})
    assert [document.metadata["place"] for document, _ in found] == ["DE"] * 3
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)
    vector = HashEncoder().encode_queries(["steel sheet"])[0]
    for document, score in found:
        position = index.snapshot().position(str(document.id))
        assert position is not None
        assert score == pytest.approx(float(index.snapshot().matrix[position] @ vector), abs=1e-5)
    relevance = store.similarity_search_with_relevance_scores("steel sheet", k=3)
    assert all(0 <= score <= 1 for _, score in relevance)


def test_store_holds_free_texts_with_their_metadata(tmp_path: Path) -> None:
    store = LCAVectorStore.from_texts(
        ["alpha", "beta", "gamma"],
        DeterministicFakeEmbedding(size=6),
        [{"n": 1, "tags": ["x"]}, {"n": 2}, {"n": 3}],
        ids=["a", "b/1", "c"],
        index=tmp_path / "i",
    )
    assert [document.metadata for document in store.get_by_ids(["a", "b/1"])] == [
        {"n": 1, "tags": ["x"]},
        {"n": 2},
    ]
    assert [d.id for d in store.similarity_search("alpha", k=3, filter={"n": 2})] == ["b/1"]
    test = [d.id for d in store.similarity_search("x", k=3, filter=lambda d: d.metadata["n"] > 1)]
    assert sorted(str(name) for name in test) == ["b/1", "c"]
    assert len(store.max_marginal_relevance_search("alpha", k=2, fetch_k=3)) == 2
    assert len(store.as_retriever(search_type="mmr", search_kwargs={"k": 2}).invoke("x")) == 2
    store.add_documents([Document(id="a", page_content="alpha, new", metadata={"n": 9})])
    assert store.get_by_ids(["a"])[0].page_content == "alpha, new"
    assert store.get_by_ids(["a"])[0].metadata == {"n": 9}
    with pytest.raises(ValueError, match="name the ids to delete"):
        store.delete()
    store.index.close()


def test_store_adds_more_than_chroma_takes_at_once(tmp_path: Path) -> None:
    store = LCAVectorStore(tmp_path / "i", DeterministicFakeEmbedding(size=4))
    ids = store.add_texts([f"text {number}" for number in range(5_600)])
    assert len(set(ids)) == 5_600
    store.index.close()


def test_reranker_orders_by_the_models_own_similarity() -> None:
    encoder = HashEncoder()
    reranker = LCAReranker(embeddings=LCAEmbeddings.from_encoder(encoder), top_n=2)
    documents = [Document(page_content=text) for text in ("coal power", "steel coil", "steel")]
    best = reranker.compress_documents(documents, "steel")
    assert [document.page_content for document in best] == ["steel", "steel coil"]
    assert best[0].metadata["rerank_score"] == pytest.approx(1.0)
    assert "rerank_score" not in documents[2].metadata
    assert reranker.compress_documents([], "steel") == []


def test_reranker_takes_any_cross_encoder() -> None:
    class Longest:
        def predict(self, pairs: list[tuple[str, str]]) -> list[int]:
            return [len(text) for _, text in pairs]

    reranker = LCAReranker(
        embeddings=LCAEmbeddings.from_encoder(HashEncoder()), cross_encoder=Longest(), top_n=1
    )
    documents = [Document(page_content=text) for text in ("coal", "steel coil")]
    assert reranker.compress_documents(documents, "x")[0].page_content == "steel coil"


def test_tools_respect_rights_and_answer_in_sentences(index: Index) -> None:
    search, get = create_lca_tools(Retriever(index), rights=frozenset())
    assert search.invoke({"query": "steel"}).startswith("No data set fits")
    assert get.invoke({"record_id": RECORDS[0].id}).startswith("No data set")
    search, get = create_lca_tools(Retriever(index))
    assert "place 'Atlantis' is unknown" in search.invoke({"query": "steel", "place": "Atlantis"})
    line = search.invoke({"query": "steel sheet", "place": "DE", "k": 1})
    assert line.startswith(f"[{RECORDS[0].id}]") or "[shop/" in line
    assert "1.5 " in get.invoke({"record_id": RECORDS[0].id})


def test_chain_answers_from_a_cited_record(retriever: LCARetriever) -> None:
    chain = create_lca_qa_chain(retriever)
    result = chain.invoke("How much electricity does cement clinker production in Germany take?")
    assert not result["abstained"]
    assert "kWh" in result["answer"]
    assert "[1]" in result["answer"]
    assert result["citations"][0] in {record.id for record in RECORDS}
    assert result["checks"]["verdict"] == "verified"
    assert {document.id for document in result["context"]} >= set(result["citations"])


async def test_chain_streams_checked_pieces_sync_and_async(retriever: LCARetriever) -> None:
    chain = create_lca_qa_chain(retriever)
    asked = {"question": "How much electricity does cement clinker take?", "place": "US"}
    pieces = list(chain.stream(asked))
    assert "answer" in pieces[0]
    assert "citations" in pieces[-1]
    text = "".join(piece.get("answer", "") for piece in pieces)
    assert text == chain.invoke(asked)["answer"]
    assert (await chain.ainvoke(asked))["answer"] == text
    assert [piece async for piece in chain.astream(asked)][-1]["citations"]


def test_chain_marks_or_removes_what_a_model_invents(retriever: LCARetriever) -> None:
    lie = "Clinker takes 999 kWh of electricity per kg [1]."
    model = GenericFakeChatModel(messages=iter([AIMessage(lie)] * 3))
    result = create_lca_qa_chain(retriever, model).invoke(
        "How much electricity does cement clinker production take?"
    )
    assert "999" not in result["answer"]
    assert result["checks"]["verdict"] != "verified" or result["citations"]
