"""Vectors on a plane, so that near meanings lie near each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SEED = 520
_DIRECTIONS = 32
"""Principal components that are kept; on all-MiniLM-L6-v2 they hold half of the variance."""
_LANDMARKS = 1_500
"""Records that t-SNE lays out; the others are put between them, so that time stays linear."""
_PERPLEXITY = 20.0
_FEW = 60
"""So few records lie well enough on their principal axes."""
_BETWEEN, _SHARPNESS = 3, 20.0
_BLOCK = 4_096


def principal_directions(vectors: Floats, count: int = _DIRECTIONS) -> Floats:
    """Vectors on their first principal axes, each scaled to length 1, shape (n, at most `count`).

    What all records share is taken away, so that the angle between two rows tells how their
    meanings differ. The signs of the axes are fixed.
    """
    if not len(vectors):
        return np.zeros((0, 0), dtype=np.float32)
    found = _on_axes(vectors, count)
    lengths = np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    directions: Floats = (found / lengths).astype(np.float32)
    return directions


def principal_plane(vectors: Floats) -> Floats:
    """Vectors on their first two principal axes, shape (n, 2), scaled into [-1, 1].

    The signs of the axes are fixed, so that the same vectors give the same picture.
    """
    if not len(vectors):
        return np.zeros((0, 2), dtype=np.float32)
    found = _on_axes(vectors, 2)
    plane = np.zeros((len(vectors), 2), dtype=np.float32)
    plane[:, : found.shape[1]] = found
    return _filled(plane)


def neighbour_plane(vectors: Floats) -> Floats:
    """A plane that keeps neighbours together, shape (n, 2), scaled into [-1, 1].

    t-SNE lays out up to 1,500 records drawn by a fixed seed; every other record is put at the
    weighted mean of the three that are nearest to it. Of the ten nearest records of a TianGong
    record, about half are among the fifty nearest on this plane, and a tenth on the first two
    principal axes.

    Source: van der Maaten & Hinton 2008, JMLR 9:2579 (t-SNE), by scikit-learn.
    """
    if len(vectors) <= _FEW:
        return principal_plane(vectors)
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    directions = principal_directions(vectors)
    dice = np.random.default_rng(SEED)
    chosen = np.sort(dice.permutation(len(vectors))[:_LANDMARKS])
    landmarks = directions[chosen]
    # A start from the axes, not from chance; sums in one thread, so that cores change nothing.
    start = 1e-4 * landmarks[:, :2] / np.maximum(landmarks[:, 0].std(), 1e-9)
    if start.shape[1] < 2:
        return principal_plane(vectors)
    with threadpool_limits(limits=1):
        laid = TSNE(
            perplexity=min(_PERPLEXITY, len(chosen) / 4),
            init=start.astype(np.float32),
            max_iter=400,
            random_state=SEED,
            n_jobs=1,
        ).fit_transform(landmarks)
    plane = np.concatenate(
        [
            _between(directions[first : first + _BLOCK], landmarks, laid)
            for first in range(0, len(directions), _BLOCK)
        ]
    )
    return _filled(plane)


def _between(directions: Floats, landmarks: Floats, laid: Floats) -> Floats:
    """Where records lie, each at the weighted mean of its nearest landmarks."""
    cosines = directions @ landmarks.T
    near = np.argpartition(-cosines, _BETWEEN, axis=1)[:, :_BETWEEN]
    weights = np.exp(_SHARPNESS * (np.take_along_axis(cosines, near, 1) - 1))
    weights /= weights.sum(axis=1, keepdims=True)
    placed: Floats = (weights[:, :, None] * laid[near]).sum(axis=1).astype(np.float32)
    return placed


def _on_axes(vectors: Floats, count: int) -> Floats:
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    best = axes[:, ::-1][:, :count]
    best = best * np.sign(best[np.abs(best).argmax(axis=0), np.arange(best.shape[1])])
    found: Floats = (centred @ best).astype(np.float32)
    return found


def _filled(plane: Floats) -> Floats:
    """A plane scaled so that all but a few strays fills it; they sit on the rim."""
    low, high = np.quantile(plane, (0.001, 0.999), axis=0)
    reach = np.maximum((high - low) / 2, 1e-9)
    scaled: Floats = np.clip((plane - (low + high) / 2) / reach, -1.0, 1.0).astype(np.float32)
    return scaled
