"""Placeholder until the mapping lands in the next commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lca_rag.readers.context import Package, ReadContext
from lca_rag.record import Record


class _Reader:
    format = "tidas"

    def recognise(self, name: str, head: bytes) -> bool:
        """Nothing yet."""
        return False

    def read(
        self, package: Package, names: Sequence[str], context: ReadContext
    ) -> Iterator[Record]:
        """Nothing yet."""
        return iter(())


READER = _Reader()
