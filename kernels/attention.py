"""Attention: heads laid out one after the other, and the softmax over the keys."""

from __future__ import annotations

import numpy as np

from kernels import vector_math
from kernels.jit import floats, kernel, matrix, real
from kernels.sequence import own_steps

ZERO, NAN = np.float32(0), np.float32(np.nan)


@kernel("count rows inner columns a b -> y")
def batch_product(a):
    """y = a b, for each of `count` pairs.

    a (count, rows, inner), b (count, inner, columns) -> y (count, rows, columns)
    """
    count, rows, inner, columns = a[0], a[1], a[2], a[3]
    left, right, out = a[4], a[5], a[6]
    for i in range(count):
        np.dot(matrix(left + 4 * i * rows * inner, rows, inner),
               matrix(right + 4 * i * inner * columns, inner, columns),
               matrix(out + 4 * i * rows * columns, rows, columns))


@kernel("count rows inner columns a b -> y")
def batch_product_transposed(a):
    """y = a bᵀ, for each of `count` pairs.

    a (count, rows, inner), b (count, columns, inner) -> y (count, rows, columns)
    """
    count, rows, inner, columns = a[0], a[1], a[2], a[3]
    left, right, out = a[4], a[5], a[6]
    for i in range(count):
        np.dot(matrix(left + 4 * i * rows * inner, rows, inner),
               matrix(right + 4 * i * inner * columns, columns, inner).T,
               matrix(out + 4 * i * rows * columns, rows, columns))


@kernel("count rows inner columns a b -> y")
def batch_transposed_product(a):
    """y = aᵀ b, for each of `count` pairs.

    a (count, inner, rows), b (count, inner, columns) -> y (count, rows, columns)
    """
    count, rows, inner, columns = a[0], a[1], a[2], a[3]
    left, right, out = a[4], a[5], a[6]
    for i in range(count):
        np.dot(matrix(left + 4 * i * rows * inner, inner, rows).T,
               matrix(right + 4 * i * inner * columns, inner, columns),
               matrix(out + 4 * i * rows * columns, rows, columns))


@kernel("batch heads queries keys scale causal lengths -> weights")
def attention_softmax(a):
    """weights = softmax(scale · scores) over the keys. Vaswani et al. 2017, eq. 1.

    weights (batch, heads, queries, keys), which hold the scores at first; causal 1: query i sees
    the keys 0 to i alone; lengths (batch,): how many keys are a sample's own; its address is 0
    where all are. A query that sees none has weights of 0.
    """
    batch, rows, keys, lengths = a[0], a[1] * a[2], a[3], a[6]
    queries, scale, causal = a[2], np.float32(real(a[4])), a[5]
    weights = matrix(a[7], batch * rows, keys)
    for i in range(batch * rows):
        own = own_steps(lengths, i // rows, keys)
        seen = min(own, i % queries + 1) if causal else own
        highest = weights[i, 0]
        for j in range(1, seen):
            highest = weights[i, j] if weights[i, j] > highest else highest
        for j in range(seen):
            weights[i, j] = vector_math.exp(scale * (weights[i, j] - highest))
        total = ZERO
        for j in range(seen):
            total += weights[i, j]
        for j in range(seen):
            weights[i, j] /= total
        rest = ZERO if own >= 0 else NAN  # A length that is not a number must show.
        for j in range(max(seen, 0), keys):
            weights[i, j] = rest


@kernel("rows keys scale weights -> dscores")
def attention_softmax_backward(a):
    """∂scores = scale · weights (∂weights - Σ weights ∂weights), in each row.

    weights (rows, keys), dscores (rows, keys), which hold ∂weights at first
    """
    rows, keys, scale = a[0], a[1], np.float32(real(a[2]))
    weights, dscores = matrix(a[3], rows, keys), matrix(a[4], rows, keys)
    for i in range(rows):
        mean = ZERO
        for j in range(keys):
            mean += weights[i, j] * dscores[i, j]
        for j in range(keys):
            dscores[i, j] = scale * weights[i, j] * (dscores[i, j] - mean)


@kernel("batch times heads size width offset x -> y")
def split_heads(a):
    """y[head] = the part of x that belongs to the head, features offset to offset + heads · size.

    x (batch, times, width) -> y (batch, heads, times, size)
    """
    batch, times, heads, size, width, offset = a[0], a[1], a[2], a[3], a[4], a[5]
    x, y = floats(a[6], batch * times * width), floats(a[7], batch * heads * times * size)
    for i in range(batch):
        for h in range(heads):
            for t in range(times):
                source = (i * times + t) * width + offset + h * size
                to = ((i * heads + h) * times + t) * size
                for j in range(size):
                    y[to + j] = x[source + j]


@kernel("batch times heads size width offset x -> y")
def join_heads(a):
    """y = the heads side by side, as features offset to offset + heads · size.

    x (batch, heads, times, size) -> y (batch, times, width)
    """
    batch, times, heads, size, width, offset = a[0], a[1], a[2], a[3], a[4], a[5]
    x, y = floats(a[6], batch * heads * times * size), floats(a[7], batch * times * width)
    for i in range(batch):
        for h in range(heads):
            for t in range(times):
                source = ((i * heads + h) * times + t) * size
                to = (i * times + t) * width + offset + h * size
                for j in range(size):
                    y[to + j] = x[source + j]
