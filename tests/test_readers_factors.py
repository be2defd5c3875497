"""Emission-factor tables: declared columns, presets, and numbers that keep their meaning."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import Workbook

from lca_rag.readers import ReadReport, Skip, read
from lca_rag.readers.context import ReadContext
from lca_rag.readers.factor_columns import EPA_SUPPLY_CHAIN, FactorColumns
from lca_rag.readers.factors import READER, FactorReader
from lca_rag.readers.files import open_package
from lca_rag.record import Record

EPA = "data/ef-tables/SupplyChainGHGEmissionFactors_v1.3.0_NAICS_CO2e_USD2022.csv"
UK_HEADER = [
    *("ID", "Scope", "Level 1", "Level 2", "Level 3", "Level 4", "Column Text", "UOM"),
    *("GHG/Unit", "GHG Conversion Factor 2024"),
]
GAS = ("Scope 1", "Fuels", "Gaseous fuels", "Natural gas", "", "", "kWh (Gross CV)")
CAR = ("Scope 1", "Passenger vehicles", "Cars (by size)", "Small car", "")
UK_ROWS: list[list[str | float | None]] = [
    ["1_1", *GAS, "kg CO2e", 0.1829],
    ["1_2", *GAS, "kg CO2e of CH4 per unit", 0.00027],
    ["1_3", *CAR, "Diesel", "km", "kg CO2e", 0.14],
    ["1_4", *CAR, "Unknown", "km", "kg CO2e", None],
]


def read_all(path: Path) -> tuple[list[Record], list[Skip], ReadReport]:
    skipped: list[Skip] = []
    report = ReadReport()
    return list(read(path, on_skip=skipped.append, report=report)), skipped, report


def uk_workbook(path: Path, year: int = 2024) -> Path:
    """The layout of the published flat file: notes, an empty row, the header, the factors."""
    book = Workbook()
    notes = book.active
    assert notes is not None
    notes.title = "Introduction"
    notes.append(["UK Government GHG Conversion Factors for Company Reporting"])
    sheet = book.create_sheet("Factors by Category")
    sheet.append(["UK Government GHG Conversion Factors for Company Reporting"])
    sheet.append(["Version:", 1.1])
    sheet.append([])
    sheet.append([*UK_HEADER[:-1], f"GHG Conversion Factor {year}"])
    for row in UK_ROWS:
        sheet.append(row)
    book.save(path)
    return path


def test_epa_table_whole(shared: Path) -> None:
    records, skipped, report = read_all(shared / EPA)
    assert report.read == {"factors/process": 1016}
    assert skipped == []
    assert len({record.uuid for record in records}) == 1016
    soy = records[0]
    assert str(soy.name) == "Soybean Farming"
    assert soy.version == "1.3.0"
    assert soy.classifications[0].codes == ("111110",)
    assert [(r.indicator.join(), r.amount) for r in soy.results] == [
        ("All greenhouse gases, supply chain, without margins", 0.488),
        ("All greenhouse gases, margins only", 0.044),
        ("All greenhouse gases, supply chain, with margins", 0.532),
    ]
    assert {r.unit for r in soy.results} == {"kg CO2e/2022 USD, purchaser price"}
    (reference,) = soy.reference_exchanges
    assert (reference.amount, reference.unit) == (1.0, "2022 USD, purchaser price")
    assert soy.place is not None
    assert soy.place.code == "US"


def test_uk_flat_file_in_xlsx(tmp_path: Path) -> None:
    records, skipped, report = read_all(uk_workbook(tmp_path / "flat.xlsx"))
    assert skipped == []
    assert report.ignored["factor row without a value"] == 1
    total, methane, car = records
    assert str(total.name) == "Fuels, Gaseous fuels, Natural gas"
    assert (total.results[0].amount, total.results[0].unit) == (
        0.1829,
        "kg CO2e/kWh (Gross CV)",
    )
    assert str(car.name) == "Passenger vehicles, Cars (by size), Small car, Diesel"
    assert total.period.reference_year == 2024
    assert methane.provenance is not None
    assert methane.provenance.path.endswith("flat.xlsx!Factors by Category#6")


def test_share_of_one_gas_is_not_the_total(tmp_path: Path) -> None:
    total, methane, _ = read_all(uk_workbook(tmp_path / "flat.xlsx"))[0]
    assert total.uuid != methane.uuid
    assert "CH4 only, not the total" in str(methane.name)
    assert methane.results[0].unit == "kg CO2e of CH4/kWh (Gross CV)"
    assert methane.results[0].indicator.join() == "CH4, greenhouse gases"
    assert dict(methane.extras)["Gas"] == "CH4"
    assert dict(total.extras)["Gas"] == "total of all greenhouse gases"


def test_next_year_s_table_gives_newer_versions_of_the_same_records(tmp_path: Path) -> None:
    old, _, _ = read_all(uk_workbook(tmp_path / "a.xlsx", 2023))
    new, _, _ = read_all(uk_workbook(tmp_path / "b.xlsx", 2024))
    assert [r.uuid for r in old] == [r.uuid for r in new]
    assert {r.version for r in old} == {"2023"}


def test_price_year_of_the_money_unit_does_not_split_a_record(tmp_path: Path) -> None:
    header = "2017 NAICS Code,2017 NAICS Title,GHG,Unit,Supply Chain Emission Factors with Margins"
    for year in (2021, 2022):
        unit = f'"kg CO2e/{year} USD, purchaser price"'
        (tmp_path / f"{year}.csv").write_text(f"{header}\n111110,Soy,All GHGs,{unit},0.5\n")
    records, _, _ = read_all(tmp_path)
    assert records[0].uuid == records[1].uuid
    assert records[0].results[0].unit != records[1].results[0].unit


def test_per_gas_rows_of_the_epa_table(tmp_path: Path) -> None:
    header = "2017 NAICS Code,2017 NAICS Title,GHG,Unit,Supply Chain Emission Factors with Margins"
    rows = '1,Soy,Carbon dioxide,"kg/2022 USD, purchaser price",0.2\n1,Soy,Methane,kg/USD,0.001'
    (tmp_path / "x.csv").write_text(f"{header}\n{rows}\n")
    carbon, methane = read_all(tmp_path)[0]
    assert carbon.uuid != methane.uuid
    assert carbon.results[0].indicator.join() == "Carbon dioxide, supply chain, with margins"


def test_epa_table_by_sector_of_the_first_releases(tmp_path: Path) -> None:
    header = "Commodity Code,Commodity Name,Substance,Unit,"
    header += ",".join(meaning for meaning, _ in EPA_SUPPLY_CHAIN.amounts)
    unit = '"kg/2018 USD, purchaser price"'
    rows = f"1111A0,Fresh soybeans,carbon dioxide,{unit},0.4,0.03,0.43\n"
    (tmp_path / "x.csv").write_text(f"{header},DQ Reliability\n{rows}")
    ((record,), skipped, _) = read_all(tmp_path)
    assert skipped == []
    assert str(record.name).startswith("Fresh soybeans")
    assert record.classifications[0].codes == ("1111A0",)
    assert [result.amount for result in record.results] == [0.4, 0.03, 0.43]
    assert record.results[0].indicator.join() == "carbon dioxide, supply chain, without margins"
    assert record.reference_exchanges[0].unit == "2018 USD, purchaser price"


@pytest.mark.parametrize("year", [2014, 2021, 2022, 2023, 2024, 2025])
@pytest.mark.parametrize("notes", [0, 3, 8])
def test_uk_flat_file_of_any_year_with_its_header_anywhere(
    tmp_path: Path, year: int, notes: int
) -> None:
    """The header moved down as notes were added, and its cells are broken over lines."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for number in range(notes):
        sheet.append([f"Note {number}", "Expiry: 30/06/2025"][: 1 + number % 2])
    gas = "GHG" if year < 2020 else "GHG/Unit"
    header = [*UK_HEADER[:-2], gas, f"GHG Conversion\nFactor  {year} "]
    sheet.append(header if year >= 2020 else header[1:])
    sheet.append(UK_ROWS[0] if year >= 2020 else UK_ROWS[0][1:])
    book.save(tmp_path / "flat.xlsx")
    ((record,), skipped, _) = read_all(tmp_path)
    assert skipped == []
    assert (record.results[0].amount, record.results[0].unit) == (0.1829, "kg CO2e/kWh (Gross CV)")
    assert record.period.reference_year == year
    assert dict(record.extras)["Scope"] == "Scope 1"


