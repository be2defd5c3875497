"""The catalogue: one SQLite file that is the truth about an index.

It holds records, what can be filtered by, every vector and the state of the last run. SQLite's
write-ahead log lets any number of readers see the last committed state while one writer works.
Bodies and vectors are kept by the hash of their content, so that a reader who still holds an older
state finds what belongs to it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from lca_rag.errors import IndexStateError
from lca_rag.index.columns import COLUMNS, YEAR_COLUMNS
from lca_rag.record import Provenance, Record
from lca_rag.record_json import from_json

FILE_NAME = "catalogue.sqlite3"
SCHEMA = "1"
_SLICE = 500
"""Values per `IN (...)`; SQLite's oldest limit on variables is 999."""

_COLUMNS_SQL = ", ".join(
    f"{name} {'INTEGER' if name in YEAR_COLUMNS else 'TEXT'}" for name in COLUMNS
)
_ROW_SQL = f"""
    id TEXT PRIMARY KEY, key TEXT NOT NULL, {_COLUMNS_SQL},
    content BLOB NOT NULL, text BLOB NOT NULL, provenance BLOB"""

_TABLES = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE records ({_ROW_SQL},
    newest INTEGER NOT NULL DEFAULT 1, chroma INTEGER NOT NULL DEFAULT 0);
