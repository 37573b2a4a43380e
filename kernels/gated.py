"""Cells with gates, one time step per instruction: LSTM and GRU. See recurrent.py for the rules.

A row of `gates` holds the gates of a sample one after the other, as in PyTorch. It comes with the
projections of the inputs and leaves with what the gates' functions give.
"""

from __future__ import annotations

import numpy as np

from kernels.gates import activate, differentiate
from kernels.jit import floats, helper, ints, kernel, matrix
from kernels.recurrent import clear_ended, freeze, norm

ZERO, ONE = np.float32(0), np.float32(1)


@kernel("batch units input_gate forget_gate candidate output_gate function t lengths "
        "h_before c_before w -> gates sums c squashed h")
def lstm_forward(a):
    """i, f, g, o = φ(gates + h_before wᵀ), c = f c_before + i g, h = o φ(c). Gers et al. 2000.

    gates, sums (batch, 4 units), w (4 units, units); h_before, c_before, c, squashed = φ(c),
    h (batch, units)
    """
    batch, units, function, t = a[0], a[1], a[6], a[7]
    input_gate, forget_gate, candidate, output_gate = a[2], a[3], a[4], a[5]
    has_lengths, lengths, n, width = a[8] != 0, ints(a[8], a[0]), batch * units, 4 * units
    h_before, c_before = floats(a[9], n), floats(a[10], n)
    gates, sums = floats(a[12], 4 * n), floats(a[13], 4 * n)
    c, squashed, h = floats(a[14], n), floats(a[15], n), floats(a[16], n)
    np.dot(matrix(a[9], batch, units), matrix(a[11], width, units).T, matrix(a[13], batch, width))
    for row in range(batch):
        at, i = row * units, row * width
        f, g, o = i + units, i + 2 * units, i + 3 * units
        for k in range(i, i + width):
            gates[k] += sums[k]
        activate(input_gate, 1, units, width, gates, i)
        activate(forget_gate, 1, units, width, gates, f)
        activate(candidate, 1, units, width, gates, g)
        activate(output_gate, 1, units, width, gates, o)
        for j in range(units):
            c[at + j] = gates[f + j] * c_before[at + j] + gates[i + j] * gates[g + j]
        for j in range(at, at + units):
            squashed[j] = c[j]
        activate(function, 1, units, units, squashed, at)
        for j in range(units):
            h[at + j] = gates[o + j] * squashed[at + j]
    if has_lengths:
        freeze(t, lengths, batch, units, h_before, h)
        freeze(t, lengths, batch, units, c_before, c)
        clear_ended(t, lengths, batch, width, gates)


@kernel("batch units input_gate forget_gate candidate output_gate function t cut lengths "
        "gates c_before squashed w dh -> dgates dc dh_before dc_before carry h_norm c_norm")
def lstm_backward(a):
    """dc += dh o φ'(c); dgates = φ' (dc g, dc c_before, dc i, dh φ(c)); dh_before += dgates w.

    dc_before += dc f; neither where cut. h_norm = ‖dh‖, c_norm = ‖dc‖, both (1,).
    gates, dgates (batch, 4 units), w (4 units, units), all others (batch, units)
    """
    batch, units, function, t, cut = a[0], a[1], a[6], a[7], a[8]
    input_gate, forget_gate, candidate, output_gate = a[2], a[3], a[4], a[5]
    has_lengths, lengths, n, width = a[9] != 0, ints(a[9], a[0]), batch * units, 4 * units
    gates, c_before, squashed = floats(a[10], 4 * n), floats(a[11], n), floats(a[12], n)
    dh, dgates, dc = floats(a[14], n), floats(a[15], 4 * n), floats(a[16], n)
    dh_before, dc_before, carry = floats(a[17], n), floats(a[18], n), floats(a[19], n)
    floats(a[20], 1)[0] = norm(dh, n)
    for row in range(batch):
        at, i = row * units, row * width
        f, g, o = i + units, i + 2 * units, i + 3 * units
        if has_lengths and t >= lengths[row]:
            for k in range(i, i + width):
                dgates[k] = ZERO
            if cut == 0:
                for j in range(at, at + units):
                    dc_before[j] += dc[j]
            continue
        for j in range(units):
            carry[at + j] = dh[at + j] * gates[o + j]
        differentiate(function, 1, units, squashed, at, units, carry, at, units)
        for j in range(at, at + units):
            dc[j] += carry[j]
        for j in range(units):
            dgates[i + j] = dc[at + j] * gates[g + j]
        for j in range(units):
            dgates[f + j] = dc[at + j] * c_before[at + j]
        for j in range(units):
            dgates[g + j] = dc[at + j] * gates[i + j]
        for j in range(units):
            dgates[o + j] = dh[at + j] * squashed[at + j]
        differentiate(input_gate, 1, units, gates, i, width, dgates, i, width)
        differentiate(forget_gate, 1, units, gates, f, width, dgates, f, width)
        differentiate(candidate, 1, units, gates, g, width, dgates, g, width)
        differentiate(output_gate, 1, units, gates, o, width, dgates, o, width)
        if cut == 0:
            for j in range(units):
                dc_before[at + j] += dc[at + j] * gates[f + j]
    floats(a[21], 1)[0] = norm(dc, n)
    if cut == 0:
        carry_back(batch, units, width, t, has_lengths, lengths, matrix(a[15], batch, width),
                   matrix(a[13], width, units), dh, matrix(a[19], batch, units), dh_before)