def test_uk_flat_file_in_csv_of_the_older_layout(tmp_path: Path) -> None:
    header = (
        "Scope,Category 1,Category 2,Category 3,Category 4,Column Text,UOM,GHG,Conversion Factor"
    )
    (tmp_path / "x.csv").write_text(
        f"{header},Conversion Factor\nScope 2,Electricity,UK,,,,kWh,kg CO2e,0.2\n",
        encoding="utf-8-sig",
    )
    ((record,), _, _) = read_all(tmp_path)
    assert str(record.name) == "Electricity, UK", "blank cells say nothing"
    assert record.results[0].unit == "kg CO2e/kWh"


@pytest.mark.parametrize(
    ("separator", "number", "value"),
    [
        (";", "0,5", 0.5),
        (";", "1.234,5", 1234.5),
        (";", "0.5", 0.5),
        (";", "1,234.5", 1234.5),
        (";", "1,234", 1.234),
        (",", '"1,234.5"', 1234.5),
        (",", "1e-3", 0.001),
        (",", "-2", -2.0),
    ],
)
def test_decimal_signs(tmp_path: Path, separator: str, number: str, value: float) -> None:
    lines = (["activity", "factor", "unit"], ["Cement", number, "kg CO2e/kg"])
    (tmp_path / "x.csv").write_text("\n".join(separator.join(line) for line in lines))
    ((record,), _, _) = read_all(tmp_path)
    assert record.results[0].amount == value


