"""Vectors on their way into the catalogue: checked, of unit length, under a key."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lca_rag.errors import EncoderError
from lca_rag.index.derived import digest

_NEAR = 1e-5
"""Rows whose length is so near to 1 are kept as they are, to the last bit."""


def checked_vectors(vectors: ArrayLike, number: int, dimension: int) -> NDArray[np.float32]:
    """Unit vectors as float32, if there are `number`, finite and of the index's dimension.

    Raises:
        EncoderError: If not.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    if rows.shape != (number, dimension):
        raise EncoderError(
            f"the encoder gave an array of shape {rows.shape} for {number} texts; "
            f"this index needs ({number}, {dimension})"
        )
    if not np.isfinite(rows).all():
        raise EncoderError("the encoder gave vectors with NaN or infinity; nothing was stored")
    return unit_rows(rows)


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of unit length; zero rows stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    kept = (np.abs(lengths - 1) < _NEAR) | (lengths == 0)
    return (rows / np.where(kept, 1, lengths)).astype(np.float32)


def given_key(text: str, vector: NDArray[np.float32]) -> bytes:
    """The key of a vector that somebody else made, so that it need not follow from its text."""
    return digest(text.encode() + b"\0" + vector.tobytes())
