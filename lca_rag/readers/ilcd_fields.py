"""Which paths of ILCD and TIDAS the records hold, so that a report can name the others.

A test changes every leaf of the fixtures and checks that exactly the paths listed here matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lca_rag.readers import ilcd_flow, ilcd_method, ilcd_model, ilcd_process
from lca_rag.readers.ilcd_values import Labelled
from lca_rag.readers.nodes import Paths

__all__ = ["unmapped"]

_PUBLICATION = "administrativeInformation/publicationAndOwnership"
_WEIGHTING = "modellingAndValidation/LCIAMethodNormalisationAndWeighting"
_NAMES = ("name/baseName", "name/treatmentStandardsRoutes", "name/mixAndLocationTypes")
_CLASSES = (
    "classificationInformation/classification/@name",
    "classificationInformation/classification/class",
    "classificationInformation/classification/class/@level",
    "classificationInformation/classification/class/@classId",
)
_COMPARTMENTS = (
    "classificationInformation/elementaryFlowCategorization/@name",
    "classificationInformation/elementaryFlowCategorization/category",
    "classificationInformation/elementaryFlowCategorization/category/@level",
    "classificationInformation/elementaryFlowCategorization/category/@catId",
)
_INFORMATION = ("UUID", *_NAMES, "synonyms", "generalComment", *_CLASSES)
_LICENCE = (
    f"{_PUBLICATION}/dataSetVersion",
    f"{_PUBLICATION}/licenseType",
    f"{_PUBLICATION}/copyright",
    f"{_PUBLICATION}/accessRestrictions",
)
_RESULT = (
    "other/amount",
    "other/amount/@module",
    "other/amount/@scenario",
    "other/referenceToUnitGroupDataSet/@refObjectId",
    "other/referenceToUnitGroupDataSet/shortDescription",
)


def _under(prefix: str, paths: Iterable[str]) -> Iterator[str]:
    return (f"{prefix}/{path}" for path in paths)


def _pointers(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        yield f"{path}/@refObjectId"
        yield f"{path}/shortDescription"


def _labelled(fields: Labelled) -> Iterator[str]:
    return (path for _, path in fields)


_PROCESS = frozenset(
    (
        *_under("processInformation/dataSetInformation", _INFORMATION),
        "processInformation/dataSetInformation/name/functionalUnitFlowProperties",
        "processInformation/quantitativeReference/@type",
        "processInformation/quantitativeReference/referenceToReferenceFlow",
        "processInformation/quantitativeReference/functionalUnitOrOther",
        "processInformation/time/referenceYear",
        "processInformation/time/dataSetValidUntil",
        "processInformation/time/timeRepresentativenessDescription",
        *_under(
            "processInformation/geography",
            (
                "locationOfOperationSupplyOrProduction/@location",
                "locationOfOperationSupplyOrProduction/descriptionOfRestrictions",
                "subLocationOfOperationSupplyOrProduction/@subLocation",
            ),
        ),
        "processInformation/technology/technologyDescriptionAndIncludedProcesses",
        "processInformation/technology/technologicalApplicability",
        *_under(
            "modellingAndValidation/LCIMethodAndAllocation",
            (
                "typeOfDataSet",
                "LCIMethodPrinciple",
                "LCIMethodApproaches",
                "LCIMethodApproach",
            ),
        ),
        *_under(
            "modellingAndValidation/validation/review",
            ("@type", "reviewDetails", "otherReviewDetails"),
        ),
        *_LICENCE,
        *_labelled(ilcd_process.DETAILS),
        *_labelled(ilcd_process.EXTRAS),
        *_pointers(_labelled(ilcd_process.REFERENCES)),
        *_pointers(("exchanges/exchange/referenceToFlowDataSet",)),
        *_under(
            "exchanges/exchange",
            (
                "@dataSetInternalID",
                "exchangeDirection",
                "meanAmount",
                "resultingAmount",
                "location",
                "generalComment",
                "allocations/allocation/@internalReferenceToCoProduct",
                "allocations/allocation/@allocatedFraction",
                *_RESULT,
            ),
        ),
        *_pointers(("LCIAResults/LCIAResult/referenceToLCIAMethodDataSet",)),
        *_under("LCIAResults/LCIAResult", ("meanAmount", *_RESULT)),
    )
)
_FLOW = frozenset(
    (
        *_under("flowInformation/dataSetInformation", _INFORMATION),
        *_under("flowInformation/dataSetInformation", _COMPARTMENTS),
        *_under("flowInformation", (*_CLASSES, *_COMPARTMENTS)),
        *_under(
            "flowInformation/dataSetInformation",
            ("name/flowProperties", "CASNumber", "sumFormula", "other/ECNumber"),
        ),
        "flowInformation/quantitativeReference/referenceToReferenceFlowProperty",
        "flowInformation/geography/locationOfSupply",
        "flowInformation/technology/technologicalApplicability",
        "modellingAndValidation/LCIMethod/typeOfDataSet",
        *_LICENCE,
        *_labelled(ilcd_flow.EXTRAS),
        *_pointers(_labelled(ilcd_flow.REFERENCES)),
        *_under("flowProperties/flowProperty", ("@dataSetInternalID", "meanValue")),
        *_pointers(("flowProperties/flowProperty/referenceToFlowPropertyDataSet",)),
    )
)
_MODEL = frozenset(
    (
        *_under("lifeCycleModelInformation/dataSetInformation", _INFORMATION),
        "lifeCycleModelInformation/dataSetInformation/name/functionalUnitFlowProperties",
        "lifeCycleModelInformation/quantitativeReference/referenceToReferenceProcess",
        *_under(
            "lifeCycleModelInformation/technology/processes/processInstance",
            (
                "@dataSetInternalID",
                "@multiplicationFactor",
                *_pointers(("referenceToProcess",)),
                "connections/outputExchange/@flowUUID",
                "connections/outputExchange/downstreamProcess/@id",
            ),
        ),
        *_LICENCE,
        *_labelled(ilcd_model.DETAILS),
        *_labelled(ilcd_model.EXTRAS),
        *_pointers(_labelled(ilcd_model.REFERENCES)),
    )
)
_METHOD = frozenset(
    (
        *_under(
            "LCIAMethodInformation/dataSetInformation",
            ("UUID", "name", "synonyms", "generalComment", *_CLASSES),
        ),
        *_pointers(("LCIAMethodInformation/quantitativeReference/referenceQuantity",)),
        "LCIAMethodInformation/time/referenceYear",
        "LCIAMethodInformation/time/timeRepresentativenessDescription",
        "LCIAMethodInformation/geography/impactLocation",
        f"{_WEIGHTING}/typeOfDataSet",
        f"{_WEIGHTING}/LCIAMethodPrinciple",
        *_LICENCE,
        *_labelled(ilcd_method.DETAILS),
        *_labelled(ilcd_method.EXTRAS),
        *_labelled(ilcd_method.REPEATED),
        *_pointers(_labelled(ilcd_method.REFERENCES)),
        *_pointers(("characterisationFactors/factor/referenceToFlowDataSet",)),
        *_under(
            "characterisationFactors/factor",
            ("exchangeDirection", "meanValue", "location"),
        ),
    )
)
MAPPED = {
    "processDataSet": _PROCESS,
    "flowDataSet": _FLOW,
    "lifeCycleModelDataSet": _MODEL,
    "LCIAMethodDataSet": _METHOD,
}
HOUSEKEEPING = frozenset(
    (
        "@categories",
        "@classes",
        "@epd-version",
        "@lang",
        "@locations",
        "@schemaLocation",
        "@uri",
        "@version",
    )
)
"""Attributes that say how to read a file, not what the data set is."""


def unmapped(paths: Paths) -> Iterator[tuple[str, int]]:
    """Paths below the roots of records that no record field holds, and how often they occur."""
    for root, mapped in MAPPED.items():
        if root not in paths:
            continue
        pointers = {path.rpartition("/")[0] for path in mapped if path.endswith("/@refObjectId")}
        for path, count in paths[root].leaves():
            parent, _, last = path.rpartition("/")
            said_by_pointer = last == "@type" and parent in pointers
            if not (path in mapped or last in HOUSEKEEPING or said_by_pointer):
                yield f"{root}/{path}", count
