"""EcoSpold 1: several data sets per file, facts in attributes, no UUID.

A record is identified by number, name, place and unit of its data set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

from lxml import etree

from lca_rag.errors import ReadError
from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.ecospold1_records import data_set_record
from lca_rag.readers.ecospold2 import plain
from lca_rag.readers.prose import member_path
from lca_rag.readers.sessions import Counts, Knowledge, Round, in_turn
from lca_rag.record import Record

_NAMESPACE = re.compile(rb"EcoInvent\.org/EcoSpold01|<(?:\w+:)?ecoSpold[\s>]", re.IGNORECASE)

_AT_ONCE = 4 << 20
"""Bytes of a file up to which it is parsed at once."""
_OPTIONS: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
_DataSet = tuple[etree._Element, etree._Element]
"""The root of a file, and a data set in it."""


class EcoSpold1Reader:
    """Reads EcoSpold 1 files of one or thousands of data sets."""

    format = "ecospold1"
    quickness = 1

    def recognise(self, name: str, head: bytes) -> bool:
        """Whether the head names the EcoSpold 1 namespace, or an `ecoSpold` root without one."""
        text = plain(head)
        return _NAMESPACE.search(text) is not None and b"EcoSpold02" not in text

    def read(
        self, package: Package, names: Sequence[str], context: ReadContext
    ) -> Iterator[Record]:
        """One record for each data set; one file's data sets are never in memory together."""
        return in_turn(self, package, names, context)

    def session(self, package: Package, context: ReadContext) -> EcoSpold1Session:
        """A new reading."""
        return EcoSpold1Session(package, context)

    def databases(self, names: Sequence[str]) -> list[Sequence[str]]:
        """No member needs another."""
        return [names]


class EcoSpold1Session:
    """Files that say nothing of each other."""

    strays = 0
    narrow: frozenset[int] = frozenset()

    def __init__(self, package: Package, context: ReadContext) -> None:
        """Nothing is learnt from one file for another."""
        self.knowledge = Knowledge()
        self._package = package
        self._context = context

    def rounds(self, names: Sequence[str]) -> list[Round]:
        """All in one."""
        return [(0, names)]

    def member(self, name: str, number: int) -> Iterator[Record]:
        """The records of one file, one after another."""
        path = member_path(self._package, name)
        try:
            yield from _file(self._package.read(name), path, self._context)
        except ReadError as exc:
            self._context.skip(path, str(exc))
        except (etree.XMLSyntaxError, ValueError) as exc:
            self._context.skip(path, f"the XML is malformed: {exc}")

    def take_counts(self) -> Counts:
        """Nothing is counted but what the context is told."""
        return []

    def add_counts(self, counts: Counts) -> None:
        """Nothing is counted but what the context is told."""

    def finish(self) -> None:
        """All is reported already."""


def _file(data: bytes, path: str, context: ReadContext) -> Iterator[Record]:
    if b"<!ENTITY" in data:
        raise ReadError("declares XML entities, which can hide files or bombs; it is not read")
    found = 0
    for root, element in _whole(data) if len(data) <= _AT_ONCE else _piecemeal(data):
        if not found:
            _check_root(root)
        found += 1
        record = data_set_record(element, path, context)
        if record is not None:
            yield record
    if not found:
        raise ReadError("it holds no dataset")


def _whole(data: bytes) -> Iterator[_DataSet]:
    """The data sets of a small file, parsed at once, which takes a third of the time."""
    try:
        root = etree.fromstring(data, etree.XMLParser(**_OPTIONS))
    except (etree.XMLSyntaxError, ValueError):
        yield from _piecemeal(data)  # what stands before the fault is read
        return
    element = None
    for element in root.iter("{*}dataset"):
        yield root, element
    if element is None:
        _check_root(root)


def _piecemeal(data: bytes) -> Iterator[_DataSet]:
    """The data sets of a file, parsed one by one so that memory stays flat."""
    data_sets = etree.iterparse(BytesIO(data), events=("end",), tag="{*}dataset", **_OPTIONS)
    element = None
    for _, element in data_sets:
        root = element.getroottree().getroot()
        yield root, element
        element.clear()
        while root[0] is not element and element.getparent() is root:
            del root[0]  # what was read before
    if element is None:
        _check_root(data_sets.root)


def _check_root(root: etree._Element) -> None:
    name = etree.QName(root).localname
    if name != "ecoSpold":
        raise ReadError(f"the root element is <{name}>, not <ecoSpold>; it is not read")


READER = EcoSpold1Reader()
