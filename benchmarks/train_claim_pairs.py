"""Write training pairs for the card's claim in kind: row split, or whole records held out.

    python -m benchmarks.train_claim_pairs ../shared row|document OUT [--mine MODEL] [--queries N]

`row`: the queries that the card's protocol leaves for training (seed 520; every tested document is
seen through its other queries). `document`: all training queries; dev's records are not among them.
The calibration fold stays in here, since nothing that is shipped comes of these pairs. `--mine`
adds negatives that BM25 or the named model rank high; `--queries` keeps so many of a document's
(drawn with seed 520), for a run that must be short.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
from numpy.typing import NDArray

from benchmarks.eval_tiangong import CARD_CORPUS, tiangong
from lca_rag import embedding_text, load_encoder
from lca_rag.evaluation import duplicate_groups, read_queries, row_split
from lca_rag.training import Example, mine, write_examples
from lca_rag.training.negatives import Scores

SEED = 520


def bm25(documents: list[str]) -> Scores:
    stemmer = Stemmer.Stemmer("english")

    def words(texts: Sequence[str]) -> list[list[str]]:
        found: list[list[str]] = bm25s.tokenize(
            list(texts), stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
        )
        return found

    index = bm25s.BM25()
    index.index(words(documents), show_progress=False)

    def score(queries: Sequence[str]) -> NDArray[np.float32]:
        known = [[word for word in query if word in index.vocab_dict] for query in words(queries)]
        nothing = np.zeros(len(documents), dtype=np.float32)
        return np.stack([index.get_scores(query) if query else nothing for query in known])

    return score


def dense(documents: list[str], model: str) -> Scores:
    encoder = load_encoder(model)
    vectors = encoder.encode_documents(documents)
    return lambda queries: encoder.encode_queries(queries) @ vectors.T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("protocol", choices=("row", "document"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--mine", metavar="MODEL")
    parser.add_argument("--queries", type=int, metavar="N")
    chosen = parser.parse_args()
    text = {record.uuid: embedding_text(record) for record in tiangong(chosen.shared)}
    groups = duplicate_groups(text)
    queries = read_queries(chosen.shared / "benchmark/tiangong/train.jsonl")
    if chosen.protocol == "row":
        queries = list(row_split(queries, list(text), corpus_size=CARD_CORPUS).train)
    asked: dict[str, list[str]] = {}
    for query in queries:
        asked.setdefault(query.record, []).append(query.text)
    if chosen.queries:
        draw = random.Random(SEED)
        asked = {u: draw.sample(f, min(chosen.queries, len(f))) for u, f in asked.items()}
    examples = [
        Example(id=uuid, document=text[uuid], queries=tuple(found), group=groups[uuid])
        for uuid, found in asked.items()
    ]
    if chosen.mine:
        documents = [example.document for example in examples]
        examples = mine(examples, [bm25(documents), dense(documents, chosen.mine)])
    write_examples(examples, chosen.out)
    print(f"{len(examples)} documents, {sum(len(e.queries) for e in examples)} queries")


if __name__ == "__main__":
    main()
