"""SimaPro CSV as other releases and other desktops write it; every fixture is our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from lca_rag.readers.simapro_numbers import Numbers
from lca_rag.record import Exchange, Record
from tests.test_readers_simapro import HEADER, block, only, read_all, text

UNDECLARED = "{SimaPro 8.5.2.0}\n{processes}\n{Date: 4/12/2018}\n{Project: Farm}\n\n"
SECTIONS = """Process

Category type
material

Process identifier
StdX000001

Type
Unit process

Process name


Time period
2010 and after

Geography
Europe, Western

Comment
"Grain; with straw\x7fas by-product"

Products
Wheat grain, at farm {FR}| production | Cut-off, U;kg;1000;60;not defined;Farm\\Grain;good
Wheat straw;kg;500*yield;40;not defined;Farm\\Straw;

Avoided products
Heat;MJ;0,5;Undefined;0;0;0;saved

Resources
Water, well;in water;m3;1,2;Lognormal;1,05;0;0;(2,1,1)

Materials/fuels
Fertiliser;kg;"Iff(yield>2; 1,5; 2,5)";Undefined;0;0;0;

Electricity/heat
Electricity;kWh;1,00E+02;Triangle;0;90;110;

Emissions to air
Carbon dioxide, fossil;low. pop.;kg;1.234,5;Undefined;0;0;0;

Emissions to water
Nitrate;river;g;;Undefined;0;0;0;

Waste to treatment
Manure;ton;in_*2;Undefined;0;0;0;

Input parameters
yield;0,9;Undefined;0;0;0;No;
lambda;2;Undefined;0;0;0;No;

Calculated parameters
in_;yield*lambda;

End

