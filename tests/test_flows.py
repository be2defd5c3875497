from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from lca_rag.encoders import FloatArray
from lca_rag.errors import QueryError
from lca_rag.flows import FlowResolver, compartment
from lca_rag.flows.compartments import fits, known
from lca_rag.flows.naming import edits, label, spellings, swapped_stem
from lca_rag.flows.tables import substances
from lca_rag.identifiers import (
    cas_numbers,
    ec_numbers,
    formulas,
    hill,
    identifiers,
    normal_cas,
    uuids,
    wrong_cas,
)
from lca_rag.record import Classification, FlowFacts, FlowKind, Name, Record, Text

AIR = ("Emissions", "Emissions to air", "Emissions to air, unspecified")
URBAN = ("Emissions", "Emissions to air", "Emissions to urban air close to ground")
LONG = ("Emissions", "Emissions to air", "Emissions to air, unspecified (long-term)")
FRESH = ("Emissions", "Emissions to water", "Emissions to fresh water")


def flow(
    number: int,
    name: str,
    path: tuple[str, ...] = AIR,
    *,
    cas: str | None = None,
    ec: str | None = None,
    formula: str | None = None,
    synonyms: str = "",
    kind: FlowKind = "elementary",
) -> Record:
    return Record(
        database="ef",
        uuid=f"00000000-0000-0000-0000-{number:012d}",
        kind="flow",
        name=Name(base=Text.of(name)),
        synonyms=Text.of(synonyms),
        classifications=(Classification(path=path),),
        flow=FlowFacts(kind=kind, cas=cas, ec=ec, formula=formula),
    )


FLOWS = [
    flow(1, "carbon dioxide (fossil)", cas="000124-38-9"),
    flow(2, "carbon dioxide (biogenic)", cas="124-38-9"),
    flow(3, "methane (fossil)", cas="74-82-8"),
    flow(4, "methane (fossil)", URBAN, cas="74-82-8"),
    flow(5, "methane (fossil)", LONG, cas="74-82-8"),
    flow(6, "methane (biogenic)", LONG, cas="74-82-8"),
    flow(7, "chromium", FRESH, cas="7440-47-3"),
    flow(8, "chromium (vi)", FRESH, cas="18540-29-9"),
    flow(9, "carbon-14", cas="14762-75-5"),
    flow(10, "uranium-235"),
    flow(11, "uranium-238"),
    flow(12, "lead", FRESH, cas="For Pb - 7439-92-1; see also", ec="231-100-4"),
    flow(13, "chloroethane", cas="75-00-3", synonyms="organic;ethyl chloride"),
    flow(14, "chloromethane", cas="74-87-3", synonyms="organic；R 40"),
    flow(15, "sulfur hexafluoride", cas="2551-62-4", formula="SF6"),
    flow(16, "Steel sheet, hot rolled", ("Metals", "Steel"), kind="product"),
    flow(17, "1,1-difluoroethane"),
    flow(18, "1,2-difluoroethane"),
    flow(19, "dinitrogen monoxide", cas="10024-97-2"),
    flow(20, "ethylbenzene", cas="100-41-4"),
]


@pytest.fixture(scope="module")
def resolver() -> FlowResolver:
    return FlowResolver(FLOWS)


def number_of(record: Record) -> int:
    return int(record.uuid[-12:])