@helper
def carry_back(batch, units, width, t, has_lengths, lengths, dgates, w, dh, carry, dh_before):
    """dh_before += dgates w, or += dh where a sample has ended."""
    np.dot(dgates, w, carry)
    for i in range(batch):
        ended = has_lengths and t >= lengths[i]
        for j in range(units):
            dh_before[i * units + j] += dh[i * units + j] if ended else carry[i, j]


@kernel("batch units reset_gate update_gate candidate t lengths h_before w b_hh "
        "-> gates sums h")
def gru_forward(a):
    """r, z = φ(gates + s), n = φ(gates + r s), h = (1 - z) n + z h_before; s = h_before wᵀ + b_hh.

    gates, sums = s (batch, 3 units), w (3 units, units), b_hh (3 units,) or 0 for none;
    h_before, h (batch, units). As PyTorch and cuDNN do it.
    """
    batch, units, t = a[0], a[1], a[5]
    reset_gate, update_gate, candidate = a[2], a[3], a[4]
    has_lengths, lengths, n, width = a[6] != 0, ints(a[6], a[0]), batch * units, 3 * units
    h_before, b_hh, has_bias = floats(a[7], n), floats(a[9], width), a[9] != 0
    gates, sums, h = floats(a[10], 3 * n), floats(a[11], 3 * n), floats(a[12], n)
    np.dot(matrix(a[7], batch, units), matrix(a[8], width, units).T, matrix(a[11], batch, width))
    for row in range(batch):
        at, r = row * units, row * width
        z, new = r + units, r + 2 * units
        if has_bias:
            for k in range(width):
                sums[r + k] += b_hh[k]
        for k in range(r, new):
            gates[k] += sums[k]
        activate(reset_gate, 1, units, width, gates, r)
        activate(update_gate, 1, units, width, gates, z)
        for j in range(units):
            gates[new + j] += gates[r + j] * sums[new + j]
        activate(candidate, 1, units, width, gates, new)
        for j in range(units):
            h[at + j] = gates[new + j] + gates[z + j] * (h_before[at + j] - gates[new + j])
    if has_lengths:
        freeze(t, lengths, batch, units, h_before, h)
        clear_ended(t, lengths, batch, width, gates)


@kernel("batch units reset_gate update_gate candidate t cut lengths gates sums h_before w dh "
        "-> dgates dsums dh_before carry h_norm")
def gru_backward(a):
    """dn = φ' dh (1 - z), dz = φ' dh (h_before - n), dr = φ' dn s; dsums = dr, dz, dn r.

    dh_before += dh z + dsums w unless cut; h_norm = ‖dh‖ (1,). gates, sums, dgates, dsums
    (batch, 3 units), w (3 units, units), all others (batch, units)
    """
    batch, units, t, cut = a[0], a[1], a[5], a[6]
    reset_gate, update_gate, candidate = a[2], a[3], a[4]
    has_lengths, lengths, n, width = a[7] != 0, ints(a[7], a[0]), batch * units, 3 * units
    gates, sums, h_before = floats(a[8], 3 * n), floats(a[9], 3 * n), floats(a[10], n)
    dh, dgates, dsums = floats(a[12], n), floats(a[13], 3 * n), floats(a[14], 3 * n)
    dh_before = floats(a[15], n)
    floats(a[17], 1)[0] = norm(dh, n)
    for row in range(batch):
        at, r = row * units, row * width
        z, new = r + units, r + 2 * units
        candidate_gradients(units, update_gate, candidate, gates, h_before, dh, dgates, at, r)
        for j in range(units):
            dgates[r + j] = dgates[new + j] * sums[new + j]
        differentiate(reset_gate, 1, units, gates, r, width, dgates, r, width)
        for k in range(r, new):
            dsums[k] = dgates[k]
        for j in range(units):
            dsums[new + j] = dgates[new + j] * gates[r + j]
        if cut == 0:
            for j in range(units):
                dh_before[at + j] += dh[at + j] * gates[z + j]
    if has_lengths:
        # The gates of an ended sample are 0: nothing of it has gone into dh_before yet.
        clear_ended(t, lengths, batch, width, dgates)
        clear_ended(t, lengths, batch, width, dsums)
    if cut == 0:
        carry_back(batch, units, width, t, has_lengths, lengths, matrix(a[14], batch, width),
                   matrix(a[11], width, units), dh, matrix(a[16], batch, units), dh_before)


