"""Activation functions as layers of their own."""

from __future__ import annotations

from typing import Annotated, ClassVar

import kernels
from playground.activations import ACTIVATIONS, Activation, ActivationName
from playground.activations import activation as activation_of
from playground.emitter import Emitter
from playground.layers.base import Layer, Shape, ShapeError, about, layer, show_shape


class ActivationLayer(Layer, frozen=True, kw_only=True):
    """A function of each value by itself."""

    samples = (((5,),), ((2, 3, 4),))

    function_name: ClassVar[ActivationName]

    @property
    def function(self) -> Activation:
        """The function with this layer's settings, which carry the names of its constants."""
        return activation_of(self.function_name, **self.settings())

    @property
    def active_range(self) -> tuple[float, float] | None:
        return self.function.active_range

    def forward(self, e: Emitter) -> None:
        self.function.forward(e, e.x[0], e.y[0])

    def backward(self, e: Emitter) -> None:
        if e.dx[0] is not None:
            self.function.backward(e, e.y[0], e.dy[0], e.dx[0])


@layer("sigmoid", category="activation", label="Sigmoid")
class Sigmoid(ActivationLayer, frozen=True, kw_only=True):
    """Squeezes every value into 0 to 1; its small slope makes gradients vanish in deep nets."""

    function_name = "sigmoid"
    formula = ACTIVATIONS["sigmoid"].formula


@layer("tanh", category="activation", label="Tanh")
class Tanh(ActivationLayer, frozen=True, kw_only=True):
    """Squeezes every value into -1 to 1, centred on 0."""

    function_name = "tanh"
    formula = ACTIVATIONS["tanh"].formula


@layer("relu", category="activation", label="ReLU")
class ReLU(ActivationLayer, frozen=True, kw_only=True):
    """Passes what is positive and blocks the rest: gradients do not vanish."""

    function_name = "relu"
    formula = ACTIVATIONS["relu"].formula


@layer("leaky_relu", category="activation", label="Leaky ReLU")
class LeakyReLU(ActivationLayer, frozen=True, kw_only=True):
    """ReLU with a small slope below zero, so that no unit dies."""

    function_name = "leaky_relu"
    formula = ACTIVATIONS["leaky_relu"].formula

    slope: Annotated[float, about("The slope below zero.", ge=0, le=1)] = 0.01

    def subtitle(self) -> str:
        return f"slope {self.slope:g}"


@layer("elu", category="activation", label="ELU")
class ELU(ActivationLayer, frozen=True, kw_only=True):
    """ReLU with a smooth floor at -alpha, which keeps the mean output close to 0."""

    function_name = "elu"
    formula = ACTIVATIONS["elu"].formula

    alpha: Annotated[float, about("The depth of the floor.", ge=0, le=100)] = 1.0

    @property
    def active_range(self) -> tuple[float, float] | None:
        return (-0.99 * self.alpha, float("inf"))

    def subtitle(self) -> str:
        return f"alpha {self.alpha:g}"


@layer("softmax", category="activation", label="Softmax")
class Softmax(Layer, frozen=True, kw_only=True):
    """Turns a row of numbers into probabilities that add up to 1.

    On a sequence (time, features), every time step is such a row.
    The loss softmax cross-entropy has a softmax of its own and wants what comes before this one.
    """

    formula = "yᵢ = e^xᵢ / Σ e^xⱼ"
    samples = (((5,),), ((4, 3),), ((3,),))

    def output_shape(self, *x: Shape) -> Shape:
        if len(x[0]) not in (1, 2):
            raise ShapeError(
                f"Softmax needs a flat input or a sequence (time, features), got "
                f"{show_shape(x[0])}. Add a Flatten before it.")
        return x[0]

    @staticmethod
    def _sizes(e: Emitter) -> dict[str, int]:
        columns = e.x[0].shape[-1]
        return {"rows": e.x[0].size // columns, "columns": columns}

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.activation.softmax_forward, **self._sizes(e), x=e.x[0], y=e.y[0])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.activation.softmax_backward, **self._sizes(e), y=e.y[0], dy=e.dy[0],
                   dx=dx)
