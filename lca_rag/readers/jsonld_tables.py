"""What openLCA records refer to: categories, locations, units and the facts of flows.

Parsed JSON is of any shape, so nothing is taken from it but through the four small functions at
the top: a value of the wrong type reads as absent.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from lca_rag.readers.prose import interned, one_copy
from lca_rag.readers.prose import name as one_line
from lca_rag.readers.sessions import Fact, Knowledge
from lca_rag.record import (
    NO_TEXT,
    Classification,
    FlowKind,
    FlowProperty,
    ImpactResult,
    Place,
    Text,
)

Json = dict[str, Any]
"""A parsed JSON object."""

FLOW_KINDS: dict[str, FlowKind] = {
    "ELEMENTARY_FLOW": "elementary",
    "PRODUCT_FLOW": "product",
    "WASTE_FLOW": "waste",
}
_CODE = re.compile(r"(?:[A-Z]+ )?([0-9][0-9A-Z-]*): ")
_NOTHING: Json = {}


def mapping(value: object) -> Json:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else _NOTHING


def items(value: object) -> list[Json]:
    """The objects in `value` if it is a list, else none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def reference(value: object) -> str | None:
    """The id that a reference points to."""
    found = value.get("@id") if isinstance(value, dict) else None
    return one_copy(found) if isinstance(found, str) else None


@lru_cache(maxsize=1 << 17)
def _label(value: str) -> Text:
    found = one_line(value)
    return Text((("", found),)) if found else NO_TEXT


def named(value: object) -> Text:
    """The name of a referenced object; one copy of each, since names repeat by the thousand."""
    name = value.get("name") if isinstance(value, dict) else None
    return _label(name) if isinstance(name, str) else NO_TEXT


def name_of(value: object) -> str | None:
    """The name of a referenced unit or quantity."""
    found = value.get("name") if isinstance(value, dict) else None
    return one_copy(found) if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class FlowKnowledge:
    """What exchanges of schema 1.x leave to the flow's own file."""

    category: tuple[str, ...]
    cas: str | None
    location: str | None
    unit: str | None = None
    kind: FlowKind | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class FlowReference:
    """What a reference to a flow says, together with what the flow's own file adds."""

    uuid: str | None
    name: Text
    kind: FlowKind | None
    category: tuple[str, ...]
    cas: str | None
    own_location: str | None
    """Code of the location that the reference itself carries."""
    location: str | None
    """Code from the flow's own file."""
    unit: str | None = None
    """Reference unit, from the reference or the flow's own file."""


_REFERENCES_KEPT = 1 << 14


@dataclass(slots=True)
class _Location:
    code: str | None
    name: str | None


@dataclass(slots=True)
class _Category:
    name: str
    parent: str | None
    above: tuple[str, ...]


