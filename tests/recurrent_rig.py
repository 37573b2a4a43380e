"""A recurrent layer at work on chosen numbers, weights and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from playground.graph import Graph
from playground.layers.base import make_layer, size_of
from playground.layers.unrolled import RecurrentLayer
from playground.session import Session
from playground.training import SGD, Training
from tests.networks import Feed, Probe, Samples

BATCH, TIME, FEATURES, UNITS = 7, 6, 5, 4
LENGTHS = np.array([6, 1, 3, 6, 2, 5, 4])
MODULES = {"elman": "RNN", "lstm": "LSTM", "gru": "GRU"}
"""What PyTorch calls them."""
KINDS = (*MODULES, "jordan")


class Rig:
    """A recurrent layer with all or some of its inputs, on chosen numbers."""

    def __init__(self, kind: str, settings: dict[str, Any] | None = None, *,
                 lengths: bool = False, state: bool = False, threads: int = 1,
                 shape: tuple[int, int] = (TIME, FEATURES), batch: int = BATCH) -> None:
        layer = make_layer(kind, {"units": UNITS, **(settings or {})})
        assert isinstance(layer, RecurrentLayer)
        shapes = {0: shape, **({1: ()} if lengths else {}),
                  **({2: (layer.state_size,)} if state else {})}
        total = sum(map(size_of, shapes.values()))
        graph = Graph().with_node(layer, id="cell")
        start = 0
        for port, feed in shapes.items():
            graph = graph.with_node(Feed(shape=feed, start=start), id=f"feed_{port}")
            graph = graph.connect(f"feed_{port}", "cell", target_port=port)
            start += size_of(feed)
        y = layer.output_shape(*(shapes.get(port) for port in range(max(shapes) + 1)))
        graph = graph.with_node(Samples(shape=(total,), target=y, count=max(40, batch)))
        for port in shapes:
            graph = graph.connect("samples_1", f"feed_{port}")
        graph = graph.with_node(Probe()).connect("cell", "probe_1")
        graph = graph.with_training(Training(batch=batch, optimizer=SGD(learning_rate=0)))
        self.layer, self.ports = layer, tuple(shapes)
        self.session = Session(graph, threads=threads)
        random = np.random.default_rng(3)
        self.w = {name.removeprefix("cell."): self.session.values(name)
                  for name in self.session.program.parameters if name.startswith("cell.")}
        for values in self.w.values():
            values[...] = random.normal(0, 0.5, values.shape)
        self.x = [random.normal(size=(batch, *shape)).astype(np.float32)
                  for shape in shapes.values()]
        if lengths:
            self.x[1] = LENGTHS.astype(np.float32)
        self.dy = random.normal(size=(batch, *y)).astype(np.float32)

    def play(self) -> np.ndarray:
        """One step; gives the output."""
        session = self.session
        weights = {name: values.copy() for name, values in self.w.items()}
        assert session.go_to(0)
        session.forward_to("layer")
        for name, values in weights.items():
            self.w[name][...] = values
        flat = [x.reshape(len(x), -1) for x in self.x]
        session.values("samples_1.x")[...] = np.concatenate(flat, axis=1)
        session.values("samples_1.target")[...] = self.dy
        session.forward_to("batch")
        return self.values("y")

    def values(self, name: str) -> np.ndarray:
        return self.session.values(f"cell.{name}").copy()

    def dx(self, port: int) -> np.ndarray:
        return self.session.values(f"feed_{port}.dy").copy()
