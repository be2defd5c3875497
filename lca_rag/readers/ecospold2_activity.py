"""An EcoSpold 2 activity with one reference product, as a record."""

from __future__ import annotations

import re

from lca_rag.readers.context import ReadContext
from lca_rag.readers.ecospold2_master import Master, classes, joined, one
from lca_rag.readers.nodes import Node
from lca_rag.readers.prose import Mender, derived_uuid, interned, is_uuid
from lca_rag.record import (
    NO_TEXT,
    NO_VERSION,
    Exchange,
    FlowKind,
    ImpactResult,
    Licence,
    Name,
    Period,
    Place,
    Record,
    Reference,
    Text,
)

_TYPES = {"1": "Unit process, single operation", "2": "LCI result"}
_SPECIAL = {
    "0": "ordinary transforming activity",
    "1": "market activity",
    "2": "IO activity",
    "3": "residual activity",
    "4": "production mix",
    "5": "import activity",
    "6": "supply mix",
    "7": "export activity",
    "8": "re-export activity",
    "9": "correction activity",
    "10": "market group",
}
_LEVELS = dict(zip("12345", ("new", "modern", "current", "old", "outdated"), strict=True))
_ACCESS = {"0": "Public", "1": "Licensees", "2": "Results only", "3": "Restricted"}
_RELEASE = ("majorRelease", "minorRelease", "majorRevision", "minorRevision")
_OLD_LOCATION = "EcoSpold01Location="
_VARIABLE = re.compile(r"\{\{(\w+)\}\}")
NO_PRODUCT = "no reference product"

MAPPED = re.compile(
    r"@schemaLocation|(?:childA|a)ctivityDataset/(?:"
    r"activityDescription/(?:activity/(?:@(?:id|type|specialActivityType|activityNameId)"
    r"|activityName|synonym|includedActivities(?:Start|End)|allocationComment|generalComment|tag)"
    r"|classification|geography|technology|timePeriod|macroEconomicScenario)"
    r"|flowData/(?:intermediateExchange|elementaryExchange)/(?:@(?!mathematical|variable|isCalc)"
    r"|name|unitName|comment|classification|compartment|inputGroup|outputGroup)"
    r"|flowData/impactIndicator|modellingAndValidation/(?:representativeness|review)"
    r"|administrativeInformation/)"
)
"""Paths below the root that a record holds; everything else is counted as unmapped."""


def activity_record(
    node: Node, activity: str, path: str, master: Master, context: ReadContext
) -> Record:
    """The record of one activity and its reference product."""
    mender = Mender()
    about = node.one("activityDescription")
    head = about.one("activity")
    exchanges = _exchanges(node.one("flowData"), master, mender)
    products = [x for x in exchanges if x.reference]
    if not products:
        mender.note(NO_PRODUCT)
    product = (products[0].flow_uuid or products[0].flow_ref or "") if products else ""
    model = node.one("modellingAndValidation", "representativeness")
    licence, references = _administration(node)
    return Record(
        database=context.database,
        uuid=record_uuid(activity, product),
        version=_version(node),
        kind="process",
        name=Name(base=_clean(head.words("activityName"), mender)),
        synonyms=joined(head, "synonym"),
        classifications=classes(about),
        place=_place(about.one("geography"), master, mender),
        period=_period(about.one("timePeriod"), mender),
        comment=_blocks(head.all("generalComment"), mender),
        technology=_technology(about, head, mender),
        reference_type="Reference flow(s)" if products else None,
        references_stated=len(products),
        data_type=_TYPES.get(head.attribute("type") or ""),
        system_model=one(model, "systemModelName"),
        exchanges=exchanges,
        results=_results(node.one("flowData"), mender),
        licence=licence,
        references=references,
        details=_details(node, head, model, mender),
        extras=_extras(activity, about, head, node.one("flowData")),
        provenance=mender.provenance(path, "ecospold2"),
    )


def record_uuid(activity: str, product: str) -> str:
    """The UUID of a record; a link from an exchange gives the same for its supplier."""
    return derived_uuid("ecospold2", activity.lower(), product.lower())


def _version(node: Node) -> str:
    attributes = node.one("administrativeInformation", "fileAttributes")
    parts = [attributes.attribute(part) for part in _RELEASE]
    return ".".join(part or "0" for part in parts) if any(parts) else NO_VERSION


