"""Parts that process, flow, model and method data sets of ILCD share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

from lca_rag.errors import ReadError
from lca_rag.readers.lookups import Lookups, described
from lca_rag.readers.nodes import NO_NODE, UUID, Node, same
from lca_rag.record import NO_VERSION, Licence, Name, Reference, Text

__all__ = [
    "UUID",
    "amount",
    "details",
    "extras",
    "identity",
    "licence",
    "name",
    "references",
    "year",
]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
_PUBLICATION = ("administrativeInformation", "publicationAndOwnership")
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

Labelled = tuple[tuple[str, str], ...]
"""Pairs of label and slash-separated path."""


def identity(node: Node, information: Node) -> tuple[str, str]:
    """UUID and version of a data set.

    Raises:
        ReadError: If there is no UUID.
    """
    uuid = information.string("UUID")
    if uuid is None:
        raise ReadError("the data set has no UUID, so it cannot be told apart", field="UUID")
    return same(uuid), node.string(*_PUBLICATION, "dataSetVersion") or NO_VERSION


def name(information: Node, functional: str, repairs: list[str]) -> Name:
    """The four parts of a name; `functional` is the element of the last one."""
    node = information.one("name")
    if node.text and not node.children:
        repairs.append("name without baseName")
        return Name(base=information.words("name"))
    return Name(
        base=node.words("baseName"),
        treatment=node.words("treatmentStandardsRoutes"),
        mix=node.words("mixAndLocationTypes"),
        functional=node.words(functional),
    )


def licence(node: Node, lookups: Lookups) -> Licence:
    """Owner and terms from the administrative part."""
    publication = node.one(*_PUBLICATION)
    return Licence(
        type=publication.string("licenseType"),
        copyright=_YES_NO.get((publication.string("copyright") or "").lower()),
        restrictions=publication.words("accessRestrictions"),
        owner=described(publication.one("referenceToOwnershipOfDataSet"), lookups.names),
    )


def details(node: Node, fields: Labelled) -> Iterator[tuple[str, Text]]:
    """Prose by label, where there is any."""
    for label, path in fields:
        if words := node.words(*path.split("/")):
            yield label, words


def extras(node: Node, fields: Labelled) -> Iterator[tuple[str, str]]:
    """Short facts by label; a path may end in an attribute."""
    for label, path in fields:
        *steps, last = path.split("/")
        if last.startswith("@"):
            value = (node.one(*steps) if steps else node).attribute(last[1:])
        else:
            value = node.string(*steps, last)
        if value is not None:
            yield label, value


def references(node: Node, fields: Labelled, lookups: Lookups) -> Iterator[Reference]:
    """Pointers to sources, contacts and data sets by role; those that say nothing are left out."""
    for role, path in fields:
        steps = path.split("/")
        for holder in _holders(node, steps[:-1]):
            for pointer in holder.all(steps[-1]):
                uuid = pointer.target()
                words = described(pointer, lookups.names)
                if uuid or words:
                    yield Reference(role=role, uuid=uuid, name=words)


def _holders(node: Node, steps: list[str]) -> Iterable[Node]:
    """Every element at a path, where `references` must not stop at the first (reviews)."""
    holders = [node]
    for step in steps:
        holders = [child for holder in holders for child in holder.children.get(step, ())]
    return holders


def amount(text: str | None, repairs: list[str]) -> float | None:
    """A number, or `None` if there is none that can be trusted; notes what had to be mended."""
    if text is None:
        return None
    if _COMMA.fullmatch(text):
        repairs.append("decimal comma read as point")
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        repairs.append("amount that is no number read as missing")
        return None
    value = float(text)
    if math.isinf(value):
        repairs.append("amount out of range read as missing")
        return None
    return value


def year(text: str | None, repairs: list[str]) -> int | None:
    """The first year in a text."""
    if text is None:
        return None
    found = _YEAR.search(text)
    if found is None:
        repairs.append("year that is no year read as missing")
        return None
    return int(found[0])


def present(node: Node) -> bool:
    """Whether an element is there, even if it is empty."""
    return node is not NO_NODE
