"""Layers that move values to other places and compute nothing."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

import kernels
from playground.emitter import Emitter
from playground.layers.base import (
    MAX_SIZE,
    Examples,
    Layer,
    Pair,
    Shape,
    ShapeError,
    Signal,
    about,
    layer,
    show_shape,
    size_of,
)
from playground.layers.views import MOST_AXES, Axis, Steps, axis_of, contiguous, view
from playground.layers.window import PaddingPair, check_padding_mode
from playground.tensor import Tensor

MOST_PARTS = 64


@layer("reshape", category="shape", label="Reshape")
class Reshape(Layer, frozen=True, kw_only=True):
    """Gives the same values another shape, read row by row; one size may be -1, for the rest."""

    formula = "y = x in another shape"
    is_view = True
    samples = (((2, 3, 4),), ((6,),))
    examples: ClassVar[Examples] = {"shape": ([-1], [2, -1], [1, -1, 3])}

    shape: Annotated[
        tuple[Annotated[int, Meta(ge=-1, le=MAX_SIZE)], ...],
        Meta(min_length=1, max_length=MOST_AXES),
        about("The sizes of a sample after it, such as 16 × 7 × 7; -1 stands for what is left."),
    ] = (-1,)

    def output_shape(self, *x: Shape) -> Shape:
        known = size_of(tuple(size for size in self.shape if size != -1))
        size, wanted = size_of(x[0]), show_shape(self.shape)
        if self.shape.count(-1) > 1:
            raise ShapeError(f"{wanted} has more than one -1, and only one size can be what is "
                             "left. Write the others as numbers.")
        if not known or size % known or (-1 not in self.shape and size != known):
            left = f"a multiple of {known}" if -1 in self.shape else str(known)
            raise ShapeError(
                f"{show_shape(x[0])} holds {size} values, and a reshape to {wanted} needs "
                f"{left}. Choose sizes whose product is {size}, or let one be -1.")
        return tuple(size // known if one == -1 else one for one in self.shape)

    def subtitle(self) -> str:
        return f"to {show_shape(self.shape)}"


@layer("permute", category="shape", label="Permute")
class Permute(Layer, frozen=True, kw_only=True):
    """Puts the axes of a sample into another order: 2, 1 makes rows of columns."""

    formula = "y[j, k, i] = x[i, j, k]"
    samples = (((2, 3, 4),), ((1, 4, 2),))
    examples: ClassVar[Examples] = {"axes": ([1, 2, 3], [3, 1, 2], [2, 1, 3])}

    axes: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=MOST_AXES)], ...],
        Meta(min_length=1, max_length=MOST_AXES),
        about("The axes of the input in their new order; 1 is the first one after the batch, as "
              "in PyTorch and Keras."),
    ] = (2, 3, 1)

    def output_shape(self, *x: Shape) -> Shape:
        count = len(x[0])
        if sorted(self.axes) != list(range(1, count + 1)):
            order = ", ".join(str(axis) for axis in range(count, 0, -1))
            raise ShapeError(
                f"{', '.join(map(str, self.axes))} is no order of the {count} "
                f"{'axis' if count == 1 else 'axes'} of {show_shape(x[0])}. Write each from 1 to "
                f"{count} once, as in {order}.")
        return tuple(x[0][axis - 1] for axis in self.axes)

    def _steps(self, x: Tensor) -> Steps:
        """The steps through x, in the order of y's axes."""
        steps = contiguous(x.shape)
        return (steps[0], *(steps[axis] for axis in self.axes))

    def forward(self, e: Emitter) -> None:
        x, y = e.x[0], e.y[0]
        e.emit(kernels.views.copy_view, x=x, y=y, **view(
            y.shape, self._steps(x), contiguous(y.shape), x.size, y.size))

    def backward(self, e: Emitter) -> None:
        dy, dx = e.dy[0], e.dx[0]
        if dx is not None:
            e.emit(kernels.views.copy_view, x=dy, y=dx, **view(
                dy.shape, contiguous(dy.shape), self._steps(dx), dy.size, dx.size))

    def subtitle(self) -> str:
        return ", ".join(map(str, self.axes))


