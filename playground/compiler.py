"""From graph to program: what a training step does, in order.

    load      shuffle when an epoch begins, copy the batch, change it at random (augmentation)
    forward   each node in order, then what its output looks like (mean, deviation, dead units)
    loss      the loss and its metric
    backward  each node in reverse: sum the gradients of all readers, then the layer's own
    clip      global norm, guard (stops when something is not finite), clipping
    update    learning rate, then the optimizer node by node; record the row; count the step

An inference program is forward and loss alone, on samples that the caller writes.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np

from kernels import clip, elementwise, optimizer, penalty, random, sequence, statistics
from kernels.jit import Kernel
from playground.clipping import emit_clipping
from playground.emitter import Emitter, Instruction, Operand, Phase
from playground.graph import Graph
from playground.layers.augmentation import emit_augmentation
from playground.layers.base import size_of
from playground.layers.data import DataLayer
from playground.layers.loss_layer import LossLayer
from playground.layout import Layout, layer_of
from playground.node_tensors import NodeGradients, NodeTensors, Pass
from playground.program import NODE_STATISTICS, RING_ROWS, Program
from playground.shapes import Check, check
from playground.tensor import Tensor
from playground.update_rule import Step


class CompileError(Exception):
    """The graph cannot train; the text is a sentence for the user."""


def compile_program(graph: Graph, *, training: bool = True, batch: int | None = None,
                    lanes: int = 1, instrument: bool = True, in_use: bool = False,
                    checked: Check | None = None) -> Program:
    """Compile a graph; raises CompileError with the sentence of `check` when it is not ready.

    batch: samples per step (the training setting unless given; at most what the data has).
    lanes: shards of the batch that may run on threads of their own. in_use: layers do what they do
    in a network that is only used (no dropout, running statistics), and have gradients all the
    same.
    """
    checked = checked or check(graph)
    if not checked.trainable:
        raise CompileError(checked.graph_error)
    return _Compiler(Layout(graph, checked, training, batch, lanes, instrument), in_use).program()


class _Compiler:
    """Emits the instructions of a program over the tensors of a layout."""

    def __init__(self, layout: Layout, in_use: bool) -> None:
        self.layout, self.training = layout, layout.graph.training
        self.in_use = in_use or not layout.training
        self.code: list[tuple[Instruction | None, ...]] = []
        self.within: Phase | None = None
        """The phase that all belongs to while an optimizer runs the network again."""
        self.prepared: Mapping[str, Tensor] = {}
        """What the optimizer found out for the step, before it moves the first node."""

    def program(self) -> Program:
        layout = self.layout
        if layout.training:
            self._load()
        self._unpack()
        passes = []
        if layout.training:
            for one in layout.passes:
                for node in one.nodes:
                    self._forward(node, one)
                self._add_losses(one)
                for node in reversed(one.nodes):
                    self._backward(node, one)
                self._clip(one)
                self._update(one)
                if one is layout.passes[-1]:
                    self._finish_step()
                passes.append((one.group, len(self.code)))
        else:
            for node in layout.nodes.values():
                self._forward(node, layout.passes[0])
            self._add_losses(layout.passes[0])
        loss = layer_of(layout.graph, layout.loss.id, LossLayer)
        return Program(
            graph=layout.graph, check=layout.check, training=layout.training, batch=layout.batch,
            code=tuple(self.code),
            instructions=tuple(row[0] for row in self.code if row[0] is not None),
            tensors=layout.tensors.by_name, parameters=layout.parameters,
            running=layout.running,
            columns=layout.columns, followed=tuple(layout.followed), sizes=layout.tensors.sizes,
            batches_per_epoch=layout.batches_per_epoch, passes=tuple(passes),
            data_node=layout.data.id,
            learners=tuple(id for id in layout.nodes if any(
                owner.id == id for one in layout.passes for owner in one.owners)),
            loss_node=layout.loss.id, loss=layout.passes[0].total,
            metric=layout.loss.work[0]["metric"],
            metric_name=loss.metric_name(*layout.check.inputs[layout.loss.id]),
            outputs=layout.loss.work[0].get(loss.answer, layout.loss.x[0]),
            samples=layout.loaded, data=layout.prepared)

    # -- the phases ---------------------------------------------------------------------------

    def _load(self) -> None:
        layout, data = self.layout, self.layout.prepared
        self._once("load", layout.data.id, random.shuffle_samples, samples=len(data.x_train),
                   batches_per_epoch=layout.batches_per_epoch,
                   shuffle_key=random_key(self.training.shuffle_seed, "shuffle"),
                   counters=layout.counters, order=layout.order)
        x, target = layout.loaded, layout.data.y[1]
        layer = layer_of(layout.graph, layout.data.id, DataLayer)

        def emit(lane: int, append: Callable[..., None]) -> None:
            append(random.load_batch, {
                "batch": layout.batch, "first": layout.bounds[lane],
                "lane_batch": layout.samples(lane),
                "batches_per_epoch": layout.batches_per_epoch,
                "sample_size": size_of(x.shape[1:]), "target_size": size_of(target.shape[1:]),
                "counters": layout.counters, "order": layout.order,
                "data": data.x_train.ctypes.data, "targets": data.target_train.ctypes.data,
                "x": layout.shard(x, lane), "target": layout.shard(target, lane)})
            # One key for all lanes: a sample is changed alike wherever it is computed.
            emit_augmentation(
                layer.augmentation, append, data=data, first=layout.bounds[lane],
                batch=layout.samples(lane), counters=layout.counters,
                x=layout.shard(x, lane), image=layout.data.work[lane].get("image"),
                key=partial(random_key, self.training.augmentation_seed))

        self._each_lane("load", layout.data.id, emit)

    def _unpack(self) -> None:
        """Hand the parts of packed samples out to the ports of the data node."""
        layout = self.layout
        names, total = layout.data.layer.outputs, size_of(layout.prepared.dataset.shape)
        places = dict(zip(names, layout.data.y, strict=True))

        def emit(lane: int, append: Callable[..., None]) -> None:
            for port in layout.prepared.dataset.ports:
                size = size_of(port.shape)
                append(elementwise.copy_blocks, {
                    "rows": layout.samples(lane), "width": size, "from_stride": total,
                    "from_offset": port.start, "to_stride": size, "to_offset": 0,
                    "x": layout.shard(layout.loaded, lane),
                    "y": layout.shard(places[port.name], lane)})

        self._each_lane("forward", layout.data.id, emit)

    def _forward(self, node: NodeTensors, one: Pass) -> None:
        if node.layer.is_view or isinstance(node.layer, DataLayer):
            return
        is_loss = isinstance(node.layer, LossLayer)
        if isinstance(node.layer, LossLayer) and "count" in node.work[0]:
            self._count(node, node.layer, one)
        self._emit("loss" if is_loss else "forward", node, one, node.layer.forward)
        if is_loss:
            for name in ("loss", "metric"):
                for work in node.work[1:]:
                    self._once("loss", node.id, elementwise.add_into, n=1, x=work[name],
                               y=node.work[0][name])
        elif self.layout.instrument and self.within is None:
            self._measure_output(node)

    def _count(self, node: NodeTensors, loss: LossLayer, one: Pass) -> None:
        """Let every lane know what the means over the whole batch are over."""
        self._emit("loss", node, one, loss.count)
        count, *others = (work["count"] for work in node.work)
        for other in others:
            self._once("loss", node.id, elementwise.add_into, n=count.size, x=other, y=count)
        for other in others:
            self._once("loss", node.id, elementwise.copy, n=count.size, x=count, y=other)

    def _add_losses(self, one: Pass) -> None:
        """The pass's total: its losses by weight, and the penalties."""
        layout, total = self.layout, one.total
        if not one.is_plain:
            for number, node in enumerate(one.losses):
                weight = layer_of(layout.graph, node.id, LossLayer).weight
                self._once("loss", node.id,
                           elementwise.add_scaled if number else elementwise.scaled,
                           n=1, factor=weight, x=node.work[0]["loss"], y=total)
            for node in one.owners:
                self._add_weight_penalty(node, total)
            for node in one.nodes:
                self._add_output_penalty(node, total)
        if not layout.training or self.within is not None:
            return
        for node in one.nodes:
            if node.output_parts is not None:
                self._once("loss", node.id, statistics.join_activation_parts,
                           lanes=layout.lanes, parts=node.output_parts,
                           out=layout.cell(f"{node.id}.mean", 2))
        if len(layout.check.losses) > 1:
            for node in one.losses:
                self._once("loss", node.id, elementwise.copy, n=1, x=node.work[0]["loss"],
                           y=layout.cell(f"{node.id}.loss"))
        if one.number == 0:
            for x, cell in ((total, "loss"), (layout.loss.work[0]["metric"], "metric")):
                self._once("loss", layout.loss.id, elementwise.copy, n=1, x=x,
                           y=layout.cell(cell))

    def _add_weight_penalty(self, node: NodeTensors, total: Tensor) -> None:
        learning = node.learning
        if learning.penalises_weights:
            for w in node.w.values():
                if len(w.shape) > 1:
                    self._once("loss", node.id, penalty.add_penalty, n=w.size, l1=learning.l1,
                               l2=learning.l2, w=w, loss=total)

    def _add_output_penalty(self, node: NodeTensors, total: Tensor) -> None:
        learning = node.learning
        if learning.penalises_outputs:
            batch = self.layout.batch
            for y in node.y:
                self._once("loss", node.id, penalty.add_penalty, n=y.size,
                           l1=learning.activity_l1 / batch, l2=learning.activity_l2 / batch,
                           w=y, loss=total)

    def _measure_output(self, node: NodeTensors) -> None:
        layout, y = self.layout, node.y[0]  # Of several outputs the first stands for all.
        low, high = map(float, node.layer.active_range or (0, 0))
        batch, units, positions = layout.units_of(node)
        if node.layer.active_range is not None and node.seen is None:
            self._once("forward", node.id, statistics.unit_statistics, batch=batch,
                       units=units, low=low, high=high, y=y,
                       out=layout.cell(f"{node.id}.mean", 3))
            return
        if (parts := node.output_parts) is None:
            self._once("forward", node.id, statistics.activation_statistics, n=y.size, y=y,
                       out=layout.cell(f"{node.id}.mean", 2))
        else:
            # They go on with what is in their caches, and meet only at the loss.
            self._each_lane("forward", node.id, lambda lane, append: append(
                statistics.activation_part, {
                    "n": layout.shard(y, lane).size, "y": layout.shard(y, lane),
                    "out": parts.part(4 * lane, (4,), parts.name)}))
        if node.seen is not None:
            self._once("forward", node.id, statistics.unit_activity, batch=batch, units=units,
                       positions=positions, low=low, high=high, y=y, seen=node.seen,
                       out=layout.cell(f"{node.id}.inactive"))

    def _backward(self, node: NodeTensors, one: Pass) -> None:
        own = one.gradients.get(node.id)
        if own is None:
            return
        for gradient, parts, empty in own.sums:
            if empty and not parts:  # One of several outputs, which nobody reads.
                self._once("backward", node.id, elementwise.fill_zero, n=gradient.size,
                           y=gradient)
            if empty and parts:
                first, *parts = parts
                self._once("backward", node.id, elementwise.copy, n=gradient.size, x=first,
                           y=gradient)
            for part in parts:
                self._once("backward", node.id, elementwise.add_into, n=gradient.size, x=part,
                           y=gradient)
        learning = node.learning
        if learning.penalises_outputs:
            for y, dy in zip(node.y, own.dy, strict=True):
                self._once("backward", node.id, penalty.add_penalty_gradient, n=y.size,
                           l1=learning.activity_l1 / self.layout.batch,
                           l2=learning.activity_l2 / self.layout.batch, w=y, dw=dy)
        if node.layer.is_view:
            return
        self._emit("backward", node, one, node.layer.backward)
        for name in node.layer.norms:
            for work in node.work[1:]:
                self._once("backward", node.id, sequence.join_norms, n=work[name].size,
                           x=work[name], y=node.work[0][name])
        if isinstance(node.layer, LossLayer) and node.layer.weight != 1:
            for dx in own.dx:
                if dx is not None:
                    self._once("backward", node.id, elementwise.scaled, n=dx.size,
                               factor=node.layer.weight, x=dx, y=dx)
        sharing = [n for n in one.nodes if n.owner == node.owner and n.w]
        if sharing and sharing[0] is node and one.trains(node):
            # The last one to come by, as backward goes in reverse.
            self._finish_gradient(self.layout.nodes[node.owner], sharing)

    def _finish_gradient(self, owner: NodeTensors, sharing: list[NodeTensors]) -> None:
        """Add up what lanes, and other nodes with these parameters, found; measure the sum."""
        layout, g, learning = self.layout, owner.gradients[0], owner.learning
        parts = [part for node in sharing for part in node.gradients if part is not g]
        if owner not in sharing:
            first, *parts = parts
            self._once("backward", owner.id, elementwise.copy, n=g.size, x=first, y=g)
        for part in parts:
            self._share("backward", owner.id, elementwise.add_into,
                        {"n": g.size, "x": part, "y": g})
        if learning.penalises_weights:
            for name, w in owner.w.items():
                if len(w.shape) > 1:
                    self._once("backward", owner.id, penalty.add_penalty_gradient, n=w.size,
                               l1=learning.l1, l2=learning.l2, w=w, dw=owner.dw[0][name])
        if self.within is not None:
            return
        found = layout.cell(f"{owner.id}.grad_norm_before", 4)
        norm = found.part(0, (1,), found.name)
        gaps = g.size - sum(w.size for w in owner.w.values())
        if owner.parts is None and layout.instrument:
            self._once("backward", owner.id, statistics.gradient_statistics, n=g.size, gaps=gaps,
                       gradient=g, out=found)
        elif owner.parts is None:
            self._once("backward", owner.id, statistics.vector_norm, n=g.size, x=g, norm=norm)
        elif layout.instrument:
            self._share("backward", owner.id, statistics.gradient_part,
                        {"n": g.size, "gradient": g}, out=owner.parts)
            self._once("backward", owner.id, statistics.join_gradient_parts, lanes=layout.lanes,
                       n=g.size, gaps=gaps, parts=owner.parts, out=found)
        else:
            self._share("backward", owner.id, statistics.vector_norm, {"n": g.size, "x": g},
                        norm=owner.parts)
            self._once("backward", owner.id, clip.global_norm, n=layout.lanes, stride=4,
                       norms=owner.parts, norm=norm)

    def _clip(self, one: Pass) -> None:
        def emit(kernel: Kernel, node: str | None = None, **operands: Operand) -> None:
            self._once("clip", node, kernel, **operands)

        def share(kernel: Kernel, node: str, **operands: Operand) -> None:
            self._share("clip", node, kernel, operands)

        emit_clipping(self.layout, one, emit, share)

    def _update(self, one: Pass) -> None:
        layout, training = self.layout, self.training
        rate = layout.hyper["current_learning_rate"]
        if one.number == 0:
            # Before the update: where this step's loss and gradient were measured.
            for column, weight in layout.followed.items():
                self._once("update", weight.node, elementwise.copy, n=1, x=weight,
                           y=layout.cell(column))

        def emit(kernel: Kernel, node: str | None = None, **operands: Operand) -> None:
            self._once("update", node, kernel, **operands)

        if one.number == 0:
            training.schedule.emit(emit, base=layout.hyper["learning_rate"],
                                   learning_rate=rate, loss=layout.cell("loss"),
                                   counters=layout.counters, **layout.schedule_state,
                                   batches_per_epoch=layout.batches_per_epoch)
        hyper = {**layout.hyper, "learning_rate": rate}
        if one.number == 0:
            self.prepared = training.optimizer.prepare(Step(
                layout, emit, functools.partial(self._forward_again, one),
                functools.partial(self._backward_again, one), hyper, layout.optimizer_keeps))
        for node in one.owners:
            assert node.weights is not None
            own_rate = layout.rates.get(node.id)
            if own_rate is not None:
                self._once("update", node.id, elementwise.scaled, n=1, factor=node.learning.rate,
                           x=rate, y=own_rate)
            known: dict[str, Operand] = {
                "n": node.weights.size, "weights": node.weights, "gradient": node.gradients[0],
                "counters": layout.counters, **node.slots, **hyper, **self.prepared}
            if own_rate is not None:
                known["learning_rate"] = own_rate
            training.optimizer.emit(
                functools.partial(self._move, node), squares=node.squares, **known)
            if node.learning.clip_weights:
                self._once("update", node.id, clip.clip_weights, n=node.weights.size,
                           limit=float(node.learning.clip_weights), weights=node.weights)
        for nodes in layout.learners_of(one):
            squares = nodes[0].squares
            assert squares is not None
            self._once("update", None, optimizer.update_ratios, n=len(nodes), lanes=layout.lanes,
                       stride=len(NODE_STATISTICS), squares=squares,
                       ratios=layout.cells_of(nodes, "update_ratio"))

    def _move(self, node: NodeTensors, kernel: Kernel, **operands: Operand) -> None:
        """Emit the update of a node, which measures itself if wanted."""
        if node.squares is None:
            self._share("update", node.id, kernel, operands)
        else:
            del operands["squares"]
            self._share("update", node.id, kernel, operands, squares=node.squares)

    def _forward_again(self, one: Pass) -> None:
        """Once more, within the update and without measuring."""
        self.within = "update"
        for node in one.nodes:
            self._forward(node, one)
        self._add_losses(one)
        self.within = None

    def _backward_again(self, one: Pass) -> None:
        self.within = "update"
        for node in reversed(one.nodes):
            self._backward(node, one)
        self.within = None

    def _finish_step(self) -> None:
        layout = self.layout
        self._once("update", None, elementwise.copy, n=1,
                   x=layout.hyper["current_learning_rate"], y=layout.cell("learning_rate"))
        self._once("update", None, statistics.record, columns=layout.row.size,
                   rows=RING_ROWS, counters=layout.counters, per_bucket=layout.per_bucket,
                   row=layout.row, ring=layout.ring)
        self._once("update", None, random.finish_step, counters=layout.counters)

    # -- helpers ------------------------------------------------------------------------------

    def _emit(self, phase: Phase, node: NodeTensors, one: Pass,
              emit: Callable[[Emitter], None]) -> None:
        """Let a layer emit its instructions: once for each lane, or once for the whole batch."""
        if not node.layer.whole_batch:
            self._each_lane(phase, node.id,
                            lambda lane, append: emit(self._emitter(node, one, lane, append)))
            return

        def append(kernel: Kernel, operands: dict[str, Operand], time: int | None = None) -> None:
            instruction = Instruction(kernel, operands, node.id, self.within or phase, time)
            if self._is_read(instruction):
                self._append(instruction)

        emit(self._emitter(node, one, None, append))

    def _emitter(self, node: NodeTensors, one: Pass, lane: int | None,
                 append: Callable[..., None]
                 ) -> Emitter:
        layout = self.layout
        own = one.gradients.get(node.id, NodeGradients([{}] * layout.lanes))

        def shards(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
            return tuple(layout.shard(tensor, lane) for tensor in tensors)

        seed = self.training.dropout_seed
        return Emitter(
            append=append, batch=layout.samples_of(lane), total=layout.batch,
            training=not self.in_use,
            x=tuple(t and layout.shard(t, lane) for t in node.x), y=shards(node.y),
            dx=tuple(t and layout.shard(t, lane) for t in own.dx),
            dy=shards(own.dy), w=node.w, dw=own.dw[lane or 0], running=node.running,
            work=node.work[lane or 0], counters=layout.counters,
            random_key=random_key(seed, f"{node.id} lane {lane or 0}{one.suffix}"))

    def _each_lane(self, phase: Phase, node: str,
                   emit: Callable[[int, Callable[..., None]], None]) -> None:
        """Let every lane emit the same instructions on its own samples."""
        lists: list[list[Instruction]] = []
        for lane in range(self.layout.lanes):
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
        self.code += list(zip(*lists, strict=True))

    def _once(self, phase: Phase, node: str | None, kernel: Kernel, **operands: Operand) -> None:
        """Emit an instruction for the first lane; the others have nothing to do."""
        self._append(Instruction(kernel, operands, node, self.within or phase))

    def _share(self, phase: Phase, node: str | None, kernel: Kernel,
               operands: Mapping[str, Operand], **each: Tensor) -> None:
        """Emit an instruction on arrays of `n` numbers, of which every lane takes a share.

        each: operands with a row for every lane. Where the numbers are few, or where there is no
        n, one lane takes all.
        """
        n = operands.get("n", 0)
        assert isinstance(n, int)
        shares = self.layout.shares(n)
        row: list[Instruction | None] = [None] * self.layout.lanes
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
        self.code.append(tuple(row))

    def _is_read(self, instruction: Instruction) -> bool:
        """Whether anybody wants what it computes: not the weight gradients of a frozen layer."""
        return any(tensor.name not in self.layout.unread for tensor in instruction.writes)

    def _append(self, instruction: Instruction) -> None:
        self.code.append((instruction, *(None,) * (self.layout.lanes - 1)))


def random_key(seed: int, purpose: str) -> int:
    """A random-looking odd 63-bit key, different for each seed and purpose."""
    digest = hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=8).digest()
    return int(np.frombuffer(digest, np.int64)[0]) & (2**63 - 1) | 1
