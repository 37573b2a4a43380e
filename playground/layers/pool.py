"""Pooling: one value for each window of an image. Nothing to learn, and channels stay apart."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import Meta

import kernels
from playground.emitter import Emitter
from playground.layers.base import (
    MAX_SIZE,
    Layer,
    Pair,
    Shape,
    ShapeError,
    about,
    layer,
    show_shape,
    size_of,
)
from playground.layers.window import (
    SEQUENCE_HELP,
    Border,
    Ground,
    PaddingPair,
    SizePair,
    borders,
    check_fits,
    image_shape,
    left_out_note,
    row_shape,
    short,
    steps,
    unreached,
)

if TYPE_CHECKING:
    from kernels.pool import Windows

CountBorder = Annotated[bool, about(
    "Count the zeros of the border as values of the mean. PyTorch does unless told otherwise, "
    "Keras and TensorFlow never do.", title="Count the border")]


WITH_LENGTHS = "Mean over time has one, and so have attention and recurrent layers."


class Pool(Layer, frozen=True, kw_only=True):
    """A window slides over each channel of an image, or of a sequence as an image of one row."""

    ground: ClassVar[Ground] = "image"
    without_padding = WITH_LENGTHS

    ceil_mode: Annotated[bool, about(
        "Where the size does not divide, add a smaller window instead of leaving values out.",
        title="Round sizes up")] = False

    @property
    @abstractmethod
    def window(self) -> tuple[Pair, Pair]:
        """Kernel and stride, each as (height, width)."""

    @property
    @abstractmethod
    def paddings(self) -> tuple[str | int, str | int]:
        """The padding of the rows and of the columns."""

    def image(self, x: Shape) -> tuple[int, int, int]:
        """(channels, height, width) of an input, or a ShapeError."""
        return (image_shape if self.ground == "image" else row_shape)(self.label, x)

    def mixes_time(self, axis: int) -> bool:
        return self.ground == "sequence" and axis == 1

    def border(self, image: Pair) -> Border:
        """The padding of an image (height, width)."""
        kernel, stride = self.window
        (top, bottom), (left, right) = (
            borders(self.paddings[axis], image[axis], kernel[axis], stride[axis])
            for axis in range(2))
        return top, left, bottom, right

    def output_shape(self, *x: Shape) -> Shape:
        channels, *image = self.image(x[0])
        kernel, _ = self.window
        names = ("height", "width") if self.ground == "image" else ("height", "length")
        for axis, name in enumerate(names):
            padding = self.paddings[axis]
            if isinstance(padding, int) and 2 * padding > kernel[axis]:
                raise ShapeError(
                    f"A border of {padding} is more than half of the window's {name} "
                    f"{kernel[axis]}: windows could lie outside the {self.ground}. "
                    f"Choose a padding of at most {kernel[axis] // 2}.")
        border = self.border((image[0], image[1]))
        check_fits(kernel, (image[0], image[1]), border,
                   "Choose a smaller window, or remove a pooling layer before it.", self.ground)
        height, width = (self._steps(axis, image[axis], border) for axis in range(2))
        return (channels, *((height, width) if self.ground == "image" else (width,)))

    def _steps(self, axis: int, size: int, border: Border) -> int:
        (kernel, stride), before = (pair[axis] for pair in self.window), border[axis]
        padded = before + size + border[axis + 2]
        if not self.ceil_mode:
            return steps(padded, kernel, stride)
        count = steps(padded + stride - 1, kernel, stride)
        # A window must begin inside the image or the border before it, as in PyTorch.
        return count - 1 if (count - 1) * stride >= size + before else count

    def windows(self, batch: int, x: Shape) -> Windows:
        """The first operands of the kernels."""
        channels, height, width = self.image(x)
        out_height, out_width = (1, *self.output_shape(x)[1:])[-2:]
        kernel, stride = self.window
        return kernels.pool.Windows(batch * channels, height, width, out_height, out_width,
                                    *kernel, *stride, *self.border((height, width)))

    def _operands(self, e: Emitter) -> dict[str, int]:
        return self.windows(e.batch, e.x[0].shape[1:])._asdict()

    def notes(self, *x: Shape) -> tuple[str, ...]:
        if self.ceil_mode:
            return ()
        _, *image = self.image(x[0])
        (kernel, stride), border = self.window, self.border((image[0], image[1]))
        rows, columns = (unreached(image[axis], kernel[axis], stride[axis], border[axis],
                                   border[axis + 2]) for axis in range(2))
        return left_out_note((image[0], image[1]), stride, (rows, columns), self.ground)

    def _windows_text(self) -> str:
        kernel, stride = self.window
        if self.ground == "sequence":
            size, step = str(kernel[1]), str(stride[1])
        else:
            size, step = show_shape(kernel), short(stride)
        return size if kernel == stride else f"{size}, stride {step}"


class Pool1D(Pool, frozen=True, kw_only=True):
    """Windows of a sequence (channels, length)."""

    ground = "sequence"
    input_help = SEQUENCE_HELP
    samples = (((2, 9),), ((1, 6),), ((3, 4),))

    kernel: Annotated[int, about("Length of the window.", ge=1, le=MAX_SIZE)] = 2
    stride: Annotated[int, about(
        "Steps between neighbouring windows; less than the window, and they overlap.",
        ge=1, le=MAX_SIZE)] = 2
    padding: Annotated[
        Literal["valid", "same"] | Annotated[int, Meta(ge=0, le=MAX_SIZE)],
        about("The border of the sequence. valid: none. same: the output is the length divided "
              "by the stride, rounded up (Keras). Or a length at both ends (PyTorch).")] = 0

    @property
    def window(self) -> tuple[Pair, Pair]:
        # One row: windows neither repeat nor stride across it.
        return (1, self.kernel), (1, self.stride)

    @property
    def paddings(self) -> tuple[str | int, str | int]:
        return 0, self.padding


class Pool2D(Pool, frozen=True, kw_only=True):
    """Windows of an image (channels, height, width)."""

    samples = (((2, 5, 7),), ((1, 6, 4),), ((3, 4, 4),))

    kernel: Annotated[SizePair, about("Height and width of the window.")] = (2, 2)
    stride: Annotated[SizePair, about(
        "Steps between neighbouring windows; less than the window, and they overlap.")] = (2, 2)
    padding: Annotated[Literal["valid", "same"] | PaddingPair, about(
        "The border around the image. valid: none. same: the output is the size divided by the "
        "stride, rounded up, with an odd border larger below and right (Keras). Or a height and "
        "width on both sides (PyTorch).")] = (0, 0)

    @property
    def window(self) -> tuple[Pair, Pair]:
        return self.kernel, self.stride

    @property
    def paddings(self) -> tuple[str | int, str | int]:
        return self.padding if isinstance(self.padding, tuple) else (self.padding,) * 2


class MaxPool(Pool, frozen=True, kw_only=True):
    """The largest value of each window."""

    other_names = ("max pooling", "subsampling")
    formula = "y = max of the window"
    integers = frozenset({"winner", "places"})

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        windows = self.output_shape(x[0])
        return {"winner": (batch, *windows),
                "places": (size_of(self.window[0]) * size_of(windows[1:]),)}

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.pool.max_pool2d_forward, **self._operands(e), x=e.x[0], y=e.y[0],
               winner=e.work["winner"], places=e.work["places"])

    def backward(self, e: Emitter) -> None:
        _emit_max_backward(e)

    def subtitle(self) -> str:
        return f"max {self._windows_text()}"


def _emit_max_backward(e: Emitter) -> None:
    if (dx := e.dx[0]) is not None:
        e.emit(kernels.pool.max_pool_backward, planes=e.batch * dx.shape[1],
               size=size_of(dx.shape[2:]), windows=size_of(e.dy[0].shape[2:]),
               winner=e.work["winner"], dy=e.dy[0], dx=dx)


class AvgPool(Pool, frozen=True, kw_only=True):
    """The mean of each window."""

    other_names = ("average pooling", "subsampling")
    formula = "y = mean of the window"
    integers = frozenset({"places", "readers"})

    if TYPE_CHECKING:  # A struct with two bases can have fields from one of them only.
        count_include_pad: bool

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        g = self.windows(batch, x[0])
        windows = (g.out_height, g.out_width)
        return {"shares": windows, "scaled": windows,
                "places": (size_of(self.window[0]), *windows),
                "readers": (kernels.pool.readers(g), g.height, g.width)}

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.pool.avg_pool2d_forward, **self._operands(e),
               count_padding=int(self.count_include_pad), x=e.x[0], y=e.y[0],
               shares=e.work["shares"], places=e.work["places"])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.pool.avg_pool2d_backward, **self._operands(e),
                   readers=e.work["readers"].shape[0],
                   count_padding=int(self.count_include_pad), dy=e.dy[0], dx=dx,
                   shares=e.work["shares"], scaled=e.work["scaled"], places=e.work["readers"])

    def subtitle(self) -> str:
        return f"average {self._windows_text()}"


@layer("max_pool1d", category="pool", label="MaxPool1D", stem="pool")
class MaxPool1D(Pool1D, MaxPool, frozen=True, kw_only=True):
    """Keeps the largest value of each window of a sequence."""


@layer("max_pool2d", category="pool", label="MaxPool2D", stem="pool")
class MaxPool2D(Pool2D, MaxPool, frozen=True, kw_only=True):
    """Keeps the largest value of each window; the gradient goes to that value alone."""


@layer("avg_pool1d", category="pool", label="AvgPool1D", stem="pool")
class AvgPool1D(Pool1D, AvgPool, frozen=True, kw_only=True):
    """Takes the mean of each window of a sequence."""

    count_include_pad: CountBorder = True


@layer("avg_pool2d", category="pool", label="AvgPool2D", stem="pool")
class AvgPool2D(Pool2D, AvgPool, frozen=True, kw_only=True):
    """Takes the mean of each window; the gradient is spread evenly over it."""

    count_include_pad: CountBorder = True


@layer("fractional_max_pool2d", category="pool", label="FractionalMaxPool2D", stem="pool")
class FractionalMaxPool2D(Layer, frozen=True, kw_only=True):
    """Max pooling that shrinks by less than half: windows lie at random, anew in every step.

    Graham, "Fractional Max-Pooling", 2014: each channel of each sample draws its own overlapping
    windows. When the network is only used, they lie as regularly as they can.
    """

    formula = "y = max of a random window"
    integers = frozenset({"winner"})
    samples = (((2, 5, 7),), ((1, 6, 4),), ((3, 9, 8),))

    kernel: Annotated[SizePair, about("Height and width of the windows.")] = (2, 2)
    output_size: Annotated[Literal["ratio"] | SizePair, about(
        "Height and width of the output; or ratio: by the output ratio.")] = "ratio"
    output_ratio: Annotated[float, about(
        "The output is so many times as large as the input (rounded down, at least 1): 0.7 "
        "halves the size in two steps.", gt=0, lt=1)] = 0.7

    def output_shape(self, *x: Shape) -> Shape:
        channels, *image = image_shape(self.label, x[0])
        if self.output_size == "ratio":
            sizes = [max(1, int(size * self.output_ratio)) for size in image]
        else:
            sizes = [*self.output_size]
        for name, size, out, kernel in zip(("height", "width"), image, sizes, self.kernel,
                                           strict=True):
            if out + kernel - 1 > size:
                raise ShapeError(
                    f"An image of {name} {size} has no {out} different windows of {name} {kernel}. "
                    f"Choose an output of at most {max(1, size - kernel + 1)}, or a smaller "
                    "window.")
        return (channels, *sizes)

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"winner": (batch, *self.output_shape(x[0])), "draws": (batch, x[0][0], 2)}

    def forward(self, e: Emitter) -> None:
        x, y, draws = e.x[0], e.y[0], e.work["draws"]
        if e.training:
            e.emit(kernels.random.uniform, n=draws.size, key=e.random_key, counters=e.counters,
                   y=draws)
        else:
            e.emit(kernels.elementwise.fill, n=draws.size, value=0.5, y=draws)
        _, channels, height, width = x.shape
        e.emit(kernels.pool.fractional_max_pool2d_forward, planes=e.batch * channels,
               height=height, width=width, out_height=y.shape[2], out_width=y.shape[3],
               kernel_height=self.kernel[0], kernel_width=self.kernel[1], draws=draws, x=x, y=y,
               winner=e.work["winner"])

    def backward(self, e: Emitter) -> None:
        _emit_max_backward(e)

    def subtitle(self) -> str:
        size = (f"× {self.output_ratio:g}" if self.output_size == "ratio"
                else f"to {show_shape(self.output_size)}")
        return f"max {show_shape(self.kernel)}, {size}"


class GlobalPool(Layer, frozen=True, kw_only=True):
    """One number for each channel."""

    ground: ClassVar[Ground] = "image"
    without_padding = WITH_LENGTHS

    def output_shape(self, *x: Shape) -> Shape:
        shape = image_shape if self.ground == "image" else row_shape
        return (shape(self.label, x[0])[0],)

    def mixes_time(self, axis: int) -> bool:
        return self.ground == "sequence" and axis == 1

    @staticmethod
    def _sizes(e: Emitter) -> dict[str, int]:
        _, channels, *image = e.x[0].shape
        return {"planes": e.batch * channels, "size": size_of(tuple(image))}


class GlobalAvgPool(GlobalPool, frozen=True, kw_only=True):
    """The mean of each channel."""

    other_names = ("global average pooling",)
    formula = "y = mean of the channel"

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.pool.global_avg_forward, **self._sizes(e), x=e.x[0], y=e.y[0])

    def backward(self, e: Emitter) -> None:
        if e.dx[0] is not None:
            e.emit(kernels.pool.global_avg_backward, **self._sizes(e), dy=e.dy[0], dx=e.dx[0])


class GlobalMaxPool(GlobalPool, frozen=True, kw_only=True):
    """The largest value of each channel."""

    other_names = ("global max pooling",)
    formula = "y = max of the channel"
    integers = frozenset({"winner"})

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"winner": (batch, x[0][0])}

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.pool.global_max_forward, **self._sizes(e), x=e.x[0], y=e.y[0],
               winner=e.work["winner"])

    def backward(self, e: Emitter) -> None:
        _emit_max_backward(e)


@layer("global_avg_pool1d", category="pool", label="GlobalAvgPool1D", stem="pool")
class GlobalAvgPool1D(GlobalAvgPool, frozen=True, kw_only=True):
    """Takes the mean over a whole sequence: one number per channel, for any length."""

    ground = "sequence"
    input_help = SEQUENCE_HELP
    samples = (((2, 9),), ((3, 1),))


@layer("global_avg_pool2d", category="pool", label="GlobalAvgPool2D", stem="pool")
class GlobalAvgPool2D(GlobalAvgPool, frozen=True, kw_only=True):
    """Takes the mean of each whole channel: one number per channel, for images of any size."""

    samples = (((2, 5, 7),), ((3, 1, 4),))


@layer("global_max_pool1d", category="pool", label="GlobalMaxPool1D", stem="pool")
class GlobalMaxPool1D(GlobalMaxPool, frozen=True, kw_only=True):
    """Keeps the largest value of a whole sequence: one number per channel, for any length."""

    ground = "sequence"
    input_help = SEQUENCE_HELP
    samples = (((2, 9),), ((3, 1),))


@layer("global_max_pool2d", category="pool", label="GlobalMaxPool2D", stem="pool")
class GlobalMaxPool2D(GlobalMaxPool, frozen=True, kw_only=True):
    """Keeps the largest value of each channel: whether a pattern occurs, wherever it does."""

    samples = (((2, 5, 7),), ((3, 1, 4),))