def test_plain_words_as_header(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(
        "Activity,Factor,Unit,Place,Year,Source,Gas\n"
        "Cement,0.9,kg CO2e/kg,DE,2021,VDZ,\nCement,x,kg CO2e/kg,DE,2021,VDZ,\n"
    )
    records, _, report = read_all(tmp_path)
    (record,) = records
    assert record.place is not None
    assert (record.place.code, record.period.reference_year) == ("DE", 2021)
    assert record.references[0].name.all() == ("VDZ",)
    assert report.ignored["factor row without a value"] == 1


def test_declared_columns_of_another_table(tmp_path: Path) -> None:
    columns = FactorColumns(
        key="mine",
        title="My factors",
        activity=("Produkt",),
        amounts=(("Wert", "cradle to gate"),),
        unit="Einheit",
        place_code="AT",
    )
    (tmp_path / "x.csv").write_text("Produkt;Wert;Einheit\nZement;0,8;kg CO2e/kg\n")
    reader = FactorReader((columns,))
    context = ReadContext("mine")
    with open_package(tmp_path) as package:
        names = [name for name in package.names() if reader.recognise(name, package.head(name))]
        (record,) = reader.read(package, names, context)
    assert record.results[0].amount == 0.8
    assert record.results[0].indicator.join() == "All greenhouse gases, cradle to gate"


def test_columns_that_are_missing_do_not_match() -> None:
    header = ["2017 NAICS Title", "Unit", "Supply Chain Emission Factors with Margins"]
    assert EPA_SUPPLY_CHAIN.match(header) is not None
    assert EPA_SUPPLY_CHAIN.match(header[:2]) is None
    assert replace(EPA_SUPPLY_CHAIN, per="UOM").match(header) is None


def test_a_bill_of_materials_is_no_factor_table() -> None:
    assert not READER.recognise(
        "bom.csv", b"line_id,description,quantity,unit,place,note\n1,a,2,kg,,\n"
    )
    assert not READER.recognise("bom.csv", b"name,amount,unit\nsteel,2,kg\n")


def test_workbook_without_a_table_and_broken_workbook_are_skipped(tmp_path: Path) -> None:
    Workbook().save(tmp_path / "empty.xlsx")
    whole = uk_workbook(tmp_path / "cut.xlsx").read_bytes()
    (tmp_path / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
    records, skipped, _ = read_all(tmp_path)
    assert records == []
    reasons = {Path(skip.path.split("!")[-1]).name: skip.reason for skip in skipped}
    assert "no sheet" in reasons["empty.xlsx"]
    assert len(reasons) == 2


def test_sheet_whose_stated_size_is_not_true(tmp_path: Path) -> None:
    whole = uk_workbook(tmp_path / "whole.xlsx")
    path = tmp_path / "flat" / "x.xlsx"
    path.parent.mkdir()
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            text = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', old.read(name))
            new.writestr(name, text)
    records, skipped, _ = read_all(path)
    assert skipped == []
    assert len(records) == 3


def test_codes_that_xlsx_keeps_as_numbers(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["activity", "factor", "unit", "code"])
    sheet.append(["Soy", 0.5, "kg CO2e/kg", 111110.0])
    book.save(tmp_path / "x.xlsx")
    ((record,), _, _) = read_all(tmp_path)
    assert record.classifications[0].codes == ("111110",)


def test_rows_that_differ_in_place_alone_are_records_of_their_own(tmp_path: Path) -> None:
    table = tmp_path / "places.csv"
    table.write_text(
        "Produkt;Wert;Einheit;Land\nStrom;0,4;kg CO2e/kWh;DE\nStrom;0,1;kg CO2e/kWh;AT\n"
    )
    columns = FactorColumns(
        key="mine",
        title="Mine",
        activity=("Produkt",),
        amounts=(("Wert", "cradle to gate"),),
        unit="Einheit",
        place="Land",
    )
    records = list(read(table, columns=columns))
    assert {r.place.code: r.results[0].amount for r in records if r.place} == {"DE": 0.4, "AT": 0.1}
    assert len({record.uuid for record in records}) == 2


def test_rows_that_differ_in_year_alone_are_records_of_their_own(tmp_path: Path) -> None:
    """The factor of a later year is no newer version: each holds for what was used in its year."""
    table = tmp_path / "grid.csv"
    table.write_text(
        "activity,factor,unit,country,year\n"
        "Electricity,0.41,kg CO2e/kWh,DE,2019\nElectricity,0.37,kg CO2e/kWh,DE,2020\n"
        "Electricity,0.40,kg CO2e/kWh,DE,\n"
    )
    records, skipped, _ = read_all(table)
    assert skipped == []
    assert [record.period.reference_year for record in records] == [2019, 2020, None]
    assert len({record.uuid for record in records}) == 3
    assert {record.version for record in records} == {"00.00.000"}
