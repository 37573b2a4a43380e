"""Cells with gates, one time step per instruction: LSTM and GRU. See recurrent.py for the rules.

A row of `gates` holds the gates of a sample one after the other, as in PyTorch. It comes with the
projections of the inputs and leaves with what the gates' functions give.
"""

from __future__ import annotations

import numpy as np

from kernels.gates import activate, differentiate
from kernels.jit import floats, helper, inline, ints, kernel, matrix
from kernels.packed import add_product, add_product_and_fetch
from kernels.recurrent import carry_back, clear, clear_ended, freeze, norm, pass_on

ZERO, ONE = np.float32(0), np.float32(1)


@inline
def part(address, row, width, first, n):
    """n values of a row of (..., width), from `first` on. It counts from 0: see recurrent.py."""
    return floats(address + 4 * (row * width + first), n)


@kernel("batch units input_gate forget_gate candidate output_gate function t starts lengths "
        "h_before c_before w -> gates c squashed h")
def lstm_forward(a):
    """i, f, g, o = φ(gates + h_before w), c = f c_before + i g, h = o φ(c). Gers et al. 2000.

    gates (batch, 4 units), w (units, 4 units) packed; h_before, c_before, c, squashed = φ(c),
    h (batch, units)
    """
    batch, units, function, t = a[0], a[1], a[6], a[7]
    input_gate, forget_gate, candidate, output_gate = a[2], a[3], a[4], a[5]
    has_lengths, lengths, width = a[9] != 0, ints(a[9], a[0]), 4 * units
    if a[8] == 0:
        add_product(batch, units, width, a[10], a[12], a[13])
    for row in range(batch):
        i, f = part(a[13], row, width, 0, units), part(a[13], row, width, units, units)
        g, o = (part(a[13], row, width, 2 * units, units),
                part(a[13], row, width, 3 * units, units))
        c_before, c = part(a[11], row, units, 0, units), part(a[14], row, units, 0, units)
        squashed, h = part(a[15], row, units, 0, units), part(a[16], row, units, 0, units)
        activate(input_gate, units, i)
        activate(forget_gate, units, f)
        activate(candidate, units, g)
        activate(output_gate, units, o)
        for j in range(units):
            c[j] = f[j] * c_before[j] + i[j] * g[j]
        for j in range(units):
            squashed[j] = c[j]
        activate(function, units, squashed)
        for j in range(units):
            h[j] = o[j] * squashed[j]
    if has_lengths:
        freeze(t, lengths, batch, units, a[10], a[16])
        freeze(t, lengths, batch, units, a[11], a[14])
        clear_ended(t, lengths, batch, width, a[13])


@kernel("batch units input_gate forget_gate candidate output_gate function t cut onward outside "
        "lengths gates c_before squashed w dh -> dgates dc dh_before dc_before carry h_norm c_norm")
def lstm_backward(a):
    """dc += dh o φ'(c); dgates = φ' (dc g, dc c_before, dc i, dh φ(c)); dh_before += dgates w.

    dc_before = dc f; neither where cut. h_norm = ‖dh‖, c_norm = ‖dc‖, both (1,).
    gates, dgates (batch, 4 units), w (4 units, units) packed, all others (batch, units)
    """
    batch, units, function, t, cut, onward = a[0], a[1], a[6], a[7], a[8], a[9]
    input_gate, forget_gate, candidate, output_gate = a[2], a[3], a[4], a[5]
    has_lengths, lengths, width = a[11] != 0, ints(a[11], a[0]), 4 * units
    floats(a[22], 1)[0] = norm(floats(a[16], batch * units), batch * units)
    if a[10] == 0:
        clear(batch * units, a[19])
    for row in range(batch):
        i, f = part(a[12], row, width, 0, units), part(a[12], row, width, units, units)
        g, o = (part(a[12], row, width, 2 * units, units),
                part(a[12], row, width, 3 * units, units))
        di, df = part(a[17], row, width, 0, units), part(a[17], row, width, units, units)
        dg, do = (part(a[17], row, width, 2 * units, units),
                  part(a[17], row, width, 3 * units, units))
        c_before, squashed = part(a[13], row, units, 0, units), part(a[14], row, units, 0, units)
        dh, dc = part(a[16], row, units, 0, units), part(a[18], row, units, 0, units)
        dc_before, carry = part(a[20], row, units, 0, units), part(a[21], row, units, 0, units)
        ended = has_lengths and t >= lengths[row]
        if not ended:
            for j in range(units):
                carry[j] = dh[j] * o[j]
            differentiate(function, units, squashed, carry)
            for j in range(units):
                dc[j] += carry[j]
        for j in range(units):
            dc_before[j] = ZERO if cut else dc[j] if ended else dc[j] * f[j]
        for j in range(units):
            di[j] = dc[j] * g[j]
        for j in range(units):
            df[j] = dc[j] * c_before[j]
        for j in range(units):
            dg[j] = dc[j] * i[j]
        for j in range(units):
            do[j] = dh[j] * squashed[j]
        differentiate(input_gate, units, i, di)
        differentiate(forget_gate, units, f, df)
        differentiate(candidate, units, g, dg)
        differentiate(output_gate, units, o, do)
    floats(a[23], 1)[0] = norm(floats(a[18], batch * units), batch * units)
    if has_lengths:
        clear_ended(t, lengths, batch, width, a[17])
    if cut == 0:
        size = 4 * batch * units
        before = onward * size
        add_product_and_fetch(batch, width, units, a[17], a[15], a[19],
                              a[12] + 4 * before, 4 * size,
                              (a[19] + before, a[13] + before, a[14] + before), size)
        if has_lengths:
            pass_on(t, lengths, batch, units, a[16], a[19])


