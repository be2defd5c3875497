"""Hard negatives: documents that a searcher ranks high for a query and that do not answer it.

About one query in ten also fits another record, so the nearest documents are not safe to call
wrong. Left out are documents of the example's own group, and those that score nearly as high as the
right one (the positive-aware bound of Moreira et al. 2024, arXiv:2407.15831).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import QueryError
from lca_rag.training.examples import Example

Scores = Callable[[Sequence[str]], NDArray[np.float32]]
"""From queries to scores of every document, shape (queries, documents); higher is better."""


def mine(
    examples: Sequence[Example],
    scorers: Sequence[Scores],
    *,
    candidates: Sequence[Example] | None = None,
    depth: int = 50,
    keep: int = 8,
    bound: float = 0.95,
    progress: Callable[[int], None] | None = None,
) -> list[Example]:
    """The examples with up to `keep` negatives each.

    Args:
        examples: What gets negatives.
        scorers: Searchers, such as BM25 and an encoder; each brings its share of `keep`.
        candidates: Where negatives come from; each scorer scores their documents in this order.
            They hold the examples; by default they are the examples.
        depth: Ranks looked at.
        keep: Negatives per example.
        bound: Documents above this share of the right document's score are left out.
        progress: Called with how many more examples are done.

    Raises:
        QueryError: If a scorer does not score every document.
    """
    if not scorers:
        raise QueryError("mining negatives needs at least one searcher")
    share = max(1, keep // len(scorers))
    pool = examples if candidates is None else candidates
    place = {candidate.id: index for index, candidate in enumerate(pool)}
    groups = np.array([candidate.group for candidate in pool])
    mined: list[Example] = []
    for example in examples:
        found: dict[int, None] = {}
        for scorer in scorers:
            scores = np.asarray(scorer(example.queries))
            if scores.shape != (len(example.queries), len(pool)):
                raise QueryError(
                    f"a searcher gave scores of shape {scores.shape} for {len(example.queries)} "
                    f"queries and {len(pool)} documents"
                )
            near = _near(scores, place[example.id], groups, depth, bound)
            fresh = [index for index in near if index not in found][:share]
            found.update(dict.fromkeys(fresh))
        negatives = tuple((str(groups[index]), pool[index].document) for index in found)
        mined.append(replace(example, negatives=negatives))
        if progress is not None:
            progress(1)
    return mined


def _near(
    scores: NDArray[np.float32], own: int, groups: NDArray[np.str_], depth: int, bound: float
) -> list[int]:
    """Documents below the bound of every query, those with the best single score first."""
    allowed = (scores < bound * scores[:, own : own + 1]).all(axis=0) & (groups != groups[own])
    best = np.where(allowed, scores.max(axis=0), -np.inf)
    order = np.argsort(-best, kind="stable")[:depth]
    return [int(index) for index in order if np.isfinite(best[index]) and best[index] > 0]
