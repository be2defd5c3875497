"""One light tree for ILCD's XML and for TIDAS's JSON, so that one mapping serves both.

TIDAS is ILCD as a mechanical conversion writes it: attributes become `@x`, text `#text`, prefixes
stay, and a repeatable element is an object when single, a list when many, absent or null when
none. Both are turned into `Node`s under local names, whose children are always lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

import orjson
from lxml import etree

from lca_rag.errors import ReadError
from lca_rag.record import NO_TEXT, Text

__all__ = ["NO_NODE", "UUID", "Node", "Paths", "json_documents", "same", "xml_root"]

_KINDS = "process|flow|flowProperty|unitGroup|source|contact|LCIAMethod|lifeCycleModel"
XML_ROOT = re.compile(rf"<(?:[\w.-]+:)?((?:{_KINDS})DataSet)[\s>/]")
JSON_ROOT = re.compile(rf'\\?"(?:[\w.-]+:)?((?:{_KINDS})DataSet)\\?"\s*:\s*[{{]')
_ROOT_KEY = re.compile(rf"(?:[\w.-]+:)?((?:{_KINDS})DataSet)$")
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ROWS = ("json", "json_ordered")
"""Columns of a TianGong API row that carry the data set."""


def same(uuid: str) -> str:
    """A UUID in small letters, as which it is the same everywhere; anything else as it is."""
    return uuid.lower() if UUID.fullmatch(uuid) else uuid


class Node:
    """An element: text, attributes and children under local names."""

    __slots__ = ("attributes", "children", "text")

    def __init__(
        self, text: str, attributes: Mapping[str, str], children: Mapping[str, list[Node]]
    ) -> None:
        """Keep what the element holds; `text` is stripped."""
        self.text = text
        self.attributes = attributes
        self.children = children

    def all(self, *path: str) -> list[Node]:
        """The elements at a path; every step but the last takes the first of its name."""
        node = self
        for step in path[:-1]:
            found = node.children.get(step)
            if not found:
                return _NONE
            node = found[0]
        return node.children.get(path[-1], _NONE)

    def one(self, *path: str) -> Node:
        """The first element at a path, or an empty node."""
        found = self.all(*path)
        return found[0] if found else NO_NODE

    def string(self, *path: str) -> str | None:
        """The text of the first element at a path."""
        return self.one(*path).text or None

    def words(self, *path: str) -> Text:
        """The texts of all elements at a path, with their language tags."""
        return texts(self.all(*path))

    def attribute(self, name: str) -> str | None:
        """An attribute, stripped."""
        return self.attributes.get(name, "").strip() or None

    def target(self) -> str | None:
        """What a reference points to: its id, or the UUID in its URI where it has no id."""
        found = self.attributes.get("refObjectId", "").strip()
        if not found and "uri" in self.attributes:
            named = UUID.findall(self.attributes["uri"])
            found = named[-1] if named else ""
        return same(found) or None


_NONE: list[Node] = []
_EMPTY: dict[str, list[Node]] = {}
_NO_ATTRIBUTES: dict[str, str] = {}
NO_NODE = Node("", _NO_ATTRIBUTES, _EMPTY)


def texts(nodes: list[Node]) -> Text:
    """The texts of sibling elements, with their language tags."""
    if not nodes:
        return NO_TEXT
    entries = tuple((node.attributes.get("lang", ""), node.text) for node in nodes if node.text)
    return Text(entries) if entries else NO_TEXT


class Paths(dict[str, "Paths"]):
    """How often each path held a text, as a tree of local names; attributes carry an `@`."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        """Start at zero."""
        super().__init__()
        self.count = 0

    def __missing__(self, name: str) -> Paths:
        child = self[name] = Paths()
        return child

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Each path that held a text or is an attribute, and how often."""
        for name, child in self.items():
            path = f"{prefix}/{name}" if prefix else name
            if child.count:
                yield path, child.count
            yield from child.leaves(path)

    def add(self, leaves: Iterable[tuple[str, int]]) -> None:
        """Count what `leaves` of another tree tells."""
        for path, count in leaves:
            node = self
            for step in path.split("/"):
                node = node[step]
            node.count += count