@layer("split", category="shape", label="Split")
class Split(Layer, frozen=True, kw_only=True):
    """Cuts its input into parts along an axis, each with an output of its own."""

    formula = "y1, y2, ... = parts of x"
    samples = (((6,),), ((4, 3, 2),), ((2, 6),), ((MOST_PARTS,),), ((2, 1, 3, 2, 4),))
    examples: ClassVar[Examples] = {"sizes": ([], [2, 4], [1, 2, 3], [3, 1])}

    parts: Annotated[int, about(
        "The number of equal parts; not used when sizes are given.", ge=2, le=MOST_PARTS)] = 2
    sizes: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=MAX_SIZE)], ...], Meta(max_length=MOST_PARTS),
        about("The sizes of the parts along the axis, such as 3, 5; empty for equal parts."),
    ] = ()
    axis: Axis = 1

    @property
    def outputs(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(f"y{part + 1}" for part in range(len(self.sizes) or self.parts))

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        shape = x[0].shape
        axis = axis_of(self.label, self.axis, shape)
        return tuple(Signal((*shape[:axis], size, *shape[axis + 1:]))
                     for size in self._sizes(shape[axis]))

    def _sizes(self, size: int) -> tuple[int, ...]:
        if self.sizes:
            if sum(self.sizes) != size:
                shown = " + ".join(map(str, self.sizes))
                raise ShapeError(f"The parts {shown} are {sum(self.sizes)} together, and axis "
                                 f"{self.axis} has {size}. Choose sizes that add up to {size}.")
            return self.sizes
        if size % self.parts:
            raise ShapeError(f"Axis {self.axis} has {size}, which {self.parts} equal parts do not "
                             "divide. Choose another number of parts, or write their sizes.")
        return (size // self.parts,) * self.parts

    def output_shape(self, *x: Shape) -> Shape:
        return self.infer(Signal(x[0]))[0].shape

    def forward(self, e: Emitter) -> None:
        x, start = e.x[0], 0
        total = size_of(x.shape[self.axis:])
        for y in e.y:
            width = size_of(y.shape[self.axis:])
            e.emit(kernels.elementwise.copy_blocks, rows=y.size // width, width=width,
                   from_stride=total, from_offset=start, to_stride=width, to_offset=0, x=x, y=y)
            start += width

    def backward(self, e: Emitter) -> None:
        dx, start = e.dx[0], 0
        if dx is None:
            return
        total = size_of(dx.shape[self.axis:])
        for dy in e.dy:
            width = size_of(dy.shape[self.axis:])
            e.emit(kernels.elementwise.copy_blocks, rows=dy.size // width, width=width,
                   from_stride=width, from_offset=0, to_stride=total, to_offset=start, x=dy, y=dx)
            start += width

    def subtitle(self) -> str:
        what = " + ".join(map(str, self.sizes)) if self.sizes else f"{self.parts} parts"
        return what if self.axis == 1 else f"{what}, axis {self.axis}"


@layer("slice", category="shape", label="Slice")
class Slice(Layer, frozen=True, kw_only=True):
    """Keeps a range of places along an axis, as x[start:stop:step] does in Python."""

    formula = "y = x[start:stop:step]"
    samples = (((5,),), ((4, 3, 2),), ((3, 6),), ((2, 1, 3, 2, 5),))
    examples: ClassVar[Examples] = {
        "axis": (1, 2, 5), "start": (1, -2), "stop": ("end", 2, -1)}

    axis: Axis = 1
    start: Annotated[int, about(
        "The first place to keep, from 0; a negative one counts from the end.",
        ge=-MAX_SIZE, le=MAX_SIZE)] = 0
    stop: Annotated[
        Literal["end"] | Annotated[int, Meta(ge=-MAX_SIZE, le=MAX_SIZE)],
        about("The first place after it that is not kept; a negative one counts from the end."),
    ] = "end"
    step: Annotated[int, about(
        "Every how many-th place is kept.", ge=1, le=MAX_SIZE)] = 1

    def _range(self, size: int) -> range:
        stop = None if self.stop == "end" else self.stop
        return range(*slice(self.start, stop, self.step).indices(size))

    def output_shape(self, *x: Shape) -> Shape:
        axis = axis_of(self.label, self.axis, x[0])
        kept = len(self._range(x[0][axis]))
        if not kept:
            raise ShapeError(
                f"Nothing is left: axis {self.axis} has {x[0][axis]} places, and none lies from "
                f"{self.start} to {self.stop}. Choose a smaller start or a larger stop.")
        return (*x[0][:axis], kept, *x[0][axis + 1:])

    def _view(self, whole: Tensor, part: Tensor, *, back: bool) -> dict[str, int]:
        """The operands that copy the kept places out of the whole, or back into it."""
        places, steps = self._range(whole.shape[self.axis]), contiguous(whole.shape)
        start = places.start * steps[self.axis]
        along = tuple(step * places.step if axis == self.axis else step
                      for axis, step in enumerate(steps))
        own = contiguous(part.shape)
        if back:
            return view(part.shape, own, along, part.size, whole.size, y_start=start)
        return view(part.shape, along, own, whole.size, part.size, x_start=start)

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.views.copy_view, x=e.x[0], y=e.y[0],
               **self._view(e.x[0], e.y[0], back=False))

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.elementwise.fill_zero, n=dx.size, y=dx)
            e.emit(kernels.views.copy_view, x=e.dy[0], y=dx, **self._view(dx, e.dy[0], back=True))

    def subtitle(self) -> str:
        stop = "" if self.stop == "end" else self.stop
        step = f":{self.step}" if self.step > 1 else ""
        where = "" if self.axis == 1 else f", axis {self.axis}"
        return f"[{self.start}:{stop}{step}]{where}"