@kernel("batch units reset_gate update_gate candidate t starts lengths h_before w b_hh "
        "-> gates sums h")
def gru_forward(a):
    """r, z = φ(gates + s), n = φ(gates + r s), h = (1 - z) n + z h_before; s = h_before w + b_hh.

    gates, sums = s (batch, 3 units), w (units, 3 units) packed, b_hh (3 units,) or 0 for none;
    h_before, h (batch, units). As PyTorch and cuDNN do it.
    """
    batch, units, t = a[0], a[1], a[5]
    reset_gate, update_gate, candidate = a[2], a[3], a[4]
    has_lengths, lengths, width = a[7] != 0, ints(a[7], a[0]), 3 * units
    b_hh, has_bias = floats(a[10], width), a[10] != 0
    for row in range(batch):
        sums = part(a[12], row, width, 0, width)
        for j in range(width):
            sums[j] = b_hh[j] if has_bias else ZERO
    if a[6] == 0:
        add_product(batch, units, width, a[8], a[9], a[12])
    for row in range(batch):
        gates, sums = part(a[11], row, width, 0, width), part(a[12], row, width, 0, width)
        r, z = part(a[11], row, width, 0, units), part(a[11], row, width, units, units)
        n = part(a[11], row, width, 2 * units, units)
        s = part(a[12], row, width, 2 * units, units)
        for j in range(2 * units):
            gates[j] += sums[j]
        activate(reset_gate, units, r)
        activate(update_gate, units, z)
        for j in range(units):
            n[j] += r[j] * s[j]
        activate(candidate, units, n)
        mix(units, z, n, part(a[8], row, units, 0, units), part(a[13], row, units, 0, units))
    if has_lengths:
        freeze(t, lengths, batch, units, a[8], a[13])
        clear_ended(t, lengths, batch, width, a[11])


@inline
def mix(units, z, n, h_before, h):
    """h = (1 - z) n + z h_before."""
    for j in range(units):
        h[j] = n[j] + z[j] * (h_before[j] - n[j])


@kernel("batch units reset_gate update_gate candidate t cut outside lengths gates sums h_before w "
        "dh "
        "-> dgates dsums dh_before h_norm")
def gru_backward(a):
    """dn = φ' dh (1 - z), dz = φ' dh (h_before - n), dr = φ' dn s; dsums = dr, dz, dn r.

    dh_before += dh z + dsums w unless cut; h_norm = ‖dh‖ (1,). gates, sums, dgates, dsums
    (batch, 3 units), w (3 units, units) packed, all others (batch, units)
    """
    batch, units, t, cut = a[0], a[1], a[5], a[6]
    reset_gate, update_gate, candidate = a[2], a[3], a[4]
    has_lengths, lengths, width = a[8] != 0, ints(a[8], a[0]), 3 * units
    floats(a[17], 1)[0] = norm(floats(a[13], batch * units), batch * units)
    if a[7] == 0:
        clear(batch * units, a[16])
    for row in range(batch):
        r, z = part(a[9], row, width, 0, units), part(a[9], row, width, units, units)
        s, dr = part(a[10], row, width, 2 * units, units), part(a[14], row, width, 0, units)
        dn, dsn = (part(a[14], row, width, 2 * units, units),
                   part(a[15], row, width, 2 * units, units))
        dgates, dsums = part(a[14], row, width, 0, width), part(a[15], row, width, 0, width)
        dh, dh_before = part(a[13], row, units, 0, units), part(a[16], row, units, 0, units)
        unmix(row, units, update_gate, candidate, a[9], a[11], a[13], a[14])
        for j in range(units):
            dr[j] = dn[j] * s[j]
        differentiate(reset_gate, units, r, dr)
        for j in range(2 * units):
            dsums[j] = dgates[j]
        for j in range(units):
            dsn[j] = dn[j] * r[j]
        if cut == 0:
            # The gates of an ended sample are 0: this adds nothing.
            for j in range(units):
                dh_before[j] += dh[j] * z[j]
    if has_lengths:
        clear_ended(t, lengths, batch, width, a[14])
        clear_ended(t, lengths, batch, width, a[15])
    if cut == 0:
        add_product(batch, width, units, a[15], a[12], a[16])
        if has_lengths:
            pass_on(t, lengths, batch, units, a[13], a[16])