CREATE INDEX records_key ON records (key);
CREATE INDEX records_uuid ON records (uuid);
CREATE INDEX records_content ON records (content);
CREATE INDEX records_text ON records (text);
CREATE INDEX records_chroma ON records (chroma) WHERE chroma < 2;
CREATE TABLE staged ({_ROW_SQL});
CREATE TABLE seen (id TEXT PRIMARY KEY, database TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE departed (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE bodies (
    content BLOB PRIMARY KEY, body BLOB NOT NULL, fields BLOB NOT NULL, orphaned REAL);
CREATE TABLE vectors (
    text BLOB NOT NULL, fingerprint TEXT NOT NULL, document BLOB NOT NULL, vector BLOB NOT NULL,
    orphaned REAL, PRIMARY KEY (text, fingerprint));
CREATE TABLE probes (text TEXT PRIMARY KEY, vector BLOB NOT NULL);
"""
"""`staged` and `seen` belong to the run in progress and are invisible to readers. `chroma` of a
record is 0 (never written to Chroma), 1 (to be written again) or 2 (stands there as it is here);
`departed` lists what Chroma must still forget."""


@dataclass(frozen=True, slots=True)
class State:
    """Which committed state an index is in."""

    generation: int
    files: str | None
    """Folder of the derived files; `None` before the first commit."""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection whose transactions are begun and ended by hand.

    Raises:
        IndexStateError: If the file cannot be opened.
    """
    mode = "mode=ro" if read_only else "mode=rw"
    if read_only and not _log(path).exists():
        mode += "&immutable=1"  # without a log beside it SQLite would have to make one
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?{mode}",
            uri=True,
            timeout=30,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as exc:
        hint = "; open it once where it may be written" if read_only else ""
        raise IndexStateError(f"{path}: the catalogue cannot be opened: {exc}{hint}") from exc
    return connection


def _log(path: Path) -> Path:
    """SQLite's write-ahead log, which lies beside the file while somebody has it open."""
    return path.with_name(f"{path.name}-wal")


def _stamp(path: Path) -> tuple[int, int, bool]:
    """What changes when somebody writes to the file."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, _log(path).exists()


def is_made(folder: Path) -> bool:
    """Whether a whole catalogue is in a folder; a process killed while making one leaves half."""
    path = folder / FILE_NAME
    if not path.is_file():
        return False
    with closing(connect(path, read_only=not os.access(folder, os.W_OK))) as connection:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
    return found is not None


def create_catalogue(folder: Path) -> None:
    """Make an empty catalogue in `folder`, which must be new, empty, or hold one already.

    Raises:
        IndexStateError: If the folder holds other files, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = [path.name for path in folder.iterdir()]
    except OSError as exc:
        raise IndexStateError(f"{folder}: an index cannot be made here: {exc}") from exc
    strangers = [
        name for name in present if not name.startswith((".", FILE_NAME)) and name != "writer.lock"
    ]
    if strangers:
        raise IndexStateError(
            f"{folder}: no index is here, but other files are ({sorted(strangers)[0]!r}); "
            "give a new or an empty folder"
        )
    try:
        with closing(sqlite3.connect(folder / FILE_NAME, timeout=30, isolation_level=None)) as made:
            made.execute("PRAGMA journal_mode = WAL")
            made.execute("BEGIN IMMEDIATE")
            if not made.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                for statement in _TABLES.split(";"):
                    made.execute(statement)
                made.execute("INSERT INTO meta VALUES ('schema', ?)", (SCHEMA,))
            made.execute("COMMIT")
    except sqlite3.Error as exc:
        raise IndexStateError(f"{folder}: an index cannot be made here: {exc}") from exc


def unpack_fields(blob: bytes) -> dict[str, str]:
    """The `search_fields` that were stored beside a body."""
    fields: dict[str, str] = orjson.loads(zlib.decompress(blob))
    return fields


def unpack_record(body: bytes, provenance: bytes | None) -> Record:
    """A record from its stored body, with where it was found."""
    return unpack_sized(body, provenance)[0]


def unpack_sized(body: bytes, provenance: bytes | None) -> tuple[Record, int]:
    """The same, with the number of bytes that it has as JSON."""
    data = zlib.decompress(body)
    record = from_json(data)
    if provenance is None:
        return record, len(data)
    path, form, repairs = orjson.loads(provenance)
    found = Provenance(path=path, format=form, repairs=tuple(repairs))
    return replace(record, provenance=found), len(data)


class Catalogue:
    """The reading side: every call sees the last committed state. Safe to share by threads.

    In a folder that may not be written, the file is read as one that nobody changes, and opened
    anew when somebody with the right to write has changed it.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, *, read_only: bool = False
    ) -> None:
        self.path = path
        self.connection = connection
        self._stamp = _stamp(path) if read_only else None
        self._lock = threading.RLock()

    @classmethod
    def open(cls, folder: Path) -> Catalogue:
        """Open the catalogue of an index for reading.

        Raises:
            IndexStateError: If there is none, or another release of lca-rag made it.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            raise IndexStateError(
                f"{folder}: no index is here; make one with `lca-rag index PATH --index {folder}`"
            )
        read_only = not os.access(folder, os.W_OK)
        connection = connect(path, read_only=read_only)
        connection.execute("PRAGMA query_only = 1")
        catalogue = cls(path, connection, read_only=read_only)
        found = catalogue.meta("schema")
        if found != SCHEMA:
            connection.close()
            raise IndexStateError(
                f"{folder}: the catalogue has schema {found}, this release of lca-rag reads "
                f"{SCHEMA}; index again into a new folder"
            )
        return catalogue

    def close(self) -> None:
        """Close the file; the catalogue cannot be used afterwards."""
        with self._lock:
            self.connection.close()

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        """All rows of a query.

        Raises:
            IndexStateError: If the file is damaged or the catalogue is closed.
        """
        try:
            with self._lock:
                if self._stamp is not None and self._stamp != _stamp(self.path):
                    self._open_anew()
                return self.connection.execute(sql, values).fetchall()
        except sqlite3.Error as exc:
            raise IndexStateError(f"{self.path}: the catalogue cannot be read: {exc}") from exc

    def _open_anew(self) -> None:
        self.connection.close()
        self._stamp = _stamp(self.path)
        self.connection = connect(self.path, read_only=True)

    def rows_in(self, sql: str, values: Iterable[object]) -> Iterator[tuple]:  # type: ignore[type-arg]
        """Rows of a query with one `IN ({})`, asked in slices."""
        wanted = list(values)
        for start in range(0, len(wanted), _SLICE):
            part = wanted[start : start + _SLICE]
            yield from self.rows(sql.format(",".join("?" * len(part))), part)

    def meta(self, name: str) -> str | None:
        """One fact about the index."""
        found = self.rows("SELECT value FROM meta WHERE name = ?", (name,))
        return str(found[0][0]) if found else None

    def state(self) -> State:
        """The last committed state."""
        found = dict(
            self.rows("SELECT name, value FROM meta WHERE name IN ('generation', 'files')")
        )
        return State(int(found.get("generation", 0)), found.get("files"))

    def ids(self, text: str) -> tuple[str, ...]:
        """Ids that `text` may mean: an exact id, else a key or a UUID with all its versions."""
        for column in ("id", "key", "uuid"):
            found = self.rows(
                f"SELECT id FROM records WHERE {column} = ? ORDER BY newest DESC, id", (text,)
            )
            if found:
                return tuple(row[0] for row in found)
        return ()

    def records(self, ids: Iterable[str]) -> list[Record]:
        """The records of these ids that exist, in the order asked."""
        wanted = list(ids)
        found = {
            name: unpack_record(body, provenance)
            for name, body, provenance in self.rows_in(
                "SELECT id, body, provenance FROM records JOIN bodies USING (content) "
                "WHERE id IN ({})",
                wanted,
            )
        }
        return [found[name] for name in wanted if name in found]

    def counts(self) -> list[tuple[str, str, int]]:
        """Database, kind, and how many records there are of it."""
        return self.rows(
            "SELECT database, kind, count(*) FROM records GROUP BY database, kind ORDER BY 1, 2"
        )
