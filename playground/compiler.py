"""From graph to program: what a training step does, in order.

    load      shuffle when an epoch begins, copy the batch, change it at random (augmentation)
    forward   each node in order, then what its output looks like (mean, deviation, dead units)
    loss      the loss and its metric
    backward  each node in reverse: sum the gradients of all readers, then the layer's own
    clip      global norm, guard (stops when something is not finite), clipping
    update    learning rate, then the optimizer node by node; record the row; count the step

Losses that train different groups have a pass each, one after the other; a pass that has several
turns in a step begins each of them by loading the next batch.

An inference program is forward and loss alone, on samples that the caller writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from kernels import clip, elementwise, optimizer, penalty, random, sequence, statistics
from kernels.jit import Kernel
from playground.clipping import emit_clipping
from playground.emitter import Operand
from playground.graph import Graph
from playground.keys import random_key
from playground.layers.augmentation import emit_augmentation
from playground.layers.base import size_of
from playground.layers.data import DataLayer
from playground.layers.loss_layer import LossLayer
from playground.layout import Layout
from playground.learning import is_penalised
from playground.listing import Listing
from playground.node_tensors import NodeTensors, Pass
from playground.program import NODE_STATISTICS, RING_ROWS, Program
from playground.shapes import Check, check, layer_of
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
        self.code = Listing(layout, in_use or not layout.training)
        self.prepared: Mapping[str, Tensor] = {}
        """What the optimizer found out for the step, before it moves the first node."""
        self.loaded = 0
        """Batches of the step so far."""

    def program(self) -> Program:
        layout = self.layout
        passes = []
        if layout.training:
            self._shuffle()
            self._load()
            for one in layout.passes:
                for turn in range(one.turns):
                    self._pass(one, turn)
                    if one is layout.passes[-1] and turn == one.turns - 1:
                        self._finish_step()
                    passes.append((one.group, len(self.code.rows)))
        else:
            self._unpack()
            for node in layout.nodes.values():
                self._forward(node, layout.passes[0])
            self._add_losses(layout.passes[0])
        loss = layer_of(layout.graph, layout.loss.id, LossLayer)
        return Program(
            graph=layout.graph, check=layout.check, training=layout.training, batch=layout.batch,
            code=tuple(self.code.rows),
            instructions=tuple(row[0] for row in self.code.rows if row[0] is not None),
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

    def _pass(self, one: Pass, turn: int) -> None:
        self.code.turn = turn
        if turn and one.batches > 1:
            self._load()
        for node in one.nodes:
            self._forward(node, one)
        self._add_losses(one)
        for node in reversed(one.nodes):
            self._backward(node, one)
        self._clip(one)
        self._update(one)

    # -- the phases ---------------------------------------------------------------------------

    def _shuffle(self) -> None:
        layout, data = self.layout, self.layout.prepared
        self.code.once("load", layout.data.id, random.shuffle_samples, samples=len(data.x_train),
                       batches_per_epoch=layout.batches_per_epoch,
                       shuffle_key=random_key(self.training.shuffle_seed, "shuffle"),
                       counters=layout.counters, order=layout.order)

    def _load(self) -> None:
        """The next batch of the step; where the data has no more, its first one again."""
        layout, data = self.layout, self.layout.prepared
        x, target = layout.loaded, layout.data.y[1]
        layer = layer_of(layout.graph, layout.data.id, DataLayer)
        start = self.loaded % layout.batches * layout.batch
        again = f" batch {self.loaded + 1}" if self.loaded else ""
        self.loaded += 1

        def emit(lane: int, append: Callable[..., None]) -> None:
            append(random.load_batch, {
                "batch": layout.batch * layout.batches_per_step,
                "first": start + layout.bounds[lane],
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
                key=lambda purpose: random_key(self.training.augmentation_seed, purpose + again))

        self.code.each_lane("load", layout.data.id, emit)
        self._unpack()

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

        self.code.each_lane("forward", layout.data.id, emit)

    def _forward(self, node: NodeTensors, one: Pass) -> None:
        if node.layer.is_view or isinstance(node.layer, DataLayer):
            return
        is_loss = isinstance(node.layer, LossLayer)
        if isinstance(node.layer, LossLayer) and "count" in node.work[0]:
            self._count(node, node.layer, one)
        self.code.emit("loss" if is_loss else "forward", node, one, node.layer.forward)
        if is_loss:
            for name in ("loss", "metric"):
                for work in node.work[1:]:
                    self.code.once("loss", node.id, elementwise.add_into, n=1, x=work[name],
                                   y=node.work[0][name])
        elif self.layout.instrument and self.code.within is None:
            self._measure_output(node)

    def _count(self, node: NodeTensors, loss: LossLayer, one: Pass) -> None:
        """Let every lane know what the means over the whole batch are over."""
        self.code.emit("loss", node, one, loss.count)
        count, *others = (work["count"] for work in node.work)
        for other in others:
            self.code.once("loss", node.id, elementwise.add_into, n=count.size, x=other, y=count)
        for other in others:
            self.code.once("loss", node.id, elementwise.copy, n=count.size, x=count, y=other)

    def _add_losses(self, one: Pass) -> None:
        """The pass's total: its losses by weight, and the penalties."""
        layout, total = self.layout, one.total
        if not one.is_plain:
            for number, node in enumerate(one.losses):
                weight = layer_of(layout.graph, node.id, LossLayer).weight
                self.code.once("loss", node.id,
                               elementwise.add_scaled if number else elementwise.scaled,
                               n=1, factor=weight, x=node.work[0]["loss"], y=total)
            for node in one.owners:
                self._add_weight_penalty(node, total)
            for node in one.nodes:
                self._add_output_penalty(node, total)
        if not layout.training or self.code.within is not None:
            return
        for node in one.nodes:
            if node.output_parts is not None:
                self.code.once("loss", node.id, statistics.join_activation_parts,
                               lanes=layout.lanes, parts=node.output_parts,
                               out=layout.cell(f"{node.id}.mean", 2))
        if len(layout.check.losses) > 1:
            for node in one.losses:
                self.code.once("loss", node.id, elementwise.copy, n=1, x=node.work[0]["loss"],
                               y=layout.cell(f"{node.id}.loss"))
        if one.number == 0:
            for x, cell in ((total, "loss"), (layout.loss.work[0]["metric"], "metric")):
                self.code.once("loss", layout.loss.id, elementwise.copy, n=1, x=x,
                               y=layout.cell(cell))

    def _add_weight_penalty(self, node: NodeTensors, total: Tensor) -> None:
        learning = node.learning
        if learning.penalises_weights:
            for w in node.w.values():
                if is_penalised(w.shape):
                    self.code.once("loss", node.id, penalty.add_penalty, n=w.size, l1=learning.l1,
                                   l2=learning.l2, w=w, loss=total)

    def _add_output_penalty(self, node: NodeTensors, total: Tensor) -> None:
        learning = node.learning
        if learning.penalises_outputs:
            batch = self.layout.batch
            for y in node.y:
                self.code.once("loss", node.id, penalty.add_penalty, n=y.size,
                               l1=learning.activity_l1 / batch, l2=learning.activity_l2 / batch,
                               w=y, loss=total)

    def _measure_output(self, node: NodeTensors) -> None:
        layout, y = self.layout, node.y[0]  # Of several outputs the first stands for all.
        low, high = map(float, node.layer.active_range or (0, 0))
        batch, units, positions = layout.units_of(node)
        if node.layer.active_range is not None and node.seen is None:
            self.code.once("forward", node.id, statistics.unit_statistics, batch=batch,
                           units=units, low=low, high=high, y=y,
                           out=layout.cell(f"{node.id}.mean", 3))
            return
        if (parts := node.output_parts) is None:
            self.code.once("forward", node.id, statistics.activation_statistics, n=y.size, y=y,
                           out=layout.cell(f"{node.id}.mean", 2))
        else:
            # They go on with what is in their caches, and meet only at the loss.
            self.code.each_lane("forward", node.id, lambda lane, append: append(
                statistics.activation_part, {
                    "n": layout.shard(y, lane).size, "y": layout.shard(y, lane),
                    "out": parts.part(4 * lane, (4,), parts.name)}))
        if node.seen is not None:
            self.code.once("forward", node.id, statistics.unit_activity, batch=batch, units=units,
                           positions=positions, low=low, high=high, y=y, seen=node.seen,
                           out=layout.cell(f"{node.id}.inactive"))

    def _backward(self, node: NodeTensors, one: Pass) -> None:
        own = one.gradients.get(node.id)
        if own is None:
            return
        for gradient, parts, empty in own.sums:
            if empty and not parts:  # One of several outputs, which nobody reads.
                self.code.once("backward", node.id, elementwise.fill_zero, n=gradient.size,
                               y=gradient)
            if empty and parts:
                first, *parts = parts
                self.code.once("backward", node.id, elementwise.copy, n=gradient.size, x=first,
                               y=gradient)
            for part in parts:
                self.code.once("backward", node.id, elementwise.add_into, n=gradient.size, x=part,
                               y=gradient)
        learning = node.learning
        if learning.penalises_outputs:
            for y, dy in zip(node.y, own.dy, strict=True):
                self.code.once("backward", node.id, penalty.add_penalty_gradient, n=y.size,
                               l1=learning.activity_l1 / self.layout.batch,
                               l2=learning.activity_l2 / self.layout.batch, w=y, dw=dy)
        if node.layer.is_view:
            return
        self.code.emit("backward", node, one, node.layer.backward)
        for name in node.layer.norms:
            for work in node.work[1:]:
                self.code.once("backward", node.id, sequence.join_norms, n=work[name].size,
                               x=work[name], y=node.work[0][name])
        if isinstance(node.layer, LossLayer) and node.layer.weight != 1:
            for dx in own.dx:
                if dx is not None:
                    self.code.once("backward", node.id, elementwise.scaled, n=dx.size,
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
            self.code.once("backward", owner.id, elementwise.copy, n=g.size, x=first, y=g)
        for part in parts:
            self.code.share("backward", owner.id, elementwise.add_into,
                            {"n": g.size, "x": part, "y": g})
        if learning.penalises_weights:
            for name, w in owner.w.items():
                if is_penalised(w.shape):
                    self.code.once("backward", owner.id, penalty.add_penalty_gradient, n=w.size,
                                   l1=learning.l1, l2=learning.l2, w=w, dw=owner.dw[0][name])
        if self.code.within is not None:
            return
        found = layout.cell(f"{owner.id}.grad_norm_before", 4)
        norm = found.part(0, (1,), found.name)
        gaps = g.size - sum(w.size for w in owner.w.values())
        if owner.parts is None and layout.instrument:
            self.code.once("backward", owner.id, statistics.gradient_statistics, n=g.size,
                           gaps=gaps, gradient=g, out=found)
        elif owner.parts is None:
            self.code.once("backward", owner.id, statistics.vector_norm, n=g.size, x=g, norm=norm)
        elif layout.instrument:
            self.code.share("backward", owner.id, statistics.gradient_part,
                            {"n": g.size, "gradient": g}, out=owner.parts)
            self.code.once("backward", owner.id, statistics.join_gradient_parts, lanes=layout.lanes,
                           n=g.size, gaps=gaps, parts=owner.parts, out=found)
        else:
            self.code.share("backward", owner.id, statistics.vector_norm, {"n": g.size, "x": g},
                            norm=owner.parts)
            self.code.once("backward", owner.id, clip.global_norm, n=layout.lanes, stride=4,
                           norms=owner.parts, norm=norm)

    def _clip(self, one: Pass) -> None:
        def emit(kernel: Kernel, node: str | None = None, **operands: Operand) -> None:
            self.code.once("clip", node, kernel, **operands)

        def share(kernel: Kernel, node: str, **operands: Operand) -> None:
            self.code.share("clip", node, kernel, operands)

        emit_clipping(self.layout, one, emit, share)

    def _update(self, one: Pass) -> None:
        layout, training = self.layout, self.training
        is_first = one.number == self.code.turn == 0
        rate = layout.hyper["current_learning_rate"]
        if one.number == 0:
            # Before the update: where this step's loss and gradient were measured.
            for column, weight in layout.followed.items():
                self.code.once("update", weight.node, elementwise.copy, n=1, x=weight,
                               y=layout.cell(column))

        def emit(kernel: Kernel, node: str | None = None, **operands: Operand) -> None:
            self.code.once("update", node, kernel, **operands)

        if is_first:
            training.schedule.emit(emit, base=layout.hyper["learning_rate"],
                                   learning_rate=rate, loss=layout.cell("loss"),
                                   counters=layout.counters, **layout.schedule_state,
                                   batches_per_epoch=layout.batches_per_epoch)
        hyper = {**layout.hyper, "learning_rate": rate}
        if is_first:
            self.prepared = training.optimizer.prepare(Step(
                layout, emit, partial(self._forward_again, one),
                partial(self._backward_again, one), hyper, layout.optimizer_keeps))
        counters = layout.counters
        if one.turns > 1:
            counters = layout.updates
            emit(random.count_updates, turns=one.turns, turn=self.code.turn,
                 counters=layout.counters, updates=counters)
        for node in one.owners:
            assert node.weights is not None
            own_rate = layout.rates.get(node.id)
            if own_rate is not None:
                self.code.once("update", node.id, elementwise.scaled, n=1,
                               factor=node.learning.rate, x=rate, y=own_rate)
            known: dict[str, Operand] = {
                "n": node.weights.size, "weights": node.weights, "gradient": node.gradients[0],
                "counters": counters, **node.slots, **hyper, **self.prepared}
            if own_rate is not None:
                known["learning_rate"] = own_rate
            training.optimizer.emit(
                partial(self._move, node), squares=node.squares, **known)
            if node.learning.clip_weights:
                self.code.once("update", node.id, clip.clip_weights, n=node.weights.size,
                               limit=float(node.learning.clip_weights), weights=node.weights)
        for nodes in layout.learners_of(one):
            squares = nodes[0].squares
            assert squares is not None
            self.code.once("update", None, optimizer.update_ratios, n=len(nodes),
                           lanes=layout.lanes, stride=len(NODE_STATISTICS), squares=squares,
                           ratios=layout.cells_of(nodes, "update_ratio"))

    def _move(self, node: NodeTensors, kernel: Kernel, **operands: Operand) -> None:
        """Emit the update of a node, which measures itself if wanted."""
        if node.squares is None:
            self.code.share("update", node.id, kernel, operands)
        else:
            del operands["squares"]
            self.code.share("update", node.id, kernel, operands, squares=node.squares)

    def _forward_again(self, one: Pass) -> None:
        """Once more, within the update and without measuring."""
        self.code.within = "update"
        for node in one.nodes:
            self._forward(node, one)
        self._add_losses(one)
        self.code.within = None

    def _backward_again(self, one: Pass) -> None:
        self.code.within = "update"
        for node in reversed(one.nodes):
            self._backward(node, one)
        self.code.within = None

    def _finish_step(self) -> None:
        layout = self.layout
        self.code.once("update", None, elementwise.copy, n=1,
                       x=layout.hyper["current_learning_rate"], y=layout.cell("learning_rate"))
        self.code.once("update", None, statistics.record, columns=layout.row.size,
                       rows=RING_ROWS, counters=layout.counters, per_bucket=layout.per_bucket,
                       row=layout.row, ring=layout.ring)
        self.code.once("update", None, random.finish_step, counters=layout.counters)
