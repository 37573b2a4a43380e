"""Convolution of images, forward and backward: products over a lowered input (see lowering.py)."""

import numpy as np

from kernels.channels import sum_channels
from kernels.conv_panels import correlate_packed, multiply_packed
from kernels.jit import floats, helper, inline, kernel
from kernels.lowering import (
    GEOMETRY,
    SIZES,
    geometry,
    lower_input,
    move_maps,
    prepare,
    workspace,
)
from kernels.product import tile_rows
from kernels.simd import correlate_tile, multiply_tile
from kernels.vector_writer import TILE_COLUMNS, VECTORS

ZERO = np.float32(0)
STRIP = 8 * TILE_COLUMNS
"""Positions that are finished before the next: their y stays in the cache meanwhile."""
TAP_BLOCK = 256
"""Terms per pass of a product: so many rows, one tile wide, stay in the first-level cache."""
POSITION_BLOCK = 1024
"""Positions per pass of the weights' gradient: 8 rows of these fit the first-level cache."""


@helper
def multiply(rows, terms, n, x, x_start, x_terms, w, w_start, w_terms, w_rows, y, y_start, y_rows):
    """y[y_rows[r] + t] += sum_k w[w_rows[r] + w_terms[k]] x[x_terms[k] + t]; r < rows, t < n."""
    for k in range(0, terms, TAP_BLOCK):
        for t in range(0, n, TILE_COLUMNS):
            r = 0
            while r < rows:
                height = tile_rows(rows - r)
                multiply_tile(height, min(TILE_COLUMNS, n - t), min(TAP_BLOCK, terms - k),
                              x, x_start + t, x_terms[k:], w, w_start, w_terms[k:], w_rows[r:],
                              y, y_start + t, y_rows[r:])
                r += height


@helper
def correlate(maps, taps, n, dy, dy_start, x, x_taps, dw, dw_start, dw_step, dw_taps):
    """dw[o, dw_taps[k]] += sum_t dy[o, t] x[x_taps[k] + t], for o < maps, k < taps, t < n."""
    for t in range(0, n, POSITION_BLOCK):
        o = 0
        while o < maps:
            height = tile_rows(maps - o)
            for k in range(0, taps, VECTORS):
                correlate_tile(height, min(VECTORS, taps - k), min(POSITION_BLOCK, n - t),
                               dy, dy_start + o * n + t, n, x, t, x_taps[k:],
                               dw, dw_start + o * dw_step, dw_step, dw_taps[k:])
            o += height


@inline
def convolve(g, x, w, b, has_bias, y, address, packs, is_turned):
    """y = b + the products of w with the lowered x; `is_turned`: see lowering.fill_tables."""
    kernel_size, positions = g.kernel_height * g.kernel_width, g.out_height * g.out_width
    inputs, maps = g.in_channels // g.groups, g.out_channels // g.groups
    work = workspace(g, address)
    for first in range(0, g.batch, g.block):
        samples = min(g.block, g.batch - first)
        n = samples * positions
        # A block of one sample has the order of y.
        out, start = (y, first * g.out_channels * n) if g.block == 1 else (work.maps, 0)
        for group in range(g.groups):
            to = start + group * maps * n
            for channel in range(0, inputs, g.slice):
                channels = min(g.slice, inputs - channel)
                prepare(g, first, samples, group * inputs + channel, channels, work, is_turned)
                lower_input(g, x, first, samples, group * inputs + channel, channels, work, False)
                weights = (group * inputs + channel) * maps * kernel_size
                if not is_turned:
                    weights = (group * maps * inputs + channel) * kernel_size
                for t in range(0, n, STRIP):
                    width = min(STRIP, n - t)
                    if channel == 0:
                        for o in range(maps):
                            at = to + o * n + t
                            out[at:at + width] = b[group * maps + o] if has_bias else ZERO
                    if packs:
                        multiply_packed(maps, channels * kernel_size, width, work.lowered, t,
                                        work.weight_rows, w, weights, inputs * kernel_size,
                                        out, to + t, n)
                    else:
                        multiply(maps, channels * kernel_size, width, work.lowered, t,
                                 work.tap_rows, w, weights, work.tap_weights, work.map_weights,
                                 out, to + t, work.map_rows)
        if g.block > 1:
            move_maps(g, y, first, samples, work.maps, True)


