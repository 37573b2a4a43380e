"""What excites a unit: samples made by climbing its response, with the weights held still.

Activation maximisation (Erhan, Bengio, Courville & Vincent 2009), with the weight decay, blur and
shifts of Yosinski et al. 2015. The gradient is that of the network's own compiled backward: of a
graph that ends at the unit, and begins with samples that are its only parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

import kernels
from kernels.machine import Machine
from playground.arena import Arena
from playground.compiler import compile_program
from playground.emitter import Emitter
from playground.graph import Graph
from playground.initializers import Constant
from playground.layers.base import Layer, Parameter, Shape, Signal, size_of
from playground.layers.loss_layer import LossLayer
from playground.learning import Learning
from playground.program import Program, link
from playground.training import Training
from playground.weights import Weights

Floats = NDArray[np.float32]
Place = Literal["centre", "map"]
PATTERN, RESPONSE = "pattern of a unit", "response of a unit"
"""The nodes that a graph gets; no user can give these names."""
SAMPLES = 500
"""Training samples whose mean norm bounds the patterns."""
START = 0.1
"""The length of what a pattern starts from, as a share of the bound."""
TRIES = 8
"""As often is another start drawn where a unit is silent and has no slope."""


class ExcitationError(Exception):
    """A node has no pattern; the text is a sentence for the user."""


@dataclass(frozen=True)
class Ascent:
    """How to climb.

    rate: the length of a step, as a share of the bound. decay: what each step takes away, as a
    share. blur: standard deviation in pixels of what every fourth step is blurred by. jitter: the
    image is moved by so many pixels at most while its gradient is taken. norm: the bound of a
    pattern's length; None is the mean of the training samples. place: of a map, the unit in its
    middle, before its activation; or the mean over all of the map, after it.
    """

    rate: float = 0.1
    decay: float = 0.0
    blur: float = 0.0
    jitter: int = 0
    norm: float | None = None
    place: Place = "centre"
    seed: int = 0


class Pattern(Layer, frozen=True, kw_only=True):
    """Stands behind the data node and gives parameters in place of its samples, one for each."""

    kind, category, label, stem = "pattern", "source", "Pattern", "pattern"
    count: int = 1

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        return (Parameter("w", (self.count, *x[0]), Constant(value=0.0)),)

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.elementwise.copy, n=e.y[0].size, x=e.w["w"], y=e.y[0])

    def backward(self, e: Emitter) -> None:
        e.emit(kernels.elementwise.copy, n=e.dy[0].size, x=e.dy[0], y=e.dw["w"])


class Response(LossLayer, frozen=True, kw_only=True):
    """Minus the sum of what each sample's own unit answers: made small, all of them climb."""

    kind, category, label, stem = "response", "loss", "Response", "response"
    inputs = ("x",)

    units: tuple[int, ...]
    along_last: bool
    place: Place

    def metric_name(self, *x: Signal) -> str:
        return "mean response"

    def workspace(self, batch: int, *x: Shape) -> dict[str, Shape]:
        return {"loss": (1,), "metric": (1,), "chosen": (batch, *x[0])}

    def forward(self, e: Emitter) -> None:
        x, chosen = e.x[0], e.work["chosen"]
        e.emit(kernels.elementwise.multiply, n=x.size, a=x, b=self.weights(x.shape), y=chosen)
        for name, sign, count in (("loss", -1.0, 1), ("metric", 1.0, e.batch)):
            e.emit(kernels.generative.signed_mean, n=x.size, count=count, sign=sign, score=chosen,
                   mean=e.work[name])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.elementwise.copy, n=dx.size, x=-self.weights(dx.shape), y=dx)

    def weights(self, shape: Shape) -> Floats:
        """(batch, *shape): how much each value counts, 1 in all for each sample."""
        weights = np.zeros(shape, np.float32)
        by_unit = np.moveaxis(weights, -1, 1) if self.along_last else weights
        positions = by_unit.shape[2:]
        middle = tuple(size // 2 for size in positions) if self.place == "centre" else ()
        for row, unit in enumerate(self.units):
            by_unit[(row, unit, *middle)] = 1 if middle else 1 / size_of(positions)
        return weights


def obstacle(program: Program, node: str) -> str:
    """Why there is no pattern for a node, as a sentence; empty where there is one."""
    graph, check = program.graph, program.check
    layer = graph.node(node).layer if node in graph else None
    if not isinstance(layer, Layer) or node not in check.used:
        return "Select a node of the network in training."
    if isinstance(layer, LossLayer) or layer.category in ("data", "source"):
        return "Data, sources and losses have no units. Select a layer between them."
    before = {node, *graph.ancestors(node)}
    if program.data_node not in before:
        return f"No data comes to {node}: what it gets are random numbers or constants."
    ports = {edge.source_port for edge in graph.edges
             if edge.source == program.data_node and edge.target in before}
    if ports != {0}:
        return f"{node} reads more than the samples x, and a pattern stands for those alone."
    if check.signals[program.data_node][0].classes:
        return ("The samples are symbols, and a gradient cannot turn one into another. Networks "
                "that read images or numbers have patterns.")
    return ""


def units_of(program: Program, node: str) -> int:
    """How many units (channels, features) a node has."""
    layer, shape = program.graph.node(node).layer, program.check.signals[node][0].shape
    assert isinstance(layer, Layer)
    return (shape or (1,))[-1 if layer.units_last else 0]


class Excitation:
    """One pattern for each of some units of a node, climbing together.

    weights: of the network. Raises ExcitationError where `obstacle` tells of one. patterns
    (units, *shape) are in the units of the network's input: scaled as it was trained.
    """

    def __init__(self, weights: Weights, node: str, units: Sequence[int],
                 ascent: Ascent = Ascent()) -> None:
        if why := obstacle(weights.program, node):
            raise ExcitationError(why)
        if (samples := len(weights.program.data.x_train)) < len(units):
            raise ExcitationError(
                f"{len(units):,} patterns need as many training samples; there are {samples:,}. "
                "Ask for fewer units, or give more data.")
        self.node, self.units, self.ascent = node, tuple(units), ascent
        graph, self._owners = _derived(weights.program, node, self.units, ascent.place)
        self.program = compile_program(graph, batch=len(self.units), instrument=False, in_use=True)
        self._arena = Arena(self.program.sizes)
        self._machine = Machine(*link(self.program, self._arena), np.zeros(1, np.int64))
        phases = [row[0].phase if row[0] else "load" for row in self.program.code]
        self._first, self._backward = phases.index("forward"), phases.index("backward")
        self._end = phases.index("clip") if "clip" in phases else phases.index("update")
        self.patterns = self._values(f"{PATTERN}.w")
        self._gradient = self._values(f"{PATTERN}.dw")
        self._answers = self._values(f"{RESPONSE}.chosen")
        x = self.samples(self.program.data.x_train[:SAMPLES])
        self.norm = ascent.norm or float(np.mean(_norms(x))) or 1.0
        self.steps = 0
        self._moved = np.zeros(self.patterns.shape[1:], bool)
        self.take(weights)
        self.start()

    def start(self) -> None:
        """Noise, from the seed: the same one for a unit, whichever others climb with it.

        Where it leaves a unit silent, without a slope to climb, louder noise.
        """
        self._random = np.random.default_rng(self.ascent.seed)
        self.steps = 0
        draws = [np.random.default_rng([self.ascent.seed, unit]) for unit in self.units]
        silent = np.ones(len(self.units), bool)
        for attempt in range(TRIES):
            loudness = START if attempt == 0 else 1.0
            for i in np.flatnonzero(silent):
                noise = draws[i].standard_normal(self.patterns.shape[1:])
                self.patterns[i] = noise * (loudness * self.norm / np.linalg.norm(noise))
            silent = _norms(self.gradient()) == 0
            if not silent.any():
                break

    def take(self, weights: Weights) -> None:
        """Go on with these weights of the same network."""
        for region in ("parameters", "running"):
            for name, tensor in self.program.tensors.items():
                node, _, short = name.partition(".")
                if tensor.region == region and node != PATTERN:
                    self._arena.view(tensor)[...] = weights.of(f"{self._owners[node]}.{short}")
        self._run(self._backward)

    @property
    def values(self) -> Floats:
        """What each unit answers to its pattern, (units,)."""
        total: Floats = self._answers.reshape(len(self.units), -1).sum(axis=1)
        return total

    def gradient(self) -> Floats:
        """Of `values` by the patterns, (units, *shape)."""
        self._run(self._end)
        return -self._gradient

    def step(self) -> None:
        """One step uphill for each pattern, back within the bound."""
        ascent, axes = self.ascent, self._image_axes
        shift = (self._random.integers(-ascent.jitter, ascent.jitter + 1, len(axes))
                 if ascent.jitter else np.zeros(len(axes), int))
        self.patterns[...] = np.roll(self.patterns, shift, axes)
        up = self.gradient()
        self._moved |= (up != 0).any(axis=0)
        length = _norms(up)
        self.patterns *= 1 - ascent.decay
        self.patterns += up * _column(
            ascent.rate * self.norm / np.where(length > 0, length, 1), up)
        self.patterns[...] = np.roll(self.patterns, -shift, axes)
        self.steps += 1
        if ascent.blur and self.steps % 4 == 0:
            self.patterns[...] = blurred(self.patterns, ascent.blur, axes)
        self.patterns *= _column(
            np.minimum(1, self.norm / np.maximum(_norms(self.patterns), 1e-30)), self.patterns)
        self._run(self._backward)

    def responses(self, x: Floats) -> Floats:
        """What the units answer to samples x (n, *shape): (n, units). The patterns stay."""
        kept, found = self.patterns.copy(), np.zeros((len(x), len(self.units)), np.float32)
        layer = self.program.graph.node(RESPONSE).layer
        assert isinstance(layer, Response)
        source = self.program.graph.inputs_of(RESPONSE)[0].source
        y = self._values(f"{source}.{self._port(source)}")
        # What each unit counts, laid over the answers of every sample.
        weights = layer.weights(y.shape).reshape(len(self.units), -1)
        for start in range(0, len(x), len(self.units)):
            part = x[start:start + len(self.units)]
            self.patterns[:len(part)] = part
            self._run(self._backward)
            found[start:start + len(part)] = y[:len(part)].reshape(len(part), -1) @ weights.T
        self.patterns[...] = kept
        self._run(self._backward)
        return found

    @property
    def field(self) -> tuple[slice, ...]:
        """The part of an image, as (rows, columns), that the units see: outside of it nothing has
        moved. Of a sequence, the time steps; of other samples, nothing is told.
        """
        def span(axis: int) -> slice:
            others = tuple(i for i in range(self._moved.ndim) if i != axis - 1)
            seen = np.flatnonzero(self._moved.any(axis=others))
            return slice(int(seen[0]), int(seen[-1]) + 1) if seen.size else slice(None)

        return tuple(span(axis) for axis in self._image_axes)

    def samples(self, x: Floats) -> Floats:
        """What patterns take the place of, (n, *shape), of samples (n, ...) as they lie in the
        data.
        """
        port = self.program.data.dataset.x_port
        return x if port is None else port.of(x)

    def bounded(self, x: Floats) -> Floats:
        """Samples (n, *shape) brought to the length that patterns may have."""
        result: Floats = x * _column(self.norm / np.maximum(_norms(x), 1e-30), x)
        return result

    def _run(self, end: int) -> None:
        self._machine.run(self._first, end - self._first)

    def _values(self, name: str) -> Floats:
        return self._arena.view(self.program.tensors[name])

    def _port(self, node: str) -> str:
        layer = self.program.graph.node(node).layer
        assert isinstance(layer, Layer)
        return layer.outputs[0]

    @property
    def _image_axes(self) -> tuple[int, ...]:
        """Those along which neighbours look alike: height and width, or time."""
        return {4: (2, 3), 3: (1,)}.get(self.patterns.ndim, ())


def _derived(program: Program, node: str, units: tuple[int, ...], place: Place
             ) -> tuple[Graph, dict[str, str]]:
    """The network up to a node with nothing to learn but patterns, and whose weights each node
    uses.
    """
    graph, data = program.graph, program.data_node
    before = {node, *graph.ancestors(node)}
    owners = {id: graph.node(id).shares or id for id in before}
    graph = graph.without(n.id for n in graph.nodes if n.id not in before)
    for id in before - {data}:
        graph = graph.with_shared(id, "").with_learning(id, Learning(frozen=True))
    layer = graph.node(node).layer
    assert isinstance(layer, Layer)
    if place == "centre" and "activation" in layer.settings():
        # Where a ReLU is silent there is no slope; before it there always is one.
        graph = graph.with_layer(node, layer.with_settings(activation="identity"))
    readers = graph.outputs_of(data)
    graph = graph.without_edges(readers).with_node(Pattern(count=len(units)), id=PATTERN)
    graph = graph.connect(data, PATTERN)
    for edge in readers:
        graph = graph.connect(PATTERN, edge.target, 0, edge.target_port)
    end = Response(units=units, along_last=layer.units_last, place=place)
    graph = graph.with_node(end, id=RESPONSE).connect(node, RESPONSE)
    training = Training(batch=len(units))
    return msgspec.structs.replace(graph, training=training, folds=()), owners


def blurred(x: Floats, deviation: float, axes: Sequence[int]) -> Floats:
    """Samples smoothed by a normal bell of this deviation along axes; what is outside is zero."""
    reach = max(1, round(3 * deviation))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation)**2)
    bell /= bell.sum()
    for axis in axes:
        padded = np.pad(x, [(reach, reach) if i == axis else (0, 0) for i in range(x.ndim)])
        x = sum((weight * padded.take(np.arange(k, k + x.shape[axis]), axis)
                 for k, weight in enumerate(bell)), np.zeros_like(x))
    return np.asarray(x, np.float32)


def _norms(x: Floats) -> NDArray[Any]:
    """The length of each sample."""
    lengths: NDArray[Any] = np.linalg.norm(x.reshape(len(x), -1), axis=1)
    return lengths


def _column(values: NDArray[Any], x: Floats) -> NDArray[Any]:
    """One value for each sample of x."""
    return values.reshape(-1, *(1,) * (x.ndim - 1))


__all__ = ["Ascent", "Excitation", "ExcitationError", "blurred", "obstacle",
           "units_of"]