@pytest.mark.parametrize(
    ("text", "place", "number", "step"),
    [
        ("methane, fossil", "air", 3, "name"),
        ("Methane (fossil)", AIR, 3, "name"),
        ("Methane (fossil)", URBAN, 4, "name"),
        ("methane (fossil)", "air, unspecified (long-term)", 5, "name"),
        ("chromium VI", FRESH, 8, "name"),
        ("Chromium(6+)", FRESH, 8, "synonym"),
        ("Chromium", "fresh water", 7, "name"),
        ("7439-92-1", FRESH, 12, "cas"),
        ("0007439-92-1", FRESH, 12, "cas"),
        ("231-100-4", FRESH, 12, "ec"),
        ("铅", FRESH, 12, "synonym"),
        ("ethyl chloride", AIR, 13, "synonym"),
        ("R-40", AIR, 14, "synonym"),
        ("chloromethnae", AIR, 14, "fuzzy"),
        ("SF6", AIR, 15, "synonym"),
        ("hexafluoride sulphur [kg]", AIR, 15, "words"),
        ("nitrous oxide", AIR, 19, "synonym"),
        ("Benzene, ethyl-", AIR, 20, "name"),
        ("uranium 235", AIR, 10, "name"),
        ("hot rolled steel sheet", None, 16, "words"),
        ("00000000-0000-0000-0000-000000000009", None, 9, "uuid"),
    ],
)
def test_flows_are_found_by_the_surest_step(
    resolver: FlowResolver, text: str, place: str | tuple[str, ...] | None, number: int, step: str
) -> None:
    found = resolver.resolve(text, compartment=place)
    assert found.decision == "match", found
    assert found.best is not None
    assert (number_of(found.best.record), found.best.step) == (number, step)


def test_ties_are_shown_not_broken(resolver: FlowResolver) -> None:
    found = resolver.resolve(cas="124-38-9", compartment="air")
    assert found.decision == "tie"
    assert found.best is None
    assert {number_of(match.record) for match in found.matches} == {1, 2}
    assert resolver.resolve("carbon dioxide, fossil", compartment="air").decision == "match"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("uranium-234", AIR),
        ("carbon", AIR),
        ("1,3-difluoroethane", AIR),
        ("methane (biogenic)", AIR),
        ("chromium (iii)", FRESH),
        ("toluene", AIR),
        ("chromium", AIR),
        ("chloropropane", AIR),
        ("methane (fossil)", FRESH),
        ("", AIR),
    ],
)
def test_what_is_not_there_is_not_invented(
    resolver: FlowResolver, text: str, place: tuple[str, ...]
) -> None:
    found = resolver.resolve(text, compartment=place)
    assert found.decision == "none"
    assert found.matches == ()


def test_another_compartment_is_offered_with_its_reason(resolver: FlowResolver) -> None:
    found = resolver.resolve("methane (biogenic)", compartment="air")
    assert found.decision == "none"
    (near,) = found.near
    assert number_of(near.record) == 6
    assert near.reasons == (
        "found by name 'methane (biogenic)'",
        "asked air, unspecified, got air, unspecified (long-term)",
    )


def test_kind_leaves_out_the_others(resolver: FlowResolver) -> None:
    assert resolver.resolve("Steel sheet, hot rolled", kind="elementary").decision == "none"
    assert resolver.resolve("Steel sheet, hot rolled", kind="product").decision == "match"


def test_removing_a_flow_makes_it_unknown() -> None:
    rest = FlowResolver([item for item in FLOWS if number_of(item) != 13])
    assert rest.resolve("chloroethane", compartment=AIR).decision == "none"


def test_meaning_suggests_and_does_not_decide() -> None:
    class Toy:
        name = "toy"
        dimension = 2

        def encode_queries(self, texts: Sequence[str]) -> FloatArray:
            return np.array([[1.0, 0.0]] * len(texts), dtype=np.float32)

        def encode_documents(self, texts: Sequence[str]) -> FloatArray:
            rows = [[0.8, 0.6] if text == "lead" else [0.0, 1.0] for text in texts]
            return np.array(rows, dtype=np.float32)

    found = FlowResolver(FLOWS, encoder=Toy()).resolve("heavy plumbum", compartment=FRESH)  # type: ignore[arg-type]
    assert found.decision == "none"
    assert number_of(found.near[0].record) == 12
    assert "cosine 0.80" in found.near[0].reasons[0]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Emissions to fresh water", "water, fresh"),
        ("water/ocean", "water, sea"),
        ("air/low population density, long-term", "air, rural (long-term)"),
        ("Emissions to non-urban air or from high stacks", "air, rural"),
        ("Emissions to urban air close to ground", "air, urban"),
        ("soil/agricultural", "soil, agricultural"),
        ("Emissions to non-agricultural soil", "soil, other soil"),
        ("resource/in ground", "resource from ground, unspecified"),
        ("Resources from ground", "resource from ground, unspecified"),
        ("water/ground-", "water, ground"),
        ("大气", "air, unspecified"),
        ("排放到淡水", "water, fresh"),
    ],
)
def test_compartments_of_all_nomenclatures_meet(words: str, shown: str) -> None:
    assert str(compartment(words)) == shown


