"""What an answer asks of a retriever."""

from __future__ import annotations

from typing import Literal, Protocol, Unpack

from lca_rag.filters import SearchArguments
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
        mode: Mode = "hybrid",
        **wishes: Unpack[SearchArguments],
    ) -> list[Hit]:
        """The best records for a question."""
        ...
