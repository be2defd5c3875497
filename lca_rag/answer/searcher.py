"""What an answer asks of a retriever."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, Protocol

from lca_rag.record import Hit

__all__ = ["Mode", "Searcher"]

Mode = Literal["hybrid", "dense", "lexical"]


class Searcher(Protocol):
    """What an answer asks of a retriever."""

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        kind: str | None = None,
        place: str | None = None,
        year: int | tuple[int, int] | None = None,
        database: str | Sequence[str] | None = None,
        data_type: str | None = None,
        system_model: str | None = None,
        allocation: str | None = None,
        classification: str | None = None,
        strict: bool = False,
        mode: Mode = "hybrid",
        rights: Collection[str] | None = None,
    ) -> list[Hit]:
        """The best records for a question."""
        ...
