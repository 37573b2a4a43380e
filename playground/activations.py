"""Activation functions: one row of a table is one function, for layers of their own and fused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, get_args

import kernels
from playground.emitter import Emitter
from playground.tensor import Tensor

if TYPE_CHECKING:
    from kernels.jit import Kernel

ActivationName = Literal[
    "identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu",
    "softplus", "hard_tanh",
]


@dataclass(frozen=True)
class Activation:
    """A function of single values.

    Its kernels are called <name>_forward and <name>_backward; the identity has none. operands:
    the constants of the formula. active_range: between these outputs it passes gradients on.
    told_by: what the gradient follows from, the output y or the input x.
    """

    name: str
    formula: str
    help: str
    active_range: tuple[float, float] | None = None
    operands: Mapping[str, float] = field(default_factory=dict)
    told_by: Literal["x", "y"] = "y"

    @property
    def is_identity(self) -> bool:
        return self.name == "identity"

    def forward(self, e: Emitter, x: Tensor, y: Tensor, *, time: int | None = None) -> None:
        """Emit y = φ(x); the identity has nothing to emit, its caller lets y be x."""
        if not self.is_identity:
            e.emit(self._kernel("forward"), time=time, n=y.size, **self.operands, x=x, y=y)

    def backward(self, e: Emitter, y: Tensor, dy: Tensor, dx: Tensor, *, x: Tensor,
                 time: int | None = None) -> None:
        """Emit ∂x = φ'(x) ∂y, told by y or by x; the identity has nothing to emit."""
        if not self.is_identity:
            told = {"x": x} if self.told_by == "x" else {"y": y}
            e.emit(self._kernel("backward"), time=time, n=y.size, **self.operands, **told, dy=dy,
                   dx=dx)

    def _kernel(self, direction: str) -> Kernel:
        kernel: Kernel = getattr(kernels.activation, f"{self.name}_{direction}")
        return kernel


ACTIVATIONS: dict[str, Activation] = {a.name: a for a in (
    Activation("identity", "y = x", "No activation: the layer stays linear."),
    Activation(
        "sigmoid", "y = 1 / (1 + e⁻ˣ)",
        "Squeezes into 0 to 1. Its slope is at most ¼, so gradients vanish layer by layer.",
        (0.01, 0.99)),
    Activation(
        "tanh", "y = tanh x", "Squeezes into -1 to 1, centred on 0. Saturates at both ends.",
        (-0.99, 0.99)),
    Activation(
        "relu", "y = max(x, 0)",
        "Passes what is positive. A unit that is never positive learns no more: it is dead.",
        (0.0, math.inf)),
    Activation(
        "leaky_relu", "y = x if x > 0 else slope · x",
        "ReLU with a small slope below zero, so that no unit dies.",
        operands={"slope": 0.01}),
    Activation(
        "elu", "y = x if x > 0 else alpha · (eˣ - 1)",
        "ReLU with a smooth floor at -alpha, which keeps the mean output close to 0.",
        (-0.99, math.inf), {"alpha": 1.0}),
    Activation(
        "gelu", "y = x Φ(x)",
        "A smooth ReLU: x times the share of a normal distribution below x.", told_by="x"),
    Activation(
        "gelu_tanh", "y = x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2",
        "GELU with a tanh for the normal distribution, as many Transformers have it.",
        told_by="x"),
    Activation(
        "silu", "y = x / (1 + e⁻ˣ)",
        "x times its sigmoid, also called swish: smooth, and slightly negative below zero.",
        told_by="x"),
    Activation(
        "softplus", "y = log(1 + e^(beta x)) / beta",
        "A smooth ReLU that is always positive.",
        operands={"beta": 1.0, "threshold": 20.0}, told_by="x"),
    Activation(
        "hard_tanh", "y = x held between min and max",
        "Straight between -1 and 1, flat outside: a tanh of three lines.",
        (-1.0, 1.0), {"min_val": -1.0, "max_val": 1.0}),
)}

assert tuple(ACTIVATIONS) == get_args(ActivationName)


def activation(name: ActivationName, **operands: float) -> Activation:
    """An activation by name, with other constants than the usual ones where given."""
    found = ACTIVATIONS[name]
    # An operand is a float or an int for the kernel: 2 would not be read as 2.0.
    given = {name: float(value) for name, value in operands.items()}
    return replace(found, operands={**found.operands, **given}) if given else found


__all__ = ["ACTIVATIONS", "Activation", "ActivationName", "activation"]
