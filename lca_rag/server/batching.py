"""Concurrent queries encoded together, without waiting for company.

While one batch is being encoded the queries that arrive queue up; whoever comes next encodes all
of them in one call. A lone query is encoded at once, so an idle server gains no latency, and a
busy one gains the throughput of batches.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lca_rag.encoders import Encoder, Fingerprint

MAX_BATCH = 64
"""Texts in one call; longer requests are not cut, only not joined by others."""


class _Job:
    """The texts of one caller and, later, their vectors or the error."""

    __slots__ = ("error", "texts", "vectors")

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.vectors: NDArray[np.float32] | None = None
        self.error: BaseException | None = None

    @property
    def done(self) -> bool:
        return self.vectors is not None or self.error is not None


class BatchedEncoder:
    """An encoder that gives the vectors of another, many callers' queries at a time."""

    def __init__(self, encoder: Encoder, *, observe: Callable[[int], None] | None = None) -> None:
        """Wrap `encoder`; `observe` is told the number of texts in each call."""
        self._encoder = encoder
        self._observe = observe
        self._waiting: deque[_Job] = deque()
        self._turn = threading.Lock()

    @property
    def name(self) -> str:
        """Name of the encoder within."""
        return self._encoder.name

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._encoder.dimension

    @property
    def fingerprint(self) -> Fingerprint:
        """Fingerprint of the encoder within: batching changes no vector's meaning."""
        return self._encoder.fingerprint

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors [n, dimension] of `texts` as queries, in one call with whoever waits."""
        job = _Job(texts)
        self._waiting.append(job)
        with self._turn:
            while not job.done:
                self._encode(self._take())
        if job.error is not None:
            raise job.error
        if job.vectors is None:  # `done` says that one of the two is there
            raise AssertionError("a finished job holds neither vectors nor an error")
        return job.vectors

    def encode_documents(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Unit vectors [n, dimension] of `texts` as documents, straight from the encoder."""
        return self._encoder.encode_documents(texts, progress=progress)

    def _take(self) -> list[_Job]:
        """The jobs that waited longest, up to a full batch, at least one."""
        jobs = [self._waiting.popleft()]
        size = len(jobs[0].texts)
        while self._waiting and size + len(self._waiting[0].texts) <= MAX_BATCH:
            jobs.append(self._waiting.popleft())
            size += len(jobs[-1].texts)
        return jobs

    def _encode(self, jobs: list[_Job]) -> None:
        texts = [text for job in jobs for text in job.texts]
        if self._observe is not None:
            self._observe(len(texts))
        try:
            vectors = self._encoder.encode_queries(texts)
        except BaseException as exc:  # handed to every caller of the batch, who raise it
            for job in jobs:
                job.error = exc
            if not isinstance(exc, Exception):
                raise
            return
        start = 0
        for job in jobs:
            job.vectors = vectors[start : start + len(job.texts)]
            start += len(job.texts)
