"""Activation functions as layers of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import kernels
from playground.activations import ACTIVATIONS, Activation, ActivationName
from playground.activations import activation as activation_of
from playground.emitter import Emitter
from playground.initializers import Constant
from playground.layers.base import (
    MAX_SIZE,
    Layer,
    Parameter,
    Shape,
    ShapeError,
    about,
    layer,
    show_shape,
    size_of,
)


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
            self.function.backward(e, e.y[0], e.dy[0], e.dx[0], x=e.x[0])


@layer("sigmoid", category="activation", label="Sigmoid")
class Sigmoid(ActivationLayer, frozen=True, kw_only=True):
    """Squeezes every value into 0 to 1; its small slope makes gradients vanish in deep nets."""

    other_names = ("logistic",)
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


@layer("gelu", category="activation", label="GELU")
class GELU(ActivationLayer, frozen=True, kw_only=True):
    """A smooth ReLU: x times the share of a normal distribution below x. Used in Transformers."""

    function_name = "gelu"
    formula = ACTIVATIONS["gelu"].formula

    approximate: Annotated[Literal["none", "tanh"], about(
        "none: with the exact normal distribution; tanh: with a tanh in its place, as in GPT-2. "
        "Named as in PyTorch.")] = "none"

    @property
    def function(self) -> Activation:
        return ACTIVATIONS["gelu" if self.approximate == "none" else "gelu_tanh"]

    def subtitle(self) -> str:
        return "" if self.approximate == "none" else "tanh approximation"


@layer("silu", category="activation", label="SiLU")
class SiLU(ActivationLayer, frozen=True, kw_only=True):
    """x times its sigmoid, also called swish: smooth, and slightly negative below zero."""

    other_names = ("swish",)
    function_name = "silu"
    formula = ACTIVATIONS["silu"].formula


@layer("softplus", category="activation", label="Softplus")
class Softplus(ActivationLayer, frozen=True, kw_only=True):
    """A smooth ReLU that is always positive."""

    function_name = "softplus"
    formula = ACTIVATIONS["softplus"].formula

    beta: Annotated[float, about(
        "How sharp the bend is: the larger, the closer to ReLU.", ge=0.1, le=100)] = 1.0
    threshold: Annotated[float, about(
        "Where beta · x is above it, y is x itself, as in PyTorch.", ge=0, le=1000)] = 20.0

    def subtitle(self) -> str:
        return f"beta {self.beta:g}"


@layer("hard_tanh", category="activation", label="Hard tanh")
class HardTanh(ActivationLayer, frozen=True, kw_only=True):
    """Straight between two bounds and flat outside: a tanh of three lines."""

    function_name = "hard_tanh"
    formula = ACTIVATIONS["hard_tanh"].formula

    min_val: Annotated[float, about("The lowest output.", ge=-100, le=0, title="Minimum")] = -1.0
    max_val: Annotated[float, about("The highest output.", ge=0, le=100, title="Maximum")] = 1.0

    @property
    def active_range(self) -> tuple[float, float] | None:
        return (self.min_val, self.max_val)

    def output_shape(self, *x: Shape) -> Shape:
        if self.min_val >= self.max_val:
            raise ShapeError(
                f"Between {self.min_val:g} and {self.max_val:g} there is nothing: every output "
                "would be the same. Choose a maximum above the minimum.")
        return x[0]

    def subtitle(self) -> str:
        return f"{self.min_val:g} to {self.max_val:g}"


@layer("exponential", category="activation", label="Exponential", stem="exp")
class Exponential(Layer, frozen=True, kw_only=True):
    """eˣ of each value: makes of a logarithm the number itself, such as a deviation.

    Above 88 the result is too large for float32. No layer has it built in, as it grows so fast.
    """

    formula = "y = eˣ"
    samples = (((5,),), ((2, 3, 4),))

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.activation.exponential_forward, n=e.y[0].size, x=e.x[0], y=e.y[0])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.activation.exponential_backward, n=dx.size, y=e.y[0], dy=e.dy[0],
                   dx=dx)


@layer("prelu", category="activation", label="PReLU")
class PReLU(Layer, frozen=True, kw_only=True):
    """ReLU with a slope below zero that is learned: one, or one for each channel."""

    formula = "y = x if x > 0 else w · x"
    samples = (((5,),), ((3, 4, 2),))

    per_channel: Annotated[bool, about(
        "Learn a slope for each channel (each feature of a flat input), not one for all. In "
        "PyTorch: num_parameters.")] = False
    slope: Annotated[float, about(
        "The slope at the start. In PyTorch: init.", ge=0, le=1)] = 0.25

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        slopes = x[0][0] if self.per_channel else 1
        return (Parameter("w", (slopes,), Constant(value=float(self.slope))),)

    def _sizes(self, e: Emitter) -> dict[str, int]:
        shape = e.x[0].shape[1:]
        if not self.per_channel:
            return {"batch": e.batch, "channels": 1, "positions": size_of(shape)}
        return {"batch": e.batch, "channels": shape[0], "positions": size_of(shape[1:])}

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.channel_activation.prelu_forward, **self._sizes(e), x=e.x[0], w=e.w["w"],
               y=e.y[0])

    def backward(self, e: Emitter) -> None:
        e.emit(kernels.channel_activation.prelu_weight_gradient, **self._sizes(e), x=e.x[0],
               dy=e.dy[0], dw=e.dw["w"])
        if e.dx[0] is not None:
            e.emit(kernels.channel_activation.prelu_input_gradient, **self._sizes(e), x=e.x[0],
                   w=e.w["w"], dy=e.dy[0], dx=e.dx[0])

    def subtitle(self) -> str:
        return "a slope per channel" if self.per_channel else "one slope"


@layer("maxout", category="activation", label="Maxout")
class Maxout(Layer, frozen=True, kw_only=True):
    """Gives the largest of every k neighbouring features or channels, its pieces.

    After a Dense or Conv2D with k times the outputs it is the maxout unit of Goodfellow et al.
    2013: a convex function of k straight pieces that is learned.
    """

    formula = "y = max(z₁, …, zₖ)"
    samples = (((6,),), ((6, 3, 2),), ((4, 2, 3),))
    integers = frozenset({"winners"})

    pieces: Annotated[int, about(
        "How many neighbours compete for one output, k.", ge=2, le=MAX_SIZE)] = 2

    def output_shape(self, *x: Shape) -> Shape:
        channels, *rest = x[0]
        if channels % self.pieces:
            kind = "channels" if rest else "features"
            raise ShapeError(
                f"{self.pieces} pieces do not divide {channels} {kind}. Give the layer before "
                f"{self.pieces * max(1, channels // self.pieces)} outputs, or choose pieces that "
                f"divide {channels}.")
        return (channels // self.pieces, *rest)

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"winners": (batch, *self.output_shape(x[0]))}

    def _sizes(self, e: Emitter) -> dict[str, int]:
        _, groups, *rest = e.y[0].shape
        return {"rows": e.batch * groups, "pieces": self.pieces, "positions": size_of(tuple(rest))}

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.channel_activation.maxout_forward, **self._sizes(e), x=e.x[0], y=e.y[0],
               winners=e.work["winners"])

    def backward(self, e: Emitter) -> None:
        if e.dx[0] is not None:
            e.emit(kernels.channel_activation.maxout_backward, **self._sizes(e), dy=e.dy[0],
                   winners=e.work["winners"], dx=e.dx[0])

    def subtitle(self) -> str:
        return f"{self.pieces} pieces"


class RowLayer(Layer, frozen=True, kw_only=True):
    """A function of a whole row of numbers: on a sequence (time, features), of every time step."""

    samples = (((5,),), ((4, 3),), ((3,),))
    units_last = True
    without_padding = "Of (time, features), as before the Permute, it goes step by step."

    kernel: ClassVar[str]
    """The beginning of the names of both in `kernels.activation`."""

    def output_shape(self, *x: Shape) -> Shape:
        if len(x[0]) not in (1, 2):
            raise ShapeError(
                f"{self.label} needs a flat input or a sequence (time, features), got "
                f"{show_shape(x[0])}. Add a Flatten before it.")
        return x[0]

    def mixes_time(self, axis: int) -> bool:
        return axis == 1

    @staticmethod
    def _sizes(e: Emitter) -> dict[str, int]:
        columns = e.x[0].shape[-1]
        return {"rows": e.x[0].size // columns, "columns": columns}

    def forward(self, e: Emitter) -> None:
        e.emit(getattr(kernels.activation, f"{self.kernel}_forward"), **self._sizes(e),
               x=e.x[0], y=e.y[0])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(getattr(kernels.activation, f"{self.kernel}_backward"), **self._sizes(e),
                   y=e.y[0], dy=e.dy[0], dx=dx)


@layer("softmax", category="activation", label="Softmax")
class Softmax(RowLayer, frozen=True, kw_only=True):
    """Turns a row of numbers into probabilities that add up to 1.

    On a sequence (time, features), every time step is such a row.
    The loss softmax cross-entropy has a softmax of its own and wants what comes before this one.
    """

    formula = "yᵢ = e^xᵢ / Σ e^xⱼ"
    kernel = "softmax"


@layer("log_softmax", category="activation", label="Log-softmax")
class LogSoftmax(RowLayer, frozen=True, kw_only=True):
    """The logarithms of softmax's probabilities, without the rounding of taking both in turn."""

    formula = "yᵢ = xᵢ - log Σ e^xⱼ"
    kernel = "log_softmax"
