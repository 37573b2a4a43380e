"""Layers that do something while training alone, such as dropout."""

from __future__ import annotations

import kernels
from playground.emitter import Emitter
from playground.layers.base import Layer
from playground.tensor import Tensor


class WhileTraining(Layer, frozen=True, kw_only=True):
    """A network that is only used passes on what comes in."""

    def forward(self, e: Emitter) -> None:
        if e.training:
            self.disturb(e)
        else:
            e.emit(kernels.elementwise.copy, n=e.x[0].size, x=e.x[0], y=e.y[0])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is None:
            return
        if e.training:
            self.disturbed_gradient(e, dx)
        else:
            e.emit(kernels.elementwise.copy, n=dx.size, x=e.dy[0], y=dx)

    def disturb(self, e: Emitter) -> None:
        """Emit what is done to a batch in training."""
        raise AssertionError(f"{self.kind} emits nothing")

    def disturbed_gradient(self, e: Emitter, dx: Tensor) -> None:
        """Emit the gradient of that."""
        raise AssertionError(f"{self.kind} emits nothing")
