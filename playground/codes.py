"""Answers about representations: where a node puts samples, what a decoder draws of places, and
what comes back of samples."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from playground.generation import find_decoder, find_noise
from playground.layers.base import Layer, size_of
from playground.representation import principal_components
from playground.session import Session
from playground.snapshot import DecodedProbe, Predictions, Representation, RepresentationProbe

Floats = NDArray[np.float32]

RANGES = 5
"""That a number to predict is told by."""
MOST_BATCHES = 8
"""Of samples, as many as run at once: a large network shows fewer samples, and trains on."""
MOST_VALUES = 4_000_000
"""Of all samples: principal components of more take too long to be watched."""


def representation(session: Session, probe: RepresentationProbe) -> Representation | None:
    data, program = session.data, session.program
    if probe.node not in program.check.used or not _has_output(session, probe.node):
        return None
    units = size_of(program.check.signals[probe.node][0].shape)
    use = session.evaluator
    limit = min(probe.limit, MOST_BATCHES * use.batch, max(2, MOST_VALUES // units))
    x = data.x_validation[:limit]
    values = use.values_of(probe.node, x).reshape(len(x), units)
    shares: Floats | None = None
    if units > 2:
        found = principal_components(values, probe.components)
        values, shares = found.points, found.shares
    labels, classes, ordered = _labels(session, limit)
    shown = data.raw(x)
    first = data.dataset.x_port
    return Representation(
        probe.node, values, shares, units, shown if first is None else first.of(shown), labels,
        classes, ordered)


def decoded(session: Session, probe: DecodedProbe) -> Floats | None:
    """Pictures for each y and x, in the data's own units where they are of the samples' shape."""
    program, data = session.program, session.data
    found = find_decoder(program.graph, program.check, program.loss_node)
    if found is None or not probe.x or not probe.y:
        return None
    across, down = np.meshgrid(probe.x, probe.y)
    places = np.stack([across.ravel(), down.ravel()], axis=1).astype(np.float32)
    drawn = session.evaluator.outputs_from(found.entrance, places, at=found.output)
    if drawn.shape[1:] == data.dataset.shape:
        drawn = data.raw(drawn)
    return drawn.reshape(len(probe.y), len(probe.x), *drawn.shape[1:]).astype(np.float32)


def rebuilt_samples(session: Session, x: Floats) -> Predictions:
    """Samples x (n, *shape), scaled as trained, beside what the network gives back; with the noise
    that it is trained with, the same for each picture of the same sample."""
    data, program = session.data, session.program
    noise, noisy = find_noise(program.graph, program.check), None
    given = x
    if noise is not None:
        random = np.random.default_rng(program.graph.training.dropout_seed)
        given = (x + noise[1].deviation * random.standard_normal(x.shape)).astype(np.float32)
        noisy = data.raw(given)
    out = data.raw(session.evaluator.predict(given))
    clean = data.raw(x)
    return Predictions(clean, clean, out, (), rebuilt=True, noisy=noisy)


def _labels(session: Session, limit: int
            ) -> tuple[NDArray[np.int64] | None, tuple[str, ...], bool]:
    """Class numbers of the first validation samples, names of the classes, and whether they are
    ranges of a number to predict."""
    target, classes = session.data.target_validation, session.data.dataset.classes
    if classes:
        return (target[:limit].astype(np.int64), classes, False) if target.ndim == 1 else (
            None, (), False)
    if target[0].size != 1 or not np.isfinite(target).all():
        return None, (), False
    flat = target.ravel()
    ends = np.linspace(flat.min(), flat.max(), RANGES + 1)
    names = tuple(f"{low:.3g} to {high:.3g}" for low, high in pairwise(ends.tolist()))
    return np.digitize(flat[:limit], ends[1:-1]).astype(np.int64), names, True


def _has_output(session: Session, node: str) -> bool:
    layer = session.graph.node(node).layer
    return isinstance(layer, Layer) and bool(layer.outputs)
