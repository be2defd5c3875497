"""openLCA JSON-LD: both schema versions, every pitfall met in real packages."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lca_rag.readers import ReadReport, Skip, read
from lca_rag.readers.jsonld import READER
from lca_rag.readers.jsonld_records import DAY_LOST
from lca_rag.record import Record, version_key

V1 = "data/uslci-fy17-jsonld-v1/uslci_fy17_jsonld_shared.zip"
V2 = "data/uslci-2024-jsonld-v2/uslci_2024_jsonld2_shared.zip"
BEEF = "data/jsonld-bw2io/beef_cattle_finishing.zip"

PROCESS = "00000000-0000-4000-8000-000000000001"
FLOW = "00000000-0000-4000-8000-000000000002"
CO2 = "00000000-0000-4000-8000-000000000003"
Json = Mapping[str, object]


def exchange(**more: object) -> Json:
    return {
        "@type": "Exchange",
        "flow": {"@type": "Flow", "@id": FLOW, "name": "Steel", "flowType": "PRODUCT_FLOW"},
        "unit": {"@type": "Unit", "name": "kg"},
        "flowProperty": {"@type": "FlowProperty", "@id": "mass", "name": "Mass"},
        "amount": 1.0,
        **more,
    }


def process(**more: object) -> Json:
    return {
        "@type": "Process",
        "@id": PROCESS,
        "name": "Steel production",
        "processType": "UNIT_PROCESS",
        "version": "00.00.003",
        "exchanges": [exchange(isQuantitativeReference=True, isInput=False)],
        **more,
    }


def flow(**more: object) -> Json:
    return {
        "@type": "Flow",
        "@id": CO2,
        "name": "Carbon dioxide",
        "flowType": "ELEMENTARY_FLOW",
        "version": "01.00.000",
        "flowProperties": [
            {
                "isRefFlowProperty": True,
                "conversionFactor": 1.0,
                "flowProperty": {"@id": "mass", "name": "Mass", "refUnit": "kg"},
            }
        ],
        **more,
    }


def package(folder: Path, *objects: Json) -> Path:
    """A folder with the standard layout."""
    folders = {"Process": "processes", "Flow": "flows", "Location": "locations"}
    folders |= {"Category": "categories", "UnitGroup": "unit_groups"}
    folders |= {"FlowProperty": "flow_properties", "ImpactCategory": "lcia_categories"}
    for number, value in enumerate(objects):
        path = folder / folders[str(value["@type"])] / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), encoding="utf-8")
    return folder


def read_all(
    path: Path, database: str | None = None
) -> tuple[list[Record], list[Skip], ReadReport]:
    skipped: list[Skip] = []
    report = ReadReport()
    records = list(read(path, on_skip=skipped.append, report=report, database=database))
    return records, skipped, report


def one(folder: Path, *objects: Json) -> Record:
    """The only process that a package of these objects gives."""
    records, skipped, _ = read_all(package(folder, *objects))
    assert skipped == []
    (found,) = [record for record in records if record.kind == "process"]
    return found


@pytest.fixture(scope="module")
def v1(shared: Path) -> tuple[list[Record], list[Skip], ReadReport]:
    return read_all(shared / V1, database="uslci")


@pytest.fixture(scope="module")
def v2(shared: Path) -> tuple[list[Record], list[Skip], ReadReport]:
    return read_all(shared / V2, database="uslci")


def by_start(records: list[Record], start: str) -> Record:
    (found,) = [record for record in records if record.uuid.startswith(start)]
    return found


def test_us_lci_counts_of_schema_1(v1: tuple[list[Record], list[Skip], ReadReport]) -> None:
    records, skipped, report = v1
    assert report.read == {"jsonld/process": 562, "jsonld/flow": 4234}
    assert skipped == []
    assert len({record.uuid for record in records}) == 562 + 4234


def test_us_lci_counts_of_schema_2(v2: tuple[list[Record], list[Skip], ReadReport]) -> None:
    _, skipped, report = v2
    assert report.read == {"jsonld/process": 431, "jsonld/flow": 3598}
    assert skipped == []


def test_beef_counts_and_its_system(shared: Path) -> None:
    records, skipped, report = read_all(shared / BEEF)
    assert report.read == {"jsonld/process": 8, "jsonld/flow": 48, "jsonld/model": 1}
    assert skipped == []
    (system,) = [record for record in records if record.kind == "model"]
    assert [r.role for r in system.references].count("included process") == 8
    assert (system.exchanges[0].amount, system.exchanges[0].unit) == (2914841.44, "kg")


def test_single_objects_of_the_schema_s_examples(shared: Path) -> None:
    records, skipped, report = read_all(shared / "data/olca-schema-examples")
    assert report.read["jsonld/process"] == 1
    assert report.read["jsonld/flow"] == 1
    assert skipped == []
    (steel,) = [record for record in records if record.kind == "process"]
    assert steel.place is not None
    assert steel.place.code == "Germany"
    (method,) = [record for record in records if record.kind == "method"]
    assert method.results[0].unit == "kg antimony eq./kg"


def test_both_schemas_give_versions_of_one_record_newest_first(
    v1: tuple[list[Record], list[Skip], ReadReport],
    v2: tuple[list[Record], list[Skip], ReadReport],
) -> None:
    old = {record.key: record for record in v1[0] if record.kind == "process"}
    new = {record.key: record for record in v2[0] if record.kind == "process"}
    common = old.keys() & new.keys()
    assert len(common) == 360
    assert all(version_key(new[key].version) > version_key(old[key].version) for key in common)
    assert len({record.id for key in common for record in (old[key], new[key])}) == 720


def test_texts_of_both_schemas_agree_where_the_sources_do(
    v1: tuple[list[Record], list[Skip], ReadReport],
    v2: tuple[list[Record], list[Skip], ReadReport],
) -> None:
    old = {record.uuid: record for record in v1[0] if record.kind == "process"}
    new = {record.uuid: record for record in v2[0] if record.kind == "process"}
    common = sorted(old.keys() & new.keys())
    same_name = sum(old[uuid].name == new[uuid].name for uuid in common)
    assert len(common) - same_name == 18, "renamed between the releases"
    assert sum(old[uuid].technology == new[uuid].technology for uuid in common) == 331
    assert {old[uuid].data_type for uuid in common} == {new[uuid].data_type for uuid in common}


def test_units_categories_and_cas_come_from_other_files_in_schema_1(
    v1: tuple[list[Record], list[Skip], ReadReport],
) -> None:
    lime = by_start(v1[0], "9c0c2415")
    limestone = next(x for x in lime.exchanges if "imestone" in str(x.flow.all()))
    assert (limestone.amount, limestone.unit, limestone.direction) == (1.87, "kg", "input")
    assert lime.classifications[0].path == (
        "Nonmetallic Mineral Product Manufacturing",
        "Lime Manufacturing",
    )
    methane = next(r for r in v1[0] if r.flow is not None and r.flow.cas == "000074-82-8")
    assert methane.flow is not None
    assert methane.flow.properties[0].unit == "kg"
    used = (x for r in v1[0] for x in r.exchanges if x.flow_uuid == methane.uuid)
    assert next(used).cas == "000074-82-8"


def test_year_9999_means_unknown(
    tmp_path: Path, v1: tuple[list[Record], list[Skip], ReadReport]
) -> None:
    about = {"validFrom": "9999-01-01T00:00:00-07:00", "validUntil": "9998-12-31"}
    record = one(tmp_path, process(processDocumentation=about))
    assert record.period.start is None
    assert record.period.end is None
    assert record.period.valid_until is None
    assert record.provenance is not None
    assert record.provenance.repairs == ("year that means unknown dropped",)
    real = by_start(v1[0], "01d6d9c6") if any(r.uuid[:8] == "01d6d9c6" for r in v1[0]) else None
    assert real is None or real.period.start is None or real.period.start < 2100
    assert all((r.period.start or 0) < 2100 for r in v1[0])


@pytest.mark.parametrize(
    "date", ["2010-01-01T00:00:00-07:00", "2010-12-30", "2010-01-01-05:00", " 2010"]
)
def test_dates_with_and_without_time(tmp_path: Path, date: str) -> None:
    record = one(tmp_path, process(processDocumentation={"validFrom": date}))
    assert (record.period.reference_year, record.period.start) == (2010, 2010)


@pytest.mark.parametrize(
    ("dates", "years"),
    [
        (("2009-12-31", "2010-12-30"), (2010, 2010)),
        (("2009-12-31", "2009-12-31"), (2010, 2010)),
        (("2009-12-31", "2012-12-31"), (2010, 2013)),
        (("2009-12-31", None), (2010, None)),
        (("2009-12-31T00:00:00-07:00", "2009-12-31T00:00:00-07:00"), (2009, 2009)),
        (("2010-01-01", "2010-12-31"), (2010, 2010)),
        ((None, "2010-12-31"), (None, 2010)),
    ],
)
def test_a_period_that_begins_on_the_last_day_of_a_year_lost_a_day(
    tmp_path: Path, dates: tuple[str | None, str | None], years: tuple[int | None, int | None]
) -> None:
    about = {"validFrom": dates[0], "validUntil": dates[1]}
    record = one(tmp_path, process(processDocumentation=about))
    period = record.period
    assert (period.reference_year, period.valid_until) == (period.start, period.end) == years
    assert record.provenance is not None
    mended = dates[0] == "2009-12-31"
    assert (DAY_LOST in record.provenance.repairs) is mended
    assert (("Valid from", "2009-12-31") in record.extras) is mended


def test_releases_of_the_us_lci_agree_in_their_years(
    v1: tuple[list[Record], list[Skip], ReadReport], v2: tuple[list[Record], list[Skip], ReadReport]
) -> None:
    """The release of 2024 states days, most of them a day early; that of 2017 times with a zone."""
    older = {r.uuid: r.period.reference_year for r in v1[0] if r.kind == "process"}
    newer = {r.uuid: r.period.reference_year for r in v2[0] if r.kind == "process"}
    common = older.keys() & newer.keys()
    assert len(common) == 360
    assert sum(older[uuid] == newer[uuid] for uuid in common) >= 340


@pytest.mark.parametrize("filler", ["Unspecified", "unspecified", "NA", "text for sampling", "-"])
def test_fillers_are_dropped_and_counted(tmp_path: Path, filler: str) -> None:
    about = {"samplingDescription": filler, "technologyDescription": filler}
    records, _, report = read_all(package(tmp_path, process(processDocumentation=about)))
    assert not records[0].technology
    assert records[0].details == ()
    assert report.repaired["filler text dropped"] == 1


def test_boiler_plate_is_no_description(
    tmp_path: Path, v1: tuple[list[Record], list[Skip], ReadReport]
) -> None:
    notice = (
        "Important note: although most of the data in the US LCI database has \n"
        "undergone some sort of review, the database as a whole has not yet"
    )
    record = one(tmp_path, process(description=notice))
    assert not record.comment
    assert record.details[0][0] == "Notice"
    moved = [r for r in v1[0] if any(label == "Notice" for label, _ in r.details)]
    assert len(moved) > 60
    assert not any(r.comment for r in moved)


def test_no_description_and_no_location(
    tmp_path: Path, v2: tuple[list[Record], list[Skip], ReadReport]
) -> None:
    record = one(tmp_path, process())
    assert not record.comment
    assert record.place is None
    assert sum(r.place is None for r in v2[0] if r.kind == "process") == 11


def test_line_ends_blanks_and_doubled_quotes_are_mended(tmp_path: Path) -> None:
    about = {"restrictionsDescription": ' These data (""Data"") are\r\nfree. '}
    record = one(tmp_path, process(name="  Steel\r\n ", processDocumentation=about))
    assert record.licence.restrictions.all() == ('These data ("Data") are\nfree.',)
    assert str(record.name) == "Steel"
    assert record.provenance is not None
    assert set(record.provenance.repairs) == {"line ends unified", "doubled quotes undone"}


def test_nul_and_control_characters_are_dropped(tmp_path: Path) -> None:
    record = one(tmp_path, process(description="a\x00b\x0bc"))
    assert record.comment.all() == ("abc",)


def test_copy_in_a_name_stays(tmp_path: Path) -> None:
    assert str(one(tmp_path, process(name="Steel (copy)")).name) == "Steel (copy)"


def test_thousands_of_exchanges(v2: tuple[list[Record], list[Skip], ReadReport]) -> None:
    assert len(by_start(v2[0], "662f589e").exchanges) == 2429


def test_product_named_differently_from_its_process(
    v2: tuple[list[Record], list[Skip], ReadReport],
) -> None:
    processes = [r for r in v2[0] if r.kind == "process"]
    other = [r for r in processes if r.reference_exchanges[0].flow.all() != r.name.base.all()]
    assert len(other) == 204


def test_no_quantitative_reference(tmp_path: Path, shared: Path) -> None:
    record = one(tmp_path, process(exchanges=[exchange(isInput=False)]))
    assert record.reference_exchanges == ()
    assert record.references_stated == 0
    assert record.reference_type is None
    assert by_start(read_all(shared / BEEF)[0], "bb4f02fd").reference_exchanges == ()


def test_reference_that_is_an_input(
    tmp_path: Path, v2: tuple[list[Record], list[Skip], ReadReport]
) -> None:
    record = one(tmp_path, process(exchanges=[exchange(input=True, quantitativeReference=True)]))
    assert record.reference_exchanges[0].direction == "input"
    assert by_start(v2[0], "6986d506").reference_exchanges[0].direction == "input"


def test_cutoff_flows_keep_their_name(v1: tuple[list[Record], list[Skip], ReadReport]) -> None:
    names = {str(x.flow.all()[0]) for r in v1[0] for x in r.exchanges if x.flow}
    assert any(name.startswith("CUTOFF ") for name in names)


def test_units_inline_where_the_package_has_no_unit_groups(
    v2: tuple[list[Record], list[Skip], ReadReport],
) -> None:
    flows = [r.flow for r in v2[0] if r.flow is not None]
    assert all(facts.properties[0].unit for facts in flows)
    assert all(x.unit for r in v2[0] for x in r.exchanges)


def test_cas_padded_or_not_is_kept_as_written(
    tmp_path: Path, v2: tuple[list[Record], list[Skip], ReadReport]
) -> None:
    records, _, _ = read_all(package(tmp_path, flow(cas="000124-38-9", formula="-")))
    facts = records[0].flow
    assert facts is not None
    assert (facts.cas, facts.formula) == ("000124-38-9", None)
    aluminium = next(r for r in v2[0] if str(r.name) == "Aluminum" and r.flow and r.flow.cas)
    assert aluminium.flow is not None
    assert aluminium.flow.cas == "7429-90-5"


def test_flows_without_synonyms(v2: tuple[list[Record], list[Skip], ReadReport]) -> None:
    assert sum(bool(r.synonyms) for r in v2[0] if r.kind == "flow") == 4


def test_a_flow_told_in_two_ways_is_read_as_each_exchange_tells_it(tmp_path: Path) -> None:
    steel = {"@type": "Flow", "@id": FLOW, "name": "Steel", "flowType": "PRODUCT_FLOW"}
    told: list[Json] = [
        steel,
        steel,
        {**steel, "name": "Steel scrap", "flowType": "WASTE_FLOW"},
        {**steel, "category": "Metals/Steel", "location": {"@id": "us", "name": "US"}},
        {**steel, "category": "Metals/Scrap"},
        steel,
    ]
    record = one(tmp_path, process(exchanges=[exchange(flow=flow) for flow in told]))
    assert [(x.flow.all()[0], x.flow_kind, x.category, x.location) for x in record.exchanges] == [
        ("Steel", "product", (), None),
        ("Steel", "product", (), None),
        ("Steel scrap", "waste", (), None),
        ("Steel", "product", ("Metals", "Steel"), "US"),
        ("Steel", "product", ("Metals", "Scrap"), None),
        ("Steel", "product", (), None),
    ]


def test_references_nested_a_thousand_deep_are_never_compared(tmp_path: Path) -> None:
    flow = {"@type": "Flow", "@id": FLOW, "name": "Steel", "category": "deep"}
    folder = package(tmp_path, process(exchanges=[exchange(flow=flow), exchange(flow=flow)]))
    path = folder / "processes" / "0.json"
    deep = "[" * 1015 + "]" * 1015  # as deep as orjson reads
    path.write_text(path.read_text("utf-8").replace('"deep"', deep), encoding="utf-8")
    records, skips, _ = read_all(folder)
    assert skips == []
    record = records[0]
    assert [x.flow.all()[0] for x in record.exchanges] == ["Steel", "Steel"]


def test_location_code_from_the_location_file(tmp_path: Path) -> None:
    location = {"@type": "Location", "@id": "loc", "code": "RNA", "name": "Northern America"}
    pointer = {"@type": "Location", "@id": "loc", "name": "Northern America"}
    place = one(tmp_path, location, process(location=pointer)).place
    assert place is not None
    assert (place.code, place.name) == ("RNA", "Northern America")


def test_category_as_path_as_chain_and_as_list(tmp_path: Path) -> None:
    top = {"@type": "Category", "@id": "a", "name": "Metals"}
    low = {"@type": "Category", "@id": "b", "name": "Steel", "category": {"@id": "a"}}
    chain = one(tmp_path / "chain", top, low, process(category={"@id": "b", "name": "Steel"}))
    listed = {"name": "Steel", "categoryPath": ["Metals"]}
    assert chain.classifications[0].path == ("Metals", "Steel")
    assert one(tmp_path / "path", process(category="Metals/Steel")) == chain_in(chain, "path")
    assert one(tmp_path / "list", process(category=listed)) == chain_in(chain, "list")
    coded = one(tmp_path / "code", process(category="31-33: Manufacturing/3261: Plastics"))
    assert coded.classifications[0].codes == ("31-33", "3261")


def chain_in(record: Record, database: str) -> Record:
    return replace(record, database=database)


def test_categories_in_a_circle_end(tmp_path: Path) -> None:
    a = {"@type": "Category", "@id": "a", "name": "A", "category": {"@id": "b"}}
    b = {"@type": "Category", "@id": "b", "name": "B", "category": {"@id": "a"}}
    assert one(tmp_path, a, b, process(category={"@id": "a"})).classifications[0].path == ("B", "A")


def test_missing_amount_is_not_zero(tmp_path: Path) -> None:
    bare = {key: value for key, value in exchange().items() if key != "amount"}
    record = one(tmp_path, process(exchanges=[bare, exchange(amount=0), exchange(amount=-2.5)]))
    assert [x.amount for x in record.exchanges] == [None, 0.0, -2.5]


def test_share_provider_avoided_and_comment(tmp_path: Path) -> None:
    factors = [
        {"allocationType": "PHYSICAL_ALLOCATION", "product": {"@id": FLOW}, "value": 0.8},
        {"allocationType": "ECONOMIC_ALLOCATION", "product": {"@id": FLOW}, "value": 0.3},
        {"allocationType": "CAUSAL_ALLOCATION", "product": {"@id": FLOW}, "exchange": {}},
    ]
    record = one(
        tmp_path,
        process(
            defaultAllocationMethod="PHYSICAL_ALLOCATION",
            allocationFactors=factors,
            exchanges=[
                exchange(isQuantitativeReference=True),
                exchange(isInput=True, defaultProvider={"@id": "supplier"}, description="scrap"),
                exchange(isAvoidedProduct=True),
            ],
        ),
    )
    made, used, avoided = record.exchanges
    assert made.allocation == 0.8
    assert record.method_approaches == ("Allocation - physical causality",)
    assert (used.provider, used.comment.all(), used.allocation) == ("supplier", ("scrap",), None)
    assert avoided.avoided


def test_data_type_in_common_words_and_in_the_source_s(tmp_path: Path) -> None:
    record = one(tmp_path, process())
    assert record.data_type == "Unit process, single operation"
    assert ("Process type", "UNIT_PROCESS") in record.extras


def test_git_layout(tmp_path: Path) -> None:
    path = tmp_path / "PROCESS" / "Metals%2FSteel" / f"{PROCESS}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(process(category="Metals/Steel")))
    (tmp_path / "openlca.json").write_text('{"schemaVersion": 3}')
    records, skipped, _ = read_all(tmp_path)
    assert [r.uuid for r in records] == [PROCESS]
    assert skipped == []


def test_several_objects_in_one_member_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "anything.txt.json").write_text(json.dumps([flow(), process()]))
    records, _, _ = read_all(tmp_path)
    assert {r.kind for r in records} == {"flow", "process"}


def test_two_releases_in_one_archive_keep_their_own_locations(tmp_path: Path) -> None:
    archive = tmp_path / "both.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for release, code in (("old", "RNA"), ("new", "US")):
            location = {"@type": "Location", "@id": "l", "code": code, "name": "America"}
            value = process(version=f"0{len(release)}", location={"@id": "l", "name": "America"})
            file.writestr(f"{release}/locations/l.json", json.dumps(location))
            file.writestr(f"{release}/processes/p.json", json.dumps(value))
    records, _, _ = read_all(archive)
    assert sorted(r.place.code for r in records if r.place) == ["RNA", "US"]


def test_broken_members_are_skipped_with_a_sentence_and_the_rest_is_read(tmp_path: Path) -> None:
    package(tmp_path, process())
    for name, text in (
        ("cut.json", '{"@type": "Process", "@id": "x", "na'),
        ("deep.json", '{"@type": "Flow", "@id": "x", "a": ' + "[" * 10_000),
        ("noid.json", '{"@type": "Flow", "name": "nameless"}'),
        (
            "odd.json",
            '{"@type": "Process", "@id": "odd", "name": 5, "exchanges": [1, {"flow": 2}]}',
        ),
    ):
        (tmp_path / "processes" / name).write_text(text)
    records, skipped, _ = read_all(tmp_path)
    assert {r.uuid for r in records} == {PROCESS, "odd"}
    reasons = {Path(skip.path).name: skip.reason for skip in skipped}
    assert "not valid JSON" in reasons["folder!processes/cut.json".rpartition("/")[2]]
    assert "not valid JSON" in reasons["deep.json"]
    assert "no @id" in reasons["noid.json"]


def test_unmapped_fields_are_counted(tmp_path: Path) -> None:
    _, _, report = read_all(package(tmp_path, process(parameters=[{"name": "x"}], surprise=1)))
    assert report.unmapped == {
        "jsonld:Process.parameters": 1,
        "jsonld:Process.surprise": 1,
    }


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b'{"@context": "x", "@type": "Process"', True),
        (b'\xef\xbb\xbf {"@type":"Flow"', True),
        (b'[{"@type": "Source"', True),
        (b'{"schemaVersion": 2}', True),
        (b'{"processDataSet": {"@type": "Process"', True),
        (b'{"processDataSet": {"ref": {"@type": "flow data set"', False),
        (b"\x1f\x8b\x08 gzip of layout.json", False),
        (b"<process/>", False),
    ],
)
def test_recognition_by_content(head: bytes, known: bool) -> None:
    assert READER.recognise("layout.json", head) is known
