"""Members of an ILCD or TIDAS package in the order in which one data set explains the next."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from lca_rag.errors import ReadError
from lca_rag.readers.context import Package, ReadContext, opening
from lca_rag.readers.ilcd_fields import unmapped
from lca_rag.readers.ilcd_flow import flow_record
from lca_rag.readers.ilcd_method import method_record
from lca_rag.readers.ilcd_model import model_record
from lca_rag.readers.ilcd_process import process_record
from lca_rag.readers.lookups import Lookups
from lca_rag.readers.nodes import Node, Paths
from lca_rag.readers.prose import member_path
from lca_rag.readers.sessions import Counts, Round
from lca_rag.record import Provenance, Record

__all__ = ["IlcdSession", "Parse"]

Parse = Callable[[bytes, Paths, Callable[[str], None]], Iterable[tuple[str, Node]]]
"""What turns the bytes of a member into root names and trees; faults of a part are told."""

_ORDER = (
    "unitGroupDataSet",
    "flowPropertyDataSet",
    "sourceDataSet",
    "contactDataSet",
    "flowDataSet",
    "LCIAMethodDataSet",
    "processDataSet",
    "lifeCycleModelDataSet",
)
_SUPPORT = frozenset(_ORDER[:4])
RECORDS: dict[str, Callable[[Node, str, Lookups, Provenance], Record]] = {
    "flowDataSet": flow_record,
    "LCIAMethodDataSet": method_record,
    "processDataSet": process_record,
    "lifeCycleModelDataSet": model_record,
}
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class IlcdSession:
    """Flows, methods, processes and models of an ILCD or TIDAS package, after what they name."""

    narrow = frozenset((_ORDER.index("LCIAMethodDataSet"),))  # methods may point to each other

    def __init__(
        self,
        package: Package,
        context: ReadContext,
        *,
        format: str,
        root: re.Pattern[str],
        parse: Parse,
    ) -> None:
        """Begin with nothing learnt; `root` finds the kind of data set in a member's head."""
        self.knowledge = Lookups()
        self.strays = 0
        self._package = package
        self._context = context
        self._format = format
        self._root = root
        self._parse = parse
        self._paths = Paths()

    def rounds(self, names: Sequence[str]) -> Iterator[Round]:
        """The members by the kind of their first data set, in the order given within a kind."""
        groups: dict[int, list[str]] = {}
        for name in names:
            try:
                found = self._root.search(head_text(opening(self._package, name)))
            except ReadError as exc:
                self._context.skip(member_path(self._package, name), str(exc), _named(name))
                continue
            groups.setdefault(_rank(found[1]) if found else len(_ORDER), []).append(name)
        yield from sorted(groups.items())

    def member(self, name: str, number: int) -> Iterator[Record]:
        """The records of one member, which may hold several data sets."""
        place = member_path(self._package, name)
        told = partial(self._context.skip, place)
        try:
            found = self._parse(self._package.read(name), self._paths, told)
            documents = sorted(found, key=lambda item: _rank(item[0]))
        except ReadError as exc:
            self._context.skip(place, str(exc), _named(name))
            return
        provenance = Provenance(path=place, format=self._format)
        for kind, node in documents:
            self.strays += _rank(kind) != number
            try:
                if kind in _SUPPORT:
                    self.knowledge.learn(kind, node)
                elif kind in RECORDS:
                    yield RECORDS[kind](node, self._context.database, self.knowledge, provenance)
            except ReadError as exc:
                self._context.skip(place, str(exc), _named(name))

    def take_counts(self) -> Counts:
        """How often each path was met since this was last asked."""
        counts = list(self._paths.leaves())
        self._paths = Paths()
        return counts

    def add_counts(self, counts: Counts) -> None:
        """Count the paths that another process met."""
        self._paths.add(counts)

    def finish(self) -> None:
        """Report the paths that no record field holds."""
        for path, count in unmapped(self._paths):
            self._context.report.unmapped[f"{self._format}:{path}"] += count


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def head_text(head: bytes) -> str:
    """The first bytes of a member as text, good enough to find a root element.

    Empty where no root can be: every name ends in "DataSet", and to look for that word costs a
    tenth of looking for a name.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", errors="replace")
    return head.decode("utf-8", errors="replace") if b"DataSet" in head else ""


def _named(name: str) -> str | None:
    """The UUID in a member's name, to tell which data set was lost."""
    found = _UUID.search(name)
    return found[0] if found else None
