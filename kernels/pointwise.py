"""Convolution with kernels of one pixel: for each sample a matrix product, on BLAS."""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, kernel, matrix


@kernel("batch inputs maps positions x w b -> y")
def pointwise_forward(a):
    """y[o, i] = b[o] + sum_c w[o, c] x[c, i].

    x (batch, inputs, positions), w (maps, inputs), b (maps,) or 0 -> y (batch, maps, positions)
    """
    batch, inputs, maps, positions = a[0], a[1], a[2], a[3]
    w, b, has_bias = matrix(a[5], maps, inputs), floats(a[6], maps), a[6] != 0
    for n in range(batch):
        x = matrix(a[4] + 4 * n * inputs * positions, inputs, positions)
        y = matrix(a[7] + 4 * n * maps * positions, maps, positions)
        np.dot(w, x, y)
        if has_bias:
            for o in range(maps):
                for i in range(positions):
                    y[o, i] += b[o]


@kernel("batch inputs maps positions x dy -> dw work")
def pointwise_weight_gradient(a):
    """dw[o, c] = sum_ni dy[n, o, i] x[n, c, i].

    x (batch, inputs, positions), dy (batch, maps, positions) -> dw, work (maps, inputs)
    """
    batch, inputs, maps, positions = a[0], a[1], a[2], a[3]
    dw, work = matrix(a[6], maps, inputs), matrix(a[7], maps, inputs)
    dw[:] = 0
    for n in range(batch):
        x = matrix(a[4] + 4 * n * inputs * positions, inputs, positions)
        dy = matrix(a[5] + 4 * n * maps * positions, maps, positions)
        np.dot(dy, x.T, work)
        for o in range(maps):
            for c in range(inputs):
                dw[o, c] += work[o, c]


@kernel("batch inputs maps positions dy w -> dx")
def pointwise_input_gradient(a):
    """dx[c, i] = sum_o w[o, c] dy[o, i].

    dy (batch, maps, positions), w (maps, inputs) -> dx (batch, inputs, positions)
    """
    batch, inputs, maps, positions = a[0], a[1], a[2], a[3]
    w = matrix(a[5], maps, inputs)
    for n in range(batch):
        dy = matrix(a[4] + 4 * n * maps * positions, maps, positions)
        dx = matrix(a[6] + 4 * n * inputs * positions, inputs, positions)
        np.dot(w.T, dy, dx)
