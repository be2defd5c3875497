"""A retriever that several threads share while somebody writes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from lca_rag import Index, Retriever
from lca_rag.errors import IndexLocked
from lca_rag.filters import Facets
from tests.hash_encoder import HashEncoder


def test_a_search_on_an_old_state_leaves_rights_of_the_new_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = HashEncoder().encode_queries(["steel"])[0]
    with Index.open(tmp_path / "index", encoder=HashEncoder()) as index:
        index.add_texts(["open one", "open two"], database="open")
        index.add_texts(["secret one", "secret two"], database="secret")
        retriever = Retriever(index)
        whole, inside, go_on = Facets.mask, threading.Event(), threading.Event()

        def slow(self: Facets, *args: object, **more: object) -> object:
            mask: object = whole(self, *args, **more)  # type: ignore[arg-type]
            if threading.current_thread().name == "slow":
                inside.set()
                assert go_on.wait(20)
            return mask

        def ask() -> list[str]:
            hits = retriever.search("steel", mode="dense", vector=vector, rights={"open"}, k=9)
            return sorted({hit.record.database for hit in hits})

        monkeypatch.setattr(Facets, "mask", slow)
        late = threading.Thread(target=ask, name="slow")
        late.start()
        assert inside.wait(20)
        # As many records as before, but other positions: the old mask would show a secret.
        index.delete([index.snapshot().ids[0]])
        index.add_texts(["secret three"], database="secret")
        retriever.search("steel", mode="dense", vector=vector)
        go_on.set()
        late.join()
        assert ask() == ["open"]


def test_many_records_in_an_embedded_index_lock_no_reader_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lca_rag.retriever.EXACT_LIMIT", 1)
    with Index.open(tmp_path / "index", encoder=HashEncoder()) as index:
        index.add_texts(["steel sheet", "wheat grain", "cement"], database="open")
    with (
        Index.open(tmp_path / "index", encoder=HashEncoder()) as one,
        Index.open(tmp_path / "index", encoder=HashEncoder()) as two,
    ):
        assert Retriever(one).search("steel sheet", mode="dense")
        assert Retriever(two).search("steel sheet", mode="dense")
        Retriever(one, dense="chroma").search("steel sheet", mode="dense")
        with pytest.raises(IndexLocked):  # asked for by name, Chroma is the writer's alone
            Retriever(two, dense="chroma").search("steel sheet", mode="dense")
