"""The traps of Chroma that `frameworks.md` reports (1.5, 2.4, 4): ours has none of them.

Each test names its trap. Killed writers and rival processes are in `test_index_processes.py`, what
the hosts read of ours in `test_index_texts.py`, servers in `test_index_server.py`.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import pytest

from lca_rag.errors import IndexLocked, IndexStateError
from lca_rag.index import Index
from lca_rag.index.chroma import (
    BATCH,
    COLLECTION,
    EF_SEARCH,
    Collection,
    Row,
    embedded_client,
    flat_metadata,
)
from lca_rag.record import Period
from lca_rag.render import embedding_text
from tests.hash_encoder import HashEncoder
from tests.index_records import make_record, make_records


@pytest.fixture
def index(tmp_path: Path, hash_encoder: HashEncoder) -> Iterator[Index]:
    with Index.open(tmp_path / "index", encoder=hash_encoder) as opened:
        yield opened


def rows_of(index: Index) -> dict[str, tuple[str, dict[str, Any]]]:
    """Document and metadata by id, read with Chroma's own client."""
    with embedded_client(index.folder / "chroma") as client:
        raw = client.get_collection(COLLECTION, embedding_function=None)
        found = raw.get(include=["documents", "metadatas"])
    pairs = zip(found["documents"], found["metadatas"], strict=True)
    return dict(zip(found["ids"], pairs, strict=True))


# ---- collections and their configuration


def test_collection_is_made_as_we_need_it(index: Index) -> None:
    """Defaults: l2, ef_search 100, and a MiniLM embedding function that wants the network."""
    index.sync(make_records(3))
    with embedded_client(index.folder / "chroma") as client:
        raw = client.get_collection(COLLECTION, embedding_function=None)
        assert raw.configuration["hnsw"]["space"] == "cosine"
        assert raw.configuration["hnsw"]["ef_search"] == EF_SEARCH
        assert raw.configuration["embedding_function"] is None
        assert raw.metadata["lca_dimension"] == 64


@pytest.mark.parametrize("space", ["l2", "ip"])
def test_existing_collection_of_another_space_is_noticed(tmp_path: Path, space: str) -> None:
    """`get_or_create_collection` silently keeps the space of an existing collection."""
    with embedded_client(tmp_path) as client:
        client.create_collection("taken", configuration={"hnsw": {"space": space}})
        with pytest.raises(IndexStateError, match=f"measures '{space}'"):
            Collection.open(client, "taken", HashEncoder().fingerprint)


def test_existing_collection_of_another_encoder_is_noticed(tmp_path: Path) -> None:
    """It silently keeps the metadata, too."""
    with embedded_client(tmp_path) as client:
        Collection.open(client, "taken", HashEncoder().fingerprint)
        with pytest.raises(IndexStateError, match="belongs to another encoder"):
            Collection.open(client, "taken", HashEncoder(seed="2").fingerprint)


def test_wrong_collection_in_our_own_folder_is_replaced(index: Index) -> None:
    with embedded_client(index.folder / "chroma") as client:
        client.create_collection(COLLECTION, embedding_function=None)
    index.sync(make_records(3))
    assert len(rows_of(index)) == 3


def test_odd_collection_names_are_refused_with_a_reason(tmp_path: Path) -> None:
    with embedded_client(tmp_path) as client:
        for name in ("ab", "-abc", "a b c", "ä" * 5, "x" * 513):
            with pytest.raises(IndexStateError, match="3 to 512"):
                Collection.open(client, name, HashEncoder().fingerprint)