def test_compartment_fit_is_graded() -> None:
    urban, air, water = compartment("urban air"), compartment("air"), compartment("water")
    assert [fits(urban, other) for other in (urban, air, water)] == ["same", "wider", None]
    assert fits(air, urban) == "other"
    assert fits(air, compartment("air (long-term)")) == "other"


def test_cas_numbers_are_checked_unpadded_and_found_in_prose() -> None:
    assert cas_numbers("000074-82-8") == ("74-82-8",)
    assert cas_numbers("For KOH - 1310-58-3; for NaOH 1310-73-2; 1310-58-3") == (
        "1310-58-3",
        "1310-73-2",
    )
    assert cas_numbers("74-82-9 2015-01-3 12-34-5") == ()
    assert normal_cas("74-82-8 or 71-43-2") is None
    assert normal_cas(None) is None
    assert normal_cas("007664-93-9") == "7664-93-9"


def test_other_identifiers() -> None:
    assert ec_numbers("EC 215-181-3, not 215-181-4") == ("215-181-3",)
    uuid = "0dd5f33a-3ddc-11dd-A8CA-0050c2490048"
    assert uuids(f"flow {uuid}.") == (uuid.lower(),)
    assert formulas("CO2, NaCl and PVC, CO in H2O") == ("CO2", "NaCl", "H2O")
    assert hill("CH3OH") == hill("CH4O") == "CH4O"
    assert hill("Ca(OH)2") == "CaH2O2"
    assert hill("steel") is None
    found = identifiers(f"{uuid} 74-82-8 CH4")
    assert (found.uuids, found.cas, found.formulas) == ((uuid.lower(),), ("74-82-8",), ("CH4",))


def test_every_cas_number_of_the_substance_table_is_valid() -> None:
    numbers = {number for found in substances().values() for number in found}
    assert len(numbers) > 150
    assert all(normal_cas(number) == number for number in numbers)


def test_slips_and_stems() -> None:
    assert edits("methane", "mehtane", 3) == 1
    assert edits("methane", "butane", 1) == 2
    assert swapped_stem("chloroethane", "chloromethane")
    assert not swapped_stem("chlormethane", "chloromethane")
    assert "dichloro-Ethane" in spellings("Ethane, dichloro-")
    assert label("Aluminum").key == label("aluminium").key
    assert label("carbon-14").marks.isotope == "14"
    assert label("chromium(6+)").marks.charge == 6
    assert label("sodium 2-amino-4-phenol").marks.isotope is None


RESOURCE = ("Resources", "Resources from air")


@pytest.mark.parametrize("text", ["124-38-9", "CO2", "二氧化碳"])
def test_a_resource_does_not_stand_for_emissions(text: str) -> None:
    flows = [
        flow(1, "carbon dioxide (fossil)", cas="124-38-9"),
        flow(2, "carbon dioxide (biogenic)", cas="124-38-9"),
        flow(3, "carbon dioxide, in air", RESOURCE, cas="124-38-9"),
    ]
    resolver = FlowResolver(flows)
    found = resolver.resolve(text)
    assert found.decision == "tie"
    assert {number_of(match.record) for match in found.matches} == {1, 2, 3}
    assert resolver.resolve(text, compartment="resource").decision == "match"
    bare = FlowResolver([*flows, flow(4, "carbon dioxide", cas="124-38-9")])
    found = bare.resolve(text, compartment="air")
    assert [number_of(match.record) for match in found.matches] == [4]
    assert {number_of(match.record) for match in found.near} == {1, 2, 3}


