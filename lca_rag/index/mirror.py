"""Bring a Chroma collection in step with the catalogue, without embedding anything.

Each record carries a mark of whether Chroma holds it as it is. Marks are set after Chroma has
answered, so whatever a crash leaves undone is done at the next sync: removed and added again.
"""

from __future__ import annotations

import logging
import shutil
import zlib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import IndexStateError
from lca_rag.index.binding import stored_fingerprint
from lca_rag.index.catalogue import Catalogue, unpack_record
from lca_rag.index.chroma import (
    COLLECTION,
    FOLDER,
    Collection,
    Metadata,
    Row,
    embedded_client,
    encode_body,
    flat_metadata,
    healthy,
)
from lca_rag.index.columns import COLUMNS, TEXT_COLUMNS
from lca_rag.index.lock import WriterLock
from lca_rag.index.sync import Progress
from lca_rag.index.texts import host_metadata
from lca_rag.index.writer import Writer

logger = logging.getLogger(__name__)

_PENDING = f"""
SELECT r.id, r.chroma, r.newest, r.content, r.provenance, v.document, v.vector, b.body, b.fields,
    {", ".join(f"r.{name}" for name in COLUMNS)}
FROM records r JOIN vectors v ON v.text = r.text AND v.fingerprint = ?
JOIN bodies b ON b.content = r.content
WHERE r.chroma < 2 ORDER BY r.chroma DESC, r.id LIMIT ?"""
_FIXED = 9


def mirror(
    writer: Writer, collection: Collection, progress: Progress, *, carry: bool = False
) -> None:
    """Write what Chroma lacks, remove what it should forget.

    Args:
        writer: The catalogue, with the writer's lock held.
        collection: The collection, opened.
        progress: Told how many records are stored.
        carry: Put each record into its metadata, for readers who have no catalogue.
    """
    departed = [row[0] for row in writer.rows("SELECT id FROM departed")]
    collection.forget(departed)
    with writer.transaction() as connection:
        connection.executemany("DELETE FROM departed WHERE id = ?", ((n,) for n in departed))
    key = writer.meta("fingerprint_key")
    stored = 0
    while pending := writer.rows(_PENDING, (key, collection.batch)):
        collection.forget([row[0] for row in pending if row[1] == 1])
        collection.add([_chroma_row(row, carry=carry) for row in pending])
        with writer.transaction() as connection:
            connection.executemany(
                "UPDATE records SET chroma = 2 WHERE id = ?", ((row[0],) for row in pending)
            )
        stored += len(pending)
        progress("stored", stored)
    wanted = writer.rows("SELECT count(*) FROM records")[0][0]
    if collection.count() != wanted:
        raise IndexStateError(
            f"the Chroma collection holds {collection.count()} records, the catalogue {wanted}; "
            "run `lca-rag repair`"
        )


def _chroma_row(row: tuple, *, carry: bool) -> Row:  # type: ignore[type-arg]
    name, _, newest, content, provenance, document, vector, body, fields = row[:_FIXED]
    columns = dict(zip(COLUMNS, row[_FIXED:], strict=True))
    metadata: Metadata = {}
    if columns["kind"] == "text":
        metadata |= flat_metadata(host_metadata(unpack_record(body, None)))
    else:
        metadata |= flat_metadata(columns | {n: columns[n] or "" for n in TEXT_COLUMNS})
        metadata |= {"newest": bool(newest), "source": name}
    metadata |= {"record_id": name, "lca_content": content.hex()}
    if carry:
        metadata["lca_record"] = encode_body(body)
        metadata["lca_fields"] = encode_body(fields)
        if provenance:
            metadata["lca_provenance"] = provenance.decode()
    return Row(
        name,
        zlib.decompress(document).decode(),
        metadata,
        np.frombuffer(vector, dtype="<f4"),
    )


