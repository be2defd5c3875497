"""EcoSpold 2 master data: names, units and places that activities may only point to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from lca_rag.readers.context import ReadContext
from lca_rag.readers.nodes import Node
from lca_rag.readers.prose import Mender, derived_uuid, interned, is_uuid
from lca_rag.readers.sessions import Fact, Knowledge
from lca_rag.record import (
    NO_TEXT,
    Classification,
    FlowFacts,
    FlowProperty,
    Name,
    Place,
    Record,
    Text,
)

FLOW_ROOTS = ("validIntermediateExchanges", "validElementaryExchanges")
"""Roots of the master data that are records themselves; every other begins with "valid" too."""


class Master(Knowledge):
    """The master data met so far; empty where a package brings none."""

    def __init__(self) -> None:
        """Know nothing yet."""
        super().__init__()
        self.units: dict[str, str] = {}
        self.flows: dict[str, Text] = {}
        self.flow_units: dict[str, str] = {}
        self.places: dict[str, Place] = {}
        self.compartments: dict[str, tuple[str, ...]] = {}

    def take(self, fact: Fact) -> None:
        """Take up what `add` wrote down."""
        kind, uuid, *rest = cast("tuple[str, str, Any]", fact)
        match kind:
            case "unit":
                self.units[uuid] = rest[0]
            case "flow":
                self.flows[uuid] = Text(rest[0]) if rest[0] else NO_TEXT
            case "flow unit":
                self.flow_units[uuid] = rest[0]
            case "place":
                self.places[uuid] = Place(code=rest[0], name=rest[1])
            case "compartment":
                self.compartments[uuid] = rest[0]

    def add(self, root: str, node: Node) -> None:
        """Remember units, places, compartments or flows."""
        match root:
            case "validUnits":
                self._add_units(node)
            case "validGeographies":
                self._add_places(node)
            case "validCompartments":
                self._add_compartments(node)
            case "validIntermediateExchanges" | "validElementaryExchanges":
                self._add_flows(node)

    def unit(self, node: Node) -> str | None:
        """The unit that a node names or points to."""
        return one(node, "unitName") or self.units.get(node.attribute("unitId") or "")

    def compartment(self, node: Node) -> tuple[str, ...]:
        """The compartment path of an elementary exchange."""
        about = node.one("compartment")
        parts = (one(about, "compartment"), one(about, "subcompartment"))
        found = tuple(part for part in parts if part)
        return found or self.compartments.get(about.attribute("subcompartmentId") or "", ())

    def _add_units(self, node: Node) -> None:
        for item in node.all("unit"):
            if (uuid := item.attribute("id")) and (label := one(item, "name")):
                self.note(("unit", uuid, label))

    def _add_compartments(self, node: Node) -> None:
        for item in node.all("compartment"):
            top = one(item, "name")
            for part in item.all("subcompartment"):
                if (uuid := part.attribute("id")) and top:
                    path = (top, one(part, "name") or "unspecified")
                    self.note(("compartment", uuid, path))

    def _add_flows(self, node: Node) -> None:
        for item in flow_nodes(node):
            if uuid := item.attribute("id"):
                self.note(("flow", uuid, item.words("name").entries))
                if unit := self.unit(item):
                    self.note(("flow unit", uuid, unit))

    def _add_places(self, node: Node) -> None:
        for item in node.all("geography"):
            uuid, code = item.attribute("id"), one(item, "shortname")
            if uuid and code:
                self.note(("place", uuid, code, one(item, "name")))


def one(node: Node, *path: str) -> str | None:
    """The English text at a path, or the first, as one line."""
    found = node.all(*path)
    english = (item.text for item in found if item.attributes.get("lang") == "en" and item.text)
    return interned(next(english, found[0].text if found else None))


def flow_nodes(node: Node) -> list[Node]:
    """The flows of a master data file."""
    return [*node.all("intermediateExchange"), *node.all("elementaryExchange")]


def classes(node: Node) -> tuple[Classification, ...]:
    """Every classification of an activity or a flow; "2395:Manufacture of ..." is code and name."""
    found: list[Classification] = []
    for item in node.all("classification"):
        system, value = one(item, "classificationSystem"), one(item, "classificationValue")
        if not value:
            continue
        code, _, label = (part.strip() for part in value.partition(":"))
        if label and " " not in code:
            found.append(Classification(system=system, path=(label,), codes=(code,)))
        else:
            levels = tuple(part.strip() for part in value.split("/") if part.strip())
            found.append(Classification(system=system, path=levels))
    return tuple(found)


def joined(node: Node, *path: str) -> Text:
    """The texts at a path, `"; "` between those of one language, as ILCD writes synonyms."""
    by_language: dict[str, list[str]] = {}
    for item in node.all(*path):
        if item.text:
            by_language.setdefault(item.attributes.get("lang", ""), []).append(item.text)
    entries = tuple((language, "; ".join(parts)) for language, parts in by_language.items())
    return Text(entries) if entries else NO_TEXT


def flow_records(
    root: str, node: Node, path: str, master: Master, context: ReadContext
) -> Iterator[Record]:
    """The flows that a master data file declares."""
    if root not in FLOW_ROOTS:
        return
    elementary = root == "validElementaryExchanges"
    for item in flow_nodes(node):
        uuid = item.attribute("id")
        if uuid is None:
            context.skip(path, "a flow of the master data has no id")
            continue
        yield _flow_record(item, uuid, path, master, context, elementary=elementary)


def _flow_record(
    node: Node, uuid: str, path: str, master: Master, context: ReadContext, *, elementary: bool
) -> Record:
    mender = Mender()
    unit = master.unit(node)
    compartment = master.compartment(node)
    classifications = classes(node)
    if compartment:
        classifications = (Classification(path=compartment), *classifications)
    properties = [
        FlowProperty(
            name=item.words("name"),
            mean=mender.number(item.attribute("amount")),
            unit=master.unit(item),
            uuid=item.attribute("propertyId"),
        )
        for item in node.all("property")
    ]
    # EcoSpold 2 gives a flow a unit but no quantity; the name of the quantity stays open.
    properties.insert(0, FlowProperty(name=NO_TEXT, mean=1.0, unit=unit, reference=True))
    return Record(
        database=context.database,
        uuid=uuid if is_uuid(uuid) else derived_uuid("ecospold2", "flow", uuid),
        kind="flow",
        name=Name(base=node.words("name")),
        synonyms=joined(node, "synonym"),
        classifications=classifications,
        comment=node.words("comment"),
        data_type="Elementary flow" if elementary else "Product flow",
        flow=FlowFacts(
            kind="elementary" if elementary else "product",
            cas=mender.clean(node.attribute("casNumber")),
            formula=mender.clean(node.attribute("formula")),
            properties=tuple(properties),
        ),
        provenance=mender.provenance(path, "ecospold2"),
    )
