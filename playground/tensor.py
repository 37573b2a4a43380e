"""Arrays of a program: named places in the arena, before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from playground.sizes import Shape, size_of

Region = Literal[
    "counters", "hyper", "parameters", "optimizer", "running",
    "gradients", "batch", "activations", "activation_gradients", "workspace", "metrics",
]
REGIONS: tuple[Region, ...] = (
    "counters", "hyper", "parameters", "optimizer", "running",
    "gradients", "batch", "activations", "activation_gradients", "workspace", "metrics",
)
"""The order of the arena. The first five are the state: all that one step hands to the next."""

STATE_REGIONS = REGIONS[:5]
ALIGNMENT = 16
"""Floats: each tensor starts at a multiple of 64 bytes."""


DType = Literal["float32", "int32", "int64", "float64"]


@dataclass(frozen=True)
class Tensor:
    """`shape` float32 values at `offset` (in floats) of a region.

    Activations have the batch as their first axis. `name` is what listings and probes use:
    "conv_1.w" a parameter, "conv_1.dw" its gradient, "conv_1.y" an output, "conv_1.dy" the
    gradient of the loss with respect to that output.
    """

    name: str
    region: Region
    offset: int
    shape: Shape
    node: str | None = None
    dtype: DType = "float32"
    """How to read the bits; `shape` counts places of four bytes whatever they hold."""

    @property
    def size(self) -> int:
        return size_of(self.shape)

    def part(self, start: int, shape: Shape, name: str) -> Tensor:
        """A contiguous piece that starts `start` floats into this one."""
        assert 0 <= start <= start + size_of(shape) <= self.size
        return Tensor(name, self.region, self.offset + start, shape,
                      self.node, self.dtype)
