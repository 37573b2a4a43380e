"""Sources: numbers that come from no data set. They have no inputs, and nothing to learn."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

import kernels
from playground.emitter import Emitter
from playground.layers.base import (
    Examples,
    Layer,
    Shape,
    ShapeError,
    about,
    layer,
    show_shape,
    size_of,
)
from playground.layers.views import Sizes, contiguous, view
from playground.numbers import first_few

MOST_VALUES = 10_000
LARGEST = 1e30


class Source(Layer, frozen=True, kw_only=True):
    """The same shape for each sample of the batch; the batch itself comes from the data set."""

    inputs = ()
    samples = ((), ())

    shape: Annotated[Sizes, about(
        "The sizes of what comes out for each sample, such as 16 or 3 × 8 × 8.")] = (1,)

    def output_shape(self, *x: Shape) -> Shape:
        return self.shape


@layer("constant", category="source", label="Constant")
class Constant(Source, frozen=True, kw_only=True):
    """Gives the same values for every sample in every step."""

    formula = "y = c"
    examples: ClassVar[Examples] = {
        "shape": ([1], [3, 2], [4], [2, 1, 3, 2, 2]), "values": ([2.5], [-1])}

    values: Annotated[
        tuple[Annotated[float, Meta(ge=-LARGEST, le=LARGEST)], ...],
        Meta(min_length=1, max_length=MOST_VALUES),
        about("One number that fills the shape; or as many as the shape holds, row by row."),
    ] = (0.0,)

    def output_shape(self, *x: Shape) -> Shape:
        size = size_of(self.shape)
        if len(self.values) not in (1, size):
            raise ShapeError(
                f"The shape {show_shape(self.shape)} holds {size} values, and there are "
                f"{len(self.values)}. Write one value to fill it, or {size}.")
        return self.shape

    def forward(self, e: Emitter) -> None:
        y = e.y[0]
        if len(self.values) == 1:
            e.emit(kernels.elementwise.fill, n=y.size, value=float(self.values[0]), y=y)
            return
        values = np.array(self.values, np.float32)
        e.emit(kernels.views.copy_view, x=values, y=y, **view(
            y.shape, (0, *contiguous(self.shape)), contiguous(y.shape), values.size, y.size))

    def subtitle(self) -> str:
        return first_few(self.values)


@layer("random_normal", category="source", label="Random normal", stem="noise")
class RandomNormal(Source, frozen=True, kw_only=True):
    """Draws normal random numbers anew for each sample in each step: codes for generators.

    The draws follow from the dropout seed, the step and the place alone, so that a step played
    again sees the same ones. A network that is only used sees those of the first step.
    """

    other_names = ("noise", "reparameterisation")
    formula = "y ~ N(mean, deviation²)"
    examples: ClassVar[Examples] = {"shape": ([1], [3, 2], [5, 1, 3], [2, 1, 3, 2, 2])}

    mean: Annotated[float, about("Where the numbers are centred.", ge=-1e6, le=1e6)] = 0.0
    deviation: Annotated[float, about(
        "How far they stray: the standard deviation.", ge=0, le=1e6)] = 1.0

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.random.normal, n=e.y[0].size, mean=float(self.mean),
               deviation=float(self.deviation), key=e.random_key, counters=e.counters, y=e.y[0])

    def subtitle(self) -> str:
        return f"mean {self.mean:g}, deviation {self.deviation:g}"