class Tables(Knowledge):
    """The supporting objects of one database."""

    def __init__(self) -> None:
        """Start empty; `add` and `add_flow` fill."""
        super().__init__()
        self.flows: dict[str, FlowKnowledge] = {}
        self.methods: dict[str, tuple[str, ...]] = {}
        """Names of the methods that an impact category belongs to."""
        self.indicators: dict[str, str] = {}
        """Reference unit by impact category."""
        self.products: dict[str, tuple[str | None, str | None]] = {}
        """Name and id of the reference flow by process."""
        self.results: dict[str, tuple[ImpactResult, ...]] = {}
        """What the modules of an EPD point to."""
        self._categories: dict[str, _Category] = {}
        self._locations: dict[str, _Location] = {}
        self._groups: dict[str, str] = {}
        self._properties: dict[str, str] = {}
        self._paths: dict[str, tuple[str, ...]] = {}
        self._exchanged: dict[str, tuple[Json, FlowReference]] = {}

    def add(self, value: Json) -> None:
        """Remember what records point to and are not made of: categories, units, results ..."""
        uuid = reference(value)
        label = one_line(value.get("name"))
        if uuid is None:
            return
        match value.get("@type"):
            case "Category":
                parent = mapping(value.get("category"))
                above = _strings(parent.get("categoryPath"))
                if above or "name" in parent:
                    above = (*above, *_strings([parent.get("name")]))
                self.note(("Category", uuid, label or "", reference(parent), above))
            case "Location":
                self.note(("Location", uuid, interned(value.get("code")), label))
            case "UnitGroup":
                unit = _reference_unit(value)
                if unit:
                    self.note(("UnitGroup", uuid, unit))
            case "FlowProperty":
                group = reference(value.get("unitGroup"))
                if group:
                    self.note(("FlowProperty", uuid, group))
            case "ImpactMethod" | "Result":
                self._add_impacts(value, uuid, label)

    def _add_impacts(self, value: Json, uuid: str, label: str | None) -> None:
        """Which categories a method has, or what a result says of its indicators."""
        if value["@type"] == "Result":
            method = name_of(value.get("impactMethod"))
            found = tuple(map(_result_fact, items(value.get("impactResults"))))
            self.note(("Result", uuid, method, found))
        for item in items(value.get("impactCategories")):
            category = reference(item)
            if category and label:
                self.note(("ImpactMethod", category, label))

    def add_flow(self, uuid: str, flow: FlowKnowledge) -> None:
        """Remember what exchanges leave to the flow's own file."""
        self.note(
            (
                *("Flow", uuid, flow.category, flow.cas, flow.location),
                *(flow.unit, flow.kind, flow.name),
            )
        )

    def add_product(self, process: str, name: str | None, flow: str | None) -> None:
        """Remember what a process is about, for the systems that deliver it."""
        self.note(("Product", process, name, flow))

    def add_indicator(self, category: str, unit: str) -> None:
        """Remember the unit of an impact category, for results that leave it out."""
        self.note(("Indicator", category, unit))

    def take(self, fact: Fact) -> None:
        """Take up what one of the two methods above wrote down."""
        kind, uuid, *rest = cast("tuple[str, str, Any]", fact)
        match kind:
            case "Flow":
                self.flows[uuid] = FlowKnowledge(*rest)
            case "Category":
                self._categories[uuid] = _Category(*rest)
            case "Location":
                self._locations[uuid] = _Location(*rest)
            case "UnitGroup":
                self._groups[uuid] = rest[0]
            case "FlowProperty":
                self._properties[uuid] = rest[0]
            case "Product":
                self.products[uuid] = (rest[0], rest[1])
            case "Indicator":
                self.indicators[uuid] = rest[0]
            case "ImpactMethod":
                self.methods[uuid] = (*self.methods.get(uuid, ()), rest[0])
            case "Result":
                method, found = rest
                self.results[uuid] = tuple(
                    ImpactResult(
                        indicator=Text.of(label, ""),
                        method=method,
                        uuid=indicator,
                        amount=amount,
                        unit=unit,
                    )
                    for label, indicator, amount, unit in found
                )

    def category(self, value: object) -> tuple[str, ...]:
        """A category path from the top: a string in schema 2, a reference or a list before."""
        if isinstance(value, str):
            path = self._paths.get(value)
            if path is None:
                path = tuple(part.strip() for part in value.split("/") if part.strip())
                self._paths[value] = path
            return path
        uuid = reference(value)
        if uuid is not None and uuid in self._categories:
            return self._chain(uuid)
        own = mapping(value)
        return _strings(own.get("categoryPath")) + _strings([own.get("name")])

    def flow_category(self, flow: Json) -> tuple[str, ...]:
        """The category path that a reference to a flow carries itself."""
        path = flow.get("categoryPath")
        return _strings(path) if path else self.category(flow.get("category"))

    def exchanged(self, flow: Json) -> FlowReference:
        """What an exchange takes from its flow; ask only once `flows` is complete.

        Equal references are answered from memory: a flow is referred to by the thousand.
        """
        stated = flow.get("@id")
        found = self._exchanged.get(stated) if isinstance(stated, str) else None
        if found is not None and found[0] == flow:
            return found[1]
        uuid = reference(flow)
        key = uuid or ""
        known = self.flows.get(key)
        kind, place = flow.get("flowType"), flow.get("location")
        told = FLOW_KINDS.get(kind, "other") if isinstance(kind, str) else None
        facts = FlowReference(
            uuid=uuid,
            name=named(flow) or (_label(known.name) if known and known.name else NO_TEXT),
            kind=told or (known.kind if known else None),
            category=known.category if known else self.flow_category(flow),
            cas=known.cas if known else None,
            own_location=self.location(place)[0] if place else None,
            location=known.location if known else None,
            unit=interned(flow.get("refUnit")) or (known.unit if known else None),
        )
        if len(self._exchanged) >= _REFERENCES_KEPT:
            self._exchanged.clear()
        if isinstance(stated, str) and all(type(part) is str for part in flow.values()):
            # Nested values stay out: to compare what is nested a thousand deep would fail.
            self._exchanged[stated] = (flow, facts)
        return facts

    def location(self, value: object) -> tuple[str | None, str | None]:
        """Code and name of a location; a short reference is a code itself."""
        if isinstance(value, str):
            return _place_code(value), None
        found = self._locations.get(reference(value) or "")
        label = one_line(mapping(value).get("name"))
        if found is None:
            return _place_code(mapping(value).get("code")) or _place_code(label), label
        return _place_code(found.code or found.name or label), found.name or label

    def property_unit(self, value: object) -> str | None:
        """The reference unit of a flow property."""
        own = mapping(value)
        group = self._properties.get(reference(own) or "", "")
        return self._groups.get(group) or interned(own.get("refUnit"))

    def _chain(self, uuid: str) -> tuple[str, ...]:
        path = self._paths.get(uuid)
        if path is not None:
            return path
        names: list[str] = []
        seen: set[str] = set()
        current: str | None = uuid
        while current in self._categories and current not in seen:
            seen.add(current)
            category = self._categories[current]
            names.append(category.name)
            if category.parent not in self._categories:
                names.extend(reversed(category.above))
            current = category.parent
        path = tuple(sys.intern(label) for label in reversed(names) if label)
        self._paths[uuid] = path
        return path


