"""How the matcher's model is fitted on labelled lines: what may not turn round, and the threshold.

The threshold is the lowest at which of no kind of lines without a match more than 8 % would be
matched; the kinds are lines that the vocabulary knows or not, far from all data sets or near.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lca_rag.matching.confidence import Pool, confidence_row
from lca_rag.matching.features import FEATURES
from lca_rag.matching.lines import BomLine
from lca_rag.matching.model import (
    CONFIDENCE_FEATURES,
    Logistic,
    MatchModel,
    fit_choice,
    fit_logistic,
)

FALSE_MATCHES = 0.08
RIDGE = 0.5
_LEAST_SURE = 0.2
"""No threshold goes below."""
_SPEAKS_FOR = (
    "same concept|related concept|head coverage|meaning|shared words|"
    "best words|same letters|head word|unit fits|unit needs factor|place fits|nearest place|"
    "nearest grid|recent|mix"
)
_SPEAKS_AGAINST = (
    "concept by-product|other concept|unmet concepts|unexplained|unit differs|place elsewhere|"
    "grid elsewhere|burning differs|recycling differs|bio differs|narrow use|extra words|"
    "class differs|route unasked|known words missing|head words extra|"
    "noun missing|stage differs"
)
SIGNS = {
    **dict.fromkeys(_SPEAKS_FOR.split("|"), 1),
    **dict.fromkeys(_SPEAKS_AGAINST.split("|"), -1),
}
"""What no fit may turn round: a few lines can make chance look like a reason."""
_SURE_FOR = "score|lead|same concept|meaning|shared words|same letters|head word"
_SURE_AGAINST = (
    "unmet|grid elsewhere|unexplained|attributes differ|unit differs|class differs|"
    "route unasked|known words missing|head words extra|narrow use|noun missing|stage differs|"
    "implied by unit"
)
SURE_SIGNS = {
    **dict.fromkeys(_SURE_FOR.split("|"), 1),
    **dict.fromkeys(_SURE_AGAINST.split("|"), -1),
}
"""The same for the confidence."""
LEAST = {"mix": 0.6}
"""What too few lines can show: no corpus at hand has markets beside what they are made of."""
_OTHER_ROUTE = 4
"""Further weight of lines whose first data set is of another route: there are few of them."""
PRIOR = {"class differs": -1.5}
"""That a service is no good, which the vocabulary mostly says already where it knows both."""


EMPTY = MatchModel(
    Logistic(FEATURES, np.zeros(len(FEATURES)), 0.0),
    Logistic(CONFIDENCE_FEATURES, np.zeros(len(CONFIDENCE_FEATURES)), 0.0),
    0.5,
    "nothing",
)


@dataclass(frozen=True)
class Labelled:
    line: BomLine
    expected: tuple[str, ...]
    unit_ok: str
    pool: Pool
    hidden: bool
    """Whether some of its wording was kept from the vocabulary."""
    worth: Mapping[str, float] | None = None
    """How good the expected data sets are; by their order where it is not said."""
    near: bool = False
    """Whether a data set that would do was taken away, so that near misses alone are left."""

    @property
    def gains(self) -> NDArray[np.float64]:
        """1 for the best data set, less for the later ones of the list, 0 for all others."""
        places = self.worth or {uuid: 1 / (1 + number) for number, uuid in enumerate(self.expected)}
        return np.array([places.get(item.uuid, 0.0) for item in self.pool.subjects])

    @property
    def labels(self) -> NDArray[np.float64]:
        return np.array([float(item.uuid in self.expected) for item in self.pool.subjects])


def fit(data: list[Labelled], fitted_on: str) -> MatchModel:
    """Ranking and confidence on some lines, with the threshold that keeps false matches down."""
    chosen = [item for item in data if item.labels.any() and not item.labels.all()]
    ranking = fit_choice(
        [item.pool.table for item in chosen],
        [item.gains for item in chosen],
        FEATURES,
        ridge=RIDGE,
        signs=SIGNS,
        least=LEAST,
    )
    tops = np.array([confidence_row(item.pool, ranking.score(item.pool.table)) for item in data])
    hits = np.array([float(first(ranking, item) in item.expected) for item in data])
    # A route that nobody named is half right: the mix is what was meant.
    other = tops[:, CONFIDENCE_FEATURES.index("route unasked")]
    hits *= 1 - 0.5 * other
    sure = fit_logistic(
        tops,
        hits,
        CONFIDENCE_FEATURES,
        ridge=0.3,
        signs=SURE_SIGNS,
        prior=PRIOR,
        weights=1 + _OTHER_ROUTE * other,
    )
    chances = sure.probability(tops)
    groups = {(item.hidden, item.near) for item in data if not item.expected}
    threshold = max((_threshold(data, chances, group) for group in groups), default=_LEAST_SURE)
    return MatchModel(
        ranking,
        sure,
        threshold,
        fitted_on,
    )


def _threshold(
    data: list[Labelled], chances: NDArray[np.float64], group: tuple[bool, bool]
) -> float:
    """The lowest that keeps false matches down among lines without a match of one kind.

    Kinds are lines that the vocabulary knows or not, with near misses alone left or not.
    """
    apart = [not item.expected and (item.hidden, item.near) == group for item in data]
    none = np.sort(chances[apart])[::-1]
    allowed = int(FALSE_MATCHES * len(none))
    return float(np.clip((none[allowed] + none[max(0, allowed - 1)]) / 2, _LEAST_SURE, 0.9))


def first(ranking: Logistic, item: Labelled) -> str:
    return item.pool.subjects[int(np.argmax(ranking.score(item.pool.table)))].uuid
