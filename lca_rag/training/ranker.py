"""Fit the curves of `ranking.Ranker` on questions whose records the encoder has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lca_rag.ranking import FEATURES, Ranker

Floats = NDArray[np.float32]

PRIOR = {
    "place_same": 1.8,
    "place_wider": 1.2,
    "place_other": -0.9,
    "year_near": 0.9,
    "year_far": -0.9,
    "wishes": 2.0,
}
"""Least slope, in size, of what a searcher asks for beside the words: questions without wishes
cannot teach it, and a wish that moved nothing would be a wish dropped. On the calibration fold's
questions of place and of several criteria they gain 0.004 NDCG@10, and larger ones hardly more; the
right product from elsewhere must still stand before another product from the place asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """The candidates of one question and which of them is relevant."""

    features: Floats
    """Shape (candidates, features), columns as `FEATURES`."""
    relevant: int
    """Row of the relevant candidate."""


def fit_ranker(
    examples: Sequence[Example],
    *,
    fitted_on: str,
    epochs: int = 25,
    batch: int = 32,
    rate: float = 0.01,
    penalty: float = 5e-5,
    seed: int = 520,
) -> Ranker:
    """A ranker whose curves make the relevant candidates likely (listwise softmax loss).

    Args:
        examples: One per question; questions whose record no side brought teach nothing.
        fitted_on: Kept in the ranker, for people.
        epochs: Passes over the examples.
        batch: Questions per step.
        rate: Learning rate of AdamW.
        penalty: Of the sizes of the slopes (L1), which keeps curves straight where they can be.
        seed: Of the order of the examples.

    Source: listwise loss of Cao et al. 2007, doi:10.1145/1273496.1273513 (top one).
    """
    import torch

    everything = np.concatenate([example.features for example in examples])
    relevant = np.stack([example.features[example.relevant] for example in examples])
    spread = np.maximum(everything.std(axis=0), 1e-3)
    knots = [_knots(everything[:, i], relevant[:, i]) for i in range(len(FEATURES))]
    inputs = [torch.from_numpy(_bends(example.features, knots, spread)) for example in examples]
    slopes = torch.zeros(inputs[0].shape[1], requires_grad=True)
    optimiser = torch.optim.AdamW([slopes], lr=rate, weight_decay=1e-3)
    order = np.random.default_rng(seed)
    for _ in range(epochs):
        shuffled = order.permutation(len(inputs))
        for start in range(0, len(inputs), batch):
            part = shuffled[start : start + batch]
            losses = [
                torch.nn.functional.cross_entropy(
                    (inputs[i] @ slopes)[None], torch.tensor([examples[i].relevant])
                )
                for i in part
            ]
            loss = torch.stack(losses).mean() + penalty * slopes.abs().sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return _ranker(slopes.detach().numpy(), knots, spread, fitted_on)


def _knots(values: Floats, relevant: Floats) -> tuple[float, ...]:
    """Where a curve may bend: high quantiles of all candidates, the middle of relevant ones."""
    at = np.concatenate(
        [np.quantile(values, [0.5, 0.9, 0.98]), np.quantile(relevant, [0.25, 0.5, 0.75])]
    )
    inner = at[(at > values.min()) & (at < values.max())]
    return tuple(np.unique(np.round(inner, 4)).tolist())


def _bends(features: Floats, knots: Sequence[Sequence[float]], spread: Floats) -> Floats:
    """Each feature and its part above each knot, in units of its spread."""
    columns = []
    for column, bends in enumerate(knots):
        values = features[:, column]
        columns.append(values / spread[column])
        columns.extend(np.maximum(values - knot, 0) / spread[column] for knot in bends)
    return np.column_stack(columns).astype(np.float32)


def _ranker(
    slopes: Floats, knots: Sequence[tuple[float, ...]], spread: Floats, fitted_on: str
) -> Ranker:
    curves, offset = [], 0
    for name, bends, scale in zip(FEATURES, knots, spread.tolist(), strict=True):
        found = slopes[offset : offset + 1 + len(bends)] / scale
        offset += 1 + len(bends)
        curves.append(_at_least(name, tuple(round(float(slope), 5) for slope in found)))
    return Ranker(
        names=FEATURES,
        knots=tuple(
            bends if name not in PRIOR else () for name, bends in zip(FEATURES, knots, strict=True)
        ),
        slopes=tuple(curves),
        fitted_on=fitted_on,
    )


def _at_least(name: str, slopes: tuple[float, ...]) -> tuple[float, ...]:
    """The slopes of a curve; for a wish, one slope that is as large as its prior asks."""
    prior = PRIOR.get(name)
    if prior is None:
        return slopes
    return (max(prior, slopes[0]) if prior > 0 else min(prior, slopes[0]),)
