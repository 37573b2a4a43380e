"""The networks that are compared, and how much work a step of each is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from playground.data import Dataset
from playground.examples import EXAMPLES
from playground.graph import Graph
from playground.layers.data import DataLayer, Spiral
from playground.training import SGD, Clipping, Training
from tests.networks import Samples, Step, row

TRAINING = Training(optimizer=SGD(learning_rate=0.01, momentum=0.9),
                    clipping=Clipping(mode="global_norm", threshold=1.0))
LOSS: Step = ("softmax_cross_entropy", {})


def dense(*units: int, activation: str) -> list[Step]:
    """Hidden layers with the activation, and a last one without."""
    return [*(("dense", {"units": n, "activation": activation}) for n in units[:-1]),
            ("dense", {"units": units[-1]})]


def conv(channels: int) -> Step:
    return ("conv2d", {"channels": channels, "padding": "same", "activation": "relu"})


def network(batch: int, data: Any, *steps: Step) -> Graph:
    return row(data, *steps, LOSS, training=msgspec.structs.replace(TRAINING, batch=batch))


def images(*shape: int) -> Samples:
    return Samples(shape=shape, classes=10, count=1280)


class Symbols(DataLayer, frozen=True, kw_only=True):
    """Rows of 64 symbols out of 64, and the symbol that should come after each."""

    kind, label, category = "symbols", "Symbols", "data"

    def dataset(self) -> Dataset:
        random = np.random.default_rng(self.seed)
        x, target = random.integers(0, 64, (2, 640, 64)).astype(np.float32)
        names = tuple(str(c) for c in range(64))
        return Dataset("symbols", x, target, names, vocabulary=names)


POOL: Step = ("max_pool2d", {})
NETWORKS: dict[str, Callable[[], Graph]] = {
    "spiral 2-8-8-2": lambda: network(32, Spiral(), *dense(8, 8, 2, activation="tanh")),
    "mlp-spiral": lambda: EXAMPLES["mlp-spiral"].graph,
    "mlp 784-256-128-10": lambda: network(
        64, images(784), *dense(256, 128, 10, activation="relu")),
    "cnn-digits": lambda: network(
        32, images(1, 8, 8), conv(16), POOL, conv(32), POOL, ("flatten", {}),
        ("dense", {"units": 10})),
    "lenet5": lambda: network(
        64, images(1, 28, 28),
        ("conv2d", {"channels": 6, "kernel": 5, "padding": "same", "activation": "tanh"}),
        ("avg_pool2d", {}),
        ("conv2d", {"channels": 16, "kernel": 5, "activation": "tanh"}),
        ("avg_pool2d", {}), ("flatten", {}), *dense(120, 84, 10, activation="tanh")),
    "elman 2-64, 100 steps": lambda: network(
        32, Samples(shape=(100, 2), classes=2, count=640),
        ("elman", {"units": 64}), ("dense", {"units": 2})),
    "lstm 28-128, 28 steps": lambda: network(
        64, images(28, 28), ("lstm", {"units": 128}), ("dense", {"units": 10})),
    "gru 28-128, 28 steps": lambda: network(
        64, images(28, 28), ("gru", {"units": 128}), ("dense", {"units": 10})),
    "char lstm, 64 steps": lambda: network(
        32, Symbols(), ("embedding", {"vocabulary": 64, "dimension": 32}),
        ("lstm", {"units": 128, "returns": "sequence"}), ("dense", {"units": 64})),
    "vgg 32-32-64-64": lambda: network(
        64, images(3, 32, 32), conv(32), conv(32), POOL, conv(64), conv(64), POOL,
        ("flatten", {}), *dense(128, 10, activation="relu")),
}
