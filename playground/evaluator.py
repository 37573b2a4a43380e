"""The network used, not trained: validation, predictions, what a sample looks like inside.

It has arenas of its own, so that asking never disturbs a training step that is half done; but for
the weights, which it only reads, where they lie.
"""

from __future__ import annotations

import functools
import itertools
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels.machine import Machine
from playground.arena import Arena
from playground.compiler import compile_program
from playground.layers.base import Layer
from playground.program import Program, link
from playground.progress import LARGE, SLOW, Progress
from playground.tensor import Tensor
from playground.weights import KNOWN, Regions

Floats = NDArray[np.float32]
LARGEST_BATCH = 4096
"""One call for a whole picture: each call lets go of Python's lock and must get it back from the
window, which takes longer than a small network."""
MOST_BYTES = 16 << 20
"""Of one batch's activations: larger networks are used in smaller batches."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Mean loss and metric over samples, and the outputs (n, ...) when they were asked for."""

    loss: float
    metric: float
    outputs: Floats | None = None


class Evaluator:
    """Runs the inference program of a training program's graph.

    source: the arena in training, or copies; each call reads the parameters as they are there.
    """

    def __init__(self, program: Program, source: Regions) -> None:
        self._training, self._source = program, source
        self._runs: dict[int, _Run] = {}

    @property
    def program(self) -> Program:
        """The training program."""
        return self._training

    @functools.cached_property
    def batch(self) -> int:
        """Samples to run at once."""
        sizes = self._compiled(LARGEST_BATCH).sizes
        floats = sum(sizes.get(region, 0) for region in ("batch", "activations", "workspace"))
        return min(LARGEST_BATCH, max(1, MOST_BYTES // 4 * LARGEST_BATCH // floats))

    def evaluate(self, x: Floats, target: Floats, keep_outputs: bool = False,
                 progress: Progress | None = None) -> Evaluation:
        """Loss and metric of samples x (n, *shape) and targets (n, ...), scaled as trained."""
        # Each loss is a mean over targets of its own; what is left are penalties, over samples.
        sums, counts = np.zeros(0), np.zeros(0)
        metric = metrics = 0.0
        outputs: list[Floats] = []
        begun = time.perf_counter()
        for start in range(0, len(x), self.batch):
            if progress and start and time.perf_counter() - begun > SLOW:
                progress(f"Samples are validated: {start:,} of {len(x):,}")
            part = slice(start, min(len(x), start + self.batch))
            run = self._run(x[part], target[part], progress=progress)
            values, weights = run.losses()
            sums = values * weights + (sums if len(sums) else 0)
            counts = weights + (counts if len(counts) else 0)
            _, of_metric = run.counts(run.program.loss_node)
            metric += run.value(run.program.metric) * of_metric
            metrics += of_metric
            if keep_outputs:
                outputs.append(run.outputs())
        loss = float((sums / np.where(counts > 0, counts, 1)).sum())
        # The largest of outputs that are no numbers is not an answer.
        metric = metric / (metrics or 1.0) if np.isfinite(loss) else np.nan
        return Evaluation(loss, metric,
                          np.concatenate(outputs) if outputs else None)

    def predict(self, x: Floats) -> Floats:
        """The outputs (n, ...) for samples x (n, *shape): probabilities, or predicted values."""
        outputs = []
        for start in range(0, len(x), self.batch):
            part = x[start:start + self.batch]
            # The next power of two: a few programs serve every n.
            size = min(self.batch, 1 << (len(part) - 1).bit_length())
            filled = np.zeros((size, *x.shape[1:]), np.float32)
            filled[:len(part)] = part
            outputs.append(self._run(filled, None).outputs()[:len(part)])
        return np.concatenate(outputs)

    def values_of(self, node: str, x: Floats) -> Floats:
        """The first output (n, ...) of a node for samples x (n, *shape): the code of each, say."""
        parts = []
        for start in range(0, len(x), self.batch):
            run = self._run(x[start:start + self.batch], None)
            parts.append(run.output_of(node).copy())
        return np.concatenate(parts)

    def outputs_from(self, node: str, y: Floats, at: str | None = None) -> Floats:
        """What follows from values y (n, ...) in place of a node's first output: a decoder by
        itself.

        Gives the first output (n, ...) of the node `at`, or the network's output. What does not
        come from the node is as for samples of zeros.
        """
        parts = []
        for start in range(0, len(y), self.batch):
            part = y[start:start + self.batch]
            run = self._blank(len(part))
            run.continue_from(node, part)
            parts.append(run.outputs() if at is None else run.output_of(at).copy())
        return np.concatenate(parts)

    def drawn(self, node: str, count: int, draw: int = 0) -> Floats:
        """The first output (count, ...) of a node that starts from random numbers: a generator's.

        draw: another number gives other random numbers, the same one the same.
        """
        return self._blank(count, draw).output_of(node).copy()

    def activations(self, x: Floats) -> dict[str, Floats]:
        """Every activation for samples x (n, *shape), by tensor name, samples first."""
        run = self._run(x, None)
        return {name: run.arena.view(tensor).copy()
                for name, tensor in run.program.tensors.items()
                if tensor.region in ("activations", "batch", "workspace")
                and tensor.shape[:1] == (len(x),)}

    def _blank(self, batch: int, draw: int = 0) -> _Run:
        shape = self._training.samples.shape[1:]
        return self._run(np.zeros((batch, *shape), np.float32), None, draw)

    def _run(self, x: Floats, target: Floats | None, draw: int = 0,
             progress: Progress | None = None) -> _Run:
        batch = len(x)
        if batch not in self._runs:
            self._runs[batch] = _Run(self._compiled(batch), self._source)
        run = self._runs[batch]
        run.write(run.program.samples.name, x)
        run.write(f"{run.program.data_node}.target", target)
        run.draw(draw)
        run.forward(progress)
        return run

    def _compiled(self, batch: int) -> Program:
        return compile_program(self._training.graph, training=False, batch=batch,
                               checked=self._training.check)


class _Run:
    """An inference program for one batch size, ready to run."""

    def __init__(self, program: Program, source: Regions) -> None:
        self.program = program
        self.arena = Arena(program.sizes, {region: source.region(region) for region in KNOWN})
        self.machine = Machine(*link(program, self.arena), np.zeros(1, np.int64))

    def write(self, name: str, values: Floats | None) -> None:
        tensor = self.program.tensors.get(name)
        if tensor is not None:
            self.arena.view(tensor)[...] = 0 if values is None else values

    def draw(self, number: int) -> None:
        """Let sources draw the random numbers of another step."""
        self.arena.view(self.program.tensors["counters"]).view(np.int64)[0] = number

    def forward(self, progress: Progress | None) -> None:
        """Run all of it; layer by layer where the network is large."""
        instructions = self.program.instructions
        if progress is None or 4 * sum(self.program.sizes.values()) < LARGE:
            self.machine.run(0, len(instructions))
            return
        start = 0
        for node, group in itertools.groupby(instructions, lambda i: i.node):
            count = len(list(group))
            progress(f"Validation: forward of {node}")
            self.machine.run(start, count)
            start += count

    def output_of(self, node: str) -> Floats:
        layer = self.program.graph.node(node).layer
        assert isinstance(layer, Layer)
        values: Floats = self.arena.view(self.program.tensors[f"{node}.{layer.outputs[0]}"])
        return values

    def continue_from(self, node: str, y: Floats) -> None:
        """Compute anew what comes after a node, with other values for its output."""
        program, used = self.program, self.program.check.used
        self.output_of(node)[...] = y
        before = set(used[:used.index(node) + 1])
        start = next((i for i, instruction in enumerate(program.instructions)
                      if instruction.node not in before), len(program.code))
        self.machine.run(start, len(program.code) - start)

    def value(self, tensor: Tensor) -> float:
        return float(self.arena.view(tensor)[0])

    def losses(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The parts of the loss (each weighted loss, then the penalties) and what each mean is
        over.
        """
        graph, total = self.program.graph, self.value(self.program.loss)
        if total == self.value(self.program.tensors[f"{self.program.loss_node}.loss"]):
            # One loss and nothing else: by far the most common.
            return np.array([total]), np.array([self.counts(self.program.loss_node)[0]])
        first = getattr(graph.node(self.program.loss_node).layer, "trains", "")
        layers = {id: graph.node(id).layer for id in self.program.check.losses}
        parts = {id: getattr(layer, "weight", 1.0) * self.value(self.program.tensors[f"{id}.loss"])
                 for id, layer in layers.items() if getattr(layer, "trains", "") == first}
        return (np.array([*parts.values(), total - sum(parts.values())]),
                np.array([*(self.counts(id)[0] for id in parts), self.program.batch]))

    def counts(self, loss: str) -> tuple[float, float]:
        """What the means of a loss and its metric are over: samples, or targets and weights."""
        count = self.program.tensors.get(f"{loss}.count")
        if count is None:
            return self.program.batch, self.program.batch
        weights, targets = self.arena.view(count)
        return float(weights), float(targets)

    def outputs(self) -> Floats:
        return self.arena.view(self.program.outputs).copy()