@lru_cache(maxsize=1 << 12)
def classification(path: tuple[str, ...]) -> tuple[Classification, ...]:
    """A category path as a classification; codes such as "3261: Plastics" are told apart."""
    if not path:
        return ()
    codes = tuple(found.group(1) for label in path if (found := _CODE.match(label)))
    return (Classification(path=path, codes=codes if len(codes) == len(path) else ()),)


def flow_property(factor: Json, tables: Tables) -> FlowProperty:
    """How much of a quantity a flow holds; most flows share a few of them."""
    about = mapping(factor.get("flowProperty"))
    mean = factor.get("conversionFactor")
    return _flow_property(
        named(about),
        float(mean) if isinstance(mean, int | float) else None,
        tables.property_unit(about),
        is_set(factor, "isRefFlowProperty", "referenceFlowProperty"),
        reference(about),
    )


@lru_cache(maxsize=1 << 12)
def _flow_property(
    name: Text, mean: float | None, unit: str | None, is_reference: bool, uuid: str | None
) -> FlowProperty:
    return FlowProperty(name=name, mean=mean, unit=unit, reference=is_reference, uuid=uuid)


@lru_cache(maxsize=1 << 12)
def place_of(code: str) -> Place:
    """A place of which no more than the code is known."""
    return Place(code=code)


def is_set(value: Json, new: str, old: str) -> bool:
    """Whether a flag is true under its name in schema 2 or in schema 1."""
    return value.get(new) is True or value.get(old) is True


def _result_fact(value: Json) -> tuple[str | None, str | None, float | None, str | None]:
    """Indicator, its id, amount and unit of one result."""
    about, amount = mapping(value.get("indicator")), value.get("amount")
    number = float(amount) if isinstance(amount, int | float) and amount is not True else None
    return one_line(about.get("name")), reference(about), number, interned(about.get("refUnit"))


def _place_code(value: object) -> str | None:
    """A code; the US LCI has a location that is called UNSPECIFIED."""
    code = interned(value)
    return None if code is None or code.casefold() == "unspecified" else code


def _strings(value: object) -> tuple[str, ...]:
    found = value if isinstance(value, list) else []
    return tuple(label for item in found if (label := interned(item)))


def _reference_unit(group: Json) -> str | None:
    for unit in items(group.get("units")):
        if is_set(unit, "isRefUnit", "referenceUnit"):
            return interned(unit.get("name"))
    return None
