"""Recurrent cells, one time step per instruction; arrays of a step are (batch, ...).

The projections of the inputs are there before the first step, those of the states are added here.
Where `lengths` says that a sample has ended, its state stays as it is and passes gradients on.
`cut` ends the gradient's way back in time. `dh` holds the whole gradient of a state when its step
begins: what came from outside and from the step after it. `outside` says that dh_before holds such
a gradient from outside, to which the step adds; else it begins with 0. `starts` says that the state
before a step is 0, with which nothing need be multiplied. `onward` is 1 where the next step on the
way back is one further on in the arrays of all steps, -1 where it is one before, 0 where there is
none: the gates of that step are fetched from far memory while this one multiplies.
"""

from __future__ import annotations

import numpy as np

from kernels.gates import activate, differentiate
from kernels.jit import floats, helper, ints, kernel, matrix
from kernels.packed import add_product, biased_product
from kernels.product import add_product_of_columns
from kernels.statistics import norm_of
from kernels.transpose import transpose

ZERO, ONE = np.float32(0), np.float32(1)


@kernel("rows inputs width x w b_ih b_hh -> z b")
def project_inputs(a):
    """z = x w + b_ih + b_hh, of a few time steps at once.

    x (rows, inputs), w (inputs, width) packed, b_ih, b_hh (width,) or 0 for none; z (rows, width),
    b (width,): the sum of both
    """
    rows, inputs, width = a[0], a[1], a[2]
    b_ih, b_hh, b = floats(a[5], width), floats(a[6], width), floats(a[8], width)
    has_ih, has_hh = a[5] != 0, a[6] != 0
    for j in range(width):
        b[j] = b_ih[j] if has_ih else ZERO
    if has_hh:
        for j in range(width):
            b[j] += b_hh[j]
    biased_product(rows, inputs, width, a[3], a[4], b, a[7])


@kernel("rows inputs units begins ends x dy -> sums dw db")
def recurrent_weight_gradient(a):
    """∂w = ∂yᵀ x, ∂b = the sum of ∂y, a few time steps at a time.

    One that begins sets `sums` = ∂wᵀ and ∂b, the others add to both, one that ends gives ∂w.
    x (rows, inputs), dy (rows, units) -> sums (inputs, units), dw (units, inputs), db (units,) or
    0 for none
    """
    rows, inputs, units, begins, ends = a[0], a[1], a[2], a[3] != 0, a[4] != 0
    x, dy = floats(a[5], rows * inputs), floats(a[6], rows * units)
    sums, dw, db = floats(a[7], inputs * units), floats(a[8], units * inputs), floats(a[9], units)
    add_product_of_columns(inputs, units, rows, x, dy, sums, db, a[9] != 0, not begins)
    if ends:
        transpose(inputs, units, sums, 0, units, dw, 0, inputs)


@helper
def norm(x, n):
    """√(Σ x²)."""
    squares = np.float32(0)
    for i in range(n):
        squares += x[i] * x[i]
    return norm_of(x, n, squares)


# Arrays come as addresses: a view of one row counts from 0, so that LLVM vectorises its loop.


@helper
def clear(n, x):
    """x = 0."""
    x = floats(x, n)
    for k in range(n):
        x[k] = ZERO


@helper
def freeze(t, lengths, batch, units, before, after):
    """Samples that have ended keep their state."""
    for i in range(batch):
        if t >= lengths[i]:
            x, y = floats(before + 4 * i * units, units), floats(after + 4 * i * units, units)
            for j in range(units):
                y[j] = x[j]


@helper
def clear_ended(t, lengths, batch, width, z):
    """Zero the rows of samples that have ended."""
    for i in range(batch):
        if t >= lengths[i]:
            row = floats(z + 4 * i * width, width)
            for j in range(width):
                row[j] = ZERO


@helper
def pass_on(t, lengths, batch, units, dh, dh_before):
    """Samples that have ended hand the gradient of their state on."""
    for i in range(batch):
        if t >= lengths[i]:
            x, y = floats(dh + 4 * i * units, units), floats(dh_before + 4 * i * units, units)
            for j in range(units):
                y[j] += x[j]


@helper
def carry_back(batch, units, width, t, has_lengths, lengths, dz, w, dh, carry, dh_before):
    """dh_before += dz w, and += dh where a sample has ended: its dz is 0.

    dz (batch, width), w (width, units), dh, carry, dh_before (batch, units)
    """
    np.dot(matrix(dz, batch, width), matrix(w, width, units), matrix(carry, batch, units))
    x, y = floats(carry, batch * units), floats(dh_before, batch * units)
    for k in range(batch * units):
        y[k] += x[k]
    if has_lengths:
        pass_on(t, lengths, batch, units, dh, dh_before)


