"""The writing side of the catalogue: work is staged in small commits, then published in one.

What a run makes is durable as it is made (vectors, bodies) but invisible; `publish` makes the whole
run visible in one transaction. A process killed at any moment leaves the old state for readers and
its vectors for the next run.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import IndexStateError
from lca_rag.index.catalogue import FILE_NAME, Catalogue, connect
from lca_rag.index.columns import COLUMNS
from lca_rag.record import version_key

BODY_RETENTION = 3600.0
"""Seconds for which a body that no record refers to stays, for readers of an older state."""
VECTOR_RETENTION = 30 * 86_400.0
"""The same for vectors: they cost most, and a text may come back."""

_ROW = f"id, key, {', '.join(COLUMNS)}, content, text, provenance"
ROW_WIDTH = len(COLUMNS) + 5


@dataclass(frozen=True, slots=True)
class Change:
    """What one publication did to the records."""

    added: int
    updated: int
    removed: int

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.updated or self.removed)


class Writer(Catalogue):
    """A catalogue opened by the one process that holds the writer's lock."""

    @classmethod
    def open(cls, folder: Path) -> Writer:
        """Open the catalogue of an index for writing, and drop what a dead run had staged."""
        Catalogue.open(folder).close()  # checks that it is there and of this schema
        writer = cls(folder / FILE_NAME, connect(folder / FILE_NAME))
        writer.connection.execute("PRAGMA synchronous = NORMAL")
        with writer.transaction():
            writer.clear_staging()
        return writer

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed if the block ends well, else undone.

        Raises:
            IndexStateError: If the disk is full or the file is damaged.
        """
        with self._lock:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self.connection
                    self.connection.execute("COMMIT")
                except BaseException:
                    if self.connection.in_transaction:  # SQLite ends one itself on a full disk
                        self.connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as exc:
                raise IndexStateError(
                    f"{self.path}: the catalogue cannot be written: {exc}"
                ) from exc

    def set_meta(self, name: str, value: str) -> None:
        """Store one fact about the index, within the transaction of the caller."""
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def check_integrity(self) -> None:
        """Let SQLite look over the whole file.

        Raises:
            IndexStateError: If it is damaged.
        """
        found = self.rows("PRAGMA quick_check")[0][0]
        if found != "ok":
            raise IndexStateError(
                f"{self.path}: the catalogue itself is damaged ({found}); "
                "index again into a new folder"
            )

    def compact(self) -> None:
        """Give the space of what was removed back to the disk.

        Raises:
            IndexStateError: If the disk has no room for a copy.
        """
        try:
            self.connection.execute("VACUUM")
        except sqlite3.Error as exc:
            raise IndexStateError(f"{self.path}: it cannot be made smaller: {exc}") from exc

    def clear_staging(self) -> None:
        """Forget what is staged."""
        self.connection.execute("DELETE FROM staged")
        self.connection.execute("DELETE FROM seen")

    def see(self, ids: Iterable[tuple[str, str]]) -> None:
        """Note ids and databases that this run has read, changed or not."""
        self.connection.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", ids)

    def stage(self, rows: Iterable[Sequence[object]]) -> None:
        """Put rows (`id, key, *COLUMNS, content, text, provenance`) where `publish` finds them."""
        places = ",".join("?" * ROW_WIDTH)
        self.connection.executemany(f"INSERT OR REPLACE INTO staged VALUES ({places})", rows)

    def add_bodies(self, bodies: Iterable[tuple[bytes, bytes, bytes]]) -> None:
        """Store bodies: content hash, packed record, packed search fields."""
        self.connection.executemany("INSERT OR REPLACE INTO bodies VALUES (?, ?, ?, NULL)", bodies)

    def add_vectors(
        self, fingerprint: str, texts: Sequence[tuple[bytes, bytes]], vectors: NDArray[np.float32]
    ) -> None:
        """Store vectors of texts, given as hash and packed text."""
        self.connection.executemany(
            "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, NULL)",
            (
                (key, fingerprint, document, vector.astype("<f4").tobytes())
                for (key, document), vector in zip(texts, vectors, strict=True)
            ),
        )

    def without_vector(self, fingerprint: str, texts: Iterable[bytes]) -> set[bytes]:
        """Those text hashes for which no vector is stored."""
        wanted = set(texts)
        found = self.rows_in(
            f"SELECT text FROM vectors WHERE fingerprint = '{fingerprint}' AND text IN ({{}})",
            wanted,
        )
        return wanted - {row[0] for row in found}

    def publish(
        self,
        derive: Callable[[Catalogue, int], str],
        *,
        remove: Callable[[Catalogue], Iterable[str]] = lambda _: (),
        force: bool = False,
    ) -> Change:
        """Make what is staged visible, and take away what `remove` names, in one transaction.

        Args:
            derive: Writes the derived files of the new state and returns their folder's name. It
                sees the new state, which nobody else sees yet.
            remove: The ids to remove, asked before anything changes.
            force: Make a new state even if nothing changed.
        """
        with self.transaction() as connection:
            gone = list(remove(self))
            change, keys = self._apply(connection, gone)
            if change or force:
                self._mark_newest(keys)
                self._retire(connection)
                generation = self.state().generation + 1
                self.set_meta("generation", str(generation))
                self.set_meta("files", derive(self, generation))
            self.clear_staging()
        return change

    def _apply(
        self, connection: sqlite3.Connection, gone: Sequence[str]
    ) -> tuple[Change, set[str]]:
        staged = connection.execute("SELECT count(*) FROM staged").fetchone()[0]
        known = "FROM staged WHERE id IN (SELECT id FROM records)"
        updated = connection.execute(f"SELECT count(*) {known}").fetchone()[0]
        keys = {row[0] for row in connection.execute("SELECT key FROM staged")}
        keys |= {row[0] for row in self.rows_in("SELECT key FROM records WHERE id IN ({})", gone)}
        connection.executemany("DELETE FROM records WHERE id = ?", ((name,) for name in gone))
        connection.executemany("INSERT OR IGNORE INTO departed VALUES (?)", ((n,) for n in gone))
        updates = ", ".join(f"{name} = excluded.{name}" for name in _ROW.split(", "))
        connection.execute(
            f"INSERT INTO records ({_ROW}) SELECT {_ROW} FROM staged WHERE true "
            f"ON CONFLICT (id) DO UPDATE SET {updates}, chroma = min(chroma, 1)"
        )
        # An id that left and came back may still stand in Chroma: write it as a changed one.
        connection.execute(
            "UPDATE records SET chroma = 1 WHERE chroma = 0 AND id IN (SELECT id FROM departed)"
        )
        connection.execute("DELETE FROM departed WHERE id IN (SELECT id FROM records)")
        return Change(staged - updated, updated, len(gone)), keys

    def _mark_newest(self, keys: Iterable[str]) -> None:
        versions: dict[str, list[tuple[str, str, int]]] = {}
        for key, name, version, newest in self.rows_in(
            "SELECT key, id, version, newest FROM records WHERE key IN ({})", keys
        ):
            versions.setdefault(key, []).append((name, version, newest))
        marks = []
        for found in versions.values():
            best = max(found, key=lambda item: (version_key(item[1]), item[0]))[0]
            marks += [(int(name == best), name) for name, _, was in found if was != (name == best)]
        self.connection.executemany(
            "UPDATE records SET newest = ?, chroma = min(chroma, 1) WHERE id = ?", marks
        )

    def _retire(self, connection: sqlite3.Connection) -> None:
        """Date bodies and vectors that lost their record, and drop those that lost it long ago."""
        now = time.time()
        for table, column, retention in (
            ("bodies", "content", BODY_RETENTION),
            ("vectors", "text", VECTOR_RETENTION),
        ):
            used = f"{column} IN (SELECT {column} FROM records)"
            connection.execute(
                f"UPDATE {table} SET orphaned = NULL WHERE orphaned IS NOT NULL AND {used}"
            )
            connection.execute(
                f"UPDATE {table} SET orphaned = ? WHERE orphaned IS NULL AND NOT ({used})", (now,)
            )
            connection.execute(f"DELETE FROM {table} WHERE orphaned < ?", (now - retention,))
