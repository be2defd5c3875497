from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lca_rag.errors import UnitError
from lca_rag.units import canonical, conversion, convert, dimension, parse, same_dimension
from lca_rag.units.spelling import spellings

# Spelling in LCA files -> the name of the same unit in pint's own registry.
AS_PINT_KNOWS: dict[str, dict[str, str]] = {
    "mass": {
        "kg": "kilogram",
        "g": "gram",
        "mg": "milligram",
        "ug": "microgram",
        "t": "metric_ton",
        "Mg": "megagram",
        "lb av": "pound",
        "oz av": "ounce",
        "sh tn": "short_ton",
        "long tn": "long_ton",
        "oz t": "troy_ounce",
    },
    "energy": {
        "MJ": "megajoule",
        "kJ": "kilojoule",
        "GJ": "gigajoule",
        "kWh": "kilowatt_hour",
        "MWh": "megawatt_hour",
        "btu": "british_thermal_unit",
        "kcal": "kilocalorie",
        "TOE": "tonne_of_oil_equivalent",
    },
    "volume": {
        "m3": "meter**3",
        "l": "liter",
        "gal (US liq)": "gallon",
        "gal (Imp)": "imperial_gallon",
        "cu ft": "foot**3",
        "bbl": "oil_barrel",
        "yd3": "yard**3",
        "bsh (US)": "bushel",
    },
    "length": {
        "m": "meter",
        "km": "kilometer",
        "mi": "mile",
        "ft": "foot",
        "nmi": "nautical_mile",
    },
    "area": {"m2": "meter**2", "ha": "hectare", "sq ft": "foot**2", "ac": "acre", "km2": "km**2"},
    "transport": {
        "tkm": "metric_ton*kilometer",
        "kg*km": "kilogram*kilometer",
        "lb-mi": "pound*mile",
        "t*nmi": "metric_ton*nautical_mile",
        "ton-mile": "short_ton*mile",
    },
    "area_time": {"m2*a": "meter**2*year", "ha*a": "hectare*year", "m2*d": "meter**2*day"},
}
PAIRS = [
    (one, units[one], other, units[other])
    for units in AS_PINT_KNOWS.values()
    for one, other in itertools.permutations(units, 2)
]

# From SI brochure, NIST SP 811 (2008) appendix B, IEA unit converter, openLCA unit groups.
PUBLISHED: list[tuple[str, str, float]] = [
    ("kWh", "MJ", 3.6),
    ("MWh", "kWh", 1000),
    ("lb", "kg", 0.45359237),
    ("short ton", "kg", 907.18474),
    ("long ton", "kg", 1016.0469088),
    ("gal", "l", 3.785411784),
    ("gal (Imp)", "l", 4.54609),
    ("bbl", "l", 158.987294928),
    ("cu ft", "m3", 0.028316846592),
    ("MMBtu", "MJ", 1055.056),
    ("TOE", "GJ", 41.868),
    ("TCE", "GJ", 29.3076),
    ("mi", "km", 1.609344),
    ("nmi", "m", 1852),
    ("sq ft", "m2", 0.09290304),
    ("ha", "m2", 10000),
    ("yd3", "m3", 0.764554857984),
    ("lb*mi", "t*km", 0.000729987),
    ("ton-mile", "tkm", 1.459972),
    ("t*mi", "t*km", 1.609344),
    ("passenger-mile", "p*km", 1.609344),
    ("Dozen(s)", "Item(s)", 12),
    ("EA", "pcs", 1),
    ("MSF", "m2", 92.90304),
    ("BF", "m3", 0.002359737),
    ("bu", "l", 35.23907),
    ("Ci", "Bq", 3.7e10),
    ("kBq", "Bq", 1000),
    ("oz t", "g", 31.1034768),
    ("kcal", "kJ", 4.184),
    ("PSh", "MJ", 2.6477955),
    ("kpm", "J", 9.80665),
    ("therm", "MJ", 105.505585),
    ("Sm3", "Nm3", 273.15 / 288.15),
    ("万吨", "t", 10000),
    ("吨公里", "kg*km", 1000),
    ("千瓦时", "MJ", 3.6),
    ("t CO2e", "kg CO2-eq", 1000),
    ("kg CO2e/kWh", "kg CO2e/MJ", 1 / 3.6),
    ("g/cm3", "kg/m3", 1000),
    ("kg/m2", "lb/sq ft", 0.204816),
]

# One unit of each kind that must never become another.
KINDS = [
    "kg",
    "m",
    "m2",
    "m3",
    "MJ",
    "h",
    "kW",
    "Item(s)",
    "tkm",
    "p*km",
    "vkm",
    "m2*a",
    "m3*a",
    "kBq",
    "kg CO2e",
    "kg SO2 eq",
    "kg P eq",
    "MJ LHV",
    "MJ HHV",
    "Nm3",
    "USD 2022",
    "USD 2002",
    "EUR 2022",
    "2022 USD, purchaser price",
    "sheet",
    "ream",
    "person",
    "kg*d",
    "kg SWU",
    "DALY",
    "dimensionless",
    "kg CO2e/kWh",
    "kg CO2e of CH4",
    "mol",
]


