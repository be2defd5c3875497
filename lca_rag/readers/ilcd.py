"""ILCD XML: processes, flows and what they point to, EPDs included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.ilcd_stream import IlcdSession, head_text
from lca_rag.readers.nodes import XML_ROOT, Node, Paths, xml_root
from lca_rag.readers.sessions import in_turn
from lca_rag.record import Record

__all__ = ["READER"]


class IlcdReader:
    """Data sets of the ILCD format, one per XML member."""

    format = "ilcd"
    quickness = 1

    def recognise(self, name: str, head: bytes) -> bool:
        """Whether the root element is a data set of ILCD."""
        return XML_ROOT.search(head_text(head)) is not None

    def read(
        self, package: Package, names: Sequence[str], context: ReadContext
    ) -> Iterator[Record]:
        """Flows first, then processes, so that units are known when they are needed."""
        return in_turn(self, package, names, context)

    def session(self, package: Package, context: ReadContext) -> IlcdSession:
        """A new reading."""
        return IlcdSession(package, context, format=self.format, root=XML_ROOT, parse=_parse)

    def databases(self, names: Sequence[str]) -> list[Sequence[str]]:
        """All members explain each other."""
        return [names]


def _parse(data: bytes, paths: Paths, on_fault: Callable[[str], None]) -> list[tuple[str, Node]]:
    return [xml_root(data, paths)]


READER = IlcdReader()
