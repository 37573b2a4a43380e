"""The list of instructions while it is being written: once, lane by lane, or in shares."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

from kernels.jit import Kernel
from playground.emitter import Emitter, Instruction, Operand, Phase, Picked
from playground.keys import random_key
from playground.layout import Layout
from playground.node_tensors import NodeGradients, NodeTensors, Pass
from playground.tensor import Tensor


def _not_shared(kernel: Kernel, *_: object) -> None:
    raise AssertionError(f"{kernel.name}: only a layer with whole_batch can share out its channels")


class Listing:
    """The instructions so far, over the tensors of a layout; a row holds one or None per lane.

    in_use: layers do what they do in a network that is only used.
    """

    def __init__(self, layout: Layout, in_use: bool) -> None:
        self._layout, self._in_use = layout, in_use
        self.rows: list[tuple[Instruction | None, ...]] = []
        self.within: Phase | None = None
        """The phase that all belongs to while an optimizer runs the network again."""
        self.turn = 0
        """How often the pass came before in this step: each turn draws other random numbers."""

    def emit(self, phase: Phase, node: NodeTensors, one: Pass,
             emit: Callable[[Emitter], None]) -> None:
        """Let a layer emit its instructions: once for each lane, or once for the whole batch."""
        if not node.layer.whole_batch:
            self.each_lane(phase, node.id,
                           lambda lane, append: emit(self._emitter(node, one, lane, append)))
            return

        def append(kernel: Kernel, operands: dict[str, Operand], time: int | None = None) -> None:
            instruction = Instruction(kernel, operands, node.id, self.within or phase, time)
            if self._is_read(instruction):
                self.append(instruction)

        def share(kernel: Kernel, count: int,
                  operands: Callable[[int, int], dict[str, Operand]]) -> None:
            lanes = self._layout.lanes
            ends = [count * lane // lanes for lane in range(lanes + 1)]
            row = [Instruction(kernel, operands(first, end - first), node.id,
                               self.within or phase, lane=lane, shares=lanes > 1)
                   for lane, (first, end) in enumerate(itertools.pairwise(ends))]
            if self._is_read(row[0]):
                self.rows.append(tuple(row))

        emit(self._emitter(node, one, None, append, share))

    def _emitter(self, node: NodeTensors, one: Pass, lane: int | None,
                 append: Callable[..., None], share: Callable[..., None] = _not_shared
                 ) -> Emitter:
        layout = self._layout
        own = one.gradients.get(node.id, NodeGradients([{}] * layout.lanes))

        def shards(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
            return tuple(layout.shard(tensor, lane) for tensor in tensors)

        seed = layout.graph.training.dropout_seed
        again = f"{one.suffix} turn {self.turn + 1}" if self.turn else one.suffix
        return Emitter(
            append=append, share=share, batch=layout.samples_of(lane), total=layout.batch,
            training=not self._in_use,
            picked=node.picked and Picked(layout.shard(node.picked.symbols, lane),
                                          node.picked.table),
            x=tuple(t and layout.shard(t, lane) for t in node.x), y=shards(node.y),
            dx=tuple(t and layout.shard(t, lane) for t in own.dx),
            dy=shards(own.dy), w=node.w, dw=own.dw[lane or 0], running=node.running,
            work=node.work[lane or 0], counters=layout.counters,
            random_key=random_key(seed, f"{node.id} lane {lane or 0}{again}"))

    def each_lane(self, phase: Phase, node: str,
                  emit: Callable[[int, Callable[..., None]], None]) -> None:
        """Let every lane emit the same instructions on its own samples."""
        lists: list[list[Instruction]] = []
        for lane in range(self._layout.lanes):
            made: list[Instruction] = []

            def append(kernel: Kernel, operands: dict[str, Operand], time: int | None = None,
                       made: list[Instruction] = made, lane: int = lane) -> None:
                instruction = Instruction(kernel, operands, node, self.within or phase, time, lane)
                if self._is_read(instruction):
                    made.append(instruction)

            emit(lane, append)
            shared = [t.name for i in made for t in i.writes if t.region == "running"]
            assert not shared, f"lanes share {shared}: a layer that writes it needs whole_batch"
            lists.append(made)
        self.rows += list(zip(*lists, strict=True))

    def once(self, phase: Phase, node: str | None, kernel: Kernel, **operands: Operand) -> None:
        """Emit an instruction for the first lane; the others have nothing to do."""
        self.append(Instruction(kernel, operands, node, self.within or phase))

    def share(self, phase: Phase, node: str | None, kernel: Kernel,
              operands: Mapping[str, Operand], **each: Tensor) -> None:
        """Emit an instruction on arrays of `n` numbers, of which every lane takes a share.

        each: operands with a row for every lane. Where the numbers are few, or where there is no
        n, one lane takes all.
        """
        n = operands.get("n", 0)
        assert isinstance(n, int)
        shares = self._layout.shares(n)
        row: list[Instruction | None] = [None] * self._layout.lanes
        for lane, (first, end) in enumerate(shares):
            own = {name: value.part(first, (end - first,), value.name)
                   if isinstance(value, Tensor) and value.size == n and n > 1 else value
                   for name, value in operands.items()}
            if "n" in own:
                own["n"] = end - first
            for name, rows in each.items():
                width = rows.shape[1]
                own[name] = rows.part(lane * width, (width,), rows.name)
            row[lane] = Instruction(kernel, own, node, self.within or phase, lane=lane,
                                    shares=len(shares) > 1)
        self.rows.append(tuple(row))

    def _is_read(self, instruction: Instruction) -> bool:
        """Whether anybody wants what it computes: not the weight gradients of a frozen layer."""
        return any(tensor.name not in self._layout.unread for tensor in instruction.writes)

    def append(self, instruction: Instruction) -> None:
        self.rows.append((instruction, *(None,) * (self._layout.lanes - 1)))
