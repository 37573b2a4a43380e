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

from kernels.jit import floats, helper, ints
from kernels.simd import TILE_COLUMNS, add_row, copy_row
from kernels.strided import has_strides, move_strided

#: A padding mode's number, as an operand, is its place here.
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
ZEROS, REFLECT, REPLICATE, CIRCULAR = range(4)


class Geometry(NamedTuple):
    """What convolves what: the first operands of each kernel of convolution, in this order.

    top, left, bottom, right: the padding. block, slice: how many samples and channels are lowered
    together.
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
    return g._replace(block=block, slice=min(g.in_channels // g.groups, channels))


def _lowered_size(g: Geometry) -> int:
    """Floats of one lowered channel."""
    rows = (g.top + g.height + g.bottom - 1) // g.stride_height + 1
    return g.kernel_width * g.stride_height * rows * g.out_width


def workspace_size(g: Geometry) -> int:
    """How many floats of memory a kernel needs to work in."""
    height, width = g.top + g.height + g.bottom, g.left + g.width + g.right
    maps = g.out_channels * g.out_height * g.out_width
    padded = 0 if g.padding_mode == ZEROS else g.slice * height * width
    taps = g.slice * g.kernel_height * g.kernel_width
    tables = 2 * (taps + g.out_channels // g.groups) + g.kernel_width
    return g.block * (g.slice * _lowered_size(g) + maps + padded) + 2 * TILE_COLUMNS + tables


class Workspace(NamedTuple):
    """The workspace in parts.

    lowered: the lowered input, or its gradient. maps: y or dy as (channel, row, sample, column).
    padded: images with their borders, or their gradient. Then tables: where in `lowered` and in w
    each tap of a slice stands; where in `maps` and in w each map of a group stands; by how much
    each kernel column shifts the image.
    """

    lowered: object
    maps: object
    padded: object
    tap_rows: object
    tap_weights: object
    map_rows: object
    map_weights: object
    shifts: object


@helper
def geometry(a):
    return Geometry(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11],
                    a[12], a[13], a[14], a[15], a[16], a[17], a[18], a[19], a[20])


@helper
def padded_height(g):
    return g.top + g.height + g.bottom


@helper
def padded_width(g):
    return g.left + g.width + g.right


@helper
def lowered_rows(g):
    """Rows of one phase."""
    return (padded_height(g) - 1) // g.stride_height + 1


@helper
def workspace(g, address):
    """Divide up the memory that `workspace_size` asked for."""
    size = g.block * g.slice * g.kernel_width * g.stride_height * lowered_rows(g) * g.out_width
    lowered = floats(address, size)
    address += 4 * (size + TILE_COLUMNS)
    size = g.block * g.out_channels * g.out_height * g.out_width
    maps = floats(address, size)
    address += 4 * (size + TILE_COLUMNS)
    size = 0
    if g.padding_mode != ZEROS:
        size = g.block * g.slice * padded_height(g) * padded_width(g)
    padded = floats(address, size)
    address += 4 * size
    taps, maps_of_group = g.slice * g.kernel_height * g.kernel_width, g.out_channels // g.groups
    tap_rows, tap_weights = ints(address, taps), ints(address + 4 * taps, taps)
    address += 8 * taps
    map_rows = ints(address, maps_of_group)
    map_weights = ints(address + 4 * maps_of_group, maps_of_group)
    shifts = ints(address + 8 * maps_of_group, g.kernel_width)
    return Workspace(lowered, maps, padded, tap_rows, tap_weights, map_rows, map_weights, shifts)


@helper
def fill_tables(g, samples, channels, work):
    """Fill in the tables for so many samples and channels; taps go by kernel row, then channel."""
    row_size = samples * g.out_width
    tap = 0
    for u in range(g.kernel_height):
        i, phase = divmod(u * g.dilation_height, g.stride_height)
        for channel in range(channels):
            for v in range(g.kernel_width):
                plane = (v * channels + channel) * g.stride_height + phase
                work.tap_rows[tap] = (plane * lowered_rows(g) + i) * row_size
                work.tap_weights[tap] = (channel * g.kernel_height + u) * g.kernel_width + v
                tap += 1
    taps_of_group = g.in_channels // g.groups * g.kernel_height * g.kernel_width
    for o in range(g.out_channels // g.groups):
        work.map_rows[o] = o * g.out_height * row_size
        work.map_weights[o] = o * taps_of_group
    for v in range(g.kernel_width):
        # Images with a border of their own are lowered without any.
        work.shifts[v] = v * g.dilation_width - (g.left if g.padding_mode == ZEROS else 0)


@helper
def prepare(g, first, samples, channel, channels, work):
    """Tables and empty borders for a slice of a block, unless the slice before left the same."""
    is_ragged = g.in_channels // g.groups % g.slice != 0
    if (first == 0 and channel == 0) or samples < g.block or is_ragged:
        fill_tables(g, samples, channels, work)
        work.lowered[:] = 0


@helper
def source_index(i, size, mode):
    """Where position i of a padded axis comes from: an index below size, or -1 for a zero."""
    if 0 <= i < size:
        return i
    if mode == ZEROS:
        return -1
    if mode == REFLECT:
        return -i if i < 0 else 2 * (size - 1) - i
    if mode == REPLICATE:
        return 0 if i < 0 else size - 1
    return i % size


@helper
def pad(g, x, first, samples, channel, channels, padded, back):
    """Copy images with their borders; or `back`, add to the images what came of them."""
    at = 0
    for n in range(first, first + samples):
        for c in range(channel, channel + channels):
            for i in range(-g.top, g.height + g.bottom):
                row = source_index(i, g.height, g.padding_mode) + g.height * (
                    n * g.in_channels + c)
                for j in range(-g.left, g.width + g.right):
                    source = row * g.width + source_index(j, g.width, g.padding_mode)
                    if back:
                        x[source] += padded[at]
                    else:
                        padded[at] = x[source]
                    at += 1


@helper
def lower(g, images, start, step, samples, channels, height, width, top, work, back):
    """lowered[v, c, a, i, n, j] = images[n, c, stride i + a - top, stride j + shifts[v]].

    The first image starts at `start`, the next ones `step` further. Positions outside the images
    keep their zeros. `back` is the adjoint, images += lowered.
    """
    stride, rows, row_size = g.stride_width, lowered_rows(g), samples * g.out_width
    for v in range(g.kernel_width):
        shift = work.shifts[v]
        begin = max(0, -(shift // stride))
        n = min(g.out_width, (width - 1 - shift) // stride + 1) - begin
        for channel in range(channels):
            for phase in range(g.stride_height):
                plane = (v * channels + channel) * g.stride_height + phase
                for i in range(rows):
                    row = i * g.stride_height + phase - top
                    if n > 0 and 0 <= row < height:
                        to = (plane * rows + i) * row_size + begin
                        at = start + (channel * height + row) * width + begin * stride + shift
                        if has_strides(stride):
                            move_strided(samples, n, stride, images, at, step,
                                         work.lowered, to, g.out_width, back)
                            continue
                        for _ in range(samples):
                            if back:
                                add_row(n, work.lowered, to, 1, images, at, stride)
                            else:
                                copy_row(n, images, at, stride, work.lowered, to, 1)
                            to += g.out_width
                            at += step


@helper
def lower_input(g, x, first, samples, channel, channels, work, back):
    """Lower a block of images; or `back`, the adjoint: their gradient from that of the copy."""
    plane, padded = g.height * g.width, g.padding_mode != ZEROS
    images, height, width, top = x, g.height, g.width, g.top
    start, step = (first * g.in_channels + channel) * plane, g.in_channels * plane
    if back:
        for n in range(samples):
            x[start + n * step:start + n * step + channels * plane] = 0
    if padded:
        images, height, width, top = work.padded, padded_height(g), padded_width(g), 0
        start, step = 0, channels * height * width
        if back:
            images[:] = 0
        else:
            pad(g, x, first, samples, channel, channels, images, False)
    lower(g, images, start, step, samples, channels, height, width, top, work, back)
    if padded and back:
        pad(g, x, first, samples, channel, channels, images, True)


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
