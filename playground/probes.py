"""Answers to probes: copies of what views asked to see."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.codes import decoded, rebuilt_samples, representation
from playground.data import NO_TARGET, Dataset, PreparedData
from playground.generation import find_rebuilt
from playground.judged import judged
from playground.keys import random_key
from playground.layers.augmentation import Augmentation, augmented
from playground.layers.base import Layer
from playground.layers.data import DataLayer
from playground.layout import lane_name
from playground.loss_surface import loss_surface
from playground.session import Session
from playground.snapshot import (
    NO_CLASS,
    AugmentationProbe,
    Boundary,
    BoundaryProbe,
    ConfusionProbe,
    DecodedProbe,
    FilmProbe,
    Predictions,
    PredictionsProbe,
    Probe,
    RepresentationProbe,
    ResponsesProbe,
    SplitName,
    StepPredictions,
    SurfaceProbe,
    TensorProbe,
    TimingsProbe,
    WeightsProbe,
    WorkspaceProbe,
)
from playground.tensor import STATE_REGIONS
from playground.weights import KNOWN, Weights, copy_weights

Floats = NDArray[np.float32]
MARGIN = 0.08
"""How far the boundary picture reaches beyond the data, as a share of its extent."""


def answer(session: Session, probe: Probe) -> Any | None:
    """What the probe asks for, or None where this network has nothing of the kind."""
    match probe:
        case TensorProbe():
            return _tensor(session, probe)
        case WorkspaceProbe():
            return _workspace(session, probe)
        case BoundaryProbe():
            return _boundary(session, probe.resolution)
        case ResponsesProbe():
            return _responses(session, probe)
        case ConfusionProbe():
            return _confusion(session, probe.split)
        case PredictionsProbe():
            return _predictions(session, probe)
        case AugmentationProbe():
            return _augmentation(session, probe)
        case RepresentationProbe():
            return representation(session, probe)
        case DecodedProbe():
            return decoded(session, probe)
        case FilmProbe():
            return session.film.film(session.step)
        case SurfaceProbe():
            return loss_surface(session, probe)
        case TimingsProbe():
            return session.microseconds()
        case WeightsProbe():
            return _weights(session, probe.most)


def _weights(session: Session, most: int) -> Weights | None:
    if sum(session.arena.region(region).size for region in KNOWN) > most:
        return None
    return copy_weights(session.program, session.arena, session.step)


def _tensor(session: Session, probe: TensorProbe) -> Floats | None:
    if probe.source == "validation" and probe.sample is not None:
        sample = probe.sample % len(session.data.x_validation)
        x = _moved(session.data, session.data.x_validation[sample:sample + 1], probe.moved)
        found = session.evaluator.activations(x)
        return found[probe.name][0] if probe.name in found else None
    if probe.source == "data":
        node, _, port = probe.name.rpartition(".")
        return _of_port(session, port, probe.limit) if node == session.program.data_node else None
    tensor = session.program.tensors.get(probe.name)
    if tensor is None or not (session.has_run or tensor.region in STATE_REGIONS):
        return None
    values = session.values(probe.name)
    if tensor.dtype != "float32":
        return values.view(tensor.dtype).copy()
    has_batch = bool(tensor.shape) and tensor.region in (
        "batch", "activations", "activation_gradients") and (
            tensor.shape[0] == session.program.batch)
    if not has_batch:
        return values.copy()
    if probe.sample is not None:
        return np.array(values[probe.sample % len(values)])
    return values[:probe.limit].copy()


def _moved(data: PreparedData, x: Floats, pixels: int) -> Floats:
    """Pictures x (n, channels, height, width) so much further to the right."""
    if not pixels or not data.dataset.are_images:
        return x
    raw = data.raw(x)
    width = raw.shape[-1]
    moved, kept = np.zeros_like(raw), max(0, width - abs(pixels))
    to, came = (width - kept, 0) if pixels > 0 else (0, width - kept)
    moved[..., to:to + kept] = raw[..., came:came + kept]
    return data.scaled(moved)


def _workspace(session: Session, probe: WorkspaceProbe) -> Floats | None:
    """The sample's part, and nothing else, is copied out of the lane that computes it."""
    tensors, program, axis = session.program.tensors, session.program, probe.axis
    lanes = [name for lane in range(program.lanes)
             if (name := lane_name(probe.name, lane)) in tensors]
    if not session.has_run or not lanes:
        return None
    sample = probe.sample % sum(tensors[name].shape[axis] for name in lanes)
    for name in lanes:
        samples = tensors[name].shape[axis]
        if sample < samples:
            return np.take(session.values(name), [sample], axis).squeeze(axis)
        sample -= samples
    return None


