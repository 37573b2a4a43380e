"""Convolution of images, forward and backward.

The image is lowered along its width only: one shifted copy per kernel column, after which every
tap of the kernel is a contiguous row of all output positions. That is Cho & Brand, "MEC:
Memory-efficient Convolution for Deep Neural Network", 2017; im2col would copy once per tap.

The lowered copy is (kernel column, channel, row phase, row, sample, column): rows a stride apart
are neighbours, so a stride costs the inner loops nothing, and the samples of a block stand side
by side, so that small images fill the vector registers too.
"""

from typing import NamedTuple

import numpy as np

from kernels.jit import floats, helper, inline, ints, kernel
from kernels.simd import ROWS, TILE_COLUMNS, VECTORS, convolve_tile, copy, correlate_tile

#: A padding mode's number, as an operand, is its place here.
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
ZEROS, REFLECT, REPLICATE, CIRCULAR = range(4)

TAP_BLOCK = 512
"""Taps per pass: so many lowered rows, one tile wide, stay near."""
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
    """`g`, with blocks of samples that give some 500 positions, in no more than a megabyte."""
    positions = g.out_height * g.out_width
    return g._replace(block=max(1, min(g.batch, 512 // positions, 2**18 // workspace_size(g))))


def workspace_size(g: Geometry) -> int:
    """How many floats of memory each kernel needs to work in."""
    height, width = g.top + g.height + g.bottom, g.left + g.width + g.right
    rows, columns = (height - 1) // g.stride_height + 1, (width - 1) // g.stride_width + 1
    reach = (g.kernel_height - 1) * g.dilation_height // g.stride_height
    group_channels = max(g.in_channels, g.out_channels) // g.groups
    tables = 2 * g.kernel_height * g.kernel_width * group_channels + g.kernel_width
    forward = (g.kernel_width * g.in_channels * g.stride_height * rows * g.out_width
               + g.out_channels * g.out_height * g.out_width
               + (0 if g.padding_mode == ZEROS else g.in_channels * height * width))
    backward = (g.kernel_width * g.out_channels * (rows + reach) * columns
                + g.in_channels * g.stride_height * g.stride_width * rows * columns)
    return g.block * max(forward, backward) + TILE_COLUMNS + tables


@inline
def geometry(a):
    return Geometry(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11],
                    a[12], a[13], a[14], a[15], a[16], a[17], a[18], a[19])


@inline
def padded_size(g):
    return g.top + g.height + g.bottom, g.left + g.width + g.right


@inline
def input_rows(g):
    """Rows of each row phase of the lowered input."""
    return (g.top + g.height + g.bottom - 1) // g.stride_height + 1


@inline
def input_step(g, samples):
    """Floats from one channel of the lowered input to the next."""
    return g.stride_height * input_rows(g) * samples * g.out_width


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
def pad(g, x, first, samples, padded):
    """Copy `samples` images, from number `first` on, with their borders filled in."""
    at = 0
    for plane in range(first * g.in_channels, (first + samples) * g.in_channels):
        for i in range(-g.top, g.height + g.bottom):
            row = source_index(i, g.height, g.padding_mode)
            for j in range(-g.left, g.width + g.right):
                column = source_index(j, g.width, g.padding_mode)
                padded[at] = x[(plane * g.height + row) * g.width + column]
                at += 1


@helper
def lower(images, first, samples, channels, height, width, row_stride, column_stride,
          rows, columns, top, shifts, lowered):
    """lowered[l, c, a, i, n, j] = images[n, c, row_stride i + a - top, column_stride j + shifts[l]].

    Positions outside the image are left alone: they hold zeros.
    """
    plane = height * width
    for tap in range(len(shifts)):
        shift = shifts[tap]
        begin = max(0, -(shift // column_stride))
        n = min(columns, (width - 1 - shift) // column_stride + 1) - begin
        for channel in range(channels):
            for phase in range(row_stride):
                for i in range(rows):
                    row = i * row_stride + phase - top
                    if n > 0 and 0 <= row < height:
                        to = begin + samples * columns * (
                            ((tap * channels + channel) * row_stride + phase) * rows + i)
                        at = begin * column_stride + shift + row * width + plane * (
                            first * channels + channel)
                        for _ in range(samples):
                            if column_stride == 1:
                                copy(n, images, at, lowered, to)
                            else:
                                for j in range(n):
                                    lowered[to + j] = images[at + j * column_stride]
                            to += columns
                            at += channels * plane


@helper
def lower_input(g, x, first, samples, shifts, lowered, padded):
    """Lower a block of input images with their borders."""
    is_padded = g.padding_mode != ZEROS
    for tap in range(g.kernel_width):
        shifts[tap] = tap * g.dilation_width - (0 if is_padded else g.left)
    if is_padded:
        pad(g, x, first, samples, padded)
        height, width = padded_size(g)
        lower(padded, 0, samples, g.in_channels, height, width, g.stride_height, g.stride_width,
              input_rows(g), g.out_width, 0, shifts, lowered)
    else:
        lower(x, first, samples, g.in_channels, g.height, g.width, g.stride_height,
              g.stride_width, input_rows(g), g.out_width, g.top, shifts, lowered)


@helper
def find_taps(g, samples, offsets):
    """Where each tap (c, k, l) of the first group's kernels starts to read the lowered input."""
    at = 0
    for channel in range(g.in_channels // g.groups):
        for k in range(g.kernel_height):
            i, phase = divmod(k * g.dilation_height, g.stride_height)
            for l in range(g.kernel_width):
                plane = (l * g.in_channels + channel) * g.stride_height + phase
                offsets[at] = (plane * input_rows(g) + i) * samples * g.out_width
                at += 1


@inline
def tile_rows(left):
    """The tallest tile of no more than `left` rows."""
    for rows in ROWS:
        if rows <= left:
            return rows
    return 1


@helper
def multiply(groups, maps, taps, n, x, x_step, x_offsets, w, w_group, w_step, w_offsets,
             y, y_start):
    """y[o, t] += sum_k w[o, k] x[x_offsets[k] + t], for the maps o of each group and t < n."""
    for group in range(groups):
        for tap in range(0, taps, TAP_BLOCK):
            for t in range(0, n, TILE_COLUMNS):
                o = 0
                while o < maps:
                    rows = tile_rows(maps - o)
                    convolve_tile(rows, min(TILE_COLUMNS, n - t), min(TAP_BLOCK, taps - tap),
                                  x, group * x_step + t, x_offsets,
                                  w, group * w_group + o * w_step, w_step, w_offsets, tap,
                                  y, y_start + (group * maps + o) * n + t, n)
                    o += rows


@helper
def gather(images, first, samples, channels, height, width, block):
    """block[c, i, n, j] = images[first + n, c, i, j]."""
    for channel in range(channels):
        for i in range(height):
            for n in range(samples):
                row = ((first + n) * channels + channel) * height + i
                copy(width, images, row * width,
                     block, ((channel * height + i) * samples + n) * width)


@helper
def scatter(block, first, samples, channels, height, width, images):
    """images[first + n, c, i, j] = block[c, i, n, j]."""
    for channel in range(channels):
        for i in range(height):
            for n in range(samples):
                row = ((first + n) * channels + channel) * height + i
                copy(width, block, ((channel * height + i) * samples + n) * width,
                     images, row * width)


@kernel(f"{GEOMETRY} x w b -> y {WORKSPACE}")
def conv2d_forward(a):
    """y[o, i, j] = b[o] + sum_ckl w[o, c, k, l] x[c, s i + d k - p, s j + d l - p].

    x (n, c, height, width), w (o, c / groups, k, l), b (o,) or 0 for none, y (n, o, i, j)
    """
    g = geometry(a)
    maps = g.out_channels // g.groups
    group_channels = g.in_channels // g.groups
    taps = group_channels * g.kernel_height * g.kernel_width
    positions = g.out_height * g.out_width
    x = floats(a[SIZES], g.batch * g.in_channels * g.height * g.width)
    w = floats(a[SIZES + 1], g.out_channels * taps)
    b, has_bias = floats(a[SIZES + 2], g.out_channels), a[SIZES + 2] != 0
    y = floats(a[SIZES + 3], g.batch * g.out_channels * positions)
    lowered_size = g.kernel_width * g.in_channels * input_step(g, g.block)
    lowered = floats(a[SIZES + 4], lowered_size + TILE_COLUMNS)
    scratch = floats(a[SIZES + 5], g.block * g.out_channels * positions)
    height, width = padded_size(g)
    padded = floats(a[SIZES + 6], g.block * g.in_channels * height * width)
    tables = ints(a[SIZES + 7], 2 * taps + g.kernel_width)
    x_offsets, w_offsets, shifts = tables[:taps], tables[taps:2 * taps], tables[2 * taps:]
    for tap in range(taps):
        w_offsets[tap] = tap
    for first in range(0, g.batch, g.block):
        samples = min(g.block, g.batch - first)
        n = samples * positions
        if first == 0 or samples < g.block:
            lowered[:] = 0
            find_taps(g, samples, x_offsets)
        lower_input(g, x, first, samples, shifts, lowered, padded)
        # With one sample a block, its lowered order is its order in y.
        out, start = (y, first * g.out_channels * n) if g.block == 1 else (scratch, 0)
        for o in range(g.out_channels):
            at = start + o * n
            out[at:at + n] = b[o] if has_bias else np.float32(0)
        multiply(g.groups, maps, taps, n, lowered, group_channels * input_step(g, samples),
                 x_offsets, w, maps * taps, taps, w_offsets, out, start)
        if g.block > 1:
            scatter(scratch, first, samples, g.out_channels, g.out_height, g.out_width, y)


@kernel(f"{GEOMETRY} x dy -> dw db {WORKSPACE}")
def conv2d_weight_gradient(a):
    """dw[o, c, k, l] = sum_nij dy[n, o, i, j] x[n, c, s i + d k - p, s j + d l - p]; db = sum_nij dy.

    x (n, c, height, width), dy (n, o, i, j), dw (o, c / groups, k, l), db (o,) or 0 for none
    """
    g = geometry(a)
    maps = g.out_channels // g.groups
    group_channels = g.in_channels // g.groups
    taps = group_channels * g.kernel_height * g.kernel_width
    positions = g.out_height * g.out_width
    x = floats(a[SIZES], g.batch * g.in_channels * g.height * g.width)
    dy = floats(a[SIZES + 1], g.batch * g.out_channels * positions)
    dw = floats(a[SIZES + 2], g.out_channels * taps)
    db, has_bias = floats(a[SIZES + 3], g.out_channels), a[SIZES + 3] != 0
    lowered_size = g.kernel_width * g.in_channels * input_step(g, g.block)
    lowered = floats(a[SIZES + 4], lowered_size + TILE_COLUMNS)
    scratch = floats(a[SIZES + 5], g.block * g.out_channels * positions)
    height, width = padded_size(g)
    padded = floats(a[SIZES + 6], g.block * g.in_channels * height * width)
    tables = ints(a[SIZES + 7], 2 * taps + g.kernel_width)
    offsets, shifts = tables[:taps], tables[2 * taps:]
    dw[:] = 0
    for first in range(0, g.batch, g.block):
        samples = min(g.block, g.batch - first)
        n = samples * positions
        if first == 0 or samples < g.block:
            lowered[:] = 0
            find_taps(g, samples, offsets)
        lower_input(g, x, first, samples, shifts, lowered, padded)
        out, start = (dy, first * g.out_channels * n) if g.block == 1 else (scratch, 0)
        if g.block > 1:
            gather(dy, first, samples, g.out_channels, g.out_height, g.out_width, scratch)
        correlate(g.groups, maps, taps, n, out, start, lowered,
                  group_channels * input_step(g, samples), offsets, dw)
    if has_bias:
        sum_maps(g.batch, g.out_channels, positions, dy, db)


@helper
def correlate(groups, maps, taps, n, dy, dy_start, x, x_step, x_offsets, dw):
    """dw[o, k] += sum_t dy[o, t] x[x_offsets[k] + t], for the maps o of each group and t < n."""
    for group in range(groups):
        for t in range(0, n, POSITION_BLOCK):
            o = 0
            while o < maps:
                rows = tile_rows(maps - o)
                row = group * maps + o
                for tap in range(0, taps, VECTORS):
                    correlate_tile(rows, min(VECTORS, taps - tap), min(POSITION_BLOCK, n - t),
                                   dy, dy_start + row * n + t, n, x, group * x_step + t,
                                   x_offsets, tap, dw, row * taps + tap, taps)
                o += rows


@helper
def sum_maps(batch, channels, positions, dy, db):
    """db[o] = sum_ni dy[n, o, i]."""
    for o in range(channels):
        total = np.float32(0)
        for n in range(batch):
            at = (n * channels + o) * positions
            for i in range(at, at + positions):
                total += dy[i]
        db[o] = total


class Grid(NamedTuple):
    """The gradient of the padded input, split into one plane per stride phase.

    height, width: of a plane. origin_height, origin_width: the padded position of its corner.
    reach: rows that the first output row looks back. direct: the single plane is dx itself.
    """

    height: int
    width: int
    origin_height: int
    origin_width: int
    reach: int
    direct: bool


@inline
def gradient_grid(g):
    height, width = padded_size(g)
    reach = (g.kernel_height - 1) * g.dilation_height // g.stride_height
    if g.padding_mode == ZEROS and g.stride_height == 1 and g.stride_width == 1:
        return Grid(g.height, g.width, g.top, g.left, reach, True)
    return Grid((height - 1) // g.stride_height + 1, (width - 1) // g.stride_width + 1,
                0, 0, reach, False)


@helper
def find_gradient_taps(g, grid, samples, row_phase, column_phase, x_offsets, w_offsets):
    """The taps that reach one stride phase: where they read the lowered dy and w. Their number."""
    rows = grid.height + grid.reach
    kernel_size = g.kernel_height * g.kernel_width
    tap = 0
    for o in range(g.out_channels // g.groups):
        for k in range(g.kernel_height):
            i, a = divmod(k * g.dilation_height, g.stride_height)
            for l in range(g.kernel_width):
                if a == row_phase and l * g.dilation_width % g.stride_width == column_phase:
                    x_offsets[tap] = samples * grid.width * (
                        (l * g.out_channels + o) * rows + grid.reach - i)
                    w_offsets[tap] = (
                        o * (g.in_channels // g.groups) * kernel_size + k * g.kernel_width + l)
                    tap += 1
    return tap


@helper
def fold(g, grid, planes, first, samples, dx):
    """Add the gradient of each padded position to the input position that it came from."""
    height, width = padded_size(g)
    size = g.in_channels * g.height * g.width
    dx[first * size:(first + samples) * size] = 0
    for channel in range(g.in_channels):
        for i in range(height):
            row = source_index(i - g.top, g.height, g.padding_mode)
            if row < 0:
                continue
            for n in range(samples):
                to = (((first + n) * g.in_channels + channel) * g.height + row) * g.width
                for phase in range(g.stride_width):
                    plane = (i % g.stride_height * g.stride_width + phase) * g.in_channels + channel
                    at = ((plane * grid.height + i // g.stride_height) * samples + n) * grid.width
                    for j in range(phase, width, g.stride_width):
                        column = source_index(j - g.left, g.width, g.padding_mode)
                        if column >= 0:
                            dx[to + column] += planes[at]
                        at += 1


@kernel(f"{GEOMETRY} dy w -> dx {WORKSPACE}")
def conv2d_input_gradient(a):
    """dx[c, s i + d k - p, s j + d l - p] += sum_okl w[o, c, k, l] dy[o, i, j].

    dy (n, o, i, j), w (o, c / groups, k, l), dx (n, c, height, width)
    """
    g = geometry(a)
    grid = gradient_grid(g)
    maps, group_channels = g.out_channels // g.groups, g.in_channels // g.groups
    kernel_size = g.kernel_height * g.kernel_width
    plane_size = g.in_channels * grid.height * grid.width
    dy = floats(a[SIZES], g.batch * g.out_channels * g.out_height * g.out_width)
    w = floats(a[SIZES + 1], g.out_channels * group_channels * kernel_size)
    dx = floats(a[SIZES + 2], g.batch * g.in_channels * g.height * g.width)
    step = (grid.height + grid.reach) * grid.width
    lowered = floats(a[SIZES + 3],
                     g.kernel_width * g.out_channels * step * g.block + TILE_COLUMNS)
    scratch = floats(a[SIZES + 4], g.stride_height * g.stride_width * plane_size * g.block)
    tables = ints(a[SIZES + 6], 2 * maps * kernel_size + g.kernel_width)
    x_offsets, w_offsets = tables[:maps * kernel_size], tables[maps * kernel_size:]
    shifts = tables[2 * maps * kernel_size:]
    for tap in range(g.kernel_width):
        shifts[tap] = grid.origin_width - tap * g.dilation_width // g.stride_width
    in_place = grid.direct and g.block == 1
    for first in range(0, g.batch, g.block):
        samples = min(g.block, g.batch - first)
        n = samples * grid.height * grid.width
        if first == 0 or samples < g.block:
            lowered[:] = 0
        lower(dy, first, samples, g.out_channels, g.out_height, g.out_width, 1, 1,
              grid.height + grid.reach, grid.width, grid.reach - grid.origin_height, shifts,
              lowered)
        out = dx if in_place else scratch
        start = first * plane_size if in_place else 0
        size = g.stride_height * g.stride_width * plane_size * samples
        out[start:start + size] = 0
        for row_phase in range(g.stride_height):
            for column_phase in range(g.stride_width):
                taps = find_gradient_taps(g, grid, samples, row_phase, column_phase,
                                          x_offsets, w_offsets)
                multiply(g.groups, group_channels, taps, n, lowered, maps * step * samples,
                         x_offsets, w, maps * group_channels * kernel_size, kernel_size,
                         w_offsets, out, start)
                start += plane_size * samples
        if not grid.direct:
            fold(g, grid, scratch, first, samples, dx)
        elif not in_place:
            scatter(scratch, first, samples, g.in_channels, g.height, g.width, dx)