def test_dotenv_of_the_working_directory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chroma's settings come from a `.env` in the working directory."""
    (tmp_path / ".env").write_text("CHROMA_API_IMPL=nonsense\nALLOW_RESET=maybe\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="allow_reset"):
        chromadb.Settings()
    with Index.open(tmp_path / "index", encoder=HashEncoder()) as index:
        assert index.sync(make_records(2)).added == 2


# ---- writing


def test_changed_record_loses_the_metadata_it_lost(index: Index) -> None:
    """`upsert` merges metadata: vanished keys stay."""
    index.sync([make_record(1)])
    assert rows_of(index)[make_record(1).id][1]["reference_year"] == 2001
    index.sync([replace(make_record(1), period=Period())])
    assert "reference_year" not in rows_of(index)[make_record(1).id][1]


def test_changed_record_replaces_the_old_text(index: Index) -> None:
    """`add` silently keeps what stands under a known id."""
    index.sync([make_record(1)])
    changed = make_record(1, note="changed")
    index.sync([changed])
    assert rows_of(index) == {changed.id: (embedding_text(changed), rows_of(index)[changed.id][1])}


def test_removed_and_returned_record_stands_there_once(index: Index) -> None:
    index.sync(make_records(3))
    index.delete([make_record(1).id])
    assert set(rows_of(index)) == {make_record(0).id, make_record(2).id}
    index.sync([make_record(1, note="back")])
    assert "back" in rows_of(index)[make_record(1).id][0]
    assert len(rows_of(index)) == 3


def test_writes_are_cut_into_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chroma refuses more than 5,461 rows at once, after everything was embedded."""
    sizes: list[int] = []
    original = chromadb.Collection.add

    def add(self: chromadb.Collection, ids: Sequence[str], **rest: Any) -> None:
        sizes.append(len(ids))
        original(self, list(ids), **rest)

    monkeypatch.setattr(chromadb.Collection, "add", add)
    with embedded_client(tmp_path) as client:
        collection = Collection.open(client, "big", HashEncoder().fingerprint)
        vector = HashEncoder().encode_queries(["steel"])[0]
        collection.add([Row(str(i), "text", {"n": i}, vector) for i in range(5500)])
        assert collection.count() == 5500
        assert max(sizes) <= min(BATCH, client.get_max_batch_size())
        collection.forget([str(i) for i in range(5500)])
        assert collection.count() == 0
        collection.forget([])  # Chroma takes an empty list for a mistake


def test_newer_version_marks_the_older_one_in_chroma(index: Index) -> None:
    index.sync([make_record(1)])
    index.sync([make_record(1, version="02.00.000")])
    newest = {id: metadata["newest"] for id, (_, metadata) in rows_of(index).items()}
    assert newest == {make_record(1).id: False, make_record(1, version="02.00.000").id: True}


def test_row_that_vanished_from_chroma_is_written_again(index: Index) -> None:
    index.sync(make_records(5))
    with embedded_client(index.folder / "chroma") as client:
        raw = client.get_collection(COLLECTION, embedding_function=None)
        raw.delete(ids=[make_record(2).id])
    index.sync([make_record(9)])
    assert len(rows_of(index)) == 6


# ---- metadata


def test_metadata_is_what_chroma_takes() -> None:
    """None, NaN, infinity, big integers, mappings and mixed lists are refused or lost."""
    flat = flat_metadata(
        {
            "text": "a",
            "yes": True,
            "year": 2020,
            "share": 0.5,
            "tags": ["a", "b"],
            "unknown": None,
            "nan": math.nan,
            "endless": math.inf,
            "big": 2**63,
            "mixed": [1, "a"],
            "empty": [],
            "nested": {"a": 1},
            "": "no key",
            "chroma:document": "reserved",
        }
    )
    assert flat == {
        "text": "a",
        "yes": True,
        "year": 2020,
        "share": 0.5,
        "tags": ["a", "b"],
        "big": "9223372036854775808",
        "mixed": '[1, "a"]',
        "empty": "[]",
        "nested": '{"a": 1}',
    }
    client = chromadb.EphemeralClient()
    raw = client.create_collection("metadata", embedding_function=None)
    raw.add(ids=["1"], embeddings=[[1.0]], metadatas=[flat])
    found = raw.get()["metadatas"]
    assert found == [flat]
    client.delete_collection("metadata")
    client.close()


def test_texts_stand_in_every_row_and_unknown_numbers_in_none(index: Index) -> None:
    """`$ne` matches rows that lack the key, and templates want their key in every row."""
    index.sync(make_records(6))
    rows = [metadata for _, metadata in rows_of(index).values()]
    keys = {name for row in rows for name, value in row.items() if isinstance(value, str)}
    assert all(keys <= row.keys() for row in rows)
    assert {"place", "cas", "name", "database"} <= keys
    assert [("reference_year" in row) for row in rows] == [False, True, True, True, True, False]


# ---- reading


def test_approximate_search_finds_what_exact_search_finds(tmp_path: Path) -> None:
    """With default settings a third of the hits is lost on hard data."""
    rows = np.random.default_rng(520).normal(size=(1500, 64)).astype(np.float32)
    with Index.open(tmp_path / "index") as index:
        index.add_texts([str(i) for i in range(1500)], vectors=rows)
        snapshot = index.snapshot()
        found, wanted = 0, 0
        for query in snapshot.matrix[:40]:
            exact = set(np.argsort(-(snapshot.matrix @ query))[:10].tolist())
            hits = snapshot.chroma_query(query, 10)
            scores = [score for _, score in hits]
            assert scores == sorted(scores, reverse=True)
            assert scores[0] == pytest.approx(1, abs=1e-5), "a cosine, not a distance"
            found += len(exact & {position for position, _ in hits})
            wanted += 10
        assert found / wanted > 0.97


def test_asking_for_more_than_there_is(index: Index) -> None:
    vector = HashEncoder().encode_queries(["steel"])[0]
    assert index.snapshot().chroma_query(vector, 5) == []
    index.sync(make_records(3))
    assert len(index.snapshot().chroma_query(vector, 50)) == 3
    where = {"place": "DE"}
    assert [hit for hit, _ in index.snapshot().chroma_query(vector, 50, where)] == [1]


def test_search_through_chroma_holds_the_lock_and_sees_own_writes(index: Index) -> None:
    """A second engine on the same files sees a stale state, and two that write lose records."""
    index.sync(make_records(3))
    vector = HashEncoder().encode_queries(["number7"])[0]
    index.snapshot().chroma_query(vector, 1)
    with Index.open(index.folder, encoder=HashEncoder()) as other:
        assert len(other.snapshot()) == 3
        with pytest.raises(IndexLocked):
            other.sync([make_record(9)])
        with pytest.raises(IndexLocked):
            other.snapshot().chroma_query(vector, 1)
    index.sync(make_records(8))
    snapshot = index.snapshot()
    assert len(snapshot.chroma_query(vector, 50)) == 8
    index.repair()
    assert len(index.snapshot().chroma_query(vector, 50)) == 8
    index.close()
    with Index.open(index.folder, encoder=HashEncoder()) as other:
        assert other.sync([make_record(9)]).added == 1


# ---- paths, threads, ends


def test_aliases_of_one_folder_are_one_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index
) -> None:
    """A relative alias opens a second engine on the same files."""
    (tmp_path / "link").symlink_to(index.folder)
    monkeypatch.chdir(tmp_path)
    index.sync(make_records(2))
    with index._lock:
        for alias in ("index", "./index", "link", "../" + tmp_path.name + "/index"):
            with (
                Index.open(alias, encoder=HashEncoder()) as other,
                pytest.raises(IndexLocked, match=str(index.folder)),
            ):
                other.sync([make_record(5)])
    with Index.open("link", encoder=HashEncoder()) as other:
        other.sync([make_record(5)])
    assert len(rows_of(index)) == 3


def test_folder_can_be_removed_and_made_anew(tmp_path: Path) -> None:
    """Removing files under an open Chroma makes the next one fail until it is closed."""
    for note in ("first", "second"):
        with Index.open(tmp_path / "index", encoder=HashEncoder()) as index:
            index.sync([make_record(1, note=note)])
            index.snapshot().chroma_query(index.snapshot().matrix[0], 1)
        assert note in rows_of(index)[make_record(1).id][0]
        shutil.rmtree(tmp_path / "index")


def test_threads_share_one_index(index: Index) -> None:
    def work(number: int) -> int:
        index.add_texts([f"text {number}"], ids=[str(number)])
        snapshot = index.snapshot()
        assert index.get(f"texts/{number}") is not None
        return len(snapshot.records(range(len(snapshot))))

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(work, range(16)))
    assert max(counts) == 16
    assert len(rows_of(index)) == 16
