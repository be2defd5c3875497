"""openLCA JSON-LD, schema 1.x and 2: zip, folder and git layout.

A package may hold several databases side by side (releases, nested archives); each is read with
its own categories, locations, units and flows. Sources, actors and other supporting objects serve
the records and are none themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import orjson

from lca_rag.errors import ReadError
from lca_rag.readers.context import Package, ReadContext
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
}
_TABLES = words("Category Location FlowProperty UnitGroup")
_SUPPORT = words(
    "Actor Source Unit Exchange FlowPropertyFactor ImpactFactor ProcessLink Uncertainty"
    " ImpactMethod DQSystem DQIndicator DQScore NwSet Parameter Currency Project Result Epd"
    " SocialIndicator"
)
_FIRST = 0
"""The round of the tables."""
_ROUNDS = dict.fromkeys(_TABLES, _FIRST) | {kind: n for n, kind in enumerate(_RECORDS, 1)}
_TYPES = frozenset(_RECORDS) | _TABLES | _SUPPORT
_MARKER = re.compile(rb'\s*\{\s*"schemaVersion"\s*:\s*\d+\s*\}')  # openlca.json
_TYPE = re.compile(rb'"@type"\s*:\s*"([A-Za-z]+)"')
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

    def recognise(self, name: str, head: bytes) -> bool:
        """Whether the first object is of a type of the openLCA schema, or states its version."""
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if start not in (b"{", b"["):
            return False
        return _type_of(head) in _TYPES or _MARKER.match(head) is not None

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
        """Tables are needed to read flows, and flows to read the rest."""
        groups: dict[int, list[str]] = {}
        for member in names:
            kind = _kind_by_folder(member) or self._kind_by_content(member)
            if kind in _ROUNDS:
                groups.setdefault(_ROUNDS[kind], []).append(member)
        yield from sorted(groups.items())

    def member(self, name: str, number: int) -> Iterator[Record]:
        """The records of one member; a member of the tables gives none."""
        for value in self._objects(name):
            if number == _FIRST:
                self.knowledge.add(value)
            else:
                self.strays += _ROUNDS.get(str(value.get("@type")), number) != number
                yield from self._record(name, value)

    def take_counts(self) -> Counts:
        """Nothing is counted but what the context is told."""
        return []

    def add_counts(self, counts: Counts) -> None:
        """Nothing is counted but what the context is told."""

    def finish(self) -> None:
        """All is reported already."""

    def _kind_by_content(self, member: str) -> str | None:
        try:
            return _type_of(self._package.head(member))
        except ReadError as exc:
            self._context.skip(member_path(self._package, member), str(exc))
            return None

    def _objects(self, member: str) -> list[Json]:
        """The objects of a member, which holds one or a list of them."""
        path = member_path(self._package, member)
        try:
            value = orjson.loads(self._package.read(member).removeprefix(b"\xef\xbb\xbf"))
        except ReadError as exc:
            self._context.skip(path, str(exc))
            return []
        except orjson.JSONDecodeError as exc:
            self._context.skip(path, f"it is not valid JSON: {exc}")
            return []
        found = value if isinstance(value, list) else [value]
        return [item for item in found if isinstance(item, dict)]

    def _record(self, member: str, value: Json) -> Iterator[Record]:
        path = member_path(self._package, member)
        kind = value.get("@type")
        uuid = value.get("@id")
        make = _RECORDS.get(kind) if isinstance(kind, str) else None
        if make is None:
            self._context.report.unmapped[f"jsonld:{kind}"] += 1
        elif not isinstance(uuid, str) or not uuid.strip():
            self._context.skip(path, f"a {kind} has no @id, so it cannot be told from others")
        else:
            yield make(value, uuid.strip(), path, self.knowledge, self._context)


def _type_of(head: bytes) -> str | None:
    found = _TYPE.search(head)
    return found.group(1).decode("ascii") if found else None


def _kind_by_folder(member: str) -> str | None:
    """The type that the folder promises; saves opening thousands of members twice."""
    return _place(_folder(member))[1]


def _folder(member: str) -> str:
    """The folder of a member, with the archive that it lies in."""
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
