"""Convolution with kernels of 3x3, a step at a time and no holes: Winograd's F(4x4, 3x3).

The image is cut into tiles of 4x4 outputs. Transformed, input tile and kernel have 6x6 points, and
at each point a convolution is a product of matrices, (tiles, channels) times (channels, maps): a
quarter of the multiplications (see winograd_tiles.py). Some rows of tiles are worked on together,
so that everything between image and result stays in the second-level cache.
"""

from typing import NamedTuple

from kernels.channels import sum_channels
from kernels.jit import floats, helper, kernel
from kernels.lowering import Geometry
from kernels.product import product
from kernels.repeats import repeats_size, settle_repeats
from kernels.simd import add_row
from kernels.transpose import transpose
from kernels.winograd_tiles import (
    OUTPUTS,
    POINTS,
    TAPS,
    input_to_points,
    kernel_to_points,
    output_to_points,
    points_to_kernel,
    points_to_output,
)

_PLANES = POINTS * POINTS
_CACHE = 5 * 2**16
"""Floats of transformed tiles and kernels that are worked on together: 1.25 MB."""
_FEWEST_TILES = 48
"""With fewer, reading the transformed kernels takes longer than multiplying."""
_LINE = 16
"""Floats of a cache line: planes whose sizes are powers of two apart would share cache sets."""


class Tiling(NamedTuple):
    """What convolves what: the first operands of each kernel here, in this order.

    block: rows of tiles that are worked on together, of any samples.
    """

    batch: int
    in_channels: int
    height: int
    width: int
    out_channels: int
    out_height: int
    out_width: int
    top: int
    left: int
    block: int


TILING = " ".join(Tiling._fields)
SIZES = len(Tiling._fields)


