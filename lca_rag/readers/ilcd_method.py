"""LCIA methods of ILCD and TIDAS: an indicator with its characterisation factors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lca_rag.readers import ilcd_values as values
from lca_rag.readers.lookups import Lookups, classifications, described
from lca_rag.readers.nodes import Node
from lca_rag.record import (
    NO_TEXT,
    ImpactResult,
    Name,
    Period,
    Place,
    Provenance,
    Record,
)

__all__ = ["method_record"]

_INFORMATION = "LCIAMethodInformation"
_DATA = f"{_INFORMATION}/dataSetInformation"
_MODELLING = "modellingAndValidation"
_WEIGHTING = f"{_MODELLING}/LCIAMethodNormalisationAndWeighting"
_PUBLICATION = "administrativeInformation/publicationAndOwnership"
_ENTRY = "administrativeInformation/dataEntryBy"

DETAILS: values.Labelled = (
    ("Impact model", f"{_INFORMATION}/impactModel/modelDescription"),
    ("Geography", f"{_INFORMATION}/geography/geographicalRepresentativenessDescription"),
    ("Use advice", f"{_MODELLING}/useAdviceForDataSet"),
    ("Normalisation", f"{_WEIGHTING}/normalisationDescription"),
    ("Weighting", f"{_WEIGHTING}/weightingDescription"),
)
EXTRAS: values.Labelled = (
    ("Impact indicator", f"{_DATA}/impactIndicator"),
    ("Duration", f"{_INFORMATION}/time/duration"),
    ("Location of interventions", f"{_INFORMATION}/geography/interventionLocation"),
    ("Impact model", f"{_INFORMATION}/impactModel/modelName"),
    ("Time stamp", f"{_ENTRY}/timeStamp"),
    ("Last revision", f"{_PUBLICATION}/dateOfLastRevision"),
    ("URI", f"{_PUBLICATION}/permanentDataSetURI"),
)
REFERENCES: values.Labelled = (
    ("documentation", f"{_DATA}/referenceToExternalDocumentation"),
    ("data source", f"{_MODELLING}/dataSources/referenceToDataSource"),
    ("method", f"{_INFORMATION}/impactModel/referenceToModelSource"),
    ("reviewer", f"{_MODELLING}/validation/review/referenceToNameOfReviewerAndInstitution"),
    ("compliance", f"{_MODELLING}/complianceDeclarations/compliance/referenceToComplianceSystem"),
    (
        "data generator",
        "administrativeInformation/dataGenerator/referenceToPersonOrEntityGeneratingTheDataSet",
    ),
    ("data entry", f"{_ENTRY}/referenceToPersonOrEntityEnteringTheData"),
    ("owner", f"{_PUBLICATION}/referenceToOwnershipOfDataSet"),
    ("preceding version", f"{_PUBLICATION}/referenceToPrecedingDataSetVersion"),
)
REPEATED: values.Labelled = (
    ("Methodology", f"{_DATA}/methodology"),
    ("Impact category", f"{_DATA}/impactCategory"),
    ("Area of protection", f"{_DATA}/areaOfProtection"),
)
"""Short facts of which there may be several."""


def method_record(node: Node, database: str, lookups: Lookups, provenance: Provenance) -> Record:
    """The record of an LCIA method, whose name and unit `lookups` learns too.

    Raises:
        ReadError: If the data set has no UUID.
    """
    repairs: list[str] = []
    where = node.one(_INFORMATION)
    information = where.one("dataSetInformation")
    uuid, version = values.identity(node, information)
    quantity = where.one("quantitativeReference", "referenceQuantity")
    unit = lookups.unit_of_property(quantity)
    measured_in = unit or quantity.words("shortDescription").join(" | ")
    name = information.words("name")
    lookups.learn_method(uuid, name, unit)
    time = where.one("time")
    place = where.string("geography", "impactLocation")
    weighting = node.one(*_WEIGHTING.split("/"))
    return Record(
        database=database,
        uuid=uuid,
        version=version,
        kind="method",
        name=Name(base=name),
        synonyms=information.words("synonyms"),
        classifications=classifications(information),
        place=Place(code=place) if place else None,
        period=Period(
            reference_year=values.year(time.string("referenceYear"), repairs),
            description=time.words("timeRepresentativenessDescription"),
        ),
        comment=information.words("generalComment"),
        data_type=weighting.string("typeOfDataSet"),
        method_principle=weighting.string("LCIAMethodPrinciple"),
        results=tuple(_factors(node, unit, lookups, repairs)),
        licence=values.licence(node, lookups),
        references=tuple(dict.fromkeys(values.references(node, REFERENCES, lookups))),
        details=tuple(values.details(node, DETAILS)),
        extras=(
            *((("Unit of the indicator", measured_in),) if measured_in else ()),
            *_repeated(node),
            *values.extras(node, EXTRAS),
        ),
        provenance=replace(provenance, repairs=tuple(dict.fromkeys(repairs))),
    )


def _repeated(node: Node) -> Iterator[tuple[str, str]]:
    for label, path in REPEATED:
        for item in node.all(*path.split("/")):
            if item.text:
                yield label, item.text


def _factors(
    node: Node, unit: str | None, lookups: Lookups, repairs: list[str]
) -> Iterator[ImpactResult]:
    """One result per factor: indicator unit per unit of the flow that it is named after."""
    for item in node.all("characterisationFactors", "factor"):
        pointer = item.one("referenceToFlowDataSet")
        target = pointer.target()
        row = lookups.flows.get(target) if target else None
        location = item.string("location")
        yield ImpactResult(
            indicator=described(pointer, {}) or (row.name if row else NO_TEXT),
            method=item.string("exchangeDirection"),
            uuid=target,
            amount=values.amount(item.string("meanValue"), repairs),
            unit=f"{unit} / {row.unit}" if unit and row and row.unit else None,
            module=f"location {location}" if location else None,
        )
