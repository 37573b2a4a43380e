"""Sequences: symbols made into vectors, and what does not need a memory of its own.

A sequence is (time, features); a sequence of symbols is (time,), each a whole number that the
signal says how many there are of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np

import kernels
from playground.emitter import Emitter
from playground.initializers import Initializer
from playground.layers.base import (
    MAX_SIZE,
    Layer,
    Parameter,
    Shape,
    ShapeError,
    Signal,
    about,
    layer,
    shapes_of,
    show_shape,
    size_of,
)
from playground.layers.lengths import (
    LENGTHS,
    LengthsLayer,
    check_lengths,
    lengths_of,
    optional_inputs,
)
from playground.tensor import Tensor


def sequence_shape(label: str, x: Shape) -> tuple[int, int]:
    """(time, features), or a ShapeError."""
    if len(x) != 2:
        raise ShapeError(
            f"{label} needs a sequence (time, features), got {show_shape(x)}. Connect a layer that "
            "gives a sequence, or add a Reshape before it.")
    return x[0], x[1]


class SymbolLayer(Layer, frozen=True, kw_only=True):
    """Makes a vector of every symbol."""

    samples = (((5,),), ((3,),), ((),))
    sample_classes = (2,)

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        (symbols,) = x
        if not symbols.classes:
            raise ShapeError(
                f"{self.label} needs symbols (class numbers), got values of shape "
                f"{show_shape(symbols.shape)}. Connect a data set of symbols, or use Dense.")
        return (Signal((*symbols.shape, self.width(symbols.classes))),)

    def width(self, classes: int) -> int:
        """The length of a symbol's vector, where there are so many symbols. Raises ShapeError."""
        raise AssertionError(f"{self.kind} gives nothing")

    def table_rows(self, classes: int) -> int:
        """How many symbols it has a vector for, where there are so many."""
        return classes

    def table(self, w: Mapping[str, Tensor], classes: int) -> Tensor | np.ndarray:
        """All its vectors, (table_rows, width)."""
        raise AssertionError(f"{self.kind} has no table")

    def no_gradient(self, e: Emitter) -> None:
        """A symbol cannot change by a little: its gradient is 0, should anybody ask."""
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.elementwise.fill_zero, n=dx.size, y=dx)


@layer("embedding", category="sequence", label="Embedding")
class Embedding(SymbolLayer, frozen=True, kw_only=True):
    """Learns a vector for every symbol: symbols that are used alike end up close together."""

    formula = "y = w[x]"

    vocabulary: Annotated[int, about(
        "How many symbols there are at most.", ge=2, le=MAX_SIZE)] = 32
    dimension: Annotated[int, about("The length of each vector.", ge=1, le=MAX_SIZE)] = 8
    initializer: Annotated[Initializer, about("How the vectors start.")] = "pytorch"

    def width(self, classes: int) -> int:
        if classes > self.vocabulary:
            raise ShapeError(
                f"The data has {classes} symbols, and this Embedding knows {self.vocabulary}. "
                f"Set its vocabulary to {classes}.")
        return self.dimension

    def uses(self, x: Shape, y: Shape) -> int:
        return 0  # it looks up, and multiplies nothing

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        return (Parameter("w", (self.vocabulary, self.dimension), self.initializer,
                          1, self.dimension, role="embedding"),)

    def table_rows(self, classes: int) -> int:
        return self.vocabulary

    def table(self, w: Mapping[str, Tensor], classes: int) -> Tensor | np.ndarray:
        return w["w"]

    def _sizes(self, e: Emitter) -> dict[str, int]:
        return {"symbols": e.x[0].size, "vocabulary": self.vocabulary,
                "dimension": self.dimension}

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.symbols.embedding_forward, **self._sizes(e), x=e.x[0], w=e.w["w"], y=e.y[0])

    def backward(self, e: Emitter) -> None:
        e.emit(kernels.symbols.embedding_gradient, **self._sizes(e), x=e.x[0], dy=e.dy[0],
               dw=e.dw["w"])
        self.no_gradient(e)

    def subtitle(self) -> str:
        return f"{self.vocabulary} → {self.dimension}"


