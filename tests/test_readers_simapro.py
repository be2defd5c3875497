"""SimaPro CSV: every dialect and pitfall met in real exports."""

from __future__ import annotations

from pathlib import Path

import pytest

from lca_rag.readers import ReadReport, Skip, read
from lca_rag.readers.simapro import READER
from lca_rag.readers.simapro_numbers import Numbers
from lca_rag.record import Record

HEADER = """{{SimaPro 9.5.0.0}}
{{processes}}
{{CSV separator: {0}}}
{{Decimal separator: {1}}}
{{Short date format: dd/MM/yyyy}}

"""
REAL = "data/simapro-csv"
PLATFORM = "298f6b5c-46f5-11ec-81d3-0242ac130003"


def block(products: str = "Steel;kg;1;100;not defined;Metals\\Steel;", more: str = "") -> str:
    return (
        "Process\n\nCategory type\nmaterial\n\nProcess identifier\nID1\n\nType\nUnit process\n\n"
        f"Geography\nUnspecified\n\nProducts\n{products}\n\n{more}\nEnd\n\n"
    )


def text(*blocks: str, separator: str = "Semicolon", decimal: str = ".") -> str:
    return HEADER.format(separator, decimal) + "".join(blocks)


def read_all(path: Path) -> tuple[list[Record], list[Skip], ReadReport]:
    skipped: list[Skip] = []
    report = ReadReport()
    return list(read(path, on_skip=skipped.append, report=report)), skipped, report


def only(tmp_path: Path, content: str | bytes) -> Record:
    path = tmp_path / "export.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("cp1252"))
    records, skipped, _ = read_all(path)
    assert skipped == []
    (record,) = [record for record in records if record.kind == "process"]
    return record


def real(shared: Path, name: str) -> list[Record]:
    return [r for r in read_all(shared / REAL / name)[0] if r.kind in ("process", "model")]


def test_all_real_files(shared: Path) -> None:
    _, skipped, report = read_all(shared / REAL)
    assert report.read["simapro/process"] == 31, "one record for each Process block"
    assert report.read["simapro/model"] == 5, "product stages"
    assert sorted(Path(skip.path).name.rpartition("!")[2] for skip in skipped) == [
        "header.csv",
        "header_translations.csv",
        "minimal_header.csv",
    ]


def test_real_process_with_decimal_comma_and_0x7f_line_breaks(shared: Path) -> None:
    (record,) = real(shared, "process.csv")
    assert record.uuid == PLATFORM
    amounts = {x.flow.all()[0]: x.amount for x in record.exchanges}
    assert amounts["my product"] == 0.5
    assert amounts["Electricity, biomass, at power plant/US"] == 0.1
    air = next(x for x in record.exchanges if x.category == ("air", "low. pop."))
    assert air.comment.all() == ("(1,2,3,4,5)\nwith comment",)
    assert air.cas == "026489-01-0"
    assert (record.period.start, record.period.end) == (2005, 2009)
    assert not record.comment, "'text for comment' is filler"


def test_real_several_products_with_their_shares(shared: Path) -> None:
    rice = real(shared, "allocation.csv")[1]
    assert [(x.amount, x.allocation) for x in rice.reference_exchanges] == [
        (6250.0, 0.958),
        (3125.0, 0.042),
    ]
    assert rice.place is not None
    assert rice.place.code == "IN", "the code lives in the product's name"


def test_real_expressions_are_computed(shared: Path) -> None:
    (waste,) = real(shared, "waste.csv")
    (taken,) = waste.reference_exchanges
    assert taken.amount == pytest.approx(1034 * 0.6684 * 0.59 * 0.03)
    assert (taken.direction, taken.flow_kind) == ("input", "waste")
    food = real(shared, "project_params.csv")[1]
    assert food.exchanges[1].amount == pytest.approx(4.8 / ((7 * 0.9) - 3))


def test_real_files_of_simapro_7(shared: Path) -> None:
    (record,) = real(shared, "comments.txt")
    made, lunch, dinner = record.exchanges
    assert (made.amount, made.unit, made.allocation) == (1.0, "p", 1.0)
    assert made.comment.all() == ("first line of comment\nsecond line of comment",)
    assert (lunch.amount, lunch.unit) == (2.5e-10, "kg")
    assert dinner.comment.all() == ("first line of the comment\nsecond line of the comment",)
    assert [len(r.exchanges) for r in real(shared, "simple.txt")] == [4, 2]