class _LocalNames(dict[str, str]):
    """Local name by qualified name, remembered, since a format has few names."""

    def __missing__(self, name: str) -> str:
        local = re.split("[}:]", name)[-1]
        if len(self) < 10_000:  # hostile input may invent names without end
            self[name] = local
        return local


_LOCAL = _LocalNames()


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def xml_root(data: bytes, paths: Paths) -> tuple[str, Node]:
    """The local name of the root element and the tree below it.

    Raises:
        ReadError: If the XML is malformed, declares entities, or nests too deep.
    """
    if b"<!ENTITY" in data:
        raise ReadError("declares XML entities, which can hide files or bombs; it is not read")
    try:
        root = etree.fromstring(data, _parser())
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise ReadError(f"the XML is malformed: {exc}") from exc
    name = _LOCAL[root.tag] if isinstance(root.tag, str) else ""
    return name, _from_element(root, paths[name])


def _from_element(element: etree._Element, paths: Paths) -> Node:
    attributes = _NO_ATTRIBUTES
    items = element.items()
    if items:
        attributes = {}
        for key, value in items:
            local = _LOCAL[str(key)]
            attributes[local] = str(value)
            paths["@" + local].count += 1
    text = element.text
    text = text.strip() if text else ""
    if text:
        paths.count += 1
    if not len(element):
        return Node(text, attributes, _EMPTY)
    children: dict[str, list[Node]] = {}
    for child in element:
        tag = child.tag
        if not isinstance(tag, str):
            continue  # an entity that was not resolved
        local = _LOCAL[tag]
        node = _from_element(child, paths[local])
        if local in children:
            children[local].append(node)
        else:
            children[local] = [node]
    return Node(text, attributes, children)


def json_documents(
    data: bytes, paths: Paths, on_fault: Callable[[str], None]
) -> Iterator[tuple[str, Node]]:
    """The root names and trees in a TIDAS file: a data set, an API row, a list, or JSON Lines.

    A line of JSON Lines that is broken goes to `on_fault`, and the others are read.

    Raises:
        ReadError: If the JSON is malformed or nests too deep.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        values = [orjson.loads(data)]
    except orjson.JSONDecodeError as exc:
        lines = data.splitlines()
        if len(lines) < 2 or not _is_json(lines[0]):
            raise ReadError(f"the JSON is malformed: {exc}") from exc
        values = list(_lines(lines, on_fault))
    try:
        for value in values:
            for name, body in _data_sets(value):
                yield name, _from_json(body, paths[name])
    except orjson.JSONDecodeError as exc:
        raise ReadError(f"the JSON inside a row is malformed: {exc}") from exc
    except RecursionError as exc:
        raise ReadError("the JSON nests too deep to be a data set") from exc


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _lines(lines: list[bytes], on_fault: Callable[[str], None]) -> Iterator[object]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError as exc:
                on_fault(f"line {number} is not valid JSON: {exc}")


def _data_sets(value: object) -> Iterator[tuple[str, object]]:
    """Root name and body of each data set in a parsed file."""
    if isinstance(value, list):
        yield from chain.from_iterable(map(_data_sets, value))
    if not isinstance(value, dict):
        return
    for key, body in value.items():
        if root := _ROOT_KEY.match(key):
            yield root[1], body
            return
    for column in _ROWS:
        if body := value.get(column):
            yield from _data_sets(orjson.loads(body) if isinstance(body, str) else body)
            return


def _from_json(value: object, paths: Paths) -> Node:
    if not isinstance(value, dict):
        text = _scalar(value)
        paths.count += bool(text)
        return Node(text, _NO_ATTRIBUTES, _EMPTY)
    text = ""
    attributes: dict[str, str] = {}
    children: dict[str, list[Node]] = {}
    for key, item in value.items():
        if key == "#text":
            text = _scalar(item)
            paths.count += bool(text)
        elif key.startswith("@"):
            if not key.startswith("@xmlns"):
                local = _LOCAL[key[1:]]
                attributes[local] = _scalar(item)
                paths["@" + local].count += 1
        else:
            local = _LOCAL[key]
            below = paths[local]
            items = item if isinstance(item, list) else [item]
            nodes = [_from_json(each, below) for each in items]
            if nodes:
                children.setdefault(local, []).extend(nodes)
    return Node(text, attributes, children)


def _scalar(value: object) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()
