"""openLCA processes and flows as records."""

from __future__ import annotations

from math import isfinite

from lca_rag.readers.context import ReadContext
from lca_rag.readers.jsonld_tables import (
    FLOW_KINDS,
    FlowKnowledge,
    Json,
    Tables,
    classification,
    flow_property,
    is_set,
    items,
    mapping,
    name_of,
    named,
    place_of,
    reference,
)
from lca_rag.readers.prose import Mender, interned, words
from lca_rag.readers.prose import name as one_line
from lca_rag.record import (
    NO_TEXT,
    NO_VERSION,
    Exchange,
    FlowFacts,
    Licence,
    Name,
    Period,
    Place,
    Record,
    Reference,
    Text,
)

# The words of ILCD, as openLCA's own export to ILCD chooses them, so that all formats share one
# vocabulary; the original stays in `extras`.
_PROCESS_TYPES = {"UNIT_PROCESS": "Unit process, single operation", "LCI_RESULT": "LCI result"}
_FLOW_TYPES = {
    "ELEMENTARY_FLOW": "Elementary flow",
    "PRODUCT_FLOW": "Product flow",
    "WASTE_FLOW": "Waste flow",
}
_ALLOCATIONS = {
    "PHYSICAL_ALLOCATION": "Allocation - physical causality",
    "ECONOMIC_ALLOCATION": "Allocation - market value",
    "CAUSAL_ALLOCATION": "Allocation - other explicit assignment",
}
_DETAILS = {
    "samplingDescription": "Sampling",
    "completenessDescription": "Completeness",
    "dataSelectionDescription": "Selection",
    "dataTreatmentDescription": "Treatment",
    "dataCollectionDescription": "Data collection",
    "inventoryMethodDescription": "LCI method",
    "modelingConstantsDescription": "Modelling constants",
    "intendedApplication": "Intended use",
    "projectDescription": "Project",
    "reviewDetails": "Review",
    "useAdvice": "Use advice",
}
_ACTORS = {
    "publication": "publication",
    "reviewer": "reviewer",
    "dataGenerator": "data generator",
    "dataDocumentor": "data entry",
    "dataSetOwner": "owner",
}
_PRINCIPLES = ("Attributional", "Consequential")
_NOTICE = "Important note: although most of the data in the US LCI database has"
NOTICE = "boiler-plate description moved to a notice"
DAY_LOST = "period that begins on 31 December taken a day later"
NO_LOCATION = "location without a code, named instead"

_PROCESS_FIELDS = words(
    "@context @type @id name description version category location processType lastChange exchanges"
    " processDocumentation defaultAllocationMethod allocationFactors dqEntry lastInternalId tags"
    " infrastructureProcess isInfrastructureProcess"
)
_DOCUMENT_FIELDS = words(
    "@type timeDescription validFrom validUntil creationDate geographyDescription reviews sources"
    " technologyDescription restrictionsDescription copyright isCopyrightProtected"
) | frozenset((*_DETAILS, *_ACTORS))
_EXCHANGE_FIELDS = words(
    "@type @id internalId input isInput quantitativeReference isQuantitativeReference amount unit"
    " avoidedProduct isAvoidedProduct flow flowProperty defaultProvider location description"
)
_FLOW_FIELDS = words(
    "@context @type @id name description version category flowType cas formula synonyms location"
    " flowProperties lastChange infrastructureFlow isInfrastructureFlow tags"
)


def flow_record(value: Json, uuid: str, path: str, tables: Tables, context: ReadContext) -> Record:
    """A flow; what its exchanges need of it stays in `tables`."""
    mender = Mender()
    category = tables.category(value.get("category"))
    code, _ = tables.location(value.get("location"))
    cas = mender.clean(value.get("cas"))
    kind = value.get("flowType")
    properties = tuple(flow_property(item, tables) for item in items(value.get("flowProperties")))
    unit = next((item.unit for item in properties if item.reference), None)
    role = FLOW_KINDS.get(kind, "other") if isinstance(kind, str) else "other"
    label = one_line(value.get("name"))
    tables.add_flow(uuid, FlowKnowledge(category, interned(cas), code, unit, role, label))
    synonyms, comment = value.get("synonyms"), value.get("description")
    count_unmapped(context, "Flow", value, _FLOW_FIELDS)
    return Record(
        database=context.database,
        uuid=uuid,
        version=version(value),
        kind="flow",
        name=Name(base=mender.text(label)),
        synonyms=mender.text(synonyms) if synonyms else NO_TEXT,
        classifications=classification(category),
        place=place_of(code) if code else None,
        comment=mender.text(comment) if comment else NO_TEXT,
        data_type=_FLOW_TYPES.get(kind, kind) if isinstance(kind, str) else None,
        flow=FlowFacts(
            kind=role,
            cas=cas,
            formula=mender.clean(value.get("formula")),
            properties=properties,
            supply=code,
        ),
        extras=_extras(value, ("Last change", "lastChange")),
        provenance=mender.provenance(path, "jsonld"),
    )


