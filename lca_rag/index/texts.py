"""Free texts that a host puts beside the data sets: records of kind "text"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import uuid4

import orjson

from lca_rag.record import Name, Record, Text

DATABASE = "texts"
"""Database of texts for which the host names none."""
_METADATA = "metadata"


def text_record(
    text: str, id: str, *, metadata: Mapping[str, object] | None = None, database: str = DATABASE
) -> Record:
    """A record that holds a text as it is, with the host's metadata beside it.

    Raises:
        TypeError: If the metadata cannot be written as JSON.
    """
    extras: tuple[tuple[str, str], ...] = ()
    if metadata:
        packed = orjson.dumps(dict(metadata), option=orjson.OPT_SERIALIZE_NUMPY).decode()
        extras = ((_METADATA, packed),)
    return Record(
        database=database,
        uuid=id,
        kind="text",
        name=Name(base=Text.of(id, "")),
        comment=Text((("", text),)) if text else Text(),
        extras=extras,
    )


def text_records(
    texts: Sequence[str],
    ids: Sequence[str] | None,
    metadatas: Sequence[Mapping[str, object]] | None,
    database: str,
) -> list[Record]:
    """A record for each text; ids are made up where the host gives none."""
    names = [str(uuid4()) for _ in texts] if ids is None else ids
    facts = metadatas if metadatas is not None else [{} for _ in texts]
    return [
        text_record(text, name, metadata=metadata, database=database)
        for text, name, metadata in zip(texts, names, facts, strict=True)
    ]


def record_text(record: Record) -> str:
    """The text that `text_record` was given."""
    return "".join(record.comment.all())


def host_metadata(record: Record) -> dict[str, object]:
    """The metadata that `text_record` was given."""
    found = dict(record.extras).get(_METADATA)
    metadata: dict[str, object] = orjson.loads(found) if found else {}
    return metadata
