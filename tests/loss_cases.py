"""Every loss and its metric as a formula in float64, with what it is given to judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from playground.layers import LAYERS
from playground.layers.base import Shape
from playground.layers.lengths import LENGTHS
from playground.layers.surface import MINIMA, SurfaceName

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


def mean(p: Array, t: Array) -> float:
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
    _adversarial("wasserstein", "judge_on_real", lambda p, t: -mean(p, t), mean, None,
                 (2, 3), tells=False),
    _adversarial("wasserstein", "judge_on_made", mean, mean, None, tells=False),
    _adversarial("wasserstein", "maker", lambda p, t: -mean(p, t), mean, None, tells=False),
    *map(_surface, HEIGHTS),
)
CASES = (*CASES, *(_padded(case) for case in CASES
                   if case.shape == (6, 4) and LENGTHS in LAYERS[case.kind].inputs))
EVERY = pytest.mark.parametrize("case", CASES, ids=str)
