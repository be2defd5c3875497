"""Records and hits as LangChain documents: flat metadata, the same keys on every one."""

from __future__ import annotations

from typing import Literal

from langchain_core.documents import Document

from lca_rag import Hit, Record, embedding_text, evidence

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
    """A hit as a document, with score (higher is better), cosine where known, and reasons."""
    document = record_document(hit.record, content)
    document.metadata["score"] = hit.score
    document.metadata["similarity"] = hit.features.get("dense", 0.0)
    document.metadata["reasons"] = "; ".join(hit.reasons)
    return document
