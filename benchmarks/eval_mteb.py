"""Run any MTEB model on the benchmark, and check that mteb's NDCG@10 is ours.

pip install mteb, then: python -m benchmarks.eval_mteb ../shared MODEL_DIRECTORY
"""

from __future__ import annotations

import sys
from pathlib import Path

import mteb
from sentence_transformers import SentenceTransformer

from benchmarks.eval_tiangong import tiangong
from lca_rag import embedding_text, load_encoder
from lca_rag.evaluation import EncoderSystem, evaluate, read_queries
from lca_rag.evaluation.mteb_task import retrieval_task

SHOWN = 2_000
"""Records searched; enough to compare two ways of measuring."""


def main(shared: Path, model: str) -> None:
    queries = read_queries(shared / "benchmark/tiangong/dev.jsonl")
    asked = {query.record for query in queries}
    records = tiangong(shared)
    kept = sorted(records, key=lambda record: record.uuid not in asked)[:SHOWN]
    texts = {record.uuid: embedding_text(record) for record in kept}
    task = retrieval_task("TianGongDev", queries, texts)
    result = mteb.evaluate(SentenceTransformer(model, device="cpu"), task, cache=None)
    theirs = result.task_results[0].scores["test"][0]["ndcg_at_10"]
    encoder = load_encoder(model, precision="float32")
    ours = evaluate([EncoderSystem(encoder, texts, name="ours")], queries, measures=["NDCG@10"])
    print(f"mteb {theirs:.5f}, lca-rag {ours.figure('ours', 'NDCG@10').value:.5f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
