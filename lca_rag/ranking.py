"""How hits are ordered: a small additive ranker over features that can be explained.

Each feature of a candidate passes a curve of straight pieces and the values are added; so what
every feature gave to a score can be told exactly. Curves are fitted on questions whose records the
encoder has not seen (`lca_rag.training.ranker`), stored per encoder in `models/rankers/`, and
never touched by hand. A side that did not score a candidate gives it nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lca_rag.index.lexical import FIELDS

if TYPE_CHECKING:
    from lca_rag.encoders import Fingerprint

    Floats = NDArray[np.float32]

FEATURES = (
    "dense",
    "dense_gap",
    "dense_rank",
    "lexical",
    "lexical_gap",
    "lexical_rank",
    *(f"asked_in_{name}" for name in FIELDS),
    "asked_anywhere",
    "named_in_name",
    "named_in_synonyms",
    "named_in_classes",
    "named_anywhere",
    "identifier",
    "process",
    "elementary",
    "process_asked",
    "flow_asked",
    "emission_asked",
    "place_same",
    "place_wider",
    "place_other",
    "year_near",
    "year_far",
    "wishes",
    "name_length",
    "text_length",
)
"""Columns of a feature matrix, in order; all in about [-1, 2].

`dense` is the cosine, `lexical` BM25F over 20; `*_gap` compares with the best of the question,
`*_rank` is 5 / (5 + rank), 0 for a candidate that the side did not bring. `asked_in_*` is the share
of the question's weight that a field holds, `named_*` the share of the field that the question
names. `wishes` counts the met wishes that have no feature of their own.
"""

WISHED = ("place_same", "place_wider", "place_other", "year_near", "year_far", "wishes")
"""The features that tell what was asked beside the words."""

_RANKERS = Path(__file__).parent / "models" / "rankers"


@dataclass(frozen=True, slots=True, eq=False)
class Ranker:
    """An additive ranker. Arrays are aligned with `names`."""

    names: tuple[str, ...]
    knots: tuple[tuple[float, ...], ...]
    """Per feature, where its curve bends."""
    slopes: tuple[tuple[float, ...], ...]
    """Per feature, the first slope and the change of slope at each knot."""
    fitted_on: str = ""
    """What the curves were fitted on, for people."""

    def contributions(self, features: Floats) -> Floats:
        """What each feature adds to the score, shape (candidates, features).

        Args:
            features: Shape (candidates, features), columns as `FEATURES`.
        """
        parts = np.empty_like(features)
        for column, (knots, slopes) in enumerate(zip(self.knots, self.slopes, strict=True)):
            values = features[:, column]
            curve = slopes[0] * values
            for knot, slope in zip(knots, slopes[1:], strict=True):
                curve = curve + slope * np.maximum(values - knot, 0)
            parts[:, column] = curve
        return parts

    def save(self, path: Path, *, weights: str | None) -> None:
        """Write the curves as JSON, for the encoder whose weights have this digest."""
        path.parent.mkdir(parents=True, exist_ok=True)
        curves = {
            name: {"knots": knots, "slopes": slopes}
            for name, knots, slopes in zip(self.names, self.knots, self.slopes, strict=True)
        }
        body = {"weights": weights, "fitted_on": self.fitted_on, "curves": curves}
        path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Ranker:
        """Read curves that `save` wrote.

        Raises:
            ValueError: If they were fitted on other features than `FEATURES`.
        """
        body = json.loads(path.read_text(encoding="utf-8"))
        curves: Mapping[str, Mapping[str, Sequence[float]]] = body["curves"]
        if tuple(curves) != FEATURES:
            raise ValueError(f"{path}: fitted on other features; fit it again")
        return cls(
            names=FEATURES,
            knots=tuple(tuple(curve["knots"]) for curve in curves.values()),
            slopes=tuple(tuple(curve["slopes"]) for curve in curves.values()),
            fitted_on=body["fitted_on"],
        )


def ranker_for(fingerprint: Fingerprint | None) -> Ranker:
    """The ranker fitted for an encoder, else the one fitted for all-MiniLM-L6-v2."""
    return _ranker_of(fingerprint.weights if fingerprint else None)


@lru_cache(maxsize=8)
def _ranker_of(weights: str | None) -> Ranker:
    for path in sorted(_RANKERS.glob("*.json")):
        if weights is not None and json.loads(path.read_text("utf-8"))["weights"] == weights:
            return Ranker.load(path)
    return Ranker.load(_RANKERS / "default.json")


def ranks(scores: Floats, best: NDArray[np.int64], candidates: NDArray[np.int64]) -> Floats:
    """5 / (5 + rank) of candidates among `best` (best first), 0 for those that are not there.

    Args:
        scores: Score of every position, shape (n,); equal scores share the better rank.
        best: Positions that the side brought, best first.
        candidates: Positions asked about, shape (m,), ascending.
    """
    given = np.zeros(len(candidates), dtype=np.float32)
    if len(best):
        values = -scores[best]
        rank = np.searchsorted(values, values, side="left")
        at = np.searchsorted(candidates, best)
        given[at] = 5 / (5 + rank.astype(np.float32))
    return given
