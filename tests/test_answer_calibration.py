"""Thresholds of an index: fitted without labels, kept in its folder, read when it answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lca_rag.answer import Answerer
from lca_rag.answer.calibration import calibrate, cases_of, fit_cases, own_questions
from lca_rag.answer.thresholds import ALLOWED, FILE, GENERAL, Enough, Outcome, Thresholds, fit
from lca_rag.errors import AnswerError
from lca_rag.operations import Workspace
from tests import server_fixtures
from tests.lexical_retriever import LexicalRetriever

STRICT = Thresholds({"figure": Enough(anywhere=1.0, named=1.0, lacking=1.0)})
LOOSE = Thresholds({"figure": Enough(anywhere=0.0, named=0.0, lacking=0.0)})


@pytest.fixture(scope="module")
def answerer() -> Answerer:
    return Answerer(LexicalRetriever(server_fixtures.whole_demo()))


def test_own_questions_are_the_same_each_time_and_about_their_record() -> None:
    records = server_fixtures.demo_records()
    asked = own_questions(records)
    assert asked == own_questions(records)
    assert len(asked) > 20
    assert {uuid for _, uuid in asked} <= {record.uuid for record in records}


def test_a_record_that_is_hidden_is_not_a_candidate_of_its_question(answerer: Answerer) -> None:
    right = answerer.ask("How much electricity does primary aluminium take in China?").citations[0]
    whole, hidden = cases_of(
        answerer, "How much electricity does primary aluminium take in China?", [right.uuid]
    )
    assert right.uuid in {c.view.record.uuid for c in whole.candidates}
    assert right.uuid not in {c.view.record.uuid for c in hidden.candidates}
    assert not whole.mistaken(GENERAL)
    assert not hidden.mistaken(GENERAL)
    assert not hidden.right


def test_an_index_that_answers_too_much_gets_stricter_thresholds(answerer: Answerer) -> None:
    asked = own_questions(server_fixtures.demo_records())
    cases = [case for text, uuid in asked for case in cases_of(answerer, text, [uuid])]

    def false(enough: Thresholds) -> int:
        return sum(not c.right and c.mistaken(enough) for c in cases)

    fitted = fit_cases(cases, start=LOOSE)
    declined = sum(not case.right for case in cases)
    assert false(LOOSE) > ALLOWED * declined
    assert false(fitted) <= ALLOWED * declined < false(LOOSE)
    assert calibrate(answerer, server_fixtures.demo_records()).of("figure")


def test_of_those_that_decline_enough_the_loosest_is_taken() -> None:
    def outcome(kind: str, enough: Enough) -> Outcome:
        return Outcome(lost=int(enough.anywhere > 0.8), false=3 if enough.anywhere < 0.55 else 1)

    assert fit({"figure": 20}, outcome).of("figure") == Enough(0.55, 0.0, 0.6)


def test_too_few_questions_fit_nothing_and_chance_moves_nothing() -> None:
    def outcome(kind: str, enough: Enough) -> Outcome:
        return Outcome(lost=0, false=int(enough.anywhere < 0.8) * 3)

    assert fit({"figure": 9}, outcome, start=GENERAL) == GENERAL
    assert fit({"figure": 20}, outcome, start=GENERAL) == GENERAL
    assert fit({"figure": 20}, outcome).of("figure").anywhere == 0.8


def test_an_index_answers_by_the_thresholds_in_its_folder(tmp_path: Path) -> None:
    folder = server_fixtures.build(tmp_path / "demo.lca", server_fixtures.demo_records())
    STRICT.save(folder / FILE)
    with server_fixtures.workspace(folder) as workspace:
        assert workspace.answerer.enough == STRICT
    (folder / FILE).write_text('{"figure": {"anywhere": 1}}')
    with (
        server_fixtures.workspace(folder) as workspace,
        pytest.raises(AnswerError, match="calibrate the index again"),
    ):
        _ = workspace.answerer
    assert isinstance(workspace, Workspace)


def test_strictness_declines_what_is_worded_otherwise() -> None:
    asked = "How much electricity does the primary aluminium of our supplier take in China?"
    retriever = LexicalRetriever(server_fixtures.whole_demo())
    assert not Answerer(retriever, enough=LOOSE).ask(asked).abstained
    assert Answerer(retriever, enough=STRICT).ask(asked).abstained


def test_an_amount_without_a_unit_is_never_an_empty_answer() -> None:
    record = next(r for r in server_fixtures.whole_demo() if len(r.exchanges) > 3)
    rows = [e for e in record.exchanges if not e.reference]
    bare = replace(
        record,
        exchanges=(
            *record.reference_exchanges,
            *(replace(e, unit=None, amount=17003.0) for e in rows),
        ),
    )
    name = record.name.base.preferred("en")[0]
    flow = rows[0].flow.preferred("en")[0]
    answer = Answerer(LexicalRetriever([bare])).ask(f"How much {flow} goes into {name}?")
    assert answer.text
    assert answer.abstained
    assert "17003" not in answer.text
