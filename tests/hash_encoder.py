"""An encoder without a model: words are hashed to axes, so that search tests take milliseconds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lca_rag.encoders.fingerprint import Fingerprint

DIMENSION = 64


class HashEncoder:
    """Texts that share words point the same way; the same text always gives the same vector."""

    def __init__(self, *, seed: str = "", dimension: int = DIMENSION) -> None:
        self.seed = seed
        self.dimension = dimension
        self.encoded: list[str] = []
        """Every document that was encoded, in order, so that tests can count."""

    @property
    def name(self) -> str:
        return f"hash{self.seed}"

    @property
    def fingerprint(self) -> Fingerprint:
        return Fingerprint(
            weights=f"hash-of-words{self.seed}",
            document_prompt="",
            pooling="sum",
            dimension=self.dimension,
            max_length=1_000_000,
        )

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode(texts)

    def encode_documents(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        self.encoded.extend(texts)
        vectors = self._encode(texts)
        if progress is not None:
            progress(len(texts))
        return vectors

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()) or [""]:
                digest = hashlib.blake2b(f"{self.seed}{word}".encode(), digest_size=8).digest()
                axis = int.from_bytes(digest[:4], "little") % self.dimension
                row[axis] += 1.0 if digest[4] % 2 else -1.0
            if not row.any():
                row[0] = 1.0
            row /= np.linalg.norm(row)
        return rows
