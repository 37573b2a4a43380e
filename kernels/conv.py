"""Convolution of images, forward and backward: products over a lowered input (see lowering.py)."""

import numpy as np

from kernels.jit import floats, helper, kernel
from kernels.lowering import (
    GEOMETRY,
    SIZES,
    fill_tables,
    geometry,
    lower_input,
    move_maps,
    workspace,
)
from kernels.simd import ROWS, TILE_COLUMNS, VECTORS, correlate_tile, multiply_tile

TAP_BLOCK = 256
"""Terms per pass of a product: so many rows, one tile wide, stay in the first-level cache."""
POSITION_BLOCK = 1024
"""Positions per pass of the weights' gradient: 8 rows of these fit the first-level cache."""


@helper
def tile_rows(left):
    """The tallest tile of no more than `left` rows."""
    for rows in ROWS:
        if rows <= left:
            return rows
    return 1


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
def correlate(maps, taps, n, dy, dy_start, x, x_start, x_taps, dw, dw_start, dw_taps):
    """dw[o, dw_taps[k]] += sum_t dy[o, t] x[x_taps[k] + t], for o < maps, k < taps, t < n."""
    for t in range(0, n, POSITION_BLOCK):
        o = 0
        while o < maps:
            height = tile_rows(maps - o)
            for k in range(0, taps, VECTORS):
                correlate_tile(height, min(VECTORS, taps - k), min(POSITION_BLOCK, n - t),
                               dy, dy_start + o * n + t, n, x, x_start + t, x_taps[k:],
                               dw, dw_start + o * taps, taps, dw_taps[k:])
            o += height


@kernel(f"{GEOMETRY} x w b -> y work")
def conv2d_forward(a):
    """y[o, i, j] = b[o] + sum_cuv w[o, c, u, v] x[c, s i + d u - p, s j + d v - p].

    x (n, c, height, width), w (o, c / groups, u, v), b (o,) or 0 for none, y (n, o, i, j)
    """
    g = geometry(a)
    kernel_size, positions = g.kernel_height * g.kernel_width, g.out_height * g.out_width
    inputs, maps = g.in_channels // g.groups, g.out_channels // g.groups
    x = floats(a[SIZES], g.batch * g.in_channels * g.height * g.width)
    w = floats(a[SIZES + 1], g.out_channels * inputs * kernel_size)
    b, has_bias = floats(a[SIZES + 2], g.out_channels), a[SIZES + 2] != 0
    y = floats(a[SIZES + 3], g.batch * g.out_channels * positions)
    work = workspace(g, a[SIZES + 4])
    lowered_now = (0, 0)
    for first in range(0, g.batch, g.block):
        samples = min(g.block, g.batch - first)
        n = samples * positions
        # A block of one sample has the order of y.
        out, start = (y, first * g.out_channels * n) if g.block == 1 else (work.maps, 0)
        for o in range(g.out_channels):
            at = start + o * n
            out[at:at + n] = b[o] if has_bias else np.float32(0)
        for channel in range(0, g.in_channels, g.slice):
            ...
