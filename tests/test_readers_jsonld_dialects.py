"""openLCA JSON-LD as other writers and other schema versions have it; every fixture is our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lca_rag.record import Record
from tests.test_readers_jsonld import (
    CO2,
    FLOW,
    PROCESS,
    Json,
    exchange,
    flow,
    one,
    package,
    process,
    read_all,
)

LOCATION: Json = {"@type": "Location", "@id": "de", "code": "DE", "name": "Germany"}
MASS: Json = {
    "@type": "FlowProperty",
    "@id": "mass",
    "name": "Mass",
    "unitGroup": {"@type": "UnitGroup", "@id": "units", "name": "Units of mass"},
}
UNITS: Json = {
    "@type": "UnitGroup",
    "@id": "units",
    "name": "Units of mass",
    "units": [
        {"@type": "Unit", "@id": "t", "name": "t", "conversionFactor": 1000.0},
        {"@type": "Unit", "@id": "kg", "name": "kg", "isRefUnit": True},
    ],
}
TOLD = {
    "input": "isInput",
    "quantitativeReference": "isQuantitativeReference",
    "referenceFlowProperty": "isRefFlowProperty",
}


def write(path: Path, *objects: Json) -> Path:
    path.write_text(json.dumps(objects if len(objects) != 1 else objects[0]), encoding="utf-8")
    return path


def full() -> Json:
    """A process that needs the tables: a location, and a flow without an inline unit."""
    carbon = {"@type": "Flow", "@id": CO2, "name": "Carbon dioxide"}
    return process(
        location={"@type": "Location", "@id": "de", "name": "Germany"},
        exchanges=[
            exchange(isQuantitativeReference=True),
            {"@type": "Exchange", "flow": carbon, "amount": 2.0, "isInput": False},
        ],
    )


def bare_flow() -> Json:
    """A flow whose unit stands in the unit group only."""
    pointer = {"@id": "mass", "name": "Mass"}
    return flow(
        category="Emissions/air",
        flowProperties=[{"isRefFlowProperty": True, "flowProperty": pointer}],
    )


def check(records: list[Record]) -> None:
    (found,) = [record for record in records if record.kind == "process"]
    assert found.place is not None
    assert found.place.code == "DE"
    emitted = found.exchanges[1]
    assert (emitted.unit, emitted.category) == ("kg", ("Emissions", "air"))


def test_exchange_without_a_unit_takes_that_of_its_flow(tmp_path: Path) -> None:
    check(read_all(package(tmp_path, full(), bare_flow(), MASS, UNITS, LOCATION))[0])


def test_one_file_with_objects_of_every_type_in_any_order(tmp_path: Path) -> None:
    told = [full(), bare_flow(), LOCATION, {"@type": "Actor", "@id": "a", "name": "A"}, MASS, UNITS]
    records, skipped, report = read_all(write(tmp_path / "all.json", *told))
    assert skipped == []
    check(records)
    assert report.ignored == {"openLCA Actor": 1}
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({"@context": {"@vocab": "http://x"}, "@graph": told}))
    check(read_all(path)[0])


def test_type_that_stands_last_in_its_object(tmp_path: Path) -> None:
    """The first type in the text is that of the category, a location or an exchange."""
    turned: Json = {"category": {"@type": "Category", "@id": "c", "name": "Steel"}}
    turned = {**turned, **dict(reversed([*full().items()]))}
    write(tmp_path / "a.json", turned)
    write(tmp_path / "b.json", {"location": None, **dict(reversed([*bare_flow().items()]))})
    write(tmp_path / "c.json", MASS)
    write(tmp_path / "d.json", UNITS)
    write(tmp_path / "e.json", LOCATION)
    records, skipped, _ = read_all(tmp_path)
    assert skipped == []
    check(records)


def test_type_that_only_the_folder_tells(tmp_path: Path) -> None:
    folder = package(tmp_path, full(), bare_flow(), MASS, UNITS, LOCATION)
    for path in folder.rglob("*.json"):
        value = json.loads(path.read_text())
        del value["@type"]
        path.write_text(json.dumps(value))
    records, skipped, _ = read_all(folder)
    assert skipped == []
    check(records)


def test_object_in_a_folder_of_another_type_is_not_lost(tmp_path: Path) -> None:
    folder = package(tmp_path, LOCATION)
    write(folder / "locations" / "p.json", process(name="Stray"))
    write(folder / "locations" / "list.json", process(), flow())
    records, skipped, _ = read_all(folder)
    assert skipped == []
    assert {str(record.name) for record in records} == {
        *("Stray", "Steel production"),
        "Carbon dioxide",
    }


def test_numbers_that_python_writes_and_json_has_not(tmp_path: Path) -> None:
    lost = exchange(amount=float("nan"), uncertainty={"sd": float("inf")})
    record = one(tmp_path, process(exchanges=[exchange(isQuantitativeReference=True), lost]))
    assert [x.amount for x in record.exchanges] == [1.0, None]


def test_formulas_parameters_and_uncertainties_leave_the_amount(tmp_path: Path) -> None:
    told = exchange(
        amount=2.5,
        amountFormula="a * 2",
        uncertainty={"@type": "Uncertainty", "distributionType": "NORMAL_DISTRIBUTION"},
        dqEntry="(1;2;3;4;5)",
        baseUncertainty=1.05,
        costFormula="1",
    )
    parameter = {"@type": "Parameter", "name": "a", "formula": "5/4", "value": 1.25}
    folder = package(tmp_path, process(exchanges=[told], parameters=[parameter]))
    (record,), skipped, report = read_all(folder)
    assert skipped == []
    assert record.exchanges[0].amount == 2.5
    assert report.unmapped["jsonld:Process.exchanges.amountFormula"] == 1
    assert report.unmapped["jsonld:Process.parameters"] == 1


def test_geography_is_not_lost_where_there_is_no_location(tmp_path: Path) -> None:
    about = {"geographyDescription": "Valid for the Alps."}
    record = one(tmp_path, process(processDocumentation=about))
    assert record.place is None
    assert dict(record.details)["Geography"].all() == ("Valid for the Alps.",)


def test_impact_category_knows_its_method(tmp_path: Path) -> None:
    category = {
        "@type": "ImpactCategory",
        "@id": "gwp",
        "name": "Climate change",
        "refUnit": "kg CO2-Eq",
        "impactFactors": [
            {
                "@type": "ImpactFactor",
                "flow": {"@type": "Flow", "@id": CO2, "name": "Carbon dioxide"},
                "unit": {"name": "kg"},
                "value": 1.0,
            }
        ],
    }
    method = {
        "@type": "ImpactMethod",
        "@id": "ef",
        "name": "EF 3.1",
        "impactCategories": [{"@type": "ImpactCategory", "@id": "gwp", "name": "Climate change"}],
    }
    write(tmp_path / "a.json", category)
    write(tmp_path / "b.json", method)
    ((record,), skipped, _) = read_all(tmp_path)
    assert skipped == []
    assert record.kind == "method"
    assert dict(record.extras) == {"Method": "EF 3.1", "Reference unit": "kg CO2-Eq"}
    assert (record.results[0].amount, record.results[0].unit) == (1.0, "kg CO2-Eq/kg")


EPD: Json = {
    "@type": "Epd",
    "@id": PROCESS,
    "name": "Brick",
    "version": "01.00.000",
    "category": "Materials/Bricks",
    "location": {"@type": "Location", "@id": "de", "name": "Germany"},
    "validFrom": "2021-01-01",
    "validUntil": "2026-01-01",
    "manufacturing": "Fired.",
    "manufacturer": {"@type": "Actor", "@id": "m", "name": "Brickworks"},
    "product": {
        "flow": {"@type": "Flow", "@id": FLOW, "name": "Brick", "refUnit": "t"},
        "amount": 1.0,
    },
    "modules": [
        {"name": "A1-A3", "result": {"@type": "Result", "@id": "r1"}},
        {"name": "C4", "result": {"@type": "Result", "@id": "r1"}, "multiplier": 0.5},
        {"name": "D", "result": {"@type": "Result", "@id": "gone"}},
    ],
}
RESULT: Json = {
    "@type": "Result",
    "@id": "r1",
    "impactMethod": {"@type": "ImpactMethod", "@id": "ef", "name": "EF 3.1"},
    "impactResults": [
        {"indicator": {"@id": "gwp", "name": "GWP total", "refUnit": "kg CO2-Eq"}, "amount": 240.0}
    ],
}


def test_epd_with_the_results_of_its_modules(tmp_path: Path) -> None:
    for folder, value in (("epds", EPD), ("results", RESULT), ("locations", LOCATION)):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "x.json", value)
    (tmp_path / "openlca.json").write_text('{"schemaVersion": 5}')
    ((record,), skipped, report) = read_all(tmp_path)
    assert skipped == []
    assert report.read == {"jsonld/process": 1}
    assert (record.kind, record.data_type, record.technology.all()) == (
        *("process", "EPD"),
        ("Fired.",),
    )
    assert record.place is not None
    assert (record.place.code, record.period.start, record.period.valid_until) == (
        *("DE", 2021),
        2026,
    )
    (made,) = record.reference_exchanges
    assert (made.flow.all(), made.amount, made.unit) == (("Brick",), 1.0, "t")
    assert [(x.module, x.indicator.join(), x.amount, x.unit, x.method) for x in record.results] == [
        ("A1-A3", "GWP total", 240.0, "kg CO2-Eq", "EF 3.1"),
        ("C4", "GWP total", 120.0, "kg CO2-Eq", "EF 3.1"),
    ]
    assert record.licence.owner.all() == ("Brickworks",)
    assert record.provenance is not None
    assert record.provenance.repairs == ("EPD module without its result",)


def test_package_that_olca_schema_itself_wrote() -> None:
    """Made by `olca_schema.zipio.ZipWriter` of olca-schema 2.4.0, one object of every type.

    Its references hold id, type and name only: what a flow is, and in what unit an indicator is
    measured, must come from the files of their own.
    """
    path = Path(__file__).parent / "data" / "jsonld" / "olca-schema.zip"
    records, skipped, report = read_all(path)
    assert skipped == []
    assert report.read == {
        **{"jsonld/flow": 3, "jsonld/process": 2},
        **{"jsonld/method": 1, "jsonld/model": 1},
    }
    assert set(report.ignored) == {
        *("openLCA Actor", "openLCA Currency", "openLCA DQSystem", "openLCA Parameter"),
        *("openLCA Project", "openLCA SocialIndicator", "openLCA Source"),
    }
    found = {str(record.name): record for record in records}
    steel = found["Steel production"]
    assert [(x.flow.all()[0], x.amount, x.unit, x.flow_kind) for x in steel.exchanges] == [
        ("Steel", 2.0, "kg", "product"),
        ("CO2", 1.5, "kg", "elementary"),
        ("Slag", 0.1, "kg", "waste"),
        ("Steel", 0.1, "kg", "product"),
    ]
    assert (steel.exchanges[0].allocation, steel.exchanges[3].provider) == (0.9, steel.uuid)
    assert steel.place is not None
    assert (steel.place.code, steel.place.description.all()) == ("DE", ("g",))
    (delivered,) = found["Steel system"].exchanges
    assert (delivered.flow.all(), delivered.flow_uuid) == (("Steel",), found["Steel"].uuid)
    (result,) = found["Steel EPD"].results
    assert (result.amount, result.unit, result.module) == (12.0, "kg CO2-Eq", "A1-A3")
    assert dict(found["Climate change"].extras)["Method"] == "EF"


@pytest.mark.parametrize("name", ["all.json", "processes/list.json"])
def test_damaged_list_is_told_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([full(), LOCATION])[:-9])
    records, skipped, _ = read_all(tmp_path)
    assert records == []
    assert len(skipped) == 1
    assert "not valid JSON" in skipped[0].reason
