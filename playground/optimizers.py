"""Optimizers: how parameters follow their gradients. One class is one optimizer.

They are defined as in PyTorch, and their settings mean what they mean there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import Meta

import kernels
from playground.emitter import Operand
from playground.second_order import LeastSquares, Newton
from playground.tensor import Tensor
from playground.update_rule import (
    Epsilon,
    Kept,
    LearningRate,
    Momentum,
    Optimizer,
    Step,
    WeightDecay,
)

if TYPE_CHECKING:
    from playground.layout import Layout

SETTLING_STEPS = 20
"""The least number of steps that tell whether learning has settled; mostly an epoch has more."""


class GradientDescent(Optimizer, frozen=True, kw_only=True, tag="gradient_descent"):
    """Gradient descent on all samples at once: w = w - lr g. Cauchy 1847.

    Each step takes the whole training part, whatever the batch size: the loss falls smoothly,
    and every step costs an epoch. Weight decay is L2: g = g + decay · w.
    """

    label = "Gradient descent"
    hyper = ("learning_rate", "weight_decay")
    full_batch = True

    learning_rate: LearningRate = 0.1
    weight_decay: WeightDecay = 0.0

    @property
    def kernel(self) -> str:
        return "gradient_update"


class SGD(Optimizer, frozen=True, kw_only=True, tag="sgd"):
    """Stochastic gradient descent with momentum, as in PyTorch: v = m v + g;  w = w - lr v.

    Weight decay is L2: g = g + decay · w. Sutskever et al. 2013 (momentum, Nesterov).
    """

    label = "SGD"
    hyper = ("learning_rate", "momentum", "weight_decay")

    learning_rate: LearningRate = 0.03
    momentum: Momentum = 0.0
    momentum_schedule: Annotated[Literal["constant", "settle"], Meta(
        title="Momentum schedule",
        description="constant: the momentum from the start. settle: at most 0.5 until learning "
        "has settled, which is when the mean loss of an epoch (of 20 steps at least) is not 5 % "
        "below that of the epoch before; from then on the momentum. Hinton 2010, section 9.",
    )] = "constant"
    nesterov: Annotated[bool, Meta(
        title="Nesterov",
        description="Look ahead along the velocity: w = w - lr (g + m v).")] = False
    weight_decay: WeightDecay = 0.0

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",)

    @property
    def kernel(self) -> str:
        return "nesterov_update" if self.nesterov else "sgd_update"

    def keeps(self, layout: Layout) -> Mapping[str, Kept]:
        if self.momentum_schedule == "constant":
            return {}
        return {"momentum state": Kept((4,)), "current momentum": Kept((1,))}

    def prepare(self, step: Step) -> Mapping[str, Tensor]:
        if self.momentum_schedule == "constant":
            return {}
        current = step.kept["current momentum"]
        step.emit(kernels.schedule.momentum_settle,
                  window=max(SETTLING_STEPS, step.layout.batches_per_epoch),
                  loss=step.layout.cell("loss"), momentum=step.hyper["momentum"],
                  current=current, state=step.kept["momentum state"])
        return {"momentum": current}


class AdaGrad(Optimizer, frozen=True, kw_only=True, tag="adagrad"):
    """AdaGrad: each weight's steps shrink with all its gradients so far. Duchi et al. 2011.

    Weight decay is L2, as in torch.optim.Adagrad.
    """

    label = "AdaGrad"
    hyper = ("learning_rate", "lr_decay", "weight_decay", "initial_accumulator_value", "epsilon")

    learning_rate: LearningRate = 0.01
    lr_decay: Annotated[float, Meta(
        ge=0, le=1, title="Rate decay", description="lr is divided by 1 + decay · step.",
        extra={"log": True})] = 0.0
    initial_accumulator_value: Annotated[float, Meta(
        ge=0, le=1000, title="Initial sum",
        description="What the sum of squared gradients starts with.",
        extra={"log": True})] = 0.0
    epsilon: Epsilon = 1e-10
    weight_decay: WeightDecay = 0.0

    @property
    def slots(self) -> tuple[str, ...]:
        return ("sum",)

    @property
    def kernel(self) -> str:
        return "adagrad_update"


class AdaDelta(Optimizer, frozen=True, kw_only=True, tag="adadelta"):
    """AdaDelta: steps as large as the last ones were, so that lr hardly matters. Zeiler 2012.

    Weight decay is L2, as in torch.optim.Adadelta.
    """

    label = "AdaDelta"
    hyper = ("learning_rate", "rho", "epsilon", "weight_decay")

    learning_rate: LearningRate = 1.0
    rho: Annotated[float, Meta(
        ge=0, lt=1, title="ρ", description="Decay of the means of squares.")] = 0.9
    epsilon: Epsilon = 1e-6
    weight_decay: WeightDecay = 0.0

    @property
    def slots(self) -> tuple[str, ...]:
        return ("square", "delta")

    @property
    def kernel(self) -> str:
        return "adadelta_update"


class RMSProp(Optimizer, frozen=True, kw_only=True, tag="rmsprop"):
    """RMSProp: steps divided by the size of recent gradients. Tieleman & Hinton 2012.

    ε is added outside the root, as in torch.optim.RMSprop; weight decay is L2.
    """

    label = "RMSProp"
    hyper = ("learning_rate", "alpha", "epsilon", "momentum", "weight_decay")

    learning_rate: LearningRate = 0.01
    alpha: Annotated[float, Meta(
        ge=0, lt=1, title="α", description="Decay of the mean of squares.")] = 0.99
    epsilon: Epsilon = 1e-8
    momentum: Momentum = 0.0
    centered: Annotated[bool, Meta(
        title="Centred",
        description="Divide by the deviation: the mean is subtracted. Graves 2013.")] = False
    weight_decay: WeightDecay = 0.0

    @property
    def slots(self) -> tuple[str, ...]:
        return ("square", "mean", "velocity") if self.centered else ("square", "velocity")

    @property
    def kernel(self) -> str:
        return "rmsprop_centered_update" if self.centered else "rmsprop_update"


Beta1 = Annotated[float, Meta(
    ge=0, lt=1, title="β₁", description="Decay of the mean of the gradient.")]
Beta2 = Annotated[float, Meta(
    ge=0, lt=1, title="β₂", description="Decay of the mean of its square.")]
AMSGrad = Annotated[bool, Meta(
    title="AMSGrad",
    description="Divide by the largest mean of squares so far. Reddi et al. 2018.")]


class _Adam(Optimizer, frozen=True, kw_only=True):
    """What Adam and AdamW share."""

    hyper = ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay")
    decoupled: ClassVar[bool]
    if TYPE_CHECKING:
        amsgrad: bool  # a field of both, in the order of their forms

    @property
    def slots(self) -> tuple[str, ...]:
        return ("mean", "square", "largest") if self.amsgrad else ("mean", "square")

    @property
    def kernel(self) -> str:
        return "amsgrad_update" if self.amsgrad else "adam_update"

    def emit(self, emit: Callable[..., None], *, squares: Tensor | None,
             **known: Operand) -> None:
        super().emit(emit, squares=squares, **known, decoupled=int(self.decoupled))


class Adam(_Adam, frozen=True, kw_only=True, tag="adam"):
    """Adam: steps scaled by running moments of the gradient. Kingma & Ba 2015, algorithm 1.

    Weight decay is L2 (added to the gradient), as in torch.optim.Adam.
    """

    label = "Adam"
    decoupled = False

    learning_rate: LearningRate = 0.001
    beta1: Beta1 = 0.9
    beta2: Beta2 = 0.999
    epsilon: Epsilon = 1e-8
    amsgrad: AMSGrad = False
    weight_decay: WeightDecay = 0.0


class AdamW(_Adam, frozen=True, kw_only=True, tag="adamw"):
    """Adam with a weight decay of its own: w = w - lr · decay · w. Loshchilov & Hutter 2019.

    The decay does not pass through the moments, so it is the same for all weights.
    """

    label = "AdamW"
    decoupled = True

    learning_rate: LearningRate = 0.001
    beta1: Beta1 = 0.9
    beta2: Beta2 = 0.999
    epsilon: Epsilon = 1e-8
    amsgrad: AMSGrad = False
    weight_decay: WeightDecay = 0.01


AnyOptimizer = (
    GradientDescent | SGD | AdaGrad | AdaDelta | RMSProp | Adam | AdamW | Newton | LeastSquares)
OPTIMIZERS: tuple[type[Optimizer], ...] = (
    GradientDescent, SGD, AdaGrad, AdaDelta, RMSProp, Adam, AdamW, Newton, LeastSquares)
