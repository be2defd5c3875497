"""Records and hits as LlamaIndex nodes whose embedded text is ours, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.schema import (
    Document,
    NodeRelationship,
    NodeWithScore,
    RelatedNodeInfo,
    TextNode,
)

from lca_rag import Hit, Record, embedding_text, evidence
from lca_rag.index import host_metadata

TEMPLATE = "{content}"
"""Metadata added later by others cannot leak into what is embedded."""


def record_metadata(record: Record) -> dict[str, str | int | float]:
    """What a record is, as flat JSON scalars; unknown text is `""`, an unknown year 0."""
    reference = next(iter(record.reference_exchanges), None)
    return {
        "record_id": record.id,
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


def record_node(record: Record) -> TextNode:
    """One record as a node that can be embedded and stored as it is, without a splitter.

    The node is its own source, so that stores which replace by source replace it.
    """
    metadata = record_metadata(record)
    return TextNode(
        id_=record.id,
        text=embedding_text(record),
        metadata=metadata,
        excluded_embed_metadata_keys=sorted(metadata),
        excluded_llm_metadata_keys=sorted(metadata),
        text_template=TEMPLATE,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=record.id)},
    )


def record_document(record: Record, extra: Mapping[str, Any] | None = None) -> Document:
    """One record as a document, with the same text, id and exclusions, and metadata of others."""
    metadata = {**(extra or {}), **record_metadata(record)}
    return Document(
        id_=record.id,
        text=embedding_text(record),
        metadata=metadata,
        excluded_embed_metadata_keys=sorted(metadata),
        excluded_llm_metadata_keys=sorted(metadata),
        text_template=TEMPLATE,
    )


def hit_node(hit: Hit) -> NodeWithScore:
    """A hit as a node that shows figures with units; `score` is the hit's, higher is better.

    A free text that a store holds beside the data sets comes as it is, with its own metadata too.
    """
    free = hit.record.kind == "text"
    metadata = {
        **(_own_metadata(hit.record) if free else {}),
        **record_metadata(hit.record),
        "similarity": hit.features.get("dense", 0.0),
        "reasons": "; ".join(hit.reasons),
    }
    node = TextNode(
        id_=hit.record.id,
        text=embedding_text(hit.record) if free else evidence(hit.record),
        metadata=metadata,
        excluded_embed_metadata_keys=sorted(metadata),
        excluded_llm_metadata_keys=sorted(metadata),
        text_template=TEMPLATE,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.record.id)},
    )
    return NodeWithScore(node=node, score=hit.score)


def _own_metadata(record: Record) -> dict[str, Any]:
    """What a free text was stored with, without what the host adds to restore its node."""
    return {key: v for key, v in host_metadata(record).items() if key not in _TECHNICAL}


_TECHNICAL = frozenset({"_node_content", "_node_type", "document_id", "doc_id", "ref_doc_id"})
