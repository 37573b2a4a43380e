"""Transposed convolution: the way back from feature maps to an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

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
from playground.layers.conv import Channels, Window, check_groups
from playground.layers.window import Border, PaddingPair, SizePair, borders, image_shape, short
from playground.tensor import Tensor

if TYPE_CHECKING:
    from kernels.lowering import Geometry


@layer("conv_transpose2d", category="conv", label="ConvTranspose2D", stem="deconv")
class ConvTranspose2D(Activated, frozen=True, kw_only=True):
    """Each input pixel stamps a kernel onto a larger image: decoders and generators grow by it.

    Forward is the input gradient of a convolution with the same settings, backward its forward.
    """

    other_names = ("transposed convolution", "deconvolution")
    formula = "y = φ(wᵀ ⋆ x + b)"
    samples = (((2, 2, 3),), ((1, 3, 2),), ((4, 1, 2),))
    scratch = frozenset({"work"})

    channels: Channels = 8
    kernel: Annotated[SizePair, about("Height and width of the kernels.")] = (3, 3)
    stride: Annotated[SizePair, about(
        "Steps between the stamps of neighbouring pixels: 2 doubles the image.")] = (2, 2)
    padding: Annotated[Literal["valid", "same"] | PaddingPair, about(
        "What is cut off around the result. valid: nothing. same: so much that the output is the "
        "input times the stride (Keras). Or a height and width on both sides (PyTorch).")] = "valid"
    output_padding: Annotated[PaddingPair, about(
        "Rows and columns to add below and right, of the sizes that the stride makes possible "
        "(PyTorch); not with padding same.")] = (0, 0)
    dilation: Annotated[SizePair, about(
        "Steps between the pixels of a stamp: 2 leaves every other one out.")] = (1, 1)
    groups: Annotated[int, about(
        "The channels are split into so many groups that do not see each other.",
        ge=1, le=MAX_SIZE)] = 1
    bias: Annotated[bool, about("Add a learned offset b to each output channel.")] = True
    initializer: Annotated[Initializer, about("How the weights start.")] = "glorot_uniform"

    @property
    def window(self) -> Window:
        return Window(self.kernel, self.stride, self.dilation)

    def output_shape(self, *x: Shape) -> Shape:
        channels, *image = image_shape(self.label, x[0])
        check_groups(self.groups, channels, self.channels)
        sizes = tuple(self._axis(axis, image[axis]) for axis in range(2))
        if min(sizes) < 1:
            raise ShapeError(
                f"A padding of {show_shape(self._cut)} cuts all of the {show_shape(tuple(image))} "
                f"image's result away (it would be {show_shape(sizes)}). Choose less padding.")
        return (self.channels, *sizes)

    @property
    def _cut(self) -> Pair:
        return self.padding if isinstance(self.padding, tuple) else (0, 0)

    def _axis(self, axis: int, size: int) -> int:
        """Size of the output along an axis."""
        extra, stride = self.output_padding[axis], self.stride[axis]
        if self.padding == "same":
            if extra:
                raise ShapeError(
                    "Padding same gives the size (input times stride) by itself. Set the output "
                    "padding to 0, or write the padding as numbers.")
            return size * stride
        if extra >= max(stride, self.dilation[axis]):
            raise ShapeError(
                f"An output padding of {extra} must be less than the stride {stride} or the "
                f"dilation {self.dilation[axis]}. Choose at most "
                f"{max(stride, self.dilation[axis]) - 1}.")
        return (size - 1) * stride - 2 * self._cut[axis] + self.window.reach[axis] + extra

    def border(self, output: Pair) -> Border:
        """The padding of the convolution that leads back from the output to the input."""
        (top, bottom), (left, right) = (
            borders("same", output[axis], self.window.reach[axis], self.stride[axis])
            if self.padding == "same" else (self._cut[axis],) * 2 for axis in range(2))
        return top, left, bottom, right

    def uses(self, x: Shape, y: Shape) -> int:
        return size_of(x[1:])

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        inputs, maps = x[0][0], self.channels // self.groups
        # Both PyTorch and Keras count the connections as of the convolution that leads back.
        fan_in, fan_out = maps * size_of(self.kernel), inputs * size_of(self.kernel)
        w = Parameter("w", (inputs, maps, *self.kernel), self.initializer, fan_in, fan_out)
        if not self.bias:
            return (w,)
        return (w, Parameter("b", (self.channels,), bias_rule(self.initializer), fan_in, fan_out))

    def geometry(self, batch: int, x: Shape) -> Geometry:
        """Of the convolution that leads back: its input is our output."""
        channels, in_height, in_width = x
        _, height, width = self.output_shape(x)
        return kernels.lowering.with_blocks(kernels.lowering.Geometry(
            batch, self.groups, self.channels, height, width, channels, in_height,
            in_width, *self.kernel, *self.stride, *self.dilation, *self.border((height, width))))

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        size = kernels.lowering.workspace_size(self.geometry(batch, x[0]))
        return {"work": (size,), **super().workspace(batch, *x)}

    def forward_linear(self, e: Emitter, z: Tensor) -> None:
        e.emit(kernels.conv.conv2d_input_gradient, **self._sizes(e), dy=e.x[0], w=e.w["w"], dx=z,
               work=e.work["work"])
        if self.bias:
            e.emit(kernels.channels.add_to_channels, **self._channels(e, z), b=e.w["b"], y=z)

    def backward_linear(self, e: Emitter, dz: Tensor) -> None:
        x, dx, work = e.x[0], e.dx[0], e.work["work"]
        e.emit(kernels.conv.conv2d_weight_gradient, **self._sizes(e), x=dz, dy=x, dw=e.dw["w"],
               db=0, work=work)
        if self.bias:
            e.emit(kernels.channels.channel_sums, **self._channels(e, dz), x=dz, sums=e.dw["b"])
        if dx is not None:
            e.emit(kernels.conv.conv2d_forward, **self._sizes(e), x=dz, w=e.w["w"], b=0, y=dx,
                   work=work)

    def _sizes(self, e: Emitter) -> dict[str, int]:
        return self.geometry(e.batch, e.x[0].shape[1:])._asdict()

    def _channels(self, e: Emitter, z: Tensor) -> dict[str, int]:
        return {"batch": e.batch, "channels": self.channels, "positions": size_of(z.shape[2:])}

    def subtitle(self) -> str:
        parts = [f"{self.channels} @ {show_shape(self.kernel)}", f"stride {short(self.stride)}"]
        if self.dilation != (1, 1):
            parts.append(f"dilation {short(self.dilation)}")
        if self.groups > 1:
            parts.append(f"{self.groups} groups")
        parts.append(self.padding if isinstance(self.padding, str)
                     else f"padding {short(self.padding)}")
        if self.output_padding != (0, 0):
            parts.append(f"+{short(self.output_padding)}")
        return self.with_activation(", ".join(parts))
