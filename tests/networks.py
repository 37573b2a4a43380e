"""Graphs for tests: made-up samples, and one layer between plain ends.

The nodes defined here are not in the catalogue: only tests that import them know of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from kernels import elementwise
from playground.data import Dataset, make_dataset
from playground.graph import Graph
from playground.initializers import Initializer
from playground.layers.base import Layer, Parameter, Shape, Signal, make_layer, size_of
from playground.layers.data import DataLayer
from playground.layers.lengths import LENGTHS
from playground.layers.loss_layer import TargetLoss
from playground.training import SGD, Training

if TYPE_CHECKING:
    from playground.emitter import Emitter

Step = tuple[str, dict[str, object]]


class Samples(DataLayer, frozen=True, kw_only=True):
    """Normal random numbers of any shape, with classes or (classes = 0) with values to predict."""

    kind, label, category = "samples", "Samples", "data"

    shape: Shape = (5,)
    classes: int = 0
    steps: int = 0
    """With classes: one at each of so many time steps, and none (-1) at some."""
    target: Shape = (1,)
    count: int = 40
    symbols: int = 0
    alphabet: int = 0
    """The last `symbols` values of a flat sample are whole numbers below `alphabet`."""

    def dataset(self) -> Dataset:
        return _samples(self)


@lru_cache(maxsize=8)
def _samples(made: Samples) -> Dataset:
    random = np.random.default_rng(made.seed)
    x = random.normal(size=(made.count, *made.shape))
    if made.symbols:
        x[:, -made.symbols:] = random.integers(made.alphabet, size=(made.count, made.symbols))
    if made.steps:
        steps = random.integers(-1, made.classes, (made.count, made.steps))
        names = tuple(str(c) for c in range(made.classes))
        return Dataset("samples", x.astype(np.float32), steps.astype(np.float32), names)
    if made.classes:
        # Each class at least once, and a little of each sample's class in its values.
        target = np.arange(made.count) % made.classes
        x = x + target.reshape(-1, *[1] * len(made.shape)) / made.classes
        return make_dataset("samples", x, target, [str(c) for c in range(made.classes)])
    return make_dataset("samples", x, random.normal(size=(made.count, *made.target)))


class Feed(Layer, frozen=True, kw_only=True):
    """Hands on a part of a flat input under another shape.

    `learns` gives it a parameter that changes nothing, so that gradients come back to it.
    """

    kind, label, category = "feed", "Feed", "core"

    shape: Shape
    start: int = 0
    learns: bool = True
    classes: int = 0
    """Says that the part holds so many symbols."""

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        return (Signal(self.shape, self.classes),)

    def output_shape(self, *x: Shape) -> Shape:
        return self.shape

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        zeros: Initializer = "zeros"
        return (Parameter("w", (1,), zeros),) if self.learns else ()

    def forward(self, e: Emitter) -> None:
        self._copy(e, e.x[0].shape[1], self.start, size_of(self.shape), 0, e.x[0], e.y[0])

    def backward(self, e: Emitter) -> None:
        if self.learns:
            e.emit(elementwise.fill_zero, n=1, y=e.dw["w"])
        if e.dx[0] is not None:
            e.emit(elementwise.fill_zero, n=e.dx[0].size, y=e.dx[0])
            self._copy(e, size_of(self.shape), 0, e.dx[0].shape[1], self.start, e.dy[0], e.dx[0])

    def _copy(self, e: Emitter, from_stride: int, from_offset: int, to_stride: int,
              to_offset: int, x: object, y: object) -> None:
        e.emit(elementwise.copy_blocks, rows=e.batch, width=size_of(self.shape), x=x, y=y,
               from_stride=from_stride, from_offset=from_offset, to_stride=to_stride,
               to_offset=to_offset)


class Probe(TargetLoss, frozen=True, kw_only=True):
    """A loss whose gradient is the target itself, whatever comes in."""

    kind, label, category = "probe", "Probe", "loss"

    def forward(self, e: Emitter) -> None:
        for name in ("loss", "metric"):
            e.emit(elementwise.fill_zero, n=1, y=e.work[name])

    def backward(self, e: Emitter) -> None:
        if e.dx[0] is not None:
            e.emit(elementwise.copy, n=e.dx[0].size, x=e.x[1], y=e.dx[0])


Shapes = tuple[Shape | None, ...]
"""Of a layer's inputs; None for one that is not connected."""


def signals_of(layer: Layer, shapes: Shapes) -> tuple[Any, ...]:
    """Samples of these shapes, with symbols where the layer wants them; None for no connection."""
    classes = layer.sample_classes or (0,) * len(shapes)
    return tuple(None if shape is None else Signal(shape, count)
                 for shape, count in zip(shapes, classes, strict=True))


