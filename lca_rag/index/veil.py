"""What a reader of an index may see of each record: a seam that the index knows no rule of."""

from __future__ import annotations

from typing import Protocol

from lca_rag.record import Record

__all__ = ["Veil"]


class Veil(Protocol):
    """Decides what of each database is read; whatever reads records or columns reads through it."""

    def visible(self, record: Record) -> Record:
        """The record with what may be shown."""
        ...

    def hidden_columns(self, database: str) -> frozenset[str]:
        """Columns of `lca_rag.index.columns` that are unknown for the records of a database."""
        ...
