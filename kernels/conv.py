"""Convolution of images, forward and backward.

The image is lowered along its width only: one shifted copy per kernel column, after which every
tap of the kernel is a contiguous row of all output positions. That is Cho & Brand, "MEC:
Memory-efficient Convolution for Deep Neural Network", 2017; im2col would copy once per tap.

The lowered copy is (kernel column, channel, row phase, row, sample, column): rows a stride apart
are neighbours, so a stride costs the inner loops nothing, and the samples of a block stand side
by side, so that small images fill the vector registers too. The gradient of the input goes the
same way back.
"""

from typing import NamedTuple

import numpy as np

from kernels.jit import floats, helper, inline, ints, kernel
from kernels.simd import (
    ROWS,
    TILE_COLUMNS,
    VECTORS,
    add_row,
    copy_row,
    correlate_tile,
    multiply_tile,
)

#: A padding mode's number, as an operand, is its place here.
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
ZEROS, REFLECT, REPLICATE, CIRCULAR = range(4)

TAP_BLOCK = 128
"""Taps per pass: so many rows, one tile wide, fit half of the first-level cache."""
POSITION_BLOCK = 1024
"""Positions per pass of the weights' gradient: 8 rows of these fit the first-level cache."""


class Geometry(NamedTuple):
    """What convolves what: the first operands of each kernel here, in this order.

    top, left, bottom, right: the padding. block: how many samples are lowered together.
    """

    batch: int
    groups: int
    in_channels: int
    height: int
    width: int
    out_channels: int
    out_height: int
    out_width: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    top: int
    left: int
    bottom: int
    right: int
    padding_mode: int
    block: int = 1


GEOMETRY = " ".join(Geometry._fields)
SIZES = len(Geometry._fields)


def with_block(g: Geometry) -> Geometry:
    """`g`, with blocks of samples that give some 1000 positions, in no more than a megabyte."""
    positions = g.out_height * g.out_width
    return g._replace(block=max(1, min(g.batch, 1024 // positions, 2**18 // workspace_size(g))))


def workspace_size(g: Geometry) -> int:
    """How many floats of memory each kernel needs to work in."""
    height, width = g.top + g.height + g.bottom, g.left + g.width + g.right
    rows = (height - 1) // g.stride_height + 1
    lowered = g.kernel_width * g.in_channels * g.stride_height * rows * g.out_width
    maps = g.out_channels * g.out_height * g.out_width
    padded = 0 if g.padding_mode == ZEROS else g.in_channels * height * width
    taps = g.in_channels // g.groups * g.kernel_height * g.kernel_width
    tables = 2 * taps + 2 * g.out_channels // g.groups + g.kernel_width
    return g.block * (lowered + maps + padded) + 2 * TILE_COLUMNS + tables


class Workspace(NamedTuple):
    """The workspace in parts.

    lowered: the lowered input, or its gradient. maps: output maps (channel, row, sample, column).
    padded: images with their borders. The offset tables: taps and rows of the products below.
    """

    lowered: np.ndarray
    maps: np.ndarray
    padded: np.ndarray
    taps: np.ndarray
    weights: np.ndarray
    inner: np.ndarray
    outer: np.ndarray
    shifts: np.ndarray


@inline
def geometry(a):
    return Geometry(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11],
                    a[12], a[13], a[14], a[15], a[16], a[17], a[18], a[19])


@inline
def workspace(g, address):
    lowered = floats(address, g.in_channels * lowered_step(g, g.block) * g.kernel_width)
    address += 4 * (len(lowered) + TILE_COLUMNS)
    maps = floats(address, g.block * g.out_channels * g.out_height * g.out_width)
    address += 4 * (len(maps) + TILE_COLUMNS)
    size = 0 if g.padding_mode == ZEROS else g.in_channels * padded_height(g) * padded_width(g)
    padded = floats(address, g.block * size)
    address += 4 * len(padded)
    taps, n = group_taps(g), g.out_channels // g.groups
    tables = ints(address, 2 * (taps + n) + g.kernel_width)
    return Workspace(lowered, maps, padded, tables[:taps], tables[taps:2 * taps],
                     tables[2 * taps:2 * taps + n], tables[2 * taps + n:2 * (taps + n)],
                     tables[2 * (taps + n):])
