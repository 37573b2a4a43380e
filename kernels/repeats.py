"""Where an image repeats itself: outputs of a 3x3 convolution that Winograd's way would part.

Winograd's transforms add inputs of a whole tile that have to cancel again, and what was rounded
does not: about 1e-7 of the tile's largest value is left over. That is harmless but in two places,
both common on flat pictures. An output that sees nothing but zeros lies exactly on the kink of a
ReLU; and outputs that see the same are tied in a max pool. A remainder of any size decides there
which way the gradient goes. No choice of points or scales prevents it, as the products at the
points are sums over channels, and rounded; and a threshold can tell neither a zero from a small
value nor a tie from a near one.

So such outputs are looked up and computed by the definition, all in the same order of terms: what
sees the same is equal to the last bit. Each is computed once, where it first appears, and copied.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.jit import floats, helper, ints
from kernels.product import product
from kernels.simd import copy_row
from kernels.vector_writer import LANES, TILE_COLUMNS, WIDTH, ZERO, Writer, for_each_vector

TAPS = 3
REACH = 2
"""How far apart outputs stand at most that are compared: those of one 3x3 window of a pool."""
SHIFTS = tuple((i, j) for i in range(REACH + 1) for j in range(-REACH, REACH + 1)
               if (i, j) > (0, 0))
"""From an output to those before it: to the left, and up."""
_SHIFTS = np.array(SHIFTS)
_ZERO = 1 << len(SHIFTS)
"""The bits of a flag: as what lies SHIFTS[0], SHIFTS[1], ... before it; and this: zeros only."""
_ALL = 2 * _ZERO - 1


class Places(NamedTuple):
    """What is known of an image, and memory to work in.

    pixels: one channel with its border of zeros, (out_height + 2, pitch). Around it are pixels of
    NaN, `REACH` above and between rows, that nothing is equal to. flags: of these pixels. shared:
    flags of the outputs, each in the place of the first pixel that it sees. origins: the output of
    which each is a copy, itself, or -1; of all samples, in the order of y. inputs, outputs: some
    that are computed together. copies: outputs of one map that are copies.
    """

    pixels: object
    flags: object
    shared: object
    origins: object
    copies: object
    inputs: object
    outputs: object
    pitch: int
    size: int


def _frame_size(out_height: int, out_width: int) -> int:
    return (out_height + TAPS - 1 + REACH) * (out_width + TAPS - 1 + REACH) + REACH


def repeats_size(batch: int, channels: int, maps: int, out_height: int, out_width: int) -> int:
    """How many floats of memory `settle_repeats` needs."""
    return (3 * _frame_size(out_height, out_width) + (batch + 1) * out_height * out_width
            + TILE_COLUMNS * (channels + maps))


@helper
def places(address, batch, channels, maps, out_height, out_width):
    """Divide up the memory that `repeats_size` asked for; the borders are filled in."""
    pitch, positions = out_width + TAPS - 1 + REACH, out_height * out_width
    size = (out_height + TAPS - 1 + REACH) * pitch + REACH
    pixels, flags, shared = (
        floats(address, size), ints(address + 4 * size, size), ints(address + 8 * size, size))
    address += 12 * size
    origins = ints(address, batch * positions)
    address += 4 * batch * positions
    copies = ints(address, positions)
    address += 4 * positions
    inputs = floats(address, channels * TILE_COLUMNS)
    address += 4 * channels * TILE_COLUMNS
    pixels[:] = np.nan
    shared[:] = 0
    for at in range(REACH * pitch + REACH, size - REACH, pitch):
        pixels[at:at + out_width + TAPS - 1] = 0
    return Places(pixels, flags, shared, origins, copies, inputs,
                  floats(address, maps * TILE_COLUMNS), pitch, size)


@intrinsic
def compare(typing_context, start, end, pitch, pixels, flags):
    """Keep of the flags from start to end - 1 those of pixels that are equal, and of zeros."""
    size = types.intp
    signature = types.void(size, size, size, pixels, flags)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        start, end, pitch, pixels, flags = writer.arguments
        pixels, flags = (writer.at(p, start) for p in (pixels, flags))

        def vector(i, mask):
            here, place = writer.at(pixels, i), writer.at(flags, i)
            place = builder.bitcast(place, pixels.type)
            value = writer.load(here, mask)
            total = builder.bitcast(writer.load(place, mask), LANES)
            others = [ZERO]
            for rows, columns in SHIFTS:
                back = builder.add(builder.mul(pitch, pitch.type(rows)), pitch.type(columns))
                others.insert(-1, writer.load(writer.at(here, builder.neg(back)), mask))
            for bit, other in enumerate(others):
                without = builder.and_(total, ir.Constant(LANES, [~(1 << bit)] * WIDTH))
                total = builder.select(builder.fcmp_ordered("==", value, other), total, without)
            writer.store(builder.bitcast(total, ZERO.type), place, mask)

        for_each_vector(writer, builder.sub(end, start), vector)
        return context.get_dummy_value()

    return signature, generate


@helper
def share(m, out_height, out_width):
    """Flags of outputs from those of the 3x3 pixels that each sees; whether any are left."""
    found = np.int32(0)
    for i in range(out_height):
        at = (i + REACH) * m.pitch + REACH
        shared = m.shared[at:at + out_width]
        shared[:] = _ALL
        for tap in range(TAPS * TAPS):
            start = at + tap // TAPS * m.pitch + tap % TAPS
            flags = m.flags[start:start + out_width]
            for j in range(out_width):
                shared[j] &= flags[j]
        for j in range(out_width):
            found |= shared[j]
    return found != 0


@helper
def is_repeated(x, start, channels, height, width, top, left, out_height, out_width, m):
    """Whether any output sees what another does, or zeros only: fills in the flags."""
    m.flags[:] = _ALL
    width_seen = min(width, out_width + TAPS - 1 - left)
    for c in range(channels):
        for i in range(min(height, out_height + TAPS - 1 - top)):
            copy_row(width_seen, x, start + (c * height + i) * width, 1,
                     m.pixels, (i + top + REACH) * m.pitch + left + REACH, 1)
        compare(REACH * m.pitch + REACH, m.size - REACH, m.pitch, m.pixels, m.flags)
        # Of most images the first channels tell that there is nothing.
        if (c & (c + 1) == 0 or c == channels - 1) and not share(m, out_height, out_width):
            return False
    return True


@helper
def find_origins(first, out_height, out_width, m):
    """Fill in the origins of a sample's outputs, the first of which is `first`, from the flags."""
    at = first
    for i in range(out_height):
        for j in range(out_width):
            place = (i + REACH) * m.pitch + j + REACH
            flag, origin = m.shared[place], -1
            for s in range(len(_SHIFTS)):
                rows, columns = _SHIFTS[s, 0], _SHIFTS[s, 1]
                if flag >> s & 1:
                    origin = m.origins[at - rows * out_width - columns]
                    break
                # Others may be copies of this one. Around the image there are no flags.
                if flag == 0 and m.shared[place + rows * m.pitch + columns] >> s & 1:
                    origin = at
                    break
            m.origins[at] = at if flag == _ZERO else origin
            at += 1


