"""Comparing systems: tables, files, plots, splits, groups, query writing, the MTEB task."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import numpy as np
import pytest

from lca_rag.errors import AnswerError, MissingExtra, QueryError, ReadError
from lca_rag.evaluation import (
    Bm25System,
    EncoderSystem,
    FusedSystem,
    Query,
    SearchSystem,
    database_split,
    document_split,
    duplicate_groups,
    evaluate,
    in_calibration_fold,
    read_queries,
    row_split,
    write_queries,
)
from lca_rag.evaluation.mteb_task import retrieval_task
from lca_rag.evaluation.tables import markdown, rows
from lca_rag.evaluation.trec import read_run
from lca_rag.evaluation.writing import write_queries_for
from lca_rag.record import Hit, Name, Record, Text
from tests.hash_encoder import HashEncoder

TEXTS = {
    "steel": "# Steel, electric arc furnace\n\n**UUID:** `1`\nscrap melted with power",
    "milk": "# Raw milk, at farm\n\n**UUID:** `2`\ncows and fodder",
    "power": "# Electricity, wind\n\n**UUID:** `3`\nturbines on land",
    "rail": "# Freight train\n\n**UUID:** `4`\ntransport of goods",
}
QUERIES = [
    Query(id="1", text="arc furnace steel scrap", record="steel", kind="process", perspective=0),
    Query(id="2", text="milk cows farm", record="milk", kind="process", perspective=1),
    Query(id="3", text="wind turbines electricity", record="power", kind="flow", perspective=0),
]


class Fixed:
    """A system that always returns the same order."""

    def __init__(self, name: str, order: Sequence[str]) -> None:
        self.name = name
        self.order = order

    def run(self, queries: Sequence[Query], depth: int) -> dict[str, list[tuple[str, float]]]:
        ranked = [(record, -float(rank)) for rank, record in enumerate(self.order[:depth])]
        return {query.id: ranked for query in queries}


def test_bm25_finds_words_and_leaves_out_what_shares_none() -> None:
    run = Bm25System(TEXTS).run(QUERIES, 10)
    assert [hits[0][0] for hits in run.values()] == ["steel", "milk", "power"]
    assert all(score > 0 for hits in run.values() for _, score in hits)
    assert len(run["1"]) < len(TEXTS)
    nothing = Query(id="9", text="zzzz", record="steel")
    assert Bm25System(TEXTS).run([nothing], 10) == {"9": []}


def test_bm25s_says_no_more_than_the_application_wants() -> None:
    logging.getLogger("bm25s").setLevel(logging.DEBUG)  # as it does itself on import
    Bm25System(TEXTS)
    assert logging.getLogger("bm25s").level == logging.NOTSET


def test_an_encoder_is_searched_exactly(hash_encoder: HashEncoder) -> None:
    system = EncoderSystem(hash_encoder, TEXTS, name="hash")
    run = system.run(QUERIES, 2)
    scores = hash_encoder.encode_queries([QUERIES[0].text]) @ system.vectors.T
    best = np.array(list(TEXTS))[np.argsort(-scores[0])[:2]]
    assert [record for record, _ in run["1"]] == best.tolist()
    again = EncoderSystem(hash_encoder, TEXTS, name="again", vectors=system.vectors)
    assert again.run(QUERIES, 2) == run


def test_equal_scores_stand_by_id_also_at_the_cut(hash_encoder: HashEncoder) -> None:
    same = {"c": "one text", "a": "one text", "b": "one text"}
    run = EncoderSystem(hash_encoder, same).run([QUERIES[0]], 2)
    assert [record for record, _ in run["1"]] == ["a", "b"]


def test_fusion_is_reciprocal_rank() -> None:
    left, right = Fixed("l", ["steel", "milk"]), Fixed("r", ["milk", "power"])
    run = FusedSystem([left, right], k=10).run(QUERIES[:1], 10)["1"]
    assert [record for record, _ in run] == ["milk", "steel", "power"]
    assert run[0][1] == pytest.approx(0.5 / 12 + 0.5 / 11)
    weighted = FusedSystem([left, right], weights=[0.99, 0.01]).run(QUERIES[:1], 10)["1"]
    assert weighted[0][0] == "steel"
    with pytest.raises(QueryError, match="at least two"):
        FusedSystem([left])
    with pytest.raises(QueryError, match="1 weights"):
        FusedSystem([left, right], weights=[1.0])


def test_any_search_is_a_system() -> None:
    def search(query: str, depth: int) -> list[Hit]:
        names = [name for name in ("steel", "steel", "milk") if name in query][:depth]
        return [
            Hit(
                record=Record(
                    database="d", uuid=name, kind="process", name=Name(base=Text.of(name))
                ),
                score=1.0 / (rank + 1),
            )
            for rank, name in enumerate(names)
        ]

    run = SearchSystem("mine", search).run(QUERIES[:1], 10)
    assert run == {"1": [("steel", 1.0)]}


def test_a_comparison_has_gains_tests_and_files(tmp_path: Path) -> None:
    good, bad = Bm25System(TEXTS), Fixed("worst | first", ["rail", "power", "milk", "steel"])
    report = evaluate(
        [bad, good],
        QUERIES,
        groups={"rail": "steel", "steel": "steel", "milk": "milk", "power": "power"},
        name="toy",
        corpus=4,
        not_run={"big model": "no network"},
    )
    assert report.systems == ("worst | first", "BM25")
    assert report.figure("BM25", "NDCG@10").value == 1.0
    first = report.figure("worst | first", "NDCG@10")
    assert first.gain is None
    gain = report.figure("BM25", "NDCG@10").gain
    assert gain is not None
    assert gain == pytest.approx(1.0 / first.value - 1)
    # Under the group scheme the first hit of the first query counts.
    assert report.figure("worst | first", "MRR@1", "group").value == pytest.approx(1 / 3)
    assert report.by_type()["BM25"] == {"flow-0": 1.0, "process-0": 1.0, "process-1": 1.0}

    report.write(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {
        "report.json", "report.md", "qrels.txt", "measures.svg", "recall.svg", "types.svg",
    }  # fmt: skip
    value = json.loads((tmp_path / "report.json").read_text())
    assert value["not_run"] == {"big model": "no network"}
    text = (tmp_path / "report.md").read_text()
    assert "## @10, relevant is the exact record" in text
    assert "| big model | not run | not run |" in text
    assert "worst \\| first" in text
    run = read_run(tmp_path / "runs" / "BM25.run")
    assert run["1"][0][0] == "steel"
    assert (tmp_path / "qrels.txt").read_text().splitlines()[0] == "1 0 steel 1"


def test_the_written_run_measures_the_same_elsewhere(tmp_path: Path) -> None:
    """`pytrec_eval` on our files gives our figures."""
    import pytrec_eval

    report = evaluate([Bm25System(TEXTS)], QUERIES, measures=["NDCG@10"])
    report.write(tmp_path, plots=False)
    with (tmp_path / "runs" / "BM25.run").open() as run, (tmp_path / "qrels.txt").open() as qrels:
        theirs = pytrec_eval.RelevanceEvaluator(
            pytrec_eval.parse_qrel(qrels), {"ndcg_cut.10"}
        ).evaluate(pytrec_eval.parse_run(run))
    mean = np.mean([values["ndcg_cut_10"] for values in theirs.values()])
    assert report.figure("BM25", "NDCG@10").value == pytest.approx(mean, abs=1e-6)


def test_tables_hold_the_measures_that_were_calculated() -> None:
    report = evaluate([Fixed("a", ["rail"])], QUERIES, measures=["MRR@10", "NDCG@10"])
    table = rows(report, 10)
    assert table[0] == ["system", "NDCG@10", "MRR@10"]
    assert table[1][1].startswith("0.0000 [")
    assert "@100" not in markdown(report)


def test_comparisons_that_make_no_sense_are_refused() -> None:
    with pytest.raises(QueryError, match="two systems are called 'a'"):
        evaluate([Fixed("a", []), Fixed("a", [])], QUERIES)
    with pytest.raises(QueryError, match="nothing to compare"):
        evaluate([], QUERIES)
    with pytest.raises(QueryError, match="no judgement"):
        evaluate([Fixed("a", [])], QUERIES, {"1": {"steel": 1}})


def test_queries_are_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "queries.jsonl"
    write_queries(QUERIES, path)
    assert read_queries(path) == QUERIES
    path.write_text('{"qid": "1", "query": "x", "uuid": "u"}\n' * 2)
    with pytest.raises(ReadError, match="comes twice"):
        read_queries(path)
    path.write_text('{"qid": "1"}\n')
    with pytest.raises(ReadError, match=r"queries\.jsonl:1: needs 'qid', 'query' and 'uuid'"):
        read_queries(path)
    path.write_text("[1]\n")
    with pytest.raises(ReadError, match="needs"):
        read_queries(path)


def many(records: int = 200) -> list[Query]:
    return [
        Query(id=f"{record}-{number}", text="x", record=f"r{record}")
        for record in range(records)
        for number in range(5)
    ]


def test_the_row_split_is_the_cards() -> None:
    records = [f"r{number}" for number in range(300)]
    split = row_split(many(), records, corpus_size=250)
    facts = split.statistics()
    assert facts["test queries"] == 100
    assert facts["train queries"] == 900
    assert facts["corpus"] == 250
    assert facts["test records seen in training"] == facts["test records"]
    assert {query.record for query in many()} <= set(split.corpus)
    assert split == row_split(many(), records, corpus_size=250)
    with pytest.raises(QueryError, match="cannot be made"):
        row_split(many(), records, corpus_size=100)
    with pytest.raises(QueryError, match="not there"):
        row_split(many(), records[:10])


def test_held_out_records_are_unseen() -> None:
    records = [f"r{number}" for number in range(300)]
    split = document_split(many(), records)
    assert split.statistics()["test records"] == 20
    assert split.statistics()["test records seen in training"] == 0
    assert len(split.corpus) == 300


def test_a_database_can_be_held_out() -> None:
    databases = {f"r{number}": "a" if number < 50 else "b" for number in range(200)}
    split = database_split(many(), databases, "a")
    assert split.statistics()["test queries"] == 250
    assert split.statistics()["train queries"] == 750
    assert len(split.corpus) == 50
    with pytest.raises(QueryError, match="there are a, b"):
        database_split(many(), databases, "c")


def test_the_calibration_fold_is_a_fixed_tenth() -> None:
    share = np.mean([in_calibration_fold(f"uuid-{number}") for number in range(5_000)])
    assert 0.085 < share < 0.115
    assert in_calibration_fold("00000000-0000-0000-0000-000000000004") == in_calibration_fold(
        "00000000-0000-0000-0000-000000000004"
    )


def test_the_calibration_fold_has_not_moved(shared: Path) -> None:
    """Models are trained without it: a change would leak them into their own calibration."""
    queries = read_queries(shared / "benchmark/tiangong/train.jsonl")
    fold = sorted({query.record for query in queries if in_calibration_fold(query.record)})
    assert len(fold) == 357
    assert fold[:2] == FOLD_START


FOLD_START = ["006ad603-87b2-40ae-9ed1-1a542d09ad1e", "019f1b8e-122b-4a01-ba26-1f48706f74e6"]


def test_duplicate_groups() -> None:
    base = "# Lime; kiln\n\n**UUID:** `1`\n**Version:** 01.00.000\n**Location:** CN\n\n## Main\n"
    prose = " ".join(f"word{number}" for number in range(60))
    texts = {
        "a": base + prose + "\n- coal: 0.5",
        "a2": base.replace("01.00", "02.00").replace("`1`", "`2`") + prose + "\n- coal: 0.7",
        "near": base + prose.replace("word7", "other") + "\n- coal: 0.5",
        "far": base + "a wholly different account of the same kiln",
        "title": base.replace("kiln", "hearth") + prose,
    }
    groups = duplicate_groups(texts)
    assert groups["a"] == groups["a2"] == groups["near"] == "a"
    assert groups["far"] == "far"
    assert groups["title"] == "title"


def answering(*contents: str) -> httpx.Client:
    answers = iter(contents)

    def handle(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        assert request.url.path == "/v1/chat/completions"
        assert request.headers["Authorization"] == "Bearer key"
        assert "<record>\n# Steel" in body["messages"][1]["content"]
        content = next(answers)
        return httpx.Response(200, json={"choices": [{"message": {"content": content}}]})

    return httpx.Client(transport=httpx.MockTransport(handle))


def test_queries_are_written_by_a_model_one_per_perspective() -> None:
    good = "```json\n" + json.dumps([f"query {number}" for number in range(5)]) + "\n```"
    failures: list[str] = []
    with answering(good, "sorry", '["only one"]') as client:
        written = list(
            write_queries_for(
                [(name, "process", TEXTS["steel"]) for name in ("a", "b", "c")],
                "http://model/v1",
                "tiny",
                api_key="key",
                on_failure=lambda name, _: failures.append(name),
                client=client,
            )
        )
    assert [(query.id, query.perspective) for query in written] == [(f"a-{n}", n) for n in range(5)]
    assert failures == ["b", "c"]


def test_a_model_that_fails_stops_the_writing_unless_told_otherwise() -> None:
    with answering("[1, 2]") as client, pytest.raises(AnswerError, match="0 queries instead"):
        list(
            write_queries_for(
                [("a", "flow", TEXTS["steel"])],
                "http://model/v1",
                "t",
                api_key="key",
                client=client,
            )
        )


def test_the_mteb_task_carries_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a stub of mteb's two classes; benchmarks/eval_mteb.py runs it on the real one."""
    package, tasks, metadata = (ModuleType(name) for name in ("m", "t", "d"))

    class Task:
        metadata: dict[str, Any]

    tasks.AbsTaskRetrieval = Task  # type: ignore[attr-defined]
    metadata.TaskMetadata = dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mteb", package)
    monkeypatch.setitem(sys.modules, "mteb.abstasks", tasks)
    monkeypatch.setitem(sys.modules, "mteb.abstasks.task_metadata", metadata)
    task = retrieval_task("Toy", QUERIES, TEXTS)
    task.load_data()
    assert task.queries["test"]["1"] == "arc furnace steel scrap"
    assert task.corpus["test"]["milk"]["text"] == TEXTS["milk"]
    assert task.relevant_docs["test"]["3"] == {"power": 1}
    assert task.metadata["main_score"] == "ndcg_at_10"


def test_without_mteb_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mteb", None)
    monkeypatch.setitem(sys.modules, "mteb.abstasks", None)
    with pytest.raises(MissingExtra, match="package mteb"):
        retrieval_task("Toy", QUERIES, TEXTS)
