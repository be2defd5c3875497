"""ILCD: every oddity of real files, on small files of our own and on the real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from lca_rag.readers import ReadReport, read
from lca_rag.record import NO_TEXT, Exchange, Place, Record, Text, version_key
from lca_rag.render import embedding_text, evidence
from tests.conftest import Reading

DATA = Path(__file__).parent / "data" / "ilcd"
STEEL = "50000000-0000-4000-8000-000000000001"
PROCESS = "60000000-0000-4000-8000-0000000000"


@pytest.fixture(scope="module")
def own() -> dict[str, Record]:
    """Records of the small package, by UUID; of two versions, the newer."""
    found = sorted(read(DATA, database="own"), key=lambda record: version_key(record.version))
    return {record.uuid: record for record in found}


@pytest.fixture(scope="module")
def real(tiangong: Reading) -> dict[str, Record]:
    """Records of the TianGong archive, by the first eight digits of their UUID."""
    return {record.uuid[:8]: record for record in tiangong.records}


def exchange(record: Record, id: str) -> Exchange:
    return next(item for item in record.exchanges if item.id == id)


def repairs(record: Record) -> tuple[str, ...]:
    assert record.provenance is not None
    return record.provenance.repairs


# --- names, texts and languages ------------------------------------------------------------


def test_parts_that_sit_in_the_base_name_stay_there(own: dict[str, Record]) -> None:
    name = own[PROCESS + "01"].name
    assert name.base.preferred() == ("Steel sheet ; Ore ; Rolling，all sizes; CENSUS",)
    assert (name.treatment, name.mix, name.functional) == (NO_TEXT, NO_TEXT, NO_TEXT)


def test_four_name_parts_are_kept_apart(own: dict[str, Record]) -> None:
    assert str(own[PROCESS + "05"].name) == (
        "Steel sheet production; cold rolled; production mix, at plant; 1 mm thick"
    )
    assert own[STEEL].name.functional == Text.of("7.85 g/cm3")


def test_language_tags_are_kept_even_where_they_lie(own: dict[str, Record]) -> None:
    record = own[PROCESS + "01"]
    assert record.comment == Text((("en", "这是中文，标签写的是英文。"),))
    assert record.applicability == Text((("zh", "English under a Chinese tag."),))
    assert "English under a Chinese tag." in embedding_text(record)


def test_text_without_a_language_tag_is_kept(own: dict[str, Record]) -> None:
    assert own[PROCESS + "06"].comment == Text((("", "Ohne Sprachangabe."),))


def test_a_record_in_chinese_only_has_a_chinese_text(own: dict[str, Record]) -> None:
    record = own[PROCESS + "04"]
    assert embedding_text(record).startswith("# 炼钢；转炉\n")
    assert "**Reference Flow:** 钢板" in embedding_text(record)


def test_geography_without_a_place_code_is_not_lost(own: dict[str, Record]) -> None:
    record = own[PROCESS + "04"]
    assert record.place is None
    assert ("Geography", Text.of("太湖流域", "zh")) in record.details
    assert "## Geography\n\n太湖流域" in embedding_text(record)


def test_synonyms_keep_both_kinds_of_semicolon(own: dict[str, Record]) -> None:
    assert own[STEEL].synonyms.join() == "metal;sheet steel；steel plate"


def test_several_paragraphs_of_one_language_are_kept(own: dict[str, Record]) -> None:
    assert own[PROCESS + "05"].comment.preferred() == ("First paragraph", "Second paragraph")


def test_text_is_stripped(own: dict[str, Record]) -> None:
    assert own[STEEL].comment == Text.of("A product that exists for tests only.")


# --- exchanges -----------------------------------------------------------------------------


def test_comment_nan_is_no_comment(own: dict[str, Record]) -> None:
    record = own[PROCESS + "01"]
    assert exchange(record, "0").comment == Text.of("原文", "zh")
    assert not exchange(record, "2").comment
    assert "comment 'nan' read as no comment" in repairs(record)


@pytest.mark.parametrize(
    ("id", "reference", "uuid"),
    [
        ("0", "vitrified brick", None),
        ("1", "007664-93-9", None),
        ("2", None, STEEL),  # a newline inside the attribute
        ("3", "50000000-0000-4000-8000-00000000000", None),  # 35 characters
        ("6", None, None),  # no reference at all
    ],
)
def test_flow_references_that_are_no_uuid(
    own: dict[str, Record], id: str, reference: str | None, uuid: str | None
) -> None:
    found = exchange(own[PROCESS + "02"], id)
    assert (found.flow_ref, found.flow_uuid) == (reference, uuid)


def test_flow_name_falls_back_to_the_flow_itself(own: dict[str, Record]) -> None:
    found = exchange(own[PROCESS + "02"], "4")
    assert found.flow == own[STEEL].name.base
    assert found.unit == "kg"


def test_flow_without_any_name_stays_without(own: dict[str, Record]) -> None:
    found = exchange(own[PROCESS + "02"], "6")
    assert not found.flow
    assert "- Flow 6: 0.6" in embedding_text(own[PROCESS + "02"])


def test_dangling_reference_keeps_name_and_has_no_unit(own: dict[str, Record]) -> None:
    found = exchange(own[PROCESS + "02"], "5")
    assert found.flow == Text.of("dangling")
    assert (found.unit, found.flow_kind, found.amount) == (None, None, 0.5)


def test_missing_amount_is_not_zero(own: dict[str, Record]) -> None:
    record = own[PROCESS + "01"]
    assert [item.amount for item in record.exchanges] == [1000.0, 0.0, -2.5, None, 1.655]


def test_amounts_that_need_mending(own: dict[str, Record]) -> None:
    record = own[PROCESS + "05"]
    assert exchange(record, "3").amount == 300.0  # the mean amount is 2, times a parameter
    assert exchange(record, "4").amount == 1.5
    assert exchange(record, "5").amount is None
    assert set(repairs(record)) == {
        "resulting amount taken, which differs from the mean amount",
        "decimal comma read as point",
        "amount that is no number read as missing",
    }


def test_unit_comes_through_flow_property_and_unit_group(own: dict[str, Record]) -> None:
    record = own[PROCESS + "01"]
    assert [item.unit for item in record.exchanges] == ["kg", "kg", "kg", None, "kg"]
    assert exchange(record, "0").flow_property == "Mass"


def test_exchange_inherits_kind_compartment_and_cas(own: dict[str, Record]) -> None:
    found = exchange(own[PROCESS + "01"], "1")
    assert found.flow_kind == "elementary"
    assert found.category == ("Emissions", "Emissions to air")
    assert found.cas == "000124-38-9"


def test_a_newer_version_of_a_flow_gives_the_unit(own: dict[str, Record]) -> None:
    """The older version is measured in MJ; version 00.01.05 sorts below 00.01.010."""
    assert exchange(own[PROCESS + "03"], "0").unit == "kg"


def test_allocation_shares_are_read_where_all_exchanges_agree(own: dict[str, Record]) -> None:
    shares = [item.allocation for item in own[PROCESS + "05"].exchanges]
    assert shares == [0.8, 0.2, None, None, None, None]


# --- reference flows -----------------------------------------------------------------------


def test_no_reference_flow(own: dict[str, Record]) -> None:
    record = own[PROCESS + "02"]
    assert record.references_stated == 0
    assert record.reference_exchanges == ()
    assert "**Amount:**" not in embedding_text(record)


def test_two_reference_flows_of_which_one_is_an_input(own: dict[str, Record]) -> None:
    record = own[PROCESS + "03"]
    assert record.references_stated == 2
    assert [item.direction for item in record.reference_exchanges] == ["input", "output"]
    assert "**Reference Flow:**" not in embedding_text(record)


def test_reference_amount_need_not_be_one(own: dict[str, Record]) -> None:
    (reference,) = own[PROCESS + "01"].reference_exchanges
    assert (reference.amount, reference.unit) == (1000.0, "kg")


# --- method, time, administration ----------------------------------------------------------


def test_misspelt_method_approach_is_read(own: dict[str, Record]) -> None:
    record = own[PROCESS + "01"]
    assert record.method_approaches == ("Allocation - mass",)
    assert "LCIMethodApproach read as LCIMethodApproaches" in repairs(record)


def test_years_may_be_absent(own: dict[str, Record]) -> None:
    assert own[PROCESS + "04"].period.reference_year is None
    assert own[PROCESS + "01"].period.reference_year == 2019
    assert own[PROCESS + "01"].period.valid_until is None


def test_names_of_sources_and_contacts_are_looked_up(own: dict[str, Record]) -> None:
    record = own[PROCESS + "05"]
    roles = {item.role: item.name.join() for item in record.references}
    assert roles["data source"] == "Handbook of made-up steel"
    assert record.licence.owner == Text.of("Institute of Examples")


def test_every_reviewer_is_named(own: dict[str, Record]) -> None:
    record = own[PROCESS + "05"]
    names = [item.name.join() for item in record.references if item.role == "reviewer"]
    assert names == ["Institute of Examples", "Second reviewer"]


def test_licence_and_copyright(own: dict[str, Record]) -> None:
    licence = own[PROCESS + "05"].licence
    assert (licence.type, licence.copyright) == ("License fee", True)
    assert licence.restrictions == Text.of("Members only")
    assert own[PROCESS + "01"].licence.copyright is False


def test_place_and_its_parts(own: dict[str, Record]) -> None:
    assert own[PROCESS + "05"].place == Place(
        code="RER", description=Text.of("Western part"), parts=("DE", "FR")
    )


def test_classes_follow_their_levels(own: dict[str, Record]) -> None:
    first, second = own[PROCESS + "05"].classifications
    assert (first.system, first.path, first.codes) == (
        "ISIC",
        ("Manufacturing", "Basic metals"),
        ("C", "24"),
    )
    assert (second.path, second.codes) == (("Steel",), ())


# --- flows ---------------------------------------------------------------------------------


def test_flow_versions_sort_as_numbers() -> None:
    assert version_key("00.01.05") < version_key("00.01.010")


def test_cas_numbers_are_kept_as_written(own: dict[str, Record]) -> None:
    flows = {str(r.name): r.flow for r in read(DATA, database="own") if r.flow is not None}
    assert flows["carbon dioxide"].cas == "000124-38-9"
    assert flows["slag"].cas == "-"
    assert flows["slag, old name"].cas == "For KOH - 1310-58-3; for the rest -"


def test_flow_without_a_time_stamp_is_read(own: dict[str, Record]) -> None:
    slag = own["50000000-0000-4000-8000-000000000003"]
    assert slag.flow is not None
    assert slag.flow.kind == "waste"
    assert "Time stamp" not in dict(slag.extras)


def test_misplaced_classification_is_found(own: dict[str, Record]) -> None:
    slag = own["50000000-0000-4000-8000-000000000003"]
    assert [item.path for item in slag.classifications] == [("Waste compartment",), ("Wastes",)]
    assert "classification found outside dataSetInformation" in repairs(slag)


def test_flow_facts(own: dict[str, Record]) -> None:
    carbon = own["50000000-0000-4000-8000-000000000002"].flow
    steel = own[STEEL].flow
    assert carbon is not None
    assert steel is not None
    assert (carbon.ec, carbon.formula) == ("204-696-9", "CO2")
    assert [(p.mean, p.unit, p.reference) for p in steel.properties] == [
        (1.0, "kg", True),
        (0.5, "MJ", False),
    ]
    assert steel.supply == "RER"


def test_product_flows_show_no_classification_in_the_trained_text(own: dict[str, Record]) -> None:
    assert own[STEEL].classifications[0].path == ("Materials", "Metals")
    assert "Classification" not in embedding_text(own[STEEL])
    carbon = embedding_text(own["50000000-0000-4000-8000-000000000002"])
    assert "**Classification:** Emissions > Emissions to air" in carbon


# --- EPD -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["06", "07", "08"])
def test_epd_module_results_in_every_namespace(own: dict[str, Record], number: str) -> None:
    record = own[PROCESS + number]
    found = [(item.module, item.amount, item.unit) for item in record.results]
    assert found == [
        ("A1-A3", 0.25, "MJ"),
        ("C3 (Verbrennung)", 1.5, "MJ"),
        ("D", None, "MJ"),
        ("A1-A3", 7.0, "kg CO2-Äqv."),
        ("A1-A3", 1.46, "kg CO2-Äqv."),
        ("B6 (Strom)", 0.5, "kg CO2-Äqv."),
        ("A1-A3", 6.3, "MJ"),
    ]
    assert [item.id for item in record.exchanges] == ["93"]
    assert "exchange without direction read as output" in repairs(record)


def test_results_without_modules(own: dict[str, Record]) -> None:
    """The second has no description, so that its name comes from the method's data set."""
    found = [(r.indicator.join(), r.amount, r.unit) for r in own[PROCESS + "05"].results]
    assert found == [
        ("Climate change", 2.5, "kg CO2 eq"),
        ("Climate change; 100 years", 0.5, "kg CO2 eq"),
    ]