@pytest.mark.parametrize("words", ["moon", "", "Emissions"])
def test_an_unknown_compartment_is_refused(resolver: FlowResolver, words: str) -> None:
    with pytest.raises(QueryError, match=r"no compartment is known as .* air, .*fresh"):
        resolver.resolve("methane (fossil)", compartment=words)


@pytest.mark.parametrize("words", [name for name in known() if name != "resource"])
def test_every_compartment_that_is_offered_is_understood(words: str) -> None:
    assert compartment(words).medium is not None


@pytest.mark.parametrize("ion", ["Co(2+)", "Co+2", "Co2+"])
def test_an_ion_is_not_taken_for_a_formula(ion: str) -> None:
    resolver = FlowResolver(
        [
            flow(1, "carbon dioxide (fossil)", cas="124-38-9", synonyms="CO(2);CO2"),
            flow(2, "cobalt", cas="7440-48-4", synonyms=ion),
        ]
    )
    assert [number_of(m.record) for m in resolver.resolve("CO2", compartment="air").matches] == [1]
    assert [number_of(m.record) for m in resolver.resolve(ion, compartment="air").matches] == [2]


def test_another_substance_does_not_hide_a_flow_of_an_origin() -> None:
    resolver = FlowResolver(
        [flow(1, "methane (fossil)", synonyms="R-50"), flow(2, "toluene", synonyms="R-50")]
    )
    assert resolver.resolve("R-50", compartment="air").decision == "tie"


def test_a_substance_of_another_name_here_is_found_by_the_number_it_bears_elsewhere() -> None:
    water = ("Emissions", "Emissions to water", "Emissions to water, unspecified")
    resolver = FlowResolver(
        [
            flow(1, "sodium sulfate", cas="7757-82-6", path=water),
            flow(2, "disodium sulfate", cas="7757-82-6"),
        ]
    )
    found = resolver.resolve("Sodium sulfate", compartment="air")
    assert [number_of(match.record) for match in found.matches] == [2]
    assert found.matches[0].step == "cas"
    assert "which 'sodium sulfate' bears" in found.matches[0].reasons[0]
    assert resolver.resolve("Sodium sulfate", compartment="soil").decision == "none"


def test_an_origin_that_is_not_kept_here_falls_back_to_the_plain_flow() -> None:
    water = ("Emissions", "Emissions to water", "Emissions to water, unspecified")
    resolver = FlowResolver(
        [
            flow(1, "methane (fossil)", cas="74-82-8"),
            flow(2, "methane", cas="74-82-8", path=water),
            flow(3, "methane (biogenic)", cas="74-82-8", path=water),
        ]
    )
    for path, number in (("air", 1), ("water", 2)):
        found = resolver.resolve("Methane, fossil", compartment=path)
        assert [number_of(match.record) for match in found.matches] == [number]


def test_a_generous_list_of_synonyms_does_not_answer_for_another_substance() -> None:
    names = "hydrofluoric acid;fluoride gas"
    flows = [
        flow(1, "fluorine", cas="7782-41-4", synonyms=names),
        flow(2, "hydrogen fluoride", cas="7664-39-3", synonyms=names),
    ]
    found = FlowResolver(flows).resolve("Hydrofluoric acid", compartment="air")
    assert [number_of(match.record) for match in found.matches] == [2]
    assert FlowResolver(flows).resolve("fluoride gas", compartment="air").decision == "tie"


@pytest.mark.parametrize(
    ("asked", "held"),
    [("Ferric oxide", "iron(iii)oxide"), ("cuprous chloride", "Copper (I) chloride")],
)
def test_old_names_of_charges_are_read(asked: str, held: str) -> None:
    found = FlowResolver([flow(1, held, cas=None)]).resolve(asked, compartment="air")
    assert found.decision == "match"


