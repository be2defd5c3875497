"""The retriever on the TianGong benchmark: each side alone and both together, and the ranker's fit.

    python -m benchmarks.search_tiangong --model MODEL [--query-prompt P]          # figures on dev
    python -m benchmarks.search_tiangong --model MODEL --fit mini                  # fit, then dev
    python -m benchmarks.search_tiangong --model MODEL --ablate                    # without each
    python -m benchmarks.search_tiangong --model MODEL --wishes    # place and year of the words

Reads ../shared; indexes the archive once per model under --work. The ranker is fitted on the
calibration fold alone (a tenth of the training records, which no encoder of ours has seen).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lca_rag import Hit, Index, Retriever, load_encoder, read
from lca_rag.filters import Wishes
from lca_rag.question import understand
from lca_rag.ranking import FEATURES, Ranker, ranker_for
from lca_rag.retriever import Mode
from lca_rag.signals import feature_matrix
from lca_rag.training.ranker import Example, fit_ranker

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
RANKERS = ROOT / "lca_rag" / "models" / "rankers"
Question = dict[str, Any]
Search = Callable[[str, "np.ndarray[tuple[int], np.dtype[np.float32]]"], list[Hit]]


def questions(name: str) -> list[Question]:
    path = SHARED / "benchmark" / "tiangong" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def in_calibration_fold(uuid: str) -> bool:
    """The fixed tenth of records that encoders never train on (by hash of the UUID)."""
    return int(hashlib.sha256(uuid.encode()).hexdigest()[:8], 16) % 10 == 0


def open_index(model: str, prompt: str | None, work: Path) -> Index:
    encoder = load_encoder(model, query_prompt=prompt)
    index = Index.open(work / f"tiangong-{encoder.fingerprint.key}", encoder=encoder)
    if not index.databases():
        archive = SHARED / "data" / "tiangong-ilcd" / "tiangong_ilcd_shared.zip"
        print(index.sync(read(archive, database="tiangong")))
    return index


def measures(ranks: Sequence[int | None]) -> dict[str, float]:
    """With one relevant record a question, NDCG@10 is 1 / log2(rank + 2) for ranks below 10."""
    found = np.array([np.inf if rank is None else rank for rank in ranks])
    top = found < 10
    return {
        "NDCG@10": float(np.where(top, 1 / np.log2(found + 2), 0).mean()),
        "Recall@10": float(top.mean()),
        "MRR@10": float(np.where(top, 1 / (found + 1), 0).mean()),
        "Recall@100": float((found < 100).mean()),
    }


def rank_of(hits: Sequence[Hit], uuid: str) -> int | None:
    return next((rank for rank, hit in enumerate(hits) if hit.record.uuid == uuid), None)


def one_side(retriever: Retriever, mode: Mode, query: str, vector: Any) -> list[Hit]:
    return retriever.search(query, k=100, mode=mode, vector=vector)


def score(name: str, asked: Sequence[Question], vectors: Any, search: Search) -> None:
    started = time.perf_counter()
    ranks = [
        rank_of(search(question["query"], vector), question["uuid"])
        for question, vector in zip(asked, vectors, strict=True)
    ]
    each = (time.perf_counter() - started) / len(asked) * 1000
    figures = "  ".join(f"{key} {value:.4f}" for key, value in measures(ranks).items())
    print(f"{name:<24} {figures}  ({each:.1f} ms a question, vector given)", flush=True)


def examples(retriever: Retriever, asked: Sequence[Question]) -> list[Example]:
    vectors = retriever.index.encoder.encode_queries([q["query"] for q in asked])  # type: ignore[union-attr]
    snapshot = retriever.index.snapshot()
    positions = {id.split("/")[1].split("@")[0]: i for i, id in enumerate(snapshot.ids)}
    found = []
    for question, vector in zip(asked, vectors, strict=True):
        sides, facets = retriever.sides(question["query"], vector)
        features = feature_matrix(question["query"], sides, facets, Wishes())
        at = np.flatnonzero(sides.candidates == positions[question["uuid"]])
        if len(at):
            found.append(Example(features, int(at[0])))
    return found


def fit(retriever: Retriever, name: str) -> Ranker:
    asked = [q for q in questions("train") if in_calibration_fold(q["uuid"])]
    fingerprint = retriever.index.fingerprint
    note = f"{len(asked)} questions of the calibration fold of tiangong/train.jsonl"
    ranker = fit_ranker(examples(retriever, asked), fitted_on=note)
    weights = fingerprint.weights if fingerprint else None
    ranker.save(RANKERS / f"{name}.json", weights=weights)
    return ranker


def without(ranker: Ranker, prefix: str) -> Ranker:
    """The same ranker with the curves of some features flat."""
    slopes = [
        tuple(0.0 for _ in curve) if name.startswith(prefix) else curve
        for name, curve in zip(ranker.names, ranker.slopes, strict=True)
    ]
    return replace(ranker, slopes=tuple(slopes))


def with_wishes(retriever: Retriever) -> None:
    """Dev's questions of place and of several criteria, plain and with what rules read in them."""
    asked = [q for q in questions("dev") if q["perspective"] in (1, 4)]
    read_in = [understand(q["query"]) for q in asked]
    vectors = retriever.index.encoder.encode_queries([q["query"] for q in asked])  # type: ignore[union-attr]
    for name, place, year in (
        ("plain", False, False),
        ("place", True, False),
        ("year", False, True),
        ("place and year", True, True),
    ):
        ranks, told = [], []
        for question, understood, vector in zip(asked, read_in, vectors, strict=True):
            hits = retriever.search(
                question["query"],
                k=100,
                place=understood.place if place else None,
                year=understood.years if year else None,
                vector=vector,
            )
            ranks.append(rank_of(hits, question["uuid"]))
            told.append(bool(understood.place or understood.years))
        wishing = [rank for rank, tells in zip(ranks, told, strict=True) if tells]
        print(
            f"{name:<16} all {len(ranks)}: NDCG@10 {measures(ranks)['NDCG@10']:.4f}   "
            f"with a place or year {len(wishing)}: NDCG@10 {measures(wishing)['NDCG@10']:.4f} "
            f"Recall@10 {measures(wishing)['Recall@10']:.4f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--query-prompt")
    parser.add_argument("--fit", metavar="NAME", help="fit and save models/rankers/NAME.json")
    parser.add_argument("--ablate", action="store_true")
    parser.add_argument("--wishes", action="store_true")
    parser.add_argument("--work", type=Path, default=ROOT.parent / "tmp" / "indexes")
    given = parser.parse_args()
    index = open_index(given.model, given.query_prompt, given.work)
    retriever = Retriever(index)
    ranker = fit(retriever, given.fit) if given.fit else ranker_for(index.fingerprint)
    if given.wishes:
        with_wishes(retriever)
        return
    asked = questions("dev")
    vectors = index.encoder.encode_queries([question["query"] for question in asked])  # type: ignore[union-attr]
    alone: tuple[Mode, ...] = ("dense", "lexical")
    for mode in alone:
        score(mode, asked, vectors, partial(one_side, retriever, mode))
    rankers = {"hybrid": ranker}
    if given.ablate:
        groups = sorted({name.split("_")[0] for name in FEATURES})
        rankers |= {f"hybrid without {group}": without(ranker, group) for group in groups}
    for name, chosen in rankers.items():
        hybrid = Retriever(index, ranker=chosen)
        score(name, asked, vectors, lambda q, v, h=hybrid: h.search(q, k=100, vector=v))  # type: ignore[misc]


if __name__ == "__main__":
    main()
