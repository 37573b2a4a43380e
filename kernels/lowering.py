"""Images lowered for convolution, and back.

Lowering is along the width only: one shifted copy of the image per kernel column, after which
every tap of the kernel is a contiguous row of all output positions. That is Cho & Brand, "MEC:
Memory-efficient Convolution for Deep Neural Network", 2017; im2col would copy once per tap.

The lowered copy is (kernel column, channel, row phase, row, sample, column): rows a stride apart
are neighbours, so a stride costs the inner loops nothing, and the samples of a block stand side
by side, so that small images fill the vector registers too.
"""

from typing import NamedTuple

from kernels.jit import floats, helper, ints
from kernels.simd import TILE_COLUMNS, add_row, copy_row

#: A padding mode's number, as an operand, is its place here.
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
ZEROS, REFLECT, REPLICATE, CIRCULAR = range(4)


class Geometry(NamedTuple):
    """What convolves what: the first operands of each kernel of convolution, in this order.

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
    """How many floats of memory a kernel needs to work in."""
    height, width = g.top + g.height + g.bottom, g.left + g.width + g.right
    rows = (height - 1) // g.stride_height + 1
    lowered = g.kernel_width * g.in_channels * g.stride_height * rows * g.out_width
    maps = g.out_channels * g.out_height * g.out_width
    padded = 0 if g.padding_mode == ZEROS else g.in_channels * height * width
    taps = g.in_channels // g.groups * g.kernel_height * g.kernel_width
    tables = 2 * (taps + g.out_channels // g.groups) + g.kernel_width
    return g.block * (lowered + maps + padded) + 2 * TILE_COLUMNS + tables


class Workspace(NamedTuple):
    """The workspace in parts.

    lowered: the lowered input, or its gradient. maps: y or dy as (channel, row, sample, column).
    padded: images with their borders, or their gradient. Then tables: where in `lowered` and in w
    each tap of a group's kernels stands; where in `maps` and in w each map of a group stands; by
    how much each kernel column shifts the image.
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
                    a[12], a[13], a[14], a[15], a[16], a[17], a[18], a[19])


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
def channel_step(g, samples):
    """Floats from one channel of the lowered copy to the next."""
    return g.stride_height * lowered_rows(g) * samples * g.out_width


@helper
def group_taps(g):
    return g.in_channels // g.groups * g.kernel_height * g.kernel_width


@helper
def workspace(g, address):
    """Divide up the memory that `workspace_size` asked for."""
    size = g.kernel_width * g.in_channels * channel_step(g, g.block)
    lowered = floats(address, size)
    address += 4 * (size + TILE_COLUMNS)
    size = g.block * g.out_channels * g.out_height * g.out_width
    maps = floats(address, size)
    address += 4 * (size + TILE_COLUMNS)
    size = 0
    if g.padding_mode != ZEROS:
        size = g.block * g.in_channels * padded_height(g) * padded_width(g)
    padded = floats(address, size)
    address += 4 * size
    taps, maps_of_group = group_taps(g), g.out_channels // g.groups
    tap_rows, tap_weights = ints(address, taps), ints(address + 4 * taps, taps)
    address += 8 * taps
    map_rows = ints(address, maps_of_group)
    map_weights = ints(address + 4 * maps_of_group, maps_of_group)
    shifts = ints(address + 8 * maps_of_group, g.kernel_width)
    return Workspace(lowered, maps, padded, tap_rows, tap_weights, map_rows, map_weights, shifts)


