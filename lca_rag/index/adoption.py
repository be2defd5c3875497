"""Rows of a Chroma collection, ours or not, as records with vectors in a catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lca_rag.encoders import Encoder
from lca_rag.errors import FingerprintMismatch, IndexStateError
from lca_rag.index.catalogue import Catalogue, unpack_record
from lca_rag.index.chroma import decode_body, embedded_client, server_client
from lca_rag.index.location import Location, cache_folder
from lca_rag.index.packing import pack
from lca_rag.index.report import SyncReport
from lca_rag.index.sync import Derive, Remove, synchronise
from lca_rag.index.texts import text_record
from lca_rag.index.vectors import given_key, unit_rows
from lca_rag.index.writer import Writer
from lca_rag.record import Record

PAGE = 250
_SAMPLE = 8
_SAME_COSINE = 0.999


@dataclass(frozen=True, slots=True)
class Adopted:
    """One row of a collection."""

    record: Record
    document: str
    vector: NDArray[np.float32]
    """Unit length."""
    text: bytes
    """Key of the vector: that of the index that wrote the row, else made of text and vector."""


def adopted_rows(found: Mapping[str, Any], database: str) -> Iterator[Adopted]:
    """The rows of one answer of `collection.get` with embeddings, documents and metadatas.

    A row that carries our record becomes that record; any other becomes a text in `database`.
    """
    for name, embedding, document, metadata in zip(
        found["ids"], found["embeddings"], found["documents"], found["metadatas"], strict=True
    ):
        facts = metadata or {}
        text = document or ""
        vector = unit_rows(np.asarray(embedding, dtype=np.float32)[None, :])[0]
        key = facts.get("lca_text")
        yield Adopted(
            _record(name, text, facts, database),
            text,
            vector,
            bytes.fromhex(key) if key else given_key(text, vector),
        )


def _record(name: str, text: str, facts: Mapping[str, Any], database: str) -> Record:
    if "lca_record" not in facts:
        return text_record(text, name, metadata=facts, database=database)
    provenance = facts.get("lca_provenance")
    return unpack_record(
        decode_body(facts["lca_record"]), provenance.encode() if provenance else None
    )


@contextmanager
def foreign_collection(collection: object, name: str | None) -> Iterator[Any]:
    """The collection that a user means, opened for as long as the block lasts.

    Raises:
        IndexStateError: If it is not there.
    """
    if not isinstance(collection, str | Path):
        yield collection
        return
    server = Location.parse(str(collection))
    if server is None and not (Path(collection) / "chroma.sqlite3").is_file():
        raise IndexStateError(f"{collection}: no files of Chroma are here")
    opened = (
        server_client(server.host, server.port, server.ssl)
        if server
        else embedded_client(Path(collection))
    )
    with opened as client:
        names = sorted(found.name for found in client.list_collections())
        wanted = name or (server.collection if server else names[0] if len(names) == 1 else None)
        if wanted not in names:
            raise IndexStateError(
                f"{collection}: {'no collection ' + repr(wanted) if wanted else 'which collection'}"
                f"; there are: {', '.join(names) or 'none'}"
            )
        yield client.get_collection(wanted, embedding_function=None)


def adoption_folder(collection: Any) -> Path:
    """Where the copy of a collection lies if the user names no folder."""
    return cache_folder() / "adopted" / f"{collection.name}-{collection.id}"


def width_of(collection: Any) -> int:
    """The dimension of the vectors in a collection.

    Raises:
        IndexStateError: If it is empty, so that nothing tells.
    """
    found = collection.get(limit=1, include=["embeddings"])
    if not found["ids"]:
        raise IndexStateError(
            f"the Chroma collection {collection.name!r} is empty; give the encoder it is meant for"
        )
    return len(found["embeddings"][0])


def pages(collection: Any, *, where: Mapping[str, object] | None = None) -> Iterator[Any]:
    """The rows of a collection, page by page, whole."""
    offset = 0
    while True:
        found = collection.get(
            where=where,
            limit=PAGE,
            offset=offset,
            include=["embeddings", "documents", "metadatas"],
        )
        if not found["ids"]:
            return
        yield found
        offset += len(found["ids"])


def take_over(
    writer: Writer,
    reader: Catalogue,
    found: Iterable[Any],
    *,
    database: str,
    derive: Derive,
    remove: Remove,
    encoder: Encoder | None = None,
) -> SyncReport:
    """Store rows of a collection; the writer's fingerprint is set.

    Args:
        writer: The catalogue, with the writer's lock held.
        reader: The same catalogue for the reading thread.
        found: Pages of rows.
        database: Where rows go that carry no record of ours.
        derive: Writes the derived files.
        remove: Names the ids to remove.
        encoder: Makes the vectors anew; if `None`, those in the rows are taken.
    """
    keys: dict[str, bytes] = {}
    fingerprint = writer.meta("fingerprint_key") or ""

    def records() -> Iterator[Record]:
        for page in found:
            rows = list(adopted_rows(page, database))
            if encoder is not None:
                yield from (row.record for row in rows)
                continue
            with writer.transaction():
                writer.add_vectors(
                    fingerprint,
                    [(row.text, pack(row.document.encode())) for row in rows],
                    np.stack([row.vector for row in rows]),
                )
            for row in rows:
                keys[row.record.id] = row.text
                yield row.record

    return synchronise(
        writer,
        reader,
        records(),
        encoder=encoder,
        derive=derive,
        remove=remove,
        keys=keys,
    )


def verify_sample(collection: Any, encoder: Encoder) -> None:
    """Check that `encoder` made the vectors of a foreign collection, on a few of its rows.

    Raises:
        FingerprintMismatch: If it did not, or embeds another text or with another prompt.
        IndexStateError: If the rows hold no text to check by.
    """
    found = collection.get(limit=_SAMPLE, include=["embeddings", "documents"])
    pairs = [
        (document, embedding)
        for document, embedding in zip(found["documents"], found["embeddings"], strict=True)
        if document
    ]
    if not pairs and found["ids"]:
        raise IndexStateError(
            f"the Chroma collection {collection.name!r} holds vectors without texts, so nothing "
            "tells which encoder made them; adopt it without an encoder"
        )
    if not pairs:
        return
    stored = unit_rows(np.asarray([vector for _, vector in pairs], dtype=np.float32))
    if stored.shape[1] != encoder.dimension:
        raise FingerprintMismatch(
            f"the Chroma collection {collection.name!r} has {stored.shape[1]} dimensions, "
            f"{encoder.name} has {encoder.dimension}; give the encoder that made it"
        )
    fresh = encoder.encode_documents([document for document, _ in pairs])
    cosine = float(np.einsum("ij,ij->i", stored, fresh).min())
    if cosine < _SAME_COSINE:
        raise FingerprintMismatch(
            f"the vectors in the Chroma collection {collection.name!r} are not those that "
            f"{encoder.name} gives for its texts (cosine {cosine:.4f}): another model, a prompt, "
            "lost newlines, or metadata in the embedded text; give the encoder that made them, or "
            "adopt with reembed=True"
        )