class Margins(Layer, frozen=True, kw_only=True):
    """Works at the borders of the last two axes of images, and the last one of anything else."""

    rows: Annotated[PaddingPair, about(
        "How many rows above and below; 0 for what has no more than two axes, as sequences.",
        parts=("above", "below"))] = (1, 1)
    columns: Annotated[PaddingPair, about(
        "How many columns left and right, along the last axis. Of (channels, length) that is time; "
        "of (time, features) it is the features: put a Permute to 2, 1 before it and another after "
        "it for time steps.",
        parts=("left", "right"))] = (1, 1)

    def image(self, x: Shape) -> tuple[int, int, int]:
        """(planes, height, width) of a sample."""
        if len(x) < 3 and self.rows != (0, 0):
            raise ShapeError(f"{show_shape(x)} has no rows. Set rows to 0 and 0; columns are what "
                             "stands along the last axis.")
        height = x[-2] if len(x) > 2 else 1
        return size_of(x) // (height * x[-1]), height, x[-1]

    def resized(self, x: Shape, size: Pair) -> Shape:
        """The shape with another height and width."""
        return (*x[:-2], *size) if len(x) > 2 else (*x[:-1], size[1])


@layer("pad", category="shape", label="Pad")
class Pad(Margins, frozen=True, kw_only=True):
    """Puts a border around images, or values at both ends of the last axis of anything else."""

    formula = "y = x with a border"
    samples = (((2, 3, 4),), ((1, 4, 3),))
    examples: ClassVar[Examples] = {"value": (-2.5, 7.0)}

    mode: Annotated[Literal["constant", "reflect", "replicate", "circular"], about(
        "What the border holds: a constant value, the image mirrored, its edge, or its other "
        "side.")] = "constant"
    value: Annotated[float, about(
        "What a constant border holds.", ge=-1e30, le=1e30)] = 0.0

    def output_shape(self, *x: Shape) -> Shape:
        _, height, width = self.image(x[0])
        check_padding_mode(self.mode, (height, width), self._border,
                           "image" if len(x[0]) > 2 else "sequence")
        return self.resized(x[0], (height + sum(self.rows), width + sum(self.columns)))

    @property
    def _border(self) -> tuple[int, int, int, int]:
        return self.rows[0], self.columns[0], self.rows[1], self.columns[1]

    def _operands(self, e: Emitter) -> dict[str, int]:
        planes, height, width = self.image(e.x[0].shape[1:])
        mode = "zeros" if self.mode == "constant" else self.mode
        return {"planes": e.batch * planes, "height": height, "width": width,
                **dict(zip(("top", "left", "bottom", "right"), self._border, strict=True)),
                "mode": kernels.pad.PADDING_MODES.index(mode)}

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.pad.pad_forward, **self._operands(e), value=float(self.value), x=e.x[0],
               y=e.y[0])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.pad.pad_backward, **self._operands(e), dy=e.dy[0], dx=dx)

    def subtitle(self) -> str:
        kind = f"{self.value:g}" if self.mode == "constant" else self.mode
        return f"{_span(self.rows)} × {_span(self.columns)}, {kind}"


@layer("crop", category="shape", label="Crop")
class Crop(Margins, frozen=True, kw_only=True):
    """Cuts off the borders of images, or both ends of the last axis of anything else.

    Slice cuts time steps off a sequence of (time, features): its axis 1.
    """

    formula = "y = x without its border"
    samples = (((2, 4, 5),), ((1, 3, 4),))

    def output_shape(self, *x: Shape) -> Shape:
        _, height, width = self.image(x[0])
        left = (height - sum(self.rows), width - sum(self.columns))
        if min(left) < 1:
            raise ShapeError(
                f"Nothing is left of {show_shape(x[0])} without {sum(self.rows)} rows and "
                f"{sum(self.columns)} columns. Crop less.")
        return self.resized(x[0], left)

    def _view(self, e: Emitter, *, back: bool) -> dict[str, int]:
        planes, height, width = self.image(e.x[0].shape[1:])
        sizes = (e.batch * planes, height - sum(self.rows), width - sum(self.columns))
        whole, part = contiguous((sizes[0], height, width)), contiguous(sizes)
        start = self.rows[0] * width + self.columns[0]
        if back:
            return view(sizes, part, whole, size_of(sizes), e.x[0].size, y_start=start)
        return view(sizes, whole, part, e.x[0].size, size_of(sizes), x_start=start)

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.views.copy_view, x=e.x[0], y=e.y[0], **self._view(e, back=False))

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.elementwise.fill_zero, n=dx.size, y=dx)
            e.emit(kernels.views.copy_view, x=e.dy[0], y=dx, **self._view(e, back=True))

    def subtitle(self) -> str:
        return f"{_span(self.rows)} × {_span(self.columns)}"


def _span(pair: Pair) -> str:
    """(1, 1) as 1, and (1, 2) as 1+2."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}+{pair[1]}"
