"""EcoSpold 1: several data sets per file, facts in attributes, no UUID.

A record is identified by number, name, place and unit of its data set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from io import BytesIO

from lxml import etree

from lca_rag.errors import ReadError
from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.ecospold1_records import data_set_record
from lca_rag.readers.ecospold2 import plain
from lca_rag.readers.prose import member_path
from lca_rag.readers.sessions import Counts, Knowledge, Round, in_turn
from lca_rag.record import Record

_NAMESPACE = re.compile(rb"EcoInvent\.org/EcoSpold01|<(?:\w+:)?ecoSpold[\s>]", re.IGNORECASE)


class EcoSpold1Reader:
    """Reads EcoSpold 1 files of one or thousands of data sets."""

    format = "ecospold1"

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
    data_sets = etree.iterparse(
        BytesIO(data),
        events=("end",),
        tag="{*}dataset",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    for _, element in data_sets:
        root = element.getroottree().getroot()
        if not found:
            _check_root(root)
        found += 1
        record = data_set_record(element, path, context)
        if record is not None:
            yield record
        element.clear()
        while root[0] is not element and element.getparent() is root:
            del root[0]  # what was read before, so that memory stays flat
    if not found:
        _check_root(data_sets.root)
        raise ReadError("it holds no dataset")


def _check_root(root: etree._Element) -> None:
    name = etree.QName(root).localname
    if name != "ecoSpold":
        raise ReadError(f"the root element is <{name}>, not <ecoSpold>; it is not read")


READER = EcoSpold1Reader()