def _clean(text: Text, mender: Mender) -> Text:
    """`text` entry by entry through the mender."""
    entries = tuple(
        (language, cleaned) for language, value in text.entries if (cleaned := mender.clean(value))
    )
    return text if entries == text.entries else Text(entries)


def _blocks(nodes: list[Node], mender: Mender) -> Text:
    """A comment of text blocks: in the order of `@index`, variables filled in, one per language."""
    by_language: dict[str, list[str]] = {}
    for node in nodes:
        blocks = sorted(node.all("text"), key=_index) or [node]
        values = {item.attribute("name"): item.text for item in node.all("variable")}
        for block in blocks:
            text = _VARIABLE.sub(lambda m: values.get(m[1], m[0]), block.text)  # noqa: B023
            if cleaned := mender.clean(text):
                by_language.setdefault(block.attributes.get("lang", ""), []).append(cleaned)
    entries = tuple((language, "\n".join(parts)) for language, parts in by_language.items())
    return Text(entries) if entries else NO_TEXT


def _index(block: Node) -> int:
    index = block.attributes.get("index", "")
    return int(index) if index.isdecimal() and len(index) < 9 else 0


def _place(node: Node, master: Master, mender: Mender) -> Place | None:
    known = master.places.get(node.attribute("geographyId") or "")
    code = one(node, "shortname") or (known.code if known else None)
    if code is None:
        return None
    name = known.name if known and known.name != code else None
    return Place(code=code, name=name, description=_blocks(node.all("comment"), mender))


def _period(node: Node, mender: Mender) -> Period:
    start, end = mender.year(node.attribute("startDate")), mender.year(node.attribute("endDate"))
    return Period(
        reference_year=start,
        valid_until=end,
        start=start,
        end=end,
        description=_blocks(node.all("comment"), mender),
    )


def _technology(about: Node, head: Node, mender: Mender) -> Text:
    """Technology, then what is included, as ILCD keeps both in one field."""
    comment = _blocks(about.all("technology", "comment"), mender)
    start = _clean(head.words("includedActivitiesStart"), mender)
    end = _clean(head.words("includedActivitiesEnd"), mender)
    entries = comment.entries
    entries += tuple((tag, f"Included activities start: {text}") for tag, text in start.entries)
    entries += tuple((tag, f"Included activities end: {text}") for tag, text in end.entries)
    return Text(entries) if entries else NO_TEXT


def _exchanges(flows: Node, master: Master, mender: Mender) -> tuple[Exchange, ...]:
    found = [_intermediate(node, master, mender) for node in flows.all("intermediateExchange")]
    found += [_elementary(node, master, mender) for node in flows.all("elementaryExchange")]
    return tuple(found)


def _intermediate(node: Node, master: Master, mender: Mender) -> Exchange:
    flow = node.attribute("intermediateExchangeId")
    group = node.string("outputGroup")
    amount = mender.number(node.attribute("amount"))
    link = node.attribute("activityLinkId")
    link = None if link is None or not link.strip("0-") else link
    kinds = classes(node)
    comment, location = _comment(node, mender)
    return Exchange(
        id=node.attribute("id") or "",
        flow=node.words("name") or master.flows.get(flow or "", NO_TEXT),
        flow_uuid=flow if flow and is_uuid(flow) else None,
        flow_ref=flow if flow and not is_uuid(flow) else None,
        direction="output" if group is not None else "input",
        amount=amount,
        unit=master.unit(node) or master.flow_units.get(flow or ""),
        reference=group == "0" and amount != 0,
        flow_kind=_kind(group, {name for item in kinds for name in item.path}),
        category=next((item.path for item in kinds if item.system == "CPC"), ()),
        cas=interned(node.attribute("casNumber")),
        location=location,
        comment=comment,
        provider=record_uuid(link, flow) if link and flow and group is None else None,
    )


def _kind(group: str | None, names: set[str]) -> FlowKind:
    """Material for treatment is waste, and so is what ecoinvent's by-product classes call so."""
    return "waste" if group == "3" or "Waste" in names else "product"


