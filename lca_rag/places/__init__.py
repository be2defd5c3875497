"""Where data sets are valid: codes and names of places, and how two places relate.

`find_place("SC-CN")`, `find_place("Texas, US")` and `find_place("Europe without Switzerland")` give
an `Area`; `relation("DE", "RER").sentence` says "asked DE, got RER: one step wider".
"""

from __future__ import annotations

from lca_rag.places.ladder import Relation, RelationKind, ladder, relation
from lca_rag.places.lookup import find_place, find_places, names
from lca_rag.places.mentions import Mention, recognise
from lca_rag.places.table import Area, AreaKind

__all__ = [
    "Area",
    "AreaKind",
    "Mention",
    "Relation",
    "RelationKind",
    "find_place",
    "find_places",
    "ladder",
    "names",
    "recognise",
    "relation",
]
