"""Process data sets of ILCD and TIDAS as records, EPDs and LCI results included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from lca_rag.readers import ilcd_values as values
from lca_rag.readers.lookups import Lookups, classifications, described
from lca_rag.readers.nodes import Node, texts
from lca_rag.record import (
    NO_TEXT,
    Direction,
    Exchange,
    ImpactResult,
    Period,
    Place,
    Provenance,
    Record,
    Reference,
    Text,
)

__all__ = ["process_record"]

_INFORMATION = "processInformation"
_METHOD = "modellingAndValidation/LCIMethodAndAllocation"
_SOURCES = "modellingAndValidation/dataSourcesTreatmentAndRepresentativeness"
_REVIEW = "modellingAndValidation/validation/review"
_ENTRY = "administrativeInformation/dataEntryBy"
_PUBLICATION = "administrativeInformation/publicationAndOwnership"
_GOAL = "administrativeInformation/commissionerAndGoal"

DETAILS: values.Labelled = (
    ("Intended use", f"{_GOAL}/intendedApplications"),
    ("Project", f"{_GOAL}/project"),
    ("Model description", f"{_INFORMATION}/mathematicalRelations/modelDescription"),
    ("Deviations from method principle", f"{_METHOD}/deviationsFromLCIMethodPrinciple"),
    ("Deviations from method approaches", f"{_METHOD}/deviationsFromLCIMethodApproaches"),
    ("Modelling constants", f"{_METHOD}/modellingConstants"),
    ("Deviations from modelling constants", f"{_METHOD}/deviationsFromModellingConstants"),
    ("Cut-off", f"{_SOURCES}/dataCutOffAndCompletenessPrinciples"),
    ("Deviations from cut-off", f"{_SOURCES}/deviationsFromCutOffAndCompletenessPrinciples"),
    ("Selection", f"{_SOURCES}/dataSelectionAndCombinationPrinciples"),
    ("Deviations from selection", f"{_SOURCES}/deviationsFromSelectionAndCombinationPrinciples"),
    ("Treatment", f"{_SOURCES}/dataTreatmentAndExtrapolationsPrinciples"),
    ("Deviations from treatment", f"{_SOURCES}/deviationsFromTreatmentAndExtrapolationPrinciples"),
    ("Annual volume", f"{_SOURCES}/annualSupplyOrProductionVolume"),
    ("Sampling", f"{_SOURCES}/samplingProcedure"),
    ("Collection period", f"{_SOURCES}/dataCollectionPeriod"),
    ("Uncertainty", f"{_SOURCES}/uncertaintyAdjustments"),
    ("Use advice", f"{_SOURCES}/useAdviceForDataSet"),
    ("Completeness", "modellingAndValidation/completeness/completenessDescription"),
    ("Completeness", "modellingAndValidation/completeness/completenessOtherProblemField"),
    ("Completeness", "modellingAndValidation/completeness/other"),
    ("Data generation", "administrativeInformation/dataGenerator/other"),
)
EXTRAS: values.Labelled = (
    ("Identifier", f"{_INFORMATION}/dataSetInformation/identifierOfSubDataSet"),
    (
        "Latitude and longitude",
        f"{_INFORMATION}/geography/locationOfOperationSupplyOrProduction/@latitudeAndLongitude",
    ),
    ("EPD type", f"{_METHOD}/other/subType"),
    ("EPD published", f"{_INFORMATION}/time/other/publicationDateOfEPD"),
    ("EPD expires", f"{_INFORMATION}/time/other/expirationDateOfEPD"),
    ("Percentage of supply covered", f"{_SOURCES}/percentageSupplyOrProductionCovered"),
    ("Time stamp", f"{_ENTRY}/timeStamp"),
    ("Last revision", f"{_PUBLICATION}/dateOfLastRevision"),
    ("Publication status", f"{_PUBLICATION}/workflowAndPublicationStatus"),
    ("Registration number", f"{_PUBLICATION}/registrationNumber"),
    ("URI", f"{_PUBLICATION}/permanentDataSetURI"),
)
REFERENCES: values.Labelled = (
    ("data source", f"{_SOURCES}/referenceToDataSource"),
    ("original EPD", f"{_SOURCES}/other/referenceToOriginalEPD"),
    ("data handling", f"{_SOURCES}/referenceToDataHandlingPrinciples"),
    ("method details", f"{_METHOD}/referenceToLCAMethodDetails"),
    ("included process", f"{_INFORMATION}/technology/referenceToIncludedProcesses"),
    ("flow diagram", f"{_INFORMATION}/technology/referenceToTechnologyFlowDiagrammOrPicture"),
    ("pictogram", f"{_INFORMATION}/technology/referenceToTechnologyPictogramme"),
    ("documentation", f"{_INFORMATION}/dataSetInformation/referenceToExternalDocumentation"),
    ("reviewer", f"{_REVIEW}/referenceToNameOfReviewerAndInstitution"),
    ("review report", f"{_REVIEW}/referenceToCompleteReviewReport"),
    (
        "compliance",
        "modellingAndValidation/complianceDeclarations/compliance/referenceToComplianceSystem",
    ),
    ("commissioner", f"{_GOAL}/referenceToCommissioner"),
    (
        "data generator",
        "administrativeInformation/dataGenerator/referenceToPersonOrEntityGeneratingTheDataSet",
    ),
    ("data entry", f"{_ENTRY}/referenceToPersonOrEntityEnteringTheData"),
    ("original data set", f"{_ENTRY}/referenceToConvertedOriginalDataSetFrom"),
    ("owner", f"{_PUBLICATION}/referenceToOwnershipOfDataSet"),
    ("registration authority", f"{_PUBLICATION}/referenceToRegistrationAuthority"),
    ("preceding version", f"{_PUBLICATION}/referenceToPrecedingDataSetVersion"),
    ("publisher", f"{_PUBLICATION}/other/referenceToPublisher"),
)
_APPROACHES = ("LCIMethodApproaches", "LCIMethodApproach")
_DIRECTIONS: dict[str, Direction] = {"input": "input", "output": "output"}


def process_record(node: Node, database: str, lookups: Lookups, provenance: Provenance) -> Record:
    """The record of a process.

    Raises:
        ReadError: If the data set has no UUID.
    """
    repairs: list[str] = []
    where = node.one(_INFORMATION)
    information = where.one("dataSetInformation")
    uuid, version = values.identity(node, information)
    quantity = where.one("quantitativeReference")
    stated = [item.text for item in quantity.all("referenceToReferenceFlow") if item.text]
    technology = where.one("technology")
    method = node.one(*_METHOD.split("/"))
    approaches = [item.text for name in _APPROACHES for item in method.all(name) if item.text]
    if method.all("LCIMethodApproach"):
        repairs.append("LCIMethodApproach read as LCIMethodApproaches")
    place, geography = _place(where)
    exchanges, indicators = _exchanges(node, frozenset(stated), lookups, repairs)
    return Record(
        database=database,
        uuid=uuid,
        version=version,
        kind="process",
        name=values.name(information, "functionalUnitFlowProperties", repairs),
        synonyms=information.words("synonyms"),
        classifications=classifications(information),
        place=place,
        period=_period(where.one("time"), repairs),
        comment=information.words("generalComment"),
        technology=technology.words("technologyDescriptionAndIncludedProcesses"),
        applicability=technology.words("technologicalApplicability"),
        functional_unit=quantity.words("functionalUnitOrOther"),
        reference_type=quantity.attribute("type"),
        references_stated=len(stated),
        data_type=method.string("typeOfDataSet"),
        method_principle=method.string("LCIMethodPrinciple"),
        method_approaches=tuple(approaches),
        exchanges=exchanges,
        results=(*indicators, *_impacts(node, lookups, repairs)),
        licence=values.licence(node, lookups),
        references=_references(node, lookups),
        details=(*geography, *values.details(node, DETAILS), *_reviews(node)),
        extras=(*values.extras(node, EXTRAS), *_review_types(node)),
        provenance=replace(provenance, repairs=tuple(dict.fromkeys(repairs))),
    )


def _references(node: Node, lookups: Lookups) -> tuple[Reference, ...]:
    """All pointers; each is said once, since reviews and methods repeat them."""
    return tuple(dict.fromkeys(values.references(node, REFERENCES, lookups)))


def _reviews(node: Node) -> Iterator[tuple[str, Text]]:
    for review in node.all(*_REVIEW.split("/")):
        for part in ("reviewDetails", "otherReviewDetails"):
            if words := review.words(part):
                yield "Review", words


def _review_types(node: Node) -> Iterator[tuple[str, str]]:
    for review in node.all(*_REVIEW.split("/")):
        if kind := review.attribute("type"):
            yield "Review", kind


def _place(where: Node) -> tuple[Place | None, tuple[tuple[str, Text], ...]]:
    """The place, and the prose on it where there is no code to hang it on."""
    geography = where.one("geography")
    main = geography.one("locationOfOperationSupplyOrProduction")
    parts = geography.all("subLocationOfOperationSupplyOrProduction")
    description = main.words("descriptionOfRestrictions")
    code = main.attribute("location")
    codes = tuple(part for item in parts if (part := item.attribute("subLocation")))
    if code is None:
        return None, ((("Geography", description),) if description else ())
    return Place(code=code, description=description, parts=codes), ()


def _period(time: Node, repairs: list[str]) -> Period:
    return Period(
        reference_year=values.year(time.string("referenceYear"), repairs),
        valid_until=values.year(time.string("dataSetValidUntil"), repairs),
        description=time.words("timeRepresentativenessDescription"),
    )


def _exchanges(
    node: Node, stated: frozenset[str], lookups: Lookups, repairs: list[str]
) -> tuple[tuple[Exchange, ...], list[ImpactResult]]:
    """The inventory, and the indicators that an EPD keeps among its exchanges."""
    found: list[Exchange] = []
    indicators: list[ImpactResult] = []
    shares = _allocation(node)
    for item in node.all("exchanges", "exchange"):
        if item.all("other", "amount"):
            pointer = item.one("referenceToFlowDataSet")
            indicators += _modules(item, pointer, lookups, repairs)
            continue
        exchange = _exchange(item, stated, lookups, repairs)
        share = shares.get(exchange.id)
        found.append(exchange if share is None else replace(exchange, allocation=share))
    return tuple(found), indicators


def _exchange(item: Node, stated: frozenset[str], lookups: Lookups, repairs: list[str]) -> Exchange:
    pointer = item.one("referenceToFlowDataSet")
    target = pointer.target()
    row = lookups.flows.get(target) if target else None
    number = item.attribute("dataSetInternalID") or ""
    is_uuid = target is not None and values.UUID.fullmatch(target) is not None
    if target is not None and not is_uuid:
        repairs.append("flow reference that is no UUID")
    return Exchange(
        id=number,
        flow=pointer.words("shortDescription") or (row.name if row else NO_TEXT),
        flow_uuid=target if is_uuid else None,
        flow_ref=None if is_uuid else target,
        direction=_direction(item, repairs),
        amount=_amount(item, repairs),
        unit=row.unit if row else None,
        flow_property=row.flow_property if row else None,
        reference=number in stated,
        flow_kind=row.kind if row else None,
        category=row.category if row else (),
        cas=row.cas if row else None,
        location=item.string("location"),
        comment=_comment(item.all("generalComment"), repairs),
    )


def _direction(item: Node, repairs: list[str]) -> Direction:
    stated = (item.string("exchangeDirection") or "").lower()
    if stated not in _DIRECTIONS:
        repairs.append("exchange without direction read as output")
    return _DIRECTIONS.get(stated, "output")


def _amount(item: Node, repairs: list[str]) -> float | None:
    """The resulting amount, which is the mean amount times its parameter if there is one."""
    mean = values.amount(item.string("meanAmount"), repairs)
    resulting = values.amount(item.string("resultingAmount"), repairs)
    if resulting is None or resulting == mean:
        return mean
    repairs.append("resulting amount taken, which differs from the mean amount")
    return resulting


def _comment(nodes: list[Node], repairs: list[str]) -> Text:
    words = texts(nodes)
    kept = tuple(entry for entry in words.entries if entry[1].lower() != "nan")
    if len(kept) == len(words.entries):
        return words
    repairs.append("comment 'nan' read as no comment")
    return Text(kept) if kept else NO_TEXT


def _allocation(node: Node) -> dict[str, float]:
    """Share of the burdens by co-product, where all exchanges agree on it."""
    shares: dict[str, set[str]] = defaultdict(set)
    for item in node.all("exchanges", "exchange"):
        for part in item.all("allocations", "allocation"):
            product = part.attribute("internalReferenceToCoProduct")
            fraction = part.attribute("allocatedFraction")
            if product and fraction:
                shares[product].add(fraction)
    agreed: dict[str, float] = {}
    for product, fractions in shares.items():
        percent = values.amount(next(iter(fractions)), []) if len(fractions) == 1 else None
        if percent is not None and 0 <= percent <= 100:
            agreed[product] = percent / 100
    return agreed


def _impacts(node: Node, lookups: Lookups, repairs: list[str]) -> Iterator[ImpactResult]:
    for item in node.all("LCIAResults", "LCIAResult"):
        pointer = item.one("referenceToLCIAMethodDataSet")
        if item.all("other", "amount"):
            yield from _modules(item, pointer, lookups, repairs)
            continue
        yield ImpactResult(
            indicator=described(pointer, lookups.names),
            uuid=pointer.target(),
            amount=values.amount(item.string("meanAmount"), repairs),
            unit=_result_unit(item, pointer, lookups),
        )


def _modules(
    item: Node, pointer: Node, lookups: Lookups, repairs: list[str]
) -> Iterator[ImpactResult]:
    """One result for each EPD module that states an amount."""
    words = described(pointer, lookups.names)
    unit = _result_unit(item, pointer, lookups)
    for amount in item.all("other", "amount"):
        module = amount.attribute("module")
        scenario = amount.attribute("scenario")
        yield ImpactResult(
            indicator=words,
            uuid=pointer.target(),
            amount=values.amount(amount.text or None, repairs),
            unit=unit,
            module=f"{module} ({scenario})" if module and scenario else module or scenario,
        )


def _result_unit(item: Node, pointer: Node, lookups: Lookups) -> str | None:
    """The unit of a result: an EPD's unit group, else its description, else the method's unit."""
    group = item.one("other", "referenceToUnitGroupDataSet")
    method = lookups.indicators.get(pointer.target() or "")
    return lookups.unit_of_group(group) or group.words("shortDescription").join(" | ") or method
