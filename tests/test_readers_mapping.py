"""Emission-factor tables of any make, by a column mapping in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openpyxl import Workbook

from lca_rag.errors import ReadError
from lca_rag.readers import ReadReport, Skip, load_columns, read
from lca_rag.readers.factors import PRESET_INSTEAD
from lca_rag.record import Record

MAPPING = """
key = "bau"
title = "Baustoffe"
activity = ["Produkt", "Sorte"]
unit = "Einheit"
place = "Land"
others = ["Quelle (Seite)"]
[amounts]
"Wert {year} [kg]" = "cradle to gate"
"""
TABLE = (
    "Stand 3. Mai;;;;;\n\nProdukt;Sorte;Wert  2023 [kg];Einheit;land;Quelle (Seite)\n"
    "Zement;CEM I;0,8;kg CO2e/kg;AT;12\nKies;;0,004;kg CO2e/kg;AT;13\n"
)


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "columns.toml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


def read_all(path: Path, mapping: Path) -> tuple[list[Record], list[Skip]]:
    skipped: list[Skip] = []
    columns = load_columns(mapping)
    return list(read(path, columns=columns, on_skip=skipped.append)), skipped


def test_a_table_is_read_as_its_mapping_says(tmp_path: Path, mapping: Path) -> None:
    (tmp_path / "x.csv").write_text(TABLE, encoding="utf-8")
    (cement, gravel), skipped = read_all(tmp_path / "x.csv", mapping)
    assert skipped == []
    assert str(cement.name) == "Zement, CEM I"
    assert cement.place is not None
    assert (cement.place.code, cement.period.reference_year) == ("AT", 2023)
    assert (cement.results[0].amount, cement.results[0].unit) == (0.8, "kg CO2e/kg")
    assert cement.results[0].indicator.join() == "All greenhouse gases, cradle to gate"
    assert ("Quelle (Seite)", "12") in cement.extras
    assert str(gravel.name) == "Kies"


def test_json_and_workbooks_and_a_unit_for_the_whole_table(tmp_path: Path) -> None:
    path = tmp_path / "columns.json"
    path.write_text(
        json.dumps({"activity": "Stoff", "amounts": "GWP", "unit_text": "kg CO2e/t"}),
        encoding="utf-8",
    )
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Stoff", "GWP"])
    sheet.append(["Stahl", 1900])
    book.save(tmp_path / "x.xlsx")
    ((record,), skipped) = read_all(tmp_path / "x.xlsx", path)
    assert skipped == []
    assert (record.results[0].amount, record.results[0].unit) == (1900.0, "kg CO2e/t")
    assert record.reference_exchanges[0].unit == "t"


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_column_that_the_table_lacks_is_named_beside_those_it_has(
    tmp_path: Path, mapping: Path, suffix: str
) -> None:
    lines = [line.split(";") for line in TABLE.replace("Einheit", "Bezug").splitlines()]
    if suffix == "csv":
        (tmp_path / "x.csv").write_text("\n".join(map(";".join, lines)), encoding="utf-8")
    else:
        book = Workbook()
        sheet = book.active
        assert sheet is not None
        for line in lines:
            sheet.append(line)
        book.save(tmp_path / "x.xlsx")
    records, (skip,) = read_all(tmp_path / f"x.{suffix}", mapping)
    assert records == []
    assert skip.reason == (
        "the column mapping names 'Einheit', which no header has; its columns are 'Produkt', "
        "'Sorte', 'Wert 2023 [kg]', 'Bezug', 'land', 'Quelle (Seite)'"
    )


def test_tables_with_a_preset_are_read_beside_a_declared_one(tmp_path: Path, mapping: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "a.csv").write_text(TABLE, encoding="utf-8")
    (folder / "b.csv").write_text("activity,factor,unit\nGlass,1.2,kg CO2e/kg\n")
    records, skipped = read_all(folder, mapping)
    assert sorted(str(record.name) for record in records) == ["Glass", "Kies", "Zement, CEM I"]
    assert skipped == []


def test_a_declared_mapping_comes_before_a_preset_that_fits(tmp_path: Path) -> None:
    path = tmp_path / "columns.toml"
    table = tmp_path / "x.csv"
    table.write_text("activity,factor,market factor,unit\nGlass,1.2,0.7,kg CO2e/kg\n")
    said = 'key = "mine"\nactivity = "activity"\nunit = "unit"\namounts = '
    path.write_text(said + '"market factor"')
    ((record,), skipped) = read_all(table, path)
    assert [result.amount for result in record.results] == [0.7]
    assert skipped == []
    # The preset for plain words fits, but would give another number than was asked for.
    path.write_text(said + '"marked factor"')
    records, (skip,) = read_all(table, path)
    assert records == []
    assert skip.reason == (
        "the column mapping names 'marked factor', which no header has; its columns are "
        "'activity', 'factor', 'market factor', 'unit'"
    )


def test_a_preset_that_stands_in_for_a_declared_mapping_is_reported(
    tmp_path: Path, mapping: Path
) -> None:
    (tmp_path / "x.csv").write_text("activity,factor,unit\nGlass,1.2,kg CO2e/kg\n")
    report = ReadReport()
    records = list(read(tmp_path / "x.csv", columns=load_columns(mapping), report=report))
    assert [str(record.name) for record in records] == ["Glass"]
    assert report.repaired == {PRESET_INSTEAD: 1}


@pytest.mark.parametrize("suffix", ["txt", "conf", ""])
@pytest.mark.parametrize("text", [MAPPING, '{"activity": "a", "amounts": "b", "unit": "c"}'])
def test_a_mapping_under_another_suffix_is_told_by_its_content(
    tmp_path: Path, suffix: str, text: str
) -> None:
    path = tmp_path / f"columns.{suffix}".rstrip(".")
    path.write_text(text, encoding="utf-8")
    assert load_columns(path).activity[0] in ("Produkt", "a")
    path.write_text(text.replace(" ", " = = ", 1), encoding="utf-8")
    with pytest.raises(ReadError, match=r"no valid (TOML|JSON) .*write it as TOML or JSON"):
        load_columns(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('activty = "x"', "'activty' is no field of it; the fields are key, title, activity"),
        ('unit = "x"\n[amounts]\na = "b"', "it needs 'activity'"),
        ('activity = "x"\nunit = "y"', "it needs 'amounts'"),
        ('activity = "x"\namounts = "z"', "it needs 'unit', a column, or 'unit_text'"),
        ('activity = "x"\nunit = 3\namounts = "z"', "'unit' must be a text, not 3"),
        ('activity = [1]\nunit = "y"\namounts = "z"', "'activity' must be a text or a list"),
        ('activity = "x"\nunit = "y"\namounts = 7', "'amounts' must give the meaning"),
        ("activity = ", "the column mapping is no valid TOML ("),
    ],
)
def test_a_wrong_mapping_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ReadError) as caught:
        load_columns(path)
    assert words in str(caught.value)
    assert "wrong.toml" in str(caught.value)


def test_a_mapping_that_is_missing_or_no_object_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="cannot be opened"):
        load_columns(tmp_path / "none.toml")
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(ReadError, match="must be an object"):
        load_columns(tmp_path / "list.json")
