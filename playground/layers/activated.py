"""Layers that end in an activation function of their own, as Dense and the convolutions do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from playground.activations import ACTIVATIONS, ActivationName, activation
from playground.emitter import Emitter
from playground.layers.base import Layer, Shape, about
from playground.tensor import Tensor

Fused = Annotated[ActivationName, about("The function φ applied to each output.")]


class Activated(Layer, frozen=True, kw_only=True):
    """y = φ(z): a subclass says how z is computed, and what follows from ∂z.

    With the identity z is y itself, and costs no memory.
    """

    activation: Fused = "identity"

    @property
    def active_range(self) -> tuple[float, float] | None:
        return ACTIVATIONS[self.activation].active_range

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        if activation(self.activation).is_identity:
            return {}
        shape = (batch, *self.output_shape(*x))
        return {"z": shape, "dz": shape}

    def forward(self, e: Emitter) -> None:
        z = e.work.get("z", e.y[0])
        self.forward_linear(e, z)
        activation(self.activation).forward(e, z, e.y[0])

    def backward(self, e: Emitter) -> None:
        dz = e.work.get("dz", e.dy[0])
        activation(self.activation).backward(e, e.y[0], e.dy[0], dz, x=e.work.get("z", e.y[0]))
        self.backward_linear(e, dz)

    def forward_linear(self, e: Emitter, z: Tensor) -> None:
        """Emit the instructions that compute z from `e.x` and the parameters."""
        raise AssertionError(f"{self.kind} emits nothing")

    def backward_linear(self, e: Emitter, dz: Tensor) -> None:
        """Emit the instructions that compute `e.dx` and the parameter gradients from dz."""
        raise AssertionError(f"{self.kind} emits nothing")

    def with_activation(self, text: str) -> str:
        """A subtitle with the function after it, when there is one."""
        name = self.activation.replace("_", " ")
        return text if self.activation == "identity" else f"{text} · {name}"
