"""What many numbers for each sample look like in two dimensions: principal components, t-SNE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PERPLEXITY = 30.0
EXAGGERATED, FREE = 250, 500
"""Steps of t-SNE: first with similar samples pulled together 12 times as hard, then without."""
EVERY = 10
"""Steps between two reports: a few hundredths of a second."""


@dataclass(frozen=True, eq=False)
class Components:
    """points (n, count): samples in the directions in which they differ most. shares (count,): of
    the variance, 0..1."""

    points: Floats
    shares: Floats


def principal_components(values: Floats, count: int = 2) -> Components:
    """The first principal components of values (n, ...), all of one sample being one vector.

    count is cut to what there is. A sample with a value that is not finite gets NaN and takes no
    part. Each component points to where its largest coordinate is, so that equal values give
    equal pictures.
    """
    flat = values.reshape(len(values), -1).astype(np.float64)
    fine = np.isfinite(flat).all(axis=1)
    count = min(count, flat.shape[1])
    points = np.full((len(flat), count), np.nan, np.float32)
    shares = np.zeros(count, np.float32)
    if not fine.any():
        return Components(points, shares)
    x = flat[fine] - flat[fine].mean(axis=0)
    n, d = x.shape
    # The eigenvectors of the smaller of two products give the same components as a singular value
    # decomposition, and ten times as fast.
    if d <= n:
        variances, vectors = np.linalg.eigh(x.T @ x)
        along = x @ vectors[:, ::-1][:, :count]
    else:
        variances, vectors = np.linalg.eigh(x @ x.T)
        scales = np.sqrt(np.maximum(variances[::-1][:count], 0))
        along = np.zeros((n, count))
        along[:, :len(scales)] = vectors[:, ::-1][:, :count] * scales
    total = variances.sum()
    shares[:len(variances)] = np.maximum(variances[::-1][:count], 0) / (total if total > 0 else 1)
    farthest = along[np.abs(along).argmax(axis=0), np.arange(count)]
    points[fine] = along * np.where(farthest < 0, -1, 1)
    return Components(points, shares)


def turned_like(points: Floats, before: Floats) -> Floats:
    """Points (n, 2) with each axis turned round where that brings them closer to `before` (n, 2).

    The sign of a component is arbitrary: a moving picture must not flip.
    """
    if points.shape != before.shape:
        return points
    both = np.isfinite(points).all(axis=1) & np.isfinite(before).all(axis=1)
    agreement = (points[both] * before[both]).sum(axis=0)
    return np.where(agreement < 0, -points, points).astype(np.float32)


def neighbours_agree(points: Floats, labels: Floats, k: int = 5) -> float:
    """How often most of the k nearest other points have a point's label: leave-one-out accuracy of
    k nearest neighbours. points (n, ...), labels (n,)."""
    flat = points.reshape(len(points), -1).astype(np.float64)
    square = (flat * flat).sum(axis=1)
    distance = square[:, None] + square[None] - 2 * flat @ flat.T
    np.fill_diagonal(distance, np.inf)
    classes, number = np.unique(labels, return_inverse=True)
    nearest = number[np.argsort(distance, axis=1, kind="stable")[:, :k]]
    votes = (nearest[:, :, None] == np.arange(len(classes))).sum(axis=1)
    return float(np.mean(votes.argmax(axis=1) == number))


def tsne(values: Floats, report: Callable[[float, Floats], bool] | None = None, seed: int = 0
         ) -> Floats | None:
    """t-SNE of values (n, ...) in two dimensions, (n, 2); None when it was stopped.

    report gets the share of the work that is done and the points so far, and says whether to go
    on. It begins with the principal components (Kobak and Berens 2019), so what is far apart stays
    where it is. van der Maaten and Hinton 2008; the tree that makes it fast: van der Maaten 2014.
    Raises ValueError for fewer than 8 samples, or where a value is not finite.
    """
    # 50 MB of libraries, which only this needs.
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN

    flat = values.reshape(len(values), -1).astype(np.float64)
    if len(flat) < 8:
        raise ValueError(f"t-SNE needs at least 8 samples, and there are {len(flat)}. Choose more "
                         "data, or a larger share for validation.")
    if not np.isfinite(flat).all():
        raise ValueError("Some values are not finite, so no distances can be told. Reset the "
                         "network, or step back to before it diverged.")
    start = np.zeros((len(flat), 2))
    found = principal_components(flat.astype(np.float32)).points
    start[:, :found.shape[1]] = found
    spread = start.std()
    random = np.random.default_rng(seed)
    # Small, so that distances do not matter yet; not equal, or equal samples could never part.
    start = 1e-4 * (start / (spread or 1) + 0.01 * random.standard_normal(start.shape))
    stopped = False

    def tell(done: int, step: int, points: Any) -> bool:
        nonlocal stopped
        if report is not None:
            share = (done + step) / (EXAGGERATED + FREE)
            stopped = stopped or not report(share, np.array(points, np.float32))
        return stopped

    affinities = PerplexityBasedNN(flat, perplexity=min(PERPLEXITY, (len(flat) - 1) / 3),
                                   method="exact", n_jobs=1, random_state=seed)
    embedding = TSNEEmbedding(start, affinities, negative_gradient_method="bh", n_jobs=1,
                              random_state=seed, callbacks_every_iters=EVERY)
    for done, steps, options in (
            (0, EXAGGERATED, {"exaggeration": 12, "momentum": 0.5}),
            (EXAGGERATED, FREE, {"momentum": 0.8})):
        embedding.optimize(
            steps, inplace=True, **options,
            callbacks=lambda step, _, points, done=done: tell(done, step, points))
        if stopped:
            return None
    return np.array(embedding, np.float32)
