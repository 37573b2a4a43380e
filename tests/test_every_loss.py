"""Every loss against its formula in float64; its gradient against the slope of that formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from playground.graph import Graph
from playground.layers import LAYERS
from playground.layers.base import Shape, ShapeError, Signal, make_layer, size_of
from playground.layers.lengths import LENGTHS
from playground.layers.surface import MINIMA, SurfaceName
from playground.session import Session
from playground.training import SGD, Training
from tests.networks import Feed, Samples

Array = NDArray[np.float64]
Formula = Callable[[Array, Array], float]
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


def _side_of_zero(p: Array, t: Array) -> float:
    return float(((p[:, 0] > 0) == (t > 0.5)).mean())


def _probability_error(p: Array, t: Array) -> float:
    return _absolute(expit(p), t)


def _smoothed(smoothing: float, weights: tuple[float, ...]) -> Formula:
    """PyTorch's definition, sample by sample."""

    def loss(p: Array, t: Array) -> float:
        p, t = p[t >= 0], t[t >= 0].astype(int)
        w = np.array(weights or (1.0,) * p.shape[1])
        shifted = p - p.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        own = w[t] * logs[np.arange(len(t)), t]
        return float(-((1 - smoothing) * own + smoothing * (w * logs).mean(axis=1)).sum()
                     / w[t].sum())

    return loss


def _with_logits(pos_weight: float) -> Formula:
    def loss(p: Array, t: Array) -> float:
        t = t.reshape(p.shape)
        return float(-(pos_weight * t * log_expit(p) + (1 - t) * log_expit(-p)).mean())

    return loss


def _huber(delta: float) -> Formula:
    def loss(p: Array, t: Array) -> float:
        d = np.abs(p - t.reshape(p.shape))
        return float(np.where(d <= delta, d ** 2 / 2, delta * (d - delta / 2)).mean())

    return loss


def _multi_margin(margin: float) -> Formula:
    def loss(p: Array, t: Array) -> float:
        p, t = p[t >= 0], t[t >= 0].astype(int)
        each = np.arange(len(t))
        short = np.maximum(0, margin - p[each, t][:, None] + p)
        short[each, t] = 0
        return float(short.mean(axis=1).mean())

    return loss


def _binary_hinge(margin: float) -> Formula:
    def loss(p: Array, t: Array) -> float:
        return float(np.maximum(0, margin - (2 * t - 1) * p[:, 0]).mean())

    return loss


def _gaussian_kl(p: Array, t: Array) -> float:
    mean, log_variance = p[:, 0], p[:, 1]
    with np.errstate(over="ignore"):
        each = mean ** 2 + np.exp(log_variance) - 1 - log_variance
    return float(each.reshape(len(p), -1).sum(axis=1).mean() / 2)


def _size_of_code(p: Array, t: Array) -> float:
    return float(np.abs(p[:, 0]).mean())


def _share_above(boundary: float) -> Formula:
    return lambda p, t: float((p > boundary).mean())


def _share_up_to(boundary: float) -> Formula:
    return lambda p, t: float((p <= boundary).mean())


def _mean(p: Array, t: Array) -> float:
    return float(p.mean())


@dataclass(frozen=True)
class Loss:
    """A loss with one kind of target: `classes` of them, or values of the prediction's shape.

    shape: of each of the `inputs` that the loss has beside its target; p has an axis for them
    when there are several.
    """

    kind: str
    shape: Shape
    classes: int
    loss: Formula
    metric: Formula
    within: tuple[float, float] = (-3, 3)
    """Where predictions lie."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    best: Callable[[Array, Array], Array] | None = None
    """The prediction that costs nothing, for such a prediction and target, if there is one."""
    inputs: int = 1
    extremes: tuple[float, float] = (-1e4, 1e4)
    tells: bool = True
    """Whether the gradient depends on the prediction."""
    padded: bool = False
    """Whether the samples end after ENDS steps; the formulas know it."""

    @property
    def steps(self) -> int:
        """Time steps with a class each."""
        return self.shape[0] if self.classes and len(self.shape) == 2 else 0

    @property
    def whole(self) -> Shape:
        """The shape of one sample's predictions."""
        return self.shape if self.inputs == 1 else (self.inputs, *self.shape)

    def __str__(self) -> str:
        settings = "".join(f" {name}={value}" for name, value in self.settings.items())
        return (f"{self.kind}{settings} {'x'.join(map(str, self.shape))}, {self.classes} "
                f"classes{', padded' * self.padded}").replace(", ", ",")


