"""An index on a real Chroma server, which the test starts: `chroma run`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from langchain_chroma import Chroma

from lca_rag.errors import FingerprintMismatch, IndexLocked, IndexStateError
from lca_rag.index import Index
from lca_rag.index import server as servers
from lca_rag.index.chroma import server_client
from lca_rag.record import Record
from tests.hash_encoder import HashEncoder
from tests.index_records import make_record, make_records
from tests.index_server import chroma_server
from tests.test_index_texts import HashEmbeddings


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Chroma server with an empty store."""
    with chroma_server(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
def client(server: str) -> Iterator[Any]:
    """Chroma's own client, with the connections closed that its `close` leaves open."""
    port = int(server.rsplit(":", 1)[1])
    with server_client("127.0.0.1", port, ssl=False) as opened:
        yield opened


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers ask the server each time."""
    monkeypatch.setattr(servers, "ASK_SECONDS", 0.0)
    monkeypatch.setattr(servers, "_SETTLE_SECONDS", 0.01)


def test_reader_on_another_machine_sees_what_the_writer_wrote(server: str, tmp_path: Path) -> None:
    url = f"{server}/shared"
    writer = Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "a")
    writer.sync(make_records(300))
    with Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "b", create=False) as reader:
        snapshot = reader.snapshot()
        assert snapshot.ids == writer.snapshot().ids
        assert np.allclose(snapshot.matrix, writer.snapshot().matrix, atol=1e-6)
        assert snapshot.records(range(300)) == writer.snapshot().records(range(300))
        assert snapshot.record(7).provenance == make_record(7).provenance
        assert snapshot.lexical.scores("number17").argmax() == snapshot.position(make_record(17).id)
        position, score = snapshot.chroma_query(snapshot.matrix[9], 1)[0]
        assert position == 9
        assert score == pytest.approx(1, abs=1e-5)

        writer.sync([make_record(3, note="changed"), make_record(400)])
        writer.delete([make_record(5).id])
        assert reader.snapshot().ids == writer.snapshot().ids
        changed = reader.get(make_record(3).id)
        assert changed is not None
        assert "changed" in str(changed.name)
        assert reader.get(make_record(5).id) is None
        assert len(snapshot) == 300, "the old snapshot is as it was"
    writer.close()


def test_two_machines_write_in_turns(server: str, tmp_path: Path) -> None:
    url = f"{server}/turns"
    with (
        Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "a") as first,
        Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "b") as second,
    ):
        first.sync(make_records(20))
        report = second.sync(make_records(25))
        assert (report.unchanged, report.added, report.embedded) == (20, 5, 5)
        first.delete([make_record(1).id])
        assert first.snapshot().ids == second.snapshot().ids
        assert len(first.snapshot()) == 24


def test_second_writing_machine_gets_its_sentence(server: str, tmp_path: Path) -> None:
    url = f"{server}/rivals"
    with (
        Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "a") as first,
        Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "b") as second,
    ):
        first.sync(make_records(3))

        def source() -> Iterator[Record]:
            yield make_record(50)
            with pytest.raises(IndexLocked, match="is writing to this collection"):
                second.sync([make_record(60)])

        first.sync(source())
        assert second.sync([make_record(60)]).added == 1
        assert len(first.snapshot()) == 5


def test_dead_writer_is_taken_over(
    server: str, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{server}/dead"
    with Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "a") as index:
        index.sync(make_records(3))
    raw = client.get_collection("dead", embedding_function=None)
    held = {"catalogue": "gone", "host": "elsewhere", "time": time.time()}
    raw.modify(metadata={**raw.metadata, "lca_writer": json.dumps(held)})
    with Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "b") as index:
        with pytest.raises(IndexLocked, match="elsewhere"):
            index.sync([make_record(9)])
        monkeypatch.setattr(servers, "STALE_SECONDS", 0.0)
        assert index.sync([make_record(9)]).added == 1


def test_cut_off_write_is_hidden_from_readers_and_finished_later(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{server}/cut"
    with (
        Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "a") as writer,
        Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "b") as reader,
    ):
        writer.sync(make_records(10))
        assert len(reader.snapshot()) == 10
        with monkeypatch.context() as broken:
            broken.setattr("lca_rag.index.mirror._agree", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                writer.sync(make_records(20))
        assert len(reader.snapshot()) == 10, "a state that is not whole is not taken"
        with pytest.raises(IndexStateError, match="being written"):
            Index.open(url, catalogue=tmp_path / "c")
        assert writer.sync(make_records(20)).unchanged == 20
        assert len(reader.snapshot()) == 20


def test_hosts_read_the_collection(server: str, client: Any, tmp_path: Path) -> None:
    with Index.open(f"{server}/hosts", encoder=HashEncoder(), catalogue=tmp_path) as index:
        index.sync(make_records(20))
        expected = index.snapshot().chroma_query(HashEncoder().encode_queries(["steel"])[0], 5)
        ids = [index.snapshot().ids[position] for position, _ in expected]
    store = Chroma("hosts", HashEmbeddings(), client=client)
    assert [found.metadata["record_id"] for found in store.similarity_search("steel", 5)] == ids


def test_given_vectors_travel(server: str, tmp_path: Path) -> None:
    url = f"{server}/given"
    with Index.open(url, catalogue=tmp_path / "a") as index:
        index.add_texts(["same", "same"], ids=["1", "2"], vectors=[[1.0, 0.0], [0.0, 1.0]])
    with Index.open(url, catalogue=tmp_path / "b") as index:
        assert index.snapshot().matrix.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_repair_writes_the_collection_again(server: str, client: Any, tmp_path: Path) -> None:
    url = f"{server}/repaired"
    with Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "a") as index:
        index.sync(make_records(10))
        raw = client.get_collection("repaired", embedding_function=None)
        raw.delete(ids=[make_record(2).id])
        raw.add(ids=["stranger"], embeddings=np.ones((1, 64)), documents=["not ours"])
        index.repair()
        assert raw.count() == 11, "ours are whole again, and a stranger's row is left alone"
    with Index.open(url, catalogue=tmp_path / "b") as index:
        assert len(index.snapshot()) == 10


def test_deleted_collection_is_written_again(server: str, client: Any, tmp_path: Path) -> None:
    with Index.open(f"{server}/deleted", encoder=HashEncoder(), catalogue=tmp_path) as index:
        index.sync(make_records(10))
        client.delete_collection("deleted")
        assert index.sync(make_records(10)).embedded == 0
        assert client.get_collection("deleted", embedding_function=None).count() == 10


def test_other_encoder_and_foreign_collection_are_refused(
    server: str, client: Any, tmp_path: Path
) -> None:
    url = f"{server}/bound"
    with Index.open(url, encoder=HashEncoder(), catalogue=tmp_path / "a") as index:
        index.sync(make_records(3))
    with pytest.raises(FingerprintMismatch, match="hash-of-words2"):
        Index.open(url, encoder=HashEncoder(seed="2"), catalogue=tmp_path / "b")
    raw = client.create_collection("foreign", embedding_function=None)
    raw.add(ids=["1"], embeddings=HashEncoder().encode_queries(["steel"]), documents=["steel"])
    with (
        Index.open(f"{server}/foreign", encoder=HashEncoder(), catalogue=tmp_path / "c") as index,
        pytest.raises(IndexStateError, match=r"from_chroma|another encoder|measures"),
    ):
        index.sync(make_records(3))
    with Index.from_chroma(
        f"{server}/foreign", encoder=HashEncoder(), folder=tmp_path / "d"
    ) as index:
        assert index.snapshot().ids == ["foreign/1@00.00.000"]


def test_reader_goes_on_while_the_server_is_away(
    server: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Index.open(f"{server}/away", encoder=HashEncoder(), catalogue=tmp_path) as index:
        index.sync(make_records(4))

    def gone(*_: object, **__: object) -> None:
        raise httpx.ConnectError("refused")

    with Index.open(f"{server}/away", encoder=HashEncoder(), catalogue=tmp_path) as index:
        with monkeypatch.context() as away:
            away.setattr("httpx.Client.request", gone)
            assert len(index.snapshot()) == 4
            assert "the last known state is used" in caplog.text
            with pytest.raises(IndexStateError, match="does not answer"):
                index.sync(make_records(4))
        assert index.sync(make_records(5)).added == 1


def test_absent_server_and_odd_urls_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(IndexStateError, match="no Chroma server answers"):
        Index.open("http://127.0.0.1:9/x", catalogue=tmp_path)
    for url in ("http://localhost:8000", "http://user:pw@localhost:8000/x", "http://h/a/b"):
        with pytest.raises(IndexStateError, match="names no collection"):
            Index.open(url, catalogue=tmp_path)
    assert not Path("http:").exists()


def test_missing_collection_is_not_made_by_a_reader(server: str, tmp_path: Path) -> None:
    with pytest.raises(IndexStateError, match="no index is here"):
        Index.open(f"{server}/nothing", catalogue=tmp_path, create=False)
