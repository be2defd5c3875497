"""Free texts, collections of others, and what the hosts' own Chroma classes see of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import pytest
from langchain_chroma import Chroma
from langchain_core.embeddings import Embeddings
from llama_index.core.vector_stores import VectorStoreQuery
from llama_index.vector_stores.chroma import ChromaVectorStore

from lca_rag.errors import EncoderError, FingerprintMismatch, IndexStateError
from lca_rag.index import Index
from lca_rag.index.chroma import COLLECTION
from lca_rag.index.texts import host_metadata, record_text
from lca_rag.render import embedding_text
from tests.hash_encoder import HashEncoder
from tests.index_records import make_record, make_records


class HashEmbeddings(Embeddings):
    """The hash encoder as LangChain wants it."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [list(map(float, row)) for row in HashEncoder().encode_documents(texts)]

    def embed_query(self, text: str) -> list[float]:
        return list(map(float, HashEncoder().encode_queries([text])[0]))


@pytest.fixture
def index(tmp_path: Path, hash_encoder: HashEncoder) -> Iterator[Index]:
    with Index.open(tmp_path / "index", encoder=hash_encoder) as opened:
        yield opened


def test_texts_are_kept_as_they_are(index: Index) -> None:
    texts = ["  a text\n\nwith space around ", "", "another"]
    metadata: list[dict[str, object]] = [
        {"page": 3, "tags": ["a", "b"], "ok": True, "share": 0.5},
        {},
        {"page": None},
    ]
    ids = index.add_texts(texts, ids=["1", "two/2@x", "3"], metadatas=metadata)
    for id, text, facts in zip(ids, texts, metadata, strict=True):
        record = index.get(id)
        assert record is not None
        assert record_text(record) == text
        assert host_metadata(record) == facts
    assert index.get("texts/two/2@x") is not None


def test_texts_and_records_live_side_by_side(index: Index) -> None:
    index.sync(make_records(3))
    index.add_texts(["a note on number1"], ids=["note"])
    assert dict(index.databases()) == {"demo": {"process": 3}, "texts": {"text": 1}}
    assert index.sync(make_records(3), prune=True).removed == 0, "texts are another database"
    snapshot = index.snapshot()
    assert list(snapshot.column("kind")) == ["process"] * 3 + ["text"]


def test_text_with_a_known_id_is_replaced(index: Index) -> None:
    index.add_texts(["old"], ids=["1"], metadatas=[{"gone": 1}])
    (id,) = index.add_texts(["new"], ids=["1"], metadatas=[{"stays": 2}])
    record = index.get(id)
    assert record is not None
    assert (record_text(record), host_metadata(record)) == ("new", {"stays": 2})
    assert len(index.snapshot()) == 1


def test_given_vectors_of_any_dimension(tmp_path: Path) -> None:
    with Index.open(tmp_path) as index:
        vectors = [[3.0, 4.0, 0.0], [0.0, 0.0, 1.0], [0.0, 2.0, 0.0]]
        index.add_texts(["same", "same", "other"], ids=["a", "b", "c"], vectors=vectors)
        expected = np.array([[0.6, 0.8, 0], [0, 0, 1], [0, 1, 0]], dtype=np.float32)
        assert np.allclose(index.snapshot().matrix, expected)
        with pytest.raises(EncoderError, match=r"needs \(1, 3\)"):
            index.add_texts(["x"], vectors=[[1.0, 0.0]])
        assert len(index.snapshot()) == 3


def test_given_vectors_in_an_index_with_an_encoder_are_taken_for_its_own(tmp_path: Path) -> None:
    encoder = HashEncoder()
    with Index.open(tmp_path, encoder=encoder) as index:
        index.add_texts(["steel"], ids=["1"], vectors=encoder.encode_documents(["steel"]))
        with pytest.raises(EncoderError, match=r"needs \(1, 64\)"):
            index.add_texts(["x"], vectors=[[1.0, 0.0]])
        with pytest.raises(EncoderError, match="for 2 texts"):
            index.add_texts(["x", "y"], vectors=np.ones((1, 128)))
        assert index.add_texts([], vectors=[]) == []
    with Index.open(tmp_path, encoder=encoder) as index:
        index.sync(make_records(2))
        assert len(index.snapshot()) == 3


def test_same_id_twice_in_one_call_keeps_the_last(tmp_path: Path) -> None:
    with Index.open(tmp_path) as index:
        index.add_texts(["a", "b"], ids=["1", "1"], vectors=[[1.0, 0.0], [0.0, 1.0]])
        assert len(index.snapshot()) == 1
        assert record_text(index.snapshot().record(0)) == "b"
        assert index.snapshot().matrix[0].tolist() == [0.0, 1.0]


def test_delete_removes_known_ids_and_ignores_others(index: Index) -> None:
    index.sync(make_records(4))
    assert index.delete([make_record(1).id, "nothing"]) == 1
    assert index.delete([]) == 0
    assert index.get(make_record(1).id) is None
    assert len(index.snapshot()) == 3


# ---- what the hosts see of ours


