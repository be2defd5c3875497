from __future__ import annotations

import re
from pathlib import Path

import pytest

from lca_rag.places import Area, find_place, find_places, ladder, names, recognise, relation
from lca_rag.places.table import table

DATA = Path(__file__).parent / "data" / "places"


def rows(name: str) -> list[tuple[str, ...]]:
    text = (DATA / name).read_text(encoding="utf-8")
    return [tuple(line.split("\t")) for line in text.splitlines() if not line.startswith("#")]


RELATIONS = rows("relations.tsv")
COUNTRIES = [area for area in table().areas if area.kind == "country"]


def test_there_are_enough_golden_cases_in_both_languages() -> None:
    assert len(RELATIONS) >= 200
    assert sum(bool(re.search("[一-鿿]", asked + got)) for asked, got, *_ in RELATIONS) >= 20


@pytest.mark.parametrize(("asked", "got", "kind", "steps"), RELATIONS)
def test_relation_is_as_written_by_hand(asked: str, got: str, kind: str, steps: str) -> None:
    found = relation(asked, got)
    assert (found.kind, found.steps) == (kind, int(steps)), found.sentence
    assert found.sentence.startswith(f"asked {asked}, got {got}: ")


@pytest.mark.parametrize(("written", "code"), rows("names.tsv"))
def test_names_and_codes_are_found(written: str, code: str) -> None:
    area = find_place(written)
    assert area is not None
    assert area.code == code


def test_sentences_say_the_step() -> None:
    assert relation("DE", "RER").sentence == "asked DE, got RER: one step wider"
    assert relation("CN", "SC-CN").sentence == "asked CN, got SC-CN: one step narrower"
    assert relation("DE", "GLO").sentence == "asked DE, got GLO: two steps wider"
    assert "contains no named country" in relation("DE", "RoW").sentence
    assert relation("DE", None).kind == "unknown"
    assert "states no place" in relation("DE", None).sentence
    assert "leaves CH out" in relation("CH", "Europe without Switzerland").sentence


def test_a_small_overlap_is_told() -> None:
    """WECC holds two provinces of Canada: it is no place apart from it."""
    assert relation("CA", "WECC").sentence == (
        "asked CA, got WECC: another place within NAFTA, which shares a small part with it"
    )
    assert relation("DE", "FR").sentence.endswith("another place within UN-WEUROPE")


def test_every_country_of_iso_3166_is_there() -> None:
    assert len(COUNTRIES) == 249 + 1  # and Kosovo, as LCA databases use XK
    for area in COUNTRIES:
        assert re.fullmatch("[A-Z]{2}", area.code)
        assert find_place(area.aliases[0]) == area
        assert re.search("[一-鿿]", area.chinese), area.code


def test_every_place_reaches_the_world_without_a_cycle() -> None:
    for area in table().areas:
        if area.kind == "world":
            continue
        rungs = ladder(area.code)
        assert rungs[-1].code == "GLO", area.code
        assert area not in rungs
        for wider in rungs:
            assert area not in ladder(wider.code), (area.code, wider.code)


def test_ladder_climbs_through_grid_and_country() -> None:
    codes = [area.code for area in ladder("CN-SH")]
    order = [codes.index(code) for code in ("CN-ECGC", "CN-SGCC", "CN", "UN-EASIA", "RAS", "GLO")]
    assert order == sorted(order)


def test_wider_and_narrower_mirror_each_other() -> None:
    mirror = {"wider": "narrower", "narrower": "wider"}
    for asked, got, kind, steps in RELATIONS:
        back = relation(got, asked)
        assert back.kind == mirror.get(kind, kind)
        if kind in mirror:
            assert back.steps == int(steps)


def test_ambiguous_names_stay_ambiguous() -> None:
    assert [area.code for area in find_places("Georgia")] == ["GE", "US-GA"]
    assert find_place("Suzhou") is None
    assert {area.code for area in find_places("Suzhou")} == {"SZ-JS-CN", "SZ-AH-CN"}
    assert find_places("transpacific") == ()
    assert find_place("Europe without Atlantis") is None


