"""Amounts of a bill of materials, and what a bill does not say."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from lca_rag.errors import ReadError
from lca_rag.matching import BomLine, Memory, lines_of, read_lines
from lca_rag.matching.amounts import number
from lca_rag.matching.asked import understand
from lca_rag.matching.reasons import reasons
from lca_rag.matching.subjects import subject
from lca_rag.matching.unitfit import unit_fit
from lca_rag.record import Name, Place, Record, Text


def amounts(*texts: str) -> list[float | None]:
    return [item.amount for item in lines_of([["name", "qty"], *(["a", t] for t in texts)], "t")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0,125", 0.125),
        ("-0,250", -0.25),
        ("0.125", 0.125),
        ("1.234.567", 1234567.0),
        ("1,234,567", 1234567.0),
        ("1.234.567,8", 1234567.8),
        ("1'234", 1234.0),
        ("1’234.5", 1234.5),
        ("1 234,5", 1234.5),
        ("1234,567", 1234.567),
        (",5", 0.5),
        ("1.5e3", 1500.0),
        ("\u22125", -5.0),
        ("nan", None),
        ("inf", None),
        ("-Infinity", None),
        ("1e999", None),
        ("~5", None),
        ("1.23.4", None),
        ("5-6", None),
        ("", None),
        (".", None),
    ],
)
def test_one_amount(text: str, value: float | None) -> None:
    assert number(text) == value


def test_a_column_has_one_decimal_sign() -> None:
    assert amounts("1,234", "2") == [1234.0, 2.0]
    assert amounts("1,234", "2,5") == [1.234, 2.5]
    assert amounts("1.234", "2,5") == [1234.0, 2.5]
    assert amounts("1,234", "2.5") == [1234.0, 2.5]
    assert amounts("1,234", "0,125") == [1.234, 0.125]


def test_semicolons_mean_decimal_commas(tmp_path: Path) -> None:
    path = tmp_path / "bom.csv"
    path.write_text("name;qty\na;1,250\nb;-0,250\n", encoding="utf-8")
    assert [item.amount for item in read_lines(path)] == [1.25, -0.25]
    path.write_text("name;qty\na;1,250\nb;0.5\n", encoding="utf-8")
    assert [item.amount for item in read_lines(path)] == [1250.0, 0.5]


def test_numbers_of_a_workbook_stay_what_they_are(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    for row in (["name", "qty"], ["a", 1.234], ["b", "0,5"], ["c", 12]):
        book.active.append(row)
    book.save(tmp_path / "bom.xlsx")
    assert [item.amount for item in read_lines(tmp_path / "bom.xlsx")] == [1.234, 0.5, 12.0]


def test_amounts_that_are_no_numbers_are_named(caplog: pytest.LogCaptureFixture) -> None:
    assert amounts("1", "abc", "", "nan") == [1.0, None, None, None]
    (warned,) = caplog.messages
    assert warned == (
        "t: 2 amounts are no numbers and were left out: line 2 ('abc'), line 4 ('nan')"
    )
    caplog.clear()
    amounts(*["x"] * 12)
    assert caplog.messages[0].endswith("line 10 ('x') and 2 more")


@pytest.mark.parametrize("text", ["name,qty\n", "name,qty\n,1\n"])
def test_a_header_alone_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bom.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReadError, match=r"bom\.csv: no lines under the header"):
        read_lines(path)


def test_a_memory_that_is_not_there_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "typo.csv"
    memory = Memory.load(path)
    assert len(caplog.messages) == 1
    assert "typo.csv: there is no such memory" in caplog.messages[0]
    line = BomLine(line="1", description="Steel")
    memory.confirm(line, "demo/x")
    assert Memory.load(path).recall(line) == "demo/x"
    assert len(caplog.messages) == 1


def test_an_unknown_place_is_told() -> None:
    item = subject(
        Record(
            database="demo",
            uuid="00000000-0000-4000-8000-000000000001",
            kind="process",
            name=Name(base=Text.of("Steel sheet")),
            place=Place(code="US"),
        )
    )
    told = {}
    for place in ("XX", "US", None):
        asked = understand(BomLine(line="1", description="Steel sheet", place=place))
        told[place] = "; ".join(reasons(asked, item, unit_fit(asked, item)))
    assert "place 'XX' of the line is not known here and was left out" in told["XX"]
    assert "place" not in told["US"]
    assert "place" not in told[None]
