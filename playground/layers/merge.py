"""Layers that join several inputs: side by side, by sum or by product."""

from __future__ import annotations

import kernels
from playground.emitter import Emitter
from playground.layers.base import Layer, Shape, ShapeError, layer, show_shape, size_of


class MergeLayer(Layer, frozen=True, kw_only=True):
    """Takes two or more inputs of one shape, and gives that shape."""

    inputs = ("a", "b")
    variadic = True
    samples = (((5,), (5,)), ((2, 3, 4), (2, 3, 4), (2, 3, 4)))

    def output_shape(self, *x: Shape) -> Shape:
        for port, shape in enumerate(x[1:], 2):
            if shape != x[0]:
                raise ShapeError(
                    f"{self.label} needs inputs of one shape, got {show_shape(x[0])} and "
                    f"{show_shape(shape)} (input {port}). Make them equal, or use Concat.")
        return x[0]


@layer("concat", category="merge", label="Concat")
class Concat(Layer, frozen=True, kw_only=True):
    """Puts its inputs side by side: features after features, channels after channels."""

    formula = "y = [a, b, ...]"
    inputs = ("a", "b")
    variadic = True
    samples = (((5,), (2,)), ((2, 3, 4), (1, 3, 4), (3, 3, 4)))

    def output_shape(self, *x: Shape) -> Shape:
        for port, shape in enumerate(x[1:], 2):
            if len(shape) != len(x[0]) or shape[1:] != x[0][1:]:
                raise ShapeError(
                    f"Concat joins channels, so all else must be equal: got {show_shape(x[0])} "
                    f"and {show_shape(shape)} (input {port}). Give both branches the same "
                    "height and width, or add a Flatten to each.")
        return (sum(shape[0] for shape in x), *x[0][1:])

    def forward(self, e: Emitter) -> None:
        y, start = e.y[0], 0
        total = size_of(y.shape[1:])
        for x in e.x:
            width = size_of(x.shape[1:])
            e.emit(kernels.elementwise.copy_blocks, rows=e.batch, width=width, from_stride=width,
                   from_offset=0, to_stride=total, to_offset=start, x=x, y=y)
            start += width

    def backward(self, e: Emitter) -> None:
        dy, start = e.dy[0], 0
        total = size_of(dy.shape[1:])
        for x, dx in zip(e.x, e.dx, strict=True):
            width = size_of(x.shape[1:])
            if dx is not None:
                e.emit(kernels.elementwise.copy_blocks, rows=e.batch, width=width,
                       from_stride=total,
                       from_offset=start, to_stride=width, to_offset=0, x=dy, y=dx)
            start += width


@layer("add", category="merge", label="Add")
class Add(MergeLayer, frozen=True, kw_only=True):
    """Adds its inputs value by value: what a skip connection ends in."""

    formula = "y = a + b + ..."

    def forward(self, e: Emitter) -> None:
        y = e.y[0]
        e.emit(kernels.elementwise.add, n=y.size, a=e.x[0], b=e.x[1], y=y)
        for x in e.x[2:]:
            e.emit(kernels.elementwise.add_into, n=y.size, x=x, y=y)

    def backward(self, e: Emitter) -> None:
        for dx in e.dx:
            if dx is not None:
                e.emit(kernels.elementwise.copy, n=dx.size, x=e.dy[0], y=dx)


@layer("multiply", category="merge", label="Multiply")
class Multiply(MergeLayer, frozen=True, kw_only=True):
    """Multiplies its inputs value by value: what a gate does."""

    formula = "y = a · b · ..."

    def forward(self, e: Emitter) -> None:
        y = e.y[0]
        e.emit(kernels.elementwise.multiply, n=y.size, a=e.x[0], b=e.x[1], y=y)
        for x in e.x[2:]:
            e.emit(kernels.elementwise.multiply_into, n=y.size, x=x, y=y)

    def backward(self, e: Emitter) -> None:
        for port, dx in enumerate(e.dx):
            if dx is None:
                continue
            # The product of the others; dividing y by the input would fail where it is zero.
            first, *others = e.x[:port] + e.x[port + 1:]
            e.emit(kernels.elementwise.multiply, n=dx.size, a=e.dy[0], b=first, y=dx)
            for x in others:
                e.emit(kernels.elementwise.multiply_into, n=dx.size, x=x, y=dx)