def test_real_epds(shared: Path) -> None:
    archive = shared / "data" / "ilcd-epd-indata" / "ilcd_epd_sample.zip"
    report = ReadReport()
    found = {r.uuid: r for r in read(archive, database="epd", report=report)}
    assert dict(report.read) == {"ilcd/process": 2, "ilcd/flow": 5}
    kalk = found["790dd474-60c9-4464-9110-9f1aedbe6c10"]
    assert kalk.classifications[0].system == "GaBiCategories"
    assert kalk.name.base == Text.of("Kalk (CaO; Feinkalk)", "de")
    warming = next(item for item in kalk.results if "GWP" in str(item.indicator))
    assert (warming.module, warming.amount, warming.unit) == (
        "A1-A3",
        1.45889833121899,
        "kg CO2-Äqv.",
    )
    panel = found["57a4ae65-d305-421e-b21f-a3f0c35b8abe"]
    assert len(panel.results) == (18 + 19) * 9
    assert all(item.amount is not None and item.unit for item in panel.results)


# --- methods and models --------------------------------------------------------------------


def test_an_lcia_method_with_its_factors(own: dict[str, Record]) -> None:
    record = own["70000000-0000-4000-8000-000000000001"]
    assert record.kind == "method"
    assert record.data_type == "Mid-point indicator"
    assert record.period.reference_year == 2013
    assert [label for label, _ in record.extras].count("Methodology") == 2
    assert dict(record.extras)["Unit of the indicator"] == "kg CO2 eq"
    factors = [(r.indicator.join(), r.amount, r.unit, r.module) for r in record.results]
    assert factors == [
        ("carbon dioxide", 1.0, "kg CO2 eq / kg", None),
        ("methane", 29.8, None, "location DE"),
        ("Steel sheet", -0.5, "kg CO2 eq / kg", None),
    ]
    assert "| methane | Output | location DE | 29.8 | not stated |" in evidence(record)


