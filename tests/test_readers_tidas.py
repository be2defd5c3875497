"""TIDAS JSON gives the same records as ILCD, in whatever shape and wrapping it comes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xmltodict

from lca_rag.readers import ReadReport, Skip, read
from lca_rag.record import Record, Text
from lca_rag.render import embedding_text
from tests.conftest import Reading

DATA = Path(__file__).parent / "data"
SHAPES = DATA / "tidas" / "shapes.json"


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ILCD fixtures as `xmltodict` converts them, which is what TIDAS is."""
    folder = tmp_path_factory.mktemp("tidas")
    for path in (DATA / "ilcd").glob("*/*.xml"):
        target = folder / path.parent.name / f"{path.stem}.json"
        target.parent.mkdir(exist_ok=True)
        tree = xmltodict.parse(path.read_bytes())
        target.write_text(json.dumps(tree, ensure_ascii=False), encoding="utf-8")
    return folder


def test_own_fixtures_give_equal_records(converted: Path) -> None:
    tidas = list(read(converted, database="x"))
    assert len(tidas) == 16
    assert {r.id: r for r in tidas} == {r.id: r for r in read(DATA / "ilcd", database="x")}


def test_five_hundred_processes_give_equal_records(shared: Path, tiangong: Reading) -> None:
    ilcd = {record.id: record for record in tiangong.records}
    report = ReadReport()
    archive = shared / "data" / "tiangong-tidas" / "tiangong_tidas_shared.zip"
    tidas = list(read(archive, database="tiangong", report=report))
    assert dict(report.read) == {"tidas/process": 500, "tidas/flow": 999}
    assert [record.id for record in tidas if ilcd[record.id] != record] == []


@pytest.fixture(scope="module")
def shapes() -> Record:
    (record,) = read(SHAPES, database="x")
    return record


def test_list_object_and_null_are_all_understood(shapes: Record) -> None:
    assert shapes.name.base == Text((("en", "Composting"), ("zh", "堆肥")))
    assert shapes.name.mix == Text.of("at plant")
    assert not shapes.name.treatment
    assert shapes.comment == Text((("", "No language here"),))
    assert len(shapes.exchanges) == 1
    assert shapes.classifications[0].codes == ("E",)


def test_numbers_may_be_numbers(shapes: Record) -> None:
    assert shapes.period.reference_year == 2013
    assert shapes.exchanges[0].amount == 1000.0


def test_references_as_a_list(shapes: Record) -> None:
    assert shapes.references_stated == 2
    assert len(shapes.reference_exchanges) == 1
    assert "**Amount:**" not in embedding_text(shapes)


def test_copyright_in_words(shapes: Record) -> None:
    assert shapes.licence.copyright is False


def wrapped(data_set: object, form: str) -> str:
    match form:
        case "row":
            return json.dumps({"id": "1", "version": "01.01.000", "json": data_set})
        case "ordered row":
            return json.dumps({"id": "1", "json_ordered": json.dumps(data_set)})
        case "list of rows":
            return json.dumps([{"id": "1", "json": data_set}])
        case "list":
            return json.dumps([data_set])
        case "byte order mark":
            return "\ufeff" + json.dumps(data_set)
        case _:
            return json.dumps(data_set) + "\n" + json.dumps({"json": data_set}) + "\n\n"


@pytest.mark.parametrize(
    "form", ["row", "ordered row", "list of rows", "list", "byte order mark", "lines"]
)
def test_wrappings_of_the_platform(tmp_path: Path, shapes: Record, form: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(wrapped(json.loads(SHAPES.read_bytes()), form), encoding="utf-8")
    found = list(read(path, database="x"))
    assert found == [shapes] * (2 if form == "lines" else 1)


def test_flows_in_a_list_are_known_to_the_processes_before_them(
    tmp_path: Path, converted: Path
) -> None:
    process, flow, group, mass = (
        json.loads((converted / name).read_bytes())
        for name in (
            "processes/two-references.json",
            "flows/steel-product.json",
            "unitgroups/mass.json",
            "flowproperties/mass-with-prefix.json",
        )
    )
    path = tmp_path / "all.json"
    path.write_text(json.dumps([process, flow, mass, group]), encoding="utf-8")
    found = {record.kind: record for record in read(path, database="x")}
    assert [item.unit for item in found["process"].exchanges] == [None, "kg", None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"processDataSet": {', "the JSON is malformed"),
        ('{"processDataSet": {"name": 1}}', "no UUID"),
        ('{"processDataSet": {"a": ' + "[" * 10_000 + "]" * 10_000 + "}}", "the JSON"),
        ('{"processDataSet": {"a": ' + '{"a":' * 900 + "1" + "}" * 900 + "}}", "nests too deep"),
        ('{"x": 1, "json": "{", "y": {"processDataSet": {}}}', "inside a row is malformed"),
    ],
)
def test_broken_json_is_reported_in_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text, encoding="utf-8")
    skipped: list[Skip] = []
    assert list(read(path, on_skip=skipped.append)) == []
    assert len(skipped) == 1
    assert words in skipped[0].reason
    assert "broken.json" in skipped[0].path


def test_a_broken_line_spares_the_others(tmp_path: Path, shapes: Record) -> None:
    good = json.dumps(json.loads(SHAPES.read_bytes()))
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{good}\n{{"processDataSet": \n{good}\n', encoding="utf-8")
    skipped: list[Skip] = []
    assert list(read(path, database="x", on_skip=skipped.append)) == [shapes, shapes]
    assert len(skipped) == 1
    assert "line 2 is not valid JSON" in skipped[0].reason


def test_native_examples(shared: Path) -> None:
    folder = shared / "data" / "tidas-sdk-examples"
    found = {record.kind: record for record in read(folder, database="x")}
    process, flow = found["process"], found["flow"]
    assert process.name.mix.preferred() == ("at plant",)
    assert process.name.treatment.preferred() == ("dry sludge, aerobic composting",)
    assert process.classifications[0].codes == ("E", "38", "382", "3821")
    assert process.licence.copyright is False
    assert flow.flow is not None
    assert flow.flow.ec == "600-786-0"
    for record, name in ((process, "process"), (flow, "flow")):
        golden = (folder / f"tidas-example-{name}.md").read_text(encoding="utf-8")
        assert embedding_text(record) == golden
