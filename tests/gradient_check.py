"""One layer at work on chosen numbers, and its gradient compared with finite differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from playground.layers.base import Layer, Shape, Signal, size_of
from playground.learning import Learning
from playground.session import Session
from tests.networks import Shapes, connected, longest, sandwich, takes_lengths

Array = NDArray[np.float32]
STEP = 2e-3
"""The largest change of a value. Much less drowns in float32; much more meets curvature."""
LEAST = 1e-4
"""Of the loss: a smaller change of it is too uncertain in float32 to be measured by itself."""
OVERWRITTEN = ("activations", "activation_gradients", "gradients", "workspace")


@dataclass(frozen=True, eq=False)
class Given:
    """What goes in: inputs by port, parameters by name, the gradient of the loss by the output,
    and what earlier steps have left.
    """

    x: tuple[Array, ...]
    w: dict[str, Array]
    dy: Array
    running: dict[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Came:
    """What comes out: the output, gradients of the inputs (None: not asked for), of parameters."""

    y: Array
    dx: tuple[Array | None, ...]
    dw: dict[str, Array]

    def arrays(self) -> tuple[Array, ...]:
        return (self.y, *(d for d in self.dx if d is not None), *self.dw.values())


class Bench:
    """A layer in a network of its own: plain numbers in, plain numbers out."""

    def __init__(self, layer: Layer, shapes: Shapes, *, batch: int = 5,
                 threads: int = 1, learns: bool = True, frozen: bool = False) -> None:
        graph, self.id = sandwich(layer, shapes, batch, learns=learns)
        self.frozen = frozen
        if frozen:
            graph = graph.with_learning(self.id, Learning(frozen=True))
        self.layer, self.shapes, self.batch, self.learns = layer, shapes, batch, learns
        self.session = Session(graph, threads=threads)
        # The probe's prediction: the output itself, or several ones as one vector.
        (edge,) = (e for e in graph.inputs_of("probe_1") if e.target_port == 0)
        port = graph.node(edge.source).layer.outputs[0]  # type: ignore[union-attr]
        self.output, self.gradient = f"{edge.source}.{port}", f"{edge.source}.d{port}"

    def draw(self, seed: int = 0, scale: float = 1.0) -> Given:
        """Random numbers; in each sample the inputs are all different, and none is near 0.

        Symbols are random too, and have no scale. Lengths go from 0 to the longest.
        """
        random = np.random.default_rng(seed)
        tensors = self.session.program.tensors
        # Sums of many inputs no larger than those of few: of a saturated unit no slope is seen.
        w = {p.name: random.normal(0, min(0.5, 2 / p.fan_in ** 0.5), p.shape).astype(np.float32)
             for p in self.layer.parameters(*self.shapes)}
        x = tuple(self._symbols(random, signal) if signal.classes
                  else (self._lengths(random, signal.shape) if takes_lengths(self.layer, port)
                        else self._spread(random, signal.shape, port)) * np.float32(scale)
                  for port, signal in connected(self.layer, self.shapes).items())
        dy = random.normal(size=tensors[self.output].shape).astype(np.float32)
        running = {p.name: random.uniform(0.5, 2, p.shape).astype(np.float32)
                   for p in self.layer.running(*self.shapes)}
        return Given(x, w, dy, running)

    def _symbols(self, random: np.random.Generator, signal: Signal) -> Array:
        return random.integers(signal.classes, size=(self.batch, *signal.shape)
                               ).astype(np.float32)

    def _lengths(self, random: np.random.Generator, shape: Shape) -> Array:
        own = np.round(np.linspace(0, longest(self.shapes), self.batch)).astype(np.float32)
        return random.permutation(own).reshape(self.batch, *shape)

    def _spread(self, random: np.random.Generator, shape: Shape, port: int) -> Array:
        n = size_of(shape)
        # A little apart for each port: no value of one input is one of another.
        grid = (np.arange(n) + 0.5 - n // 2) * (4 / n) + 0.07 * port
        return np.stack([random.permutation(grid).reshape(shape) for _ in range(self.batch)]
                        ).astype(np.float32)

    def play(self, given: Given) -> Came:
        """One training step, always the first: the same random numbers each time."""
        session, values = self.session, self.session.values
        assert session.go_to(0)
        session.forward_to("layer")
        assert session.instruction.phase == "forward"
        self._poison()
        values("samples_1.x")[...] = self._flat(given.x)
        values("samples_1.target")[...] = given.dy
        for name, w in (given.w | given.running).items():
            values(f"{self.id}.{name}")[...] = w
        session.forward_to("batch")
        feeds = [f"feed_{port}" for port in range(1, len(given.x) + 1)]
        return Came(
            values(self.output).copy(),
            tuple(values(f"{feed}.dy").copy() if self.learns else None for feed in feeds),
            {name: values(f"{self.id}.d{name}").copy() for name in given.w if not self.frozen})

    def infer(self, given: Given, samples: slice = slice(None)) -> Array:
        """The output without training, for these samples at once."""
        self.play(given)
        flat = self._flat(given.x)[samples]
        result = self.session.evaluator.evaluate(flat, given.dy[samples], keep_outputs=True)
        assert result.outputs is not None
        return result.outputs

    def _flat(self, x: tuple[Array, ...]) -> Array:
        """The inputs side by side, as the samples hold them; nothing but zeros for none."""
        empty = np.zeros((self.batch, 0 if x else 1), np.float32)
        return np.concatenate([empty, *(one.reshape(self.batch, -1) for one in x)], axis=1)

    def _poison(self) -> None:
        """NaN wherever this step has to write before it may read."""
        for tensor in self.session.program.tensors.values():
            if tensor.region in OVERWRITTEN:
                self.session.arena.view(tensor)[...] = np.nan


def wrong_gradients(bench: Bench, tolerance: float) -> dict[str, float]:
    """The inputs and parameters whose gradient is off, with the relative error of each.

    The median over several draws: a kink within reach spoils one, a wrong gradient all of them.
    Where three draws do not tell, nine do.
    """
    return _wrong_gradients(bench, tolerance, 3) and _wrong_gradients(bench, tolerance, 9)


def _wrong_gradients(bench: Bench, tolerance: float, seeds: int) -> dict[str, float]:
    errors: dict[str, list[float]] = {}
    for seed in range(seeds):
        given = bench.draw(seed)
        came = bench.play(given)
        random = np.random.default_rng([seed, 1])
        least = LEAST * float(np.abs(came.y * given.dy).sum())
        for port, gradient in enumerate(came.dx):
            assert gradient is not None

            def with_x(x: Array, given: Given = given, port: int = port) -> Given:
                return replace(given, x=(*given.x[:port], x, *given.x[port + 1:]))

            errors.setdefault(f"x[{port}]", []).append(
                _error(_loss(bench, given.dy, with_x), given.x[port], gradient, random, least))
        for name, gradient in came.dw.items():

            def with_w(w: Array, given: Given = given, name: str = name) -> Given:
                return replace(given, w={**given.w, name: w})

            errors.setdefault(name, []).append(
                _error(_loss(bench, given.dy, with_w), given.w[name], gradient, random, least))
    medians = {name: float(np.median(found)) for name, found in errors.items()}
    return {name: error for name, error in medians.items() if not error < tolerance}


def _loss(bench: Bench, dy: Array, change: Callable[[Array], Given]) -> Callable[[Array], float]:
    return lambda at: float(np.vdot(bench.play(change(at)).y.astype(np.float64), dy))


def _error(loss: Callable[[Array], float], at: Array, gradient: Array,
           random: np.random.Generator, least: float) -> float:
    """How far the slope of the loss along a direction is from what the gradient says.

    The direction is partly random and partly the gradient's own, so that the slope is never
    small by chance; a component that is wrong shows all the same.
    """
    noise = random.normal(size=at.shape)
    length = np.linalg.norm(gradient)
    direction = 0.7 * noise / np.linalg.norm(noise) + (gradient / length if length else 0)
    direction *= STEP / np.abs(direction).max()
    high, low = ((at + sign * direction).astype(np.float32) for sign in (1, -1))
    slope = loss(high) - loss(low)
    expected = float(np.vdot(gradient.astype(np.float64), high.astype(np.float64) - low))
    size = max(abs(slope), abs(expected), least)
    return abs(slope - expected) / size if size else 0.0