def test_an_lcia_method_without_its_flow_property(own: dict[str, Record]) -> None:
    record = own["70000000-0000-4000-8000-000000000009"]
    assert dict(record.extras)["Unit of the indicator"] == "points"
    assert record.results[0].unit is None


def test_a_life_cycle_model(own: dict[str, Record]) -> None:
    record = own["90000000-0000-4000-8000-000000000001"]
    assert record.kind == "model"
    roles = [(item.role, item.name.join()) for item in record.references[:4]]
    assert roles == [
        ("reference process", "Sheet"),
        ("included process", "Census steel"),
        ("included process", "Sheet"),
        ("resulting process", "Steel sheet production"),
    ]
    assert ("Connection", Text.of("Census steel → Sheet: Steel sheet", "")) in record.details
    assert dict(record.extras)["Factor of Census steel"] == "2.5"


def test_a_real_life_cycle_model(shared: Path) -> None:
    path = shared / "data" / "tidas-sdk-examples" / "tidas-example-model.json"
    (record,) = read(path, database="x")
    assert record.kind == "model"
    assert record.references[0].name == Text.of("test-process1")
    assert [item.role for item in record.references].count("included process") == 2
    assert [label for label, _ in record.details] == ["Intended use", "Connection"]


# --- the real archive ----------------------------------------------------------------------


