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

from kernels.conv import conv_backward_input, conv_backward_weights, conv_forward, workspace_sizes
from playground.layers.conv import Conv2D


class Case(NamedTuple):
    """One layer on one batch; first layers need no gradient of their input."""

    name: str
    batch: int
    shape: tuple[int, int, int]
    layer: Conv2D
    first: bool = False


CASES = (
    Case("LeNet conv 1", 64, (1, 28, 28), Conv2D(maps=6, kernel=(5, 5), padding="same"), True),
    Case("LeNet conv 2", 64, (6, 14, 14), Conv2D(maps=16, kernel=(5, 5))),
    Case("LeNet conv 3", 64, (16, 5, 5), Conv2D(maps=120, kernel=(5, 5))),
    Case("digits conv 1", 32, (1, 8, 8), Conv2D(maps=8, padding="same"), True),
    Case("digits conv 2", 32, (8, 8, 8), Conv2D(maps=16, padding="same")),
    Case("digits conv 2, 4x4", 32, (8, 4, 4), Conv2D(maps=16, padding="same")),
    Case("VGG 3 -> 64", 16, (3, 32, 32), Conv2D(maps=64, padding="same"), True),
    Case("VGG 32 -> 32", 16, (32, 32, 32), Conv2D(maps=32, padding="same")),
    Case("VGG 64 -> 64", 16, (64, 16, 16), Conv2D(maps=64, padding="same")),
    Case("VGG 128 -> 128", 16, (128, 8, 8), Conv2D(maps=128, padding="same")),
    Case("VGG 512 -> 512", 8, (512, 14, 14), Conv2D(maps=512, padding="same")),
    Case("1x1, 64 -> 32", 16, (64, 14, 14), Conv2D(maps=32, kernel=(1, 1))),
    Case("stride 2, 32 -> 64", 16, (32, 16, 16),
         Conv2D(maps=64, stride=(2, 2), padding="same")),
    Case("dilation 2, 32 -> 32", 16, (32, 16, 16),
         Conv2D(maps=32, dilation=(2, 2), padding="same")),
    Case("groups 4, 32 -> 32", 16, (32, 16, 16), Conv2D(maps=32, groups=4, padding="same")),
    Case("depthwise 32", 16, (32, 16, 16), Conv2D(maps=32, groups=32, padding="same")),
    Case("AlexNet conv 1", 4, (3, 227, 227), Conv2D(maps=96, kernel=(11, 11), stride=(4, 4)),
         True),
)


def seconds(work: Callable[[], None], repeats: int) -> float:
    """Time of one call, over `repeats` calls."""
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def pairs_of_work(case: Case) -> tuple[tuple[Callable[[], None], Callable[[], None]], ...]:
    """(ours, theirs) for forward and for backward."""
    random = np.random.default_rng(0)
    g = case.layer.geometry(case.batch, case.shape)
    operands = g._asdict()
    weights = case.layer.parameters(case.shape)[0].shape
    x, w, b, dy = (random.normal(size=shape).astype(np.float32) for shape in (
        (case.batch, *case.shape), weights, g.out_channels,
        (case.batch, *case.layer.output_shape(case.shape))))
    y, dw, db, dx = (np.empty_like(array) for array in (dy, w, b, x))
    work = {name: np.empty(n, np.float32) for name, n in workspace_sizes(g).items()}
    rows = [kernel.row(**operands, **arrays, **work) for kernel, arrays in (
        (conv_forward, {"x": x, "w": w, "b": b, "y": y}),
        (conv_backward_weights, {"x": x, "dy": dy, "dw": dw, "db": db}),
        (conv_backward_input, {"dy": dy, "w": w, "dx": dx}))]
    kept = (x, w, b, dy, y, dw, db, dx, work)  # the rows hold only their addresses
    tx, tw, tb, tdy = (torch.from_numpy(array) for array in (x, w, b, dy))
    stride, dilation = list(case.layer.stride), list(case.layer.dilation)
    padding = [g.top, g.left]

    def our_forward() -> None:
        conv_forward.run(rows[0])

    def our_backward() -> None:
        conv_backward_weights.run(rows[1])
        if not case.first:
            conv_backward_input.run(rows[2])
        assert kept

    def their_forward() -> None:
        torch.ops.aten.convolution(tx, tw, tb, stride, padding, dilation, False, [0, 0], g.groups)

    def their_backward() -> None:
        torch.ops.aten.convolution_backward(
            tdy, tx, tw, [g.out_channels], stride, padding, dilation, False, [0, 0], g.groups,
            [not case.first, True, True])
