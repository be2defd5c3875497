"""How fast `mini` loads and encodes, by plain sentence-transformers and by our encoder.

    python -m benchmarks.eval_mini_speed ../shared MODEL [--records 1000]

Loading is timed after the libraries are imported, since that is what the model adds.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from benchmarks.eval_tiangong import tiangong
from lca_rag import embedding_text, load_encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("model")
    parser.add_argument("--records", type=int, default=1000)
    chosen = parser.parse_args()
    records = random.Random(520).sample(tiangong(chosen.shared), chosen.records)
    texts = [embedding_text(record) for record in records]
    queries = [str(record.name) for record in records[:200]]
    print(f"{torch.get_num_threads()} threads, {len(texts)} records")

    started = time.perf_counter()
    plain = SentenceTransformer(chosen.model, device="cpu")
    print(f"plain: loaded in {time.perf_counter() - started:.2f} s as {plain.dtype}")
    started = time.perf_counter()
    ours = load_encoder(chosen.model)
    print(f"ours: loaded in {time.perf_counter() - started:.2f} s")
    exact = load_encoder(chosen.model, precision="float32")

    started = time.perf_counter()
    vectors = ours.encode_documents(texts)
    print(f"ours: {len(texts) / (time.perf_counter() - started):.0f} records a second")
    started = time.perf_counter()
    reference = plain.encode_document(texts)
    print(f"plain: {len(texts) / (time.perf_counter() - started):.0f} records a second")
    again = exact.encode_documents(texts[:200])
    print(
        f"ours in float32 and plain: largest difference {np.abs(again - reference[:200]).max():.1e}"
    )
    print(
        f"ours in bfloat16 and plain: smallest cosine {(vectors * reference).sum(axis=1).min():.5f}"
    )
    gap = np.abs(exact.encode_queries(queries) - plain.encode_query(queries)).max()
    print(f"queries, float32: largest difference {gap:.1e}")


if __name__ == "__main__":
    main()
