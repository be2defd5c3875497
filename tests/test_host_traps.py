"""What LangChain's own classes get wrong, and ours do not: traps by their number in TRAPS.md.

Traps that other files test already are named there with their tests.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain.embeddings import init_embeddings
from langchain_core.documents import Document
from langchain_core.indexing import IndexingResult, InMemoryRecordManager
from langchain_core.indexing import index as host_index
from langchain_core.prompts import PromptTemplate
from langchain_core.stores import InMemoryByteStore
from langchain_core.tools import create_retriever_tool

import langchain_lca
from langchain_lca import LCAEmbeddings, LCARecordLoader, LCARetriever, record_key
from langchain_lca.documents import record_document
from lca_rag import Index, Retriever, load_encoder
from lca_rag.encoders.tokens import Tokenizer
from lca_rag.errors import FingerprintMismatch
from tests.hash_encoder import HashEncoder
from tests.hosts import RECORDS, Crowd, make_index, slow, ticks_during
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
    assert (await ticks_during(retriever.ainvoke("steel"))).free
    store = langchain_lca.LCAVectorStore(index, LCAEmbeddings.from_encoder(HashEncoder()))
    assert (await ticks_during(store.asimilarity_search("steel"))).free


@pytest.mark.parametrize("bad", [None, 7, b"steel"])
def test_trap_05_what_is_no_text_is_refused_at_once(tmp_path: Path, bad: Any) -> None:
    embeddings = LCAEmbeddings(model=str(make_qwen3(tmp_path / "tiny")))
    embeddings.embed_query("steel")
    start = time.perf_counter()
    with pytest.raises(TypeError, match="text"):
        embeddings.embed_documents([bad])
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


def test_trap_06_nor_does_our_own_cache_which_holds_both_roles() -> None:
    store = InMemoryByteStore()
    encoder = Prompted()
    ours, plain = (LCAEmbeddings.from_encoder(encoder) for _ in range(2))
    ours.cache = store
    for _ in range(2):
        np.testing.assert_allclose(
            ours.embed_documents(["steel", " steel ", "coal"]),
            plain.embed_documents(["steel", "steel", "coal"]),
        )
        np.testing.assert_allclose(ours.embed_query("steel"), plain.embed_query("steel"))
    assert encoder.encoded.count("coal") == 3, "once for the cache, twice without it"
    assert len(list(store.yield_keys())) == 3, "steel in both roles, and coal"
    other = LCAEmbeddings(model="other", encoder=Prompted(seed="2"), cache=store)
    assert other.embed_query("steel") != ours.embed_query("steel"), "nor another model"
    assert pickle.loads(pickle.dumps(ours)).cache is None, "a pickle carries no store"


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


def test_trap_09_texts_without_ids_are_known_by_their_content(
    store: langchain_lca.LCAVectorStore,
) -> None:
    first = store.add_texts(["steel", "steel", "coal"], [{"n": 1}, {"n": 2}, {}])
    assert store.add_documents([Document("coal"), Document("steel", metadata={"n": 1})]) == [
        first[2],
        first[0],
    ]
    assert len(store.similarity_search("steel", k=9)) == 3


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


def indexed(
    documents: list[Document], store: langchain_lca.LCAVectorStore, **settings: Any
) -> dict[str, Any]:
    """The host's `index()` with the store as its own record manager, made anew each time."""
    return dict(
        host_index(
            documents,
            store.record_manager(),
            store,
            cleanup="incremental",
            source_id_key="source",
            key_encoder=record_key,
            **settings,
        )
    )


def test_trap_32_the_hosts_indexing_keeps_the_records_id(
    index: Index, store: langchain_lca.LCAVectorStore
) -> None:
    documents = LCARecordLoader(index.folder).load()[:3]
    indexed(documents, store)
    for found in store.similarity_search("steel", k=3):
        assert str(found.id).startswith(f"{found.metadata['record_id']}:")
    assert {found.metadata["record_id"] for found in store.similarity_search("steel", k=3)} == {
        document.id for document in documents
    }


def test_trap_33_a_record_manager_cannot_be_lost(
    index: Index, store: langchain_lca.LCAVectorStore
) -> None:
    documents = LCARecordLoader(index.folder).load()[:3]
    assert indexed(documents, store)["num_added"] == 3
    assert indexed(documents, store)["num_skipped"] == 3
    changed = documents[0].model_copy(update={"page_content": "steel, new"})
    counts = indexed([changed, *documents[1:]], store)
    assert (counts["num_added"], counts["num_skipped"], counts["num_deleted"]) == (1, 2, 1)
    texts = [document.page_content for document in store.similarity_search("steel", k=9)]
    assert sorted(texts) == sorted(["steel, new", *(d.page_content for d in documents[1:])])
    store.delete([str(document.id) for document in store.similarity_search("steel", k=9)])
    assert indexed(documents, store)["num_added"] == 3, "what the store lost is added again"


def test_trap_34_a_key_tells_a_changed_document() -> None:
    document = record_document(RECORDS[0])
    text = document.model_copy(update={"page_content": "steel, new"})
    metadata = document.model_copy(update={"metadata": document.metadata | {"place": "XX"}})
    keys = {record_key(found) for found in (document, text, metadata)}
    assert len(keys) == 3
    assert record_key(document) == record_key(document.model_copy(deep=True))
    assert all(key.startswith(f"{document.id}:") for key in keys)


def test_trap_35_another_model_is_indexed_anew(
    index: Index, store: langchain_lca.LCAVectorStore, tmp_path: Path
) -> None:
    documents = LCARecordLoader(index.folder).load()[:3]
    indexed(documents, store)
    other = langchain_lca.LCAVectorStore(
        tmp_path / "other", LCAEmbeddings.from_encoder(HashEncoder(seed="2"))
    )
    assert indexed(documents, other)["num_added"] == 3
    other.index.close()


def test_trap_36_a_model_named_by_a_string_gets_no_prompt_from_the_host(tmp_path: Path) -> None:
    folder = make_qwen3(tmp_path / "tiny")
    theirs = init_embeddings(f"huggingface:{folder}", model_kwargs={"device": "cpu"})
    reference = load_encoder(folder).encode_queries(["steel"])[0]
    ours = LCAEmbeddings(model=str(folder)).embed_query("steel")
    assert np.allclose(ours, reference, atol=1e-6)
    assert not np.allclose(theirs.embed_query("steel"), reference, atol=1e-2)


async def test_trap_31_many_calls_at_once_take_turns_in_one_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embeddings = LCAEmbeddings(model=str(make_qwen3(tmp_path / "tiny")))
    texts = [f"steel {number} " * (1 + number % 3) for number in range(8)]
    expected = [embeddings.embed_query(text) for text in texts]
    crowd = Crowd(Tokenizer.encode)
    monkeypatch.setattr(Tokenizer, "encode", crowd)
    found = await asyncio.gather(*map(embeddings.aembed_query, texts))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (crowd.calls, crowd.most) == (8, 1)


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
