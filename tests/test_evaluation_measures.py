"""Measures agree with the field's tools; ties, several relevant records, unanswered queries."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from lca_rag.errors import QueryError
from lca_rag.evaluation import Query, all_measures, group_qrels, measure
from lca_rag.evaluation.statistics import gain_interval, interval, paired_p


def random_run(
    queries: int = 60, records: int = 300, depth: int = 100, seed: int = 1
) -> tuple[dict[str, list[tuple[str, float]]], dict[str, dict[str, int]], np.ndarray, np.ndarray]:
    """A tie-free run with one relevant record per query, and the vectors it came from."""
    random = np.random.default_rng(seed)
    documents = random.normal(size=(records, 16))
    asked = documents[:queries] + random.normal(scale=1.6, size=(queries, 16))
    documents /= np.linalg.norm(documents, axis=1, keepdims=True)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    scores = asked @ documents.T
    run = {
        f"q{row}": [(f"d{index}", float(scores[row, index])) for index in order[:depth]]
        for row, order in enumerate(np.argsort(-scores, axis=1))
    }
    return run, {f"q{row}": {f"d{row}": 1} for row in range(queries)}, asked, documents


def test_equals_the_evaluator_of_sentence_transformers() -> None:
    """To 1e-6, on a tie-free run with one relevant record per query."""
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    run, qrels, asked, documents = random_run()

    class Vectors:
        """As much of a model as the evaluator touches."""

        similarity_fn_name = "cosine"

    cuts = [1, 5, 10, 50, 100]
    evaluator = InformationRetrievalEvaluator(
        queries={f"q{row}": str(row) for row in range(len(asked))},
        corpus={f"d{row}": str(row) for row in range(len(documents))},
        relevant_docs={query: set(gains) for query, gains in qrels.items()},
        mrr_at_k=cuts,
        ndcg_at_k=cuts,
        accuracy_at_k=cuts,
        precision_recall_at_k=cuts,
        map_at_k=cuts,
        score_functions={"dot": lambda a, b: _dot(a, b)},
        show_progress_bar=False,
    )
    logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
    evaluator.embed_inputs = lambda model, sentences, **kwargs: _rows(
        asked if "query" in str(kwargs.get("encode_fn_name", "")) else documents, sentences
    )
    theirs = evaluator.compute_metrices(Vectors())["dot"]
    ours = {name: values.mean() for name, values in measure(run, qrels).items()}
    names = {
        "NDCG": "ndcg@k",
        "Recall": "recall@k",
        "Precision": "precision@k",
        "MAP": "map@k",
        "MRR": "mrr@k",
    }
    for name, their_name in names.items():
        for cut in cuts:
            assert ours[f"{name}@{cut}"] == pytest.approx(theirs[their_name][cut], abs=1e-6)


def _dot(left: Any, right: Any) -> Any:
    import torch

    return torch.as_tensor(left) @ torch.as_tensor(right).T


def _rows(matrix: np.ndarray, sentences: list[str]) -> Any:
    import torch

    return torch.tensor(matrix[[int(sentence) for sentence in sentences]])


def test_equals_pytrec_eval() -> None:
    import pytrec_eval

    run, qrels, _, _ = random_run(seed=2)
    cuts = ",".join(map(str, (1, 5, 10, 50, 100)))
    asked = {f"{name}.{cuts}" for name in ("ndcg_cut", "recall", "P", "map_cut")} | {"recip_rank"}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, asked).evaluate(
        {query: dict(hits) for query, hits in run.items()}
    )
    ours = measure(run, qrels)
    heads = {"NDCG": "ndcg_cut", "Recall": "recall", "Precision": "P", "MAP": "map_cut"}
    for row, query in enumerate(qrels):
        for name, head in heads.items():
            for cut in (1, 5, 10, 50, 100):
                value = theirs[query][f"{head}_{cut}"]
                assert ours[f"{name}@{cut}"][row] == pytest.approx(value, abs=1e-6)
        assert ours["MRR@100"][row] == pytest.approx(theirs[query]["recip_rank"], abs=1e-6)


def test_an_unanswered_query_counts_as_zero() -> None:
    values = measure({"q1": [("a", 1.0)]}, {"q1": {"a": 1}, "q2": {"b": 1}}, ["NDCG@10", "MRR@10"])
    assert values["NDCG@10"].tolist() == [1.0, 0.0]
    assert values["MRR@10"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("name", all_measures((1,)))
def test_ties_stand_in_the_order_of_the_system_for_every_measure(name: str) -> None:
    qrels = {"q": {"b": 1}}
    assert measure({"q": [("b", 0.5), ("a", 0.5), ("c", 0.5)]}, qrels, [name])[name][0] == 1.0
    assert measure({"q": [("a", 0.5), ("b", 0.5), ("c", 0.5)]}, qrels, [name])[name][0] == 0.0


def test_several_relevant_records() -> None:
    """NDCG against the ideal order of all, recall as a share, MRR by the first, MAP by each."""
    run = {"q": [("x", 3.0), ("a", 2.0), ("b", 1.0)]}
    values = measure(
        run, {"q": {"a": 1, "b": 1}}, ["NDCG@10", "Recall@2", "Precision@2", "MAP@10", "MRR@10"]
    )
    gains, ideal = 1 / np.log2(3) + 1 / np.log2(4), 1 + 1 / np.log2(3)
    assert values["NDCG@10"][0] == pytest.approx(gains / ideal)
    assert values["Recall@2"][0] == 0.5
    assert values["Precision@2"][0] == 0.5
    assert values["MRR@10"][0] == 0.5
    assert values["MAP@10"][0] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_groups_widen_what_is_relevant() -> None:
    groups = {"a": "a", "b": "a", "c": "c"}
    assert group_qrels({"q": {"b": 1}, "r": {"z": 1}}, groups) == {
        "q": {"a": 1, "b": 1},
        "r": {"z": 1},
    }


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({"other": [("a", 1.0)]}, "not judged"),
        ({"q": [("a", 1.0), ("a", 0.5)]}, "twice"),
        ({"q": [("a", 0.5), ("b", 1.0)]}, "not sorted"),
    ],
)
def test_what_is_no_ranking_is_refused(run: Any, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        measure(run, {"q": {"a": 1}}, ["NDCG@10"])


def test_unknown_measures_are_named() -> None:
    with pytest.raises(QueryError, match="no measure 'F1@10'"):
        measure({}, {"q": {"a": 1}}, ["F1@10"])
    with pytest.raises(QueryError, match="nothing is judged"):
        measure({}, {}, ["NDCG@10"])


def test_intervals_cover_and_tests_tell_apart() -> None:
    random = np.random.default_rng(0)
    values = random.uniform(size=400)
    low, high = interval(values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
    better = np.clip(values + 0.05 + random.normal(scale=0.05, size=400), 0, None)
    assert paired_p(better, values) < 0.001
    assert paired_p(values, values) == 1.0
    shuffled = values + random.normal(scale=0.1, size=400)
    assert paired_p(shuffled, values) > 0.01
    gain = gain_interval(better, values)
    assert gain is not None
    assert gain[0] < better.mean() / values.mean() - 1 < gain[1]
    assert gain_interval(values, np.zeros(400)) is None


def test_the_paired_test_is_near_the_exact_one() -> None:
    """Eight differences of one sign: 2 of 256 sign patterns are as extreme."""
    assert paired_p(np.full(8, 2.0), np.ones(8)) == pytest.approx(2 / 256, rel=0.3)


def test_query_types() -> None:
    query = Query(id="1", text="steel", record="a", kind="process", perspective=3)
    assert query.type == "process-3"
    assert Query(id="1", text="steel", record="a").type == "record"