def test_real_waste_scenario_with_shares(shared: Path) -> None:
    scenario = real(shared, "waste_scenario.csv")[0]
    parts = [(x.amount, x.unit) for x in scenario.exchanges if not x.reference]
    assert parts == [(90.0, "%"), (100.0, "%")]


def test_real_methods_and_flow_lists(shared: Path) -> None:
    records, _, _ = read_all(shared / REAL / "method_end.csv")
    (method,) = [r for r in records if r.kind == "method"]
    assert (method.version, method.results[0].unit) == ("1.04", "UBP/tkm")
    assert method.results[1].amount == 2.0
    records, _, _ = read_all(shared / REAL / "waste_scenario.csv")
    (flow,) = [r.flow for r in records if r.flow is not None]
    assert (flow.cas, flow.formula) == ("000124-38-9", "CO2")


@pytest.mark.parametrize(
    ("separator", "sign", "decimal", "number"),
    [("Semicolon", ";", ",", "0,5"), ("Comma", ",", ".", "0.5"), ("Tab", "\t", ",", "0,5")],
)
def test_separator_and_decimal_as_declared(
    tmp_path: Path, separator: str, sign: str, decimal: str, number: str
) -> None:
    products = f"Steel;kg;{number};100;not defined;Metals;".replace(";", sign)
    record = only(tmp_path, text(block(products), separator=separator, decimal=decimal))
    assert record.exchanges[0].amount == 0.5
    assert record.exchanges[0].unit == "kg"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    content = text(block("Stahl, größer – µ;kg;1;100;not defined;Metalle;")).encode(encoding)
    assert str(only(tmp_path, content).name) == "Stahl, größer – µ"


def test_localised_header(tmp_path: Path) -> None:
    header = (
        "{SimaPro 9.5.0.0}\n{processus}\n{Projet: AGRIBALYSE - Unit}\n{CSV separator: Semicolon}\n"
        "{Decimal separator: ,}\n{Ouvrir bibliothèque : 'x'}\n\n"
    )
    record = only(tmp_path, header + block("Blé;kg;2,5;100;;A;"))
    assert record.exchanges[0].amount == 2.5
    assert dict(record.extras)["Project"] == "AGRIBALYSE - Unit"


def test_header_quoted_and_filled_with_separators(tmp_path: Path) -> None:
    header = (
        '{SimaPro 8.5.0.0};;;\n"{CSV separator: Semicolon}";;;\n{Decimal separator: ,};;;\n;;;\n'
    )
    assert only(tmp_path, header + block("S;kg;1,5;100;;A;")).exchanges[0].amount == 1.5


@pytest.mark.parametrize(
    "heading", ["Non material emissions", "Non material emission", "NON MATERIAL EMISSIONS"]
)
def test_headings_in_any_case_and_number(tmp_path: Path, heading: str) -> None:
    record = only(tmp_path, text(block(more=f"{heading}\nNoise;;km;1;Undefined;0;0;0;\n\n")))
    assert record.exchanges[1].category == ("non-material",)


def test_quoted_cells_over_lines_and_stray_quotes(tmp_path: Path) -> None:
    more = (
        'Materials/fuels\n"Ore; 60""% iron";kg;2;Undefined;0;0;0;"one\ntwo";\n'
        'Pipe 3" wide;kg;3;Undefined;0;0;0;;\nScrap;kg;4;Undefined;0;0;0;;\n\n'
    )
    record = only(tmp_path, text(block(more=more)))
    assert [(x.flow.all()[0], x.amount) for x in record.exchanges[1:]] == [
        ('Ore; 60"% iron', 2.0),
        ('Pipe 3" wide', 3.0),
        ("Scrap", 4.0),
    ]
    assert record.exchanges[1].comment.all() == ("one\ntwo",)


def test_no_uuid_gives_the_same_record_each_time(tmp_path: Path) -> None:
    first = only(tmp_path, text(block()))
    assert first == only(tmp_path, text(block()))
    other = only(tmp_path, text(block().replace("ID1", "ID2")))
    assert other.uuid != first.uuid


