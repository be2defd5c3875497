"""From features to a probability: a fitted logistic model, stored as JSON and read with numpy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lca_rag.errors import ReadError
from lca_rag.matching.features import FEATURES

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """Probability = 1 / (1 + exp(-(bias + features . weights)))."""

    names: tuple[str, ...]
    weights: Floats
    bias: float

    def score(self, rows: Floats) -> Floats:
        """Log-odds of each row, shape (rows,)."""
        found: Floats = rows @ self.weights + self.bias
        return found

    def probability(self, rows: Floats) -> Floats:
        """Probability of each row, shape (rows,)."""
        found: Floats = 1 / (1 + np.exp(-np.clip(self.score(rows), -40, 40)))
        return found


CONFIDENCE_FEATURES = (
    "score",
    "lead",
    "line unknown",
    "related concept",
    "same concept",
    "unmet",
    "grid elsewhere",
    "meaning",
    "shared words",
    "same letters",
    "head word",
    "unexplained",
    "attributes differ",
    "unit differs",
    "class differs",
    "route unasked",
    "known words missing",
    "noun missing",
    "stage differs",
    "implied by unit",
    "head words extra",
    "narrow use",
)
"""What the second model sees of a line's best candidate."""


@dataclass(frozen=True, slots=True, eq=False)
class MatchModel:
    """How candidates are ranked, how sure the first one is, and when it counts as a match."""

    ranking: Logistic
    confidence: Logistic
    threshold: float
    """Confidence from which a line counts as matched."""
    fitted_on: str

    def to_json(self) -> str:
        """The model as JSON."""
        parts = {
            name: {
                "weights": dict(zip(model.names, model.weights.round(5).tolist(), strict=True)),
                "bias": round(model.bias, 5),
            }
            for name, model in (("ranking", self.ranking), ("confidence", self.confidence))
        }
        return json.dumps(
            {**parts, "threshold": round(self.threshold, 4), "fitted_on": self.fitted_on},
            ensure_ascii=False,
            indent=1,
        )


def load_model(path: str | Path | None = None) -> MatchModel:
    """A stored model; the one that is shipped by default.

    Raises:
        ReadError: If the file holds no such model, or one for other features.
    """
    if path is None:
        return _shipped()
    return _parsed(Path(path).read_text(encoding="utf-8"), str(path))


@lru_cache(maxsize=1)
def _shipped() -> MatchModel:
    return _parsed(files(__package__).joinpath("model.json").read_text("utf-8"), "model.json")


def _parsed(text: str, label: str) -> MatchModel:
    try:
        stored = json.loads(text)
        return MatchModel(
            _logistic(stored["ranking"], FEATURES),
            _logistic(stored["confidence"], CONFIDENCE_FEATURES),
            float(stored["threshold"]),
            str(stored["fitted_on"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ReadError(
            f"{label}: this is no matching model of this version ({error}); fit it again",
            path=label,
        ) from error


def _logistic(stored: Mapping[str, object], names: Sequence[str]) -> Logistic:
    weights = stored["weights"]
    if not isinstance(weights, dict) or tuple(weights) != tuple(names):
        raise ValueError(f"features are {weights!r}, expected {tuple(names)}")
    return Logistic(
        tuple(names), np.array(list(weights.values()), float), float(str(stored["bias"]))
    )


def fit_logistic(
    rows: Floats,
    labels: Floats,
    names: Sequence[str],
    *,
    ridge: float,
    weights: Floats | None = None,
    signs: Mapping[str, int] | None = None,
    prior: Mapping[str, float] | None = None,
) -> Logistic:
    """A logistic model by Newton's method with a ridge penalty (the bias goes free).

    Args:
        rows: Shape (n, features).
        labels: 0 or 1, shape (n,).
        names: Of the features.
        ridge: Strength of the penalty.
        weights: Weight of each row; 1 by default.
        signs: Names to 1 or -1: features whose weight would have the other sign are left out.
        prior: Names to weights that are given; what is fitted is added to them.
    """
    held = np.array([(prior or {}).get(name, 0.0) for name in names])
    offset = rows @ held
    given = np.ones(len(rows)) if weights is None else weights
    sign = np.array([(signs or {}).get(name, 0) for name in names])
    kept = np.ones(len(names), bool)
    while True:
        beta = np.zeros(len(names) + 1)
        beta[[*kept, True]] = _newton(rows[:, kept], labels, given, ridge, offset)
        turned = sign * beta[:-1] < 0
        if not turned.any():
            return Logistic(tuple(names), held + beta[:-1], float(beta[-1]))
        kept &= ~turned


def _newton(rows: Floats, labels: Floats, given: Floats, ridge: float, offset: Floats) -> Floats:
    """Weights and, last, the bias of a logistic model."""
    design = np.hstack([rows, np.ones((len(rows), 1))])
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e-9
    beta = np.zeros(design.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(design @ beta + offset, -40, 40)))
        gradient = design.T @ (given * (labels - p)) - penalty * beta
        curvature = (design * (given * p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature + 1e-9 * np.eye(len(beta)), gradient)
        beta += np.clip(step, -4, 4)
        if np.abs(step).max() < 1e-7:
            break
    return beta


def fit_choice(
    tables: Sequence[Floats],
    gains: Sequence[Floats],
    names: Sequence[str],
    *,
    ridge: float,
    signs: Mapping[str, int] | None = None,
    least: Mapping[str, float] | None = None,
) -> Logistic:
    """A ranking fitted on choices: the acceptable candidates of each line against its others.

    Args:
        tables: Features of the candidates of each line.
        gains: How good each candidate is, 0 for not acceptable; at least one is not.
        names: Of the features.
        ridge: Strength of the penalty.
        signs: Names to 1 or -1: weights that may not have the other sign, whatever a few lines
            say.
        least: Names to the least that their weights may be.

    Source: conditional logit, McFadden 1974, with the gains of a line as the shares to meet.
    """
    beta = np.zeros(len(names))
    first, second = np.zeros_like(beta), np.zeros_like(beta)
    shares = [gain / gain.sum() for gain in gains]
    sign = np.array([(signs or {}).get(name, 0) for name in names])
    floor = np.array([(least or {}).get(name, -np.inf) for name in names])
    for step in range(1, 601):
        gradient = -ridge * beta
        for table, share in zip(tables, shares, strict=True):
            scores = table @ beta
            chances = np.exp(scores - scores.max())
            gradient += table.T @ (share - chances / chances.sum())
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        slope = (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-9)
        beta += 0.05 * (1 - step / 601) * slope
        beta[sign * beta < 0] = 0.0
        beta = np.maximum(beta, floor)
    return Logistic(tuple(names), beta, 0.0)
