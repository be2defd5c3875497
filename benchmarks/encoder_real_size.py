"""How fast is a model of the real size on this CPU, and how near to what the CPU can do?

Makes a Qwen3 with random weights in the shape of the model card (28 layers, width 1,024, 0.6
billion parameters), measures the machine's own bfloat16 matrix-product peak between the runs, and
prints documents and queries a second and the share of the peak.

    python -m benchmarks.encoder_real_size [--documents 120]

Shares are given by wall-clock time, and by processor time, which other programs on the machine
disturb less.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from lca_rag.encoders import SentenceEncoder
from tests.tiny_models import make_qwen3

LAYERS, WIDTH, INNER, HEADS, KEY_HEADS, HEAD = 28, 1024, 3072, 16, 8, 128
TEXTS = Path(__file__).parents[2] / "shared/data/tiangong-ilcd/sdk_markdown_shared.jsonl.gz"
QUERIES = ("steel sheet, hot rolled, Germany", "electricity from wind in China, 2020", "cement")


def operations(tokens: int) -> float:
    """Floating-point operations of one text: products with weights, causal attention."""
    weights = LAYERS * (
        WIDTH * HEAD * (HEADS + 2 * KEY_HEADS) + HEADS * HEAD * WIDTH + 3 * WIDTH * INNER
    )
    return 2.0 * weights * tokens + LAYERS * 4.0 * HEADS * HEAD * tokens * (tokens + 1) / 2


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def peak(cores: int, size: int = 2048, repeats: int = 6) -> tuple[float, float]:
    """Best bfloat16 operations a second: of all cores together, and of one core's second."""
    left, right = (torch.randn(size, size, dtype=torch.bfloat16) for _ in range(2))
    work = 2.0 * size**3

    def on_one_core() -> tuple[float, float]:
        torch.set_num_threads(1)
        begin = time.thread_time()
        best = 1e9
        for _ in range(repeats):
            wall = time.perf_counter()
            torch.mm(left, right)
            best = min(best, time.perf_counter() - wall)
        return best, (time.thread_time() - begin) / repeats

    with torch.inference_mode(), ThreadPoolExecutor(cores) as pool:
        alone = [future.result() for future in [pool.submit(on_one_core) for _ in range(cores)]]
        torch.set_num_threads(cores)
        together = min(timed(lambda: torch.mm(left, right))[0] for _ in range(repeats))
    side_by_side = sum(work / best for best, _ in alone)
    return max(side_by_side, work / together), max(work / used for _, used in alone)


def documents(count: int) -> list[str]:
    """Texts with the lengths of TianGong's, four characters for a token of the real tokenizer."""
    with gzip.open(TEXTS, "rt", encoding="utf-8") as stream:
        texts = [json.loads(line)["text"].encode("ascii", "replace").decode() for line in stream]
    chosen = texts[:: max(1, len(texts) // count)][:count]
    return [text[: max(8, len(text) // 4)] for text in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    cores = torch.get_num_threads()
    texts = documents(arguments.documents)
    with tempfile.TemporaryDirectory() as place:
        folder = make_qwen3(
            Path(place) / "real-size",
            dtype=torch.bfloat16,
            vocab_size=151669,
            hidden_size=WIDTH,
            intermediate_size=INNER,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=KEY_HEADS,
            head_dim=HEAD,
        )
        loading, _ = timed(lambda: SentenceEncoder.load(folder, device="cpu"))
        encoder = SentenceEncoder.load(folder, device="cpu", precision="bfloat16")
        tokens = [min(1024, len(text) + 1) for text in texts]
        print(
            f"{cores} cores; {len(texts)} documents of {statistics.mean(tokens):.0f} tokens; "
            f"loaded in {loading:.1f} s"
        )
        work = sum(operations(count) for count in tokens)
        encoder.encode_documents(texts[:4])
        for _ in range(arguments.rounds):
            before = peak(cores)
            wall, processor = timed(lambda: encoder.encode_documents(texts))
            after = peak(cores)
            top, top_core = max(before[0], after[0]), max(before[1], after[1])
            latency = min(timed(lambda: encoder.encode_queries([QUERIES[0]]))[0] for _ in range(5))
            batch, _ = timed(lambda: encoder.encode_queries(list(QUERIES) * 20))
            print(
                f"documents {len(texts) / wall:.2f}/s; {work / wall / 1e9:.0f} of {top / 1e9:.0f} "
                f"Gflop/s = {work / wall / top:.0%} of the peak by the clock; "
                f"{work / processor / 1e9:.0f} of {top_core / 1e9:.0f} Gflop per core second = "
                f"{work / processor / top_core:.0%}; queries {60 / batch:.1f}/s in a batch, "
                f"{latency * 1000:.0f} ms alone",
                flush=True,
            )


if __name__ == "__main__":
    main()
