"""Plain carriers and materials: the mix before any special route, and less sure of a route."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lca_rag.index import Index
from lca_rag.matching import BomLine, LineMatch, Matcher
from lca_rag.matching.asked import understand
from lca_rag.matching.features import route_unasked
from lca_rag.matching.routes import family, mixture, routes
from lca_rag.matching.subjects import subject
from lca_rag.record import Record
from lca_rag.retriever import Retriever
from tests.hash_encoder import HashEncoder
from tests.test_matching import number_of, process

ROUTES = [
    process(1, "Electricity production, photovoltaic, ground-mounted, at inverter", "kWh", "CN"),
    process(2, "Electricity production, wind, onshore, at wind farm", "kWh", "CN"),
    process(3, "Electricity production, hard coal, at power plant", "kWh", "CN"),
    process(4, "Heat production, natural gas, industrial boiler", "MJ", "CN"),
    process(5, "Heat production, wood chips, at heating plant", "MJ", "CN"),
    process(6, "Steam production, coal-fired fluidised bed, at plant", "kg", "CN"),
    process(7, "Steel production, electric arc furnace, at plant", "kg", "CN"),
    process(8, "Steel production, blast furnace and basic oxygen furnace", "kg", "CN"),
    process(9, "Transport, freight, lorry 16-32 t, diesel, EURO 6", "t*km", "CN"),
    process(10, "Transport, freight, sea, container ship", "t*km", "CN"),
]
MIXES = [
    process(21, "Electricity, medium voltage, grid mix, at consumer", "kWh", "CN"),
    process(22, "Heat, district or industrial, production mix, at consumer", "MJ", "CN"),
    process(23, "Steam, production mix, at plant", "kg", "CN"),
    process(24, "Market for steel, unalloyed", "kg", "CN"),
    process(25, "Market for transport, freight, unspecified", "t*km", "CN"),
]
PLAIN = [
    ("electricity", "kWh", 21),
    ("Strom", "MWh", 21),
    ("heat", "MJ", 22),
    ("steam", "kg", 23),
    ("steel", "t", 24),
    ("transport", "tkm", 25),
]
NAMED = [
    ("photovoltaic electricity", "kWh", 1),
    ("wind power", "kWh", 2),
    ("heat from wood chips", "MJ", 5),
    ("steel, electric arc furnace", "kg", 7),
    ("steel, blast furnace", "kg", 8),
    ("lorry transport", "tkm", 9),
    ("sea freight", "tkm", 10),
]


def matcher_of(records: list[Record], folder: Path) -> Iterator[Matcher]:
    index = Index.open(folder / "index", encoder=HashEncoder())
    index.sync(records)
    yield Matcher(Retriever(index))
    index.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matcher]:
    yield from matcher_of([*ROUTES, *MIXES], tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matcher]:
    yield from matcher_of(ROUTES, tmp_path_factory.mktemp("bare"))


def matched(matcher: Matcher, text: str, unit: str) -> LineMatch:
    line = BomLine(line="1", description=text, amount=50.0, unit=unit, place="CN")
    (match,) = matcher.match([line])
    return match


@pytest.mark.parametrize(("text", "unit", "number"), PLAIN)
def test_a_plain_line_gets_the_mix(whole: Matcher, text: str, unit: str, number: int) -> None:
    assert number_of(matched(whole, text, unit)) == number


@pytest.mark.parametrize(("text", "unit", "number"), NAMED)
def test_a_named_route_is_found(whole: Matcher, text: str, unit: str, number: int) -> None:
    match = matched(whole, text, unit)
    assert number_of(match) == number
    assert not any("technology" in reason for reason in match.candidates[0].reasons)


@pytest.mark.parametrize(("text", "unit", "number"), PLAIN)
def test_a_route_that_nobody_named_is_less_sure(
    whole: Matcher, bare: Matcher, text: str, unit: str, number: int
) -> None:
    mixed, special = matched(whole, text, unit), matched(bare, text, unit)
    assert special.confidence < mixed.confidence - 0.05
    assert "proxy by technology: the line names no such route" in special.candidates[0].reasons


def test_a_park_never_stands_for_the_grid(bare: Matcher) -> None:
    assert matched(bare, "electricity", "kWh").decision == "none"


@pytest.mark.parametrize(
    ("kind", "text", "named"),
    [
        ("power", "Electricity, PV, rooftop", {"solar"}),
        ("power", "Strom aus Wasserkraft", {"water"}),
        ("power", "Hydrogen-fired turbine", set[str]()),
        ("power", "Electricity, high voltage, hard coal", {"coal"}),
        ("power", "风电", {"wind"}),
        ("metal", "Stahl, Hochofen", {"blast furnace"}),
        ("metal", "EAF rebar", {"arc furnace"}),
        ("freight", "LKW 40 t", {"road"}),
        ("freight", "Transport, inland waterways, barge", {"river"}),
        ("freight", "Shipping, air", {"sea", "air"}),
    ],
)
def test_routes_are_read(kind: str, text: str, named: set[str]) -> None:
    assert routes(kind, text) == named


def test_mixes_are_read() -> None:
    assert mixture("market for electricity, medium voltage") == 1
    assert mixture("Electricity, low voltage, at inverter") == 0.5
    assert mixture("Electricity production, photovoltaic") == 0
    assert mixture("Concrete mixer truck") == 0


def test_routes_matter_only_where_there_is_a_choice() -> None:
    coal = subject(process(1, "Bituminous coal, at mine"))
    assert not route_unasked(understand(BomLine(line="1", description="Steinkohle")), coal)
    solar = subject(ROUTES[0])
    plain, named = (
        understand(BomLine(line="1", description=text, unit="kWh"))
        for text in ("Electricity", "Solar electricity")
    )
    assert route_unasked(plain, solar)
    assert not route_unasked(named, solar)


def test_a_station_gives_its_kind_of_power() -> None:
    assert subject(ROUTES[0]).concepts[0] == "electricity solar"
    assert subject(MIXES[0]).concepts[0] == "electricity"
    assert not subject(ROUTES[5]).burned
    for text, kind in (
        ("Coal fired unit, net output", "electricity coal"),
        ("Oil fired peaker", "electricity oil"),
        ("Electricity, from lignite", "electricity lignite"),
    ):
        asked = understand(BomLine(line="1", description=text, unit="MWh"))
        assert (asked.concepts[0], asked.burned) == (kind, False)
    for text in ("Bunker C, fired in boiler", "Lignite fired in process boiler"):
        assert understand(BomLine(line="1", description=text, unit="l")).burned


def test_classes_of_things() -> None:
    assert family("cement", "minerals", "kg", "Cement") == "matter"
    assert family(None, None, "tkm", "Anything") == "freight"
    assert family("landfill", "services", "kg", "Disposal of inert waste") == "waste"
    assert family("powder coating", "services", "m2", "Powder coating") == "work"
    assert family("electricity", "energy", "kWh", "Electricity") == "power"
    assert family("tap water", "services", "kg", "Tap water") is None
    assert family("biogas", "energy", "m3", "Landfill gas, at plant") is None


def test_a_pool_without_some_data_sets(whole: Matcher) -> None:
    (pool,) = whole.pools([understand(BomLine(line="1", description="Electricity", unit="kWh"))])
    mix = MIXES[0].uuid
    left = pool.without({mix})
    assert {item.uuid for item in left.subjects} == {item.uuid for item in pool.subjects} - {mix}
    assert left.table.shape == (len(pool.subjects) - 1, pool.table.shape[1])


@pytest.mark.parametrize(
    ("text", "loose", "noun", "stage"),
    [
        ("Copperwood ore", {"copperwood", "ore"}, "ore", {"ore"}),
        ("Zzkram aus Xyz", {"zzkram", "xyz"}, "zzkram", set[str]()),
        ("钢 氟化", {"氟化"}, "氟化", {"halide"}),
    ],
)
def test_what_no_concept_accounts_for(
    text: str, loose: set[str], noun: str | None, stage: set[str]
) -> None:
    asked = understand(BomLine(line="1", description=text, unit="kg"))
    assert loose <= asked.loose
    assert asked.noun == noun
    assert asked.stages == stage


def test_a_wording_of_the_unit_alone_is_marked() -> None:
    implied, named, bare = (
        understand(BomLine(line="1", description=text, unit="kWh"))
        for text in ("Frobnicator tariff", "Strom", "4711")
    )
    assert implied.implied
    assert not named.implied
    assert not bare.implied
