"""Images lowered for convolution, and back.

Lowering is along the width only: one shifted copy of the image per kernel column, after which
every tap of the kernel is a contiguous row of all output positions. That is Cho & Brand, "MEC:
Memory-efficient Convolution for Deep Neural Network", 2017; im2col would copy once per tap.

The lowered copy is (kernel column, channel, row phase, row, sample, column): rows a stride apart
are neighbours, so a stride costs the inner loops nothing, and the samples of a block stand side
by side, so that small images fill the vector registers too. A *slice* of the channels of one
group is lowered at a time, so that the copy stays in the second-level cache.
"""

from typing import NamedTuple

from kernels.jit import floats, helper, inline, ints
from kernels.simd import add_row, copy_row
from kernels.strided import has_strides, move_strided
from kernels.vector_writer import TILE_COLUMNS


class Geometry(NamedTuple):
    """What convolves what: the first operands of each kernel of convolution, in this order.

    top, left, bottom, right: the padding, with zeros. block, slice: how many samples and channels
    are lowered together.
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
    block: int = 1
    slice: int = 1


GEOMETRY = " ".join(Geometry._fields)
SIZES = len(Geometry._fields)


LOWERED_SIZE = 2**17
"""Floats: half a megabyte."""


def with_blocks(g: Geometry) -> Geometry:
    """`g`, with blocks of some 1000 output positions, and slices that suit the cache."""
    positions = g.out_height * g.out_width
    block = max(1, min(g.batch, 1024 // positions, 2**19 // (g.out_channels * positions)))
    # With fewer than eight channels a product is too short for what it costs to begin.
    channels = max(8, LOWERED_SIZE // (block * _lowered_size(g)))
    slices = -(-g.in_channels // g.groups // channels)
    return g._replace(block=block, slice=-(-g.in_channels // g.groups // slices))


def turned(g: Geometry) -> Geometry:
    """The convolution that takes ∂y back to ∂x, by turned kernels, where `g` has a stride of 1."""
    rows = (g.kernel_height - 1) * g.dilation_height
    columns = (g.kernel_width - 1) * g.dilation_width
    return with_blocks(g._replace(
        in_channels=g.out_channels, height=g.out_height, width=g.out_width,
        out_channels=g.in_channels, out_height=g.height, out_width=g.width,
        top=rows - g.top, left=columns - g.left,
        bottom=rows - g.bottom, right=columns - g.right))


def _lowered_size(g: Geometry) -> int:
    """Floats of one lowered channel."""
    rows = (g.top + g.height + g.bottom - 1) // g.stride_height + 1
    return g.kernel_width * g.stride_height * rows * g.out_width


def workspace_size(g: Geometry) -> int:
    """How many floats of memory a kernel needs to work in."""
    maps = g.out_channels * g.out_height * g.out_width
    taps = g.slice * g.kernel_height * g.kernel_width
    tables = 3 * taps + 2 * g.out_channels // g.groups + g.kernel_width
    return g.block * (g.slice * _lowered_size(g) + maps) + 2 * TILE_COLUMNS + tables


class Workspace(NamedTuple):
    """The workspace in parts.

    lowered: the lowered input, or its gradient. maps: y or dy as (channel, row, sample, column).
    Then tables: where in `lowered` and in w each tap of a slice stands; where in `maps` and in w
    each map of a group stands; where in `lowered` the tap of each weight of a map stands; by how
    much each kernel column shifts the image.
    """

    lowered: object
    maps: object
    tap_rows: object
    tap_weights: object
    map_rows: object
    map_weights: object
    weight_rows: object
    shifts: object


@helper
def geometry(a):
    return Geometry(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11],
                    a[12], a[13], a[14], a[15], a[16], a[17], a[18], a[19])


@helper
def lowered_rows(g):
    """Rows of one phase."""
    return (g.top + g.height + g.bottom - 1) // g.stride_height + 1


@helper
def workspace(g, address):
    """Divide up the memory that `workspace_size` asked for."""
    size = g.block * g.slice * g.kernel_width * g.stride_height * lowered_rows(g) * g.out_width
    lowered = floats(address, size)
    address += 4 * (size + TILE_COLUMNS)
    size = g.block * g.out_channels * g.out_height * g.out_width
    maps = floats(address, size)
    address += 4 * (size + TILE_COLUMNS)
    taps, maps_of_group = g.slice * g.kernel_height * g.kernel_width, g.out_channels // g.groups
    tap_rows, tap_weights = ints(address, taps), ints(address + 4 * taps, taps)
    address += 8 * taps
    map_rows = ints(address, maps_of_group)
    map_weights = ints(address + 4 * maps_of_group, maps_of_group)
    address += 8 * maps_of_group
    weight_rows, shifts = ints(address, taps), ints(address + 4 * taps, g.kernel_width)
    return Workspace(lowered, maps, tap_rows, tap_weights, map_rows, map_weights, weight_rows,
                     shifts)


@helper
def fill_tables(g, samples, channels, work, is_turned):
    """Fill in the tables for so many samples and channels; taps go by kernel row, then channel.

    `is_turned`: w is (channel, map, row, column), and its kernels are turned by half a circle.
    """
    row_size = samples * g.out_width
    maps, size = g.out_channels // g.groups, g.kernel_height * g.kernel_width
    tap = 0
    for u in range(g.kernel_height):
        i, phase = divmod(u * g.dilation_height, g.stride_height)
        for channel in range(channels):
            for v in range(g.kernel_width):
                plane = (v * channels + channel) * g.stride_height + phase
                work.tap_rows[tap] = (plane * lowered_rows(g) + i) * row_size
                weight = channel * size + u * g.kernel_width + v
                work.weight_rows[weight] = work.tap_rows[tap]
                if is_turned:
                    weight = (channel * maps + 1) * size - 1 - (u * g.kernel_width + v)
                work.tap_weights[tap] = weight
                tap += 1
    for o in range(maps):
        work.map_rows[o] = o * g.out_height * row_size
        work.map_weights[o] = o * size if is_turned else o * (g.in_channels // g.groups * size)
    for v in range(g.kernel_width):
        work.shifts[v] = v * g.dilation_width - g.left


@inline
def prepare(g, first, samples, channel, channels, work, is_turned):
    """Tables and empty borders for a slice of a block, unless the slice before left the same."""
    is_ragged = g.in_channels // g.groups % g.slice != 0
    if (first == 0 and channel == 0) or samples < g.block or is_ragged:
        fill_tables(g, samples, channels, work, is_turned)
        work.lowered[:] = 0


@helper
def lower_input(g, x, first, samples, channel, channels, work, back):
    """lowered[v, c, a, i, n, j] = x[first + n, channel + c, stride i + a - top, stride j + shift].

    Where shift = shifts[v]; n < samples, c < channels. Positions outside the images keep their
    zeros. `back` is the adjoint, x = the sum of what of lowered came from there.
    """
    height, width, stride = g.height, g.width, g.stride_width
    start, step = (first * g.in_channels + channel) * height * width, g.in_channels * height * width
    rows, row_size = lowered_rows(g), samples * g.out_width
    if back:
        for n in range(samples):
            x[start + n * step:start + n * step + channels * height * width] = 0
    for v in range(g.kernel_width):
        shift = work.shifts[v]
        begin = max(0, -(shift // stride))
        n = min(g.out_width, (width - 1 - shift) // stride + 1) - begin
        for c in range(channels):
            for phase in range(g.stride_height):
                plane = (v * channels + c) * g.stride_height + phase
                for i in range(rows):
                    row = i * g.stride_height + phase - g.top
                    if n > 0 and 0 <= row < height:
                        to = (plane * rows + i) * row_size + begin
                        at = start + (c * height + row) * width + begin * stride + shift
                        if has_strides(stride):
                            move_strided(samples, n, stride, x, at, step,
                                         work.lowered, to, g.out_width, back)
                            continue
                        for _ in range(samples):
                            if back:
                                add_row(n, work.lowered, to, 1, x, at, stride)
                            else:
                                copy_row(n, x, at, stride, work.lowered, to, 1)
                            to += g.out_width
                            at += step


@helper
def move_maps(g, y, first, samples, maps, back):
    """maps[o, i, n, j] = y[first + n, o, i, j]; or `back`, the other way."""
    width = g.out_width
    to = 0
    for row in range(g.out_channels * g.out_height):
        at = (first * g.out_channels * g.out_height + row) * width
        for _ in range(samples):
            if back:
                copy_row(width, maps, to, 1, y, at, 1)
            else:
                copy_row(width, y, at, 1, maps, to, 1)
            to += width
            at += g.out_channels * g.out_height * width
