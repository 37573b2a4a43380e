"""Training steps against PyTorch eager on the same work: `python -m tests.bench.vs_pytorch`.

The same network, batch, loss, SGD with momentum 0.9 and clipping of the global norm at 1. Both
take turns within one run, so that a noisy machine disturbs both alike; the ratio is the median
over the turns of their time / our time: above 1 we are faster.

Theirs gets one batch, ready in memory. Ours shuffles and gathers a batch in every step, and
measures its gradients and activations while it does (--plain leaves the measuring out).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec
import torch
from torch import nn

from playground.examples import EXAMPLES
from playground.graph import Graph
from playground.layers.base import Layer, size_of
from playground.layers.data import Spiral
from playground.session import Session
from playground.shapes import check
from playground.training import SGD, Clipping, Training
from tests.networks import Samples, Step, row

TRAINING = Training(optimizer=SGD(learning_rate=0.01, momentum=0.9),
                    clipping=Clipping(mode="global_norm", threshold=1.0))
LOSS: Step = ("softmax_cross_entropy", {})
SECONDS_PER_TURN = 0.1


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
    "vgg 32-32-64-64": lambda: network(
        64, images(3, 32, 32), conv(32), conv(32), POOL, conv(64), conv(64), POOL,
        ("flatten", {}), *dense(128, 10, activation="relu")),
}

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}


RECURRENT: dict[str, type[nn.RNNBase]] = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class LastState(nn.Module):
    """A recurrent module that gives its output at the last step."""

    def __init__(self, module: nn.RNNBase) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.module(x)
        last: torch.Tensor = y[:, -1]
        return last


def as_module(graph: Graph) -> nn.Module:
    """A row of layers as one would write it in PyTorch."""
    checked, modules = check(graph), []
    for node in graph.order():
        layer: Any = node.layer
        inputs = [signal.shape for signal in checked.inputs.get(node.id, ())]
        match layer.kind:
            case "dense":
                modules.append(nn.Linear(inputs[0][0], layer.units))
            case "conv2d":
                modules.append(nn.Conv2d(inputs[0][0], layer.channels, layer.kernel,
                                         padding=layer.border(inputs[0][1:])[:2]))
            case "max_pool2d":
                modules.append(nn.MaxPool2d(layer.kernel, layer.stride))
            case "avg_pool2d":
                modules.append(nn.AvgPool2d(layer.kernel, layer.stride))
            case "flatten":
                modules.append(nn.Flatten())
            case "elman" | "lstm" | "gru":
                modules.append(LastState(RECURRENT[layer.kind](
                    inputs[0][1], layer.units, batch_first=True)))
        if layer.kind not in RECURRENT and getattr(layer, "activation", "identity") != "identity":
            modules.append(ACTIVATIONS[layer.activation]())
    return nn.Sequential(*modules)


def their_step(graph: Graph, session: Session) -> Callable[[], None]:
    """One training step in PyTorch."""
    module = as_module(graph)
    ours = sum(parameter.numel() for parameter in module.parameters())
    assert ours == check(graph).total_parameters
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)
    loss = nn.CrossEntropyLoss()
    batch = graph.training.batch
    x = torch.tensor(session.data.x_train[:batch])
    y = torch.tensor(session.data.target_train[:batch]).long()

    def step() -> None:
        optimizer.zero_grad()
        loss(module(x), y).backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()

    return step


def operations(graph: Graph) -> float:
    """Floating-point operations of the products in one step: forward, ∂w, and ∂x if wanted."""
    checked, total, learned = check(graph), 0.0, False
    for node in graph.order():
        layer = node.layer
        assert isinstance(layer, Layer)
        if parameters := layer.parameters(*(s.shape for s in checked.inputs[node.id])):
            places = size_of(checked.signals[node.id][0].shape[1:])
            if layer.category == "recurrent":
                # Of its states it needs the gradients, whatever stands before it.
                places = checked.inputs[node.id][0].shape[0]
                total += 3 * size_of(parameters[1].shape) * places
            total += (3 if learned else 2) * size_of(parameters[0].shape) * places
            learned = True
    return 2.0 * graph.training.batch * total


def peak(threads: int) -> float:
    """The most operations per second that a large matrix product gets out of this machine."""
    a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
    best = min(seconds(lambda: torch.mm(a, b), 1) for _ in range(20))
    assert torch.get_num_threads() == threads
    return 2 * 1024**3 / best


def seconds(work: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def compare(graph: Graph, threads: int, duration: float, instrument: bool) -> dict[str, float]:
    """Median microseconds per step on both sides, and the median ratio of the turns."""
    session = Session(graph, threads=threads, instrument=instrument)
    step = their_step(graph, session)

    def our_steps(count: int) -> float:
        start = time.perf_counter()
        session.run(count)
        assert session.trouble is None
        return (time.perf_counter() - start) / count

    our_steps(5)
    seconds(step, 5)
    count = max(1, int(SECONDS_PER_TURN / our_steps(5)))
    their_count = max(1, int(SECONDS_PER_TURN / seconds(step, 5)))
    ours, theirs = [], []
    end = time.perf_counter() + duration
    while len(ours) < 5 or time.perf_counter() < end:
        ours.append(our_steps(count))
        theirs.append(seconds(step, their_count))
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    return {"our_us": 1e6 * statistics.median(ours), "their_us": 1e6 * statistics.median(theirs),
            "ratio": statistics.median(ratios), "turns": len(ratios),
            "our_gflops": operations(graph) / statistics.median(ours) / 1e9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only networks whose name has one of these")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each network")
    parser.add_argument("--plain", action="store_true", help="do not measure gradient norms etc.")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    most = peak(arguments.threads) / 1e9
    results = {}
    if not arguments.json:
        print(f"{arguments.threads} threads; a large matrix product reaches {most:.0f} GFLOP/s\n"
              f"{'network':24} {'ours us':>9} {'theirs us':>10} {'ratio':>7} {'GFLOP/s':>8}"
              f" {'of peak':>8}")
    for name, make in NETWORKS.items():
        if arguments.words and not any(word in name for word in arguments.words):
            continue
        found = compare(make(), arguments.threads, arguments.seconds, not arguments.plain)
        results[name] = {**found, "share_of_peak": found["our_gflops"] / most}
        if not arguments.json:
            print(f"{name:24} {found['our_us']:9.1f} {found['their_us']:10.1f}"
                  f" {found['ratio']:7.2f} {found['our_gflops']:8.1f}"
                  f" {found['our_gflops'] / most:8.0%}", flush=True)
    if arguments.json:
        print(json.dumps({"threads": arguments.threads, "torch": torch.__version__,
                          "peak_gflops": most, "networks": results}))


if __name__ == "__main__":
    main()
