"""Convolution of images and of sequences; to the kernels a sequence is an image of one row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple

from msgspec import Meta

import kernels
from playground.emitter import Emitter
from playground.initializers import Initializer, bias_rule
from playground.layers.activated import Activated
from playground.layers.base import (
    MAX_SIZE,
    Pair,
    Parameter,
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
    PaddingMode,
    PaddingPair,
    SizePair,
    borders,
    check_fits,
    check_padding_mode,
    image_shape,
    left_out_note,
    row_shape,
    short,
    steps,
    unreached,
)
from playground.tensor import Tensor

if TYPE_CHECKING:
    from kernels.jit import Kernel
    from kernels.lowering import Geometry

Channels = Annotated[int, about(
    "Number of kernels, and so of output channels (feature maps).",
    ge=1, le=MAX_SIZE, title="Output channels")]

TURNED = 1.3
"""Of an input that is so many times as large as the output at most, the gradient is found by a
convolution with turned kernels."""
POINTWISE_POSITIONS = 64
"""Matrix products over fewer positions take longer to begin than they save."""


@dataclass(frozen=True)
class Method:
    """The kernels that do a convolution.

    operands: their first ones; input_operands: those of the input gradient. workspace: how many
    floats of memory they need to work in.
    """

    operands: dict[str, int]
    input_operands: dict[str, int]
    workspace: int
    forward: Kernel
    weight_gradient: Kernel
    input_gradient: Kernel


class Window(NamedTuple):
    """Where the taps of a kernel lie, as (height, width)."""

    kernel: Pair
    stride: Pair
    dilation: Pair

    @property
    def reach(self) -> Pair:
        """Height and width of what one output sees."""
        return (self.dilation[0] * (self.kernel[0] - 1) + 1,
                self.dilation[1] * (self.kernel[1] - 1) + 1)


def check_groups(groups: int, inputs: int, outputs: int) -> None:
    """Raise a ShapeError where the channels cannot be split into so many groups."""
    for name, n in (("input", inputs), ("output", outputs)):
        if n % groups:
            raise ShapeError(
                f"{groups} groups do not divide the {n} {name} channels. Choose groups that "
                f"divide both {inputs} (input) and {outputs} (output channels). A depthwise "
                f"convolution here has {inputs} groups, and as many output channels or a "
                "multiple of that.")


class Convolution(Activated, frozen=True, kw_only=True):
    """Kernels that slide over an image, or over a sequence as an image of one row.

    What PyTorch and Keras call convolution is cross-correlation: the kernel is not mirrored.
    """

    formula = "y = φ(w ⋆ x + b)"
    ground: ClassVar[Ground] = "image"
    scratch = frozenset({"work"})

    channels: Channels = 8
    groups: Annotated[int, about(
        "The channels are split into so many groups that do not see each other; as many groups "
        "as channels is a depthwise convolution.", ge=1, le=MAX_SIZE)] = 1
    padding_mode: Annotated[PaddingMode, about(
        "What the border holds: zeros, the image mirrored, its edge, or its other side.")] = "zeros"
    bias: Annotated[bool, about("Add a learned offset b to each output channel.")] = True
    initializer: Annotated[Initializer, about("How the weights start.")] = "glorot_uniform"

    @property
    @abstractmethod
    def window(self) -> Window:
        """Kernel, stride and dilation."""

    @abstractmethod
    def image(self, x: Shape) -> tuple[int, int, int]:
        """(channels, height, width) of an input, or a ShapeError."""

    @abstractmethod
    def border(self, image: Pair) -> Border:
        """The padding of an image (height, width)."""

    def output_shape(self, *x: Shape) -> Shape:
        channels, *image = self.image(x[0])
        window, border = self.window, self.border((image[0], image[1]))
        check_groups(self.groups, channels, self.channels)
        check_fits(window.reach, (image[0], image[1]), border,
                   "Choose a smaller kernel, less dilation, or padding same.", self.ground)
        check_padding_mode(self.padding_mode, (image[0], image[1]), border, self.ground)
        height, width = (
            steps(border[axis] + image[axis] + border[axis + 2], window.reach[axis],
                  window.stride[axis]) for axis in range(2))
        return (self.channels, *((height, width) if self.ground == "image" else (width,)))

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        inputs, kernel = x[0][0] // self.groups, self.window.kernel
        fan_in, fan_out = inputs * size_of(kernel), self.channels * size_of(kernel)
        w = Parameter("w", (self.channels, inputs, *kernel[self.ground == "sequence":]),
                      self.initializer, fan_in, fan_out, groups=self.groups)
        if not self.bias:
            return (w,)
        return (w, Parameter("b", (self.channels,), bias_rule(self.initializer), fan_in, fan_out))

    def geometry(self, batch: int, x: Shape) -> Geometry:
        """The first operands of the kernels, for inputs of this shape or, if so, framed ones."""
        channels, height, width = self.image(x)
        top, left, bottom, right = self.border((height, width))
        if self._is_framed(x):
            height, width = top + height + bottom, left + width + right
            top = left = bottom = right = 0
        out_height, out_width = (1, *self.output_shape(x)[1:])[-2:]
        kernel, stride, dilation = self.window
        return kernels.lowering.with_blocks(kernels.lowering.Geometry(
            batch, self.groups, channels, height, width, self.channels, out_height, out_width,
            *kernel, *stride, *dilation, top, left, bottom, right))

    def _is_framed(self, x: Shape) -> bool:
        """Whether a step of its own puts the border around: any but one of zeros."""
        _, *image = self.image(x)
        return self.padding_mode != "zeros" and any(self.border((image[0], image[1])))

    def _frame(self, e: Emitter) -> dict[str, int]:
        """The first operands of the kernels that do so."""
        channels, height, width = self.image(e.x[0].shape[1:])
        top, left, bottom, right = self.border((height, width))
        return {"planes": e.batch * channels, "height": height, "width": width, "top": top,
                "left": left, "bottom": bottom, "right": right,
                "mode": kernels.pad.PADDING_MODES.index(self.padding_mode)}

    def method(self, batch: int, x: Shape) -> Method:
        """The fastest way to do it."""
        g = self.geometry(batch, x)
        if kernels.winograd.suits(g):
            tiling = kernels.winograd.tiling(g)
            return Method(
                tiling._asdict(), tiling._asdict(), kernels.winograd.workspace_size(tiling),
                kernels.winograd.winograd_forward, kernels.winograd.winograd_weight_gradient,
                kernels.winograd.winograd_input_gradient)
        forward, weight_gradient = (
            (kernels.conv.conv2d_forward_packed, kernels.conv.conv2d_weight_gradient_packed)
            if kernels.conv_panels.suits(g)
            else (kernels.conv.conv2d_forward, kernels.conv.conv2d_weight_gradient))
        back, input_gradient = g, kernels.conv.conv2d_input_gradient
        grows = g.height * g.width / (g.out_height * g.out_width)
        if self.window.stride == (1, 1) and grows <= TURNED:
            back = kernels.lowering.turned(g)
            input_gradient = kernels.conv.conv2d_input_gradient_turned
        size = max(map(kernels.lowering.workspace_size, (g, back)))
        return Method(g._asdict(), back._asdict(), size, forward, weight_gradient, input_gradient)

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        size = (self.channels * x[0][0] if self._is_product(x[0])
                else self.method(batch, x[0]).workspace)
        work: dict[str, Shape] = {"work": (size,), **super().workspace(batch, *x)}
        if self._is_framed(x[0]):
            g = self.geometry(batch, x[0])
            work["framed"] = work["dframed"] = (batch, g.in_channels, g.height, g.width)
        return work

    def forward_linear(self, e: Emitter, z: Tensor) -> None:
        x, w, b = e.x[0], e.w["w"], e.w.get("b", 0)
        if self._is_product(x.shape[1:]):
            e.emit(kernels.pointwise.pointwise_forward, **self._product_sizes(e), x=x, w=w, b=b,
                   y=z)
        else:
            method = self.method(e.batch, x.shape[1:])
            if framed := e.work.get("framed"):
                e.emit(kernels.pad.pad_forward, **self._frame(e), value=0.0, x=x, y=framed)
            e.emit(method.forward, **method.operands, x=framed or x, w=w, b=b, y=z,
                   work=e.work["work"])

    def backward_linear(self, e: Emitter, dz: Tensor) -> None:
        x, dx, w, work = e.x[0], e.dx[0], e.w["w"], e.work["work"]
        if self._is_product(x.shape[1:]):
            sizes = self._product_sizes(e)
            e.emit(kernels.pointwise.pointwise_weight_gradient, **sizes, x=x, dy=dz,
                   dw=e.dw["w"], work=work)
            if self.bias:
                e.emit(kernels.channels.channel_sums, batch=e.batch, channels=self.channels,
                       positions=sizes["positions"], x=dz, sums=e.dw["b"])
            if dx is not None:
                e.emit(kernels.pointwise.pointwise_input_gradient, **sizes, dy=dz, w=w, dx=dx)
            return
        method = self.method(e.batch, x.shape[1:])
        e.emit(method.weight_gradient, **method.operands, x=e.work.get("framed", x), dy=dz,
               dw=e.dw["w"], db=e.dw.get("b", 0), work=work)
        if dx is not None:
            dframed = e.work.get("dframed")
            e.emit(method.input_gradient, **method.input_operands, dy=dz, w=w, dx=dframed or dx,
                   work=work)
            if dframed:
                e.emit(kernels.pad.pad_backward, **self._frame(e), dy=dframed, dx=dx)

    def _is_product(self, x: Shape) -> bool:
        """Whether each sample is one matrix product, large enough for BLAS."""
        _, *image = self.image(x)
        return (self.window.kernel == self.window.stride == (1, 1) and self.groups == 1
                and self.border((image[0], image[1])) == (0, 0, 0, 0)
                and size_of(tuple(image)) >= POINTWISE_POSITIONS)

    def _product_sizes(self, e: Emitter) -> dict[str, int]:
        _, inputs, *image = e.x[0].shape
        return {"batch": e.batch, "inputs": inputs, "maps": self.channels,
                "positions": size_of(tuple(image))}

    def notes(self, *x: Shape) -> tuple[str, ...]:
        _, *image = self.image(x[0])
        window, border = self.window, self.border((image[0], image[1]))
        rows, columns = (
            unreached(image[axis], window.reach[axis], window.stride[axis], border[axis],
                      border[axis + 2]) for axis in range(2))
        return left_out_note((image[0], image[1]), window.stride, (rows, columns), self.ground)

    def subtitle(self) -> str:
        kernel, stride, dilation = self.window

        def show(pair: Pair) -> str:
            return short(pair) if self.ground == "image" else str(pair[1])

        size = show_shape(kernel) if self.ground == "image" else str(kernel[1])
        padding = self._padding_text()
        return self.with_activation(", ".join(part for part in (
            f"{self.channels} @ {size}",
            f"stride {show(stride)}" if stride != (1, 1) else "",
            f"dilation {show(dilation)}" if dilation != (1, 1) else "",
            f"{self.groups} groups" if self.groups > 1 else "",
            padding) if part))

    @abstractmethod
    def _padding_text(self) -> str:
        """The padding in a word or two."""


@layer("conv1d", category="conv", label="Conv1D", stem="conv")
class Conv1D(Convolution, frozen=True, kw_only=True):
    """Slides small kernels along a sequence (channels, length): signals, text, time series."""

    other_names = ("causal convolution",)
    ground = "sequence"
    input_help = SEQUENCE_HELP
    without_padding = "With padding causal, or a kernel of 1, no step sees one that comes after it."
    samples = (((2, 9),), ((1, 7),), ((4, 12),))

    channels: Channels = 8
    kernel: Annotated[int, about("Length of the kernels.", ge=1, le=MAX_SIZE)] = 3
    stride: Annotated[int, about(
        "Steps between neighbouring outputs.", ge=1, le=MAX_SIZE)] = 1
    padding: Annotated[
        Literal["valid", "same", "full", "causal"] | Annotated[int, Meta(ge=0, le=MAX_SIZE)],
        about("The border around the sequence. valid: none. same: the output is as long as the "
              "input (divided by the stride). full: every overlap counts. causal: no output sees "
              "what comes after it (Keras). Or a length at both ends (PyTorch).")] = "valid"
    dilation: Annotated[int, about(
        "Steps between the values that a kernel looks at: 2 leaves every other one out.",
        ge=1, le=MAX_SIZE)] = 1

    @property
    def window(self) -> Window:
        return Window((1, self.kernel), (1, self.stride), (1, self.dilation))

    def image(self, x: Shape) -> tuple[int, int, int]:
        return row_shape(self.label, x)

    def mixes_time(self, axis: int) -> bool:
        return axis == 1 and self.kernel > 1 and self.padding != "causal"

    def border(self, image: Pair) -> Border:
        before, after = borders(self.padding, image[1], self.window.reach[1], self.stride)
        return 0, before, 0, after

    def _padding_text(self) -> str:
        return self.padding if isinstance(self.padding, str) else f"padding {self.padding}"


@layer("conv2d", category="conv", label="Conv2D", stem="conv")
class Conv2D(Convolution, frozen=True, kw_only=True):
    """Slides small kernels over an image: one output channel shows where one pattern occurs."""

    other_names = ("depthwise", "pointwise", "1x1")
    samples = (((2, 5, 7),), ((1, 6, 4),), ((4, 8, 9),))

    channels: Channels = 8
    kernel: Annotated[SizePair, about("Height and width of the kernels.")] = (3, 3)
    stride: Annotated[SizePair, about("Steps between neighbouring outputs.")] = (1, 1)
    padding: Annotated[Literal["valid", "same", "full"] | PaddingPair, about(
        "The border around the image. valid: none. same: the output is as large as the input "
        "(divided by the stride; an odd border has more below and right, as in TensorFlow). "
        "full: every overlap counts. Or a height and width on both sides (PyTorch).")] = "valid"
    dilation: Annotated[SizePair, about(
        "Steps between the pixels that a kernel looks at: 2 leaves every other one out.")] = (1, 1)

    @property
    def window(self) -> Window:
        return Window(self.kernel, self.stride, self.dilation)

    def image(self, x: Shape) -> tuple[int, int, int]:
        return image_shape(self.label, x)

    def border(self, image: Pair) -> Border:
        names = self.padding if isinstance(self.padding, tuple) else (self.padding,) * 2
        (top, bottom), (left, right) = (
            borders(names[axis], image[axis], self.window.reach[axis], self.stride[axis])
            for axis in range(2))
        return top, left, bottom, right

    def _padding_text(self) -> str:
        return (self.padding if isinstance(self.padding, str)
                else f"padding {short(self.padding)}")
