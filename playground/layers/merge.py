"""Layers that join several inputs: side by side, by sum, by product, by the largest value.

Shapes that differ are matched by NumPy's rule; where an input is repeated, its gradient is the
sum over the repetitions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import kernels
from playground.emitter import Emitter
from playground.layers.base import Layer, Shape, ShapeError, layer, show_shape, size_of
from playground.layers.views import Axis, axis_of, broadcast, contiguous, spread, view
from playground.tensor import Tensor

if TYPE_CHECKING:
    from kernels.jit import Kernel


@layer("concat", category="merge", label="Concat")
class Concat(Layer, frozen=True, kw_only=True):
    """Puts its inputs side by side: features after features, channels after channels."""

    other_names = ("concatenate",)
    formula = "y = [a, b, ...]"
    inputs = ("a", "b")
    variadic = True
    samples = (((5,), (2,)), ((2, 3, 4), (1, 3, 4), (3, 3, 4)), ((2, 3, 1), (2, 3, 1)),
               ((2, 1, 3, 2, 3), (2, 1, 3, 2, 3)))

    axis: Axis = 1

    def output_shape(self, *x: Shape) -> Shape:
        axis = axis_of(self.label, self.axis, x[0])
        for port, shape in enumerate(x[1:], 2):
            if _without(shape, axis) != _without(x[0], axis) or len(shape) != len(x[0]):
                joined = "channels" if axis == 0 else f"along axis {self.axis}"
                raise ShapeError(
                    f"Concat joins {joined}, so all else must be equal: got {show_shape(x[0])} "
                    f"and {show_shape(shape)} (input {port}). Give both branches the same "
                    "height and width, or add a Flatten to each.")
        return (*x[0][:axis], sum(shape[axis] for shape in x), *x[0][axis + 1:])

    def forward(self, e: Emitter) -> None:
        start, total = 0, size_of(e.y[0].shape[self.axis:])
        for x in e.x:
            width = size_of(x.shape[self.axis:])
            e.emit(kernels.elementwise.copy_blocks, rows=x.size // width, width=width,
                   from_stride=width, from_offset=0, to_stride=total, to_offset=start, x=x,
                   y=e.y[0])
            start += width

    def backward(self, e: Emitter) -> None:
        start, total = 0, size_of(e.dy[0].shape[self.axis:])
        for x, dx in zip(e.x, e.dx, strict=True):
            width = size_of(x.shape[self.axis:])
            if dx is not None:
                e.emit(kernels.elementwise.copy_blocks, rows=x.size // width, width=width,
                       from_stride=total, from_offset=start, to_stride=width, to_offset=0,
                       x=e.dy[0], y=dx)
            start += width

    def subtitle(self) -> str:
        return "" if self.axis == 1 else f"axis {self.axis}"


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1:])


class MergeLayer(Layer, frozen=True, kw_only=True):
    """Joins two or more inputs value by value."""

    inputs = ("a", "b")
    variadic = True
    samples: ClassVar[tuple[tuple[Shape, ...], ...]] = (
        ((5,), (5,)), ((2, 3, 4), (2, 3, 4), (2, 3, 4)), ((4,), (3, 1), (2, 3, 4)),
        ((2, 1, 3), (1, 4, 1)))

    def output_shape(self, *x: Shape) -> Shape:
        return broadcast(self.label, *x)

    def forward(self, e: Emitter) -> None:
        _emit(e, kernels.views.copy_view, e.x[0], e.y[0])
        for port, x in enumerate(e.x[1:], 1):
            self.join(e, port, x)

    def backward(self, e: Emitter) -> None:
        for port, dx in enumerate(e.dx):
            if dx is not None:
                e.emit(kernels.elementwise.fill_zero, n=dx.size, y=dx)
                self.part(e, port, dx)

    @abstractmethod
    def join(self, e: Emitter, port: int, x: Tensor) -> None:
        """Emit y = y with the next input joined."""

    @abstractmethod
    def part(self, e: Emitter, port: int, dx: Tensor) -> None:
        """Emit dx = dx + the gradient of an input."""


def _emit(e: Emitter, kernel: Kernel, x: Tensor, y: Tensor, **operands: Any) -> None:
    """Emit a kernel of views: the smaller of x and y is repeated over the larger."""
    whole = max(x.shape, y.shape, key=lambda shape: (size_of(shape), len(shape)))
    e.emit(kernel, **_view(whole, x, y), **operands, x=x, y=y)


def _view(whole: Shape, x: Tensor, y: Tensor) -> dict[str, int]:
    x_steps, y_steps = (
        contiguous(whole) if t.shape == whole else spread(t.shape[1:], whole[1:]) for t in (x, y))
    return view(whole, x_steps, y_steps, x.size, y.size)


class Sum(MergeLayer, frozen=True, kw_only=True):
    """A sum of the inputs, each with a factor."""

    @abstractmethod
    def factor(self, port: int, count: int) -> float:
        """By what input `port` of `count` is multiplied."""

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.elementwise.fill_zero, n=e.y[0].size, y=e.y[0])
        for port, x in enumerate(e.x):
            self.join(e, port, x)

    def join(self, e: Emitter, port: int, x: Tensor) -> None:
        _emit(e, kernels.views.add_view, x, e.y[0], scale=self.factor(port, len(e.x)))

    def part(self, e: Emitter, port: int, dx: Tensor) -> None:
        _emit(e, kernels.views.add_view, e.dy[0], dx, scale=self.factor(port, len(e.x)))


@layer("add", category="merge", label="Add")
class Add(Sum, frozen=True, kw_only=True):
    """Adds its inputs value by value: what a skip connection ends in."""

    other_names = ("residual", "skip connection", "shortcut")
    formula = "y = a + b + ..."

    def factor(self, port: int, count: int) -> float:
        return 1.0

    def forward(self, e: Emitter) -> None:
        if any(x.shape != e.y[0].shape for x in e.x):
            super().forward(e)
            return
        y = e.y[0]
        e.emit(kernels.elementwise.add, n=y.size, a=e.x[0], b=e.x[1], y=y)
        for x in e.x[2:]:
            e.emit(kernels.elementwise.add_into, n=y.size, x=x, y=y)

    def backward(self, e: Emitter) -> None:
        if any(x.shape != e.y[0].shape for x in e.x):
            super().backward(e)
            return
        for dx in e.dx:
            if dx is not None:
                e.emit(kernels.elementwise.copy, n=dx.size, x=e.dy[0], y=dx)


@layer("subtract", category="merge", label="Subtract")
class Subtract(Sum, frozen=True, kw_only=True):
    """Takes its second input from its first: a residual, a difference of two codes."""

    formula = "y = a - b"
    variadic = False
    samples = (((5,), (5,)), ((4,), (2, 3, 4)), ((2, 1, 3), (1, 4, 1)), ((2, 3, 4), (3, 1)))

    def factor(self, port: int, count: int) -> float:
        return -1.0 if port else 1.0


@layer("average", category="merge", label="Average")
class Average(Sum, frozen=True, kw_only=True):
    """The mean of its inputs, value by value."""

    formula = "y = (a + b + ...) / n"

    def factor(self, port: int, count: int) -> float:
        return 1 / count


@layer("multiply", category="merge", label="Multiply")
class Multiply(MergeLayer, frozen=True, kw_only=True):
    """Multiplies its inputs value by value: what a gate does."""

    formula = "y = a · b · ..."

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        whole = self.output_shape(*x)
        # The product of the others with dy, before it is summed where an input is repeated.
        return {} if all(shape == whole for shape in x) else {"product": (batch, *whole)}

    def join(self, e: Emitter, port: int, x: Tensor) -> None:
        _emit(e, kernels.views.multiply_view, x, e.y[0])

    def part(self, e: Emitter, port: int, dx: Tensor) -> None:
        product = e.work["product"]
        e.emit(kernels.elementwise.copy, n=product.size, x=e.dy[0], y=product)
        for x in e.x[:port] + e.x[port + 1:]:
            _emit(e, kernels.views.multiply_view, x, product)
        _emit(e, kernels.views.add_view, product, dx, scale=1.0)

    def backward(self, e: Emitter) -> None:
        if e.work:
            super().backward(e)
            return
        for port, dx in enumerate(e.dx):
            if dx is None:
                continue
            # The product of the others; dividing y by the input would fail where it is zero.
            first, *others = e.x[:port] + e.x[port + 1:]
            e.emit(kernels.elementwise.multiply, n=dx.size, a=e.dy[0], b=first, y=dx)
            for x in others:
                e.emit(kernels.elementwise.multiply_into, n=dx.size, x=x, y=dx)


@layer("maximum", category="merge", label="Maximum")
class Maximum(MergeLayer, frozen=True, kw_only=True):
    """The largest of its inputs, value by value; only the largest gets the gradient.

    Where inputs are equal, that is the first of them.
    """

    formula = "y = max(a, b, ...)"
    integers = frozenset({"winner"})

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"winner": (batch, *self.output_shape(*x))}

    def forward(self, e: Emitter) -> None:
        winner = e.work["winner"]
        e.emit(kernels.elementwise.fill_zero, n=winner.size, y=winner)
        super().forward(e)

    def join(self, e: Emitter, port: int, x: Tensor) -> None:
        e.emit(kernels.views.maximum_view, **_view(e.y[0].shape, x, e.y[0]), number=port, x=x,
               y=e.y[0], winner=e.work["winner"])

    def part(self, e: Emitter, port: int, dx: Tensor) -> None:
        e.emit(kernels.views.maximum_view_backward, **_view(e.y[0].shape, e.dy[0], dx),
               number=port, winner=e.work["winner"], dy=e.dy[0], dx=dx)