def _of_port(session: Session, port: str, limit: int) -> Floats | None:
    """The first training samples, as they leave the data node by a port."""
    data = session.data
    if port == "target":
        return data.target_train[:limit].copy()
    packed = next((p for p in data.dataset.ports if p.name == port), None)
    if packed is not None:
        return packed.of(data.x_train[:limit]).copy()
    return data.x_train[:limit].copy() if port == "x" else None


def _boundary(session: Session, resolution: int) -> Boundary | None:
    data = session.data
    if data.dataset.shape not in ((2,), (1,)):
        return None
    if data.dataset.shape == (2,) and (found := judged(
            session, resolution, _extent(session), _grid(session, resolution))) is not None:
        return found
    raw, raw_validation = _raw(session)
    low, high = _extent(session)
    if data.dataset.shape == (1,):
        return _curve(session, low, high, raw, raw_validation, resolution)
    out = session.evaluator.predict(_grid(session, resolution))
    values, margin = _winner(out, bool(session.program.classes))
    size = (resolution, resolution)
    return Boundary(values.reshape(size), margin.reshape(size),
                    (float(low[0]), float(high[0]), float(low[1]), float(high[1])),
                    raw, _flat(data.target_train), raw_validation,
                    _flat(data.target_validation), session.program.classes)


def _responses(session: Session, probe: ResponsesProbe) -> dict[str, Floats] | None:
    if session.data.dataset.shape != (2,):
        return None
    grid = _grid(session, probe.resolution)
    answers: dict[str, Floats] = {}
    for name, values in session.evaluator.activations(grid).items():
        node, _, port = name.rpartition(".")
        layer = session.graph.node(node).layer if node in session.graph else None
        if not isinstance(layer, Layer) or isinstance(layer, DataLayer) or values.ndim != 2:
            continue
        if port not in layer.outputs[:1]:  # Of several outputs the first stands for the node.
            continue
        units = values[:, :probe.limit].T.reshape(-1, probe.resolution, probe.resolution)
        answers[node] = np.ascontiguousarray(units[:, ::-1])
    return answers


def _raw(session: Session) -> tuple[Floats, Floats]:
    """Training and validation samples in the data's own units."""
    data = session.data
    return data.raw(data.x_train), data.raw(data.x_validation)


def _extent(session: Session) -> tuple[Floats, Floats]:
    """The lowest and highest corner of the picture of the plane."""
    everything = np.concatenate(_raw(session))
    low, high = everything.min(axis=0), everything.max(axis=0)
    reach = np.maximum(high - low, 1e-6) * MARGIN
    return low - reach, high + reach


def _grid(session: Session, resolution: int) -> Floats:
    """Centres of resolution² cells of the plane, as the network takes them; bottom row first."""
    (x0, y0), (x1, y1) = _extent(session)
    half = 0.5 / resolution
    along = np.linspace(half, 1 - half, resolution, dtype=np.float32)
    grid = np.stack(np.meshgrid(x0 + along * (x1 - x0), y0 + along * (y1 - y0)), axis=-1)
    return session.data.scaled(grid.reshape(-1, 2))


def _curve(session: Session, low: Floats, high: Floats, raw: Floats, raw_validation: Floats,
           resolution: int) -> Boundary:
    """One input: values (resolution,) of the prediction from the left to the right end."""
    data = session.data
    xs = np.linspace(low[0], high[0], 4 * resolution, dtype=np.float32)[:, None]
    out = session.evaluator.predict(data.scaled(xs))
    values, margin = _winner(out, bool(session.program.classes))
    targets = data.target_train
    return Boundary(values, margin, (float(low[0]), float(high[0]),
                                     float(targets.min()), float(targets.max())),
                    raw, _flat(data.target_train), raw_validation,
                    _flat(data.target_validation), session.program.classes)


def _winner(out: Floats, is_classes: bool) -> tuple[Floats, Floats]:
    """Of outputs (n, ...): the class number or value, and how sure (0..1).

    Both are NaN for a sample with an output that is not finite: it has no class.
    """
    out = out.reshape(len(out), -1)
    if not is_classes:
        return out[:, 0], np.ones(len(out), np.float32)
    if out.shape[1] == 1:
        winner, sure = out[:, 0] > 0.5, np.abs(out[:, 0] - 0.5) + 0.5
    else:
        winner, sure = np.argmax(out, axis=1), np.max(out, axis=1)
    finite = np.isfinite(out).all(axis=1)
    return (np.where(finite, winner, np.nan).astype(np.float32),
            np.where(finite, np.clip(sure, 0, 1), np.nan).astype(np.float32))


