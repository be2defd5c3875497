from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook, load_workbook

from lca_rag.errors import ReadError
from lca_rag.index import Index
from lca_rag.matching import (
    BomLine,
    LineMatch,
    Matcher,
    Memory,
    lines_of,
    load_model,
    read_lines,
    write_workbook,
)
from lca_rag.matching.asked import understand
from lca_rag.matching.concepts import ancestors, closeness, concepts, narrowed
from lca_rag.matching.features import FEATURES
from lca_rag.matching.memory import guarded
from lca_rag.matching.model import fit_choice, fit_logistic
from lca_rag.matching.subjects import subject
from lca_rag.matching.unitfit import unit_fit
from lca_rag.matching.vocabulary import vocabulary, words
from lca_rag.record import Exchange, Licence, Name, Place, Record, Text
from lca_rag.retriever import Retriever
from tests.hash_encoder import HashEncoder


def process(number: int, name: str, unit: str = "kg", place: str = "RNA") -> Record:
    product = Exchange(
        id="1",
        flow=Text.of(name),
        direction="output",
        amount=1.0,
        unit=unit,
        reference=True,
        flow_kind="product",
    )
    return Record(
        database="demo",
        uuid=f"00000000-0000-4000-8000-{number:012d}",
        kind="process",
        name=Name(base=Text.of(name)),
        place=Place(code=place),
        exchanges=(product,),
        licence=Licence(type="CC0"),
    )


RECORDS = [
    process(1, "Hot rolled sheet, steel, at plant"),
    process(2, "Cold rolled sheet, steel, at plant"),
    process(3, "Polyethylene, high density, resin, at plant"),
    process(4, "Polyethylene, low density, resin, at plant"),
    process(5, "Electricity, at eGrid, ERCT, 2010", "kWh"),
    process(6, "Electricity, at Grid, US, 2010", "kWh"),
    process(7, "Transport, ocean freighter, average fuel mix", "t*km"),
    process(8, "Quicklime, at plant"),
    process(9, "Zinc, sheet", place="GLO"),
    process(10, "Gypsum wallboard product, regular, 0.5 inch (12.7 mm)", "m2"),
    process(11, "Diesel, combusted in industrial equipment", "l"),
    process(12, "=Portland cement, at plant"),
]


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matcher]:
    index = Index.open(tmp_path_factory.mktemp("bom") / "index", encoder=HashEncoder())
    index.sync(RECORDS)
    yield Matcher(Retriever(index))
    index.close()


def number_of(match: LineMatch) -> int:
    return int(match.candidates[0].record.uuid[-12:])


def line(description: str, unit: str = "kg", **more: str) -> BomLine:
    return BomLine(line="1", description=description, amount=2.0, unit=unit, **more)


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        (line("HR STEEL SHEET 3MM", "t"), 1),
        (line("热轧钢卷 Q235B", "t", place="China"), 1),
        (line("HDPE granules, injection", "lb"), 3),
        (line("Power, Austin: electricity", "MWh", place="Texas, US"), 5),
        (line("Electricity, US average", "kWh", place="US"), 6),
        (line("Container ship", "tkm"), 7),
        (line("Branntkalk, gemahlen", "t", place="Germany"), 8),
        (line("Sheetrock 1/2 in", "sq ft"), 10),
        (line("Genset diesel burn", "gal"), 11),
    ],
)
def test_lines_find_their_data_set(matcher: Matcher, asked: BomLine, number: int) -> None:
    (match,) = matcher.match([asked])
    assert number_of(match) == number
    assert match.decision == "match"
    assert 0 <= match.confidence <= 1
    chances = [candidate.confidence for candidate in match.candidates]
    assert chances == sorted(chances, reverse=True)