def test_sections_have_direction_kind_and_compartment(tmp_path: Path) -> None:
    more = (
        "Avoided products\nHeat;MJ;1;Undefined;0;0;0;\n\n"
        "Resources\nIron;in ground;kg;2;Undefined;0;0;0;\n\n"
        "Emissions to water\nZinc;(unspecified);kg;3;Undefined;0;0;0;\n\n"
        "Final waste flows\nSlag;;kg;4;Undefined;0;0;0;\n\n"
        "Waste to treatment\nDust;kg;5;Undefined;0;0;0;\n\n"
    )
    record = only(tmp_path, text(block(more=more)))
    found = [(x.direction, x.flow_kind, x.category, x.avoided) for x in record.exchanges[1:]]
    assert found == [
        ("output", "product", (), True),
        ("input", "elementary", ("resource", "in ground"), False),
        ("output", "elementary", ("water",), False),
        ("output", "waste", ("final waste",), False),
        ("output", "waste", (), False),
    ]


def test_empty_amount_is_not_zero_and_unknown_name_is_reported(tmp_path: Path) -> None:
    more = "Materials/fuels\nOre;kg;;Undefined;0;0;0;\nCoal;kg;a*2;Undefined;0;0;0;\n\n"
    record = only(tmp_path, text(block(more=more)))
    assert [x.amount for x in record.exchanges[1:]] == [None, None]
    assert record.provenance is not None
    assert "expression that cannot be computed, amount left out" in record.provenance.repairs


def test_parameters_of_process_project_and_database(tmp_path: Path) -> None:
    more = (
        "Materials/fuels\nOre;kg;Loss*scale^2 + base;Undefined;0;0;0;\n\n"
        "Input parameters\nloss;1,5;Undefined;0;0;0;No;;\n\n"
        "Calculated parameters\nscale;loss*2;;\n\n"
    )
    tail = "Project Input parameters\nbase;0,5;Undefined;0;0;0;No;;\n\nEnd\n"
    record = only(tmp_path, text(block(more=more), tail, decimal=","))
    assert record.exchanges[1].amount == 1.5 * 3.0**2 + 0.5


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os')",
        "(1).__class__",
        "9^9^9^9",
        "1/0",
        "a",
        "1 if 1 else 2",
        "(" * 500,
        "2*" * 600 + "1",
        "[1][0]",
        "'x'",
        "ln(-1)",
        "1e999",
        "1or 2",
    ],
)
def test_expressions_reach_nothing_and_never_fail(expression: str) -> None:
    assert Numbers().computed(expression) is None


def test_values_of_expressions() -> None:
    numbers = Numbers(",")
    assert numbers.computed("-1,5*(2+sqrt(4))^2") == -24.0
    assert numbers.plain("1,0E-12") == 1e-12


def test_category_is_kept_beside_the_product(tmp_path: Path) -> None:
    record = only(tmp_path, text(block()))
    assert record.classifications[0].path == ("Metals", "Steel")
    assert record.data_type == "Unit process, single operation"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("steel {RER}| production | Alloc Rec, U", "RER"),
        ("Electricity, at plant/US", "US"),
        ("Rice, at farm/IN U", "IN"),
        ("Soy oil, at plant/kg/RNA", "RNA"),
        ("dinner/CH/I S", "CH"),
    ],
)
def test_place_from_the_name(tmp_path: Path, name: str, code: str) -> None:
    record = only(tmp_path, text(block(f"{name};kg;1;100;not defined;A;")))
    assert record.place is not None
    assert record.place.code == code
    assert record.system_model == ("Alloc Rec" if "|" in name else None)


def test_nameless_block_is_skipped_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text(block(products=""), block()))
    records, skipped, _ = read_all(path)
    assert len(records) == 1
    assert "line 7" in skipped[0].reason
    assert skipped[0].record == "ID1"


def test_unknown_sections_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text(block(more="New section\nwhat;1\n\n")))
    _, _, report = read_all(path)
    assert report.unmapped == {"simapro:new section": 1}


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"{SimaPro 8.0}\n{processes}", True),
        (b'"{SimaPro 8.0}"\r\n', True),
        (b"SimaPro 7\tprocesses\tDate:\t1", True),
        (b"Literature reference\r\n\r\nName\r\nx", True),
        (b"a,b,c\n1,2,3\n", False),
        (b"Process,Name\n1,2\n", False),
    ],
)
def test_recognition_by_content(head: bytes, known: bool) -> None:
    assert READER.recognise("x.dat", head) is known