@pytest.fixture(scope="module")
def plain() -> pint.UnitRegistry[float]:
    return pint.UnitRegistry()


def test_there_are_three_hundred_pairs() -> None:
    assert len(PAIRS) + len(PUBLISHED) >= 300


@pytest.mark.parametrize(("one", "pint_one", "other", "pint_other"), PAIRS)
def test_factors_equal_those_of_pint(
    plain: pint.UnitRegistry[float], one: str, pint_one: str, other: str, pint_other: str
) -> None:
    expected = plain.Quantity(1.0, pint_one).to(pint_other).magnitude
    assert convert(1.0, one, other) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("one", "other", "factor"), PUBLISHED)
def test_factors_equal_published_ones(one: str, other: str, factor: float) -> None:
    assert convert(1.0, one, other) == pytest.approx(factor, rel=2e-6)
    assert convert(factor, other, one) == pytest.approx(1.0, rel=2e-6)


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(KINDS, 2)))
def test_every_mismatch_of_dimension_is_refused(one: str, other: str) -> None:
    assert not same_dimension(one, other)
    with pytest.raises(UnitError, match="cannot convert"):
        convert(1.0, one, other)


def test_megajoule_is_never_read_as_kilowatt_hour() -> None:
    assert canonical("MJ") != canonical("kWh")
    assert same_dimension("MJ", "kWh")
    assert convert(1.0, "MJ", "kWh") == pytest.approx(1 / 3.6)
    assert convert(1.0, "kWh", "MJ") == pytest.approx(3.6)
    with pytest.raises(UnitError):
        convert(1.0, "MJ LHV", "kWh")


@pytest.mark.parametrize(
    ("spellings_of_one", "canonical_form"),
    [
        (["tkm", "t*km", "t·km", "t-km", "t.km", "吨公里", "t km"], "tkm"),
        (["Item(s)", "p", "pcs", "EA", "unit", "piece", "个", "Pcs"], "Item(s)"),
        (["p*km", "pkm", "person km", "personkm", "passenger-km", "人公里"], "p*km"),
        (["kg CO2-eq", "kg CO2e", "kgCO2eq", "kg CO2 eq.", "kg CO₂-eq", "kg CO2 equiv"], "kg CO2e"),
        (["m2*a", "m2a", "m²·a", "m2*yr", "m^2*a"], "m2a"),
        (["MJ (LHV)", "MJ LHV", "MJ, net calorific value"], "MJ LHV"),
        (["EUR2005", "EUR 2005", "2005 EUR"], "EUR 2005"),
        (["kWh", "KWH", "kilowatt hour", "千瓦时"], "kWh"),
        (["L", "l", "litre", "升"], "l"),
        (["m³", "m3", "cbm", "立方米"], "m3"),
    ],
)
def test_spellings_meet_in_one_form(spellings_of_one: list[str], canonical_form: str) -> None:
    assert {canonical(spelling) for spelling in spellings_of_one} == {canonical_form}


def test_every_spelling_of_the_table_has_a_stable_form() -> None:
    for spelling in spellings().exact:
        form = canonical(spelling)
        assert canonical(form) == form, spelling
        assert convert(1.0, spelling, form) == pytest.approx(1.0)


def test_properties_bridge_dimensions_and_are_named() -> None:
    assert convert(2, "l", "kg", density="0.84 kg/l") == pytest.approx(1.68)
    assert convert(1.68, "kg", "l", density=(0.84, "kg/l")) == pytest.approx(2)
    assert convert(2, "bale", "lb", factor="480 lb/bale") == pytest.approx(960)
    found = conversion(10, "l", "MJ", facts={"density": "0.84 kg/l", "heating value": "42.8 MJ/kg"})
    assert found.amount == pytest.approx(359.52)
    assert found.used == ("density", "heating value")
    assert found.sentence == (
        "10 l = 359.52 MJ with density 0.84 kg/l and heating value 42.8 MJ/kg"
    )


def test_an_unneeded_property_is_not_used() -> None:
    found = conversion(1, "t", "kg", facts={"density": "0.84 kg/l"})
    assert (found.amount, found.used) == (1000, ())


def test_refusals_say_what_is_missing() -> None:
    with pytest.raises(UnitError, match="needs a density"):
        convert(1, "l", "kg")
    with pytest.raises(UnitError, match="needs a heating value"):
        convert(1, "kg", "MJ")
    with pytest.raises(UnitError, match="with density"):
        convert(1, "l", "tkm", density="0.84 kg/l")
    with pytest.raises(UnitError, match="number and a unit"):
        convert(1, "l", "kg", density="light kg/l")


