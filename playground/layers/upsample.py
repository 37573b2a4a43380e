"""Upsampling: larger images without anything to learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import kernels
from playground.emitter import Emitter
from playground.layers.base import Layer, Shape, about, layer
from playground.layers.window import SizePair, image_shape, short


@layer("upsample2d", category="conv", label="Upsample2D", stem="upsample")
class Upsample2D(Layer, frozen=True, kw_only=True):
    """Makes an image larger by whole factors: repeats pixels, or draws values between them."""

    other_names = ("upsampling", "nearest neighbour", "bilinear")
    formula = "y[s·i] ≈ x[i]"
    integers = frozenset({"places"})
    samples = (((2, 3, 4),), ((1, 4, 1),), ((3, 1, 2),))

    scale_factor: Annotated[SizePair, about(
        "How many times the height and the width (Keras calls it size).")] = (2, 2)
    mode: Annotated[Literal["nearest", "bilinear"], about(
        "nearest: each pixel becomes a block. bilinear: values in between are weighted means of "
        "the four pixels around them.")] = "nearest"
    align_corners: Annotated[bool, about(
        "For bilinear: the corner pixels keep their values and the others spread between them. "
        "Without it pixels are squares, as in Keras and in PyTorch by default.")] = False

    def output_shape(self, *x: Shape) -> Shape:
        channels, height, width = image_shape(self.label, x[0])
        return channels, height * self.scale_factor[0], width * self.scale_factor[1]

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        if self.mode == "nearest":
            return {}
        _, height, _ = x[0]
        _, _, out_width = self.output_shape(x[0])
        return {"across": (height, out_width), "places": (out_width,), "shares": (out_width,)}

    def forward(self, e: Emitter) -> None:
        if self.mode == "nearest":
            e.emit(kernels.upsample.upsample_nearest_forward, **self._sizes(e), x=e.x[0], y=e.y[0])
        else:
            e.emit(kernels.upsample.upsample_bilinear_forward, **self._sizes(e), x=e.x[0],
                   y=e.y[0], **self._between(e))

    def backward(self, e: Emitter) -> None:
        dx, dy = e.dx[0], e.dy[0]
        if dx is None:
            return
        if self.mode == "nearest":
            e.emit(kernels.upsample.upsample_nearest_backward, **self._sizes(e), dy=dy, dx=dx)
        else:
            e.emit(kernels.upsample.upsample_bilinear_backward, **self._sizes(e), dy=dy, dx=dx,
                   **self._between(e))

    def _sizes(self, e: Emitter) -> dict[str, int]:
        _, channels, height, width = e.x[0].shape
        return {"planes": e.batch * channels, "height": height, "width": width,
                "scale_height": self.scale_factor[0], "scale_width": self.scale_factor[1]}

    def _between(self, e: Emitter) -> dict[str, Any]:
        names = ("across", "places", "shares")
        return {"align_corners": int(self.align_corners), **{name: e.work[name] for name in names}}

    def subtitle(self) -> str:
        return f"× {short(self.scale_factor)}, {self.mode}"