ENDS = np.array([6, 0, 3, 1, 6, 2, 5])
"""Of padded samples of six time steps."""


def _padded(case: Loss) -> Loss:
    """The same loss of sequences that end before their last step."""
    own = np.arange(case.shape[0]) < ENDS[:, None]

    def of_own(formula: Formula) -> Formula:
        return lambda p, t: formula(p[own], t[own])

    return replace(case, loss=of_own(case.loss), metric=of_own(case.metric), padded=True)


def _one_hot(p: Array, t: Array) -> Array:
    return 1e3 * np.eye(p.shape[-1])[t.astype(int)]  # Of no class (-1): of any.


def _target(p: Array, t: Array) -> Array:
    return t.reshape(p.shape).copy()


def _signs(p: Array, t: Array) -> Array:
    return 1e3 * (2 * t.reshape(p.shape) - 1)


def _constant(value: float) -> Callable[[Array, Array], Array]:
    return lambda p, t: np.full_like(p, value)


SMOOTHED: dict[str, Any] = {"label_smoothing": 0.2}
WEIGHTED: dict[str, Any] = {"class_weights": (0.5, 2.0, 0.0, 3.0)}
BOTH = {**SMOOTHED, **WEIGHTED}


HEIGHTS: dict[SurfaceName, tuple[Callable[[Array, Array], Array], list[float]]] = {
    "bowl": (lambda x, y: (x**2 + 9 * y**2) / 2, [0, 0]),
    "rosenbrock": (lambda x, y: (1 - x)**2 + 100 * (y - x**2)**2, [1, 1]),
    "saddle": (lambda x, y: x**2 / 2 + (y**2 - 1)**2 / 4, [0, -1]),
    "himmelblau": (lambda x, y: (x**2 + y - 11)**2 + (x + y**2 - 7)**2, [3, 2]),
    "beale": (lambda x, y: (1.5 - x + x * y)**2 + (2.25 - x + x * y**2)**2
              + (2.625 - x + x * y**3)**2, [3, 0.5]),
    "wells": (lambda x, y: x**4 / 4 - x**3 / 12 - x**2 / 1.6 + 1625 / 3072 + y**2 / 2,
              [1.25, 0])}
"""Each surface, and a minimum of it."""


def _surface(name: SurfaceName) -> Loss:
    height, minimum = HEIGHTS[name]

    def distance(p: Array, t: Array) -> float:
        known = np.array(MINIMA[name])
        return float(np.linalg.norm(p[:, None] - known, axis=2).min(axis=1).mean())

    return Loss("surface", (2,), 0, lambda p, t: float(height(p[:, 0], p[:, 1]).mean()), distance,
                settings={"surface": name, "condition": 9}, extremes=(-100, 100),
                best=lambda p, t: np.broadcast_to(np.array(minimum, np.float32), p.shape))


def _adversarial(game: str, role: str, loss: Formula, metric: Formula, best: float | None,
                 shape: Shape = (1,), tells: bool = True) -> Loss:
    return Loss("adversarial", shape, 0, loss, metric, settings={"game": game, "role": role},
                best=None if best is None else _constant(best), tells=tells)