def test_chromic_acid_is_no_charge() -> None:
    assert spellings("Chromic acid") == ("Chromic acid",)


def test_an_ion_means_the_charged_flow_if_there_is_one_charge() -> None:
    two = [flow(1, "nickel", cas="7440-02-0"), flow(2, "nickel (ii)", cas="14701-22-5")]
    found = FlowResolver(two).resolve("Nickel, ion", compartment="air")
    assert [number_of(match.record) for match in found.matches] == [2]
    many = [
        flow(1, "chromium", cas="7440-47-3"),
        flow(2, "chromium (iii)", cas="16065-83-1"),
        flow(3, "chromium (vi)", cas="18540-29-9"),
    ]
    found = FlowResolver(many).resolve("Chromium, ion", compartment="air")
    assert [number_of(match.record) for match in found.matches] == [1]


def test_an_ore_is_its_element_only_as_a_resource() -> None:
    ground = ("Resources", "Resources from ground", "Non-renewable element resources from ground")
    flows = [flow(1, "cobalt", cas="7440-48-4", path=ground), flow(2, "cobalt", cas="7440-48-4")]
    resolver = FlowResolver(flows)
    found = resolver.resolve("Cobalt ore", compartment=ground)
    assert [number_of(match.record) for match in found.matches] == [1]
    assert resolver.resolve("Cobalt ore", compartment="air").decision == "none"


def test_where_emitted_water_came_from_is_no_part_of_its_name() -> None:
    river = ("Resources", "Resources from water", "Renewable material resources from water")
    sea = ("Emissions", "Emissions to water", "Emissions to sea water")
    resolver = FlowResolver([flow(1, "Water", path=sea), flow(2, "river water", path=river)])
    found = resolver.resolve("Water, surface", compartment=sea)
    assert [number_of(match.record) for match in found.matches] == [1]
    assert resolver.resolve("Water, surface", compartment=river).decision == "none"
    assert resolver.resolve("Water, river", compartment=river).decision == "match"


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("甲烷（非化石）", "biogenic"),
        ("非化石二氧化碳", "biogenic"),
        ("甲烷（化石）", "fossil"),
        ("二氧化碳（非生物成因）", "fossil"),
        ("二氧化碳（生物成因）", "biogenic"),
        ("生物二氧化碳", "biogenic"),
        ("非生物资源", None),
        ("carbon dioxide, non-fossil", "biogenic"),
        ("Carbon dioxide, non fossil", "biogenic"),
        ("carbon dioxide (nonfossil)", "biogenic"),
        ("carbon dioxide, not fossil", "biogenic"),
        ("non-biogenic carbon dioxide", "fossil"),
        ("methane, fossil", "fossil"),
        ("Carbon dioxide, from soil or biomass stock", "land use"),
    ],
)
def test_a_denied_origin_is_not_taken_for_the_origin(name: str, origin: str | None) -> None:
    assert label(name).marks.origin == origin


def test_a_denied_origin_leads_to_the_other_flow(resolver: FlowResolver) -> None:
    for asked, number in (("二氧化碳（非化石）", 2), ("二氧化碳，化石", 1)):
        found = resolver.resolve(asked, compartment="air")
        assert found.best is not None, found
        assert number_of(found.best.record) == number


def test_tritium_is_hydrogen_3_by_any_name() -> None:
    names = ("Tritium", "Hydrogen-3", "H-3, Tritium", "氚")
    assert {label(name).marks.isotope for name in names} == {"3"}
    assert label("tritium").marks.conflict(label("hydrogen").marks)


def test_a_wrong_check_digit_is_told_with_the_right_one() -> None:
    told = wrong_cas("000124-38-8")
    assert told is not None
    assert "check digit is 8 and must be 9" in told
    for fine in ("124-38-9", "000124-38-9", "carbon dioxide", "12-34", "CAS 124-38-8 or so"):
        assert wrong_cas(fine) is None