def test_gas_volumes_keep_their_state_unless_told_otherwise() -> None:
    with pytest.raises(UnitError):
        convert(1, "Mscf", "m3")
    # A plain volume takes the state that the other names: a thousand cubic feet, no less.
    assert convert(1, "Mscf", "m3", standard_gas=True) == pytest.approx(28.316846592, rel=1e-9)
    assert convert(1, "m3", "scf", standard_gas=True) == pytest.approx(35.31466672, rel=1e-9)
    assert convert(1, "scf", "MJ", heating_value="38 MJ/m3", standard_gas=True) == pytest.approx(
        1.0760401705, rel=1e-9
    )
    assert convert(1, "m3", "Nm3", standard_gas=True) == pytest.approx(1)
    assert convert(1, "scf", "Nm3") == pytest.approx(0.028316846592 * 273.15 / 288.70555556)


@pytest.mark.parametrize(
    "unit", ["ton", "tons", "Ton", "TON", "Tons", "TONS", "MG", "MT", "mt", "bl"]
)
def test_ambiguous_units_are_refused(unit: str) -> None:
    with pytest.raises(UnitError, match="ambiguous"):
        parse(unit)
    with pytest.raises(UnitError, match="ambiguous"):  # what it measures does not tell which it is
        parse(unit, "Mass")


@pytest.mark.parametrize(
    "fact", ["0,84 kg/l", "8,4 kg/l", "0,840 kg/l", "1,25,000 kg/l", "0.84kg/l"]
)
def test_a_decimal_comma_in_a_property_is_refused(fact: str) -> None:
    with pytest.raises(UnitError, match="decimal point"):
        convert(1, "l", "kg", density=fact)
    assert convert(1, "m3", "kg", density="1,250 kg/m3") == pytest.approx(1250)


@pytest.mark.parametrize("fact", ["0 kg/l", (0.0, "kg/l"), (-1.0, "kg/l"), (float("nan"), "kg/l")])
def test_a_property_is_above_zero(fact: str | tuple[float, str]) -> None:
    with pytest.raises(UnitError, match="above zero"):
        convert(1, "kg", "l", density=fact)


def test_points_of_different_methods_do_not_compare() -> None:
    assert not same_dimension("UBP", "Pt")
    assert canonical("Umweltbelastungspunkte") == "UBP"


@pytest.mark.parametrize("unit", ["", "  ", "PS", "widget", "kg of steel", "kg//m", "m2/", "n/a"])
def test_unknown_units_are_refused_and_equal_only_themselves(unit: str) -> None:
    with pytest.raises(UnitError):
        parse(unit)
    assert same_dimension(unit, unit)
    assert not same_dimension(unit or "x", "kg")


def test_the_quantity_tells_one_letter_units_apart() -> None:
    assert dimension("a") == "[time]"
    assert dimension("a", "Units of area") == "[length]^2"
    assert convert(1, "are", "m2") == 100
    assert dimension("u", "Length") == "[length]"
    assert dimension("t") == "[mass]"


def test_units_of_published_tables_parse() -> None:
    assert dimension("kg CO2e/2022 USD, purchaser price").startswith("[co2_equivalent_basis]")
    assert canonical("M$ 2000") == "1e+06 USD 2000"


@given(st.sampled_from(PAIRS), st.floats(1e-6, 1e6))
def test_there_and_back_again(pair: tuple[str, str, str, str], amount: float) -> None:
    one, _, other, _ = pair
    assert convert(convert(amount, one, other), other, one) == pytest.approx(amount, rel=1e-9)


def test_pint_is_imported_on_first_use_only() -> None:
    code = (
        "import sys, lca_rag.units as u; assert 'pint' not in sys.modules; "
        "u.convert(1, 'kg', 'g'); assert 'pint' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


KNOWN_GAPS = {"ton", "PAFm3d/kBq", "man.SV/kBq"}
"""One ambiguous unit and two of a method's factors that nothing else is measured in."""


@pytest.mark.parametrize(
    "name",
    [
        "ilcd-epd-indata",
        "jsonld-bw2io",
        "simapro-csv",
        "ecospold1-uslci",
        "ecospold2-fixtures",
        "ef-tables",
        pytest.param("uslci-fy17-jsonld-v1", marks=pytest.mark.slow),
    ],
)
def test_every_unit_of_the_shared_data_is_known(shared: Path, name: str) -> None:
    from lca_rag.readers import read

    units: set[tuple[str, str | None]] = set()
    for record in read(shared / "data" / name, on_skip=lambda skip: None):
        units |= {(item.unit, item.flow_property) for item in record.exchanges if item.unit}
        units |= {(item.unit, None) for item in record.results if item.unit}
        if record.flow:
            units |= {(item.unit, None) for item in record.flow.properties if item.unit}
    assert units
    unknown = set()
    for unit, quantity in units:
        try:
            parse(unit, quantity)
        except UnitError:
            unknown.add(unit)
    assert unknown <= KNOWN_GAPS
