"""Brightway activities, elementary flows and methods as records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lca_rag.readers.context import ReadContext
from lca_rag.readers.prose import Mender, derived_uuid, interned, is_uuid, words
from lca_rag.readers.prose import name as one_line
from lca_rag.record import (
    NO_TEXT,
    Classification,
    Exchange,
    FlowFacts,
    FlowKind,
    FlowProperty,
    ImpactResult,
    Name,
    Place,
    Record,
    Reference,
    Text,
)

Key = tuple[str, str]
"""Database and code."""
Activities = Mapping[Key, Mapping[str, Any]]

_FLOWS = words("emission natural_resource biosphere economic social inventory_indicator")
_PRODUCTS: dict[str, FlowKind] = {"product": "product", "waste": "waste"}
"""Nodes that are what an activity makes, in databases that keep the two apart."""
_DATA_TYPES = {
    "elementary": "Elementary flow",
    "product": "Product flow",
    "waste": "Waste flow",
}
_TYPES = {
    "process": "Unit process, single operation",
    "processwithreferenceproduct": "Unit process, single operation",
    "multifunctional": "Unit process, single operation",
    "system process": "LCI result",
}
_ACTIVITY = words(
    "name reference_product unit location code database type comment exchanges categories synonyms"
    " classifications production_amount CAS_number cas_number formula activity activity_type id"
    " system_model authors tags filename simapro_name"
)
_EXCHANGE = words(
    "input output amount type name unit location categories comment product reference_product"
    " database code flow activity production_volume CAS_number"
)


def key_of(value: object) -> Key | None:
    """A (database, code) pair, or `None` if `value` is none."""
    if isinstance(value, list | tuple) and len(value) == 2:
        database, code = value
        if isinstance(code, str | int) and not isinstance(code, bool) and code != "":
            return str(database), str(code)
    return None


def flow_key(value: object) -> Key | None:
    """The flow of a factor: a key, or the bare number that newer releases keep in its place."""
    if isinstance(value, int) and not isinstance(value, bool):
        return "", str(value)
    return key_of(value)


def uuid_of(key: Key) -> str:
    """The UUID of a data set: its code where that is one, else made of database and code."""
    database, code = key
    if not is_uuid(code):
        return derived_uuid("brightway", database, code)
    plain = code.replace("-", "").lower()
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def activity_record(
    key: Key, value: Mapping[str, Any], activities: Activities, path: str, context: ReadContext
) -> Record | None:
    """The record of an activity or an elementary flow; `None` if it has no name."""
    label = one_line(value.get("name"))
    if label is None:
        return None
    _count(context, "activity", value, _ACTIVITY)
    if _type(value) in _FLOWS or _type(value) in _PRODUCTS:
        return _flow(key, value, label, path, context)
    mender = Mender()
    exchanges = tuple(
        _exchange(item, str(number), key, activities, mender, context)
        for number, item in enumerate(_list(value.get("exchanges")), 1)
        if isinstance(item, dict)
    )
    exchanges = (
        exchanges if any(x.reference for x in exchanges) else _with_product(value, exchanges)
    )
    code = interned(value.get("location"))
    return Record(
        database=context.database,
        uuid=uuid_of(key),
        kind="process",
        name=Name(base=Text.of(label, "")),
        synonyms=_joined(value.get("synonyms")),
        classifications=_classes(value),
        place=Place(code=code) if code else None,
        comment=mender.text(value.get("comment")),
        reference_type="Reference flow(s)",
        references_stated=sum(exchange.reference for exchange in exchanges),
        data_type=_TYPES.get(_type(value).replace("_", " ")),
        system_model=one_line(value.get("system model")),
        exchanges=exchanges,
        references=_authors(value.get("authors")),
        extras=tuple(
            (label, text)
            for label, text in (
                ("Brightway database", key[0]),
                ("Brightway code", key[1]),
                ("Activity type", one_line(value.get("activity type"))),
            )
            if text
        ),
        provenance=mender.provenance(path, "brightway"),
    )


def method_record(
    store: Mapping[str, Any], activities: Activities, path: str, context: ReadContext
) -> Record:
    """A method: its name is a tuple of words, its data are pairs of flow and factor."""
    mender = Mender()
    name, about = store.get("name"), store.get("metadata")
    parts = tuple(filter(None, map(one_line, name))) if isinstance(name, list | tuple) else ()
    parts = parts or (one_line(name) or "method without a name",)
    unit = one_line(about.get("unit")) if isinstance(about, dict) else None
    return Record(
        database=context.database,
        uuid=derived_uuid("brightway", "method", *parts),
        kind="method",
        name=Name(base=Text.of(", ".join(parts), "")),
        classifications=(Classification(path=parts[:-1]),) if len(parts) > 1 else (),
        data_type="LCIA method",
        results=tuple(
            ImpactResult(
                indicator=_flow_name(key, activities),
                method=", ".join(parts),
                uuid=uuid_of(key) if key[0] else None,
                amount=mender.number(item[1]),
                unit=_per(unit, one_line(activities.get(key, {}).get("unit"))),
            )
            for item in _list(store.get("data"))
            if isinstance(item, list | tuple) and len(item) > 1 and (key := flow_key(item[0]))
        ),
        extras=(("Reference unit", unit),) if unit else (),
        provenance=mender.provenance(path, "brightway"),
    )


def _per(unit: str | None, flow_unit: str | None) -> str | None:
    """The unit of a characterisation factor."""
    return f"{unit}/{flow_unit}" if unit and flow_unit else unit


def _flow(
    key: Key, value: Mapping[str, Any], label: str, path: str, context: ReadContext
) -> Record:
    mender = Mender()
    path_of_categories = _path(value.get("categories"))
    kind = _PRODUCTS.get(_type(value), "elementary")
    code = interned(value.get("location"))
    return Record(
        database=context.database,
        uuid=uuid_of(key),
        kind="flow",
        name=Name(base=Text.of(label, "")),
        synonyms=_joined(value.get("synonyms")),
        classifications=(Classification(path=path_of_categories),) if path_of_categories else (),
        place=Place(code=code) if code else None,
        comment=mender.text(value.get("comment")),
        data_type=_DATA_TYPES[kind],
        flow=FlowFacts(
            kind=kind,
            cas=mender.clean(value.get("CAS number", value.get("cas_number"))),
            formula=mender.clean(value.get("formula")),
            properties=(
                FlowProperty(
                    name=NO_TEXT, mean=1.0, unit=interned(value.get("unit")), reference=True
                ),
            ),
        ),
        extras=(("Brightway database", key[0]),) if key[0] else (),
        provenance=mender.provenance(path, "brightway"),
    )


def _exchange(
    item: dict[str, Any],
    number: str,
    own: Key,
    activities: Activities,
    mender: Mender,
    context: ReadContext,
) -> Exchange:
    """An exchange; what it does not say itself is taken from the activity that it points to."""
    _count(context, "exchange", item, _EXCHANGE)
    key = key_of(item.get("input"))
    target = activities.get(key, {}) if key else {}
    kind = _type(item)
    biosphere = kind == "biosphere"
    production = kind in ("production", "generic_production")
    categories = _path(item.get("categories")) or _path(target.get("categories"))
    amount = mender.number(item.get("amount"))
    # Brightway knows no direction for elementary flows: what is drawn from nature is an input.
    resource = bool(categories) and categories[0].startswith(("natural resource", "resource"))
    outgoing = production or kind == "substitution" or (biosphere and not resource)
    node = _PRODUCTS.get(_type(target)) if target else None
    flow_kind: FlowKind = "elementary" if biosphere else node or "product"
    named = [item.get("name"), target.get("name")]
    if not biosphere:
        named = [item.get("product"), item.get("reference product"), item.get("name")]
        named += [target.get("reference product"), target.get("name")]
    return Exchange(
        id=number,
        flow=Text.of(next(filter(None, map(one_line, named)), None), ""),
        flow_uuid=uuid_of(key) if key and (biosphere or node) else None,
        direction="output" if outgoing else "input",
        amount=amount,
        unit=interned(item.get("unit")) or interned(target.get("unit")),
        reference=production and bool(key is None or key == own or node or key not in activities),
        flow_kind=flow_kind,
        category=categories,
        cas=interned(target.get("CAS number")),
        location=interned(item.get("location")) or interned(target.get("location")),
        comment=mender.text(item.get("comment")),
        provider=uuid_of(key) if key and kind == "technosphere" and not node else None,
        avoided=kind == "substitution",
    )


def _with_product(
    value: Mapping[str, Any], exchanges: tuple[Exchange, ...]
) -> tuple[Exchange, ...]:
    """Brightway takes an activity without a production exchange to make one unit of itself."""
    product = one_line(value.get("reference product")) or one_line(value.get("name"))
    amount = value.get("production amount", 1.0)
    made = Exchange(
        id="0",
        flow=Text.of(product, ""),
        direction="output",
        amount=float(amount) if isinstance(amount, int | float) else 1.0,
        unit=interned(value.get("unit")),
        reference=True,
        flow_kind="product",
        location=interned(value.get("location")),
    )
    return (made, *exchanges)


def _flow_name(key: Key, activities: Activities) -> Text:
    flow = activities.get(key, {})
    parts = (one_line(flow.get("name")), *_path(flow.get("categories")))
    known = ", ".join(part for part in parts if part)
    return Text.of(known or f"flow {'/'.join(filter(None, key))}", "")


def _type(value: Mapping[str, Any]) -> str:
    kind = value.get("type")
    return kind.replace(" ", "_") if isinstance(kind, str) else "process"


def _classes(value: Mapping[str, Any]) -> tuple[Classification, ...]:
    found: list[Classification] = []
    for item in _list(value.get("classifications")):
        if isinstance(item, list | tuple) and len(item) == 2:
            label = one_line(item[1])
            code, mark, rest = (label or "").partition(":")
            if label and mark and rest.strip() and " " not in code:
                found.append(
                    Classification(
                        system=one_line(item[0]), path=(rest.strip(),), codes=(code.strip(),)
                    )
                )
            elif label:
                found.append(Classification(system=one_line(item[0]), path=(label,)))
    path = _path(value.get("categories"))
    return (*found, Classification(path=path)) if path else tuple(found)


def _path(value: object) -> tuple[str, ...]:
    return tuple(label for item in _list(value) if (label := interned(item)))


def _list(value: object) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()


def _joined(value: object) -> Text:
    return Text.of("; ".join(label for item in _list(value) if (label := one_line(item))), "")


def _authors(value: object) -> tuple[Reference, ...]:
    people = value.items() if isinstance(value, dict) else ()
    return tuple(
        Reference(role=str(role), name=Text.of(label, ""))
        for role, about in people
        if isinstance(about, dict) and (label := one_line(about.get("name")))
    )


def _count(
    context: ReadContext, label: str, value: Mapping[str, Any], known: frozenset[str]
) -> None:
    for key in value:
        if isinstance(key, str) and key.replace(" ", "_") not in known:
            context.report.unmapped[f"brightway:{label}.{key}"] += 1