def _elementary(node: Node, master: Master, mender: Mender) -> Exchange:
    flow = node.attribute("elementaryExchangeId")
    comment, location = _comment(node, mender)
    return Exchange(
        id=node.attribute("id") or "",
        flow=node.words("name") or master.flows.get(flow or "", NO_TEXT),
        flow_uuid=flow if flow and is_uuid(flow) else None,
        flow_ref=flow if flow and not is_uuid(flow) else None,
        direction="output" if node.string("outputGroup") is not None else "input",
        amount=mender.number(node.attribute("amount")),
        unit=master.unit(node) or master.flow_units.get(flow or ""),
        flow_kind="elementary",
        category=master.compartment(node),
        cas=interned(node.attribute("casNumber")),
        location=location,
        comment=comment,
    )


def _comment(node: Node, mender: Mender) -> tuple[Text, str | None]:
    """The comments of an exchange, without the note in which ecoinvent keeps an old location."""
    entries: list[tuple[str, str]] = []
    location = None
    for item in node.all("comment"):
        if item.text.startswith(_OLD_LOCATION):
            location = interned(item.text.removeprefix(_OLD_LOCATION))
        elif cleaned := mender.clean(item.text):
            entries.append((item.attributes.get("lang", ""), cleaned))
    return (Text(tuple(entries)) if entries else NO_TEXT), location


def _results(flows: Node, mender: Mender) -> tuple[ImpactResult, ...]:
    return tuple(
        ImpactResult(
            indicator=Text.of(
                ", ".join(
                    part
                    for part in (one(node, "impactCategoryName"), one(node, "name"))
                    if part is not None
                ),
                "",
            ),
            method=one(node, "impactMethodName"),
            uuid=node.attribute("impactIndicatorId"),
            amount=mender.number(node.attribute("amount")),
            unit=one(node, "unitName"),
        )
        for node in flows.all("impactIndicator")
    )


def _administration(node: Node) -> tuple[Licence, tuple[Reference, ...]]:
    about = node.one("administrativeInformation")
    publication = about.one("dataGeneratorAndPublication")
    protected = publication.attribute("isCopyrightProtected")
    access = publication.attribute("accessRestrictedTo")
    source = " ".join(
        part
        for part in (
            publication.attribute("publishedSourceFirstAuthor"),
            publication.attribute("publishedSourceYear"),
        )
        if part
    )
    found = [
        Reference(role=role, uuid=uuid, name=Text.of(name, ""))
        for role, uuid, name in (
            (
                "data entry",
                about.one("dataEntryBy").attribute("personId"),
                about.one("dataEntryBy").attribute("personName"),
            ),
            (
                "data generator",
                publication.attribute("personId"),
                publication.attribute("personName"),
            ),
            ("publication", publication.attribute("publishedSourceId"), source),
        )
        if name
    ]
    found += [
        Reference(
            role="reviewer",
            uuid=review.attribute("reviewerId"),
            name=Text.of(review.attribute("reviewerName"), ""),
        )
        for review in node.all("modellingAndValidation", "review")
        if review.attribute("reviewerName")
    ]
    licence = Licence(
        copyright=protected == "true" if protected else None,
        restrictions=Text.of(_ACCESS.get(access or "", access), ""),
    )
    return licence, tuple(found)


def _details(node: Node, head: Node, model: Node, mender: Mender) -> tuple[tuple[str, Text], ...]:
    found = [
        ("Sampling", _clean(model.words("samplingProcedure"), mender)),
        ("Extrapolations", _clean(model.words("extrapolations"), mender)),
        ("Allocation", _blocks(head.all("allocationComment"), mender)),
    ]
    found += [
        ("Review", _blocks(review.all("details"), mender))
        for review in node.all("modellingAndValidation", "review")
    ]
    return tuple((label, text) for label, text in found if text)


def _extras(activity: str, about: Node, head: Node, flows: Node) -> tuple[tuple[str, str], ...]:
    volume = next(
        (
            f"{amount} {one(node, 'unitName') or ''}".strip()
            for node in flows.all("intermediateExchange")
            if node.string("outputGroup") == "0"
            and (amount := node.attribute("productionVolumeAmount"))
        ),
        None,
    )
    level = about.one("technology").attribute("technologyLevel")
    found = [
        ("Activity", activity),
        ("Special activity type", _SPECIAL.get(head.attribute("specialActivityType") or "")),
        ("Technology level", _LEVELS.get(level or "")),
        ("Macro-economic scenario", one(about, "macroEconomicScenario", "name")),
        ("Annual production volume", volume),
    ]
    found += [("Tag", item.text or None) for item in head.all("tag")]
    return tuple((label, value) for label, value in found if value)
