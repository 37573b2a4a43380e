"""Optimizers: how parameters follow their gradients. One class is one optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

import kernels
from playground.tensor import Tensor


class Optimizer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the parameters of a node follow their gradients. The fields are the settings."""

    hyper: ClassVar[tuple[str, ...]]
    """Settings that live in the arena, so that they can change while the network trains."""
    slots: ClassVar[tuple[str, ...]]
    """Arrays as large as the parameters, kept from step to step."""
    kernel: ClassVar[str]
    """Of kernels.optimizer; with "_plain" behind it, the same without measuring."""

    def emit(self, emit: Callable[..., None], *, n: int, weights: Tensor, gradient: Tensor,
             slots: Mapping[str, Tensor], hyper: Mapping[str, Tensor], counters: Tensor,
             norms: Tensor | None) -> None:
        """Emit the update of n parameters; `norms` gets the update:weight ratio, if wanted."""
        kernel = getattr(kernels.optimizer, self.kernel + ("_plain" if norms is None else ""))
        known = {"n": n, "weights": weights, "gradient": gradient, "counters": counters,
                 "norms": norms, **slots, **hyper}
        emit(kernel, **{name: known[name] for name in kernel.operands})


class SGD(Optimizer, frozen=True, kw_only=True, tag="sgd"):
    """Stochastic gradient descent with momentum, as in PyTorch: v = m v + g;  w = w - lr v.

    Weight decay is L2: g = g + decay · w. Sutskever et al. 2013 (momentum).
    """

    hyper = ("learning_rate", "momentum", "weight_decay")
    slots = ("velocity",)
    kernel = "sgd_update"

    learning_rate: Annotated[float, Meta(
        ge=0, le=1000, title="Learning rate", description="The step size lr.",
        extra={"log": True})] = 0.03
    momentum: Annotated[float, Meta(
        ge=0, lt=1, title="Momentum",
        description="How much of the last step carries on, m.")] = 0.0
    weight_decay: Annotated[float, Meta(
        ge=0, le=10, title="Weight decay", description="L2 penalty on weights and biases.",
        extra={"log": True})] = 0.0


class Adam(Optimizer, frozen=True, kw_only=True, tag="adam"):
    """Adam: steps scaled by running moments of the gradient. Kingma & Ba 2015, algorithm 1.

    Weight decay is L2 (added to the gradient), as in torch.optim.Adam.
    """

    hyper = ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay")
    slots = ("mean", "square")
    kernel = "adam_update"

    learning_rate: Annotated[float, Meta(
        ge=0, le=1000, title="Learning rate", description="The step size lr.",
        extra={"log": True})] = 0.001
    beta1: Annotated[float, Meta(
        ge=0, lt=1, title="β₁", description="Decay of the mean of the gradient.")] = 0.9
    beta2: Annotated[float, Meta(
        ge=0, lt=1, title="β₂", description="Decay of the mean of its square.")] = 0.999
    epsilon: Annotated[float, Meta(
        gt=0, le=1, title="ε", description="Keeps the division finite.",
        extra={"log": True})] = 1e-8
    weight_decay: Annotated[float, Meta(
        ge=0, le=10, title="Weight decay", description="L2 penalty on weights and biases.",
        extra={"log": True})] = 0.0


AnyOptimizer = SGD | Adam
OPTIMIZERS: tuple[type[SGD] | type[Adam], ...] = (SGD, Adam)