@pytest.mark.parametrize(
    "asked",
    [
        line("TiO2 rutile pigment", "t"),
        line("Laptop 14 in", "EA"),
        line("Electricity", "MWh", place="Germany"),
        line("Copper magnet wire"),
        line("NRE tooling charge", "lot"),
        line("Air cargo Frankfurt - Chicago", "tkm"),
    ],
)
def test_what_is_not_there_is_not_matched(matcher: Matcher, asked: BomLine) -> None:
    (match,) = matcher.match([asked])
    assert match.decision == "none"
    assert match.confidence < load_model().threshold


def test_reasons_name_proxies_and_units(matcher: Matcher) -> None:
    (match,) = matcher.match([line("Hydrated lime, bagged", "t", place="DE")])
    reasons = match.candidates[0].reasons
    assert "proxy by product: the line is hydrated lime, the data set quicklime" in reasons
    assert any(text.startswith("proxy by place: asked DE, got RNA") for text in reasons)
    assert "unit: 1 t = 1,000 kg" in reasons
    assert match.candidates[0].unit.factor == pytest.approx(1000)


def test_units_that_do_not_fit_are_told() -> None:
    sheet = subject(RECORDS[0])
    fit = unit_fit(understand(line("Hot rolled steel", "sheet")), sheet)
    assert (fit.kind, fit.factor) == ("mismatch", None)
    told = unit_fit(understand(line("Hot rolled steel", "sheet", note="106 kg per sheet")), sheet)
    assert told.kind == "factor"
    assert told.factor == pytest.approx(106)
    gas = unit_fit(understand(line("Hot rolled steel", "l", note="density 0.791 kg/L")), sheet)
    assert gas.factor == pytest.approx(0.791)


def test_rights_hide_data_sets(matcher: Matcher) -> None:
    (match,) = matcher.match([line("Hot rolled steel sheet")], rights=())
    assert match.candidates == ()
    (match,) = matcher.match([line("Hot rolled steel sheet")], database="other")
    assert match.decision == "none"
    assert match.candidates == ()


