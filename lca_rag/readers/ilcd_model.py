"""Life cycle models (eILCD, TIDAS): which processes a product system joins, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lca_rag.readers import ilcd_values as values
from lca_rag.readers.lookups import Lookups, classifications, described
from lca_rag.readers.nodes import Node, same
from lca_rag.record import Provenance, Record, Reference, Text

__all__ = ["model_record"]

_INFORMATION = "lifeCycleModelInformation"
_MODELLING = "modellingAndValidation"
_PUBLICATION = "administrativeInformation/publicationAndOwnership"
_ENTRY = "administrativeInformation/dataEntryBy"
_GOAL = "administrativeInformation/commissionerAndGoal"

DETAILS: values.Labelled = (
    ("Intended use", f"{_GOAL}/intendedApplications"),
    ("Project", f"{_GOAL}/project"),
    (
        "Use advice",
        f"{_MODELLING}/dataSourcesTreatmentEtc/useAdviceForDataSet",
    ),
)
EXTRAS: values.Labelled = (
    ("Time stamp", f"{_ENTRY}/timeStamp"),
    ("Last revision", f"{_PUBLICATION}/dateOfLastRevision"),
    ("URI", f"{_PUBLICATION}/permanentDataSetURI"),
)
REFERENCES: values.Labelled = (
    ("resulting process", f"{_INFORMATION}/dataSetInformation/referenceToResultingProcess"),
    ("documentation", f"{_INFORMATION}/dataSetInformation/referenceToExternalDocumentation"),
    ("flow diagram", f"{_INFORMATION}/technology/referenceToDiagram"),
    ("reviewer", f"{_MODELLING}/validation/review/referenceToNameOfReviewerAndInstitution"),
    ("compliance", f"{_MODELLING}/complianceDeclarations/compliance/referenceToComplianceSystem"),
    ("commissioner", f"{_GOAL}/referenceToCommissioner"),
    (
        "data generator",
        "administrativeInformation/dataGenerator/referenceToPersonOrEntityGeneratingTheDataSet",
    ),
    ("data entry", f"{_ENTRY}/referenceToPersonOrEntityEnteringTheData"),
    ("owner", f"{_PUBLICATION}/referenceToOwnershipOfDataSet"),
    ("preceding version", f"{_PUBLICATION}/referenceToPrecedingDataSetVersion"),
)


def model_record(node: Node, database: str, lookups: Lookups, provenance: Provenance) -> Record:
    """The record of a life cycle model.

    Raises:
        ReadError: If the data set has no UUID.
    """
    repairs: list[str] = []
    where = node.one(_INFORMATION)
    information = where.one("dataSetInformation")
    uuid, version = values.identity(node, information)
    instances = where.all("technology", "processes", "processInstance")
    return Record(
        database=database,
        uuid=uuid,
        version=version,
        kind="model",
        name=values.name(information, "functionalUnitFlowProperties", repairs),
        synonyms=information.words("synonyms"),
        classifications=classifications(information),
        comment=information.words("generalComment"),
        licence=values.licence(node, lookups),
        references=(
            *_processes(where, instances, lookups),
            *values.references(node, REFERENCES, lookups),
        ),
        details=(*values.details(node, DETAILS), *_connections(instances, lookups)),
        extras=(*values.extras(node, EXTRAS), *_factors(instances, lookups)),
        provenance=replace(provenance, repairs=tuple(repairs)),
    )


def _processes(where: Node, instances: list[Node], lookups: Lookups) -> Iterator[Reference]:
    """The reference process first, then all processes in file order, each once."""
    wanted = where.string("quantitativeReference", "referenceToReferenceProcess")
    found = [
        (instance.attribute("dataSetInternalID"), instance.one("referenceToProcess"))
        for instance in instances
    ]
    named = [
        (number, pointer.target(), described(pointer, lookups.names)) for number, pointer in found
    ]
    for number, uuid, words in named:
        if wanted is not None and number == wanted:
            yield Reference(role="reference process", uuid=uuid, name=words)
    yield from dict.fromkeys(
        Reference(role="included process", uuid=uuid, name=words)
        for _, uuid, words in named
        if uuid or words
    )


def _label(instance: Node, lookups: Lookups) -> str:
    pointer = instance.one("referenceToProcess")
    words = described(pointer, lookups.names).join(" | ")
    return words or pointer.target() or "unnamed process"


def _connections(instances: list[Node], lookups: Lookups) -> Iterator[tuple[str, Text]]:
    """One sentence for each flow that links two processes."""
    labels = {item.attribute("dataSetInternalID"): _label(item, lookups) for item in instances}
    for instance in instances:
        source = _label(instance, lookups)
        for output in instance.all("connections", "outputExchange"):
            flow = output.attribute("flowUUID") or ""
            row = lookups.flows.get(same(flow))
            name = (row.name.join(" | ") if row else None) or flow
            for target in output.all("downstreamProcess"):
                number = target.attribute("id")
                yield (
                    "Connection",
                    Text.of(f"{source} → {labels.get(number) or number}: {name}", ""),
                )


def _factors(instances: list[Node], lookups: Lookups) -> Iterator[tuple[str, str]]:
    for instance in instances:
        if factor := instance.attribute("multiplicationFactor"):
            yield f"Factor of {_label(instance, lookups)}", factor
