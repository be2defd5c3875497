"""Export: what goes out comes back equal, or is counted as left out."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from openpyxl import load_workbook

from lca_rag.errors import LcaRagError, MissingExtra
from lca_rag.export import export
from lca_rag.export.schema import packaged_schema, record_schema
from lca_rag.readers import ReadReport, Skip, read
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

MASS = "93a60a56-a3c8-11da-a746-0800200b9a66"
STEEL = "00000000-0000-4000-8000-00000000000a"
CO2 = "00000000-0000-4000-8000-00000000000b"
EN_ZH = Text((("en", "steel"), ("zh", "钢")))


def flow(uuid: str = STEEL, unit: str = "kg") -> Record:
    mass = FlowProperty(name=Text.of("Mass"), mean=1.0, unit=unit, reference=True, uuid=MASS)
    energy = FlowProperty(name=Text.of("Net calorific value"), mean=27.1, unit="MJ", uuid=CO2)
    return Record(
        database="mine",
        uuid=uuid,
        version="01.02.003",
        kind="flow",
        name=Name(base=EN_ZH, functional=Text.of("hot rolled")),
        synonyms=Text.of("sheet; coil"),
        classifications=(
            Classification(system="CPC", path=("Metals", "Steel"), codes=("4", "41")),
        ),
        comment=Text.of("line\n\nline"),
        data_type="Product flow",
        flow=FlowFacts(kind="product", cas="7439-89-6", ec="231-096-4", properties=(mass, energy)),
    )


def exchange(**more: object) -> Exchange:
    made = Exchange(
        id="7",
        flow=EN_ZH,
        flow_uuid=STEEL,
        direction="output",
        amount=1000.0,
        unit="kg",
        flow_property="Mass",
        reference=True,
        flow_kind="product",
        category=("Metals", "Steel"),
        cas="7439-89-6",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def process() -> Record:
    """A process with everything that TIDAS has a place for."""
    return Record(
        database="mine",
        uuid=CO2,
        version="00.00.001",
        kind="process",
        name=Name(base=EN_ZH, treatment=Text.of("rolled"), mix=Text.of("at plant")),
        synonyms=Text.of("rolling"),
        classifications=(Classification(path=("Metals",)),),
        place=Place(code="CN-JS", description=Text.of("east"), parts=("CN", "CN-SH")),
        period=Period(reference_year=2019, valid_until=2025, description=Text.of("annual")),
        comment=Text((("zh", "说明"), ("", "untagged"))),
        technology=Text.of("mill"),
        applicability=Text.of("any"),
        functional_unit=Text.of("1 t"),
        reference_type="Reference flow(s)",
        references_stated=2,
        data_type="Unit process, single operation",
        method_principle="Attributional",
        method_approaches=("Allocation - mass", "Allocation - market value"),
        exchanges=(
            exchange(allocation=0.958),
            exchange(id="8", reference=False, direction="input", amount=None, location="DE"),
            exchange(id="9", reference=False, amount=-1e-12, comment=Text.of("credit")),
            Exchange(id="10", flow=Text.of("brick"), flow_ref="vitrified brick", direction="input"),
        ),
        results=(
            ImpactResult(indicator=Text.of("GWP"), uuid=MASS, amount=2.5, unit="kg CO2 eq"),
            ImpactResult(indicator=Text.of("GWP"), amount=1.5, unit="kg", module="A1-A3"),
            ImpactResult(indicator=Text.of("GWP"), amount=None, unit="kg", module="C3 (landfill)"),
        ),
        licence=Licence(type="free", copyright=False, restrictions=Text.of("none needed")),
        references=(
            Reference(role="data source", uuid=STEEL, name=Text.of("Report")),
            Reference(role="data source", name=Text.of("Book")),
            Reference(role="reviewer", uuid=MASS, name=Text.of("Expert")),
        ),
        details=(
            ("Intended use", Text.of("study")),
            ("Completeness", Text.of("all")),
            ("Review", Text.of("passed")),
            ("Review", EN_ZH),
        ),
        extras=(("Identifier", "S-1"), ("Review", "Independent external review")),
    )


def read_all(path: Path) -> tuple[list[Record], list[Skip]]:
    skipped: list[Skip] = []
    return list(read(path, database="mine", on_skip=skipped.append)), skipped


def again(records: Sequence[Record], path: Path) -> list[Record]:
    export(records, path)
    found, skipped = read_all(path)
    assert skipped == []
    return found


def test_json_lines_come_back_equal_with_their_provenance(tmp_path: Path) -> None:
    found = Provenance(path="a.zip!b", format="ilcd", repairs=("mended",))
    records = [flow(), replace(process(), provenance=found, database="other")]
    back = again(records, tmp_path / "out.jsonl")
    assert back == records
    assert back[1].provenance == found
    assert back[1].database == "other"


@pytest.mark.parametrize("target", ["out.zip", "out"])
def test_tidas_comes_back_equal(tmp_path: Path, target: str) -> None:
    back = again([process(), flow()], tmp_path / target)
    assert back == [flow(), process()]


@pytest.mark.parametrize(
    "source",
    [
        "data/tiangong-tidas/tiangong_tidas_shared.zip",
        "data/tidas-sdk-examples/tidas-example-process.json",
    ],
)
def test_real_records_come_back_equal_from_tidas(shared: Path, tmp_path: Path, source: str) -> None:
    records, _ = read_all(shared / source)
    report = export(records, tmp_path / "out.zip")
    back = {record.id: record for record in read_all(tmp_path / "out.zip")[0]}
    assert len(records) > 0
    assert [record for record in records if back.get(record.id) != record] == []
    assert report.left_out == {}


def test_real_json_ld_comes_back_equal_from_json_lines(shared: Path, tmp_path: Path) -> None:
    records, _ = read_all(shared / "data/jsonld-bw2io/beef_cattle_finishing.zip")
    assert again(records, tmp_path / "out.jsonl") == records


def test_exchange_in_another_unit_than_its_flow_gets_a_flow_of_its_own(tmp_path: Path) -> None:
    record = replace(process(), exchanges=(exchange(unit="t", amount=2.0), exchange(id="8")))
    report = export([flow(), record], tmp_path / "out.zip")
    assert report.written["flows made of exchanges"] == 1
    back = next(r for r in read_all(tmp_path / "out.zip")[0] if r.kind == "process")
    assert [(x.amount, x.unit) for x in back.exchanges] == [(2.0, "t"), (1000.0, "kg")]
    assert back.exchanges[0].flow_uuid != STEEL
    assert back.exchanges[1].flow_uuid == STEEL


def test_flows_are_made_of_exchanges_where_none_are_exported(tmp_path: Path) -> None:
    """As from EcoSpold 1 and SimaPro, which know no UUIDs of flows."""
    bare = exchange(flow_uuid=None)
    air = exchange(id="8", flow_uuid=None, flow_kind="elementary", category=("air",), cas=None)
    record = replace(process(), exchanges=(bare, air), references_stated=2)
    back, _ = read_all_after(record, tmp_path)
    assert [(x.amount, x.unit, x.flow_kind, x.category, x.cas) for x in back.exchanges] == [
        (1000.0, "kg", "product", ("Metals", "Steel"), "7439-89-6"),
        (1000.0, "kg", "elementary", ("air",), None),
    ]


def read_all_after(record: Record, tmp_path: Path) -> tuple[Record, list[Record]]:
    export([record], tmp_path / "out.zip")
    found, _ = read_all(tmp_path / "out.zip")
    (process_,) = [item for item in found if item.kind == "process"]
    return process_, found


def test_what_tidas_cannot_hold_is_counted(tmp_path: Path) -> None:
    record = replace(
        process(),
        system_model="cut-off",
        details=(("Notice", Text.of("x")),),
        exchanges=(exchange(provider=STEEL), exchange(id="8", avoided=True)),
    )
    model = replace(process(), kind="model")
    report = export([record, model, record, replace(record, uuid="x")], tmp_path / "out.zip")
    assert report.left_out == {
        "system model": 1,
        "detail 'Notice'": 1,
        "supplier of an exchange": 1,
        "avoided product": 1,
        "record of kind 'model'": 1,
        "record with the id and version of another one": 1,
        "data set in processes whose id is no UUID": 1,
    }


def test_tidas_files_have_the_usual_names_and_prefixes(tmp_path: Path) -> None:
    export([flow(), process()], tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = archive.namelist()
        tree = orjson.loads(archive.read(f"processes/{CO2}_00.00.001.json"))["processDataSet"]
    assert f"flows/{STEEL}_01.02.003.json" in names
    assert tree["processInformation"]["dataSetInformation"]["common:UUID"] == CO2
    assert tree["exchanges"]["exchange"][0]["meanAmount"] == "1000.0"
    assert (
        tree["administrativeInformation"]["publicationAndOwnership"]["common:copyright"] == "false"
    )


def test_csv_of_records_exchanges_and_results(tmp_path: Path) -> None:
    for rows, count in (("records", 2), ("exchanges", 4), ("results", 3)):
        path = tmp_path / f"{rows}.csv"
        export([flow(), process()], path, rows=rows)  # type: ignore[arg-type]
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file))
        assert len(lines) == count
    with (tmp_path / "exchanges.csv").open(encoding="utf-8-sig", newline="") as file:
        made, used, *_ = csv.DictReader(file)
    assert (made["amount"], made["unit"], made["flow"]) == ("1000.0", "kg", "steel")
    assert used["amount"] == "", "a missing amount is not zero"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_begins_like_a_formula_is_harmless(tmp_path: Path, start: str) -> None:
    text = f"{start}HYPERLINK(1)"
    record = replace(flow(), name=Name(base=Text((("en", text),))), data_type=text)
    export([record], tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        (line,) = csv.DictReader(file)
    assert line["name"] == f"'{text}"
    assert line["data_type"] == f"'{text}"


def test_negative_amounts_stay_numbers(tmp_path: Path) -> None:
    export([process()], tmp_path / "out.csv", rows="exchanges")
    assert ",-1e-12," in (tmp_path / "out.csv").read_text(encoding="utf-8-sig")


def test_xlsx_holds_text_as_text_and_numbers_as_numbers(tmp_path: Path) -> None:
    name = Name(base=Text((("en", "=1+1\x0b"),)), mix=Text.of("x" * 40_000))
    report = export([replace(process(), name=name)], tmp_path / "out.xlsx")
    book = load_workbook(tmp_path / "out.xlsx")
    assert book.sheetnames == ["records", "exchanges", "results"]
    header, row = book["records"].iter_rows()
    cell = row[[item.value for item in header].index("name")]
    assert cell.data_type == "s"
    assert str(cell.value).startswith("=1+1; ")
    assert report.left_out == {"text cut to the length of a spreadsheet cell": 1}
    amounts = [row[6].value for row in book["exchanges"].iter_rows(min_row=2)]
    assert amounts == [1000, None, -1e-12, None]


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    export([flow(), process()], tmp_path / "out.parquet", rows="exchanges")
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.column("amount").to_pylist() == [1000.0, None, -1e-12, None]
    assert table.column("reference").to_pylist() == [True, False, False, False]


def test_parquet_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"lca-rag\[scale\]"):
        export([flow()], tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_behind_when_the_records_fail(tmp_path: Path) -> None:
    old = tmp_path / "out.jsonl"
    old.write_text("old")

    def failing() -> list[Record]:
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        export((record for _ in range(1) for record in failing()), old)
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_unknown_suffix_and_full_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LcaRagError, match="cannot tell the form"):
        export([flow()], tmp_path / "out.doc")
    (tmp_path / "a").write_text("")
    with pytest.raises(LcaRagError, match="empty folder"):
        export([flow()], tmp_path, form="tidas")


def test_schema_in_the_package_is_that_of_the_record() -> None:
    assert orjson.loads(packaged_schema()) == record_schema()


def test_every_exported_line_fits_the_schema(tmp_path: Path, shared: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(record_schema())
    real, _ = read_all(shared / "data/jsonld-bw2io/beef_cattle_finishing.zip")
    export([flow(), process(), *real], tmp_path / "out.jsonl")
    for line in (tmp_path / "out.jsonl").read_bytes().splitlines():
        validator.validate(orjson.loads(line))
    wrong = {**orjson.loads(line), "surprise": 1}
    assert not validator.is_valid(wrong)


@pytest.mark.parametrize(
    "line",
    [
        b'{"schema":1,"database":"x","uuid":',
        b'{"schema":2,"database":"x","uuid":"y"}',
        b'{"schema":1,"database":5,"uuid":"y","kind":"flow","name":{}}',
        b'{"schema":1,"database":"x","uuid":"y","kind":"car","name":{}}',
        b'{"schema":1,"database":"x","uuid":"y","kind":"flow"}',
        b'{"schema":1,"database":"x","uuid":"y","kind":"flow","name":{},"surprise":1}',
        b'{"schema":1,"database":"x","uuid":"y","kind":"flow","name":{"base":[["en",5]]}}',
        b'{"schema":1,"database":"x","uuid":"","kind":"flow","name":{}}',
        b'{"schema":1,"database":"x","uuid":"y","kind":"flow","name":{},"references_stated":"a"}',
    ],
)
def test_broken_lines_are_skipped_with_their_number(tmp_path: Path, line: bytes) -> None:
    export([flow()], tmp_path / "out.jsonl")
    with (tmp_path / "out.jsonl").open("ab") as file:
        file.write(line + b"\n")
    found: list[Skip] = []
    report = ReadReport()
    records = list(read(tmp_path / "out.jsonl", on_skip=found.append, report=report))
    assert records == [flow()]
    assert "line 2" in found[0].reason
