"""A point that learns, and surfaces for it to go down: gradient descent as one draws it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import Meta

import kernels
from playground.emitter import Emitter
from playground.layers.base import (
    Examples,
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
from playground.layers.loss_layer import LossLayer
from playground.numbers import first_few

LARGEST = 1e6
MOST_VALUES = 10_000

SurfaceName = Literal["bowl", "rosenbrock", "saddle", "himmelblau", "beale", "wells"]
NUMBERS: Mapping[SurfaceName, int] = {
    "bowl": 0, "rosenbrock": 1, "saddle": 2, "himmelblau": 3, "beale": 4, "wells": 5}
"""By the numbers of `kernels.surface`."""
MINIMA: Mapping[SurfaceName, tuple[tuple[float, float], ...]] = {
    "bowl": ((0.0, 0.0),), "rosenbrock": ((1.0, 1.0),), "saddle": ((0.0, 1.0), (0.0, -1.0)),
    "himmelblau": ((3.0, 2.0), (-2.805118, 3.131312), (-3.779310, -3.283186),
                   (3.584428, -1.848127)),
    "beale": ((3.0, 0.5),), "wells": ((1.25, 0.0),)}
"""Where each is lowest; what is a minimum of its surroundings alone is not among them."""


@layer("shift", category="core", label="Learned shift")
class Shift(Layer, frozen=True, kw_only=True):
    """Adds to every sample the same numbers, which are learned: a bias by itself, or a place."""

    formula = "y = x + w"
    samples = (((2,),), ((3, 4),), ((2, 3, 5),))
    examples: ClassVar[Examples] = {"start": ([0.0], [-1.5])}

    start: Annotated[
        tuple[Annotated[float, Meta(ge=-LARGEST, le=LARGEST)], ...],
        Meta(min_length=1, max_length=MOST_VALUES),
        about("Where the numbers start: one for all, or as many as a sample has."),
    ] = (0.0,)

    def output_shape(self, *x: Shape) -> Shape:
        size = size_of(x[0])
        if len(self.start) not in (1, size):
            raise ShapeError(f"A sample of {show_shape(x[0])} has {size} numbers, and {self.label} "
                             f"starts at {len(self.start)}. Write one for all, or {size}.")
        return x[0]

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        return (Parameter("w", x[0], self._given),)

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.elementwise.add_to_each, rows=e.batch, n=e.w["w"].size, x=e.x[0],
               p=e.w["w"], y=e.y[0])

    def backward(self, e: Emitter) -> None:
        if "w" in e.dw:
            e.emit(kernels.dense.dense_bias_gradient, batch=e.batch, units=e.dw["w"].size,
                   dy=e.dy[0], db=e.dw["w"])
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.elementwise.copy, n=dx.size, x=e.dy[0], y=dx)

    def subtitle(self) -> str:
        return f"from {first_few(self.start)}"

    def _given(self, shape: Shape, random: np.random.Generator) -> np.ndarray:
        """The values as they are written: nothing is drawn."""
        return np.broadcast_to(np.array(self.start).reshape(
            shape if len(self.start) > 1 else (1,)), shape)


@layer("surface", category="loss", label="Surface", stem="surface")
class Surface(LossLayer, frozen=True, kw_only=True):
    """The height of a surface over a point of the plane: a loss of two numbers that one can draw.

    bowl: ½ (x² + c y²). rosenbrock: (1 - x)² + 100 (y - x²)², a bent valley (Rosenbrock 1960).
    saddle: ½ x² + ¼ (y² - 1)², flat at 0, 0 between two minima. himmelblau: (x² + y - 11)² +
    (x + y² - 7)², four minima (Himmelblau 1972). beale: Σ (cᵢ - x + x yⁱ)² (Beale 1958).
    wells: ¼ x⁴ - x³ / 12 - ⅝ x² + 1625/3072 + ½ y²,
    a shallow minimum at -1, 0 before the lowest at 1¼, 0.
    """

    formula = "L = f(x, y)"
    inputs = ("point",)

    surface: Annotated[SurfaceName, about("The function; each is 0 where it is lowest.")] = "bowl"
    condition: Annotated[float, about(
        "How many times as steep the bowl is along y as along x, c.", ge=1, le=10_000)] = 25.0

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        if x[0].shape != (2,):
            raise ShapeError(f"{self.label} lies over the plane and takes points of 2 numbers, got "
                             f"{show_shape(x[0].shape)}. Set the layer before it to 2 outputs.")
        return ()

    def metric_name(self, *x: Signal) -> str:
        return "distance to a minimum"

    def idle_settings(self) -> frozenset[str]:
        return frozenset() if self.surface == "bowl" else frozenset({"condition"})

    def forward(self, e: Emitter) -> None:
        minima = np.array(MINIMA[self.surface], np.float32)
        e.emit(kernels.surface.surface, **self._sizes(e), count=len(minima), minima=minima,
               point=e.x[0], loss=e.work["loss"], metric=e.work["metric"])

    def backward(self, e: Emitter) -> None:
        if (dpoint := e.dx[0]) is not None:
            e.emit(kernels.surface.surface_backward, **self._sizes(e), point=e.x[0],
                   dpoint=dpoint)

    def subtitle(self) -> str:
        return self.surface

    def _sizes(self, e: Emitter) -> dict[str, Any]:
        return {"batch": e.batch, "total": e.total, "which": NUMBERS[self.surface],
                "condition": float(self.condition)}
