"""Brightway packages and database dumps."""

from __future__ import annotations

import bz2
import json
import math
from pathlib import Path

import pytest

from lca_rag.readers import ReadReport, Skip, read
from lca_rag.readers.brightway import READER
from lca_rag.record import Record

CO2 = "349b29d1-3e58-4c66-98b9-9d1a076efd2e"
STEEL = "0d5e6f0a7b1c4d2e8f9a0b1c2d3e4f50"
ACTIVITY = {
    "name": "steel production",
    "reference product": "steel",
    "unit": "kilogram",
    "location": "RER",
    "database": "mine",
    "code": STEEL,
    "type": "process",
    "comment": "Electric furnace.",
    "classifications": [["CPC", "412: Products of iron"]],
    "exchanges": [
        {"input": ["mine", STEEL], "amount": 2.0, "type": "production"},
        {"input": ["mine", "coal"], "amount": 0.5, "type": "technosphere"},
        {"input": ["bio", CO2], "amount": 1.5, "type": "biosphere"},
        {"input": ["mine", "coal"], "amount": 0.1, "type": "substitution", "loc": 1},
    ],
}
COAL = {
    "name": "coal mining",
    "reference product": "coal",
    "unit": "kilogram",
    "location": "GLO",
    "database": "mine",
    "code": "coal",
    "production amount": 1.0,
    "exchanges": [],
}
FLOW = {
    "name": "Carbon dioxide, fossil",
    "categories": ["air", "urban"],
    "unit": "kilogram",
    "database": "bio",
    "code": CO2,
    "type": "emission",
    "CAS number": "000124-38-9",
}
METHOD = [[["bio", CO2], 1.0]]


def wrapped(value: object) -> object:
    """What bw2io's package writer makes of tuples and dictionaries."""
    if isinstance(value, tuple):
        return {"__tuple__": True, "data": [wrapped(item) for item in value]}
    if isinstance(value, dict):
        keys = [wrapped(key) for key in value]
        return {"__dict__": True, "keys": keys, "values": [wrapped(v) for v in value.values()]}
    if isinstance(value, list):
        return [wrapped(item) for item in value]
    return value


def read_all(path: Path) -> tuple[dict[str, Record], list[Skip], ReadReport]:
    skipped: list[Skip] = []
    report = ReadReport()
    records = list(read(path, on_skip=skipped.append, report=report))
    assert len({record.uuid for record in records}) == len(records)
    return {str(record.name): record for record in records}, skipped, report


def check(records: dict[str, Record]) -> None:
    steel = records["steel production"]
    assert steel.uuid == "0d5e6f0a-7b1c-4d2e-8f9a-0b1c2d3e4f50"
    assert steel.place is not None
    assert steel.place.code == "RER"
    assert steel.classifications[0].codes == ("412",)
    made, used, emitted, saved = steel.exchanges
    assert (made.flow.all(), made.amount, made.unit) == (("steel",), 2.0, "kilogram")
    assert made.reference
    assert (used.flow.all(), used.direction, used.location) == (("coal",), "input", "GLO")
    assert used.provider == records["coal mining"].uuid
    assert (emitted.flow_uuid, emitted.category) == (CO2, ("air", "urban"))
    assert (emitted.direction, emitted.flow_kind, emitted.cas) == (
        "output",
        "elementary",
        "000124-38-9",
    )
    assert saved.avoided
    assert records["coal mining"].reference_exchanges[0].amount == 1.0, "one unit of itself"
    flow = records["Carbon dioxide, fossil"].flow
    assert flow is not None
    assert flow.properties[0].unit == "kilogram"


def test_package_of_databases_and_a_method(tmp_path: Path) -> None:
    databases = {
        "mine": {("mine", STEEL): ACTIVITY, ("mine", "coal"): COAL},
        "bio": {("bio", CO2): FLOW},
    }
    content = [
        wrapped({"name": name, "class": {"module": "bw2data", "name": "Database"}, "data": data})
        for name, data in databases.items()
    ]
    name = ("EF", "climate change", "GWP100")
    about = {"unit": "kg CO2-Eq"}
    content.append(wrapped({"metadata": about, "name": name, "data": METHOD}))
    (tmp_path / "x.bw2package").write_bytes(bz2.compress(json.dumps(content).encode()))
    records, skipped, report = read_all(tmp_path)
    assert skipped == []
    check(records)
    method = records["EF, climate change, GWP100"]
    assert method.classifications[0].path == ("EF", "climate change")
    assert method.results[0].indicator.join() == "Carbon dioxide, fossil, air, urban"
    assert method.results[0].unit == "kg CO2-Eq/kilogram"
    assert report.unmapped == {"brightway:exchange.loc": 1}