@layer("one_hot", category="sequence", label="1-of-N")
class OneHot(SymbolLayer, frozen=True, kw_only=True):
    """Makes of every symbol a row of zeros with a 1 at its place."""

    other_names = ("one-hot",)
    formula = "y[x] = 1, else 0"

    def width(self, classes: int) -> int:
        return classes

    def table(self, w: Mapping[str, Tensor], classes: int) -> Tensor | np.ndarray:
        return np.eye(classes, dtype=np.float32)

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.symbols.one_hot, symbols=e.x[0].size, vocabulary=e.y[0].shape[-1],
               x=e.x[0], y=e.y[0])

    def backward(self, e: Emitter) -> None:
        self.no_gradient(e)


class TimeLayer(LengthsLayer, frozen=True, kw_only=True):
    """Goes along the time axis of a sequence."""

    inputs = ("x", LENGTHS)
    optional = frozenset({LENGTHS})
    whole_time = True
    samples = (((4, 3),), ((1, 5),), ((5, 2), ()))

    @staticmethod
    def sizes(e: Emitter) -> dict[str, Any]:
        _, times, *features = e.x[0].shape
        return {"batch": e.batch, "times": times, "features": size_of(tuple(features)),
                "lengths": lengths_of(e, 1)}


class OneOfSteps(TimeLayer, frozen=True, kw_only=True):
    """Makes one time step of all."""

    kernel: ClassVar[str]
    """Of `kernels.time_axis`; that of the gradient is called ..._backward."""

    def output_shape(self, *x: Shape) -> Shape:
        check_lengths(optional_inputs(x, 2)[1])
        return (sequence_shape(self.label, x[0])[1],)

    def forward(self, e: Emitter) -> None:
        e.emit(getattr(kernels.time_axis, self.kernel), **self.sizes(e), x=e.x[0], y=e.y[0])

    def input_gradient(self, e: Emitter, dx: Tensor) -> None:
        e.emit(getattr(kernels.time_axis, f"{self.kernel}_backward"), **self.sizes(e),
               dy=e.dy[0], dx=dx)


@layer("last_step", category="sequence", label="Last step", stem="last")
class LastStep(OneOfSteps, frozen=True, kw_only=True):
    """Keeps only the last time step of a sequence."""

    formula = "y = x at the last time"
    kernel = "last_step"
    input_help: ClassVar[Mapping[str, str]] = {
        LENGTHS: "How many time steps are a sample's own: the last one of those is kept, or "
                 "zeros where there is none."}


@layer("reverse", category="sequence", label="Reverse")
class Reverse(TimeLayer, frozen=True, kw_only=True):
    """Turns a sequence round: the last time step comes first. Symbols stay symbols."""

    formula = "y at t = x at T - 1 - t"
    input_help: ClassVar[Mapping[str, str]] = {
        LENGTHS: "How many time steps are a sample's own: those are turned round, and the "
                 "padding after them stays where it is."}

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        check_lengths(optional_inputs(shapes_of(x), 2)[1])
        if not (len(x[0].shape) == 1 and x[0].classes):
            sequence_shape(self.label, x[0].shape)
        return (x[0],)

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.time_axis.reverse_time, **self.sizes(e), x=e.x[0], y=e.y[0])

    def input_gradient(self, e: Emitter, dx: Tensor) -> None:
        e.emit(kernels.time_axis.reverse_time, **self.sizes(e), x=e.dy[0], y=dx)


@layer("mean_over_time", category="sequence", label="Mean over time", stem="mean")
class MeanOverTime(OneOfSteps, frozen=True, kw_only=True):
    """Takes the mean of every feature over all time steps."""

    formula = "y = Σ x / T"
    kernel = "mean_over_time"
    input_help: ClassVar[Mapping[str, str]] = {
        LENGTHS: "How many time steps are a sample's own: the mean is over those, and 0 where "
                 "there is none."}
