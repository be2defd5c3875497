"""Bring a Chroma collection in step with the catalogue, without embedding anything.

Each record carries a mark of whether Chroma holds it as it is. Marks are set after Chroma has
answered, so whatever a crash leaves undone is done at the next sync: removed and added again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import IndexStateError
from lca_rag.index.catalogue import Catalogue, unpack_record
from lca_rag.index.chroma import Collection, Metadata, Row, encode_body, flat_metadata
from lca_rag.index.columns import COLUMNS, TEXT_COLUMNS
from lca_rag.index.report import Progress
from lca_rag.index.sync import Derive
from lca_rag.index.texts import host_metadata
from lca_rag.index.writer import Writer

_PENDING = f"""
SELECT r.id, r.chroma, r.newest, r.content, r.text, r.provenance, v.document, v.vector, b.body,
    {", ".join(f"r.{name}" for name in COLUMNS)}
FROM records r JOIN vectors v ON v.text = r.text AND v.fingerprint = ?
JOIN bodies b ON b.content = r.content
WHERE r.chroma < 2 ORDER BY r.chroma DESC, r.id LIMIT ?"""
_FIXED = 9


def mirror(
    writer: Writer, collection: Collection, progress: Progress, *, generation: int | None = None
) -> None:
    """Write what Chroma lacks, remove what it should forget.

    Args:
        writer: The catalogue, with the writer's lock held.
        collection: The collection, opened.
        progress: Told how many records are stored.
        generation: On a server, the generation of this write: each record then travels in its
            metadata, for readers who have no catalogue.

    Raises:
        IndexStateError: If Chroma does not keep what it was given.
    """
    _push(writer, collection, progress, generation)
    if not _agree(writer, collection):
        _push(writer, collection, progress, generation)
        if not _agree(writer, collection):
            raise IndexStateError(
                f"the Chroma collection holds {collection.count()} records after all of the "
                "catalogue were written; run `lca-rag repair`"
            )


def _push(
    writer: Writer, collection: Collection, progress: Progress, generation: int | None
) -> None:
    departed = [row[0] for row in writer.rows("SELECT id FROM departed")]
    collection.forget(departed)
    with writer.transaction() as connection:
        connection.executemany("DELETE FROM departed WHERE id = ?", ((n,) for n in departed))
    key = writer.meta("fingerprint_key")
    stored = 0
    while waiting := writer.rows(_PENDING, (key, collection.batch)):
        collection.forget([row[0] for row in waiting if row[1] == 1])
        collection.add([_chroma_row(row, generation) for row in waiting])
        with writer.transaction() as connection:
            connection.executemany(
                "UPDATE records SET chroma = 2 WHERE id = ?", ((row[0],) for row in waiting)
            )
        stored += len(waiting)
        progress("stored", stored)


def _agree(writer: Writer, collection: Collection) -> bool:
    """Whether Chroma holds every record; if not, what it lacks is marked to be written again.

    Rows that we wrote and the catalogue does not know are removed; rows of others are left alone.
    """
    here = {row[0] for row in writer.rows("SELECT id FROM records")}
    if collection.count() == len(here):
        return True
    there = collection.ids()
    collection.forget(collection.ours(sorted(there - here)))
    missing = here - there
    with writer.transaction() as connection:
        connection.executemany(
            "UPDATE records SET chroma = 0 WHERE id = ?", ((name,) for name in missing)
        )
    return not missing


def _chroma_row(row: tuple, generation: int | None) -> Row:  # type: ignore[type-arg]
    name, _, newest, content, text, provenance, document, vector, body = row[:_FIXED]
    columns = dict(zip(COLUMNS, row[_FIXED:], strict=True))
    metadata: Metadata = {}
    if columns["kind"] == "text":
        metadata |= flat_metadata(host_metadata(unpack_record(body, None)))
    else:
        metadata |= flat_metadata(columns | {n: columns[n] or "" for n in TEXT_COLUMNS})
        metadata |= {"newest": bool(newest), "source": name}
    metadata |= {"record_id": name, "lca_content": content.hex()}
    if generation is not None:
        metadata["lca_generation"] = generation
        metadata["lca_text"] = text.hex()
        metadata["lca_record"] = encode_body(body)
        if provenance:
            metadata["lca_provenance"] = provenance.decode()
    return Row(
        name,
        zlib.decompress(document).decode(),
        metadata,
        np.frombuffer(vector, dtype="<f4"),
    )


class Mirror(Protocol):
    """Where the Chroma collection of an index lives: in its folder, or on a server."""

    @property
    def place(self) -> str:
        """Where other programs find the collection."""
        ...

    def behind(self, catalogue: Catalogue) -> bool:
        """Whether somebody else has brought the collection to a state that `catalogue` lacks."""
        ...

    def pull(self, writer: Writer, reader: Catalogue, derive: Derive) -> None:
        """Fetch that state; the writer's lock must be held."""
        ...

    def session(self, writer: Writer) -> AbstractContextManager[None]:
        """The right to write to the collection."""
        ...

    def update(self, writer: Writer, progress: Progress) -> None:
        """Bring the collection in step with the catalogue."""
        ...

    def reset(self, writer: Writer) -> None:
        """Let the next update write everything anew."""
        ...

    def query(
        self, vector: NDArray[np.float32], k: int, where: Mapping[str, object] | None
    ) -> list[tuple[str, float]]:
        """Ids and cosines of the nearest records by Chroma, best first."""
        ...

    def close(self) -> None:
        """Let go of files, connections and locks."""
        ...


def mark_all(writer: Writer) -> None:
    """Let every record be written to Chroma again as a new one, into an empty collection."""
    with writer.transaction() as connection:
        connection.execute("UPDATE records SET chroma = 0")
        connection.execute("DELETE FROM departed")


def pending(catalogue: Catalogue) -> int:
    """How many records Chroma does not hold as they are, or holds though they left."""
    waiting: Iterable[tuple[int]] = catalogue.rows(
        "SELECT count(*) FROM records WHERE chroma < 2 UNION ALL SELECT count(*) FROM departed"
    )
    return sum(row[0] for row in waiting)
