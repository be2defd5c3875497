"""Add hard negatives to training pairs, for a second round that goes on from a first model.

    python -m benchmarks.train_mine PAIRS MODEL OUT.jsonl

Examples with written queries (weight 1) get negatives that BM25 or MODEL rank high among all
documents; the others stay as they are and are seen more rarely.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.train_claim_pairs import bm25, dense
from lca_rag.training import mine, read_examples, write_examples

WEIGHT_OF_UNASKED = 0.1


def main(pairs: Path, model: str, out: Path) -> None:
    examples = read_examples(pairs)
    documents = [example.document for example in examples]
    asked = [example for example in examples if example.weight == 1.0]
    rest = [replace(e, weight=WEIGHT_OF_UNASKED) for e in examples if e.weight < 1.0]
    mined = mine(asked, [dense(documents, model), bm25(documents)], candidates=examples)
    write_examples([*mined, *rest], out)
    found = sum(len(example.negatives) for example in mined)
    print(f"{found} negatives for {len(mined)} of {len(examples)} examples")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
