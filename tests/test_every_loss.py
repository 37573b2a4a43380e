"""Every loss against its formula in float64; its gradient against the slope of that formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from playground.graph import Graph
from playground.layers import LAYERS
from playground.layers.base import Shape, make_layer, size_of
from playground.session import Session
from playground.training import SGD, Training
from tests.networks import Feed, Samples

Array = NDArray[np.float64]
BATCH = 7


def _cross_entropy(p: Array, t: Array) -> float:
    shifted = p - p.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_softmax[np.arange(len(p)), t.astype(int)].mean())


def _masked_cross_entropy(p: Array, t: Array) -> float:
    return _cross_entropy(p[t >= 0], t[t >= 0])


def _masked_accuracy(p: Array, t: Array) -> float:
    return _accuracy(p[t >= 0], t[t >= 0])


def _binary_cross_entropy(p: Array, t: Array) -> float:
    with np.errstate(divide="ignore"):
        yes, no = (np.maximum(np.log(q), -100) for q in (p, 1 - p))
    return float(-(t.reshape(p.shape) * yes + (1 - t.reshape(p.shape)) * no).mean())


def _squared(p: Array, t: Array) -> float:
    return float(((p - t.reshape(p.shape)) ** 2).mean())


def _squared_classes(p: Array, t: Array) -> float:
    return float(((p - np.eye(p.shape[1])[t.astype(int)]) ** 2).mean())


def _accuracy(p: Array, t: Array) -> float:
    return float((p.argmax(axis=1) == t).mean())


def _side_of_half(p: Array, t: Array) -> float:
    return float(((p[:, 0] > 0.5) == (t > 0.5)).mean())


def _absolute(p: Array, t: Array) -> float:
    return float(np.abs(p - t.reshape(p.shape)).mean())


@dataclass(frozen=True)
class Loss:
    """A loss with one kind of target: `classes` of them, or values of the prediction's shape."""

    kind: str
    shape: Shape
    classes: int
    loss: Callable[[Array, Array], float]
    metric: Callable[[Array, Array], float]
    within: tuple[float, float] = (-3, 3)
    """Where predictions lie."""

    @property
    def steps(self) -> int:
        """Time steps with a class each."""
        return self.shape[0] if self.classes and len(self.shape) == 2 else 0

    def __str__(self) -> str:
        return f"{self.kind} {'x'.join(map(str, self.shape))}, {self.classes} classes"


CASES = (
    Loss("softmax_cross_entropy", (3,), 3, _cross_entropy, _accuracy),
    Loss("softmax_cross_entropy", (10,), 10, _cross_entropy, _accuracy),
    Loss("softmax_cross_entropy", (6, 4), 4, _masked_cross_entropy, _masked_accuracy),
    Loss("binary_cross_entropy", (1,), 2, _binary_cross_entropy, _side_of_half, (0.01, 0.99)),
    Loss("binary_cross_entropy", (5,), 0, _binary_cross_entropy, _absolute, (0.01, 0.99)),
    Loss("binary_cross_entropy", (2, 3, 5), 0, _binary_cross_entropy, _absolute, (0.01, 0.99)),
    Loss("mean_squared_error", (1,), 0, _squared, _absolute),
    Loss("mean_squared_error", (2, 3, 5), 0, _squared, _absolute),
    Loss("mean_squared_error", (1,), 2, _squared, _side_of_half),
    Loss("mean_squared_error", (4,), 4, _squared_classes, _accuracy),
)
EVERY = pytest.mark.parametrize("case", CASES, ids=str)


