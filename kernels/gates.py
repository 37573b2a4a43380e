"""The functions of a recurrent cell's gates, in place on a part of each row."""

from __future__ import annotations

import numpy as np

from kernels import vector_math
from kernels.jit import helper

#: A function's number, as an operand, is its place here.
GATE_ACTIVATIONS = ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu")
IDENTITY, SIGMOID, TANH, RELU, LEAKY_RELU, ELU = range(6)

ZERO, ONE, SLOPE = np.float32(0), np.float32(1), np.float32(0.01)


@helper
def activate(function, rows, width, stride, y, start):
    """y[start + r stride + j] = φ(y[start + r stride + j]) for r < rows, j < width."""
    for at in range(start, start + rows * stride, stride):
        if function == SIGMOID:
            for k in range(at, at + width):
                y[k] = vector_math.sigmoid(y[k])
        elif function == TANH:
            for k in range(at, at + width):
                y[k] = vector_math.tanh(y[k])
        elif function == RELU:
            for k in range(at, at + width):
                y[k] = ZERO if y[k] < ZERO else y[k]
        elif function == LEAKY_RELU:
            for k in range(at, at + width):
                y[k] = SLOPE * y[k] if y[k] < ZERO else y[k]
        elif function == ELU:
            for k in range(at, at + width):
                y[k] = vector_math.expm1_negative(y[k]) if y[k] < ZERO else y[k]


@helper
def differentiate(function, rows, width, y, y_start, y_stride, dy, start, stride):
    """dy[start + r stride + j] *= φ'(x), told by y[y_start + r y_stride + j] = φ(x)."""
    for r in range(rows):
        at, value = start + r * stride, y_start + r * y_stride
        if function == SIGMOID:
            for j in range(width):
                dy[at + j] *= y[value + j] * (ONE - y[value + j])
        elif function == TANH:
            for j in range(width):
                dy[at + j] *= ONE - y[value + j] * y[value + j]
        elif function == RELU:
            for j in range(width):
                dy[at + j] = ZERO if y[value + j] <= ZERO else dy[at + j]
        elif function == LEAKY_RELU:
            for j in range(width):
                dy[at + j] *= SLOPE if y[value + j] <= ZERO else ONE
        elif function == ELU:
            for j in range(width):
                dy[at + j] *= y[value + j] + ONE if y[value + j] <= ZERO else ONE