@helper
def unmix(row, units, update_gate, candidate, gates, h_before, dh, dgates):
    """dn = φ' dh (1 - z), dz = φ' dh (h_before - n) of one sample; arrays as addresses."""
    width = 3 * units
    z, n = part(gates, row, width, units, units), part(gates, row, width, 2 * units, units)
    dz, dn = part(dgates, row, width, units, units), part(dgates, row, width, 2 * units, units)
    before, dy = part(h_before, row, units, 0, units), part(dh, row, units, 0, units)
    for j in range(units):
        dn[j] = dy[j] * (ONE - z[j])
    for j in range(units):
        dz[j] = dy[j] * (before[j] - n[j])
    differentiate(candidate, units, n, dn)
    differentiate(update_gate, units, z, dz)


@kernel("batch units reset_gate update_gate candidate t lengths h_before w "
        "-> gates sums kept h")
def gru_forward_reset_before(a):
    """r, z = φ(gates + h_before wᵀ), n = φ(gates + kept wᵀ), kept = r h_before. Cho et al. 2014.

    h = (1 - z) n + z h_before. gates (batch, 3 units), w (3 units, units), sums (batch, 2 units);
    h_before, kept, h (batch, units)
    """
    batch, units, t = a[0], a[1], a[5]
    reset_gate, update_gate, candidate = a[2], a[3], a[4]
    has_lengths, lengths, width = a[6] != 0, ints(a[6], a[0]), 3 * units
    two, w_new = 2 * units, a[8] + 4 * 2 * units * units
    np.dot(matrix(a[7], batch, units), matrix(a[8], two, units).T, matrix(a[10], batch, two))
    for row in range(batch):
        gates, sums = part(a[9], row, width, 0, two), part(a[10], row, two, 0, two)
        r, z = part(a[9], row, width, 0, units), part(a[9], row, width, units, units)
        h_before, kept = part(a[7], row, units, 0, units), part(a[11], row, units, 0, units)
        for j in range(two):
            gates[j] += sums[j]
        activate(reset_gate, units, r)
        activate(update_gate, units, z)
        for j in range(units):
            kept[j] = r[j] * h_before[j]
    np.dot(matrix(a[11], batch, units), matrix(w_new, units, units).T,
           matrix(a[10], batch, units))
    for row in range(batch):
        z, n = part(a[9], row, width, units, units), part(a[9], row, width, two, units)
        sums = part(a[10], row, units, 0, units)
        for j in range(units):
            n[j] += sums[j]
        activate(candidate, units, n)
        mix(units, z, n, part(a[7], row, units, 0, units), part(a[12], row, units, 0, units))
    if has_lengths:
        freeze(t, lengths, batch, units, a[7], a[12])
        clear_ended(t, lengths, batch, width, a[9])


@kernel("batch units reset_gate update_gate candidate t cut outside lengths gates h_before w dh "
        "-> dgates dreset_update dnew dkept dh_before carry h_norm")
def gru_backward_reset_before(a):
    """dn = φ' dh (1 - z), dz = φ' dh (h_before - n), dr = φ' h_before dkept; dkept = dn w.

    dh_before += dh z + dkept r + (dr, dz) w unless cut; h_norm = ‖dh‖ (1,). gates, dgates (batch,
    3 units), w (3 units, units), dreset_update (batch, 2 units), all others (batch, units)
    """
    batch, units, t, cut = a[0], a[1], a[5], a[6]
    reset_gate, update_gate, candidate = a[2], a[3], a[4]
    has_lengths, lengths, width = a[8] != 0, ints(a[8], a[0]), 3 * units
    two, w_new = 2 * units, a[11] + 4 * 2 * units * units
    floats(a[19], 1)[0] = norm(floats(a[12], batch * units), batch * units)
    if a[7] == 0:
        clear(batch * units, a[17])
    for row in range(batch):
        dn, dnew = part(a[13], row, width, two, units), part(a[15], row, units, 0, units)
        unmix(row, units, update_gate, candidate, a[9], a[10], a[12], a[13])
        for j in range(units):
            dnew[j] = dn[j]
    if has_lengths:
        clear_ended(t, lengths, batch, units, a[15])
    np.dot(matrix(a[15], batch, units), matrix(w_new, units, units), matrix(a[16], batch, units))
    for row in range(batch):
        r, z = part(a[9], row, width, 0, units), part(a[9], row, width, units, units)
        dr, dgates = part(a[13], row, width, 0, units), part(a[13], row, width, 0, two)
        h_before, dh = part(a[10], row, units, 0, units), part(a[12], row, units, 0, units)
        dkept, dh_before = part(a[16], row, units, 0, units), part(a[17], row, units, 0, units)
        dreset_update = part(a[14], row, two, 0, two)
        for j in range(units):
            dr[j] = dkept[j] * h_before[j]
        differentiate(reset_gate, units, r, dr)
        for j in range(two):
            dreset_update[j] = dgates[j]
        if cut == 0:
            for j in range(units):
                dh_before[j] += dh[j] * z[j] + dkept[j] * r[j]
    if has_lengths:
        clear_ended(t, lengths, batch, width, a[13])
        clear_ended(t, lengths, batch, two, a[14])
    if cut == 0:
        carry_back(batch, units, two, t, has_lengths, lengths, a[14], a[11], a[12], a[18], a[17])