def test_confirmed_matches_are_remembered(matcher: Matcher, tmp_path: Path) -> None:
    memory = Memory.load(tmp_path / "memory.csv")
    asked = line("=Widget 7", "EA")
    assert memory.recall(asked) is None
    memory.confirm(asked, RECORDS[8].key)
    again = Memory.load(tmp_path / "memory.csv")
    assert again.recall(line("=widget  7", "EA")) == RECORDS[8].key
    assert "'=widget 7" in (tmp_path / "memory.csv").read_text(encoding="utf-8")
    (match,) = Matcher(matcher.retriever, memory=again).match([asked])
    assert match.remembered
    assert (match.decision, match.confidence, number_of(match)) == ("match", 1.0, 9)
    (tmp_path / "memory.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ReadError, match="column 'description' is missing"):
        Memory.load(tmp_path / "memory.csv")


@pytest.mark.parametrize(
    "header",
    [
        ["Pos.", "Bezeichnung", "Menge", "Einheit", "Herkunft", "Bemerkung"],
        ["序号", "物料名称", "数量", "单位", "产地", "备注"],
        ["line_id", "Description", "Qty", "UoM", "Country", "Notes"],
        ["No", "Descripción", "Cantidad", "Unidad", "País", "Nota"],
    ],
)
def test_columns_are_found_in_any_language(header: list[str]) -> None:
    table = [
        ["Bill of materials", "", "", "", "", ""],
        header,
        ["7", "Steel", "1.5", "t", "DE", "x"],
    ]
    (found,) = lines_of(table, "test")
    assert found == BomLine(
        line="7", description="Steel", amount=1.5, unit="t", place="DE", note="x"
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [("1,234.5", 1234.5), ("1.234,5", 1234.5), ("1,5", 1.5), ("1,234", 1234.0), ("x", None)],
)
def test_numbers_of_both_worlds(text: str, number: float | None) -> None:
    (found,) = lines_of([["name", "qty"], ["a", text]], "test")
    assert found.amount == number


def test_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("名称;数量;单位\n水泥;3;吨\n;;\n".encode("gb18030"))
    assert [item.description for item in read_lines(tmp_path / "a.csv")] == ["水泥"]
    book = Workbook()
    assert book.active is not None
    book.active.append(["cover"])
    sheet = book.create_sheet("bom")
    sheet.append(["Material", "Quantity"])
    sheet.append(["Cement", 3])
    book.save(tmp_path / "b.xlsx")
    (found,) = read_lines(tmp_path / "b.xlsx")
    assert (found.description, found.amount) == ("Cement", 3.0)
    (tmp_path / "c.csv").write_text("x,y\n1,2\n")
    with pytest.raises(ReadError, match="no column describes"):
        read_lines(tmp_path / "c.csv")
    (tmp_path / "d.xlsx").write_text("no workbook")
    with pytest.raises(ReadError, match="no XLSX"):
        read_lines(tmp_path / "d.xlsx")
    with pytest.raises(ReadError, match="no such file"):
        read_lines(tmp_path / "e.csv")


def test_workbook_has_three_sheets_and_no_formula(matcher: Matcher, tmp_path: Path) -> None:
    lines = [
        BomLine(line="1", description="=cmd|'/c calc'!A0 Portland cement", amount=2.0, unit="t"),
        BomLine(line="2", description="+TiO2 pigment\x07", amount=None, unit="kg"),
    ]
    matches = matcher.match(lines)
    write_workbook(matches, tmp_path / "out.xlsx")
    book = load_workbook(tmp_path / "out.xlsx")
    assert book.sheetnames == ["matches", "gaps", "sources"]
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                assert not str(cell.value or "").startswith(("=", "+", "@"))
    assert book["matches"]["H2"].value == pytest.approx(2000)
    assert book["sources"]["H2"].value == "CC0"
    assert book["gaps"]["A2"].value == "2"


def test_formulas_are_guarded() -> None:
    assert [guarded(text) for text in ("=1", "+1", "-1", "@a", "a=1")] == [
        "'=1",
        "'+1",
        "'-1",
        "'@a",
        "a=1",
    ]


def test_vocabulary_is_sound() -> None:
    parents = vocabulary().parents
    assert len(parents) > 300
    for concept, parent in parents.items():
        assert parent is None or parent in parents, concept
        assert concept not in ancestors(concept)
    assert [item.concept for item in concepts("Vinyl roof membrane")] == ["pvc membrane"]
    assert narrowed(["steel", "steel billet"])[0] == "steel billet"
    assert closeness("hydrated lime", "quicklime") > closeness("quicklime", "cement") == 0


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("Blech 1.4301, 2 mm", "stainless steel 304"),
        ("42CrMo4, 40 mm rund", "alloy steel"),
        ("EN AW-6060 T66", "aluminium extrusion"),
        ("Gehäuse EN AC-46000", "aluminium casting"),
        ("CEM III/B 42,5", "blended cement"),
        ("CEM I 52.5 R", "cement"),
        ("Beton C30/37", "concrete"),
        ("PA66-GF30 schwarz", "pa66"),
        ("PA6 GF30", "pa6"),
        ("Kupferdrähte blank", "copper"),
        ("Edelstahlbleche", "stainless steel"),
        ("acido sulfurico 98 %", "sulphuric acid"),
        ("Hexan? hexane, extraction grade", "hydrocarbon solvent: hexane"),
        ("尼龙66 粒料", "pa66"),
        ("玻璃纤维增强聚丙烯", "polypropylene"),
        ("Heizöl EL", "light fuel oil"),
        ("Heizoel", "light fuel oil"),
    ],
)
def test_designations_compounds_and_languages(text: str, concept: str) -> None:
    assert understand(line(text)).concepts[0] == concept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nylon 6", "Nylon 66"),
        ("HDPE", "UHMWPE"),
        ("HDPE", "recycled HDPE"),
        ("42CrMo4", "1.4301"),
        ("primary aluminium", "secondary aluminium"),
        ("Diesel", "Diesel burned in generator"),
        ("Hexane", "Cyclohexane"),
        ("Copper", "Copper sulphate"),
        ("Binnenschiff", "Seeschiff"),
        ("Portland cement", "CEM III/A"),
        ("Polybutadiene", "Neoprene"),
        ("Zinc", "Zinc oxide"),
    ],
)
def test_near_misses_stay_apart(one: str, other: str) -> None:
    first, second = (understand(line(text)).concepts[0] for text in (one, other))
    assert closeness(first, second) == closeness(second, first) == 0