@inline
def convolve_forward(a, packs):
    """What both kernels of forward do."""
    g = geometry(a)
    x = floats(a[SIZES], g.batch * g.in_channels * g.height * g.width)
    w = floats(a[SIZES + 1], g.out_channels * (g.in_channels // g.groups) * g.kernel_height
               * g.kernel_width)
    b, has_bias = floats(a[SIZES + 2], g.out_channels), a[SIZES + 2] != 0
    y = floats(a[SIZES + 3], g.batch * g.out_channels * g.out_height * g.out_width)
    convolve(g, x, w, b, has_bias, y, a[SIZES + 4], packs, False)


@kernel(f"{GEOMETRY} x w b -> y work")
def conv2d_forward(a):
    """y[o, i, j] = b[o] + sum_cuv w[o, c, u, v] x[c, s i + d u - p, s j + d v - p].

    x (n, c, height, width), w (o, c / groups, u, v), b (o,) or 0 for none, y (n, o, i, j)
    """
    convolve_forward(a, False)


@kernel(f"{GEOMETRY} x w b -> y work")
def conv2d_forward_packed(a):
    """y[o, i, j] = b[o] + sum_cuv w[o, c, u, v] x[c, s i + d u - p, s j + d v - p].

    For many maps. x (n, c, height, width), w (o, c / groups, u, v), b (o,) or 0 for none,
    y (n, o, i, j)
    """
    convolve_forward(a, True)


@kernel(f"{GEOMETRY} dy w -> dx work")
def conv2d_input_gradient_turned(a):
    """dx = dy convolved with every w[o, c] turned by half a circle, for a stride of 1.

    The geometry is that of this convolution: dy (n, c, height, width), w (c, o / groups, u, v),
    dx (n, o, i, j)
    """
    g = geometry(a)
    dy = floats(a[SIZES], g.batch * g.in_channels * g.height * g.width)
    w = floats(a[SIZES + 1], g.in_channels * (g.out_channels // g.groups) * g.kernel_height
               * g.kernel_width)
    dx = floats(a[SIZES + 2], g.batch * g.out_channels * g.out_height * g.out_width)
    convolve(g, dy, w, dy, False, dx, a[SIZES + 3], False, True)


@inline
def find_weight_gradient(a, packs):
    """What both kernels of the weights' gradient do."""
    g = geometry(a)
    kernel_size, positions = g.kernel_height * g.kernel_width, g.out_height * g.out_width
    inputs, maps = g.in_channels // g.groups, g.out_channels // g.groups
    x = floats(a[SIZES], g.batch * g.in_channels * g.height * g.width)
    dy = floats(a[SIZES + 1], g.batch * g.out_channels * positions)
    dw = floats(a[SIZES + 2], g.out_channels * inputs * kernel_size)
    db, has_bias = floats(a[SIZES + 3], g.out_channels), a[SIZES + 3] != 0
    work = workspace(g, a[SIZES + 4])
    dw[:] = 0
    for first in range(0, g.batch, g.block):
        samples = min(g.block, g.batch - first)
        n = samples * positions
        out, start = (dy, first * g.out_channels * n) if g.block == 1 else (work.maps, 0)
        if g.block > 1:
            move_maps(g, dy, first, samples, work.maps, False)
        for group in range(g.groups):
            for channel in range(0, inputs, g.slice):
                channels = min(g.slice, inputs - channel)
                prepare(g, first, samples, group * inputs + channel, channels, work, False)
                lower_input(g, x, first, samples, group * inputs + channel, channels, work, False)
                weights, at = group * maps * inputs + channel, start + group * maps * n
                if packs:
                    correlate_packed(maps, channels * kernel_size, n, out, at, work.lowered,
                                     work.weight_rows, dw, weights * kernel_size,
                                     inputs * kernel_size)
                else:
                    correlate(maps, channels * kernel_size, n, out, at, work.lowered,
                              work.tap_rows, dw, weights * kernel_size, inputs * kernel_size,
                              work.tap_weights)
    if has_bias:
        sum_channels(g.batch, g.out_channels, positions, dy, db)


@kernel(f"{GEOMETRY} x dy -> dw db work")
def conv2d_weight_gradient(a):
    """dw[o, c, u, v] = sum_nij dy[n, o, i, j] x[n, c, s i + d u - p, s j + d v - p], db = sum dy.

    x (n, c, height, width), dy (n, o, i, j), dw (o, c / groups, u, v), db (o,) or 0 for none
    """
    find_weight_gradient(a, False)


@kernel(f"{GEOMETRY} x dy -> dw db work")
def conv2d_weight_gradient_packed(a):
    """dw[o, c, u, v] = sum_nij dy[n, o, i, j] x[n, c, s i + d u - p, s j + d v - p], db = sum dy.

    For many maps. x (n, c, height, width), dy (n, o, i, j), dw (o, c / groups, u, v), db (o,) or 0
    for none
    """
    find_weight_gradient(a, True)


@kernel(f"{GEOMETRY} dy w -> dx work")
def conv2d_input_gradient(a):
    """dx[c, s i + d u - p, s j + d v - p] += sum_o w[o, c, u, v] dy[o, i, j], from zero.

    dy (n, o, i, j), w (o, c / groups, u, v), dx (n, c, height, width)
    """
    g = geometry(a)
    kernel_size, positions = g.kernel_height * g.kernel_width, g.out_height * g.out_width
    inputs, maps = g.in_channels // g.groups, g.out_channels // g.groups
    dy = floats(a[SIZES], g.batch * g.out_channels * positions)
    w = floats(a[SIZES + 1], g.out_channels * inputs * kernel_size)
    dx = floats(a[SIZES + 2], g.batch * g.in_channels * g.height * g.width)
    work = workspace(g, a[SIZES + 3])
    for first in range(0, g.batch, g.block):
        samples = min(g.block, g.batch - first)
        n = samples * positions
        move_maps(g, dy, first, samples, work.maps, False)
        for group in range(g.groups):
            for channel in range(0, inputs, g.slice):
                channels = min(g.slice, inputs - channel)
                prepare(g, first, samples, group * inputs + channel, channels, work, False)
                work.lowered[:] = 0
                row_taps = channels * g.kernel_width
                for u in range(g.kernel_height):
                    # One kernel row at a time: different ones add to the same places.
                    multiply(row_taps, maps, n, work.maps, group * maps * n, work.map_rows,
                             w, (group * maps * inputs + channel) * kernel_size, work.map_weights,
                             work.tap_weights[u * row_taps:],
                             work.lowered, 0, work.tap_rows[u * row_taps:])
                lower_input(g, dx, first, samples, group * inputs + channel, channels, work, True)
