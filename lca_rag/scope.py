"""What one search may look at, and the vectors nearest to a question inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import QueryError
from lca_rag.filters import Facets, Wishes
from lca_rag.record import Record
from lca_rag.signals import best

if TYPE_CHECKING:
    from lca_rag.encoders import FloatArray
    from lca_rag.index.snapshot import Snapshot

Test = Callable[[Record], bool]
Ranked = Sequence[tuple[int, float]]
"""Positions with their scores, best first."""

_PAGE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The records that one search may bring, and what it wishes for beside the words."""

    facets: Facets
    mask: NDArray[np.bool_]
    """Which positions pass the filters, shape (n,)."""
    databases: tuple[str, ...]
    """The databases whose words count."""
    wishes: Wishes

    @property
    def snapshot(self) -> Snapshot:
        """The committed state that is searched."""
        return self.facets.snapshot


@dataclass(frozen=True, slots=True)
class ColumnTest:
    """A test of records that rules most of them out by their columns, before any is read.

    Reading a record costs half a millisecond: a test that few or none pass would take seconds. A
    free text keeps its facts in metadata of its own, so that each is read and tested.
    """

    test: Test
    columns: Mapping[str, Callable[[str], bool]]
    """What the value of a text column must pass; an unknown value passes none, so that a condition
    which nothing would pass as well has no place here."""

    def __call__(self, record: Record) -> bool:
        """Whether a record passes."""
        return self.test(record)

    def mask(self, facets: Facets) -> NDArray[np.bool_]:
        """The positions worth reading, shape (n,)."""
        mask = np.ones(len(facets.snapshot.ids), dtype=np.bool_)
        for name, test in self.columns.items():
            mask &= facets.where(name, test)
        mask |= facets.where("kind", lambda kind: kind == "text")
        return mask


def cosines_of(snapshot: Snapshot, vector: FloatArray) -> NDArray[np.float32]:
    """Cosine of every record with a question's vector of any length, shape (n,).

    Raises:
        QueryError: If the vector is of another length than those of the index.
    """
    if not len(snapshot.ids):
        return np.zeros(0, dtype=np.float32)
    if snapshot.matrix.shape[1] != len(vector):
        raise QueryError(
            f"the question's vector has {len(vector)} numbers, the index {snapshot.matrix.shape[1]}"
            "; open the index with the encoder that made it"
        )
    length = float(np.linalg.norm(vector))
    return np.asarray(snapshot.matrix @ (vector / (length or 1)).astype(np.float32))


def nearest(vector: FloatArray, count: int, scope: Scope) -> list[tuple[int, float]]:
    """The `count` nearest positions inside the mask by a matrix product: nothing is missed."""
    cosines = cosines_of(scope.snapshot, vector)
    chosen = best(cosines, scope.mask, count, positive=False)
    return list(zip(chosen.tolist(), cosines[chosen].tolist(), strict=True))


def nearest_by_chroma(vector: FloatArray, count: int, scope: Scope) -> list[tuple[int, float]]:
    """The nearest positions inside the mask by Chroma; exact where Chroma brings too few.

    Chroma searches without the filter and the mask is applied here, with more asked for each
    time; a filter inside HNSW loses records, this does not.
    """
    size, inside = len(scope.snapshot.ids), int(scope.mask.sum())
    asked = min(size, 4 * count)
    while asked <= min(size, 32 * count):
        found = [
            (position, score)
            for position, score in scope.snapshot.chroma_query(vector, asked)
            if scope.mask[position]
        ]
        if len(found) >= min(count, inside):
            return found[:count]
        if asked == size:
            break
        asked = min(size, 4 * asked)
    return nearest(vector, count, scope)


def passing(
    snapshot: Snapshot, ranked: Ranked, k: int, where: Test | None
) -> list[tuple[Record, float]]:
    """The first `k` records that pass a test, with their scores."""
    if where is None:
        records = snapshot.records([position for position, _ in ranked[:k]])
        return list(zip(records, (score for _, score in ranked), strict=False))
    found: list[tuple[Record, float]] = []
    for record, score in _tried(snapshot, ranked):
        if where(record):
            found.append((record, score))
            if len(found) == k:
                break
    return found


def _tried(snapshot: Snapshot, ranked: Ranked) -> Iterator[tuple[Record, float]]:
    """Records in order, fetched some at a time."""
    for start in range(0, len(ranked), _PAGE):
        page = ranked[start : start + _PAGE]
        records = snapshot.records([position for position, _ in page])
        yield from zip(records, (score for _, score in page), strict=True)