def test_a_salt_is_not_its_metal() -> None:
    assert understand(line("Kupferdraht")).concepts == ("copper",)
    assert understand(line("Kupfernitrat")).concepts == ()


def test_power_needs_no_name() -> None:
    assert understand(line("Site 4, night tariff", "MWh")).concepts == ("electricity",)
    assert understand(line("Wind power, electricity", "kWh")).concepts[0] == "electricity wind"
    assert "electricity" not in understand(line("Site 4", "kg")).concepts


def test_british_and_american_wordings_are_one() -> None:
    for british, american in (("aluminium fibre", "aluminum fiber"), ("sulphur", "sulfur")):
        assert words(british) == words(american)


def test_weights_keep_their_sign() -> None:
    tables = [np.array([[1.0, 0.0], [0.0, 1.0]])] * 3
    gains = [np.array([0.0, 1.0])] * 3
    free = fit_choice(tables, gains, ("x", "y"), ridge=0.1)
    assert free.weights[0] < 0 < free.weights[1]
    held = fit_choice(tables, gains, ("x", "y"), ridge=0.1, signs={"x": 1, "y": 1})
    assert held.weights[0] == 0 < held.weights[1]


def test_given_weights_and_signs_hold_in_the_confidence() -> None:
    rows = np.array([[0.0, 1.0], [1.0, 0.0], [0.1, 0.9], [0.9, 0.2]])
    labels = np.array([0.0, 1.0, 0.0, 1.0])
    held = fit_logistic(rows, labels, ("x", "y"), ridge=0.1, signs={"y": 1}, prior={"x": -1.0})
    free = fit_logistic(rows, labels, ("x", "y"), ridge=0.1)
    assert free.weights[1] < 0 == held.weights[1]
    given = fit_logistic(rows, labels, ("x", "y"), ridge=1e9, prior={"x": -1.0})
    assert given.weights == pytest.approx([-1.0, 0.0], abs=1e-6)
    tables = [np.array([[1.0, 0.0], [0.0, 1.0]])] * 3
    least = fit_choice(tables, [np.array([0.0, 1.0])] * 3, ("x", "y"), ridge=0.1, least={"x": 0.4})
    assert least.weights[0] == pytest.approx(0.4)


def test_models_are_fitted_and_kept() -> None:
    rows = np.array([[0.0], [1.0], [0.2], [0.9]])
    model = fit_logistic(rows, np.array([0.0, 1.0, 0.0, 1.0]), ("x",), ridge=0.1)
    chances = model.probability(rows)
    assert chances[0] < chances[2] < 0.5 < chances[3] < chances[1]
    choice = fit_choice([rows, rows], [np.array([0.0, 1, 0, 0])] * 2, ("x",), ridge=0.01)
    assert int(np.argmax(choice.score(rows))) == 1
    shipped = load_model()
    assert shipped.ranking.names == FEATURES
    assert 0 < shipped.threshold < 1


def test_a_model_of_other_features_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(load_model().to_json().replace("same concept", "other", 1), encoding="utf-8")
    with pytest.raises(ReadError, match="fit it again"):
        load_model(path)


def test_the_shared_lines_are_read(shared: Path) -> None:
    path = shared / "benchmark" / "bom" / "dev.csv"
    found = read_lines(path)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [item.line for item in found] == [row["line_id"] for row in rows]
    assert [item.unit or "" for item in found] == [row["unit"] for row in rows]
    assert [item.place or "" for item in found] == [row["place"] for row in rows]