@kernel("batch units function t starts lengths z h_before w -> h")
def elman_forward(a):
    """h = φ(z + h_before w). Elman 1990.

    z, h_before, h (batch, units), w (units, units) packed
    """
    batch, units, function, t, starts = a[0], a[1], a[2], a[3], a[4]
    has_lengths, lengths, n = a[5] != 0, ints(a[5], a[0]), batch * units
    z, h = floats(a[6], n), floats(a[9], n)
    for k in range(n):
        h[k] = z[k]
    if not starts:
        add_product(batch, units, units, a[7], a[8], a[9])
    activate(function, n, h)
    if has_lengths:
        freeze(t, lengths, batch, units, a[7], a[9])


@kernel("batch units function t cut outside lengths h w dh -> dz dh_before h_norm")
def elman_backward(a):
    """dz = φ'(h) dh, dh_before += dz w unless cut; h_norm = ‖dh‖.

    h, dh, dz, dh_before (batch, units), w (units, units) packed, h_norm (1,)
    """
    batch, units, function, t, cut, outside = a[0], a[1], a[2], a[3], a[4], a[5]
    has_lengths, lengths, n = a[6] != 0, ints(a[6], a[0]), batch * units
    h, dh, dz = floats(a[7], n), floats(a[9], n), floats(a[10], n)
    floats(a[12], 1)[0] = norm(dh, n)
    if not outside:
        clear(n, a[11])
    for k in range(n):
        dz[k] = dh[k]
    differentiate(function, n, h, dz)
    if has_lengths:
        clear_ended(t, lengths, batch, units, a[10])
    if cut == 0:
        add_product(batch, units, units, a[10], a[8], a[11])
        if has_lengths:
            pass_on(t, lengths, batch, units, a[9], a[11])


@kernel("batch units outputs function output_function t lengths z y_before w v b_y -> h y")
def jordan_forward(a):
    """h = φ(z + y_before wᵀ), y = γ(h vᵀ + b_y). Jordan 1986.

    z, h (batch, units), y_before, y (batch, outputs), w (units, outputs), v (outputs, units),
    b_y (outputs,) or 0 for none
    """
    batch, units, outputs, function, output_function, t = a[0], a[1], a[2], a[3], a[4], a[5]
    has_lengths, lengths, n, m = a[6] != 0, ints(a[6], a[0]), batch * units, batch * outputs
    z, b_y, has_bias = floats(a[7], n), floats(a[11], outputs), a[11] != 0
    h, y = floats(a[12], n), matrix(a[13], batch, outputs)
    np.dot(matrix(a[8], batch, outputs), matrix(a[9], units, outputs).T,
           matrix(a[12], batch, units))
    for k in range(n):
        h[k] += z[k]
    activate(function, n, h)
    np.dot(matrix(a[12], batch, units), matrix(a[10], outputs, units).T, y)
    if has_bias:
        for i in range(batch):
            for j in range(outputs):
                y[i, j] += b_y[j]
    activate(output_function, m, floats(a[13], m))
    if has_lengths:
        freeze(t, lengths, batch, outputs, a[8], a[13])


@kernel("batch units outputs function output_function t cut outside lengths h y w v dy "
        "-> dsums dh dz dy_before carry h_norm y_norm")
def jordan_backward(a):
    """dsums = γ'(y) dy, dh = dsums v, dz = φ'(h) dh, dy_before += dz w unless cut.

    h_norm = ‖dh‖, y_norm = ‖dy‖, both (1,). h, dh, dz (batch, units), y, dy, dsums, dy_before,
    carry (batch, outputs), w (units, outputs), v (outputs, units)
    """
    batch, units, outputs, function, output_function = a[0], a[1], a[2], a[3], a[4]
    t, cut, has_lengths, lengths = a[5], a[6], a[8] != 0, ints(a[8], a[0])
    n, m = batch * units, batch * outputs
    h, y, dy, dsums = floats(a[9], n), floats(a[10], m), floats(a[13], m), floats(a[14], m)
    dh, dz = floats(a[15], n), floats(a[16], n)
    floats(a[20], 1)[0] = norm(dy, m)
    if a[7] == 0:
        clear(m, a[17])
    for k in range(m):
        dsums[k] = dy[k]
    differentiate(output_function, m, y, dsums)
    if has_lengths:
        clear_ended(t, lengths, batch, outputs, a[14])
    np.dot(matrix(a[14], batch, outputs), matrix(a[12], outputs, units),
           matrix(a[15], batch, units))
    floats(a[19], 1)[0] = norm(dh, n)
    for k in range(n):
        dz[k] = dh[k]
    differentiate(function, n, h, dz)
    if has_lengths:
        clear_ended(t, lengths, batch, units, a[16])
    if cut == 0:
        carry_back(batch, outputs, units, t, has_lengths, lengths, a[16], a[11], a[13], a[18],
                   a[17])