def mark_all(writer: Writer) -> None:
    """Let every record be written to Chroma again as a new one, into an empty collection."""
    with writer.transaction() as connection:
        connection.execute("UPDATE records SET chroma = 0")
        connection.execute("DELETE FROM departed")


class EmbeddedMirror:
    """Chroma's files within an index folder. Opened under the writer's lock alone."""

    def __init__(self, folder: Path, lock: WriterLock) -> None:
        self.folder = folder / FOLDER
        self._index_folder = folder
        self._lock = lock
        self._held = ExitStack()
        self._collection: Collection | None = None

    def update(self, writer: Writer, progress: Progress) -> None:
        """Bring Chroma in step; what a killed run broke is thrown away and written anew."""
        state = writer.meta("chroma_state")
        if state == "clean" and self.folder.exists() and not pending(writer):
            return
        if state == "writing" and self.folder.exists():
            self._recover(writer)
        elif not self.folder.exists():
            mark_all(writer)
        self._set_state(writer, "writing")
        try:
            self._write(writer, progress)
        except Exception as exc:  # Chroma raises bare Rust errors for broken files
            logger.warning("%s: Chroma failed (%s); it is written anew", self.folder, exc)
            self.reset(writer)
            self._write(writer, progress)
        self._set_state(writer, "clean")

    def _recover(self, writer: Writer) -> None:
        """After a killed run: keep Chroma's files if they work, else drop them."""
        if healthy(self.folder):
            with writer.transaction() as connection:
                connection.execute("UPDATE records SET chroma = 1 WHERE chroma = 0")
        else:
            logger.warning("%s: broken by a killed run; it is written anew", self.folder)
            self.reset(writer)

    def _write(self, writer: Writer, progress: Progress) -> None:
        fingerprint = stored_fingerprint(writer)
        if fingerprint is None:
            return
        with embedded_client(self.folder) as client:
            mirror(writer, Collection.open(client, COLLECTION, fingerprint), progress)

    def reset(self, writer: Writer) -> None:
        """Throw Chroma's files away; the next update writes them from the catalogue.

        Raises:
            IndexStateError: If another program keeps them open.
        """
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            raise IndexStateError(
                f"{self.folder}: Chroma's files are in use; close what reads them"
            )
        mark_all(writer)

    def query(
        self, vector: NDArray[np.float32], k: int, where: Mapping[str, object] | None
    ) -> list[tuple[str, float]]:
        """The nearest records by Chroma; keeps the writer's lock from the first call until `close`.

        Raises:
            IndexLocked: If another process writes, or searches through Chroma as well.
        """
        if self._collection is None:
            self._collection = self._hold()
        return self._collection.query(vector, k, where) if self._collection else []

    def _hold(self) -> Collection | None:
        with ExitStack() as stack:
            stack.enter_context(self._lock)
            writer = Writer.open(self._index_folder)
            stack.callback(writer.close)
            self.update(writer, lambda _stage, _done: None)
            fingerprint = stored_fingerprint(writer)
            if fingerprint is None:
                return None
            client = stack.enter_context(embedded_client(self.folder))
            collection = Collection.open(client, COLLECTION, fingerprint)
            self._held = stack.pop_all()
        return collection

    def close(self) -> None:
        """Let go of Chroma's files and the lock."""
        self._collection = None
        self._held.close()

    def info(self) -> dict[str, object]:
        """Where other programs find the collection."""
        return {"path": str(self.folder), "collection": COLLECTION}

    def _set_state(self, writer: Writer, state: str) -> None:
        with writer.transaction():
            writer.set_meta("chroma_state", state)


def pending(catalogue: Catalogue) -> int:
    """How many records Chroma does not hold as they are, or holds though they left."""
    waiting: Iterable[tuple[int]] = catalogue.rows(
        "SELECT count(*) FROM records WHERE chroma < 2 UNION ALL SELECT count(*) FROM departed"
    )
    return sum(row[0] for row in waiting)
