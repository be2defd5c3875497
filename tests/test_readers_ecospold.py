"""EcoSpold 1 and 2: every pitfall met in real files, and the master data that files may need."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lca_rag.readers import ReadReport, Skip, ecospold1, ecospold2, read
from lca_rag.readers.ecospold2_activity import record_uuid
from lca_rag.record import Record

ACTIVITY = "00000000-0000-4000-8000-00000000000a"
PRODUCT = "00000000-0000-4000-8000-00000000000b"
HEAD_2 = (
    '<?xml version="1.0" encoding="utf-8"?>\n<ecoSpold xmlns="http://www.EcoInvent.org/EcoSpold02">'
)
MASTER = '<?xml version="1.0"?>\n<{0} xmlns="http://www.EcoInvent.org/EcoSpold02">{1}</{0}>'


def spold2(
    flows: str = "", about: str = "", rest: str = "", *, activity: str = ACTIVITY, place: str = ""
) -> str:
    place = (
        place or '<geography geographyId="g"><shortname xml:lang="en">DE</shortname></geography>'
    )
    return (
        f'{HEAD_2}<childActivityDataset><activityDescription><activity id="{activity}" type="1">'
        f'<activityName xml:lang="en">block production</activityName>{about}</activity>{place}'
        f'<timePeriod startDate="2001-01-01" endDate="2018-12-31"/></activityDescription>'
        f"<flowData>{flows}</flowData>{rest}</childActivityDataset></ecoSpold>"
    )


def product(amount: str = "1", group: str = "0", more: str = "") -> str:
    return (
        f'<intermediateExchange id="x" amount="{amount}" intermediateExchangeId="{PRODUCT}">'
        f'<name xml:lang="en">block</name><unitName xml:lang="en">kg</unitName>{more}'
        f"<outputGroup>{group}</outputGroup></intermediateExchange>"
    )


def spold1(flows: str = "", *, meta: str = "", kind: str = "1", number: str = "7") -> str:
    return (
        f'<dataset number="{number}"><metaInformation><processInformation>'
        '<referenceFunction name="Acid, at plant" localName="Säure" amount="2" unit="kg" '
        'category="chemicals" subCategory="inorganics" includedProcesses="unspecified" '
        'generalComment="First&#xA;second &lt;http://x&gt;"><synonym>acid</synonym>'
        f'</referenceFunction>{meta}<dataSetInformation type="{kind}" version="2.1" '
        'languageCode="en" localLanguageCode="de"/></processInformation></metaInformation>'
        f"<flowData>{flows}</flowData></dataset>"
    )


def file1(*data_sets: str) -> str:
    return f'<ecoSpold xmlns="http://www.EcoInvent.org/EcoSpold01">{"".join(data_sets)}</ecoSpold>'


def exchange1(group: str, number: str = "1", **more: str) -> str:
    kind = "input" if group.startswith("i") else "output"
    attributes = {"name": "Thing", "unit": "kg", "meanValue": "3"} | more
    text = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f'<exchange number="{number}" {text}><{kind}Group>{group[1:]}</{kind}Group></exchange>'


def read_all(path: Path) -> tuple[list[Record], list[Skip], ReadReport]:
    skipped: list[Skip] = []
    report = ReadReport()
    return list(read(path, on_skip=skipped.append, report=report)), skipped, report


def only(tmp_path: Path, text: str, name: str = "any.name") -> Record:
    path = tmp_path / name
    path.write_bytes(text.encode())
    records, skipped, _ = read_all(path)
    assert skipped == []
    (record,) = records
    return record


def test_all_real_ecospold_2_files_are_read(shared: Path) -> None:
    _, skipped, report = read_all(shared / "data/ecospold2-fixtures")
    assert report.read == {"ecospold2/process": 24}
    assert skipped == []


def test_real_ecospold_2_file_whole(shared: Path) -> None:
    records, _, _ = read_all(shared / "data/ecospold2-fixtures/bw2io")
    block = records[0]
    assert str(block.name) == "concrete block production"
    assert block.place is not None
    assert block.place.code == "DE"
    assert block.system_model == "Allocation, cut-off by classification"
    assert block.comment.all() == ("Things and stuff and whatnot\na Kikki comment",)
    assert block.classifications[1].codes == ("2395",)
    (made,) = block.reference_exchanges
    assert (made.flow.all(), made.amount, made.unit) == (("concrete block",), 1.0, "kg")
    pit, _, water = block.exchanges
    assert (pit.location, pit.comment.all()) == ("CH", ("estimated",))
    assert (water.category, water.cas, water.unit) == (("air", "unspecified"), "007732-18-5", "m3")
    assert records[1].synonyms.all() == ("concrete slab production; concrete block manufacturing",)
    assert block.licence.restrictions.all() == ("Licensees",)


def test_real_by_products_of_zero_and_negative_amounts(shared: Path) -> None:
    records, _, _ = read_all(shared / "data/ecospold2-fixtures/volca/SAMPLE.multiproduct")
    chemical = next(r for r in records if "chemical process" in str(r.name))
    assert [x.flow.all()[0] for x in chemical.reference_exchanges] == ["main chemical"]
    amounts = {x.flow.all()[0]: x.amount for x in chemical.exchanges}
    assert amounts["by-product 1 (zero)"] == 0.0
    assert amounts["waste requiring disposal"] == -0.1


def test_comment_of_a_property_does_not_leak(shared: Path) -> None:
    folder = shared / "data/ecospold2-fixtures/volca"
    (path,) = folder.glob("sawnwood*")
    (record,) = read_all(path)[0]
    assert [x.comment.all() for x in record.exchanges] == [
        (),
        ("Adhesive applied during pressing",),
    ]


def test_by_products_with_amount_zero_are_no_reference(tmp_path: Path) -> None:
    record = only(tmp_path, spold2(product("0") + product("-1", "2")))
    assert record.reference_exchanges == ()
    assert [x.amount for x in record.exchanges] == [0.0, -1.0]


def test_negative_reference_product_of_a_treatment(tmp_path: Path) -> None:
    record = only(tmp_path, spold2(product("-1")))
    assert [x.amount for x in record.reference_exchanges] == [-1.0]


def test_no_reference_product(tmp_path: Path) -> None:
    record = only(tmp_path, spold2())
    assert record.references_stated == 0
    assert record.provenance is not None
    assert record.provenance.repairs == ("no reference product",)


def test_one_activity_with_two_products_is_two_records(tmp_path: Path) -> None:
    for number, flow in enumerate(("b", "c")):
        text = spold2(product().replace(PRODUCT, f"00000000-0000-4000-8000-00000000000{flow}"))
        (tmp_path / f"{number}.spold").write_text(text)
    records, _, _ = read_all(tmp_path)
    assert len({record.uuid for record in records}) == 2
    assert {dict(record.extras)["Activity"] for record in records} == {ACTIVITY}


def test_activity_link_names_the_supplier_s_record_even_to_nothing(tmp_path: Path) -> None:
    used = (
        f'<intermediateExchange id="y" amount="2" intermediateExchangeId="{PRODUCT}" '
        f'activityLinkId="{ACTIVITY}"><name>block</name><unitName>kg</unitName>'
        "<inputGroup>5</inputGroup></intermediateExchange>"
    )
    record = only(tmp_path, spold2(product() + used))
    assert record.uuid == record_uuid(ACTIVITY, PRODUCT)
    assert record.exchanges[1].provider == record.uuid, "a loop to itself"


def test_text_blocks_in_the_order_of_their_index_with_variables(tmp_path: Path) -> None:
    about = (
        '<generalComment><text xml:lang="en" index="2">last {{x}} {{y}}</text>'
        '<text xml:lang="en" index="1">first</text><text xml:lang="de" index="1">erst</text>'
        '<variable name="x">9</variable></generalComment>'
    )
    record = only(tmp_path, spold2(product(), about))
    assert record.comment.entries == (("en", "first\nlast 9 {{y}}"), ("de", "erst"))


def test_byte_order_mark_and_utf_16(tmp_path: Path) -> None:
    text = spold2(product())
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "wide").write_bytes(text.replace("utf-8", "utf-16").encode("utf-16"))
    records, skipped, _ = read_all(tmp_path)
    assert skipped == []
    assert records[0] == records[1]


def test_elementary_exchange(tmp_path: Path) -> None:
    flow = (
        '<elementaryExchange id="e" amount="0.5" elementaryExchangeId="no-uuid" casNumber="1-2-3">'
        "<name>CO2</name><unitName>kg</unitName><compartment><compartment>air</compartment>"
        "<subcompartment>urban</subcompartment></compartment><outputGroup>4</outputGroup>"
        "</elementaryExchange>"
    )
    emitted = only(tmp_path, spold2(product() + flow)).exchanges[1]
    assert (emitted.flow_uuid, emitted.flow_ref, emitted.cas) == (None, "no-uuid", "1-2-3")
    assert emitted.flow_kind == "elementary"
    assert emitted.category == ("air", "urban")


def test_version_from_the_release_of_the_file(tmp_path: Path) -> None:
    rest = (
        "<administrativeInformation><fileAttributes majorRelease='3' minorRelease='10' "
        "majorRevision='2' minorRevision='0'/></administrativeInformation>"
    )
    assert only(tmp_path, spold2(product(), rest=rest)).version == "3.10.2.0"


def test_impact_indicators_become_results(tmp_path: Path) -> None:
    flow = (
        '<impactIndicator impactIndicatorId="i" amount="4.5">'
        "<impactMethodName>EF</impactMethodName>"
        "<impactCategoryName>climate change</impactCategoryName><name>GWP100</name>"
        "<unitName>kg CO2-Eq</unitName></impactIndicator>"
    )
    (result,) = only(tmp_path, spold2(product() + flow)).results
    assert (result.indicator.join(), result.amount) == ("climate change, GWP100", 4.5)
    assert (result.method, result.unit) == ("EF", "kg CO2-Eq")


def master_archive(path: Path) -> Path:
    """An activity that only points to names, units and places, as ecoinvent may ship it."""
    bare = product().replace('<name xml:lang="en">block</name>', "")
    bare = bare.replace('<unitName xml:lang="en">kg</unitName>', "")
    bare = bare.replace('id="x"', 'id="x" unitId="u"')
    files = {
        "datasets/a_b.spold": spold2(bare, place='<geography geographyId="g"/>'),
        "MasterData/Units.xml": MASTER.format(
            "validUnits", '<unit id="u"><name xml:lang="en">kg</name></unit>'
        ),
        "MasterData/Geographies.xml": MASTER.format(
            "validGeographies",
            '<geography id="g"><name xml:lang="en">Germany</name>'
            '<shortname xml:lang="en">DE</shortname></geography>',
        ),
        "MasterData/IntermediateExchanges.xml": MASTER.format(
            "validIntermediateExchanges",
            f'<intermediateExchange id="{PRODUCT}" unitId="u"><name xml:lang="en">block</name>'
            '<synonym xml:lang="en">brick</synonym></intermediateExchange>',
        ),
        "MasterData/ElementaryExchanges.xml": MASTER.format(
            "validElementaryExchanges",
            f'<elementaryExchange id="{ACTIVITY}" unitId="u" casNumber="124-38-9" formula="CO2">'
            '<name xml:lang="en">Carbon dioxide</name><compartment subcompartmentId="s">'
            "<compartment>air</compartment><subcompartment>urban</subcompartment></compartment>"
            "</elementaryExchange>",
        ),
    }
    if path.suffix == ".7z":
        py7zr = pytest.importorskip("py7zr")
        with py7zr.SevenZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(text.encode(), name)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    return path


@pytest.mark.parametrize("name", ["ecoinvent.zip", "ecoinvent.7z"])
def test_master_data_gives_names_units_places_and_flows(tmp_path: Path, name: str) -> None:
    records, skipped, report = read_all(master_archive(tmp_path / name))
    assert skipped == []
    assert report.read == {"ecospold2/flow": 2, "ecospold2/process": 1}
    activity = next(r for r in records if r.kind == "process")
    (made,) = activity.reference_exchanges
    assert (made.flow.all(), made.unit) == (("block",), "kg")
    assert activity.place is not None
    assert (activity.place.code, activity.place.name) == ("DE", "Germany")
    flow = next(r.flow for r in records if r.data_type == "Elementary flow")
    assert flow is not None
    assert (flow.cas, flow.formula, flow.properties[0].unit) == ("124-38-9", "CO2", "kg")


def test_real_ecospold_1_files(shared: Path) -> None:
    records, skipped, _ = read_all(shared / "data/ecospold1-uslci")
    (skip,) = skipped
    assert "Acetic acid" in skip.path
    assert "notecoSpold" in skip.reason
    (record,) = records
    assert len(record.exchanges) == 600
    assert record.place is not None, "the file has no geography, its product has a location"
    assert record.place.code == "RNA"
    (made,) = record.reference_exchanges
    assert (made.amount, made.unit, made.location) == (1000.0, "kg", "RNA")
    assert "<http://www.aluminum.org" in str(record.technology.all())
    assert "\n" in record.technology.all()[0]
    assert dict(record.extras)["CAS number"] == "7429-90-5"


def test_several_data_sets_in_one_file_without_uuid(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text(file1(spold1(), spold1(number="8")))
    records, skipped, _ = read_all(tmp_path / "x.xml")
    assert skipped == []
    assert len({record.uuid for record in records}) == 2
    again, _, _ = read_all(tmp_path / "x.xml")
    assert records == again


def test_ecospold_1_words_and_languages(tmp_path: Path) -> None:
    record = only(tmp_path, file1(spold1(exchange1("o0"))))
    assert record.name.base.entries == (("en", "Acid, at plant"), ("de", "Säure"))
    assert record.synonyms.all() == ("acid",)
    assert record.comment.all() == ("First\nsecond <http://x>",)
    assert not record.technology, "includedProcesses says unspecified"
    assert record.classifications[0].path == ("chemicals", "inorganics")
    assert record.version == "2.1"


@pytest.mark.parametrize(
    ("group", "direction", "kind"),
    [
        ("i1", "input", "product"),
        ("i2", "input", "product"),
        ("i3", "input", "product"),
        ("i4", "input", "elementary"),
        ("i5", "input", "product"),
        ("o0", "output", "product"),
        ("o1", "output", "product"),
        ("o2", "output", "product"),
        ("o3", "output", "waste"),
        ("o4", "output", "elementary"),
    ],
)
def test_groups_of_ecospold_1(tmp_path: Path, group: str, direction: str, kind: str) -> None:
    record = only(tmp_path, file1(spold1(exchange1("o0", "9") + exchange1(group))))
    found = record.exchanges[1]
    assert (found.direction, found.flow_kind) == (direction, kind)
    assert found.reference is (group == "o0")
    assert found.avoided is (group == "o1")


def test_reference_function_stands_in_for_a_missing_reference_flow(tmp_path: Path) -> None:
    record = only(tmp_path, file1(spold1(exchange1("i5"))))
    (made,) = record.reference_exchanges
    assert (made.flow.all(), made.amount, made.unit) == (("Acid, at plant", "Säure"), 2.0, "kg")
    assert record.provenance is not None
    assert "reference flow taken from the reference function" in record.provenance.repairs


def test_co_products_of_a_multi_output_process(tmp_path: Path) -> None:
    flows = exchange1("o2", "1") + exchange1("o2", "2") + exchange1("i5", "3")
    flows += '<allocation referenceToCoProduct="1" fraction="60"/>'
    flows += '<allocation referenceToCoProduct="2" fraction="40"/>'
    flows += '<allocation referenceToCoProduct="2" fraction="30"/>'
    record = only(tmp_path, file1(spold1(flows, kind="5")))
    assert [(x.reference, x.allocation) for x in record.exchanges] == [
        (True, 0.6),
        (True, None),
        (False, None),
    ]


def test_missing_mean_value_is_not_zero(tmp_path: Path) -> None:
    bare = exchange1("i5", "2").replace('meanValue="3"', 'minValue="1"')
    record = only(tmp_path, file1(spold1(exchange1("o0") + bare)))
    assert record.exchanges[1].amount is None


@pytest.mark.parametrize(
    "years",
    [
        "<startYear>2003</startYear><endYear>2005</endYear>",
        "<startDate>2003-04-01</startDate><endDate>2005-12-31</endDate>",
        "<startYearMonth>2003-04</startYearMonth><endYearMonth>2005-12</endYearMonth>",
    ],
)
def test_three_ways_to_state_a_period(tmp_path: Path, years: str) -> None:
    meta = f'<timePeriod text="mean">{years}</timePeriod>'
    period = only(tmp_path, file1(spold1(exchange1("o0"), meta=meta))).period
    assert (period.start, period.end, period.reference_year) == (2003, 2005, 2003)
    assert period.description.all() == ("mean",)


def test_flow_and_impact_category_of_ecospold_1(tmp_path: Path) -> None:
    assert only(tmp_path, file1(spold1(kind="3"))).kind == "flow"
    method = only(tmp_path, file1(spold1(exchange1("i4"), kind="4")))
    assert method.kind == "method"
    assert (method.results[0].amount, method.results[0].unit) == (3.0, "kg/kg")


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{i} "{"&a;" * 10}">' for i in range(9))
    + ']><ecoSpold xmlns="http://www.EcoInvent.org/EcoSpold0{0}">&a8;</ecoSpold>'
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    '<ecoSpold xmlns="http://www.EcoInvent.org/EcoSpold0{0}"><dataset>&a;</dataset></ecoSpold>'
)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "entities"),
        (OUTSIDE, "entities"),
        ('<ecoSpold xmlns="http://www.EcoInvent.org/EcoSpold0{0}"><datas', "malformed"),
        ('<ecoSpold xmlns="http://www.EcoInvent.org/EcoSpold0{0}"/>', "holds no"),
        ('<other xmlns="http://www.EcoInvent.org/EcoSpold0{0}"/>', "<other>"),
        (
            '<ecoSpold xmlns="http://www.EcoInvent.org/EcoSpold0{0}">' + "<a>" * 9000,
            "malformed",
        ),
        ('<ecoSpold xmlns="http://www.EcoInvent.org/EcoSpold0{0}">\x00</ecoSpold>', "malformed"),
    ],
)
def test_hostile_and_broken_xml_is_skipped_with_a_sentence(
    tmp_path: Path, version: int, text: str, reason: str
) -> None:
    (tmp_path / "bad.xml").write_text(text.replace("{0}", str(version)))
    records, skipped, _ = read_all(tmp_path)
    assert records == []
    (skip,) = skipped
    assert reason in skip.reason
    assert skip.path.endswith("bad.xml")


def test_data_set_without_name_or_id_is_skipped_and_the_rest_is_read(tmp_path: Path) -> None:
    bad = spold1().replace('name="Acid, at plant" ', "").replace('localName="Säure" ', "")
    (tmp_path / "one.xml").write_text(file1(bad, spold1(exchange1("o0"))))
    (tmp_path / "two.spold").write_text(spold2(product()).replace(f'id="{ACTIVITY}" ', ""))
    records, skipped, _ = read_all(tmp_path)
    assert [record.kind for record in records] == ["process"]
    assert len(skipped) == 2


def test_unmapped_parts_are_counted(tmp_path: Path) -> None:
    more = (
        '<uncertainty><lognormal meanValue="1"/></uncertainty><property><name>x</name></property>'
    )
    (tmp_path / "a.spold").write_text(spold2(product(more=more)))
    _, _, report = read_all(tmp_path)
    assert report.unmapped == {
        "ecospold2:childActivityDataset/flowData/intermediateExchange/uncertainty": 1,
        "ecospold2:childActivityDataset/flowData/intermediateExchange/property": 1,
    }


def test_recognition_by_content() -> None:
    assert ecospold2.READER.recognise("x.txt", spold2()[:4096].encode())
    assert not ecospold1.READER.recognise("x.spold", spold2()[:4096].encode())
    assert ecospold1.READER.recognise("x.spold", file1().encode())
    assert not ecospold2.READER.recognise("x.spold", file1().encode())
