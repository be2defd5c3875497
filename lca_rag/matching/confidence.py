"""How sure the first candidate of a line is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lca_rag.matching.asked import Asked
from lca_rag.matching.features import FEATURES, rows
from lca_rag.matching.model import CONFIDENCE_FEATURES, Floats, MatchModel
from lca_rag.matching.subjects import Subject


@dataclass(frozen=True, slots=True)
class Pool:
    """The candidates of one line with their features."""

    asked: Asked
    subjects: tuple[Subject, ...]
    table: Floats
    """Shape (candidates, features), as `FEATURES`."""
    meaning: tuple[float, ...]
    """Cosine of each candidate with the line."""
    weights: Mapping[str, float]
    """Rarity of each word among the data sets."""

    def without(self, uuids: Collection[str]) -> Pool:
        """The pool as it would be if some data sets were not there."""
        kept = [n for n, item in enumerate(self.subjects) if item.uuid not in uuids]
        subjects = tuple(self.subjects[n] for n in kept)
        meaning = tuple(self.meaning[n] for n in kept)
        table = rows(self.asked, subjects, meaning, self.weights)
        return Pool(self.asked, subjects, table, meaning, self.weights)


def confidence(model: MatchModel, pool: Pool, scores: NDArray[np.float64]) -> float:
    """Probability that the best candidate of a pool is acceptable.

    The grid mix of another country is never taken, nor one power station for what the grid
    delivers, however few of the kind the fit has seen.
    """
    row = confidence_row(pool, scores)
    sure = float(model.confidence.probability(row[None, :])[0])
    elsewhere = row[CONFIDENCE_FEATURES.index("grid elsewhere")] > 0
    power = pool.asked.concepts[:1] == ("electricity",) and not pool.asked.routes
    station = power and row[CONFIDENCE_FEATURES.index("route unasked")] > 0
    return min(sure, model.threshold / 2) if elsewhere or station else sure


def confidence_row(pool: Pool, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the confidence model sees of a pool, as `CONFIDENCE_FEATURES`."""
    best = int(np.argmax(scores))
    row = dict(zip(FEATURES, pool.table[best], strict=True))
    # The lead counts over candidates about something else; variants of one product are no rivals.
    rivals = [
        score
        for item, score in zip(pool.subjects, scores, strict=True)
        if item.concepts[:1] != pool.subjects[best].concepts[:1]
    ]
    lead = min(6.0, float(scores[best]) - max(rivals)) if rivals else 6.0
    return np.array(
        [
            float(scores[best]) / 4,
            lead / 4,
            row["line unknown"],
            row["related concept"],
            row["same concept"],
            row["unmet concepts"],
            row["grid elsewhere"],
            row["meaning"],
            row["shared words"],
            row["same letters"],
            row["head word"],
            row["unexplained"],
            max(row["burning differs"], row["recycling differs"], row["bio differs"]),
            row["unit differs"],
            row["class differs"],
            row["route unasked"],
            row["known words missing"],
            row["noun missing"],
            row["stage differs"],
            row["implied by unit"],
            row["head words extra"],
            row["narrow use"],
        ]
    )