@helper
def candidate_gradients(units, update_gate, candidate, gates, h_before, dh, dgates, at, r):
    """dn = φ' dh (1 - z), dz = φ' dh (h_before - n) of one sample."""
    z, new, width = r + units, r + 2 * units, 3 * units
    for j in range(units):
        dgates[new + j] = dh[at + j] * (ONE - gates[z + j])
    for j in range(units):
        dgates[z + j] = dh[at + j] * (h_before[at + j] - gates[new + j])
    differentiate(candidate, 1, units, gates, new, width, dgates, new, width)
    differentiate(update_gate, 1, units, gates, z, width, dgates, z, width)


@kernel("batch units reset_gate update_gate candidate t lengths h_before w "
        "-> gates sums kept h")
def gru_forward_reset_before(a):
    """r, z = φ(gates + h_before wᵀ), n = φ(gates + kept wᵀ), kept = r h_before. Cho et al. 2014.

    h = (1 - z) n + z h_before. gates (batch, 3 units), w (3 units, units), sums (batch, 2 units);
    h_before, kept, h (batch, units)
    """
    batch, units, t = a[0], a[1], a[5]
    reset_gate, update_gate, candidate = a[2], a[3], a[4]
    has_lengths, lengths, n, width = a[6] != 0, ints(a[6], a[0]), batch * units, 3 * units
    h_before, w_new = floats(a[7], n), a[8] + 4 * 2 * units * units
    gates, sums = floats(a[9], 3 * n), floats(a[10], 2 * n)
    kept, h = floats(a[11], n), floats(a[12], n)
    np.dot(matrix(a[7], batch, units), matrix(a[8], 2 * units, units).T,
           matrix(a[10], batch, 2 * units))
    for row in range(batch):
        at, r = row * units, row * width
        for k in range(2 * units):
            gates[r + k] += sums[2 * at + k]
        activate(reset_gate, 1, units, width, gates, r)
        activate(update_gate, 1, units, width, gates, r + units)
        for j in range(units):
            kept[at + j] = gates[r + j] * h_before[at + j]
    np.dot(matrix(a[11], batch, units), matrix(w_new, units, units).T,
           matrix(a[10], batch, units))
    for row in range(batch):
        at, z, new = row * units, row * width + units, row * width + 2 * units
        for j in range(units):
            gates[new + j] += sums[at + j]
        activate(candidate, 1, units, width, gates, new)
        for j in range(units):
            h[at + j] = gates[new + j] + gates[z + j] * (h_before[at + j] - gates[new + j])
    if has_lengths:
        freeze(t, lengths, batch, units, h_before, h)
        clear_ended(t, lengths, batch, width, gates)


@kernel("batch units reset_gate update_gate candidate t cut lengths gates h_before w dh "
        "-> dgates dreset_update dnew dkept dh_before carry h_norm")
def gru_backward_reset_before(a):
    """dn = φ' dh (1 - z), dz = φ' dh (h_before - n), dr = φ' h_before dkept; dkept = dn w.

    dh_before += dh z + dkept r + (dr, dz) w unless cut; h_norm = ‖dh‖ (1,). gates, dgates (batch,
    3 units), w (3 units, units), dreset_update (batch, 2 units), all others (batch, units)
    """
    batch, units, t, cut = a[0], a[1], a[5], a[6]
    reset_gate, update_gate, candidate = a[2], a[3], a[4]
    has_lengths, lengths, n, width = a[7] != 0, ints(a[7], a[0]), batch * units, 3 * units
    gates, h_before, w_new = floats(a[8], 3 * n), floats(a[9], n), a[10] + 4 * 2 * units * units
    dh, dgates, dreset_update = floats(a[11], n), floats(a[12], 3 * n), floats(a[13], 2 * n)
    dnew, dkept, dh_before = floats(a[14], n), floats(a[15], n), floats(a[16], n)
    floats(a[18], 1)[0] = norm(dh, n)
    for row in range(batch):
        at, r = row * units, row * width
        candidate_gradients(units, update_gate, candidate, gates, h_before, dh, dgates, at, r)
        for j in range(units):
            dnew[at + j] = dgates[r + 2 * units + j]
    if has_lengths:
        clear_ended(t, lengths, batch, units, dnew)
    np.dot(matrix(a[14], batch, units), matrix(w_new, units, units), matrix(a[15], batch, units))
    for row in range(batch):
        at, r = row * units, row * width
        z = r + units
        for j in range(units):
            dgates[r + j] = dkept[at + j] * h_before[at + j]
        differentiate(reset_gate, 1, units, gates, r, width, dgates, r, width)
        for k in range(2 * units):
            dreset_update[2 * at + k] = dgates[r + k]
        if cut == 0:
            for j in range(units):
                dh_before[at + j] += dh[at + j] * gates[z + j] + dkept[at + j] * gates[r + j]
    if has_lengths:
        clear_ended(t, lengths, batch, width, dgates)
        clear_ended(t, lengths, batch, 2 * units, dreset_update)
    if cut == 0:
        carry_back(batch, units, 2 * units, t, has_lengths, lengths,
                   matrix(a[13], batch, 2 * units), matrix(a[10], 2 * units, units), dh,
                   matrix(a[17], batch, units), dh_before)
