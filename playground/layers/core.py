"""Dense, flatten, dropout: the layers that any network is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import kernels
from playground.emitter import Emitter
from playground.initializers import Initializer, bias_rule
from playground.layers.activated import Activated, Fused
from playground.layers.base import (
    MAX_SIZE,
    Layer,
    Parameter,
    Shape,
    ShapeError,
    Signal,
    about,
    layer,
    show_shape,
    size_of,
)
from playground.layers.while_training import WhileTraining
from playground.numbers import plural
from playground.tensor import Tensor


@layer("dense", category="core", label="Dense")
class Dense(Activated, frozen=True, kw_only=True):
    """Fully connected: every output is a weighted sum of all inputs plus a bias.

    On a sequence (time, features), every time step goes through the same weights.
    """

    other_names = ("linear", "fully connected", "time distributed")
    formula = "y = φ(x wᵀ + b)"
    samples = (((5,),), ((4, 3),), ((3,),))
    units_last = True

    units: Annotated[int, about("Number of outputs.", ge=1, le=MAX_SIZE)] = 8
    activation: Fused = "identity"
    bias: Annotated[bool, about("Add a learned offset b to each output.")] = True
    initializer: Annotated[Initializer, about("How the weights start.")] = "glorot_uniform"

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        if x[0].classes and x[0].shape:
            raise ShapeError(
                f"Dense got symbols ({x[0]}): numbers that are names, not amounts. Add an "
                "Embedding or a 1-of-N before it.")
        return (Signal(self.output_shape(x[0].shape)),)

    def output_shape(self, *x: Shape) -> Shape:
        if len(x[0]) not in (1, 2):
            raise ShapeError(
                f"Dense needs a flat input or a sequence (time, features), got "
                f"{show_shape(x[0])}. Add a Flatten before it.")
        return (*x[0][:-1], self.units)

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        inputs, units = x[0][-1], self.units
        w = Parameter("w", (units, inputs), self.initializer, inputs, units)
        if not self.bias:
            return (w,)
        return (w, Parameter("b", (units,), bias_rule(self.initializer), inputs, units))

    def _sizes(self, e: Emitter) -> dict[str, int]:
        inputs = e.x[0].shape[-1]
        return {"batch": e.x[0].size // inputs, "inputs": inputs, "units": self.units}

    def forward_linear(self, e: Emitter, z: Tensor) -> None:
        x, sizes = e.x[0], self._sizes(e)
        if self.bias:
            e.emit(kernels.dense.dense_forward, **sizes, x=x, w=e.w["w"], b=e.w["b"], y=z)
        else:
            e.emit(kernels.dense.dense_forward_no_bias, **sizes, x=x, w=e.w["w"], y=z)

    def backward_linear(self, e: Emitter, dz: Tensor) -> None:
        x, dx, sizes = e.x[0], e.dx[0], self._sizes(e)
        e.emit(kernels.dense.dense_weight_gradient, **sizes, x=x, dy=dz, dw=e.dw["w"])
        if self.bias:
            e.emit(kernels.dense.dense_bias_gradient, batch=sizes["batch"], units=self.units,
                   dy=dz, db=e.dw["b"])
        if dx is not None:
            e.emit(kernels.dense.dense_input_gradient, **sizes, dy=dz, w=e.w["w"], dx=dx)

    def subtitle(self) -> str:
        units = plural(self.units, "unit")
        if self.activation == "identity":
            return units
        return f"{units}, {self.activation.replace('_', ' ')}"


@layer("flatten", category="core", label="Flatten")
class Flatten(Layer, frozen=True, kw_only=True):
    """Lays a sample out as one row of numbers; the values stay the same."""

    formula = "y = x as one row"
    is_view = True
    without_padding = "Put a Last step or a Mean over time in its place: they have one."
    samples = (((2, 3, 4),), ((5,),))

    def output_shape(self, *x: Shape) -> Shape:
        return (size_of(x[0]),)

    def mixes_time(self, axis: int) -> bool:
        return True


@layer("dropout", category="core", label="Dropout")
class Dropout(WhileTraining, frozen=True, kw_only=True):
    """Leaves out random values while training, so that units do not rely on each other."""

    formula = "y = x · mask / (1 - rate)"
    samples = (((7,),), ((2, 3, 4),))

    rate: Annotated[float, about(
        "The share of values left out. Nothing is left out when the network is only used.",
        ge=0, lt=1)] = 0.5

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"mask": (batch, *x[0])}

    def disturb(self, e: Emitter) -> None:
        e.emit(kernels.random.dropout_forward, n=e.x[0].size, rate=float(self.rate),
               key=e.random_key, counters=e.counters, x=e.x[0], mask=e.work["mask"], y=e.y[0])

    def disturbed_gradient(self, e: Emitter, dx: Tensor) -> None:
        e.emit(kernels.random.dropout_backward, n=dx.size, mask=e.work["mask"], dy=e.dy[0], dx=dx)

    def subtitle(self) -> str:
        return f"rate {self.rate:g}"


@layer("identity", category="core", label="Identity")
class Identity(Layer, frozen=True, kw_only=True):
    """Passes its input on unchanged: a name for a place in the network."""

    formula = "y = x"
    is_view = True
    samples = (((5,),), ((2, 3, 4),))

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        return (x[0],)