CASES = (
    Loss("softmax_cross_entropy", (3,), 3, _cross_entropy, _accuracy, best=_one_hot),
    Loss("softmax_cross_entropy", (10,), 10, _cross_entropy, _accuracy, best=_one_hot),
    Loss("softmax_cross_entropy", (6, 4), 4, _masked_cross_entropy, _masked_accuracy,
         best=_one_hot),
    *(Loss("softmax_cross_entropy", shape, 4,
           _smoothed(settings.get("label_smoothing", 0.0), settings.get("class_weights", ())),
           _masked_accuracy, settings=settings)
      for settings in (SMOOTHED, WEIGHTED, BOTH) for shape in ((4,), (6, 4))),
    Loss("hinge", (4,), 4, _multi_margin(1.0), _accuracy, best=_one_hot),
    Loss("hinge", (6, 4), 4, _multi_margin(2.5), _masked_accuracy, settings={"margin": 2.5},
         best=_one_hot),
    Loss("hinge", (2,), 2, _multi_margin(1.0), _accuracy, best=_one_hot),
    Loss("hinge", (1,), 2, _binary_hinge(1.0), _side_of_zero, best=_signs),
    Loss("hinge", (1,), 2, _binary_hinge(0.3), _side_of_zero, settings={"margin": 0.3},
         best=_signs),
    Loss("binary_cross_entropy", (1,), 2, _binary_cross_entropy, _side_of_half, (0.01, 0.99),
         best=_target, extremes=(0, 1)),
    Loss("binary_cross_entropy", (5,), 0, _binary_cross_entropy, _absolute, (0.01, 0.99),
         extremes=(0, 1)),
    Loss("binary_cross_entropy", (6, 4), 0, _binary_cross_entropy, _absolute, (0.01, 0.99),
         extremes=(0, 1)),
    Loss("binary_cross_entropy", (2, 3, 5), 0, _binary_cross_entropy, _absolute, (0.01, 0.99),
         extremes=(0, 1)),
    Loss("binary_cross_entropy_with_logits", (1,), 2, _with_logits(1.0), _side_of_zero,
         best=_signs),
    Loss("binary_cross_entropy_with_logits", (1,), 2, _with_logits(3.0), _side_of_zero,
         settings={"pos_weight": 3.0}, best=_signs),
    Loss("binary_cross_entropy_with_logits", (2, 3, 5), 0, _with_logits(0.5), _probability_error,
         settings={"pos_weight": 0.5}),
    Loss("binary_cross_entropy_with_logits", (6, 4), 0, _with_logits(2.0), _probability_error,
         settings={"pos_weight": 2.0}),
    Loss("mean_squared_error", (6, 4), 0, _squared, _absolute, best=_target),
    Loss("mean_squared_error", (1,), 0, _squared, _absolute, best=_target),
    Loss("mean_squared_error", (2, 3, 5), 0, _squared, _absolute, best=_target),
    Loss("mean_squared_error", (1,), 2, _squared, _side_of_half, best=_target),
    Loss("mean_squared_error", (4,), 4, _squared_classes, _accuracy,
         best=lambda p, t: _one_hot(p, t) / 1e3),
    Loss("mean_absolute_error", (3,), 0, _absolute, _absolute, best=_target),
    Loss("mean_absolute_error", (6, 4), 0, _absolute, _absolute, best=_target),
    Loss("mean_absolute_error", (1,), 2, _absolute, _side_of_half, best=_target),
    Loss("huber", (3,), 0, _huber(1.0), _absolute, best=_target),
    Loss("huber", (6, 4), 0, _huber(0.3), _absolute, settings={"delta": 0.3}, best=_target),
    Loss("huber", (2, 3, 5), 0, _huber(0.3), _absolute, settings={"delta": 0.3}, best=_target),
    Loss("huber", (1,), 2, _huber(4.0), _side_of_half, settings={"delta": 4.0}, best=_target),
    Loss("gaussian_kl", (5,), 0, _gaussian_kl, _size_of_code, inputs=2, best=_constant(0),
         extremes=(-1e4, 80)),
    Loss("gaussian_kl", (2, 3, 5), 0, _gaussian_kl, _size_of_code, inputs=2, best=_constant(0),
         extremes=(-1e4, 80)),
    *(_adversarial(game, "judge_on_real", lambda p, t: float(-log_expit(p).mean()),
                   _share_above(0), 1e3, shape)
      for game, shape in (("minimax", (1,)), ("non_saturating", (1, 3, 5)))),
    *(_adversarial(game, "judge_on_made", lambda p, t: float(-log_expit(-p).mean()),
                   _share_up_to(0), -1e3, shape)
      for game, shape in (("minimax", (1,)), ("non_saturating", (1, 3, 5)))),
    _adversarial("minimax", "maker", lambda p, t: float(log_expit(-p).mean()), _share_above(0),
                 -1e3, (2, 3)),
    _adversarial("non_saturating", "maker", lambda p, t: float(-log_expit(p).mean()),
                 _share_above(0), 1e3, (2, 3)),
    _adversarial("least_squares", "judge_on_real", lambda p, t: _squared(p, 1 + 0 * p) / 2,
                 _share_above(0.5), 1),
    _adversarial("least_squares", "judge_on_made", lambda p, t: _squared(p, 0 * p) / 2,
                 _share_up_to(0.5), 0, (2, 3)),
    _adversarial("least_squares", "maker", lambda p, t: _squared(p, 1 + 0 * p) / 2,
                 _share_above(0.5), 1),
    _adversarial("wasserstein", "judge_on_real", lambda p, t: -_mean(p, t), _mean, None,
                 (2, 3), tells=False),
    _adversarial("wasserstein", "judge_on_made", _mean, _mean, None, tells=False),
    _adversarial("wasserstein", "maker", lambda p, t: -_mean(p, t), _mean, None, tells=False),
    *map(_surface, HEIGHTS),
)
CASES = (*CASES, *(_padded(case) for case in CASES
                   if case.shape == (6, 4) and LENGTHS in LAYERS[case.kind].inputs))