def test_package_that_bw2io_itself_wrote() -> None:
    """Made by `bw2io.BW2Package.export_objs` of bw2io 0.9.17 from two databases and a method."""
    records, skipped, _ = read_all(Path(__file__).parent / "data/brightway/sample.bw2package")
    assert skipped == []
    steel, coal = records["steel production"], records["coal mining"]
    assert [(x.amount, x.unit, x.reference) for x in steel.exchanges] == [
        (2.0, "kilogram", True),
        (0.5, "kilogram", False),
        (1.5, "kilogram", False),
    ]
    assert steel.exchanges[1].provider == coal.uuid
    assert steel.exchanges[2].cas == "000124-38-9"
    assert records["Carbon dioxide, fossil"].kind == "flow"
    method = records["EF, climate, GWP"]
    assert method.results[0].amount == 1.0
    assert dict(method.extras)["Reference unit"] == "kg CO2-Eq"


def test_dump_of_a_database_by_key(tmp_path: Path) -> None:
    data = {
        str(("mine", STEEL)): ACTIVITY,
        str(("mine", "coal")): COAL,
        str(("bio", CO2)): FLOW,
    }
    (tmp_path / "x.json").write_text(json.dumps(data))
    records, skipped, _ = read_all(tmp_path)
    assert skipped == []
    check(records)


def test_list_of_an_importer(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([ACTIVITY, COAL, FLOW]))
    check(read_all(tmp_path)[0])


def test_numbers_that_python_writes_and_json_has_not(tmp_path: Path) -> None:
    """`json.dump` writes NaN for the parameters of an uncertainty that has none."""
    coal = {"input": ["mine", "coal"], "amount": 0.5, "type": "technosphere"}
    coal |= {"loc": math.nan, "scale": math.inf, "minimum": -math.inf}
    lost = {"input": ["mine", "coal"], "amount": math.nan, "type": "technosphere"}
    text = json.dumps([{**ACTIVITY, "exchanges": [coal, lost]}, COAL])
    (tmp_path / "x.json").write_text(text)
    (tmp_path / "y.bw2package").write_bytes(bz2.compress(text.encode()))
    for name in ("x.json", "y.bw2package"):
        records, skipped, _ = read_all(tmp_path / name)
        assert skipped == []
        assert [x.amount for x in records["steel production"].exchanges] == [1.0, 0.5, None]


def test_half_a_character_beside_a_nan_is_told(tmp_path: Path) -> None:
    """Python's reader takes a lone surrogate, which no text can be written with."""
    text = json.dumps([{**COAL, "exchanges": [{"loc": math.nan}]}]).replace("mining", "\\ud800")
    (tmp_path / "x.json").write_text(text)
    records, (skip,), _ = read_all(tmp_path)
    assert records == {}
    assert "not valid JSON" in skip.reason


def test_products_that_are_nodes_of_their_own(tmp_path: Path) -> None:
    steel = {"name": "steel", "code": "s", "database": "m", "type": "product", "unit": "kilogram"}
    slag = {"name": "slag", "code": "w", "database": "m", "type": "waste", "unit": "kilogram"}
    making = {
        "name": "steel making",
        "code": "p",
        "database": "m",
        "type": "process",
        "location": "DE",
        "exchanges": [
            {"input": ["m", "s"], "amount": 2.0, "type": "production"},
            {"input": ["m", "w"], "amount": 0.5, "type": "technosphere"},
        ],
    }
    (tmp_path / "x.json").write_text(json.dumps([making, steel, slag]))
    records, skipped, _ = read_all(tmp_path)
    assert skipped == []
    made, left = records["steel making"].exchanges
    assert (made.flow.all(), made.amount, made.unit, made.reference) == (
        *(("steel",), 2.0, "kilogram"),
        True,
    )
    assert made.flow_uuid == records["steel"].uuid
    assert (left.flow_kind, left.provider) == ("waste", None)
    assert {name: record.data_type for name, record in records.items() if record.flow} == {
        "steel": "Product flow",
        "slag": "Waste flow",
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bz2.compress(b'[{"__dict__": true}]' * 9000)[:-9], "cut short"),
        (bz2.compress(b'[{"__dict__": true}'), "not valid JSON"),
        (b'{"__dict__": true, "keys": []}', "no Brightway database"),
        (b'[{"type": "technosphere"}]', "no Brightway database"),
        (
            b'{"__dict__": true, "keys": [{"__tuple__": true, "data": [{}]}], "values": [{}]}',
            "no Brightway database",
        ),
        (b'["bw2data", ' + b"[" * 900 + b"]" * 900 + b"]", "no Brightway database|too deep"),
        (b'[{"exchanges": [], "type": "production", "code": "a"}]', "no name"),
    ],
)
def test_broken_exports_are_skipped_with_a_sentence(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "x.json").write_bytes(content)
    records, skipped, _ = read_all(tmp_path)
    assert records == {}
    assert any(part in skipped[0].reason for part in reason.split("|"))


def test_recognition_by_content() -> None:
    assert READER.recognise("x", bz2.compress(b'[{"class": {"module": "bw2data"}}]'))
    assert READER.recognise("x", b'[{"reference product": "steel"}]')
    assert not READER.recognise("x", bz2.compress(b"<xml/>"))
    assert not READER.recognise("x", b"BZh9 not really")
    assert not READER.recognise("x", b'{"@type": "Process"}')
