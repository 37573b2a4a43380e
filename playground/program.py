"""A network compiled: a flat list of instructions over named tensors.

`compile_program` decides what is computed, in which order and where; it allocates nothing and
compiles no machine code. `link` turns the list into addresses for the machine.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernels.ahead import compile_all
from kernels.jit import Kernel, encode
from kernels.machine import run_lanes
from playground.arena import Arena
from playground.data import PreparedData
from playground.emitter import Instruction, Operand, Phase
from playground.graph import Graph
from playground.layers.base import Layer, Parameter
from playground.shapes import Check
from playground.tensor import Region, Tensor

RING_ROWS = 2048
"""Buckets of measurements that a program keeps until the session collects them."""
ROW_UNIT = 64
"""A row of them holds a multiple of so many numbers, as the loop that LLVM makes of `record` takes
so many at a time: of 40, all would be left to its loop for the rest, which takes twice as long."""

NODE_STATISTICS = (
    "grad_norm_before", "grad_max", "grad_zeros", "nonfinite", "grad_norm", "update_ratio",
    "mean", "deviation", "inactive",
)
"""What is measured of each node, in the order of the row."""
STEP_STATISTICS = ("loss", "metric", "learning_rate", "grad_norm_before", "grad_norm", "clipped")
"""What is measured of each step, at the start of the row."""


@dataclass(frozen=True, eq=False)
class Program:
    """What to run. `code[i]` holds one instruction or None for each lane.

    instructions: those of the listing (lane 0 of each). tensors: by name. columns: what a row of
    measurements holds, as "loss" or "conv_1.grad_norm". sizes: floats of each region.
    """

    graph: Graph
    check: Check
    training: bool
    batch: int
    code: tuple[tuple[Instruction | None, ...], ...]
    instructions: tuple[Instruction, ...]
    tensors: dict[str, Tensor]
    parameters: dict[str, Parameter]
    """By tensor name, "conv_1.w"."""
    running: dict[str, Parameter]
    """What lasts over the steps and is not learned, by tensor name."""
    columns: tuple[str, ...]
    sizes: dict[Region, int]
    batches_per_epoch: int
    """Steps of an epoch: a step takes one batch, and one for each further turn of its passes."""
    passes: tuple[tuple[str, int], ...]
    """For each turn of each pass the group that it trains, "" for all, and where its code ends. The
    first begins with loading, the last ends the step."""
    data_node: str
    followed: tuple[str, ...]
    """Columns that hold weights, "dense_1.w[0]", before each update; only where they are few."""
    learners: tuple[str, ...]
    """The nodes whose parameters are trained, in network order."""
    loss_node: str
    """The loss that has the metric: the first one."""
    loss: Tensor
    """What training makes small: the weighted sum of losses and penalties (of the first pass)."""
    metric: Tensor
    metric_name: str
    """What the loss node's metric is, as "accuracy" or "mean abs error"."""
    outputs: Tensor
    """What the user calls the network's output: probabilities, or the prediction itself."""
    samples: Tensor
    """Where samples are loaded or written to, as they lie in the data."""
    data: PreparedData = field(repr=False)
    """Lies outside the arena; instructions hold addresses of its arrays."""

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """Each kernel once, in order of first use."""
        return tuple({i.kernel.name: i.kernel for row in self.code for i in row if i}.values())

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that the first loss tells apart; none where it compares values or nothing."""
        layer = self.graph.node(self.loss_node).layer
        port = layer.target_port if isinstance(layer, Layer) else None
        compared = port is not None and self.check.inputs[self.loss_node][port].classes
        return self.data.dataset.classes if compared else ()

    @property
    def turns(self) -> tuple[tuple[str, int], ...]:
        """The groups in the order of their passes, and how many turns each has in a step."""
        groups = itertools.groupby(group for group, _ in self.passes)
        return tuple((group, len(list(same))) for group, same in groups)

    @property
    def lanes(self) -> int:
        """Shards of the batch, each on a thread; not the variants of playground.lane."""
        return len(self.code[0])

    def index_of(self, node: str, phase: Phase | None = None) -> int | None:
        """The first instruction of a node (in a phase)."""
        return next((i for i, instruction in enumerate(self.instructions)
                     if instruction.node == node and phase in (None, instruction.phase)), None)

    def column(self, name: str) -> int:
        return self.columns.index(name)

    def unmeasured_row(self) -> NDArray[np.float32]:
        """A row before anything was measured: NaN, and 0 for gradients that do not exist.

        Those count in the global norm, which is taken over all nodes.
        """
        row = np.full(len(self.columns), np.nan, np.float32)
        for i, column in enumerate(self.columns):
            node, _, name = column.rpartition(".")
            if node and node not in self.learners and name.startswith("grad"):
                row[i] = 0
        row[self.column("clipped")] = 0  # Nothing writes it where clipping is off.
        return row


def same_code(a: Program, b: Program) -> bool:
    """Whether two programs do the same in the same places, whatever their nodes are called."""
    return a.sizes == b.sizes and _signature(a) == _signature(b)


def _signature(program: Program) -> list[object]:
    def told(operand: Operand) -> object:
        if isinstance(operand, Tensor):
            return operand.region, operand.offset, operand.shape
        return operand.tobytes() if isinstance(operand, np.ndarray) else operand

    return [instruction and (instruction.kernel.name, instruction.phase, instruction.time, [
        told(operand) for operand in instruction.operands.values()])
        for row in program.code for instruction in row]


def link(program: Program, arena: Arena, progress: Callable[[str], None] | None = None
         ) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The program as the machine takes it: (code, meets), see `kernels.machine`.

    Compiles the kernels that this machine has never compiled; progress gets a sentence for each.
    """
    compile_all([run_lanes, *program.kernels], progress)
    width = 1 + max(len(kernel.operands) for kernel in program.kernels)
    code = np.zeros((len(program.code), program.lanes, width), np.int64)
    meets = np.zeros(len(program.code), np.uint8)
    before = None
    for i, row in enumerate(program.code):
        alone = row[1:] == (None,) * (program.lanes - 1)
        # Lanes meet where the kind of work changes: for one lane, on shards of the batch, on
        # shares of an array.
        kind = alone, row[0] is not None and row[0].shares
        meets[i] = program.lanes > 1 and kind != before
        before = kind
        for lane, instruction in enumerate(row):
            if instruction is None:
                continue
            kernel = instruction.kernel
            operands = [
                arena.address(value) if isinstance(value, Tensor) else encode(value)
                for value in (instruction.operands[name] for name in kernel.operands)]
            code[i, lane, :1 + len(operands)] = [kernel.compile(), *operands]
    return code, meets
