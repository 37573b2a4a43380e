"""Pooling: one value for each window of an image. Nothing to learn, and channels stay apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import kernels
from playground.emitter import Emitter
from playground.layers.base import (
    Layer,
    Shape,
    ShapeError,
    about,
    layer,
    show_shape,
)
from playground.layers.window import (
    PaddingPair,
    SizePair,
    check_fits,
    image_shape,
    left_out_note,
    short,
    steps,
    unreached,
)

if TYPE_CHECKING:
    from kernels.pool import Windows


class Pool2D(Layer, frozen=True, kw_only=True):
    """A window slides over each channel."""

    samples = (((2, 5, 7),), ((1, 6, 4),), ((3, 4, 4),))

    kernel: Annotated[SizePair, about("Height and width of the window.")] = (2, 2)
    stride: Annotated[SizePair, about(
        "Steps between neighbouring windows; less than the window, and they overlap.")] = (2, 2)
    padding: Annotated[PaddingPair, about(
        "The border around the image: above and below, left and right.")] = (0, 0)
    ceil_mode: Annotated[bool, about(
        "Where the size does not divide, add a smaller window instead of leaving values out.",
        title="Round sizes up")] = False

    def output_shape(self, *x: Shape) -> Shape:
        channels, *image = image_shape(self.label, x[0])
        for axis, name in enumerate(("height", "width")):
            if 2 * self.padding[axis] > self.kernel[axis]:
                raise ShapeError(
                    f"A border of {self.padding[axis]} is more than half of the window's {name} "
                    f"{self.kernel[axis]}: windows could lie outside the image. "
                    f"Choose a padding of at most {self.kernel[axis] // 2}.")
        check_fits(self.kernel, (image[0], image[1]), self.padding * 2,
                   "Choose a smaller window, or remove a pooling layer before it.")
        return (channels, self._steps(0, image[0]), self._steps(1, image[1]))

    def _steps(self, axis: int, size: int) -> int:
        kernel, stride, padding = self.kernel[axis], self.stride[axis], self.padding[axis]
        if not self.ceil_mode:
            return steps(2 * padding + size, kernel, stride)
        count = steps(2 * padding + size + stride - 1, kernel, stride)
        # A window must begin inside the image or the border before it, as in PyTorch.
        return count - 1 if (count - 1) * stride >= size + padding else count

    def windows(self, batch: int, x: Shape) -> Windows:
        """The first operands of the kernels."""
        channels, height, width = x
        _, out_height, out_width = self.output_shape(x)
        return kernels.pool.Windows(batch * channels, height, width, out_height, out_width,
                            *self.kernel, *self.stride, *self.padding, *self.padding)

    def _operands(self, e: Emitter) -> dict[str, int]:
        return self.windows(e.batch, e.x[0].shape[1:])._asdict()

    def notes(self, *x: Shape) -> tuple[str, ...]:
        if self.ceil_mode:
            return ()
        _, height, width = x[0]
        return left_out_note((height, width), self.stride, (
            unreached(height, self.kernel[0], self.stride[0], self.padding[0], self.padding[0]),
            unreached(width, self.kernel[1], self.stride[1], self.padding[1], self.padding[1])))

    def _windows_text(self) -> str:
        if self.stride == self.kernel:
            return show_shape(self.kernel)
        return f"{show_shape(self.kernel)}, stride {short(self.stride)}"


@layer("max_pool2d", category="pool", label="MaxPool2D", stem="pool")
class MaxPool2D(Pool2D, frozen=True, kw_only=True):
    """Keeps the largest value of each window; the gradient goes to that value alone."""

    formula = "y = max of the window"
    integers = frozenset({"winner"})

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"winner": (batch, *self.output_shape(x[0]))}

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.pool.max_pool2d_forward, **self._operands(e), x=e.x[0], y=e.y[0],
               winner=e.work["winner"])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.pool.max_pool2d_backward, **self._operands(e), winner=e.work["winner"],
                   dy=e.dy[0], dx=dx)

    def subtitle(self) -> str:
        return f"max {self._windows_text()}"


@layer("avg_pool2d", category="pool", label="AvgPool2D", stem="pool")
class AvgPool2D(Pool2D, frozen=True, kw_only=True):
    """Takes the mean of each window; the gradient is spread evenly over it."""

    formula = "y = mean of the window"

    count_include_pad: Annotated[bool, about(
        "Count the zeros of the border as values of the mean.", title="Count the border")] = True

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        _, *windows = self.output_shape(x[0])
        return {"shares": tuple(windows), "scaled": tuple(windows)}

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.pool.avg_pool2d_forward, **self._operands(e),
               count_padding=int(self.count_include_pad), x=e.x[0], y=e.y[0],
               shares=e.work["shares"])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.pool.avg_pool2d_backward, **self._operands(e),
                   count_padding=int(self.count_include_pad), dy=e.dy[0], dx=dx,
                   shares=e.work["shares"], scaled=e.work["scaled"])

    def subtitle(self) -> str:
        return f"average {self._windows_text()}"


@layer("global_avg_pool2d", category="pool", label="GlobalAvgPool2D", stem="pool")
class GlobalAvgPool2D(Layer, frozen=True, kw_only=True):
    """Takes the mean of each whole channel: one number per channel, for images of any size."""

    formula = "y = mean of the channel"
    samples = (((2, 5, 7),), ((3, 1, 4),))

    def output_shape(self, *x: Shape) -> Shape:
        return (image_shape(self.label, x[0])[0],)

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"shares": (1, 1), "scaled": (1, 1)}

    @staticmethod
    def _operands(e: Emitter) -> dict[str, int]:
        channels, height, width = e.x[0].shape[1:]
        # One window as large as the image.
        return kernels.pool.Windows(e.batch * channels, height, width, 1, 1, height, width, 1, 1,
                            0, 0, 0, 0)._asdict()

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.pool.avg_pool2d_forward, **self._operands(e), count_padding=0, x=e.x[0],
               y=e.y[0], shares=e.work["shares"])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.pool.avg_pool2d_backward, **self._operands(e), count_padding=0,
                   dy=e.dy[0], dx=dx, shares=e.work["shares"], scaled=e.work["scaled"])
