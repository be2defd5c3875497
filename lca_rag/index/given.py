"""Vectors that the caller made: stored as they are, under keys that equal texts do not share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from lca_rag.encoders import Fingerprint
from lca_rag.index.binding import store_fingerprint, stored_fingerprint, unknown_fingerprint
from lca_rag.index.packing import pack
from lca_rag.index.vectors import checked_vectors, given_key
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
        fingerprint: What made them, for an index that is tied to no encoder yet.

    Raises:
        EncoderError: If the vectors have another dimension than those in the index.
    """
    table = np.asarray(vectors, dtype=np.float32)
    bound = stored_fingerprint(writer)
    if bound is None or not writer.rows("SELECT 1 FROM records LIMIT 1"):
        bound = fingerprint or unknown_fingerprint(table.shape[-1])
        with writer.transaction():
            store_fingerprint(writer, bound)
    rows = checked_vectors(table, len(texts), bound.dimension)
    keys = [given_key(text, row) for text, row in zip(texts, rows, strict=True)]
    packed = [(key, pack(text.encode())) for key, text in zip(keys, texts, strict=True)]
    with writer.transaction():
        writer.add_vectors(bound.key, packed, rows)
    return dict(zip(ids, keys, strict=True))
