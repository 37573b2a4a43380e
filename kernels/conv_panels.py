"""Products over a lowered input for convolutions with many maps (see product.py and conv.py).

What all maps read is packed first, in panels that stay in the first-level cache. With few maps
that takes longer than it saves.
"""

from kernels.jit import floats, helper
from kernels.lowering import Geometry
from kernels.product import PACKED, TERM_BLOCK, panel_product, stack_block
from kernels.simd import copy_row
from kernels.transpose import transpose
from kernels.vector_writer import TILE_COLUMNS


def suits(g: Geometry) -> bool:
    """Whether a convolution gains by it."""
    terms = g.in_channels // g.groups * g.kernel_height * g.kernel_width
    return g.out_channels // g.groups >= PACKED and terms >= TERM_BLOCK


@helper
def multiply_packed(rows, terms, n, x, x_start, x_rows, w, w_start, w_row, y, y_start, y_row):
    """y[r y_row + t] += sum_k w[r w_row + k] x[x_rows[k] + t]; r < rows, t < n, k < terms.

    Each array from its start on.
    """
    panel = floats(stack_block(), TERM_BLOCK * TILE_COLUMNS)
    for t in range(0, n, TILE_COLUMNS):
        width = min(TILE_COLUMNS, n - t)
        for k in range(0, terms, TERM_BLOCK):
            depth = min(TERM_BLOCK, terms - k)
            for i in range(depth):
                copy_row(width, x, x_start + x_rows[k + i] + t, 1, panel, i * TILE_COLUMNS, 1)
            panel_product(rows, width, depth, w, w_start + k, w_row, 1, panel,
                          y, y_start + t, y_row, True)


@helper
def correlate_packed(rows, terms, n, dy, dy_start, x, x_rows, dw, dw_start, dw_row):
    """dw[dw_start + r dw_row + k] += sum_t dy[r, t] x[x_rows[k] + t]; r < rows, k < terms, t < n.
    """
    panel = floats(stack_block(), TERM_BLOCK * TILE_COLUMNS)
    taps = floats(stack_block(), TERM_BLOCK * TILE_COLUMNS)
    for k in range(0, terms, TILE_COLUMNS):
        width = min(TILE_COLUMNS, terms - k)
        for t in range(0, n, TERM_BLOCK):
            depth = min(TERM_BLOCK, n - t)
            for i in range(width):
                copy_row(depth, x, x_rows[k + i] + t, 1, taps, i * TERM_BLOCK, 1)
            transpose(width, depth, taps, 0, TERM_BLOCK, panel, 0, TILE_COLUMNS)
            panel_product(rows, width, depth, dy, dy_start + t, n, 1, panel,
                          dw, dw_start + k, dw_row, True)