EVERY = pytest.mark.parametrize("case", CASES, ids=str)


class LossBench:
    """A loss at work on chosen predictions and targets."""

    def __init__(self, case: Loss, threads: int = 1) -> None:
        self.case = case
        size = size_of(case.shape)
        graph = Graph().with_node(Samples(
            shape=(case.inputs * size + case.padded,), target=case.shape, classes=case.classes,
            steps=case.steps))
        self.feeds = [f"feed_{i + 1}" for i in range(case.inputs)]
        for i in range(case.inputs):
            graph = graph.with_node(Feed(shape=case.shape, start=i * size))
        graph = graph.with_node(make_layer(case.kind, case.settings))
        self.id = graph.nodes[-1].id
        for feed in self.feeds:
            graph = graph.connect("samples_1", feed).connect(feed, self.id)
        if case.padded:
            graph = graph.with_node(Feed(shape=(), start=case.inputs * size), id="lengths")
            graph = graph.connect("samples_1", "lengths").connect("lengths", self.id, 0, 2)
        self.session = Session(
            graph.with_training(Training(batch=BATCH, optimizer=SGD(learning_rate=0))),
            threads=threads)

    def draw(self, seed: int) -> tuple[Array, Array]:
        """Predictions and targets, of values that float32 holds."""
        case, random = self.case, np.random.default_rng(seed)
        p = random.uniform(*case.within, (BATCH, *case.whole))
        t = (random.integers(-1, case.classes, (BATCH, case.steps)) if case.steps
             else random.integers(0, case.classes, BATCH) if case.classes
             else random.uniform(max(case.within[0], -3), min(case.within[1], 3),
                                 (BATCH, *case.shape)))
        return p.astype(np.float32).astype(np.float64), t.astype(np.float32).astype(np.float64)

    def flat(self, p: Array) -> NDArray[np.float32]:
        """The samples: predictions, and lengths where there are any."""
        samples = p.reshape(BATCH, -1)
        if self.case.padded:
            samples = np.concatenate([samples, ENDS[:, None]], axis=1)
        return samples.astype(np.float32)

    def play(self, p: Array, t: Array) -> tuple[float, float, NDArray[np.float32]]:
        """The loss, the metric and the gradient of the predictions."""
        session = self.session
        assert session.go_to(0)
        session.forward_to("layer")
        session.values("samples_1.x")[...] = self.flat(p)
        session.values("samples_1.target")[...] = t
        session.run_to(self.id, "backward")
        session.forward_to("layer")
        gradients = [session.values(f"{feed}.dy") for feed in self.feeds]
        gradient = np.stack(gradients, axis=1).reshape(p.shape)
        loss = float(session.values(f"{self.id}.loss")[0])
        metric = float(session.values(f"{self.id}.metric")[0])
        return loss, metric, gradient


def slope(loss: Formula, p: Array, t: Array) -> Array:
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
        bench.flat(p), t.astype(np.float32), keep_outputs=True)
    assert result.loss == pytest.approx(case.loss(p, t), rel=2e-6)
    assert result.metric == pytest.approx(case.metric(p, t), rel=2e-6)
    assert result.outputs is not None
    assert result.outputs.shape == (BATCH, *case.shape)


@EVERY
@pytest.mark.parametrize("value", [0.0, 1.0, -1e4, 1e4])
def test_extreme_predictions_give_a_finite_loss_and_gradient(case: Loss, value: float) -> None:
    bench = LossBench(case)
    p, t = bench.draw(0)
    p[::2] = np.clip(value, *case.extremes)
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
    assert np.isnan(gradient[3]).any() == case.tells


