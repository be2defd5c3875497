from __future__ import annotations

import pytest

from lca_rag.filters import Wishes
from lca_rag.pedigree import pedigree
from lca_rag.record import Name, Period, Place, Record, Text

UNDATED = Period()


def record(place: str | None = "RER", period: Period = UNDATED) -> Record:
    return Record(
        database="demo",
        uuid="00000000-0000-4000-8000-000000000001",
        kind="process",
        name=Name(base=Text.of("Hot rolled steel coil")),
        technology=Text.of("Blast furnace and basic oxygen furnace"),
        place=Place(code=place) if place else None,
        period=period,
    )


@pytest.mark.parametrize(
    ("period", "score"),
    [
        (Period(reference_year=2018), 1),
        (Period(start=2005, end=2015), 2),
        (Period(reference_year=2010, valid_until=2012), 3),
        (Period(reference_year=2007), 4),
        (Period(reference_year=1990), 5),
        (Period(), 5),
    ],
)
def test_time(period: Period, score: int) -> None:
    mark = pedigree(record(period=period), "steel", Wishes(year=2020)).time
    assert mark is not None
    assert mark.score == score
    assert mark.reason.startswith("asked 2020")


@pytest.mark.parametrize(
    ("place", "score"),
    [("DE", 1), ("RER", 2), ("GLO", 3), ("FR", 4), ("RoW", 5), ("CN", 5), (None, 5)],
)
def test_geography(place: str | None, score: int) -> None:
    mark = pedigree(record(place), "steel", Wishes(place="DE")).geography
    assert mark is not None
    assert mark.score == score


@pytest.mark.parametrize(
    ("question", "score"),
    [
        ("hot rolled steel", 1),
        ("steel coil blast furnace galvanised", 2),
        ("galvanised steel", 3),
        ("galvanised zinc chromium steel", 4),
        ("cotton", 5),
    ],
)
def test_technology(question: str, score: int) -> None:
    mark = pedigree(record(), question, Wishes()).technology
    assert mark is not None
    assert mark.score == score


def test_only_what_was_asked_is_scored() -> None:
    found = pedigree(record(), "steel", Wishes())
    assert (found.time, found.geography) == (None, None)
    assert found.sentence == (
        "data quality (1 best, 5 worst): technology 1 (it states 1 of 1 words asked)"
    )


def test_technology_is_left_out_across_scripts() -> None:
    found = pedigree(record(), "热轧钢卷", Wishes(place="DE"))
    assert found.technology is None
    assert found.geography is not None
    assert "technology not scored" in found.sentence
    assert pedigree(record(), "热轧 steel", Wishes()).technology is not None