@helper
def settle_repeats(x, batch, channels, height, width, top, left, w, w_row, w_term, w_first, w_tap,
                   b, has_bias, y, maps, out_height, out_width, address):
    """y[o, i, j] = b[o] + sum_cuv w[o, c, u, v] x[c, i + u - top, j + v - left] where x repeats.

    w[o, c, u, v] stands at o w_row + c w_term + w_first + (3 u + v) w_tap. All other y remain.
    """
    m = places(address, batch, channels, maps, out_height, out_width)
    plane, positions = height * width, out_height * out_width
    found = False
    for n in range(batch):
        if is_repeated(x, n * channels * plane, channels, height, width, top, left,
                       out_height, out_width, m):
            find_origins(n * positions, out_height, out_width, m)
            found = True
        else:
            m.origins[n * positions:(n + 1) * positions] = -1
    if not found:
        return
    first = 0
    while first < batch * positions:
        # As many as fit a tile are computed together.
        end, count = first, 0
        while end < batch * positions and count < TILE_COLUMNS:
            count += m.origins[end] == end
            end += 1
        for tap in range(TAPS * TAPS if count else 0):
            k = 0
            for at in range(first, end):
                if m.origins[at] == at:
                    n, place = at // positions, at % positions
                    row = place // out_width + tap // TAPS - top
                    column = place % out_width + tap % TAPS - left
                    inside = 0 <= row < height and 0 <= column < width
                    source = n * channels * plane + row * width + column
                    for c in range(channels):
                        m.inputs[c * TILE_COLUMNS + k] = (
                            x[source + c * plane] if inside else np.float32(0))
                    k += 1
            product(maps, count, channels, w, w_first + tap * w_tap, w_row, w_term,
                    m.inputs, 0, TILE_COLUMNS, m.outputs, 0, TILE_COLUMNS, tap > 0)
        k = 0
        for at in range(first, end):
            if m.origins[at] == at:
                to = at // positions * maps * positions + at % positions
                for o in range(maps):
                    y[to + o * positions] = m.outputs[o * TILE_COLUMNS + k] + (
                        b[o] if has_bias else np.float32(0))
                k += 1
        first = end
    for n in range(batch):
        count = 0
        for at in range(positions):
            origin = m.origins[n * positions + at] - n * positions
            if origin >= 0 and origin != at:
                m.copies[count], m.origins[n * positions + count] = at, origin
                count += 1
        for o in range(maps):
            to = y[(n * maps + o) * positions:(n * maps + o + 1) * positions]
            for k in range(count):
                to[m.copies[k]] = to[m.origins[n * positions + k]]
