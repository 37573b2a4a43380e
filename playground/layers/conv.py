"""Convolution of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import kernels
from playground.activations import ACTIVATIONS, ActivationName, activation
from playground.emitter import Emitter
from playground.initializers import Initializer, bias_rule
from playground.layers.base import (
    MAX_SIZE,
    Layer,
    Pair,
    Parameter,
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
    from kernels.lowering import Geometry

Padding = Literal["valid", "same", "full"]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


@layer("conv2d", category="conv", label="Conv2D", stem="conv")
class Conv2D(Layer, frozen=True, kw_only=True):
    """Slides small kernels over an image: one output channel shows where one pattern occurs."""

    formula = "y = φ(w ⋆ x + b)"
    samples = (((2, 5, 7),), ((1, 6, 4),), ((4, 8, 9),))

    channels: Annotated[int, about(
        "Number of kernels, and so of output channels (feature maps).",
        ge=1, le=MAX_SIZE, title="Output channels")] = 8
    kernel: Annotated[SizePair, about("Height and width of the kernels.")] = (3, 3)
    stride: Annotated[SizePair, about("Steps between neighbouring outputs.")] = (1, 1)
    padding: Annotated[Padding | PaddingPair, about(
        "The border around the image. valid: none. same: the output is as large as the input "
        "(divided by the stride). full: every overlap counts. Or a height and width.")] = "valid"
    dilation: Annotated[SizePair, about(
        "Steps between the pixels that a kernel looks at: 2 leaves every other one out.")] = (1, 1)
    groups: Annotated[int, about(
        "The channels are split into so many groups that do not see each other.",
        ge=1, le=MAX_SIZE)] = 1
    padding_mode: Annotated[PaddingMode, about(
        "What the border holds: zeros, the image mirrored, its edge, or its other side.")] = "zeros"
    activation: Annotated[ActivationName, about("The function φ applied to each output.")] = (
        "identity")
    bias: Annotated[bool, about("Add a learned offset b to each output channel.")] = True
    initializer: Annotated[Initializer, about("How the weights start.")] = "glorot_uniform"

    @property
    def active_range(self) -> tuple[float, float] | None:
        return ACTIVATIONS[self.activation].active_range

    @property
    def reach(self) -> Pair:
        """Height and width of what one output sees."""
        return (self.dilation[0] * (self.kernel[0] - 1) + 1,
                self.dilation[1] * (self.kernel[1] - 1) + 1)

    def border(self, image: Pair) -> tuple[int, int, int, int]:
        """The padding (top, left, bottom, right); an odd "same" puts more below and right."""
        before, after = [], []
        for axis in range(2):
            size, reach, stride = image[axis], self.reach[axis], self.stride[axis]
            if self.padding == "same":
                total = max(0, (-(-size // stride) - 1) * stride + reach - size)
                before.append(total // 2)
                after.append(total - total // 2)
            else:
                both = (0 if self.padding == "valid" else reach - 1 if self.padding == "full"
                        else self.padding[axis])
                before.append(both)
                after.append(both)
        return before[0], before[1], after[0], after[1]

    def output_shape(self, *x: Shape) -> Shape:
        channels, height, width = image_shape(self.label, x[0])
        top, left, bottom, right = border = self.border((height, width))
        self._check_groups(channels)
        check_fits(self.reach, (height, width), border,
                   "Choose a smaller kernel, less dilation, or padding same.")
        self._check_padding_mode((height, width), border)
        return (self.channels,
                steps(top + height + bottom, self.reach[0], self.stride[0]),
                steps(left + width + right, self.reach[1], self.stride[1]))

    def _check_groups(self, channels: int) -> None:
        for name, n in (("input", channels), ("output", self.channels)):
            if n % self.groups:
                raise ShapeError(
                    f"{self.groups} groups do not divide the {n} {name} channels. Choose groups "
                    f"that divide both {channels} (input) and {self.channels} (output channels).")

    def _check_padding_mode(self, image: Pair, border: tuple[int, int, int, int]) -> None:
        for axis, name in enumerate(("height", "width")):
            size, padding = image[axis], max(border[axis], border[axis + 2])
            if self.padding_mode == "reflect" and padding >= size:
                raise ShapeError(
                    f"A border of {padding} cannot mirror an image of {name} {size}: reflect needs "
                    "less border than image. Choose less padding, or the mode zeros or replicate.")
            if self.padding_mode == "circular" and padding > size:
                raise ShapeError(
                    f"A border of {padding} goes more than once around an image of {name} {size}. "
                    "Choose less padding, or the mode zeros or replicate.")

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        inputs, kernel_size = x[0][0] // self.groups, self.kernel[0] * self.kernel[1]
        fan_in, fan_out = inputs * kernel_size, self.channels * kernel_size
        w = Parameter("w", (self.channels, inputs, *self.kernel), self.initializer, fan_in, fan_out,
                      groups=self.groups)
        if not self.bias:
            return (w,)
        return (w, Parameter("b", (self.channels,), bias_rule(self.initializer), fan_in, fan_out))

    def geometry(self, batch: int, x: Shape) -> Geometry:
        """The first operands of the kernels."""
        channels, height, width = x
        _, out_height, out_width = self.output_shape(x)
        return kernels.lowering.with_blocks(kernels.lowering.Geometry(
            batch, self.groups, channels, height, width, self.channels, out_height, out_width,
            *self.kernel, *self.stride, *self.dilation, *self.border((height, width)),
            kernels.lowering.PADDING_MODES.index(self.padding_mode)))

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        work: dict[str, Shape] = {
            "work": (kernels.lowering.workspace_size(self.geometry(batch, x[0])),)}
        if not activation(self.activation).is_identity:
            work["z"] = work["dz"] = (batch, *self.output_shape(x[0]))
        return work

    def forward(self, e: Emitter) -> None:
        x, y, work = e.x[0], e.y[0], e.work["work"]
        z = e.work.get("z", y)
        operands = self.geometry(e.batch, x.shape[1:])._asdict()
        e.emit(kernels.conv.conv2d_forward, **operands, x=x, w=e.w["w"], b=e.w.get("b", 0), y=z,
               work=work)
        activation(self.activation).forward(e, z, y)

    def backward(self, e: Emitter) -> None:
        x, y, dy, dx, work = e.x[0], e.y[0], e.dy[0], e.dx[0], e.work["work"]
        dz = e.work.get("dz", dy)
        operands = self.geometry(e.batch, x.shape[1:])._asdict()
        activation(self.activation).backward(e, y, dy, dz, x=e.work.get("z", y))
        e.emit(kernels.conv.conv2d_weight_gradient, **operands, x=x, dy=dz, dw=e.dw["w"],
               db=e.dw.get("b", 0), work=work)
        if dx is not None:
            e.emit(kernels.conv.conv2d_input_gradient, **operands, dy=dz, w=e.w["w"], dx=dx,
                   work=work)

    def notes(self, *x: Shape) -> tuple[str, ...]:
        _, height, width = x[0]
        top, left, bottom, right = self.border((height, width))
        return left_out_note((height, width), self.stride, (
            unreached(height, self.reach[0], self.stride[0], top, bottom),
            unreached(width, self.reach[1], self.stride[1], left, right)))

    def subtitle(self) -> str:
        parts = [f"{self.channels} @ {show_shape(self.kernel)}"]
        if self.stride != (1, 1):
            parts.append(f"stride {short(self.stride)}")
        if self.dilation != (1, 1):
            parts.append(f"dilation {short(self.dilation)}")
        if self.groups > 1:
            parts.append(f"{self.groups} groups")
        parts.append(self.padding if isinstance(self.padding, str)
                     else f"padding {short(self.padding)}")
        if self.activation == "identity":
            return ", ".join(parts)
        return f"{', '.join(parts)} · {self.activation.replace('_', ' ')}"