class LossBench:
    """A loss at work on chosen predictions and targets."""

    def __init__(self, case: Loss, threads: int = 1) -> None:
        self.case = case
        graph = Graph().with_node(Samples(
            shape=(size_of(case.shape),), target=case.shape, classes=case.classes,
            steps=case.steps))
        graph = graph.with_node(Feed(shape=case.shape)).with_node(make_layer(case.kind, {}))
        self.id = graph.nodes[-1].id
        graph = graph.connect("samples_1", "feed_1").connect("feed_1", self.id)
        self.session = Session(
            graph.with_training(Training(batch=BATCH, optimizer=SGD(learning_rate=0))),
            threads=threads)

    def draw(self, seed: int) -> tuple[Array, Array]:
        """Predictions and targets, of values that float32 holds."""
        case, random = self.case, np.random.default_rng(seed)
        p = random.uniform(*case.within, (BATCH, *case.shape))
        t = (random.integers(-1, case.classes, (BATCH, case.steps)) if case.steps
             else random.integers(0, case.classes, BATCH) if case.classes
             else random.uniform(max(case.within[0], -3), min(case.within[1], 3), p.shape))
        return p.astype(np.float32).astype(np.float64), t.astype(np.float32).astype(np.float64)

    def play(self, p: Array, t: Array) -> tuple[float, float, NDArray[np.float32]]:
        """The loss, the metric and the gradient of the predictions."""
        session = self.session
        assert session.go_to(0)
        session.forward_to("layer")
        session.values("samples_1.x")[...] = p.reshape(BATCH, -1)
        session.values("samples_1.target")[...] = t
        session.run_to(self.id, "backward")
        session.forward_to("layer")
        gradient = session.values("feed_1.dy").copy()
        loss = float(session.values(f"{self.id}.loss")[0])
        metric = float(session.values(f"{self.id}.metric")[0])
        return loss, metric, gradient


def slope(loss: Callable[[Array, Array], float], p: Array, t: Array) -> Array:
    """The gradient of a formula in float64 by central differences."""
    gradient = np.empty_like(p)
    for index in np.ndindex(p.shape):
        step = np.zeros_like(p)
        step[index] = 1e-5
        gradient[index] = (loss(p + step, t) - loss(p - step, t)) / 2e-5
    return gradient


@EVERY
@pytest.mark.parametrize("threads", [1, 2])
def test_loss_metric_and_gradient_are_the_formulas(case: Loss, threads: int) -> None:
    bench = LossBench(case, threads)
    for seed in range(3):
        p, t = bench.draw(seed)
        loss, metric, gradient = bench.play(p, t)
        assert loss == pytest.approx(case.loss(p, t), rel=2e-6, abs=1e-7)
        assert metric == pytest.approx(case.metric(p, t), rel=2e-6)
        expected = slope(case.loss, p, t)
        np.testing.assert_allclose(gradient, expected, rtol=1e-4,
                                   atol=2e-6 * np.abs(expected).max())


@EVERY
def test_validation_computes_the_same_loss(case: Loss) -> None:
    bench = LossBench(case)
    p, t = bench.draw(0)
    result = bench.session.evaluator.evaluate(
        p.reshape(BATCH, -1).astype(np.float32), t.astype(np.float32), keep_outputs=True)
    assert result.loss == pytest.approx(case.loss(p, t), rel=2e-6)
    assert result.metric == pytest.approx(case.metric(p, t), rel=2e-6)
    assert result.outputs is not None
    assert result.outputs.shape == p.shape


@EVERY
@pytest.mark.parametrize("value", [0.0, 1.0, -1e4, 1e4])
def test_extreme_predictions_give_a_finite_loss_and_gradient(case: Loss, value: float) -> None:
    bench = LossBench(case)
    p, t = bench.draw(0)
    low, high = (0, 1) if case.kind == "binary_cross_entropy" else (-1e4, 1e4)
    p[::2] = np.clip(value, low, high)
    loss, _, gradient = bench.play(p, t)
    assert loss == pytest.approx(case.loss(p, t), rel=1e-5)
    assert np.isfinite(gradient).all()


@EVERY
def test_what_is_not_a_number_is_not_hidden(case: Loss) -> None:
    bench = LossBench(case)
    p, t = bench.draw(0)
    p[3], t[3] = np.nan, np.abs(t[3])
    loss, _, gradient = bench.play(p, t)
    assert np.isnan(loss)
    assert np.isnan(gradient[3]).any()


def test_a_right_and_certain_prediction_costs_nothing() -> None:
    for case in CASES:
        bench = LossBench(case)
        p, t = bench.draw(0)
        if case.kind == "softmax_cross_entropy":
            p = 1e3 * np.eye(case.classes)[t.astype(int)]  # Of no class (-1): of any.
        elif case.loss is _squared_classes:
            p = np.eye(case.classes)[t.astype(int)]
        else:
            t = np.round(t) if case.kind == "binary_cross_entropy" else t
            p = t.reshape(p.shape).copy()
        loss, _, gradient = bench.play(p, t)
        assert loss == pytest.approx(0, abs=1e-6), str(case)
        np.testing.assert_allclose(gradient, 0, atol=1e-6)


def test_every_loss_is_here() -> None:
    assert {case.kind for case in CASES} == {
        kind for kind, cls in LAYERS.items() if cls.category == "loss"}
