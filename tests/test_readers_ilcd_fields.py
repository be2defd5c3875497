"""The list of mapped paths is true: exactly the leaves it names change the record."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy, deepcopy
from pathlib import Path

import pytest
from lxml import etree

from lca_rag.readers import ReadReport, read
from lca_rag.readers.ilcd_fields import HOUSEKEEPING, MAPPED
from lca_rag.readers.ilcd_stream import RECORDS
from lca_rag.readers.lookups import Lookups
from lca_rag.readers.nodes import Paths, xml_root
from lca_rag.record import Provenance, Record

DATA = Path(__file__).parent / "data" / "ilcd"
ORDER_ONLY = "@level"
"""Changing one level need not change the order."""


def local(name: str) -> str:
    return name.rpartition("}")[2]


def leaves(element: etree._Element, path: str = "") -> Iterator[tuple[str, etree._Element, str]]:
    """Path, element and attribute name (empty for the text) of everything that holds a value."""
    for key in map(str, element.keys()):
        yield f"{path}/@{local(key)}".lstrip("/"), element, key
    if (element.text or "").strip() and not len(element):
        yield path, element, ""
    for child in element.iterchildren("*"):
        yield from leaves(child, f"{path}/{local(str(child.tag))}".lstrip("/"))


def other(value: str) -> str:
    """A value that differs and is as legal."""
    value = value.strip()
    if value.isdigit():
        return str(int(value) + 1)
    try:
        return str(float(value) + 1)
    except ValueError:
        return {"false": "true", "no": "yes", "Yes": "No"}.get(value, f"x{value}")


def learned() -> Lookups:
    """What the supporting data sets and flows of the fixtures teach."""
    lookups = Lookups()
    folders = ("unitgroups", "flowproperties", "sources", "contacts", "flows", "lciamethods")
    for folder in folders:
        for path in sorted((DATA / folder).glob("*.xml")):
            kind, node = xml_root(path.read_bytes(), Paths())
            if kind in RECORDS:
                RECORDS[kind](node, "x", lookups, Provenance(path="", format="ilcd"))
            else:
                lookups.learn(kind, node)
    return lookups


def record(tree: etree._Element, lookups: Lookups) -> Record:
    kind, node = xml_root(etree.tostring(tree), Paths())
    own = copy(lookups)
    own.flows, own.names = dict(lookups.flows), dict(lookups.names)
    own.indicators = dict(lookups.indicators)
    return RECORDS[kind](node, "x", own, Provenance(path="", format="ilcd"))


@pytest.mark.parametrize(
    ("folder", "root"),
    [
        ("processes", "processDataSet"),
        ("flows", "flowDataSet"),
        ("lciamethods", "LCIAMethodDataSet"),
        ("lifecyclemodels", "lifeCycleModelDataSet"),
    ],
)
def test_mapped_paths_are_exactly_those_that_matter(folder: str, root: str) -> None:
    lookups = learned()
    matters: dict[str, bool] = {}
    for file in sorted((DATA / folder).glob("*.xml")):
        tree = etree.parse(file).getroot()
        plain = record(tree, lookups)
        for index, (path, _, key) in enumerate(leaves(tree)):
            changed = deepcopy(tree)
            _, element, _ = list(leaves(changed))[index]
            if key:
                element.set(key, other(element.get(key, "")))
            else:
                element.text = other(element.text or "")
            matters[path] = matters.get(path, False) or record(changed, lookups) != plain
    mapped = MAPPED[root]
    assert {path for path in mapped if path not in matters} == set()
    unread = {path for path in mapped if not matters[path]}
    assert {path for path in unread if not path.endswith(ORDER_ONLY)} == set()
    read_but_not_listed = {path for path, does in matters.items() if does} - mapped
    assert {p for p in read_but_not_listed if p.rpartition("/")[2] not in HOUSEKEEPING} == set()


def test_unmapped_fields_are_counted() -> None:
    report = ReadReport()
    assert len(list(read(DATA, report=report))) == 16
    assert report.unmapped == {
        "ilcd:processDataSet/exchanges/exchange/functionType": 6,
        "ilcd:flowDataSet/administrativeInformation/dataEntryBy"
        "/referenceToDataSetFormat/@refObjectId": 1,
        "ilcd:LCIAMethodDataSet/modellingAndValidation/validation/review/@type": 1,
        "ilcd:lifeCycleModelDataSet/modellingAndValidation/validation/review/@type": 1,
        "ilcd:lifeCycleModelDataSet/lifeCycleModelInformation/technology/processes"
        "/processInstance/connections/outputExchange/downstreamProcess/@flowUUID": 1,
    }


def test_repairs_are_counted() -> None:
    report = ReadReport()
    list(read(DATA, report=report))
    assert report.repaired["exchange without direction read as output"] == 3
    assert report.repaired["LCIMethodApproach read as LCIMethodApproaches"] == 1
