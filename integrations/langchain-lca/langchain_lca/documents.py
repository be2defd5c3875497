"""Records and hits as LangChain documents: flat metadata, the same keys on every one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from langchain_core.documents import Document

from lca_rag import Hit, Record, embedding_text, evidence
from lca_rag.index import host_metadata

Content = Literal["evidence", "embedding"]
"""What `page_content` holds: what a reader is shown (figures with units), or what is embedded."""


def record_metadata(record: Record) -> dict[str, str | int | float | bool]:
    """What a record is, as flat JSON scalars; unknown text is `""`, an unknown year 0."""
    reference = next(iter(record.reference_exchanges), None)
    return {
        "record_id": record.id,
        "source": record.id,
        "database": record.database,
        "uuid": record.uuid,
        "version": record.version,
        "kind": record.kind,
        "name": str(record.name),
        "place": record.place.code if record.place else "",
        "reference_year": record.period.reference_year or 0,
        "unit": (reference.unit or "") if reference else "",
        "data_type": record.data_type or "",
        "licence": record.licence.type or "",
    }


def record_document(record: Record, content: Content = "embedding") -> Document:
    """One record as a document; its id is the record's id."""
    text = evidence(record) if content == "evidence" else embedding_text(record)
    return Document(id=record.id, page_content=text, metadata=record_metadata(record))


def hit_document(hit: Hit, content: Content = "evidence") -> Document:
    """A hit as a document, with score (higher is better), cosine where known, and reasons.

    A free text that a store holds beside the data sets comes as it is, with its own metadata too.
    """
    free = hit.record.kind == "text"
    document = record_document(hit.record, "embedding" if free else content)
    if free:
        document.metadata = {**host_metadata(hit.record), **document.metadata}
    document.metadata["score"] = hit.score
    document.metadata["similarity"] = hit.features.get("dense", 0.0)
    document.metadata["reasons"] = "; ".join(hit.reasons)
    return document


def content_key(text: str, metadata: Mapping[str, Any]) -> str:
    """A name for a text with its metadata: the same for the same content."""
    facts = json.dumps(dict(metadata), sort_keys=True, default=str)
    return hashlib.sha256(f"{facts}\n{text}".encode()).hexdigest()[:32]


def record_key(document: Document) -> str:
    """A `key_encoder` for `langchain_core.indexing.index`: record id, then digest of the content.

    The host replaces the id of a document by this key; by default it would be a bare digest.
    """
    record = document.metadata.get("record_id", "")
    return f"{record}:{content_key(document.page_content, document.metadata)}"
