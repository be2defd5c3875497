"""Processes as TIDAS data sets, by the same tables of paths that read them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import zip_longest

from lca_rag.export.tidas_flows import (
    Flows,
    put_administration,
    put_classes,
    put_extras,
    put_name,
    put_references,
)
from lca_rag.export.tidas_trees import Tree, data_set, number, one_or_many, pointer, put, words
from lca_rag.readers import ilcd_flow, ilcd_process
from lca_rag.record import Exchange, ImpactResult, Record, Text

_INFORMATION = "processInformation"
_METHOD = "modellingAndValidation/LCIMethodAndAllocation"
_REVIEW = "modellingAndValidation/validation/review"
_MODULE = re.compile(r"(.*?) \((.*)\)")
_GEOGRAPHY = "Geography"
_LOST: dict[str, Callable[[Exchange], object]] = {
    "supplier of an exchange": lambda item: item.provider,
    "avoided product": lambda item: item.avoided,
}
"""What an exchange of TIDAS has no place for."""


def process_set(record: Record, flows: Flows) -> Tree:
    """The data set of a process."""
    tree = data_set("processDataSet", "Process")
    body = tree["processDataSet"]
    information = f"{_INFORMATION}/dataSetInformation"
    put(body, f"{information}/UUID", record.uuid)
    put_name(body, f"{information}/name", record.name, "functionalUnitFlowProperties")
    put(body, f"{information}/synonyms", words(record.synonyms))
    put_classes(body, f"{information}/classificationInformation", record.classifications)
    put(body, f"{information}/generalComment", words(record.comment))
    _put_reference(body, record)
    _put_time_and_place(body, record)
    technology = f"{_INFORMATION}/technology"
    put(body, f"{technology}/technologyDescriptionAndIncludedProcesses", words(record.technology))
    put(body, f"{technology}/technologicalApplicability", words(record.applicability))
    put(body, f"{_METHOD}/typeOfDataSet", record.data_type)
    put(body, f"{_METHOD}/LCIMethodPrinciple", record.method_principle)
    put(body, f"{_METHOD}/LCIMethodApproaches", one_or_many(record.method_approaches))
    _put_details(body, record)
    put_administration(body, record)
    _put_reviews(body, record)
    put_references(body, record, ilcd_process.REFERENCES)
    put_extras(body, record, ilcd_process.EXTRAS)
    exchanges = (_exchange(item, record, flows) for item in record.exchanges)
    put(body, "exchanges/exchange", one_or_many(exchanges))
    put(body, "LCIAResults/LCIAResult", one_or_many(map(_result, record.results)))
    return tree


def left_out(record: Record) -> Iterator[str]:
    """What of a process or a flow TIDAS has no place for, one phrase for each kind of thing."""
    fields = ilcd_flow if record.kind == "flow" else ilcd_process
    details = {label for label, _ in ilcd_process.DETAILS} | {"Review", _GEOGRAPHY}
    extras = {label for label, _ in fields.EXTRAS} | {"Review"}
    roles = {role for role, _ in fields.REFERENCES}
    counts = Counter[str]()
    counts.update(f"detail {label!r}" for label, _ in record.details if label not in details)
    counts.update(f"fact {label!r}" for label, _ in record.extras if label not in extras)
    counts.update(f"reference as {x.role!r}" for x in record.references if x.role not in roles)
    for phrase, value in _LOST.items():
        counts[phrase] += sum(bool(value(item)) for item in record.exchanges)
    counts["name of a place"] += bool(record.place and record.place.name)
    counts["system model"] += bool(record.system_model)
    counts["years from and to"] += record.period.start is not None
    counts["method of a result"] += any(item.method for item in record.results)
    return counts.elements()


def _put_reference(body: Tree, record: Record) -> None:
    """The reference flows; those that the source states and no exchange bears keep their number."""
    path = f"{_INFORMATION}/quantitativeReference"
    ids = list(dict.fromkeys(item.id for item in record.exchanges if item.reference))
    known = {item.id for item in record.exchanges}
    spare = (f"x{n}" for n in range(len(known) + record.references_stated + 1))
    free = (name for name in spare if name not in known)
    while len(ids) < record.references_stated:
        ids.append(next(free))
    put(body, f"{path}/@type", record.reference_type)
    put(body, f"{path}/referenceToReferenceFlow", one_or_many(ids))
    put(body, f"{path}/functionalUnitOrOther", words(record.functional_unit))


def _put_time_and_place(body: Tree, record: Record) -> None:
    time, place = f"{_INFORMATION}/time", f"{_INFORMATION}/geography"
    period = record.period
    year, until = period.reference_year, period.valid_until
    put(body, f"{time}/referenceYear", None if year is None else str(year))
    put(body, f"{time}/dataSetValidUntil", None if until is None else str(until))
    put(body, f"{time}/timeRepresentativenessDescription", words(period.description))
    main = f"{place}/locationOfOperationSupplyOrProduction"
    for label, text in record.details:
        if label == _GEOGRAPHY:
            put(body, f"{main}/descriptionOfRestrictions", words(text))
    if record.place is not None:
        put(body, f"{main}/@location", record.place.code)
        put(body, f"{main}/descriptionOfRestrictions", words(record.place.description))
        parts = ({"@subLocation": code} for code in record.place.parts)
        put(body, f"{place}/subLocationOfOperationSupplyOrProduction", one_or_many(parts))


def _put_details(body: Tree, record: Record) -> None:
    """Prose by label; a label with several paths takes them in turn."""
    paths: dict[str, list[str]] = {}
    for label, path in ilcd_process.DETAILS:
        paths.setdefault(label, []).append(path)
    for label, text in record.details:
        if free := paths.get(label):
            put(body, free.pop(0) if len(free) > 1 else free[0], words(text))


def _put_reviews(body: Tree, record: Record) -> None:
    """A review for each detail or type of one."""
    types = [value for label, value in record.extras if label == "Review"]
    details = [text for label, text in record.details if label == "Review"]
    for kind, text in zip_longest(types, details, fillvalue=None):
        review: Tree = {"@type": kind} if isinstance(kind, str) else {}
        if isinstance(text, Text):
            review["common:reviewDetails"] = words(text)
        put(body, _REVIEW, review)


def _exchange(item: Exchange, record: Record, flows: Flows) -> Tree:
    target = flows.target(item, record.database)
    tree: Tree = {
        "@dataSetInternalID": item.id,
        "referenceToFlowDataSet": pointer("flow data set", target, item.flow),
    }
    put(tree, "location", item.location)
    tree["exchangeDirection"] = "Input" if item.direction == "input" else "Output"
    put(tree, "meanAmount", number(item.amount))
    put(tree, "resultingAmount", number(item.amount))
    if item.allocation is not None:
        percent = Decimal(repr(item.allocation)) * 100
        share = {"@internalReferenceToCoProduct": item.id, "@allocatedFraction": str(percent)}
        tree["allocations"] = {"allocation": share}
    # In an exchange the comment is an element of the process, not of the common namespace.
    comment = words(item.comment)
    if comment is not None:
        tree["generalComment"] = comment
    return tree


def _result(item: ImpactResult) -> Tree:
    """A result; amounts by EPD module stand in the extension that EPDs use."""
    tree: Tree = {
        "referenceToLCIAMethodDataSet": pointer("LCIA method data set", item.uuid, item.indicator)
    }
    other: Tree = {}
    if item.module is None:
        put(tree, "meanAmount", number(item.amount))
    else:
        split = _MODULE.fullmatch(item.module)
        module, scenario = split.groups() if split else (item.module, None)
        other["epd:amount"] = {
            "@epd:module": module,
            **({"@epd:scenario": scenario} if scenario else {}),
            **({"#text": number(item.amount)} if item.amount is not None else {}),
        }
    if item.unit:
        unit = pointer("unit group data set", None, Text.of(item.unit))
        other["epd:referenceToUnitGroupDataSet"] = unit
    if other:
        tree["common:other"] = other
    return tree