@pytest.mark.parametrize(
    "text",
    [
        *("Republic of China", "Democratic Republic of Korea", "Kansas City", "Norway State"),
        *(
            "CN-99",
            "IN-XX",
            "DE-Texas",
            "China Province",
            "CH without ZH",
            "共和国",
            "欧洲（不含亚特兰蒂斯）",
        ),
    ],
)
def test_what_only_looks_like_a_place_stays_unknown(text: str) -> None:
    assert find_places(text) == ()


def test_one_sign_of_a_province_is_not_looked_for_in_texts() -> None:
    assert find_place("川") == find_place("Sichuan")
    assert recognise("川贝枇杷膏") == []
    assert "川" not in names("CN-SC")


def test_ecoinvent_codes_of_chinese_provinces_are_told_from_iso() -> None:
    assert find_place("CN-HB", database="ecoinvent-3.10") == find_place("Hebei")
    assert find_place("CN-HB") == find_place("Hubei")


def test_names_hold_both_languages_and_the_code_as_written() -> None:
    assert names("SC-CN")[:4] == ("SC-CN", "CN-SC", "Sichuan", "四川")
    assert names("XYZ") == ("XYZ",)


@pytest.mark.parametrize(
    ("question", "codes"),
    [
        ("electricity mix in Germany", ["DE"]),
        ("german steel", ["DE"]),
        ("Chinese electricity", ["CN"]),
        ("steel production in china", ["CN"]),
        ("Turkey hot rolled coil", ["TR"]),
        ("aluminium, IT, 2015", ["IT"]),
        ("PE film {RER}", ["RER"]),
        ("electricity, high voltage, CN-ECGC", ["CN-ECGC"]),
        ("steel from CN-SH or SC-CN", ["CN-SH", "CN-SC"]),
        ("Electricity, at eGrid, CAMX, 2008", ["CAMX"]),
        ("cement, Georgia, US", ["US-GA"]),
        ("Europe without Switzerland heat", ["Europe without Switzerland"]),
        ("上海电力生产", ["CN-SH"]),
        ("欧洲（不含瑞士）电力", ["欧洲（不含瑞士）"]),
        ("除中国以外的亚洲电解铝", ["除中国以外的亚洲"]),
        ("中国铝，不含运输", ["CN"]),
        ("中国四川水泥", ["CN", "CN-SC"]),
        ("内蒙古自治区煤炭", ["CN-NM"]),
        ("RoW market for steel", ["RoW"]),
        ("electricity in the United States of America", ["US"]),
        ("Pig iron, Virginia", ["US-VA"]),
        ("coal, US", ["US"]),
    ],
)
def test_places_in_questions_are_recognised(question: str, codes: list[str]) -> None:
    found = recognise(question)
    assert [mention.areas[0].code for mention in found] == codes
    assert all(mention.certain for mention in found)
    for mention in found:
        assert question[mention.start : mention.end] == mention.text


@pytest.mark.parametrize(
    "question",
    [
        "give us the data for steel",
        "what is in it and as such at no cost",
        "carbon monoxide (CO) to air",
        "NO emissions to air",
        "IT services",
        "PE granulate, PS foam, PA 6",
        "global warming potential",
        "bone china plate",
        "turkey meat",
        "french fries",
        "polish of a metal surface",
        "norway spruce log",
        "GE turbine blade",
        "lead time in days",
    ],
)
def test_false_friends_are_no_places(question: str) -> None:
    assert recognise(question) == []


def test_doubtful_places_are_offered_as_doubtful() -> None:
    (georgia,) = recognise("peat from Georgia")
    assert [area.code for area in georgia.areas] == ["GE", "US-GA"]
    assert not georgia.certain
    (china,) = recognise("china tableware")
    assert china.areas[0].code == "CN"
    assert not china.certain


def test_every_code_of_the_shared_data_is_known(shared: Path) -> None:
    from lca_rag.readers import read

    codes = {
        record.place.code
        for name in ("tiangong-tidas/tiangong_tidas_shared.zip", "ilcd-epd-indata")
        for record in read(shared / "data" / name)
        if record.place is not None
    }
    assert len(codes) > 20
    assert {code for code in codes if not find_places(code)} <= {"UNSPECIFIED"}


def test_an_area_never_holds_itself() -> None:
    world: Area = table().by_code["GLO"]
    assert not any(area.holds(area) for area in table().areas)
    assert world.holds(table().by_code["CN-SH"])
