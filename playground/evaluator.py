"""The network used, not trained: validation, predictions, what a sample looks like inside.

It has arenas of its own, so that asking never disturbs a training step that is half done.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels.machine import Machine
from playground.arena import Arena
from playground.compiler import compile_program
from playground.graph import Graph
from playground.layers.data import DataLayer
from playground.program import Program, link
from playground.shapes import Check

Floats = NDArray[np.float32]
LARGEST_BATCH = 256


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Mean loss and metric over samples, and the outputs (n, ...) when they were asked for."""

    loss: float
    metric: float
    outputs: Floats | None = None


class Evaluator:
    """Runs a graph's inference program with parameters copied from a training arena."""

    def __init__(self, graph: Graph, checked: Check) -> None:
        self._graph, self._check = graph, checked
        self._runs: dict[int, _Run] = {}
        self._source: Arena | None = None
        self.data_node = next(
            id for id in checked.used if isinstance(graph.node(id).layer, DataLayer))

    def use(self, arena: Arena) -> None:
        """Take the parameters from this arena, as they are at each call."""
        self._source = arena

    def evaluate(self, x: Floats, target: Floats, keep_outputs: bool = False) -> Evaluation:
        """Loss and metric of samples x (n, *shape) and targets (n, ...), scaled as trained."""
        n = len(x)
        loss = metric = 0.0
        outputs: list[Floats] = []
        for start in range(0, n, LARGEST_BATCH):
            part = slice(start, min(n, start + LARGEST_BATCH))
            run = self._run(x[part], target[part])
            loss += run.value("loss") * run.program.batch
            metric += run.value("metric") * run.program.batch
            if keep_outputs:
                outputs.append(run.outputs())
        return Evaluation(loss / n, metric / n, np.concatenate(outputs) if outputs else None)

    def predict(self, x: Floats) -> Floats:
        """The outputs (n, ...) for samples x (n, *shape): probabilities, or predicted values."""
        outputs = []
        for start in range(0, len(x), LARGEST_BATCH):
            part = x[start:start + LARGEST_BATCH]
            # Always the same batch: one program serves every n.
            filled = np.zeros((LARGEST_BATCH, *x.shape[1:]), np.float32)
            filled[:len(part)] = part
            outputs.append(self._run(filled, None).outputs()[:len(part)])
        return np.concatenate(outputs)

    def activations(self, x: Floats) -> dict[str, Floats]:
        """Every activation for samples x (n, *shape), by tensor name, samples first."""
        run = self._run(x, None)
        return {name: run.arena.view(tensor).copy()
                for name, tensor in run.program.tensors.items()
                if tensor.region in ("activations", "batch", "workspace")
                and tensor.shape[:1] == (len(x),)}

    def _run(self, x: Floats, target: Floats | None) -> _Run:
        batch = len(x)
        if batch not in self._runs:
            self._runs[batch] = _Run(compile_program(
                self._graph, training=False, batch=batch, checked=self._check))
        run = self._runs[batch]
        assert self._source is not None
        run.take_parameters(self._source)
        run.write(f"{self.data_node}.x", x)
        run.write(f"{self.data_node}.target", target)
        run.machine.run(0, len(run.program.code))
        return run


class _Run:
    """An inference program for one batch size, ready to run."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.arena = Arena(program.sizes)
        self.machine = Machine(*link(program, self.arena), np.zeros(1, np.int64))

    def take_parameters(self, source: Arena) -> None:
        for region in ("parameters", "running"):
            self.arena.region(region)[:] = source.region(region)

    def write(self, name: str, values: Floats | None) -> None:
        tensor = self.program.tensors.get(name)
        if tensor is not None:
            self.arena.view(tensor)[...] = 0 if values is None else values

    def value(self, name: str) -> float:
        loss = self.program.check.used[-1]
        return float(self.arena.view(self.program.tensors[f"{loss}.{name}"])[0])

    def outputs(self) -> Floats:
        assert self.program.outputs is not None
        return self.arena.view(self.program.outputs).copy()
