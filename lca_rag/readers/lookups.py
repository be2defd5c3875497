"""What a process needs to know of the other data sets in its package: names, units, compartments.

Filled in the order unit groups, flow properties, sources and contacts, flows, so that each step
can use the one before. Only a few shared strings are kept per data set, so that a package of
hundreds of thousands stays small in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern
from typing import cast

from lca_rag.readers.nodes import Node, same
from lca_rag.readers.sessions import Fact, Knowledge
from lca_rag.record import (
    COMPARTMENTS,
    NO_TEXT,
    NO_VERSION,
    Classification,
    FlowKind,
    Text,
    version_key,
)

__all__ = ["COMPARTMENTS", "FlowRow", "Lookups", "classifications", "flow_kind"]

_KINDS: dict[str, FlowKind] = {
    "elementary flow": "elementary",
    "product flow": "product",
    "waste flow": "waste",
}


@dataclass(frozen=True, slots=True)
class FlowRow:
    """What an exchange inherits from its flow."""

    name: Text
    unit: str | None
    flow_property: str | None
    kind: FlowKind
    category: tuple[str, ...]
    cas: str | None
    version: str


@dataclass(frozen=True, slots=True)
class PropertyRow:
    """A flow property: its name and the unit it is measured in."""

    name: Text
    unit: str | None


class Lookups(Knowledge):
    """Rows by UUID, newest version of each."""

    def __init__(self) -> None:
        """Know nothing yet."""
        super().__init__()
        self.units: dict[str, str | None] = {}
        """Reference unit by unit group."""
        self.properties: dict[str, PropertyRow] = {}
        self.flows: dict[str, FlowRow] = {}
        self.names: dict[str, Text] = {}
        """Names of sources, contacts, unit groups and LCIA methods."""
        self.indicators: dict[str, str | None] = {}
        """Unit of the indicator by LCIA method."""
        self._shared: dict[object, object] = {}
        self._versions: dict[str, str] = {}

    def learn(self, kind: str, node: Node) -> None:
        """Take what processes and flows will ask of a supporting data set."""
        root, name, aside = _SUPPORT[kind]
        information = node.one(root, "dataSetInformation")
        uuid = information.string("UUID")
        if uuid is None:
            return
        version = node.string(*_VERSION) or NO_VERSION
        words = information.words(name) or information.words(aside)
        unit = None
        if kind == "unitGroupDataSet":
            unit = _reference_unit(node)
        elif kind == "flowPropertyDataSet":
            unit = self.unit_of_group(
                node.one(root, "quantitativeReference", "referenceToReferenceUnitGroup")
            )
        self.note((kind, same(uuid), version, words.entries, unit))

    def learn_flow(self, uuid: str, row: FlowRow) -> None:
        """Take a flow, unless a newer version of it is known."""
        self.note(
            (
                _FLOW,
                uuid,
                row.name.entries,
                row.unit,
                row.flow_property,
                row.kind,
                row.category,
                row.cas,
                row.version,
            )
        )

    def learn_method(self, uuid: str, name: Text, unit: str | None) -> None:
        """Take what results say of an LCIA method."""
        self.note((_METHOD, uuid, name.entries, unit))

    def take(self, fact: Fact) -> None:
        """Take up what one of the three methods above wrote down."""
        kind, uuid, *rest = fact
        if kind == _FLOW:
            self._take_flow(cast(str, uuid), cast(_FlowFact, rest))
        elif kind == _METHOD:
            entries, unit = cast("tuple[_Entries, str | None]", rest)
            self.names[cast(str, uuid)] = _text(entries)
            self.indicators[cast(str, uuid)] = unit
        else:
            self._take_support(
                cast(str, kind), cast(str, uuid), *cast("tuple[str, _Entries, str | None]", rest)
            )

    def _take_flow(self, uuid: str, fact: _FlowFact) -> None:
        entries, unit, flow_property, kind, category, cas, version = fact
        known = self.flows.get(uuid)
        if known is None or version_key(known.version) <= version_key(version):
            self.flows[uuid] = FlowRow(
                name=_text(entries),
                unit=unit and intern(unit),
                flow_property=flow_property and intern(flow_property),
                kind=kind,
                category=self.shared(category),
                cas=cas,
                version=intern(version),
            )

    def _take_support(
        self, kind: str, uuid: str, version: str, entries: _Entries, unit: str | None
    ) -> None:
        if version_key(version) < version_key(self._versions.get(uuid, "")):
            return
        self._versions[uuid] = version
        words = _text(entries)
        if kind == "flowPropertyDataSet":
            self.properties[uuid] = PropertyRow(words, unit)
            return
        self.names[uuid] = words
        if kind == "unitGroupDataSet":
            self.units[uuid] = unit

    def unit_of_group(self, reference: Node) -> str | None:
        """The reference unit of a unit group that an element points to."""
        return self.units.get(reference.target() or "")

    def unit_of_property(self, reference: Node) -> str | None:
        """The unit of a flow property that an element points to."""
        row = self.properties.get(reference.target() or "")
        return row.unit if row else None

    def shared(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """One copy of equal paths."""
        found = self._shared.setdefault(path, path)
        return found if isinstance(found, tuple) else path


_Entries = tuple[tuple[str, str], ...]
_FlowFact = tuple[_Entries, str | None, str | None, FlowKind, tuple[str, ...], str | None, str]
_FLOW = "flowDataSet"
_METHOD = "LCIAMethodDataSet"
_VERSION = ("administrativeInformation", "publicationAndOwnership", "dataSetVersion")
_SUPPORT = {
    "unitGroupDataSet": ("unitGroupInformation", "name", "shortName"),
    "flowPropertyDataSet": ("flowPropertiesInformation", "name", "shortName"),
    "sourceDataSet": ("sourceInformation", "shortName", "sourceCitation"),
    "contactDataSet": ("contactInformation", "shortName", "name"),
}


def _text(entries: _Entries) -> Text:
    return Text(entries) if entries else NO_TEXT


def _reference_unit(node: Node) -> str | None:
    wanted = node.string(
        "unitGroupInformation", "quantitativeReference", "referenceToReferenceUnit"
    )
    for unit in node.all("units", "unit"):
        if unit.attribute("dataSetInternalID") == wanted:
            return unit.string("name")
    return None


def flow_kind(data_type: str | None) -> FlowKind:
    """The kind of flow that ILCD's `typeOfDataSet` names."""
    return _KINDS.get((data_type or "").strip().lower(), "other")


