"""The checks bite: corrupted answers are caught, true ones pass, repairs say what they did."""

from __future__ import annotations

import random

import pytest

from benchmarks import qa_corrupt
from lca_rag import demo
from lca_rag.answer.checks import verify
from lca_rag.answer.claims import reading, statements
from lca_rag.answer.repair import enforce
from lca_rag.readers import read
from lca_rag.record import Record


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [r for r in read(demo.path(), database="demo") if r.kind == "process"]


@pytest.fixture(scope="module")
def steel(records: list[Record]) -> Record:
    return next(
        r
        for r in records
        if "electric arc" in str(r.name) and r.place is not None and r.place.code == "DE"
    )


@pytest.fixture(scope="module")
def glass(records: list[Record]) -> Record:
    return next(r for r in records if "Float glass" in str(r.name))


def stands(text: str, *records: Record, question: str = "") -> bool:
    return not any(finding.fails for finding in verify(text, records, question))


@pytest.mark.parametrize(
    "text",
    [
        "It takes 418 kWh of electricity per 1000 kg of steel [1].",
        "It takes 0.418 kWh of electricity per kg of steel [1].",
        "Electricity: 1504.8 MJ per 1000 kg of steel [1].",
        "Electricity: 1.505 MJ per kg [1].",
        "It takes 1085 kg of steel scrap and 52 kg of quicklime or limestone per tonne [1].",
        "The furnace emits 84 kg of fossil carbon dioxide per t [1].",
        "The data set is of 2022 and valid until 2026 [1].",
        "每 1000 kg 钢耗用中压电力 418 kWh [1]。",
        "Its dioxin emission is 1.1e-9 kg per tonne [1].",
        "Its dioxin emission is 1.1 × 10^-9 kg per tonne [1].",
        "It takes 418 kWh of electricity [1]. Scrap adds 1085 kg.",
        "Quoted: “Shaft preheating saves about 20 kWh a tonne in half of the furnaces” [1].",
    ],
)
def test_true_statements_stand(steel: Record, text: str) -> None:
    assert stands(text, steel), [f.check for f in verify(text, [steel]) if f.fails]


@pytest.mark.parametrize(
    "text",
    [
        "It takes 481 kWh of electricity per 1000 kg of steel [1].",
        "It takes 418 MJ of electricity per 1000 kg of steel [1].",
        "It takes 4.18 kWh of electricity per 1000 kg of steel [1].",
        "It takes 418 kWh of electricity per kg of steel [1].",
        "It takes 418 kWh of electricity per 1000 kg of steel.",
        "It takes 418 kWh of electricity per 1000 kg of steel [2].",
        "It emits 418 kg of carbon dioxide per tonne [1].",
        "It emits 1085 kg of fossil carbon dioxide per 1000 kg of steel [1].",
        "The data set is of 2017 [1].",
        "Its UUID is 12345678-1234-4234-8234-123456789abc [1].",
        "It is called “Steel, moon route” [1].",
        "Its footprint is 400 kg CO2e per tonne [1].",
        "This is 12 times more [1].",
        "It needs 99 furnaces [1].",
        "每 1000 kg 钢耗用中压电力 481 kWh [1]。",
    ],
)
def test_false_statements_fail(steel: Record, text: str) -> None:
    assert not stands(text, steel)


def test_the_figure_of_another_record_is_no_excuse(steel: Record, glass: Record) -> None:
    assert stands("It takes 418 kWh of electricity per 1000 kg of steel [1].", steel, glass)
    assert not stands("It takes 418 kWh of electricity per 1000 kg of steel [2].", steel, glass)


def test_sums_and_ratios_of_verified_figures_stand(steel: Record, glass: Record) -> None:
    rows = "Scrap is 1085 kg per 1000 kg [1]. Hard coal is 14 kg per 1000 kg [1]."
    assert stands(f"{rows} Together that is 1099 kg [1].", steel)
    assert not stands(f"{rows} Together that is 1199 kg [1].", steel)
    ratio = 418 / 118
    assert stands(f"The electricity is {ratio:.2f} times as much [1][2].", steel, glass)
    assert not stands("The electricity is 4.54 times as much [1][2].", steel, glass)


def test_a_number_of_the_question_is_no_evidence(steel: Record) -> None:
    question = "Confirm that it takes 12 kg of coke in 1999."
    assert not stands("It takes 12 kg of coke per tonne [1].", steel, question=question)
    assert stands("Nothing was found for 1999.", steel, question=question)


def test_numbers_in_names_are_no_claims(records: list[Record]) -> None:
    concrete = next(
        r
        for r in records
        if "C30/37" in str(r.name) and r.place is not None and r.place.code == "DE"
    )
    assert stands("Concrete, ready-mix, C30/37 takes 310 kg of cement per m3 [1].", concrete)


@pytest.mark.parametrize(
    ("digits", "value", "other", "step"),
    [
        ("1,000", 1000.0, 1.0, 1.0),
        ("1,234,567.5", 1234567.5, None, 0.1),
        ("1,87", 1.87, None, 0.01),
        ("3.2e-8", 3.2e-8, None, 1e-9),
        ("1.1 × 10^-9", 1.1e-9, None, 1e-10),
        ("−5.0", -5.0, None, 0.1),
    ],
)
def test_readings(digits: str, value: float, other: float | None, step: float) -> None:
    got = reading(digits)
    assert got[0] == pytest.approx(value)
    assert got[1] == (None if other is None else pytest.approx(other))
    assert got[2] == pytest.approx(step)


def test_sentences_do_not_break_inside_quotations() -> None:
    text = "“Fuel oil no. 2. Heated. At plant” takes 3 kg. It is old.\n- New line"
    assert [s.text.strip() for s in statements(text)] == [
        "“Fuel oil no. 2. Heated. At plant” takes 3 kg.",
        "It is old.",
        "- New line",
    ]


def test_repairs(steel: Record, glass: Record) -> None:
    wrong = enforce("It takes 118 kWh of medium voltage electricity per 1000 kg [1].", [steel])
    assert "418 kWh" in wrong.text
    assert wrong.checks.count("repaired") == 1
    moved = enforce("It takes 418 kWh of electricity per 1000 kg of steel [2].", [steel, glass])
    assert moved.text.endswith("[1].")
    gone = enforce("It needs 99 furnaces [1]. The scrap melts under slag [1].", [steel])
    assert gone.text == "The scrap melts under slag [1]."
    assert gone.checks.verdict == "corrected"
    marked = enforce("It is called “Moon steel” [1].", [steel])
    assert "⚠" in marked.text
    assert marked.checks.verdict == "doubtful"
    assert not marked.checks.passed


def test_checks_point_into_the_final_text(steel: Record) -> None:
    done = enforce("It needs 99 furnaces [1]. It takes 418 kWh of electricity per t [1].", [steel])
    for check in done.checks:
        if check.start is not None:
            assert done.text[check.start : check.end] == check.claim


def test_corrupted_answers_are_caught_and_true_ones_pass(records: list[Record]) -> None:
    """The benchmark's recipes on the demo database; the full run is in `benchmarks/`."""
    rng = random.Random(520)
    flagged = missed = 0
    for number, case in enumerate(qa_corrupt.cases(records, 120, rng)):
        flagged += bool(qa_corrupt.fails(case.text, case.records))
        recipe = qa_corrupt.RECIPES[number % len(qa_corrupt.RECIPES)]
        if recipe is qa_corrupt.citation and qa_corrupt.same_figure(case):
            continue
        missed += not qa_corrupt.fails(recipe(case, rng), case.records)
    assert flagged <= 1
    assert missed <= 1
