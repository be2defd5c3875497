"""Members of an ILCD or TIDAS package in the order in which one data set explains the next."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from lca_rag.errors import ReadError
from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.files import HEAD
from lca_rag.readers.ilcd_fields import unmapped
from lca_rag.readers.ilcd_flow import flow_record
from lca_rag.readers.ilcd_method import method_record
from lca_rag.readers.ilcd_model import model_record
from lca_rag.readers.ilcd_process import process_record
from lca_rag.readers.lookups import Lookups
from lca_rag.readers.nodes import Node, Paths
from lca_rag.readers.prose import member_path
from lca_rag.record import Provenance, Record

__all__ = ["Parse", "records"]

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


def records(
    package: Package,
    names: Sequence[str],
    context: ReadContext,
    *,
    format: str,
    root: re.Pattern[str],
    parse: Parse,
) -> Iterator[Record]:
    """Flows, methods, processes and models of the named members, after what they refer to."""
    lookups = Lookups()
    paths = Paths()
    for name in _ordered(package, names, root, context):
        place = member_path(package, name)
        told = partial(context.skip, place)
        try:
            found = parse(package.read(name), paths, told)
            documents = sorted(found, key=lambda item: _rank(item[0]))
        except ReadError as exc:
            context.skip(place, str(exc), _named(name))
            continue
        provenance = Provenance(path=place, format=format)
        for kind, node in documents:
            try:
                if kind in _SUPPORT:
                    lookups.learn(kind, node)
                elif kind in RECORDS:
                    yield RECORDS[kind](node, context.database, lookups, provenance)
            except ReadError as exc:
                context.skip(place, str(exc), _named(name))
    for path, count in unmapped(paths):
        context.report.unmapped[f"{format}:{path}"] += count


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _ordered(
    package: Package, names: Sequence[str], root: re.Pattern[str], context: ReadContext
) -> list[str]:
    """The members by the kind of their first data set, in the order given within a kind."""
    ranks: dict[str, int] = {}
    for name in names:
        try:
            found = root.search(head_text(package.read(name)[:HEAD]))
        except ReadError as exc:
            context.skip(member_path(package, name), str(exc), _named(name))
            continue
        ranks[name] = _rank(found[1]) if found else len(_ORDER)
    return sorted(ranks, key=ranks.__getitem__)


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