def _confusion(session: Session, split: SplitName) -> NDArray[np.int64] | None:
    classes = len(session.program.classes)
    if not classes:
        return None
    x, target = _part(session, split)
    out = session.evaluator.predict(x)
    if target.ndim == 2:  # Each time step that has a target counts.
        asked = target != NO_TARGET
        out, target = out.reshape(*target.shape, -1)[asked], target[asked]
    predicted, _ = _winner(out, True)
    counts, known = np.zeros((classes, classes), np.int64), np.isfinite(predicted)
    np.add.at(counts, (target[known].astype(int), predicted[known].astype(int)), 1)
    return counts


def _predictions(session: Session, probe: PredictionsProbe) -> Predictions:
    x, target = _part(session, probe.split)
    part = slice(probe.start, probe.start + probe.count)
    data = session.data
    shown, wanted = data.raw(x[part]), target[part].copy()
    rebuilt = find_rebuilt(session.graph, session.program.check, session.program.loss_node)
    if rebuilt is not None and data.dataset.are_images and not session.program.classes:
        return rebuilt_samples(session, x[part])
    out = session.evaluator.predict(x[part])
    first = data.dataset.x_port
    is_tokens = bool(data.dataset.vocabulary) and (first is None or first.classes > 0)
    steps: StepPredictions | None = None
    if session.program.classes and wanted.ndim == 2:
        asked = wanted != NO_TARGET
        # A sample without any target has none to be wrong about.
        some = asked.any(axis=1)
        shown, wanted, asked = shown[some], wanted[some], asked[some]
        out = out.reshape(len(some), wanted.shape[1], -1)[some]
        steps = _steps(wanted, out)
        last = wanted.shape[1] - 1 - np.argmax(asked[:, ::-1], axis=1)
        each = np.arange(len(wanted))
        out, wanted = out[each, last], wanted[each, last]
    words = () if is_tokens else _words(data.dataset, shown)
    lengths = None
    if first is not None and first.lengths:
        lengths = data.dataset.lengths(first, shown).astype(np.int64)
    shown = shown if first is None else first.of(shown)
    if session.program.classes and steps is None and is_tokens and shown.ndim == 2:
        # One answer to all words: it stands below the last one.
        steps = _steps(wanted[:, None], out.reshape(len(out), 1, -1))
    return Predictions(shown, wanted, out, session.program.classes,
                       data.dataset.vocabulary if is_tokens else (), steps, words=words,
                       lengths=lengths)


def _words(dataset: Dataset, packed: Floats) -> tuple[str, ...]:
    """What the samples (n, total) have in words beside something else; nothing where they do
    not."""
    vocabulary = dataset.vocabulary
    port = next((port for port in dataset.ports if port.classes == len(vocabulary) > 0), None)
    return () if port is None else tuple(
        " ".join(vocabulary[int(number)] for number in row) for row in port.of(packed))


def _steps(target: Floats, output: Floats) -> StepPredictions:
    """Of targets (n, time) and outputs (n, time, classes): what is most probable at each step."""
    said, sure = _winner(output.reshape(target.size, -1), True)
    classes = np.where(np.isfinite(said), said, NO_CLASS).astype(np.int64)
    return StepPredictions(target.astype(np.int64), classes.reshape(target.shape),
                           sure.reshape(target.shape))


def _augmentation(session: Session, probe: AugmentationProbe) -> Floats | None:
    data, graph = session.data, session.graph
    layer = graph.node(session.program.data_node).layer
    if not isinstance(layer, DataLayer) or layer.augmentation == Augmentation():
        return None
    changed = augmented(layer.augmentation, data, probe.count, probe.draw,
                        partial(random_key, graph.training.augmentation_seed))
    both = np.stack([data.x_train[:probe.count], changed])
    return data.raw(both)


def _part(session: Session, split: SplitName) -> tuple[Floats, Floats]:
    data = session.data
    if split == "train":
        return data.x_train, data.target_train
    return data.x_validation, data.target_validation


def _flat(target: Floats) -> Floats:
    return target.reshape(len(target), -1)[:, 0]
