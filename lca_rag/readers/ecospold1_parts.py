"""The parts of an EcoSpold 1 data set, and its exchanges and factors."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol, cast

from lxml import etree

from lca_rag.readers.name_places import PLACE_FROM_NAME, place_in_name
from lca_rag.readers.prose import Mender, interned, words
from lca_rag.readers.prose import name as one_line
from lca_rag.record import NO_TEXT, Direction, Exchange, FlowKind, ImpactResult, Record, Text

_INPUTS: dict[str, FlowKind] = {
    "1": "product",
    "2": "product",
    "3": "product",
    "4": "elementary",
    "5": "product",
}
_OUTPUTS: dict[str, FlowKind] = {
    "0": "product",
    "1": "product",
    "2": "product",
    "3": "waste",
    "4": "elementary",
}
_GROUPS: dict[str, Direction] = {"inputGroup": "input", "outputGroup": "output"}
NO_GROUP = "exchange without a group taken as an output"
FROM_FUNCTION = "reference flow taken from the reference function"
CO_PRODUCTS = "co-products taken as reference flows"

EXCHANGE = words(
    "number name category subCategory localName location unit meanValue CASNumber generalComment"
)
_NO_PLACE = frozenset(("unspecified", "unknown", "not specified", "n/a", "-"))


class Values(Protocol):
    """Attributes by name: an element, or a dictionary of them."""

    def get(self, name: str, /) -> str | None:
        """The value of an attribute, if there is one."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The elements of one data set; absent ones are `None`."""

    function: etree._Element
    info: etree._Element | None
    geography: etree._Element | None
    technology: etree._Element | None
    period: etree._Element | None
    modelling: etree._Element | None
    administration: etree._Element | None
    flows: etree._Element | None


def parts_of(element: etree._Element) -> Parts | None:
    """The parts of a data set, or `None` if it has no reference function."""
    meta = child(element, "metaInformation")
    process = child(meta, "processInformation")
    function = child(process, "referenceFunction")
    if function is None:
        return None
    return Parts(
        function,
        child(process, "dataSetInformation"),
        child(process, "geography"),
        child(process, "technology"),
        child(process, "timePeriod"),
        child(meta, "modellingAndValidation"),
        child(meta, "administrativeInformation"),
        child(element, "flowData"),
    )


def child(element: etree._Element | None, tag: str) -> etree._Element | None:
    """The first child of a tag, in any namespace."""
    return None if element is None else element.find(f"{{*}}{tag}")


def children(element: etree._Element | None, tag: str) -> list[etree._Element]:
    """All children of a tag, in any namespace."""
    return [] if element is None else element.findall(f"{{*}}{tag}")


def get(element: etree._Element | None, attribute: str) -> str | None:
    """An attribute as one line."""
    return None if element is None else one_line(element.get(attribute))


def stated_place(parts: Parts) -> str | None:
    """The code of the geography; SimaPro writes "unspecified" where it has none."""
    code = get(parts.geography, "location")
    return None if code is None or code.casefold() in _NO_PLACE else code


def labels(element: Values, parts: Parts, language: str) -> Text:
    """The name, and the one in the local language where that differs."""
    name, local = element.get("name"), element.get("localName")
    other = (get(parts.info, "localLanguageCode") or "") if local else ""
    return _labels(name, local, language, other)


@lru_cache(maxsize=1 << 14)
def _labels(name: str | None, local_name: str | None, language: str, other: str) -> Text:
    """The same names come with every data set of a database."""
    label, local = one_line(name), one_line(local_name)
    if label and local and local != label and other != language:
        return Text(((language, label), (other, local)))
    return Text.of(label or local, language)


def category(element: Values) -> tuple[str, ...]:
    """Category and subcategory: a compartment, or a class path."""
    return _category(element.get("category"), element.get("subCategory"))


@lru_cache(maxsize=1 << 12)
def _category(category: str | None, subcategory: str | None) -> tuple[str, ...]:
    top, below = interned(category), interned(subcategory)
    if top and below:
        return top, below
    return (top,) if top else (below,) if below else ()


def raw(element: etree._Element | None, attribute: str) -> str | None:
    """An attribute with its line breaks."""
    return None if element is None else element.get(attribute)


