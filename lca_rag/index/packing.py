"""Records rendered and packed as the catalogue stores them, here or where they are read."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import orjson

from lca_rag.index.catalogue import Catalogue
from lca_rag.index.columns import column_values
from lca_rag.index.derived import digest
from lca_rag.index.texts import record_text
from lca_rag.readers import Work
from lca_rag.record import Record
from lca_rag.record_json import to_json
from lca_rag.render import embedding_text, search_fields

__all__ = ["Fault", "Packer", "Prepared", "pack", "pack_fields", "packer", "packing"]

_PACKING = 3  # zlib level: 4 is no smaller here, 1 is hardly faster


class Prepared(NamedTuple):
    """One record, ready to be stored."""

    id: str
    database: str
    content: bytes
    """Hash of the record as JSON."""
    path: str
    """Where it was found, for messages."""
    text: bytes
    """Hash of the embedding text."""
    document: str
    """The embedding text."""
    row: tuple[object, ...] | None = None
    """The row to stage; `None` if the catalogue holds it as it is."""
    body: tuple[bytes, bytes, bytes] | None = None
    """Content hash, packed record and packed search fields; `None` if stored already."""


class Fault(NamedTuple):
    """A record that cannot be stored."""

    id: str
    path: str
    reason: str


def pack(value: bytes) -> bytes:
    """Compressed for storage."""
    return zlib.compress(value, _PACKING)


def pack_fields(record: Record) -> bytes:
    """The packed search fields."""
    return pack(orjson.dumps(search_fields(record)))


class Packer:
    """Prepares records, comparing them with what a catalogue holds."""

    def __init__(self, catalogue: Catalogue, keys: Mapping[str, bytes] | None = None) -> None:
        """Keep the catalogue; `keys` are those of vectors that are stored already, by id."""
        self._catalogue = catalogue
        self._keys = {} if keys is None else keys  # may be filled while records are read

    def __call__(self, records: list[Record]) -> list[Prepared | Fault]:
        """What is to be stored of each record, in order."""
        bodies = [_body(record) for record in records]
        known = {
            row[0]: (row[1], row[2])
            for row in self._catalogue.rows_in(
                "SELECT id, content, text FROM records WHERE id IN ({})",
                [record.id for record in records],
            )
        }
        return [
            body if isinstance(body, Fault) else self._prepared(record, body, known.get(record.id))
            for record, body in zip(records, bodies, strict=True)
        ]

    def _prepared(self, record: Record, body: bytes, known: tuple[bytes, bytes] | None) -> Prepared:
        document = record_text(record) if record.kind == "text" else embedding_text(record)
        text = self._keys.get(record.id) or digest(document.encode())
        content = digest(body)
        found = Prepared(record.id, record.database, content, _path(record), text, document)
        if known == (content, text):
            return found
        row = (
            record.id,
            record.key,
            *column_values(record),
            content,
            text,
            _provenance(record),
        )
        return found._replace(row=row, body=(content, pack(body), pack_fields(record)))


def packer(folder: str) -> Callable[[list[Record]], list[tuple[object, ...]]]:
    """A `Packer` over the catalogue of a folder, that gives plain tuples: for workers."""
    packed = Packer(Catalogue.open(Path(folder)))
    return lambda records: [tuple(item) for item in packed(records)]


def packing(catalogue: Catalogue) -> Work:
    """What workers do who pack for a catalogue."""
    return Work(__name__, packer.__name__, (str(catalogue.path.parent),))


def _body(record: Record) -> bytes | Fault:
    try:
        return to_json(replace(record, provenance=None))
    except ValueError as exc:
        return Fault(record.id, _path(record), f"it cannot be stored: {exc}")


def _path(record: Record) -> str:
    return record.provenance.path if record.provenance else record.database


def _provenance(record: Record) -> bytes | None:
    found = record.provenance
    return orjson.dumps((found.path, found.format, found.repairs)) if found else None