def test_langchain_and_llama_index_read_our_collection(index: Index) -> None:
    index.sync(make_records(60))
    index.sync([make_record(7, note="changed")])
    index.delete([make_record(8).id])
    query = "steel number14 cement"
    vector = HashEncoder().encode_queries([query])[0]
    snapshot = index.snapshot()
    cosine = snapshot.matrix @ vector
    order = np.argsort(-cosine, kind="stable")
    gaps = cosine[order[:-1]] - cosine[order[1:]] > 1e-4
    k = 5 + int(np.argmax(gaps[4:]))  # cut where no tie is torn apart
    ours = [snapshot.ids[i] for i in order[:k]]

    store = Chroma(
        collection_name=COLLECTION,
        persist_directory=str(index.folder / "chroma"),
        embedding_function=HashEmbeddings(),
    )
    found = store.similarity_search_with_relevance_scores(query, k=len(ours))
    scores = {document.metadata["record_id"]: score for document, score in found}
    assert scores.keys() == set(ours)
    assert all(abs(scores[id] - cosine[snapshot.ids.index(id)]) < 1e-5 for id in ours)
    record = index.get(ours[0])
    assert record is not None
    top = store.get_by_ids([ours[0]])[0]
    assert top.page_content == embedding_text(record)
    assert top.metadata["database"] == "demo"
    assert top.metadata["source"] == ours[0]
    assert store.get_by_ids([make_record(8).id]) == []

    nodes = ChromaVectorStore(chroma_collection=store._collection).query(
        VectorStoreQuery(query_embedding=vector.tolist(), similarity_top_k=len(ours))
    )
    assert nodes.ids is not None
    assert nodes.nodes is not None
    assert set(nodes.ids) == set(ours)
    assert nodes.ids == [document.metadata["record_id"] for document, _ in found]
    assert nodes.nodes[0].get_content() == found[0][0].page_content
    store._client.close()


# ---- what we see of theirs


def langchain_store(folder: Path, name: str = "theirs") -> Chroma:
    return Chroma(
        collection_name=name,
        persist_directory=str(folder),
        embedding_function=HashEmbeddings(),
        collection_metadata={"hnsw:space": "l2"},
    )


def test_adopts_what_langchain_wrote(tmp_path: Path, hash_encoder: HashEncoder) -> None:
    store = langchain_store(tmp_path / "theirs")
    store.add_texts(["steel sheet", "cement"], ids=["1", "2"], metadatas=[{"page": 1}, {"page": 2}])
    arguments: dict[str, Any] = {"encoder": hash_encoder, "folder": tmp_path / "ours"}
    with Index.from_chroma(store._collection, **arguments) as index:
        snapshot = index.snapshot()
        assert snapshot.ids == ["theirs/1@00.00.000", "theirs/2@00.00.000"]
        assert host_metadata(snapshot.record(0)) == {"page": 1}
        assert np.allclose(snapshot.matrix, hash_encoder.encode_queries(["steel sheet", "cement"]))
    store.delete(["2"])
    store.add_texts(["steel coil"], ids=["3"])
    with Index.from_chroma(store._collection, **arguments) as index:
        assert index.snapshot().ids == ["theirs/1@00.00.000", "theirs/3@00.00.000"]
    store._client.close()
    with Index.from_chroma(tmp_path / "theirs", **arguments) as index:
        assert len(index.snapshot()) == 2


def test_adoption_refuses_vectors_of_another_encoder(tmp_path: Path) -> None:
    store = langchain_store(tmp_path / "theirs")
    store.add_texts(["steel sheet"], ids=["1"])
    with pytest.raises(FingerprintMismatch, match="cosine"):
        Index.from_chroma(
            store._collection, encoder=HashEncoder(seed="2"), folder=tmp_path / "ours"
        )
    with Index.from_chroma(
        store._collection, encoder=HashEncoder(seed="2"), folder=tmp_path / "new", reembed=True
    ) as index:
        expected = HashEncoder(seed="2").encode_queries(["steel sheet"])
        assert np.allclose(index.snapshot().matrix, expected)
    with pytest.raises(FingerprintMismatch, match="dimensions"):
        Index.from_chroma(
            store._collection, encoder=HashEncoder(dimension=8), folder=tmp_path / "third"
        )
    store._client.close()


def test_adoption_without_encoder_takes_any_dimension(tmp_path: Path) -> None:
    client = chromadb.EphemeralClient()
    raw = client.create_collection("bare-vectors", embedding_function=None)
    raw.add(ids=["a", "b"], embeddings=[[3.0, 4.0], [1.0, 0.0]], metadatas=[{"x": 1}, {"x": 2}])
    with Index.from_chroma(raw, folder=tmp_path / "ours") as index:
        assert np.allclose(index.snapshot().matrix, np.array([[0.6, 0.8], [1, 0]]))
    with pytest.raises(IndexStateError, match="without texts"):
        Index.from_chroma(raw, encoder=HashEncoder(dimension=2), folder=tmp_path / "second")
    client.delete_collection("bare-vectors")
    client.close()


def test_adoption_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(IndexStateError, match="no files of Chroma"):
        Index.from_chroma(tmp_path)
    langchain_store(tmp_path / "theirs", "one")._client.close()
    langchain_store(tmp_path / "theirs", "two")._client.close()
    with pytest.raises(IndexStateError, match="which collection; there are: one, two"):
        Index.from_chroma(tmp_path / "theirs", folder=tmp_path / "ours")
