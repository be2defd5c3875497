"""Records survive the way to JSON and back."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from lca_rag.errors import ReadError
from lca_rag.record import (
    Classification,
    Exchange,
    FlowFacts,
    FlowProperty,
    ImpactResult,
    Licence,
    Name,
    Period,
    Place,
    Provenance,
    Record,
    Reference,
    Text,
)
from lca_rag.record_json import from_json, to_json

STEEL = Text((("en", "steel"), ("zh", "钢"), ("", "acier")))
FULL = Record(
    database="demo-2024",
    uuid="00000000-0000-0000-0000-000000000001",
    version="01.00.010",
    kind="process",
    name=Name(base=STEEL, mix=Text.of("at plant")),
    synonyms=STEEL,
    classifications=(Classification(system="ISIC", path=("C", "24"), codes=("C", "24")),),
    place=Place(code="CN", name="China", description=STEEL, parts=("CN-SH",)),
    period=Period(reference_year=2020, description=STEEL),
    references_stated=1,
    method_approaches=("Allocation - mass",),
    exchanges=(
        Exchange(id="0", flow=STEEL, direction="output", amount=0.0, unit="kg", reference=True),
        Exchange(id="1", direction="input", amount=None, allocation=0.25, category=("air",)),
    ),
    flow=FlowFacts(
        kind="product", properties=(FlowProperty(name=STEEL, mean=1.0, reference=True),)
    ),
    results=(ImpactResult(indicator=STEEL, amount=1e-300, unit="kg CO2 eq", module="A1-A3"),),
    licence=Licence(type="free", copyright=False, owner=STEEL),
    references=(Reference(role="data source", name=STEEL),),
    details=(("Sampling", STEEL),),
    extras=(("Formula", "Fe"),),
    provenance=Provenance(path="a.zip!b.xml", format="ilcd", repairs=("one",)),
)
BARE = Record(database="d", uuid="u", kind="flow", name=Name())


@pytest.mark.parametrize("record", [FULL, BARE])
def test_round_trip_is_exact(record: Record) -> None:
    again = from_json(to_json(record))
    assert again == record
    assert again.provenance == record.provenance
    assert to_json(again) == to_json(record)


def test_defaults_are_left_out_and_zero_is_not_missing() -> None:
    assert orjson.loads(to_json(BARE)) == {
        "schema": 1,
        "database": "d",
        "uuid": "u",
        "kind": "flow",
        "name": {},
    }
    first, second = orjson.loads(to_json(FULL))["exchanges"]
    assert first["amount"] == 0.0
    assert "amount" not in second


def test_text_is_pairs_of_language_and_text() -> None:
    assert orjson.loads(to_json(FULL))["synonyms"] == [["en", "steel"], ["zh", "钢"], ["", "acier"]]


def test_equal_records_give_equal_bytes_without_provenance() -> None:
    other = replace(FULL, provenance=Provenance(path="x.json", format="tidas"))
    assert to_json(replace(FULL, provenance=None)) == to_json(replace(other, provenance=None))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"schema": 99}', "schema 99"),
        (b'{"schema": 1, "uuid": "u", "nonsense": 1}', "'u'"),
        (b'{"schema": 1, "database": "d", "uuid": "u", "kind": "flow", "name": 3}', "'u'"),
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(ReadError, match=words):
        from_json(data)
