"""An EcoSpold 1 data set as a process, a flow or an LCIA method."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from lxml import etree

from lca_rag.readers.context import ReadContext
from lca_rag.readers.ecospold1_parts import (
    EXCHANGE,
    Parts,
    category,
    child,
    children,
    exchanges_of,
    factors_of,
    get,
    labels,
    parts_of,
    raw,
    stated_place,
    unit_of,
)
from lca_rag.readers.name_places import PLACE_FROM_NAME, place_in_name
from lca_rag.readers.prose import Mender, derived_uuid, words
from lca_rag.readers.prose import name as one_line
from lca_rag.record import (
    NO_TEXT,
    NO_VERSION,
    Classification,
    Exchange,
    FlowFacts,
    FlowProperty,
    Kind,
    Licence,
    Name,
    Period,
    Place,
    Record,
    Reference,
    Text,
)

_FLOW, _IMPACT, _MULTI = "3", "4", "5"
_TYPES = {
    "0": "Partly terminated system",
    "1": "Unit process, single operation",
    "2": "LCI result",
    _FLOW: "Elementary flow",
    _IMPACT: "LCIA method",
    _MULTI: "Unit process, single operation",
}
_WORDS = {
    "0": "system non-terminated",
    "1": "unit process",
    "2": "system terminated",
    _FLOW: "elementary flow",
    _IMPACT: "impact category",
    _MULTI: "multi-output process",
}
_ACCESS = {"0": "Public", "1": "ETH domain", "2": "ecoinvent 2000", "3": "Institute"}
_FUNCTION = words(
    "datasetRelatesToProduct name localName infrastructureProcess amount unit category subCategory"
    " includedProcesses generalComment CASNumber formula"
)
PLACE_FROM_PRODUCT = "place taken from the reference product"


def data_set_record(element: etree._Element, path: str, context: ReadContext) -> Record | None:
    """The record of one data set, or `None` if it cannot be told what it is."""
    parts = parts_of(element)
    label = one_line(parts.function.get("name")) if parts is not None else None
    if parts is None or label is None:
        number = element.get("number")
        context.skip(path, "a dataset has no named referenceFunction", number)
        return None
    mender = Mender()
    language = get(parts.info, "languageCode") or ""
    kind = _kind(parts)
    stated = stated_place(parts)
    seen = Counter[tuple[str, ...]]()
    exchanges = () if kind == "method" else exchanges_of(parts, mender, language, seen)
    if kind == "method":
        seen.update(tuple(map(str, item.keys())) for item in children(parts.flows, "exchange"))
    _count_unmapped(parts, seen, context)
    place = _place(parts, stated, label, exchanges, mender, language)
    function = parts.function
    record = Record(
        database=context.database,
        uuid=derived_uuid(
            "ecospold1",
            element.get("number") or "",
            label,
            get(parts.geography, "location") or "",
            function.get("unit") or "",
        ),
        version=get(parts.info, "version") or NO_VERSION,
        kind=kind,
        name=Name(base=labels(function, parts, language)),
        synonyms=_synonyms(parts, language),
        classifications=_classes(function),
        place=place,
        period=_period(parts, mender, language),
        comment=mender.text(function.get("generalComment"), language),
        technology=_technology(parts, mender, language),
        data_type=_TYPES.get(get(parts.info, "type") or ""),
        exchanges=exchanges,
        licence=_licence(parts),
        references=_references(parts),
        details=_details(parts, mender, language),
        extras=_extras(element, parts),
        provenance=mender.provenance(path, "ecospold1"),
    )
    return _with_role(record, parts, mender, language, path)


def _kind(parts: Parts) -> Kind:
    match get(parts.info, "type"):
        case "3":
            return "flow"
        case "4":
            return "method"
    return "process"


def _with_role(record: Record, parts: Parts, mender: Mender, language: str, path: str) -> Record:
    """Complete the record as the process, flow or method that it is."""
    function = parts.function
    if record.kind == "flow":
        facts = FlowFacts(
            kind="elementary",
            cas=mender.clean(function.get("CASNumber")),
            formula=mender.clean(function.get("formula")),
            properties=(
                FlowProperty(name=NO_TEXT, mean=1.0, unit=unit_of(function), reference=True),
            ),
        )
        return replace(record, flow=facts, exchanges=())
    if record.kind == "method":
        return replace(record, results=factors_of(parts, record, mender, language))
    stated = sum(exchange.reference for exchange in record.exchanges)
    return replace(
        record,
        reference_type="Reference flow(s)",
        references_stated=stated,
        provenance=mender.provenance(path, "ecospold1"),
    )


def _synonyms(parts: Parts, language: str) -> Text:
    found = [text for item in children(parts.function, "synonym") if (text := one_line(item.text))]
    return Text.of("; ".join(found), language)


def _classes(function: etree._Element) -> tuple[Classification, ...]:
    path = category(function)
    return (Classification(path=path),) if path else ()


def _place(
    parts: Parts,
    stated: str | None,
    label: str,
    exchanges: tuple[Exchange, ...],
    mender: Mender,
    language: str,
) -> Place | None:
    """The place as stated; without one, that of the product, or the one that the name marks."""
    code = stated
    if code is None:
        code = next((x.location for x in exchanges if x.reference and x.location), None)
        if code is not None:
            mender.note(PLACE_FROM_PRODUCT)
    if code is None:
        code = place_in_name(label, tail=True)
        if code is not None:
            mender.note(PLACE_FROM_NAME)
    if code is None:
        return None
    return Place(code=code, description=mender.text(raw(parts.geography, "text"), language))


def _period(parts: Parts, mender: Mender, language: str) -> Period:
    years: dict[str, int | None] = {"start": None, "end": None}
    for item in parts.period if parts.period is not None else ():
        tag = etree.QName(item).localname
        for edge in years:
            if tag.startswith(edge):
                years[edge] = mender.year(item.text)
    return Period(
        reference_year=years["start"],
        valid_until=years["end"],
        start=years["start"],
        end=years["end"],
        description=mender.text(raw(parts.period, "text"), language),
    )


def _technology(parts: Parts, mender: Mender, language: str) -> Text:
    """Technology, then what is included, as ILCD keeps both in one field."""
    found = mender.text(raw(parts.technology, "text"), language).entries
    included = mender.text(parts.function.get("includedProcesses"), language).entries
    entries = found + tuple((tag, f"Included processes: {text}") for tag, text in included)
    return Text(entries) if entries else NO_TEXT


def _licence(parts: Parts) -> Licence:
    about = child(parts.administration, "dataGeneratorAndPublication")
    flag, access = get(about, "copyright"), get(about, "accessRestrictedTo")
    return Licence(
        copyright=flag == "true" if flag else None,
        restrictions=Text.of(_ACCESS.get(access or "", access), ""),
    )


def _references(parts: Parts) -> tuple[Reference, ...]:
    people = {
        item.get("number"): one_line(item.get("name"))
        for item in children(parts.administration, "person")
    }
    found = [
        ("data source", ", ".join(_source(item))) for item in children(parts.modelling, "source")
    ]
    for role, tag in (
        ("data entry", "dataEntryBy"),
        ("data generator", "dataGeneratorAndPublication"),
    ):
        about = child(parts.administration, tag)
        if about is not None:
            found.append((role, people.get(about.get("person")) or ""))
    reviewer = child(parts.modelling, "validation")
    if reviewer is not None:
        found.append(("reviewer", people.get(reviewer.get("proofReadingValidator")) or ""))
    return tuple(Reference(role=role, name=Text.of(name, "")) for role, name in found if name)


def _source(item: etree._Element) -> list[str]:
    parts = (one_line(item.get(key)) for key in ("firstAuthor", "title", "year"))
    return [part for part in parts if part]


def _details(parts: Parts, mender: Mender, language: str) -> tuple[tuple[str, Text], ...]:
    about = child(parts.modelling, "representativeness")
    review = child(parts.modelling, "validation")
    found = (
        ("Sampling", mender.text(raw(about, "samplingProcedure"), language)),
        ("Extrapolations", mender.text(raw(about, "extrapolations"), language)),
        ("Review", mender.text(raw(review, "proofReadingDetails"), language)),
    )
    return tuple((label, text) for label, text in found if text)


def _extras(element: etree._Element, parts: Parts) -> tuple[tuple[str, str], ...]:
    kind = get(parts.info, "type") or ""
    volume = get(child(parts.modelling, "representativeness"), "productionVolume")
    found = (
        ("Data set number", element.get("number")),
        ("Data set type", _WORDS.get(kind, kind)),
        ("CAS number", get(parts.function, "CASNumber")),
        ("Formula", get(parts.function, "formula")),
        ("Annual production volume", None if volume == "0" else volume),
        ("Timestamp", get(parts.info, "timestamp")),
        (
            "Infrastructure",
            "true" if parts.function.get("infrastructureProcess") == "true" else None,
        ),
    )
    return tuple((label, value) for label, value in found if value)


def _count_unmapped(parts: Parts, seen: Counter[tuple[str, ...]], context: ReadContext) -> None:
    counts = context.report.unmapped
    for key, _ in parts.function.items():
        if str(key) not in _FUNCTION:
            counts[f"ecospold1:referenceFunction/@{key!s}"] += 1
    for keys, number in seen.items():
        for key in keys:
            if key not in EXCHANGE:
                counts[f"ecospold1:exchange/@{key}"] += number
