"""Every loss in PyTorch's own words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tests.torch_recurrent import is_own

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any


Formula = Callable[[Any, Sequence[Tensor], Any], Tensor]


def along_time(formula: Formula) -> Formula:
    """The formula of the steps that are the samples' own, where lengths are connected too."""

    def loss(layer: Any, x: Sequence[Tensor], t: Tensor) -> Tensor:
        if len(x) == 1:
            return formula(layer, x, t)
        prediction, lengths = x
        own = is_own(prediction, lengths)
        return formula(layer, [prediction[own]], t[own])

    return loss


@along_time
def _softmax_cross_entropy(layer: Any, x: Sequence[Tensor], t: Tensor) -> Tensor:
    from torch.nn import functional as F

    weights = x[0].new_tensor(layer.class_weights) if layer.class_weights else None
    return F.cross_entropy(x[0].flatten(0, -2), t.long().flatten(), weights, ignore_index=-1,
                           label_smoothing=layer.label_smoothing)


@along_time
def _hinge(layer: Any, x: Sequence[Tensor], t: Tensor) -> Tensor:
    from torch.nn import functional as F

    scores, classes = x[0].flatten(0, -2), t.long().flatten()
    if scores.shape[1] == 1:  # Theirs of one score, which wants 1 or -1 as target.
        signs = 2.0 * classes - 1
        return F.margin_ranking_loss(scores[:, 0], 0 * scores[:, 0], signs, layer.margin)
    asked = classes >= 0
    return F.multi_margin_loss(scores[asked], classes[asked], margin=layer.margin)


@along_time
def _binary_cross_entropy(layer: Any, x: Sequence[Tensor], t: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.binary_cross_entropy(x[0], t.view_as(x[0]))


@along_time
def _binary_cross_entropy_with_logits(layer: Any, x: Sequence[Tensor], t: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.binary_cross_entropy_with_logits(
        x[0], t.view_as(x[0]), pos_weight=x[0].new_tensor(layer.pos_weight))


@along_time
def _mean_squared_error(layer: Any, x: Sequence[Tensor], t: Tensor) -> Tensor:
    from torch.nn import functional as F

    p = x[0]
    is_class = t.ndim == 1 and p.shape[1] > 1
    return F.mse_loss(p, F.one_hot(t.long(), p.shape[1]).to(p) if is_class else t.view_as(p))


@along_time
def _mean_absolute_error(layer: Any, x: Sequence[Tensor], t: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.l1_loss(x[0], t.view_as(x[0]))


@along_time
def _huber(layer: Any, x: Sequence[Tensor], t: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.huber_loss(x[0], t.view_as(x[0]), delta=layer.delta)


def _gaussian_kl(layer: Any, x: Sequence[Tensor], t: Tensor | None) -> Tensor:
    from torch.distributions import Normal, kl_divergence

    mean, log_variance = (each.flatten(1) for each in x)
    code = Normal(mean, (log_variance / 2).exp())
    return kl_divergence(code, Normal(0 * mean, 1 + 0 * mean)).sum(dim=1).mean()


def _adversarial(layer: Any, x: Sequence[Tensor], t: Tensor | None) -> Tensor:
    from torch.nn import functional as F

    score, real = x[0], layer.role != "judge_on_made"
    goal = score.new_full(score.shape, float(real))
    if layer.game == "wasserstein":
        return -score.mean() if real else score.mean()
    if layer.game == "least_squares":
        return F.mse_loss(score, goal) / 2
    if (layer.game, layer.role) == ("minimax", "maker"):
        return -F.binary_cross_entropy_with_logits(score, 0 * goal)
    return F.binary_cross_entropy_with_logits(score, goal)


def _surface(layer: Any, x: Sequence[Tensor], t: Tensor | None) -> Tensor:
    a, b = x[0].unbind(1)
    heights = {
        "bowl": (a**2 + layer.condition * b**2) / 2,
        "rosenbrock": (1 - a)**2 + 100 * (b - a**2)**2,
        "saddle": a**2 / 2 + (b**2 - 1)**2 / 4,
        "himmelblau": (a**2 + b - 11)**2 + (a + b**2 - 7)**2,
        "beale": (1.5 - a + a * b)**2 + (2.25 - a + a * b**2)**2 + (2.625 - a + a * b**3)**2,
        "wells": a**4 / 4 - a**3 / 12 - a**2 / 1.6 + 1625 / 3072 + b**2 / 2}
    return heights[layer.surface].mean()


LOSS: dict[str, Formula] = {
    "softmax_cross_entropy": _softmax_cross_entropy,
    "hinge": _hinge,
    "binary_cross_entropy": _binary_cross_entropy,
    "binary_cross_entropy_with_logits": _binary_cross_entropy_with_logits,
    "mean_squared_error": _mean_squared_error,
    "mean_absolute_error": _mean_absolute_error,
    "huber": _huber,
    "gaussian_kl": _gaussian_kl,
    "adversarial": _adversarial,
    "surface": _surface,
}
"""Of the layer, what comes in and the target: None for a loss that compares with nothing."""