def suits(g: Geometry) -> bool:
    """Whether a convolution can be done this way, and gains by it."""
    plain = (g.kernel_height == g.kernel_width == TAPS and g.groups == 1
             and g.stride_height == g.stride_width == 1
             and g.dilation_height == g.dilation_width == 1
             and max(g.top, g.left) < TAPS)
    # Where true gradients are zero these have the rounding error of the others' size, which Adam
    # turns into a step. Images of one tile, dark at the border, have many such weights.
    many = min(g.out_height, g.out_width) > OUTPUTS
    # Vectors run along channels, and tiles that hang over the border are work for nothing.
    used = g.out_height * g.out_width / (
        -(-g.out_height // OUTPUTS) * -(-g.out_width // OUTPUTS) * OUTPUTS**2)
    return plain and many and min(g.in_channels, g.out_channels) >= 16 and used > 0.5


def tiling(g: Geometry) -> Tiling:
    """The operands for a geometry that `suits`."""
    across = -(-max(g.out_width, g.width) // OUTPUTS)
    channels = g.in_channels + g.out_channels
    kernels = g.in_channels * g.out_channels
    tiles = max(_FEWEST_TILES, (_CACHE // _PLANES - kernels) // channels)
    return Tiling(g.batch, g.in_channels, g.height, g.width, g.out_channels, g.out_height,
                  g.out_width, g.top, g.left, max(1, tiles // across))


def workspace_size(t: Tiling) -> int:
    """How many floats of memory a kernel needs to work in."""
    across = -(-max(t.out_width, t.width) // OUTPUTS)
    maps = max(t.in_channels, t.out_channels)
    tiles = t.block * across
    points = t.in_channels * t.out_channels + tiles * (t.in_channels + t.out_channels) + 3 * _LINE
    strips = 2 * POINTS * (across * OUTPUTS + TAPS - 1) * maps
    return _PLANES * points + strips + TAPS * TAPS * maps + _repeats_size(t)


def _repeats_size(t: Tiling) -> int:
    """Of that, the part for images that repeat themselves: at the end, and used by itself."""
    return max(
        repeats_size(t.batch, t.in_channels, t.out_channels, t.out_height, t.out_width),
        repeats_size(t.batch, t.out_channels, t.in_channels, t.height, t.width))


class Workspace(NamedTuple):
    """The workspace in parts, and how far apart the points of each lie.

    kernels (points, from, to), inputs (points, tiles, from), outputs (points, tiles, to): what is
    transformed. in_strip, out_strip (rows, columns, channels): a row of tiles of the image, and of
    the result. taps: the kernels of one channel, (3, 3, channels).
    """

    kernels: object
    inputs: object
    outputs: object
    in_strip: object
    out_strip: object
    taps: object
    kernel_step: int
    input_step: int
    output_step: int
    rest: int


@helper
def tiling_of(a):
    return Tiling(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9])


@helper
def tiles_in(size):
    """Tiles along an axis of so many outputs."""
    return (size + OUTPUTS - 1) // OUTPUTS


@helper
def workspace(address, channels, maps, across, block):
    """Divide up the memory that `workspace_size` asked for; the strips begin as zeros."""
    tiles = block * across
    kernel_step = channels * maps + _LINE
    input_step, output_step = tiles * channels + _LINE, tiles * maps + _LINE
    kernels = floats(address, _PLANES * kernel_step)
    address += 4 * _PLANES * kernel_step
    inputs = floats(address, _PLANES * input_step)
    address += 4 * _PLANES * input_step
    outputs = floats(address, _PLANES * output_step)
    address += 4 * _PLANES * output_step
    columns = across * OUTPUTS + TAPS - 1
    in_strip = floats(address, POINTS * columns * channels)
    address += 4 * POINTS * columns * channels
    out_strip = floats(address, OUTPUTS * columns * maps)
    address += 4 * OUTPUTS * columns * maps
    taps = floats(address, TAPS * TAPS * max(channels, maps))
    address += 4 * TAPS * TAPS * max(channels, maps)
    in_strip[:] = 0
    out_strip[:] = 0
    return Workspace(kernels, inputs, outputs, in_strip, out_strip, taps, kernel_step, input_step,
                     output_step, address)


@helper
def load_strip(x, sample, channels, height, width, row, left, strip, rows, columns):
    """strip[i, left + j, c] = x[sample, c, row + i, j], zero outside of the image.

    The strip's borders left and right hold zeros already.
    """
    for i in range(rows):
        to = i * columns * channels
        if 0 <= row + i < height:
            at = (sample * channels * height + row + i) * width
            transpose(channels, min(width, columns - left), x, at, height * width,
                      strip, to + left * channels, channels)
        else:
            strip[to:to + columns * channels] = 0


@helper
def transform_inputs(x, channels, height, width, top, left, down, across, first, end, work):
    """Take the rows of input tiles from `first` to `end` - 1 to points."""
    columns = across * OUTPUTS + TAPS - 1
    for row in range(first, end):
        load_strip(x, row // down, channels, height, width, row % down * OUTPUTS - top, left,
                   work.in_strip, POINTS, columns)
        for j in range(across):
            input_to_points(channels, work.in_strip, j * OUTPUTS * channels, columns * channels,
                            channels, work.inputs, ((row - first) * across + j) * channels,
                            POINTS * work.input_step, work.input_step)


@helper
def convolve(x, batch, channels, height, width, top, left, b, has_bias,
             y, maps, out_height, out_width, block, work):
    """y = the convolution of x with work.kernels, plus b."""
    down, across = tiles_in(out_height), tiles_in(out_width)
    columns = across * OUTPUTS + TAPS - 1
    strip = work.out_strip
    for first in range(0, batch * down, block):
        end = min(first + block, batch * down)
        transform_inputs(x, channels, height, width, top, left, down, across, first, end, work)
        for point in range(_PLANES):
            product((end - first) * across, maps, channels,
                    work.inputs, point * work.input_step, channels, 1,
                    work.kernels, point * work.kernel_step, maps,
                    work.outputs, point * work.output_step, maps, False)
        for row in range(first, end):
            for j in range(across):
                points_to_output(maps, work.outputs, ((row - first) * across + j) * maps,
                                 POINTS * work.output_step, work.output_step,
                                 strip, j * OUTPUTS * maps, columns * maps, maps)
            i = row % down * OUTPUTS
            for r in range(min(OUTPUTS, out_height - i)):
                if has_bias:
                    for j in range(out_width):
                        add_row(maps, b, 0, 1, strip, (r * columns + j) * maps, 1)
                transpose(out_width, maps, strip, r * columns * maps, maps,
                          y, (row // down * maps * out_height + i + r) * out_width,
                          out_height * out_width)


@kernel(f"{TILING} x w b -> y work")
def winograd_forward(a):
    """y[o, i, j] = b[o] + sum_cuv w[o, c, u, v] x[c, i + u - p, j + v - p], by Winograd's F(4, 3).

    x (n, c, height, width), w (o, c, 3, 3), b (o,) or 0 for none, y (n, o, i, j). Lavin & Gray 2016
    """
    t = tiling_of(a)
    channels, maps = t.in_channels, t.out_channels
    x = floats(a[SIZES], t.batch * channels * t.height * t.width)
    w = floats(a[SIZES + 1], maps * channels * TAPS * TAPS)
    b, has_bias = floats(a[SIZES + 2], maps), a[SIZES + 2] != 0
    y = floats(a[SIZES + 3], t.batch * maps * t.out_height * t.out_width)
    work = workspace(a[SIZES + 4], channels, maps, tiles_in(t.out_width), t.block)
    for c in range(channels):
        # Kernels as (3, 3, maps), so that vectors run along the maps.
        transpose(maps, TAPS * TAPS, w, c * TAPS * TAPS, channels * TAPS * TAPS,
                  work.taps, 0, maps)
        kernel_to_points(maps, work.taps, 0, TAPS * maps, maps, work.kernels, c * maps,
                         POINTS * work.kernel_step, work.kernel_step)
    convolve(x, t.batch, channels, t.height, t.width, t.top, t.left, b, has_bias,
             y, maps, t.out_height, t.out_width, t.block, work)
    settle_repeats(x, t.batch, channels, t.height, t.width, t.top, t.left,
                   w, TAPS * TAPS * channels, TAPS * TAPS, 0, 1, b, has_bias,
                   y, maps, t.out_height, t.out_width, work.rest)


@kernel(f"{TILING} dy w -> dx work")
def winograd_input_gradient(a):
    """dx = dy convolved with every w[o, c] turned by half a circle, by Winograd's F(4, 3).

    dy (n, o, i, j), w (o, c, 3, 3), dx (n, c, height, width). Lavin & Gray 2016
    """
    t = tiling_of(a)
    channels, maps = t.in_channels, t.out_channels
    dy = floats(a[SIZES], t.batch * maps * t.out_height * t.out_width)
    w = floats(a[SIZES + 1], maps * channels * TAPS * TAPS)
    dx = floats(a[SIZES + 2], t.batch * channels * t.height * t.width)
    work = workspace(a[SIZES + 3], maps, channels, tiles_in(t.width), t.block)
    last = (TAPS * TAPS - 1) * channels
    for o in range(maps):
        transpose(channels, TAPS * TAPS, w, o * channels * TAPS * TAPS, TAPS * TAPS,
                  work.taps, 0, channels)
        kernel_to_points(channels, work.taps, last, -TAPS * channels, -channels,
                         work.kernels, o * channels, POINTS * work.kernel_step, work.kernel_step)
    convolve(dy, t.batch, maps, t.out_height, t.out_width, TAPS - 1 - t.top, TAPS - 1 - t.left,
             dy, False, dx, channels, t.height, t.width, t.block, work)
    settle_repeats(dy, t.batch, maps, t.out_height, t.out_width,
                   TAPS - 1 - t.top, TAPS - 1 - t.left,
                   w, TAPS * TAPS, TAPS * TAPS * channels, TAPS * TAPS - 1, -1, dy, False,
                   dx, channels, t.height, t.width, work.rest)


@kernel(f"{TILING} x dy -> dw db work")
def winograd_weight_gradient(a):
    """dw[o, c, u, v] = sum_nij dy[n, o, i, j] x[n, c, i + u - p, j + v - p], db = sum dy.

    The adjoint of `winograd_forward`: the products are summed at the points, over all tiles.

    x (n, c, height, width), dy (n, o, i, j), dw (o, c, 3, 3), db (o,) or 0 for none
    """
    t = tiling_of(a)
    channels, maps = t.in_channels, t.out_channels
    positions = t.out_height * t.out_width
    x = floats(a[SIZES], t.batch * channels * t.height * t.width)
    dy = floats(a[SIZES + 1], t.batch * maps * positions)
    dw = floats(a[SIZES + 2], maps * channels * TAPS * TAPS)
    db, has_bias = floats(a[SIZES + 3], maps), a[SIZES + 3] != 0
    down, across = tiles_in(t.out_height), tiles_in(t.out_width)
    columns = across * OUTPUTS + TAPS - 1
    work = workspace(a[SIZES + 4], channels, maps, across, t.block)
    for first in range(0, t.batch * down, t.block):
        end = min(first + t.block, t.batch * down)
        transform_inputs(x, channels, t.height, t.width, t.top, t.left, down, across, first, end,
                         work)
        for row in range(first, end):
            load_strip(dy, row // down, maps, t.out_height, t.out_width, row % down * OUTPUTS, 0,
                       work.out_strip, OUTPUTS, columns)
            for j in range(across):
                output_to_points(maps, work.out_strip, j * OUTPUTS * maps, columns * maps, maps,
                                 work.outputs, ((row - first) * across + j) * maps,
                                 POINTS * work.output_step, work.output_step)
        for point in range(_PLANES):
            product(maps, channels, (end - first) * across,
                    work.outputs, point * work.output_step, 1, maps,
                    work.inputs, point * work.input_step, channels,
                    work.kernels, point * work.kernel_step, channels, first > 0)
    for o in range(maps):
        points_to_kernel(channels, work.kernels, o * channels, POINTS * work.kernel_step,
                         work.kernel_step, work.taps, 0, TAPS * channels, channels)
        transpose(TAPS * TAPS, channels, work.taps, 0, channels,
                  dw, o * channels * TAPS * TAPS, TAPS * TAPS)
    if has_bias:
        sum_channels(t.batch, maps, positions, dy, db)