"""


def by_flow(record: Record) -> dict[str, Exchange]:
    return {exchange.flow.all()[0]: exchange for exchange in record.exchanges}


def check(record: Record) -> None:
    """Everything that the sections say is there."""
    grain, straw = record.reference_exchanges
    assert (grain.amount, grain.unit, grain.allocation, grain.comment.all()) == (
        *(1000.0, "kg", 0.6),
        ("good",),
    )
    assert (straw.amount, straw.allocation, straw.category) == (450.0, 0.4, ("Farm", "Straw"))
    found = by_flow(record)
    assert (found["Heat"].amount, found["Heat"].avoided) == (0.5, True)
    water = found["Water, well"]
    assert (water.amount, water.unit, water.category) == (1.2, "m3", ("resource", "in water"))
    assert found["Fertiliser"].amount == 2.5
    assert (found["Electricity"].amount, found["Electricity"].unit) == (100.0, "kWh")
    assert found["Carbon dioxide, fossil"].amount == 1234.5
    assert found["Nitrate"].amount is None
    assert found["Manure"].amount == pytest.approx(3.6)
    assert record.comment.all() == ("Grain; with straw\nas by-product",)
    assert record.place is not None
    assert record.place.code == "FR"
    assert record.period.start == 2010
    assert record.system_model == "Cut-off"
    assert [item.path for item in record.classifications] == [("Farm", "Grain"), ("Farm", "Straw")]


def tabbed(sections: str) -> str:
    """The same with tabs between the cells."""
    lines = []
    for line in sections.split("\n"):
        inside = '"' in line
        cells = line.split('"') if inside else [line]
        cells[::2] = [cell.replace(";", "\t") for cell in cells[::2]]
        lines.append('"'.join(cells))
    return "\n".join(lines)


def test_separator_and_decimal_sign_that_the_header_declares(tmp_path: Path) -> None:
    check(only(tmp_path, HEADER.format("Semicolon", ",") + SECTIONS))
    check(only(tmp_path, HEADER.format("Tab", ",") + tabbed(SECTIONS)))
    check(only(tmp_path, HEADER.format(";", ",") + SECTIONS))


def test_separator_and_decimal_sign_that_nobody_declares(tmp_path: Path) -> None:
    check(only(tmp_path, UNDECLARED + SECTIONS))
    check(only(tmp_path, UNDECLARED + tabbed(SECTIONS)))


def test_export_of_parameters_or_units_alone_is_told(tmp_path: Path) -> None:
    path = tmp_path / "parameters.csv"
    parameters = "Database Input parameters\na;1;Undefined;0;0;0;No;c\n\nEnd\n\n"
    units = "Units\nkg;Mass;1;kg\n\nEnd\n"
    path.write_text(HEADER.format("Semicolon", ".") + parameters + units)
    records, skipped, _ = read_all(path)
    assert records == []
    assert [skip.reason for skip in skipped] == [
        "it holds no data set, only database input parameters, units"
    ]


def test_product_stage_of_a_life_cycle(tmp_path: Path) -> None:
    stage = (
        "Product stage\n\nCategory type\nlife cycle\n\nProducts\nChair, used;p;1;Others;mine\n\n"
        "Assembly\nChair;p;1;Undefined;0;0;0;\n\nProcesses\nLorry;tkm;0.5;Undefined;0;0;0;\n\n"
        "Waste/Disposal scenario\nLandfill of chairs;p;1;\n\nEnd\n\n"
    )
    path = tmp_path / "stages.csv"
    path.write_text(HEADER.format("Semicolon", ".") + stage)
    ((record,), skipped, _) = read_all(path)
    assert skipped == []
    assert (record.kind, str(record.name)) == ("model", "Chair, used")
    assert {name: (x.direction, x.amount, x.unit) for name, x in by_flow(record).items()} == {
        "Chair, used": ("output", 1.0, "p"),
        "Chair": ("input", 1.0, "p"),
        "Lorry": ("input", 0.5, "tkm"),
        "Landfill of chairs": ("output", 1.0, "p"),
    }


def test_line_ends_of_every_system(tmp_path: Path) -> None:
    content = HEADER.format("Semicolon", ",") + SECTIONS
    for end in ("\r\n", "\r", "\n"):
        check(only(tmp_path, content.replace("\n", end).encode("cp1252")))


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("2000-2004", 2000, 2004),
        ("2010 and after", 2010, None),
        ("2010 and later", 2010, None),
        ("before 1980", None, 1980),
        ("1980 and before", None, 1980),
        ("2015", 2015, 2015),
        ("Mixed data", None, None),
        ("Unspecified", None, None),
    ],
)
def test_time_periods_of_the_list(
    tmp_path: Path, words: str, start: int | None, end: int | None
) -> None:
    content = text(block().replace("Geography\n", f"Time period\n{words}\n\nGeography\n"))
    period = only(tmp_path, content).period
    assert (period.start, period.end) == (start, end)
    assert period.reference_year == (start or end)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("Iff(2 > 1; 1,5; 1/0)", 1.5),
        ("iif(a = 3, 10, 20)", 10.0),
        ("Iff(a <> 3 or not (a >= 2); 1; 2)", 2.0),
        ("Iff(a < 5 AND a <= 3; 7; 8)", 7.0),
        ("power(a; 2) + max(1; a; 2) - min(4; a)", 9.0),
        ("yield * lambda", 8.0),
        ("1.234,5 * 2", 2469.0),
        ("frac(2,25) + trunc(-1,5) + round(0,6)", 0.25),
        ("3*2,5E-1", 0.75),
        ("007*02,5 + 0,5 + 0 + 10", 28.0),
    ],
)
def test_expressions_of_simapro(expression: str, value: float) -> None:
    numbers = Numbers(",", {"a": 3.0, "yield": 4.0, "lambda": 2.0})
    assert numbers.computed(expression) == pytest.approx(value)


def test_calculated_parameters_in_any_order() -> None:
    numbers = Numbers().with_parameters(
        [("a", "2")], [("c", "b + 1"), ("b", "a * 3"), ("x", "y"), ("y", "x"), ("d", "c * b")]
    )
    assert [numbers.computed(name) for name in "abcdx"] == [2.0, 6.0, 7.0, 42.0, None]


@pytest.mark.parametrize(
    "expression", ["power(2)", "max()", "iff(1; 2)", "1 < 2 < 3", "a and", "exp(9999)", "_a", "a.b"]
)
def test_expressions_that_mean_nothing(expression: str) -> None:
    assert Numbers(",", {"a": 3.0}).computed(expression) is None
