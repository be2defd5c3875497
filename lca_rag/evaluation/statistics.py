"""How sure a figure is: bootstrap intervals of a mean, and a paired test of a difference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RESAMPLES = 2_000
SEED = 520


def interval(values: Values, *, share: float = 0.95, seed: int = SEED) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over queries (Sakai 2006 for its use in IR)."""
    means = _resampled_means(values, seed)
    low, high = np.quantile(means, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def gain_interval(
    values: Values, first: Values, *, share: float = 0.95, seed: int = SEED
) -> tuple[float, float] | None:
    """Bootstrap interval of the relative gain of one mean over another, queries paired.

    `None` where the first mean is zero, so that there is no gain relative to it.
    """
    if not first.any():
        return None
    top, bottom = _resampled_means(values, seed), _resampled_means(first, seed)
    kept = bottom > 0
    low, high = np.quantile(top[kept] / bottom[kept] - 1.0, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def paired_p(values: Values, first: Values, *, rounds: int = 10_000, seed: int = SEED) -> float:
    """Two-sided p-value of Fisher's randomisation test for paired samples.

    How often random signs give the differences a mean at least as far from zero (Smucker et al.
    2007, doi:10.1145/1321440.1321528). Never zero: the observed signs count as one of the rounds.
    """
    differences = values - first
    differences = differences[differences != 0]
    if not len(differences):
        return 1.0
    observed = abs(differences.sum())
    random = np.random.default_rng(seed)
    reached = 0
    for start in range(0, rounds, 1_000):
        count = min(1_000, rounds - start)
        signs = random.integers(0, 2, (count, len(differences)), dtype=np.int8) * 2 - 1
        reached += int((np.abs(signs @ differences) >= observed - 1e-12).sum())
    return (reached + 1) / (rounds + 1)


def _resampled_means(values: Values, seed: int) -> Values:
    """Means of resampled queries; one seed always draws the same ones, so that pairs stay pairs."""
    random = np.random.default_rng(seed)
    means = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        means[index] = values[random.integers(0, len(values), len(values))].mean()
    return means
