"""How fast this machine multiplies and adds: what no product of matrices can exceed."""

from __future__ import annotations

import time

import numpy as np
from numba import types
from numba.extending import intrinsic

from kernels.jit import floats, kernel
from kernels.vector_writer import INT, WIDTH, ZERO, Writer

_CHAINS = 12
"""Sums that do not wait for each other: more than a multiply-add takes cycles, times two units."""


@intrinsic
def _multiply_add(typing_context, n, x):
    """n multiply-adds in each of _CHAINS vectors; all ends up in x[0:WIDTH]."""
    signature = types.void(types.intp, x)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        n, x = writer.arguments
        factor = writer.load(x)

        def body(i, sums):
            return [writer.multiply_add(factor, total, factor) for total in sums]

        # Different starts, or LLVM would find the same sum in all chains and make it once.
        starts = [builder.fadd(factor, writer.load(writer.at(x, chain * WIDTH)))
                  for chain in range(_CHAINS)]
        total = ZERO
        for value in writer.loop(INT(0), n, 1, starts, body):
            total = builder.fadd(total, value)
        writer.store(total, x)
        return context.get_dummy_value()

    return signature, generate


@kernel("n -> x")
def multiply_adds(a):
    """s = s x + x, n times in each of 12 vectors s.

    x (12 vectors); the first takes the sum of all s
    """
    _multiply_add(a[0], floats(a[1], _CHAINS * WIDTH))


def peak_flops(seconds: float = 0.2) -> float:
    """Floating-point operations per second of one thread in a loop of multiply-adds; the best."""
    turns, best = 200_000, float("inf")
    multiply_adds.compile()
    x = np.linspace(0.1, 0.2, _CHAINS * WIDTH, dtype=np.float32)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        multiply_adds(n=turns, x=x)
        best = min(best, time.perf_counter() - start)
        x[:WIDTH] = 0.1
    return 2.0 * WIDTH * _CHAINS * turns / best
