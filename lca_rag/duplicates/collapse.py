"""Hits of a search with doubles folded together, each with its variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lca_rag.duplicates.search import duplicate_pairs
from lca_rag.duplicates.sketches import sketch
from lca_rag.record import Hit


@dataclass(frozen=True, slots=True)
class Variant:
    """A double of a hit that was found too, further down."""

    hit: Hit
    relation: str
    reason: str


@dataclass(frozen=True, slots=True)
class Folded:
    """A hit with its variants, best first."""

    hit: Hit
    variants: tuple[Variant, ...]


def collapse(hits: Sequence[Hit], vectors: NDArray[np.float32] | None = None) -> list[Folded]:
    """Fold each hit under the first one above it that it doubles; the order stays.

    A hit is folded only under a double of its own, never by way of a third record.

    Args:
        hits: Best first.
        vectors: Their unit document vectors, shape (n, d); without them words alone decide.
    """
    ids = [hit.record.id for hit in hits]
    pairs = duplicate_pairs([sketch(hit.record) for hit in hits], vectors)
    joined = {frozenset((pair.first, pair.second)): pair for pair in pairs}
    heads: list[int] = []
    variants: dict[int, list[Variant]] = {}
    for number, id in enumerate(ids):
        for head in heads:
            pair = joined.get(frozenset((ids[head], id)))
            if pair is not None:
                variants[head].append(Variant(hits[number], pair.relation, pair.reason))
                break
        else:
            heads.append(number)
            variants[number] = []
    return [Folded(hits[head], tuple(variants[head])) for head in heads]
