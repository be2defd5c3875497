"""Vectors that the caller made: stored as they are, under keys that equal texts do not share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lca_rag.encoders import Fingerprint
from lca_rag.index.binding import store_fingerprint, stored_fingerprint, unknown_fingerprint
from lca_rag.index.derived import digest
from lca_rag.index.preparation import pack
from lca_rag.index.sync import checked_vectors
from lca_rag.index.writer import Writer


def store_given(
    writer: Writer,
    ids: Sequence[str],
    texts: Sequence[str],
    vectors: ArrayLike,
    fingerprint: Fingerprint | None,
) -> dict[str, bytes]:
    """Store vectors, and return the key of each by record id.

    Args:
        writer: The catalogue, with the writer's lock held.
        ids: Record ids; the last vector of an id that comes twice counts.
        texts: What the vectors were made from.
        vectors: Shape (texts, dimension); brought to unit length.
        fingerprint: What made them, for an index that holds no records yet.

    Raises:
        EncoderError: If the vectors have another dimension than those in the index.
    """
    table = np.asarray(vectors, dtype=np.float32).reshape(len(texts), -1)
    bound = stored_fingerprint(writer)
    if bound is None or not writer.rows("SELECT 1 FROM records LIMIT 1"):
        bound = fingerprint or unknown_fingerprint(table.shape[1])
        with writer.transaction():
            store_fingerprint(writer, bound)
    rows = unit_rows(checked_vectors(table, len(texts), bound.dimension))
    keys = [given_key(text, row) for text, row in zip(texts, rows, strict=True)]
    packed = [(key, pack(text.encode())) for key, text in zip(keys, texts, strict=True)]
    with writer.transaction():
        writer.add_vectors(bound.key, packed, rows)
    return dict(zip(ids, keys, strict=True))


def given_key(text: str, vector: NDArray[np.float32]) -> bytes:
    """The key of a vector that need not follow from its text."""
    return digest(text.encode() + b"\0" + vector.tobytes())


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of unit length; zero rows stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    near = np.abs(lengths - 1) < 1e-6  # keep the very bits of what is of unit length already
    return (rows / np.where(near | (lengths == 0), 1, lengths)).astype(np.float32)