def process_record(
    value: Json, uuid: str, path: str, tables: Tables, context: ReadContext
) -> Record:
    """A process with its exchanges, units and places resolved."""
    mender = Mender()
    about = mapping(value.get("processDocumentation"))
    count_unmapped(context, "Process", value, _PROCESS_FIELDS)
    count_unmapped(context, "Process.processDocumentation", about, _DOCUMENT_FIELDS)
    exchanges = _exchanges(value, tables, mender, context)
    place = _place(value, about, tables, mender)
    made = next((exchange for exchange in exchanges if exchange.reference), None)
    if made is not None:
        tables.add_product(uuid, made.flow.join(), made.flow_uuid)
    comment = mender.text(value.get("description"))
    details = _details(about, mender)
    geography = mender.text(about.get("geographyDescription")) if place is None else NO_TEXT
    if geography:
        details = (("Geography", geography), *details)
    if comment and comment.entries[0][1].replace("\n", "").startswith(_NOTICE):
        mender.note(NOTICE)
        details, comment = (("Notice", comment), *details), NO_TEXT
    kind, method = value.get("processType"), value.get("defaultAllocationMethod")
    principle = one_line(about.get("inventoryMethodDescription"))
    return Record(
        database=context.database,
        uuid=uuid,
        version=version(value),
        kind="process",
        name=Name(base=mender.text(one_line(value.get("name")))),
        classifications=classification(tables.category(value.get("category"))),
        place=place,
        period=_period(about, mender),
        comment=comment,
        technology=mender.text(about.get("technologyDescription")),
        reference_type="Reference flow(s)" if any(x.reference for x in exchanges) else None,
        references_stated=sum(exchange.reference for exchange in exchanges),
        data_type=_PROCESS_TYPES.get(kind, kind) if isinstance(kind, str) else None,
        method_principle=principle if principle in _PRINCIPLES else None,
        method_approaches=(_ALLOCATIONS[method],) if method in _ALLOCATIONS else (),
        exchanges=exchanges,
        licence=Licence(
            copyright=_copyright(about),
            restrictions=mender.text(about.get("restrictionsDescription")),
            owner=named(about.get("dataSetOwner")),
        ),
        references=_references(about),
        details=details,
        extras=_extras(
            value,
            ("Process type", "processType"),
            ("Default allocation method", "defaultAllocationMethod"),
            ("Data quality entry", "dqEntry"),
            ("Last change", "lastChange"),
        )
        + _dates(about),
        provenance=mender.provenance(path, "jsonld"),
    )


def version(value: Json) -> str:
    """The version as stated."""
    return interned(value.get("version")) or NO_VERSION


def count_unmapped(context: ReadContext, label: str, value: Json, known: frozenset[str]) -> None:
    """Count the fields that no record field holds; empty ones say nothing."""
    if value.keys() <= known:
        return
    for key in value.keys() - known:
        if value[key] not in (None, "", [], {}):
            context.report.unmapped[f"jsonld:{label}.{key}"] += 1


def _place(value: Json, about: Json, tables: Tables, mender: Mender) -> Place | None:
    """The place; `geographyDescription` stays beside the code that it explains."""
    code, label = tables.location(value.get("location"))
    if code is None:
        return None
    if code == label and not mapping(value.get("location")).get("code") and len(code) > 7:
        mender.note(NO_LOCATION)
    return Place(
        code=code,
        name=label if label != code else None,
        description=mender.text(about.get("geographyDescription")),
    )


def _period(about: Json, mender: Mender) -> Period:
    """The first year is the reference year, as in openLCA's own export to ILCD.

    openLCA writes a date of its clock, so that one typed in as 1 January lies on 31 December where
    another time zone exports it. No data set begins with the last day of a year: where the first
    day says so, both days lost one. (Of 360 processes of the US LCI, 339 so get the years that
    their older release states with a time and a zone; as written, 20 do.)
    """
    first, last = about.get("validFrom"), about.get("validUntil")
    start, end = mender.year(first), mender.year(last)
    if start is not None and _is_last_day(first):
        mender.note(DAY_LOST)
        start += 1
        end = end + 1 if end is not None and _is_last_day(last) else end
    return Period(
        reference_year=start,
        valid_until=end,
        start=start,
        end=end,
        description=mender.text(about.get("timeDescription")),
    )


