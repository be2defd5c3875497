from __future__ import annotations

from dataclasses import replace

import pytest

from lca_rag.question import understand


@pytest.mark.parametrize(
    ("question", "place", "years", "kind"),
    [
        ("steel production in Germany 2015", "DE", (2015, 2015), "process"),
        ("electricity mix CN since 2018", "CN", (2018, 2069), None),
        ("wheat 1990-2005 France", "FR", (1990, 2005), None),
        ("wheat before 2000", None, (1950, 2000), None),
        ("四川 水泥 生产 2015年以后", "CN-SC", (2015, 2069), "process"),
        ("500 kWh in Sichuan, China", "CN-SC", None, None),
        ("CAS 74-82-8", None, None, "flow"),
        ("emission of methane to air", None, None, "flow"),
        ("steel from Georgia", None, None, None),
        ("2010 t of steel", None, None, None),
        ("compare Germany with France", None, None, None),
        ("Europe without Switzerland, heat", "Europe without Switzerland", None, None),
    ],
)
def test_wishes_are_read_from_the_words(
    question: str, place: str | None, years: tuple[int, int] | None, kind: str | None
) -> None:
    found = understand(question)
    assert (found.place, found.years, found.kind) == (place, years, kind)


@pytest.mark.parametrize(
    ("question", "amounts"),
    [
        ("burn 2 t of coal", [(2.0, "t")]),
        ("1,500.5 kWh of power", [(1500.5, "kWh")]),
        ("transport over 300 tkm with 28 t lorries", [(300.0, "tkm"), (28.0, "t")]),
        ("3 in 4 plants", []),
        ("grade 304 steel", []),
        ("impact of 5 kg CO2-eq", [(5.0, "kg CO2e")]),
    ],
)
def test_amounts_carry_a_known_unit(question: str, amounts: list[tuple[float, str]]) -> None:
    assert [(item.value, item.unit) for item in understand(question).amounts] == amounts


@pytest.mark.parametrize(
    ("question", "excluded"),
    [
        ("electricity excluding hydro power", ("hydro power",)),
        ("heat without biogenic carbon, not from China", ("biogenic carbon", "China")),
        ("水泥 不含运输", ("运输",)),
        ("electricity except from hydropower in Norway", ("hydropower",)),
        ("electricity except for coal", ("coal",)),
        ("heat in Europe without Switzerland", ()),
        ("note on steel", ()),
    ],
)
def test_exclusions_are_told_from_wishes(question: str, excluded: tuple[str, ...]) -> None:
    found = understand(question)
    assert found.excluded == excluded
    assert "CN" not in [mention.areas[0].code for mention in found.places]


def test_type_of_data_set() -> None:
    assert understand("market for cement").data_type == "market"
    assert understand("unit process of cement").data_type == "unit"
    assert understand("cradle-to-gate cement").data_type == "aggregated"
    assert understand("cement").data_type is None


def test_everything_is_shown_and_can_be_replaced() -> None:
    found = understand("market for 2 t cement in Germany 2015, CAS 74-82-8, without CO2")
    assert found.sentences() == (
        "place: Germany = DE",
        "year: 2015",
        "amount: 2 t",
        "CAS number: 74-82-8",
        "formula: CO2",
        "not: CO2",
        "kind: flow",
        "type of data set: market",
    )
    assert replace(found, places=(), kind=None).place is None
    (doubt,) = [text for text in understand("peat, Georgia").sentences() if "place" in text]
    assert doubt == "place: Georgia = GE or US-GA (not sure)"