def exchanges_of(
    parts: Parts, mender: Mender, language: str, seen: Counter[tuple[str, ...]]
) -> tuple[Exchange, ...]:
    """The exchanges, with at least one reference flow among them.

    Their attributes are counted in `seen`, all those of an exchange together.
    """
    shares = _shares(parts, mender)
    found = [
        _exchange(item, number, parts, shares, mender, language, seen)
        for number, item in enumerate(children(parts.flows, "exchange"), 1)
    ]
    if any(exchange.reference for exchange in found):
        return tuple(found)
    if any(exchange.id in shares for exchange in found):
        # A multi-output process states its products as co-products that share its burdens.
        mender.note(CO_PRODUCTS)
        return tuple(replace(x, reference=x.id in shares) for x in found)
    mender.note(FROM_FUNCTION)
    function = parts.function
    reference = Exchange(
        id="0",
        flow=labels(function, parts, language),
        direction="output",
        amount=mender.number(function.get("amount")),
        unit=unit_of(function),
        reference=True,
        flow_kind="product",
        category=category(function),
        cas=interned(function.get("CASNumber")),
        location=stated_place(parts),
    )
    return (reference, *found)


def _exchange(
    item: etree._Element,
    number: int,
    parts: Parts,
    shares: dict[str, float | None],
    mender: Mender,
    language: str,
    seen: Counter[tuple[str, ...]],
) -> Exchange:
    direction, group = _group(item, mender)
    kinds = _INPUTS if direction == "input" else _OUTPUTS
    kind = kinds.get(group or "")
    # At once: asking for each attribute costs more. lxml gives text, whatever its stubs say.
    values = cast("dict[str, str]", dict(item.items()))
    seen[tuple(values)] += 1
    id_ = values.get("number") or str(number)
    comment = values.get("generalComment")
    return Exchange(
        id=id_,
        flow=labels(values, parts, language),
        direction=direction,
        amount=mender.number(values.get("meanValue")),
        unit=unit_of(values),
        reference=direction == "output" and group == "0",
        flow_kind=kind,
        category=category(values),
        cas=interned(values.get("CASNumber")),
        location=_location(values, kind, mender),
        comment=mender.text(comment, language) if comment else NO_TEXT,
        avoided=direction == "output" and group == "1",
        allocation=shares.get(id_),
    )


def _location(item: Values, kind: FlowKind | None, mender: Mender) -> str | None:
    """The location of an exchange; that of a product may stand in its name only."""
    code = interned(item.get("location"))
    if code is not None and code.casefold() not in _NO_PLACE:
        return code
    marked = place_in_name(item.get("name") or "") if kind == "product" else None
    if marked is not None:
        mender.note(PLACE_FROM_NAME)
    return marked


def _group(item: etree._Element, mender: Mender) -> tuple[Direction, str | None]:
    for child in item:
        direction = _direction(child.tag) if isinstance(child.tag, str) else None
        if direction is not None:
            return direction, (child.text or "").strip()
    mender.note(NO_GROUP)
    return "output", None


@lru_cache(maxsize=1 << 8)
def _direction(tag: str) -> Direction | None:
    """The direction that an element of an exchange states, in any namespace."""
    return _GROUPS.get(tag.rpartition("}")[2])


def unit_of(item: Values) -> str | None:
    """The unit as written."""
    return interned(item.get("unit"))


def _shares(parts: Parts, mender: Mender) -> dict[str, float | None]:
    """Allocated co-products by number; the share only where it is the same for every exchange."""
    fractions: dict[str, set[float]] = {}
    for item in children(parts.flows, "allocation"):
        product = item.get("referenceToCoProduct") or ""
        fraction = mender.number(item.get("fraction"))
        if fraction is not None:
            fractions.setdefault(product, set()).add(fraction)
    return {
        product: next(iter(values)) / 100 if len(values) == 1 else None
        for product, values in fractions.items()
    }


def factors_of(
    parts: Parts, record: Record, mender: Mender, language: str
) -> tuple[ImpactResult, ...]:
    """The factors of an impact category, one for each elementary flow."""
    unit = unit_of(parts.function)
    method = str(record.name) or None
    return tuple(
        ImpactResult(
            indicator=Text.of(", ".join((item.get("name") or "", *category(item))), language),
            method=method,
            amount=mender.number(item.get("meanValue")),
            unit=f"{unit}/{unit_of(item)}" if unit and unit_of(item) else unit,
        )
        for item in children(parts.flows, "exchange")
    )