def _dates(about: Json) -> tuple[tuple[str, str], ...]:
    """The dates as stated, where the period says something else."""
    if not _is_last_day(about.get("validFrom")):
        return ()
    found = (("Valid from", "validFrom"), ("Valid until", "validUntil"))
    return tuple((label, text) for label, key in found if (text := one_line(about.get(key))))


def _is_last_day(date: object) -> bool:
    """Whether a date without a time is the last day of a year; with a time, its zone is known."""
    return isinstance(date, str) and date.strip()[4:] == "-12-31"


def _exchanges(
    value: Json, tables: Tables, mender: Mender, context: ReadContext
) -> tuple[Exchange, ...]:
    shares = _shares(value, mender)
    return tuple(
        [  # a list, since a generator costs more, and this is the inmost loop
            _exchange(item, number, shares, tables, mender, context)
            for number, item in enumerate(items(value.get("exchanges")), 1)
        ]
    )


def _exchange(
    value: Json,
    number: int,
    shares: dict[str, float],
    tables: Tables,
    mender: Mender,
    context: ReadContext,
) -> Exchange:
    """One exchange; by far the most frequent object, hence no call that its fields do not need."""
    if not value.keys() <= _EXCHANGE_FIELDS:
        count_unmapped(context, "Process.exchanges", value, _EXCHANGE_FIELDS)
    get = value.get
    facts = tables.exchanged(mapping(get("flow")))
    incoming = get("input") is True or get("isInput") is True
    amount, place = get("amount"), get("location")
    comment, provider = get("description"), get("defaultProvider")
    return Exchange(
        id=str(get("internalId") or get("@id") or number),
        flow=facts.name,
        flow_uuid=facts.uuid,
        direction="input" if incoming else "output",
        amount=amount if type(amount) is float and isfinite(amount) else mender.number(amount),
        unit=name_of(get("unit")) or facts.unit,
        flow_property=name_of(get("flowProperty")),
        reference=get("quantitativeReference") is True or get("isQuantitativeReference") is True,
        flow_kind=facts.kind,
        category=facts.category,
        cas=facts.cas,
        location=(tables.location(place)[0] if place else facts.own_location) or facts.location,
        comment=mender.text(comment) if comment else NO_TEXT,
        provider=reference(provider) if provider else None,
        avoided=get("avoidedProduct") is True or get("isAvoidedProduct") is True,
        allocation=shares.get(facts.uuid or "") if shares and not incoming else None,
    )


def _shares(value: Json, mender: Mender) -> dict[str, float]:
    """Share of each product under the process's default method.

    Causal factors differ per exchange, so they give no share; without a default method openLCA
    allocates nothing.
    """
    method = value.get("defaultAllocationMethod")
    if method not in ("PHYSICAL_ALLOCATION", "ECONOMIC_ALLOCATION"):
        return {}
    return {
        uuid: share
        for factor in items(value.get("allocationFactors"))
        if factor.get("allocationType") == method
        and "exchange" not in factor
        and (uuid := reference(factor.get("product")))
        and (share := mender.number(factor.get("value"))) is not None
    }


def _copyright(about: Json) -> bool | None:
    flag = about.get("isCopyrightProtected", about.get("copyright"))
    return flag if isinstance(flag, bool) else None


def _references(about: Json) -> tuple[Reference, ...]:
    found = [
        Reference(role="data source", uuid=reference(item), name=named(item))
        for item in items(about.get("sources"))
    ]
    for key, role in _ACTORS.items():
        if mapping(about.get(key)):
            found.append(Reference(role=role, uuid=reference(about[key]), name=named(about[key])))
    for review in items(about.get("reviews")):
        found += [
            Reference(role="reviewer", uuid=reference(item), name=named(item))
            for item in items(review.get("reviewers"))
        ]
    return tuple(found)


def _details(about: Json, mender: Mender) -> tuple[tuple[str, Text], ...]:
    found = [
        (label, mender.text(text)) for key, label in _DETAILS.items() if (text := about.get(key))
    ]
    found += [
        ("Review", mender.text(review.get("details"))) for review in items(about.get("reviews"))
    ]
    return tuple((label, text) for label, text in found if text)


def _extras(value: Json, *fields: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    found = [(label, text) for label, key in fields if (text := one_line(value.get(key)))]
    if is_set(value, "isInfrastructureProcess", "infrastructureProcess") or is_set(
        value, "isInfrastructureFlow", "infrastructureFlow"
    ):
        found.append(("Infrastructure", "true"))
    return tuple(found)
