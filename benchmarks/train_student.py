"""Candidate (a): a Qwen3 student from nothing, distilled from a trained encoder.

    python -m benchmarks.train_student PAIRS TEACHER OUT [--epochs 2] [--layers 4] [--width 256]

OUT/new is the untrained student with its own tokenizer, its tokens where the teacher puts them;
OUT/distilled what learnt the teacher's vectors, narrowed to its width. The teacher's vectors of the
documents are kept in OUT/documents.npy for another try. Fine-tune it with
`benchmarks.train_run PAIRS OUT/distilled OUT/run --preset mini`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from lca_rag import load_encoder
from lca_rag.training import read_examples
from lca_rag.training.student import distil, narrow, new_student, seed_tokens

PROMPT = "query: "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("teacher")
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--vocabulary", type=int, default=16_000)
    parser.add_argument("--queries", type=int, default=4)
    chosen = parser.parse_args()
    examples = read_examples(chosen.pairs)
    documents = [example.document for example in examples]
    queries = [query for example in examples for query in example.queries[: chosen.queries]]
    count = new_student(
        [*documents, *queries],
        chosen.out / "new",
        vocabulary=chosen.vocabulary,
        width=chosen.width,
        layers=chosen.layers,
    )
    print(f"student of {count:,} parameters", flush=True)
    teacher = load_encoder(chosen.teacher)
    started = time.perf_counter()
    kept = chosen.out / "documents.npy"
    if not kept.is_file():
        np.save(kept, teacher.encode_documents(documents))
    vectors = np.concatenate([np.load(kept), teacher.encode_queries(queries)])
    print(
        f"{len(vectors)} texts by the teacher in {time.perf_counter() - started:.0f} s", flush=True
    )
    vectors, matrix = narrow(vectors, chosen.width)
    told = seed_tokens(chosen.out / "new", lambda texts: teacher.encode_queries(texts) @ matrix)
    print(f"{told} tokens placed after {time.perf_counter() - started:.0f} s", flush=True)
    # The student must see queries with the prompt that it will be served with.
    distil(
        chosen.out / "new",
        [*documents, *(PROMPT + query for query in queries)],
        vectors,
        chosen.out / "distilled",
        epochs=chosen.epochs,
        progress=lambda step, steps, loss: print(
            f"step {step}/{steps} loss {loss:.4f} {time.perf_counter() - started:.0f} s", flush=True
        ),
    )
    print(f"distilled after {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