def test_real_counts(tiangong: Reading) -> None:
    found, report, skipped = tiangong
    assert dict(report.read) == {"ilcd/flow": 4198, "ilcd/process": 3295}
    assert len({record.id for record in found}) == 7493
    assert skipped == []
    assert report.ignored == {"CategorySystem": 2, "ILCDLocations": 1}
    exchanges = [item for record in found for item in record.exchanges]
    assert len(exchanges) == 57_662
    assert sum(item.amount == 0 for item in exchanges) == 7_790
    assert sum(item.amount is not None and item.amount < 0 for item in exchanges) == 16
    assert sum(item.amount is None for item in exchanges) == 123
    assert sum(not item.flow for item in exchanges) == 56
    processes = [record for record in found if record.kind == "process"]
    assert sum(record.references_stated == 0 for record in processes) == 4
    assert sum(record.references_stated == 2 for record in processes) == 60
    assert sum(record.period.reference_year is None for record in processes) == 137
    assert sum(record.period.valid_until is None for record in processes) == 3213
    assert sum(bool(record.method_approaches) for record in processes) == 199
    assert sum(record.version == "00.01.05" for record in found if record.kind == "flow") == 1081


def test_real_names_and_languages(real: dict[str, Record]) -> None:
    assert real["2137ed25"].comment.entries[0][0] == "en"
    assert any("\u4e00" <= c <= "\u9fff" for c in real["2137ed25"].comment.preferred()[0])
    assert real["148723a9"].comment.entries[-1][0] == "zh"
    assert "；" in str(real["0712b105"].name) or "，" in str(real["0712b105"].name)
    assert all(not record.name.mix for record in real.values() if record.kind == "process")


