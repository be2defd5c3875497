"""openLCA product systems as models, and impact categories as methods."""

from __future__ import annotations

from lca_rag.readers.context import ReadContext
from lca_rag.readers.jsonld_records import count_unmapped, version
from lca_rag.readers.jsonld_tables import (
    Json,
    Tables,
    classification,
    items,
    mapping,
    named,
    reference,
)
from lca_rag.readers.prose import Mender, interned, words
from lca_rag.readers.prose import name as one_line
from lca_rag.record import Exchange, ImpactResult, Name, Record, Reference, Text

_SYSTEM_FIELDS = words(
    "@context @type @id name description version category lastChange processes refProcess"
    " referenceProcess refExchange referenceExchange targetAmount targetUnit targetFlowProperty"
    " processLinks tags"
)
_IMPACT_FIELDS = words(
    "@context @type @id name description version category lastChange referenceUnitName refUnit"
    " impactFactors code tags"
)


def system_record(
    value: Json, uuid: str, path: str, tables: Tables, context: ReadContext
) -> Record:
    """A product system: what it delivers, and the processes that it includes."""
    mender = Mender()
    count_unmapped(context, "ProductSystem", value, _SYSTEM_FIELDS)
    head = value.get("refProcess", value.get("referenceProcess"))
    target = mapping(value.get("refExchange", value.get("referenceExchange")))
    amount = mender.number(value.get("targetAmount"))
    product, flow = tables.products.get(reference(head) or "", (None, None))
    delivered = Exchange(
        id=str(target.get("internalId") or 1),
        flow=named(target) or Text.of(product, "") or named(head),
        flow_uuid=flow,
        direction="output",
        amount=amount,
        unit=interned(mapping(value.get("targetUnit")).get("name")),
        flow_property=interned(mapping(value.get("targetFlowProperty")).get("name")),
        reference=True,
        provider=reference(head),
    )
    included = [
        Reference(role="included process", uuid=reference(item), name=named(item))
        for item in items(value.get("processes"))
    ]
    if mapping(head):
        included.insert(
            0, Reference(role="reference process", uuid=reference(head), name=named(head))
        )
    return Record(
        database=context.database,
        uuid=uuid,
        version=version(value),
        kind="model",
        name=Name(base=mender.text(one_line(value.get("name")))),
        classifications=classification(tables.category(value.get("category"))),
        comment=mender.text(value.get("description")),
        reference_type="Reference flow(s)",
        references_stated=1,
        exchanges=(delivered,),
        references=tuple(included),
        provenance=mender.provenance(path, "jsonld"),
    )


def impact_record(
    value: Json, uuid: str, path: str, tables: Tables, context: ReadContext
) -> Record:
    """An impact category with its characterisation factors."""
    mender = Mender()
    count_unmapped(context, "ImpactCategory", value, _IMPACT_FIELDS)
    unit = interned(value.get("refUnit", value.get("referenceUnitName")))
    label = one_line(value.get("name"))
    if unit is not None:
        tables.add_indicator(uuid, unit)
    return Record(
        database=context.database,
        uuid=uuid,
        version=version(value),
        kind="method",
        name=Name(base=mender.text(label)),
        classifications=classification(tables.category(value.get("category"))),
        comment=mender.text(value.get("description")),
        data_type="LCIA method",
        results=tuple(
            ImpactResult(
                indicator=named(item.get("flow")),
                method=label,
                uuid=reference(item.get("flow")),
                amount=mender.number(item.get("value")),
                unit=_per(unit, interned(mapping(item.get("unit")).get("name"))),
            )
            for item in items(value.get("impactFactors"))
        ),
        extras=(
            *(("Method", method) for method in tables.methods.get(uuid, ())),
            *((("Reference unit", unit),) if unit else ()),
        ),
        provenance=mender.provenance(path, "jsonld"),
    )


def _per(unit: str | None, flow_unit: str | None) -> str | None:
    """The unit of a characterisation factor."""
    return f"{unit}/{flow_unit}" if unit and flow_unit else unit