def classifications(information: Node) -> tuple[Classification, ...]:
    """Every path in a `classificationInformation`, the compartment path first."""
    where = information.one("classificationInformation")
    found: list[Classification] = []
    for node in where.all("elementaryFlowCategorization"):
        name = node.attribute("name")
        system = f"{COMPARTMENTS}: {name}" if name else COMPARTMENTS
        found += _path(node.all("category"), system, "catId")
    for node in where.all("classification"):
        found += _path(node.all("class"), node.attribute("name"), "classId")
    return tuple(found)


def _path(levels: list[Node], system: str | None, code: str) -> list[Classification]:
    """The path that levels spell, in the order of their numbers; nothing if all are empty."""
    levels = sorted((level for level in levels if level.text), key=_level)
    if not levels:
        return []
    codes = tuple(level.attribute(code) or "" for level in levels)
    return [
        Classification(
            system=system,
            path=tuple(level.text for level in levels),
            codes=codes if any(codes) else (),
        )
    ]


def _level(node: Node) -> int:
    level = node.attributes.get("level", "")
    return int(level) if level.isascii() and level.isdigit() else 0


def described(reference: Node, names: dict[str, Text]) -> Text:
    """The short description of a reference, else the name that its data set gives itself."""
    return reference.words("shortDescription") or names.get(reference.target() or "", NO_TEXT)