def test_real_references(real: dict[str, Record]) -> None:
    assert "vitrified brick" in {item.flow_ref for item in real["0dd5f33a"].exchanges}
    assert "007664-93-9" in {item.flow_ref for item in real["5c714662"].exchanges}
    assert any(len(item.flow_ref or "") == 35 for item in real["849b99bf"].exchanges)
    assert any(item.flow and item.unit is None for item in real["000333f8"].exchanges)
    for item in real["1d67f632"].exchanges:
        assert "\n" not in (item.flow_ref or "")


def test_real_reference_flows(real: dict[str, Record]) -> None:
    assert real["100db7b3"].references_stated == 0
    assert real["06509659"].references_stated == 2
    assert real["0010ea19"].reference_exchanges[0].direction == "input"


def test_real_amounts_and_comments(real: dict[str, Record]) -> None:
    assert any((item.amount or 0) < 0 for item in real["31e4a22c"].exchanges)
    assert any(item.amount is None for item in real["05def416"].exchanges)
    assert "comment 'nan' read as no comment" in repairs(real["06509659"])


def test_real_methods_and_flows(real: dict[str, Record]) -> None:
    assert real["0059b3c2"].method_approaches
    assert real["12292b1a"].kind == "flow"
    padded, prose = real["0ef11ca4"].flow, real["0cfee66a"].flow
    assert padded is not None
    assert prose is not None
    assert padded.cas == "001305-62-0"
    assert "1310-58-3" in (prose.cas or "")