@pytest.mark.parametrize("case", [case for case in CASES if case.best], ids=str)
def test_the_best_prediction_costs_nothing(case: Loss) -> None:
    """The minimax maker is best where the judge is sure that its samples are made: flat there."""
    assert case.best is not None
    bench = LossBench(case)
    p, t = bench.draw(0)
    t = np.round(t) if case.kind == "binary_cross_entropy" else t
    loss, _, gradient = bench.play(case.best(p, t), t)
    assert loss == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(gradient, 0, atol=1e-6)


# -- numbers from elsewhere ------------------------------------------------------------------------


def _with(kind: str, shape: Shape, classes: int, inputs: int = 1, **settings: Any) -> LossBench:
    """A loss without a formula of ours."""
    return LossBench(Loss(kind, shape, classes, _mean, _mean, settings=settings, inputs=inputs))


def test_multi_margin_of_pytorchs_page() -> None:
    """x = (0.1, 0.2, 0.4, 0.8), class 3: ¼ (0.3 + 0.4 + 0.6) = 0.325."""
    loss, metric, _ = _with("hinge", (4,), 4).play(
        np.tile([0.1, 0.2, 0.4, 0.8], (BATCH, 1)), np.full(BATCH, 3.0))
    assert loss == pytest.approx(0.325)
    assert metric == 1


def test_divergence_of_gaussians_by_hand() -> None:
    """N(1, 2²) from N(0, 1): ½ (1 + 4 - 1 - log 4), for each of three dimensions."""
    p = np.stack([np.ones((BATCH, 3)), np.full((BATCH, 3), np.log(4.0))], axis=1)
    loss, metric, gradient = _with("gaussian_kl", (3,), 0, inputs=2).play(p, np.zeros((BATCH, 3)))
    assert loss == pytest.approx(1.5 * (4 - np.log(4)))
    assert metric == 1
    np.testing.assert_allclose(gradient[:, 1] * BATCH, 1.5, rtol=1e-6)


def test_a_judge_that_cannot_tell_costs_log_4() -> None:
    """Goodfellow et al. 2014, theorem 1: at the optimum both halves are log 2."""
    zeros = np.zeros((BATCH, 1))
    halves = [_with("adversarial", (1,), 0, game="minimax", role=role).play(zeros, zeros)[0]
              for role in ("judge_on_real", "judge_on_made")]
    assert sum(halves) == pytest.approx(np.log(4))


def test_smoothing_by_hand() -> None:
    """Even logits of 4 classes cost log 4 however much they are smoothed."""
    loss, _, gradient = _with("softmax_cross_entropy", (4,), 4, label_smoothing=0.4).play(
        np.zeros((BATCH, 4)), np.zeros(BATCH))
    assert loss == pytest.approx(np.log(4))
    np.testing.assert_allclose(gradient * BATCH, [[-0.45, 0.15, 0.15, 0.15]] * BATCH, rtol=1e-6)


# -- what does not fit -----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "settings", "signals", "words"), [
    ("softmax_cross_entropy", {"class_weights": (1, 2)}, [((3,), 0), ((), 3)],
     "3 classes and 2 class weights"),
    ("softmax_cross_entropy", {"class_weights": (0, 0)}, [((2,), 0), ((), 2)], "are 0"),
    ("hinge", {}, [((1,), 0), ((), 3)], "3 classes need 3 logits, got 1"),
    ("hinge", {}, [((3,), 0), ((3,), 0)], "needs class numbers"),
    ("mean_absolute_error", {}, [((4,), 0), ((), 4)], "one of 4 classes"),
    ("huber", {}, [((2,), 0), ((3,), 0)], "the prediction is 2, the target 3"),
    ("binary_cross_entropy_with_logits", {}, [((2,), 0), ((), 2)], "1 unit without activation"),
    ("gaussian_kl", {}, [((2,), 0), ((3,), 0)], "the same units"),
])
def test_what_cannot_be_compared_is_told(
        kind: str, settings: dict[str, Any], signals: list[tuple[Shape, int]], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        make_layer(kind, settings).infer(*(Signal(*signal) for signal in signals))


def test_every_loss_is_here() -> None:
    assert {case.kind for case in CASES} == {
        kind for kind, cls in LAYERS.items() if cls.category == "loss"}
    assert {case.kind for case in CASES if case.padded} == {
        kind for kind, cls in LAYERS.items()
        if cls.category == "loss" and LENGTHS in cls.inputs}
