"""What a full disk, a folder without the right to write and lost files do to an index: one
sentence, no harm, and the next run goes on.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from lca_rag.errors import IndexStateError
from lca_rag.index import Index, catalogue, writer
from lca_rag.index.catalogue import FILE_NAME
from lca_rag.index.embedded import EmbeddedMirror
from lca_rag.operations.workspace import recall_model, remember_model
from lca_rag.retriever import Retriever
from tests.hash_encoder import HashEncoder
from tests.index_records import make_record, make_records


def filled(folder: Path, count: int = 20) -> Path:
    with Index.open(folder, encoder=HashEncoder()) as index:
        index.sync(make_records(count))
    return folder


def found(index: Index, number: int) -> bool:
    hits = Retriever(index).search(f"number{number}", k=1)
    return hits[0].record.id == make_record(number).id


def test_full_disk_while_a_state_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = filled(tmp_path / "index")
    before = sorted(path.name for path in (folder / "states").iterdir())

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Index.open(folder, encoder=HashEncoder()) as index:
        with monkeypatch.context() as patched:
            patched.setattr(np, "save", full)
            with pytest.raises(IndexStateError, match=r"No space left on device.*Make room"):
                index.sync(make_records(30))
        assert sorted(path.name for path in (folder / "states").iterdir()) == before
        assert found(index, 7)
        report = index.sync(make_records(30))
        assert (report.added, report.embedded) == (10, 0), "its vectors were kept"
        assert found(index, 27)


def test_full_disk_under_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = filled(tmp_path / "index")

    def small(path: Path) -> sqlite3.Connection:
        connection = catalogue.connect(path)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    with Index.open(folder, encoder=HashEncoder()) as index:
        with monkeypatch.context() as patched:
            patched.setattr(writer, "connect", small)
            with pytest.raises(IndexStateError, match=r"cannot be written: .*full"):
                index.sync(make_records(2000))
        assert found(index, 7)
        assert index.sync(make_records(40)).added == 20


def test_chroma_that_cannot_write_leaves_a_searchable_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("Error in compaction")

    with Index.open(tmp_path / "index", encoder=HashEncoder()) as index:
        with monkeypatch.context() as patched:
            patched.setattr(EmbeddedMirror, "_write", fails)
            with pytest.raises(IndexStateError, match=r"Error in compaction.*lca-rag repair"):
                index.sync(make_records(20))
        assert found(index, 7)
        index.repair()
        assert index.info()["chroma"]["pending"] == 0  # type: ignore[index]


def test_lost_files_are_made_anew_by_the_next_run(tmp_path: Path) -> None:
    folder = filled(tmp_path / "index")
    shutil.rmtree(folder / "states")
    shutil.rmtree(folder / "chroma")
    with Index.open(folder, encoder=HashEncoder()) as index:
        with pytest.raises(IndexStateError, match="run `lca-rag repair`"):
            index.snapshot()
        report = index.sync(make_records(20))
        assert (report.unchanged, report.embedded) == (20, 0)
        assert found(index, 7)
        stored = Retriever(index, dense="chroma").search("number7", mode="dense", k=1)
        assert stored[0].record.id == make_record(7).id


def test_half_made_catalogue_is_made_whole(tmp_path: Path) -> None:
    """A process that was killed while it made one."""
    folder = tmp_path / "index"
    folder.mkdir()
    sqlite3.connect(folder / FILE_NAME).execute("PRAGMA journal_mode = WAL").connection.close()
    assert not catalogue.is_made(folder)
    assert found(Index.open(filled(folder), encoder=HashEncoder()), 7)


def test_a_file_is_no_place_for_an_index(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("x")
    with pytest.raises(IndexStateError, match="an index cannot be made here"):
        Index.open(tmp_path / "index", encoder=HashEncoder())


def test_folder_without_the_right_to_write_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Played where tests run as root, whom no right stops: nothing may be made in the folder."""
    folder = filled(tmp_path / "index")
    names = {path.name for path in folder.iterdir()}
    able = os.access

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "access", lambda path, mode: mode != os.W_OK and able(path, mode))
        reader = Index.open(folder, encoder=HashEncoder(), create=False)
        assert found(reader, 7)
        assert {path.name for path in folder.iterdir()} == names
        patched.setattr(FileLock, "acquire", refused)
        with pytest.raises(IndexStateError, match=r"cannot be written \(Permission denied\)"):
            reader.sync(make_records(30))
    with Index.open(folder, encoder=HashEncoder()) as other:
        other.sync(make_records(40))
        assert found(reader, 37), "another process wrote, and this one sees it"
    assert found(reader, 37), "and still does when the other is gone"
    reader.close()


def test_the_note_of_the_model_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_model(tmp_path, "mini", "find: ")
    names = [path.name for path in tmp_path.iterdir()]

    def full(path: Path, *_: object) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(IndexStateError, match=r"cannot be written .*No space"):
        remember_model(tmp_path, "other", None)
    assert recall_model(tmp_path) == {"model": "mini", "query_prompt": "find: "}
    assert [path.name for path in tmp_path.iterdir()] == names