@helper
def fill_tables(g, samples, work):
    """Fill in the tables for blocks of so many samples; taps go by kernel row, then channel."""
    row_size = samples * g.out_width
    tap = 0
    for u in range(g.kernel_height):
        i, phase = divmod(u * g.dilation_height, g.stride_height)
        for channel in range(g.in_channels // g.groups):
            for v in range(g.kernel_width):
                plane = (v * g.in_channels + channel) * g.stride_height + phase
                work.tap_rows[tap] = (plane * lowered_rows(g) + i) * row_size
                work.tap_weights[tap] = (channel * g.kernel_height + u) * g.kernel_width + v
                tap += 1
    for o in range(g.out_channels // g.groups):
        work.map_rows[o] = o * g.out_height * row_size
        work.map_weights[o] = o * tap
    for v in range(g.kernel_width):
        # Images with a border of their own are lowered without any.
        work.shifts[v] = v * g.dilation_width - (g.left if g.padding_mode == ZEROS else 0)


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
def pad(g, x, first, samples, padded, back):
    """Copy images, from number `first` on, with their borders; or `back`, add what came of them."""
    at = 0
    for plane in range(first * g.in_channels, (first + samples) * g.in_channels):
        for i in range(-g.top, g.height + g.bottom):
            row = (plane * g.height + source_index(i, g.height, g.padding_mode)) * g.width
            for j in range(-g.left, g.width + g.right):
                column = source_index(j, g.width, g.padding_mode)
                if back:
                    x[row + column] += padded[at]
                else:
                    padded[at] = x[row + column]
                at += 1


@helper
def move_row(n, image, at, stride, lowered, to, back):
    """lowered[to + j] = image[at + stride j]; or `back`, image += lowered."""
    if stride == 1:
        if back:
            add_row(n, lowered, to, image, at)
        else:
            copy_row(n, image, at, lowered, to)
    elif back:
        for j in range(n):
            image[at + j * stride] += lowered[to + j]
    else:
        for j in range(n):
            lowered[to + j] = image[at + j * stride]


@helper
def lower(g, images, first, samples, height, width, top, work, back):
    """lowered[v, c, a, i, n, j] = images[n, c, stride i + a - top, stride j + shifts[v]].

    Positions outside the images keep their zeros. `back` is the adjoint, images += lowered.
    """
    lowered, stride = work.lowered, g.stride_width
    plane, rows = height * width, lowered_rows(g)
    for v in range(g.kernel_width):
        shift = work.shifts[v]
        begin = max(0, -(shift // stride))
        n = min(g.out_width, (width - 1 - shift) // stride + 1) - begin
        for channel in range(g.in_channels):
            for phase in range(g.stride_height):
                to = begin + samples * g.out_width * rows * (
                    (v * g.in_channels + channel) * g.stride_height + phase)
                for i in range(rows):
                    row = i * g.stride_height + phase - top
                    at = (first * g.in_channels + channel) * plane + row * width + (
                        begin * stride + shift)
                    for _ in range(samples):
                        if n > 0 and 0 <= row < height:
                            move_row(n, images, at, stride, lowered, to, back)
                        to += g.out_width
                        at += g.in_channels * plane


@helper
def lower_input(g, x, first, samples, work):
    """Lower a block of images, from number `first` on."""
    if first == 0 or samples < g.block:
        work.lowered[:] = 0
        fill_tables(g, samples, work)
    if g.padding_mode == ZEROS:
        lower(g, x, first, samples, g.height, g.width, g.top, work, False)
    else:
        pad(g, x, first, samples, work.padded, False)
        lower(g, work.padded, 0, samples, padded_height(g), padded_width(g), 0, work, False)


@helper
def raise_gradient(g, dx, first, samples, work):
    """The adjoint of `lower_input`: a block of dx from the gradient of the lowered input."""
    size = g.in_channels * g.height * g.width
    dx[first * size:(first + samples) * size] = 0
    if g.padding_mode == ZEROS:
        lower(g, dx, first, samples, g.height, g.width, g.top, work, True)
    else:
        work.padded[:] = 0
        lower(g, work.padded, 0, samples, padded_height(g), padded_width(g), 0, work, True)
        pad(g, dx, first, samples, work.padded, True)


@helper
def move_maps(g, y, first, samples, maps, back):
    """maps[o, i, n, j] = y[first + n, o, i, j]; or `back`, the other way."""
    width = g.out_width
    to = 0
    for row in range(g.out_channels * g.out_height):
        at = (first * g.out_channels * g.out_height + row) * width
        for _ in range(samples):
            if back:
                copy_row(width, maps, to, y, at)
            else:
                copy_row(width, y, at, maps, to)
            to += width
            at += g.out_channels * g.out_height * width
