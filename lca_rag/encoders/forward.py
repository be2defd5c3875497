"""A model in memory, and the way of token ids through it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from lca_rag.encoders.local import FloatArray
from lca_rag.encoders.tokens import TokenArray, Tokenizer, batches, shared_out

__all__ = ["SharedModel"]

_CPU_BUDGET = 1024
"""Tokens in one batch on a CPU core: the activations of wider batches fall out of its cache."""
_DEVICE_BUDGET = 32768
"""Tokens in one batch on a GPU."""
_SLICE = 4096
"""Texts that are tokenised, sorted and batched together."""


@dataclass(slots=True, weakref_slot=True)
class SharedModel:
    """Weights, tokenizer and lock, one per model, device and precision in a process."""

    model: SentenceTransformer
    tokenizer: Tokenizer
    weights: str
    """Digest of the weight files."""
    pooling: str
    dimension: int
    max_length: int
    """The model's own limit in tokens."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def encode(
        self, texts: Sequence[str], max_length: int, progress: Callable[[int], None] | None
    ) -> tuple[FloatArray, int]:
        """Pooled vectors `[n, dimension]` of texts with their prompts, and how many were cut.

        One call computes at a time; others wait for it.
        """
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        cut = 0
        for start in range(0, len(texts), _SLICE):
            part = texts[start : start + _SLICE]
            with self.lock:
                rows, longer = self.tokenizer.encode(part, max_length)
                with closing(self._forward(rows)) as results:  # stops the cores if we are stopped
                    for places, result in results:
                        vectors[[start + place for place in places]] = result
                        if progress is not None:
                            progress(len(places))
            cut += longer
        return vectors, cut

    def _forward(
        self, rows: Sequence[TokenArray]
    ) -> Generator[tuple[list[int], FloatArray], None, None]:
        """Positions and vectors, batch by batch, in no fixed order."""
        on_cpu = self.model.device.type == "cpu"
        plan = list(batches([len(row) for row in rows], _CPU_BUDGET if on_cpu else _DEVICE_BUDGET))
        if on_cpu:
            plan = shared_out(plan, torch.get_num_threads())
        if not on_cpu or len(plan) == 1:
            for places in plan:
                yield places, self._batch([rows[place] for place in places])
            return
        # On a CPU every core takes batches of its own. Threads within one product wait for each
        # other after each product, which costs a little on an idle machine and up to five sixths of
        # the speed on one that does something else as well.
        with _core_pool(len(plan)) as pool:
            futures: dict[Future[FloatArray], list[int]] = {
                pool.submit(self._batch, [rows[place] for place in places]): places
                for places in plan
            }
            for future in as_completed(futures):
                yield futures[future], future.result()

    def _batch(self, rows: Sequence[TokenArray]) -> FloatArray:
        """Pooled vectors of one batch."""
        ids, mask = self.tokenizer.pad(rows)
        device = self.model.device
        features = {
            "input_ids": torch.from_numpy(ids).to(device),
            "attention_mask": torch.from_numpy(mask).to(device),
        }
        with torch.inference_mode():
            pooled = self.model(features)["sentence_embedding"]
        result: FloatArray = pooled.float().cpu().numpy()
        return result


@contextmanager
def _core_pool(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that share the cores that torch may use, each with its part of them."""
    cores = torch.get_num_threads()
    workers = min(cores, jobs)
    ready = threading.Barrier(workers + 1)

    def take_part() -> None:
        torch.set_num_threads(max(1, cores // workers))
        ready.wait()

    pool = ThreadPoolExecutor(workers, thread_name_prefix="lca-rag-encoder")
    try:
        for _ in range(workers):
            pool.submit(take_part)
        ready.wait()
        # The number is kept per thread, but new threads take the one that was set last.
        torch.set_num_threads(cores)
        yield pool
    finally:
        ready.abort()  # where a thread could not be started, the others would wait for it
        pool.shutdown(cancel_futures=True)
