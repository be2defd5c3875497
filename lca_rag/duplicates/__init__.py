"""Data sets that say the same: other version, region, year, database, words or only exchanges."""

from __future__ import annotations

from lca_rag.duplicates.collapse import Folded, Variant, collapse
from lca_rag.duplicates.search import (
    DuplicateGroup,
    DuplicatePair,
    DuplicateRelation,
    compare,
    duplicate_pairs,
    find_duplicates,
    groups,
)
from lca_rag.duplicates.sketches import Sketch, sketch

__all__ = [
    "DuplicateGroup",
    "DuplicatePair",
    "DuplicateRelation",
    "Folded",
    "Sketch",
    "Variant",
    "collapse",
    "compare",
    "duplicate_pairs",
    "find_duplicates",
    "groups",
    "sketch",
]
