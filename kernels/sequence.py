"""Sequences: samples first outside a recurrent layer, time first inside it; and their lengths.

A *step* array is (time, batch, units): what one time step reads or writes is contiguous, and all
of them together are one tall matrix. `steps` int32 (batch,) is how many are a sample's own, or its
address is 0 where all are whole; `lengths` float32 (batch,) is what comes in for that.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, inline, ints, kernel

ZERO = np.float32(0)


@inline
def own_steps(lengths, i, longest):
    """How many steps are a sample's own: its length, rounded, between 0 and longest.

    -1 where the length is not a number. lengths: the address of float32 (batch,), or 0 where all
    samples are whole.
    """
    own = longest
    if lengths != 0:
        length = floats(lengths, i + 1)[i]
        if length - length != ZERO:
            own = -1
        elif length < longest:
            own = np.int64(max(np.floor(length + 0.5), 0.0))
    return own


@kernel("batch longest lengths -> steps")
def sequence_lengths(a):
    """steps = lengths, rounded, between 0 and longest.

    lengths (batch,) float32, steps (batch,) int32
    """
    batch, longest, lengths, steps = a[0], a[1], a[2], ints(a[3], a[0])
    for i in range(batch):
        # What is not a number counts as whole; `initial_state` lets it show.
        own = own_steps(lengths, i, longest)
        steps[i] = own if own >= 0 else longest


@kernel("batch units stride offset state lengths -> h")
def initial_state(a):
    """h = state, or 0 where none is given; NaN where the length of a sample is not a number.

    state (batch, stride) from offset on, or 0 for none; lengths (batch,) float32, or 0 for none;
    h (batch, units)
    """
    batch, units, stride, offset = a[0], a[1], a[2], a[3]
    has_state, has_lengths = a[4] != 0, a[5] != 0
    lengths = floats(a[5], batch)
    for i in range(batch):
        state = floats(a[4] + 4 * (offset + i * stride), units)
        h = floats(a[6] + 4 * i * units, units)
        wrong = lengths[i] - lengths[i] if has_lengths else ZERO
        for j in range(units):
            h[j] = wrong
        if has_state:
            for j in range(units):
                h[j] += state[j]


@inline
def copy_or_clear(inside, n, x, y):
    """y = x, or 0."""
    if inside:
        for j in range(n):
            y[j] = x[j]
    else:
        for j in range(n):
            y[j] = ZERO


@kernel("steps batch units time_stride batch_stride offset lengths x -> y")
def read_steps(a):
    """y[t, i] = x[t time_stride + i batch_stride + offset], and 0 beyond a sample's length.

    x: (batch, time, ...) or (time, batch, ...) as its strides say; y (time, batch, units)
    """
    steps, batch, units, time_stride, batch_stride = a[0], a[1], a[2], a[3], a[4]
    has_lengths, lengths = a[6] != 0, ints(a[6], batch)
    offset, source, to = a[5], a[7], a[8]
    for t in range(steps):
        for i in range(batch):
            # A view of each row: its loop counts from 0, which LLVM vectorises.
            x = floats(source + 4 * (offset + t * time_stride + i * batch_stride), units)
            copy_or_clear(not has_lengths or t < lengths[i], units, x,
                          floats(to + 4 * (t * batch + i) * units, units))


@kernel("steps batch units time_stride batch_stride offset lengths x -> y")
def write_steps(a):
    """y[t time_stride + i batch_stride + offset] = x[t, i], and 0 beyond a sample's length.

    x (time, batch, units); y: (batch, time, ...) or (time, batch, ...) as its strides say
    """
    steps, batch, units, time_stride, batch_stride = a[0], a[1], a[2], a[3], a[4]
    has_lengths, lengths = a[6] != 0, ints(a[6], batch)
    offset, source, to = a[5], a[7], a[8]
    for t in range(steps):
        for i in range(batch):
            y = floats(to + 4 * (offset + t * time_stride + i * batch_stride), units)
            copy_or_clear(not has_lengths or t < lengths[i], units,
                          floats(source + 4 * (t * batch + i) * units, units), y)


@kernel("rows width from_stride from_offset to_stride to_offset x -> y")
def add_blocks(a):
    """y[i, to_offset + j] += x[i, from_offset + j] for j < width: onto a part of each row.

    x (rows, from_stride), y (rows, to_stride)
    """
    rows, width, from_stride, to_stride = a[0], a[1], a[2], a[4]
    source, to = a[6] + 4 * a[3], a[7] + 4 * a[5]
    for i in range(rows):
        x, y = floats(source + 4 * i * from_stride, width), floats(to + 4 * i * to_stride, width)
        for j in range(width):
            y[j] += x[j]


@kernel("n x -> y")
def join_norms(a):
    """y = √(y² + x²): a norm over two parts of the batch.

    x, y (n,)
    """
    n = a[0]
    x, y = floats(a[1], n), floats(a[2], n)
    for i in range(n):
        y[i] = np.sqrt(np.float64(x[i]) * x[i] + np.float64(y[i]) * y[i])
