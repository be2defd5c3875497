"""openLCA's environmental product declarations: a product with the results of its modules.

The results are objects of their own, which `Tables` holds; a module scales one by its multiplier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lca_rag.readers.context import ReadContext
from lca_rag.readers.jsonld_records import count_unmapped, version
from lca_rag.readers.jsonld_tables import (
    Json,
    Tables,
    classification,
    items,
    mapping,
    name_of,
    named,
    reference,
)
from lca_rag.readers.prose import Mender, words
from lca_rag.readers.prose import name as one_line
from lca_rag.record import (
    NO_TEXT,
    Exchange,
    ImpactResult,
    Licence,
    Name,
    Period,
    Place,
    Record,
    Reference,
)

_ACTORS = {
    "manufacturer": "manufacturer",
    "programOperator": "programme operator",
    "verifier": "reviewer",
    "dataGenerator": "data generator",
    "pcr": "product category rules",
    "originalEpd": "original EPD",
}
_DETAILS = {"productUsage": "Intended use", "useAdvice": "Use advice"}
_EXTRAS = {
    "epdType": "EPD type",
    "registrationId": "Registration number",
    "urn": "URI",
    "lastChange": "Last change",
}
_FIELDS = words(
    "@context @type @id name description version category product modules location validFrom"
    " validUntil manufacturing tags"
) | frozenset((*_ACTORS, *_DETAILS, *_EXTRAS))
NO_RESULT = "EPD module without its result"


def epd_record(value: Json, uuid: str, path: str, tables: Tables, context: ReadContext) -> Record:
    """An EPD as a process with one result for each module and indicator."""
    mender = Mender()
    count_unmapped(context, "Epd", value, _FIELDS)
    code, label = tables.location(value.get("location"))
    start, end = mender.year(value.get("validFrom")), mender.year(value.get("validUntil"))
    results = tuple(_results(value, tables, mender))
    product = mapping(value.get("product"))
    return Record(
        database=context.database,
        uuid=uuid,
        version=version(value),
        kind="process",
        name=Name(base=mender.text(one_line(value.get("name")))),
        classifications=classification(tables.category(value.get("category"))),
        place=Place(code=code, name=label if label != code else None) if code else None,
        period=Period(reference_year=start, valid_until=end, start=start, end=end),
        comment=mender.text(value.get("description")),
        technology=mender.text(value.get("manufacturing")),
        reference_type="Reference flow(s)" if product else None,
        references_stated=int(bool(product)),
        data_type="EPD",
        exchanges=(_product(product, tables, mender),) if product else (),
        results=results,
        licence=Licence(owner=named(value.get("manufacturer"))),
        references=tuple(
            Reference(role=role, uuid=reference(value[key]), name=named(value[key]))
            for key, role in _ACTORS.items()
            if mapping(value.get(key))
        ),
        details=tuple(
            (title, prose)
            for key, title in _DETAILS.items()
            if (prose := mender.text(value.get(key))) != NO_TEXT
        ),
        extras=tuple(
            (title, fact) for key, title in _EXTRAS.items() if (fact := one_line(value.get(key)))
        ),
        provenance=mender.provenance(path, "jsonld"),
    )


def _product(product: Json, tables: Tables, mender: Mender) -> Exchange:
    facts = tables.exchanged(mapping(product.get("flow")))
    return Exchange(
        id="1",
        flow=facts.name,
        flow_uuid=facts.uuid,
        direction="output",
        amount=mender.number(product.get("amount")),
        unit=name_of(product.get("unit")) or facts.unit,
        flow_property=name_of(product.get("flowProperty")),
        reference=True,
        flow_kind=facts.kind or "product",
        category=facts.category,
        location=facts.own_location or facts.location,
    )


def _results(value: Json, tables: Tables, mender: Mender) -> Iterator[ImpactResult]:
    for module in items(value.get("modules")):
        name = one_line(module.get("name"))
        found = tables.results.get(reference(module.get("result")) or "")
        if found is None:
            mender.note(NO_RESULT)
            continue
        factor = mender.number(module.get("multiplier"))
        for result in found:
            amount = mender.number(result.amount)
            if amount is not None and factor is not None:
                amount *= factor
            unit = result.unit or tables.indicators.get(result.uuid or "")
            yield replace(result, amount=amount, unit=unit, module=name)