def connected(layer: Layer, shapes: Shapes) -> dict[int, Signal]:
    """The inputs that something comes in at, by port."""
    return {port: signal for port, signal in enumerate(signals_of(layer, shapes))
            if signal is not None}


def takes_lengths(layer: Layer, port: int) -> bool:
    return not layer.variadic and layer.inputs[port] == LENGTHS


def longest(shapes: Shapes) -> int:
    """The most time steps of inputs that are sequences."""
    return max(shape[0] for shape in shapes if shape)


def sandwich(layer: Layer, shapes: Shapes, batch: int, *, learns: bool = True
             ) -> tuple[Graph, str]:
    """samples_1 -> feed_1, feed_2, ... -> the layer -> probe_1, and the layer's name.

    Several outputs reach the probe as one vector.

    With learns=False nothing before the layer asks for a gradient. Nothing ever moves: the
    learning rate is 0.
    """
    signals = layer.infer(*signals_of(layer, shapes))
    whole = signals[0].shape if len(signals) == 1 else (sum(size_of(s.shape) for s in signals),)
    given = connected(layer, shapes)
    # A layer without inputs comes with samples all the same: they are the batch.
    size = sum(size_of(each.shape) for each in given.values()) or 1
    graph = Graph().with_node(Samples(shape=(size,), target=whole))
    graph = graph.with_node(layer)
    id, start = graph.nodes[-1].id, 0
    for port, each in given.items():
        graph = graph.with_node(
            Feed(shape=each.shape, start=start, learns=learns, classes=each.classes))
        feed, start = graph.nodes[-1].id, start + size_of(each.shape)
        graph = graph.connect("samples_1", feed).connect(feed, id, 0, port)
    graph, end = joined(graph, id)
    graph = graph.with_node(Probe()).connect(end, "probe_1").connect("samples_1", "probe_1", 1, 1)
    return graph.with_training(Training(batch=batch, optimizer=SGD(learning_rate=0))), id


def joined(graph: Graph, id: str) -> tuple[Graph, str]:
    """The node itself; or of several outputs, one vector of them all."""
    count = len(graph.node(id).layer.outputs)  # type: ignore[union-attr]
    if count == 1:
        return graph, id
    graph = graph.with_node(make_layer("concat", {}), id="outputs")
    for port in range(count):
        graph = graph.with_node(make_layer("flatten", {}))
        flat = graph.nodes[-1].id
        graph = graph.connect(id, flat, port).connect(flat, "outputs")
    return graph, "outputs"


def learning(layer: Layer, shapes: Shapes, training: Training) -> Graph:
    """The layer in a network that learns: a dense layer before each input, and one after it.

    Symbols and lengths come from the data themselves, after four values.
    """
    given = connected(layer, shapes)
    counts = {port: longest(shapes) + 1 if takes_lengths(layer, port) else signal.classes
              for port, signal in given.items()}
    drawn = sum(size_of(given[port].shape) for port, count in counts.items() if count)
    graph = Graph().with_training(training).with_node(
        Samples(shape=(4 + drawn,), target=(3,), symbols=drawn,
                alphabet=max(counts.values(), default=0)))
    graph = graph.with_node(layer)
    id, start = graph.nodes[-1].id, 4
    for port, signal in given.items():
        source, size = "samples_1", size_of(signal.shape)
        if not counts[port]:
            graph = graph.with_node(make_layer("dense", {"units": size}))
            source = graph.nodes[-1].id
            graph = graph.connect("samples_1", source)
        graph = graph.with_node(Feed(shape=signal.shape, start=start if counts[port] else 0,
                                     learns=False, classes=signal.classes))
        start += size if counts[port] else 0
        feed = graph.nodes[-1].id
        graph = graph.connect(source, feed).connect(feed, id, 0, port)
    graph, id = joined(graph, id)
    for kind, settings in (("flatten", {}), ("dense", {"units": 3}), ("mean_squared_error", {})):
        graph = graph.with_node(make_layer(kind, settings))
        graph = graph.connect(id, graph.nodes[-1].id)
        id = graph.nodes[-1].id
    return graph.connect("samples_1", id, 1, 1)


def row(data: DataLayer, *steps: Step, training: Training) -> Graph:
    """Layers one after the other, from the data to the loss."""
    graph = Graph().with_training(training).with_node(data)
    for kind, settings in steps:
        last = graph.nodes[-1].id
        graph = graph.with_node(make_layer(kind, settings))
        graph = graph.connect(last, graph.nodes[-1].id)
    return graph
