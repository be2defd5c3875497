"""Flow data sets of ILCD and TIDAS as records."""

from __future__ import annotations

import re
from dataclasses import replace

from lca_rag.readers import ilcd_values as values
from lca_rag.readers.ilcd_quantities import REFERENCE_UNITS
from lca_rag.readers.lookups import FlowRow, Lookups, classifications, flow_kind
from lca_rag.readers.nodes import Node
from lca_rag.record import (
    Classification,
    FlowFacts,
    FlowKind,
    FlowProperty,
    Place,
    Provenance,
    Record,
)

__all__ = ["flow_record"]

_PLACE_CODE = re.compile(r"[A-Z]{2,5}([-_][A-Z0-9]{1,4})*")
REFERENCE_UNIT = "unit of ILCD's reference flow property, which the package leaves out"
_ADMINISTRATION = "administrativeInformation"
_VALIDATION = "modellingAndValidation"
REFERENCES: values.Labelled = (
    ("owner", f"{_ADMINISTRATION}/publicationAndOwnership/referenceToOwnershipOfDataSet"),
    (
        "preceding version",
        f"{_ADMINISTRATION}/publicationAndOwnership/referenceToPrecedingDataSetVersion",
    ),
    (
        "compliance",
        "modellingAndValidation/complianceDeclarations/compliance/referenceToComplianceSystem",
    ),
    (
        "data source",
        "modellingAndValidation/dataSourcesTreatmentAndRepresentativeness/referenceToDataSource",
    ),
    ("technical specification", "flowInformation/technology/referenceToTechnicalSpecification"),
)
EXTRAS: values.Labelled = (
    ("Time stamp", f"{_ADMINISTRATION}/dataEntryBy/timeStamp"),
    ("URI", f"{_ADMINISTRATION}/publicationAndOwnership/permanentDataSetURI"),
)


def flow_record(node: Node, database: str, lookups: Lookups, provenance: Provenance) -> Record:
    """The record of a flow, which `lookups` learns too.

    Raises:
        ReadError: If the data set has no UUID.
    """
    repairs: list[str] = []
    where = node.one("flowInformation")
    information = where.one("dataSetInformation")
    uuid, version = values.identity(node, information)
    data_type = node.string("modellingAndValidation", "LCIMethod", "typeOfDataSet")
    kind = flow_kind(data_type)
    classes = _classes(where, information, repairs)
    cas = information.string("CASNumber")
    properties = _properties(node, lookups, repairs)
    names = values.name(information, "flowProperties", repairs)
    reference = next((item for item in properties if item.reference), None)
    lookups.learn_flow(
        uuid,
        FlowRow(
            name=names.base,
            unit=reference.unit if reference else None,
            flow_property=reference.name.join(" | ") if reference else None,
            kind=kind,
            category=lookups.shared(classes[0].path if classes else ()),
            cas=cas,
            version=version,
        ),
    )
    return Record(
        database=database,
        uuid=uuid,
        version=version,
        kind="flow",
        name=names,
        synonyms=information.words("synonyms"),
        classifications=classes,
        place=_place(where),
        comment=information.words("generalComment"),
        applicability=where.words("technology", "technologicalApplicability"),
        data_type=data_type,
        flow=_facts(node, kind, cas, properties),
        licence=values.licence(node, lookups),
        references=tuple(values.references(node, REFERENCES, lookups)),
        extras=tuple(values.extras(node, EXTRAS)),
        provenance=replace(provenance, repairs=tuple(dict.fromkeys(repairs))),
    )


def _facts(
    node: Node, kind: FlowKind, cas: str | None, properties: tuple[FlowProperty, ...]
) -> FlowFacts:
    information = node.one("flowInformation", "dataSetInformation")
    return FlowFacts(
        kind=kind,
        cas=cas,
        ec=information.string("other", "ECNumber"),
        formula=information.string("sumFormula"),
        properties=properties,
        supply=node.string("flowInformation", "geography", "locationOfSupply"),
    )


def _classes(where: Node, information: Node, repairs: list[str]) -> tuple[Classification, ...]:
    classes = classifications(information)
    if classes:
        return classes
    misplaced = classifications(where)
    if misplaced:
        repairs.append("classification found outside dataSetInformation")
    return misplaced


def _place(where: Node) -> Place | None:
    """The location of supply where it is a code; prose stays in `FlowFacts.supply`."""
    supply = where.string("geography", "locationOfSupply")
    return Place(code=supply) if supply and _PLACE_CODE.fullmatch(supply) else None


def _properties(node: Node, lookups: Lookups, repairs: list[str]) -> tuple[FlowProperty, ...]:
    wanted = node.string(
        "flowInformation", "quantitativeReference", "referenceToReferenceFlowProperty"
    )
    found = []
    for item in node.all("flowProperties", "flowProperty"):
        pointer = item.one("referenceToFlowPropertyDataSet")
        uuid = pointer.target()
        row = lookups.properties.get(uuid or "")
        unit = row.unit if row else None
        if unit is None and (unit := REFERENCE_UNITS.get(uuid or "")) is not None:
            repairs.append(REFERENCE_UNIT)
        words = pointer.words("shortDescription")
        found.append(
            FlowProperty(
                name=words or (row.name if row else words),
                mean=values.amount(item.string("meanValue"), repairs),
                unit=unit,
                reference=wanted is not None and item.attribute("dataSetInternalID") == wanted,
                uuid=uuid,
            )
        )
    return tuple(found)
