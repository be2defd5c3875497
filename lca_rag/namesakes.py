"""Data sets of one name that differ by what was wished: among them the wish decides.

A grid mix stands in a database once per country and year, under one name. Its texts then differ by
accidents of wording, which move a score more than a year or a step up the ladder of places does.
So the scores of namesakes stay as they are, but the one that meets the wishes best gets the
highest of them. Data sets of other names keep their places: a wish never lifts another product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lca_rag.ranking import FEATURES, WISHED

if TYPE_CHECKING:
    from lca_rag.filters import Facets, Wishes

    Floats = NDArray[np.float32]
    Positions = NDArray[np.int64]

_COLUMNS = [FEATURES.index(name) for name in WISHED]


def by_wishes(
    scores: Floats, parts: Floats, facets: Facets, chosen: Positions, wishes: Wishes
) -> Floats:
    """The scores, given out anew within each name: first to what meets the wishes, then as before.

    Args:
        scores: Of the candidates, shape (m,), higher is better.
        parts: What each feature gave, shape (m, features).
        facets: The columns of the snapshot.
        chosen: Positions of the candidates, shape (m,).
        wishes: What is asked beside the words. Of records that cover a wished year equally, the
            one whose own year is nearest comes first.
    """
    met = np.round(parts[:, _COLUMNS].sum(axis=1), 4)
    if not met.any():
        return scores
    order = np.lexsort((-scores, _distance(facets, chosen, wishes), -met))
    values, numbers = facets.numbered("name")
    names = numbers[chosen]
    given = scores.copy()
    for name, count in zip(*np.unique(names, return_counts=True), strict=True):
        if count > 1 and values[name]:  # records without a name share none
            ranked = order[names[order] == name]
            given[ranked] = -np.sort(-scores[ranked])
    return given


def _distance(facets: Facets, chosen: Positions, wishes: Wishes) -> NDArray[np.float64]:
    """Years from a record's own year to the wished ones; 0 if no year is wished."""
    if wishes.years is None:
        return np.zeros(len(chosen))
    own = facets.snapshot.column("reference_year").astype(np.float64)
    started = facets.snapshot.column("year_start").astype(np.float64)
    own = np.where(np.isnan(own), started, own)[chosen]
    first, last = wishes.years
    return np.nan_to_num(np.maximum(np.maximum(own - last, first - own), 0), nan=np.inf)
