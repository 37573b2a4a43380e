"""Convolution against PyTorch (oneDNN), one thread each: `python -m tests.bench.conv_vs_pytorch`.

Ours and theirs take turns, so that a noisy machine disturbs both alike; each figure is the median
over the rounds of their time / our time: above 1 we are faster.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from kernels.jit import call_once
from playground.layers.base import size_of
from playground.layers.conv import Conv2D


class Case(NamedTuple):
    """One layer on one batch; first layers need no gradient of their input."""

    name: str
    batch: int
    shape: tuple[int, int, int]
    layer: Conv2D
    first: bool = False


CASES = (
    Case("LeNet conv 1", 64, (1, 28, 28), Conv2D(channels=6, kernel=(5, 5), padding="same"), True),
    Case("LeNet conv 2", 64, (6, 14, 14), Conv2D(channels=16, kernel=(5, 5))),
    Case("LeNet conv 3", 64, (16, 5, 5), Conv2D(channels=120, kernel=(5, 5))),
    Case("digits conv 1", 32, (1, 8, 8), Conv2D(channels=8, padding="same"), True),
    Case("digits conv 2", 32, (8, 8, 8), Conv2D(channels=16, padding="same")),
    Case("digits conv 2, 4x4", 32, (8, 4, 4), Conv2D(channels=16, padding="same")),
    Case("VGG 3 -> 64", 16, (3, 32, 32), Conv2D(channels=64, padding="same"), True),
    Case("VGG 32 -> 32", 16, (32, 32, 32), Conv2D(channels=32, padding="same")),
    Case("VGG 64 -> 64", 16, (64, 16, 16), Conv2D(channels=64, padding="same")),
    Case("VGG 128 -> 128", 16, (128, 8, 8), Conv2D(channels=128, padding="same")),
    Case("VGG 512 -> 512", 8, (512, 14, 14), Conv2D(channels=512, padding="same")),
    Case("1x1, 64 -> 32", 16, (64, 14, 14), Conv2D(channels=32, kernel=(1, 1))),
    Case("stride 2, 32 -> 64", 16, (32, 16, 16),
         Conv2D(channels=64, stride=(2, 2), padding=(1, 1))),
    Case("dilation 2, 32 -> 32", 16, (32, 16, 16),
         Conv2D(channels=32, dilation=(2, 2), padding="same")),
    Case("groups 4, 32 -> 32", 16, (32, 16, 16), Conv2D(channels=32, groups=4, padding="same")),
    Case("depthwise 32", 16, (32, 16, 16), Conv2D(channels=32, groups=32, padding="same")),
    Case("5x5, 32 -> 32", 16, (32, 16, 16),
         Conv2D(channels=32, kernel=(5, 5), padding="same")),
    Case("7x7 stride 2, 3 -> 64", 4, (3, 96, 96),
         Conv2D(channels=64, kernel=(7, 7), stride=(2, 2), padding=(3, 3)), True),
    Case("VGG16 conv 1", 1, (3, 224, 224), Conv2D(channels=64, padding="same"), True),
    Case("AlexNet conv 1", 4, (3, 227, 227), Conv2D(channels=96, kernel=(11, 11), stride=(4, 4)),
         True),
)


def seconds(work: Callable[[], None], repeats: int) -> float:
    """Time of one call, over `repeats` calls."""
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def aligned(n: int) -> np.ndarray:
    """n floats that start at a multiple of 64 bytes, as every tensor of a program does."""
    memory = np.zeros(n + 16, np.float32)
    start = -memory.ctypes.data // 4 % 16
    return memory[start:start + n]


def pairs_of_work(case: Case) -> tuple[tuple[Callable[[], None], Callable[[], None]], ...]:
    """(ours, theirs) for forward and for backward."""
    random = np.random.default_rng(0)
    g = case.layer.geometry(case.batch, case.shape)
    method = case.layer.method(case.batch, case.shape)
    weights = case.layer.parameters(case.shape)[0].shape
    shapes = ((case.batch, *case.shape), weights, (g.out_channels,),
              (case.batch, *case.layer.output_shape(case.shape)))
    x, w, b, dy = (aligned(size_of(shape)).reshape(shape) for shape in shapes)
    dx, dw, db, y = (aligned(size_of(shape)).reshape(shape) for shape in shapes)
    for array in (x, w, b, dy):
        array[...] = random.normal(size=array.shape)
    work = aligned(method.workspace)
    calls = [(kernel.compile(),
              np.array(kernel.row(**sizes, **arrays, work=work), np.int64))
             for kernel, sizes, arrays in (
                 (method.forward, method.operands, {"x": x, "w": w, "b": b, "y": y}),
                 (method.weight_gradient, method.operands,
                  {"x": x, "dy": dy, "dw": dw, "db": db}),
                 (method.input_gradient, method.input_operands, {"dy": dy, "w": w, "dx": dx}))]
    kept = (x, w, b, dy, y, dw, db, dx, work)  # the calls hold only their addresses
    tx, tw, tb, tdy = (torch.from_numpy(array) for array in (x, w, b, dy))
    stride, dilation = list(case.layer.stride), list(case.layer.dilation)
    padding = [g.top, g.left]

    def our_forward() -> None:
        call_once(*calls[0])

    def our_backward() -> None:
        call_once(*calls[1])
        if not case.first:
            call_once(*calls[2])
        assert kept

    def their_forward() -> None:
        torch.ops.aten.convolution(tx, tw, tb, stride, padding, dilation, False, [0, 0], g.groups)

    def their_backward() -> None:
        torch.ops.aten.convolution_backward(
            tdy, tx, tw, [g.out_channels], stride, padding, dilation, False, [0, 0], g.groups,
            [not case.first, True, True])

    return (our_forward, their_forward), (our_backward, their_backward)


def compare(case: Case, rounds: int) -> tuple[float, float, float, float, float]:
    """Median ratios (forward, backward, both) and our median milliseconds (forward, backward)."""
    work = pairs_of_work(case)
    repeats = [max(1, int(0.01 / seconds(theirs, 3))) for _, theirs in work]
    ratios: list[tuple[float, float, float]] = []
    ours: list[tuple[float, float]] = []
    for _ in range(rounds):
        (f, their_f), (b, their_b) = (
            (seconds(mine, n), seconds(theirs, n))
            for (mine, theirs), n in zip(work, repeats, strict=True))
        ratios.append((their_f / f, their_b / b, (their_f + their_b) / (f + b)))
        ours.append((1e3 * f, 1e3 * b))
    forward, backward, both = (statistics.median(column) for column in zip(*ratios, strict=True))
    return forward, backward, both, *(statistics.median(c) for c in zip(*ours, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only cases whose name contains one of these")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'PyTorch time / our time':24} {'forward':>8} {'backward':>8} {'both':>8}"
          f" {'our ms':>9} {'our ms':>9}")
    for case in CASES:
        if not arguments.words or any(word in case.name for word in arguments.words):
            f, b, both, our_f, our_b = compare(case, arguments.rounds)
            print(f"{case.name:24} {f:8.2f} {b:8.2f} {both:8.2f} {our_f:9.3f} {our_b:9.3f}",
                  flush=True)


if __name__ == "__main__":
    main()
