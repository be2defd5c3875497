"""TIDAS JSON, the format of the TianGong platform: ILCD as a mechanical conversion writes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.ilcd_stream import IlcdSession, head_text
from lca_rag.readers.nodes import JSON_ROOT, json_documents
from lca_rag.readers.sessions import in_turn
from lca_rag.record import Record

__all__ = ["READER"]


class TidasReader:
    """Data sets of the TIDAS format: single, in a list, in JSON Lines, or in rows of the API."""

    format = "tidas"
    quickness = 1

    def recognise(self, name: str, head: bytes) -> bool:
        """Whether a JSON text holds a data set of TIDAS near its beginning."""
        text = head_text(head).lstrip("\ufeff \t\r\n")
        return text.startswith(("{", "[")) and JSON_ROOT.search(text) is not None

    def read(
        self, package: Package, names: Sequence[str], context: ReadContext
    ) -> Iterator[Record]:
        """Flows first, then processes, so that units are known when they are needed."""
        return in_turn(self, package, names, context)

    def session(self, package: Package, context: ReadContext) -> IlcdSession:
        """A new reading."""
        return IlcdSession(
            package, context, format=self.format, root=JSON_ROOT, parse=json_documents
        )

    def databases(self, names: Sequence[str]) -> list[Sequence[str]]:
        """All members explain each other."""
        return [names]


READER = TidasReader()
