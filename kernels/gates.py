"""The functions of a recurrent cell's gates, in place."""

from __future__ import annotations

import numpy as np

from kernels import vector_math
from kernels.jit import helper

#: A function's number, as an operand, is its place here.
GATE_ACTIVATIONS = ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu")
IDENTITY, SIGMOID, TANH, RELU, LEAKY_RELU, ELU = range(6)

ZERO, ONE, SLOPE = np.float32(0), np.float32(1), np.float32(0.01)


@helper
def activate(function, n, y):
    """y = φ(y), for n values."""
    if function == SIGMOID:
        for j in range(n):
            y[j] = vector_math.sigmoid(y[j])
    elif function == TANH:
        for j in range(n):
            y[j] = vector_math.tanh(y[j])
    elif function == RELU:
        for j in range(n):
            y[j] = ZERO if y[j] < ZERO else y[j]
    elif function == LEAKY_RELU:
        for j in range(n):
            y[j] = SLOPE * y[j] if y[j] < ZERO else y[j]
    elif function == ELU:
        for j in range(n):
            y[j] = vector_math.expm1_negative(y[j]) if y[j] < ZERO else y[j]


@helper
def differentiate(function, n, y, dy):
    """dy *= φ'(x), told by y = φ(x), for n values."""
    if function == SIGMOID:
        for j in range(n):
            dy[j] *= y[j] * (ONE - y[j])
    elif function == TANH:
        for j in range(n):
            dy[j] *= ONE - y[j] * y[j]
    elif function == RELU:
        for j in range(n):
            dy[j] = ZERO if y[j] <= ZERO else dy[j]
    elif function == LEAKY_RELU:
        for j in range(n):
            dy[j] *= SLOPE if y[j] <= ZERO else ONE
    elif function == ELU:
        for j in range(n):
            dy[j] *= y[j] + ONE if y[j] <= ZERO else ONE
