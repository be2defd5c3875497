"""openLCA JSON-LD, schema 1.x and 2: zip, folder and git layout.

A package may hold several databases side by side (releases, nested archives); each is read with
its own categories, locations, units and flows. Sources, actors and other supporting objects serve
the records and are none themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from lca_rag.errors import ReadError
from lca_rag.readers.context import Package, ReadContext
from lca_rag.readers.json_text import parsed
from lca_rag.readers.jsonld_epd import epd_record
from lca_rag.readers.jsonld_records import flow_record, process_record
from lca_rag.readers.jsonld_systems import impact_record, system_record
from lca_rag.readers.jsonld_tables import Json, Tables
from lca_rag.readers.prose import member_path, words
from lca_rag.readers.sessions import Counts, Round, in_turn
from lca_rag.record import Record

_RECORDS = {
    "Flow": flow_record,
    "Process": process_record,
    "ImpactCategory": impact_record,
    "ProductSystem": system_record,
    "Epd": epd_record,
}
_TABLES = words("Category Location FlowProperty UnitGroup ImpactMethod Result")
_SUPPORT = words(
    "Actor Source Unit Exchange FlowPropertyFactor ImpactFactor ProcessLink Uncertainty"
    " DQSystem DQIndicator DQScore NwSet Parameter Currency Project SocialIndicator"
)
_FIRST = 0
"""The round of the tables."""
_ROUNDS = dict.fromkeys(_TABLES, _FIRST) | {kind: n for n, kind in enumerate(_RECORDS, 1)}
_TYPES = frozenset(_RECORDS) | _TABLES | _SUPPORT
_MARKER = re.compile(rb'\s*\{\s*"(?:schemaV|v)ersion"\s*:\s*\d+\s*\}')
"""`openlca.json` of openLCA, `olca-schema.json` of its Python package."""
_TYPE = re.compile(rb'"@type"\s*:\s*"([A-Za-z]+)"')
_ID = re.compile(rb'"@id"\s*:')
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]')
_BOM = b"\xef\xbb\xbf"
_LIST = "list"
_GRAPH = "@graph"
_GRAPH_KEY = re.compile(rb'^\{(?:\s*"@context"\s*:\s*(?:"[^"]*"|\{[^{}]*\})\s*,)?\s*"@graph"\s*:')
_START = 4096
_FOLDERS = {
    "actors": "Actor",
    "categories": "Category",
    "currencies": "Currency",
    "dq_systems": "DQSystem",
    "epds": "Epd",
    "flow_properties": "FlowProperty",
    "flows": "Flow",
    "lcia_categories": "ImpactCategory",
    "lcia_methods": "ImpactMethod",
    "locations": "Location",
    "nw_sets": "NwSet",
    "parameters": "Parameter",
    "processes": "Process",
    "product_systems": "ProductSystem",
    "projects": "Project",
    "results": "Result",
    "social_indicators": "SocialIndicator",
    "sources": "Source",
    "unit_groups": "UnitGroup",
}
_FOLDERS |= {folder.upper().removesuffix("S"): kind for folder, kind in _FOLDERS.items()} | {
    "CATEGORY": "Category",
    "CURRENCY": "Currency",
    "FLOW_PROPERTY": "FlowProperty",
    "IMPACT_CATEGORY": "ImpactCategory",
    "IMPACT_METHOD": "ImpactMethod",
    "PROCESS": "Process",
}


class JsonLdReader:
    """Reads openLCA JSON-LD packages."""

    format = "jsonld"
    quickness = 5

    def recognise(self, name: str, head: bytes) -> bool:
        """Whether the first object is of a type of the openLCA schema, or states its version."""
        if not (_is_list(head) or head.removeprefix(_BOM).lstrip()[:1] == b"{"):
            return False
        kind = _type_of(head)
        if kind is None and _ID.search(head):
            kind = _kind_by_folder(name)  # some writers leave the type to the folder
        return kind in _TYPES or _MARKER.match(head.removeprefix(_BOM)) is not None

    def read(
        self, package: Package, names: Sequence[str], context: ReadContext
    ) -> Iterator[Record]:
        """Flows first, then what is made of them, one database of the package after another."""
        return in_turn(self, package, names, context)

    def session(self, package: Package, context: ReadContext) -> JsonLdSession:
        """A new reading of one database."""
        return JsonLdSession(package, context)

    def databases(self, names: Sequence[str]) -> Iterable[Sequence[str]]:
        """The members of each database of the package."""
        return _databases(names).values()


class JsonLdSession:
    """One openLCA database within a package."""

    narrow: frozenset[int] = frozenset()

    def __init__(self, package: Package, context: ReadContext) -> None:
        """Begin with empty tables."""
        self.knowledge = Tables()
        self.strays = 0
        self._package = package
        self._context = context

    def rounds(self, names: Sequence[str]) -> Iterator[Round]:
        """Tables are needed to read flows, and flows to read the rest.

        A list may hold objects of any type, so it has a part in every round.
        """
        groups: dict[int, list[str]] = {}
        for member in names:
            kind = _kind_by_folder(member) or self._kind_by_content(member)
            if kind in _ROUNDS:
                groups.setdefault(_ROUNDS[kind], []).append(member)
            elif kind == _LIST:
                for number in sorted(set(_ROUNDS.values())):
                    groups.setdefault(number, []).append(member)
            elif kind is not None:
                self._context.report.ignored[f"openLCA {kind}"] += 1
        yield from sorted(groups.items())

    def member(self, name: str, number: int) -> Iterator[Record]:
        """The records of one member; a member of the tables gives none."""
        promised = _kind_by_folder(name)
        values, listed = self._objects(name, number, promised)
        listed = listed and promised is None
        for value in values:
            kind = str(value.get("@type"))
            own = _ROUNDS.get(kind)
            if listed and own != number:
                if own is None and number == _FIRST:
                    self._context.report.ignored[f"openLCA {kind}"] += 1
                continue
            self.strays += own not in (None, number)
            if kind in _TABLES:
                self.knowledge.add(value)
            elif (record := self._record(name, value)) is not None:
                yield record

    def take_counts(self) -> Counts:
        """Nothing is counted but what the context is told."""
        return []

    def add_counts(self, counts: Counts) -> None:
        """Nothing is counted but what the context is told."""

    def finish(self) -> None:
        """All is reported already."""

    def _kind_by_content(self, member: str) -> str | None:
        try:
            head = self._package.head(member)
            return _LIST if _is_list(head) else _type_of(head)
        except ReadError as exc:
            self._context.skip(member_path(self._package, member), str(exc))
            return None

    def _objects(self, member: str, number: int, kind: str | None) -> tuple[list[Json], bool]:
        """The objects of a member, and whether it is a list, which comes in every round."""
        try:
            data = self._package.read(member)
            value = parsed(data)
        except ReadError as exc:
            everywhere = kind is None and _is_list(self._start(member))
            if number == _FIRST or not everywhere:
                self._context.skip(member_path(self._package, member), str(exc))
            return [], False
        listed = False
        if not isinstance(value, dict) or _GRAPH in value:
            listed = _is_list(data[:_START])
            if isinstance(value, dict) and isinstance(value.get(_GRAPH), list):
                value = value[_GRAPH]
        found = value if isinstance(value, list) else [value]
        values = [item for item in found if isinstance(item, dict)]
        for item in values:
            if kind is not None and "@type" not in item:
                item["@type"] = kind
        return values, listed

    def _start(self, member: str) -> bytes:
        try:
            return self._package.head(member)
        except ReadError:
            return b""

    def _record(self, member: str, value: Json) -> Record | None:
        path = member_path(self._package, member)
        kind = value.get("@type")
        uuid = value.get("@id")
        make = _RECORDS.get(kind) if isinstance(kind, str) else None
        if make is None:
            self._context.report.unmapped[f"jsonld:{kind}"] += 1
        elif not isinstance(uuid, str) or not uuid.strip():
            self._context.skip(path, f"a {kind} has no @id, so it cannot be told from others")
        else:
            return make(value, uuid.strip(), path, self.knowledge, self._context)
        return None


def _type_of(head: bytes) -> str | None:
    """The type of the object itself, or the first that is named where its own comes late."""
    first = _TYPE.search(head)
    if first is None:
        return None
    found = first
    if head.count(b"{", 0, first.start()) > 1:
        depth = 0
        for token in _TOKEN.finditer(head):
            depth += (token[0] in (b"{", b"[")) - (token[0] in (b"}", b"]"))
            own = _TYPE.match(head, token.start()) if depth == 1 else None
            if own is not None:
                found = own
                break
    return found[1].decode("ascii")


def _is_list(head: bytes) -> bool:
    """Whether a member holds several objects: a list, or a graph of JSON-LD."""
    start = head.removeprefix(_BOM).lstrip()
    return start[:1] == b"[" or _GRAPH_KEY.search(start) is not None


def _kind_by_folder(member: str) -> str | None:
    """The type that the folder promises; saves opening thousands of members twice."""
    return _place(_folder(member))[1]


def _folder(member: str) -> str:
    """The folder of a member, with the archive that it lies in."""
    if "!" not in member:
        return member.rpartition("/")[0]
    archive, mark, inner = member.rpartition("!")
    return archive + mark + inner.rpartition("/")[0]


@lru_cache(maxsize=1 << 12)
def _place(folder: str) -> tuple[str, str | None]:
    """Root of the database that a folder belongs to, and the type that the folder promises."""
    archive, mark, inner = folder.rpartition("!")
    parts = inner.split("/") if inner else []
    depth = next((i for i, part in enumerate(parts) if part in _FOLDERS), len(parts))
    kind = _FOLDERS[parts[depth]] if depth < len(parts) else None
    return archive + mark + "/".join(parts[:depth]), kind


def _databases(names: Sequence[str]) -> dict[str, list[str]]:
    """Members by the root of the database that they belong to."""
    groups: dict[str, list[str]] = {}
    for member in names:
        groups.setdefault(_place(_folder(member))[0], []).append(member)
    return groups


READER = JsonLdReader()
