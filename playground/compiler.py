"""From graph to program: what a training step does, in order.

    load      shuffle when an epoch begins, copy the batch
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
from collections.abc import Callable, Iterable

import numpy as np

from kernels import clip, elementwise, random, statistics
from kernels.jit import Kernel
from playground.emitter import Emitter, Instruction, Operand, Phase
from playground.graph import Graph
from playground.layers.base import size_of
from playground.layers.data import DataLayer
from playground.layers.loss import LossLayer
from playground.layout import Layout, NodeTensors, layer_of
from playground.program import NODE_STATISTICS, RING_ROWS, Program
from playground.shapes import Check, check
from playground.tensor import Tensor
from playground.update_rule import Step


class CompileError(Exception):
    """The graph cannot train; the text is a sentence for the user."""


def compile_program(graph: Graph, *, training: bool = True, batch: int | None = None,
                    lanes: int = 1, instrument: bool = True,
                    checked: Check | None = None) -> Program:
    """Compile a graph; raises CompileError with the sentence of `check` when it is not ready.

    batch: samples per step (the training setting unless given; at most what the data has).
    lanes: shards of the batch that may run on threads of their own.
    """
    checked = checked or check(graph)
    if not checked.trainable:
        raise CompileError(checked.graph_error)
    return _Compiler(Layout(graph, checked, training, batch, lanes, instrument)).program()


class _Compiler:
    """Emits the instructions of a program over the tensors of a layout."""

    def __init__(self, layout: Layout) -> None:
        self.layout, self.training = layout, layout.graph.training
        self.code: list[tuple[Instruction | None, ...]] = []

    def program(self) -> Program:
        layout = self.layout
        self.nodes = [n for n in layout.nodes.values() if not isinstance(n.layer, DataLayer)]
        if layout.training:
            self._load()
        for node in self.nodes:
            self._forward(node)
        if layout.training:
            for node in reversed(self.nodes):
                self._backward(node)
            self._clip()
            self._update()
        loss = layer_of(layout.graph, layout.loss.id, LossLayer)
        return Program(
            graph=layout.graph, check=layout.check, training=layout.training, batch=layout.batch,
            code=tuple(self.code),
            instructions=tuple(row[0] for row in self.code if row[0] is not None),
            tensors=layout.tensors.by_name, parameters=layout.parameters,
            columns=layout.columns, sizes=layout.tensors.sizes,
            batches_per_epoch=layout.batches_per_epoch, data_node=layout.data.id,
            loss_node=layout.loss.id,
            metric_name=loss.metric_name(*layout.check.inputs[layout.loss.id]),
            outputs=layout.loss.work[0].get("probabilities", layout.loss.x[0]),
            data=layout.prepared)

    # -- the phases ---------------------------------------------------------------------------

    def _load(self) -> None:
        layout, data = self.layout, self.layout.prepared
        self._once("load", layout.data.id, random.shuffle_samples, samples=len(data.x_train),
                   batches_per_epoch=layout.batches_per_epoch,
                   shuffle_key=_key(self.training.shuffle_seed, "shuffle"),
                   counters=layout.counters, order=layout.order)
        x, target = layout.data.y

        def emit(lane: int, append: Callable[..., None]) -> None:
            append(random.load_batch, {
                "batch": layout.batch, "first": layout.bounds[lane],
                "lane_batch": layout.samples(lane),
                "batches_per_epoch": layout.batches_per_epoch,
                "sample_size": size_of(x.shape[1:]), "target_size": size_of(target.shape[1:]),
                "counters": layout.counters, "order": layout.order,
                "data": data.x_train.ctypes.data, "targets": data.target_train.ctypes.data,
                "x": layout.shard(x, lane), "target": layout.shard(target, lane)})

        self._each_lane("load", layout.data.id, emit)

    def _forward(self, node: NodeTensors, again: bool = False) -> None:
        if node.layer.is_view:
            return
        layout = self.layout
        phase: Phase = "loss" if isinstance(node.layer, LossLayer) else "forward"
        phase = "update" if again else phase
        self._each_lane(phase, node.id,
                        lambda lane, append: node.layer.forward(self._emitter(node, lane, append)))
        if isinstance(node.layer, LossLayer):
            for name in ("loss", "metric"):
                for work in node.work[1:]:
                    self._once(phase, node.id, elementwise.add_into, n=1, x=work[name],
                               y=node.work[0][name])
                if layout.training and not again:
                    self._once(phase, node.id, elementwise.copy, n=1, x=node.work[0][name],
                               y=layout.cell(name))
        elif layout.instrument and not again:
            self._measure_output(node)

    def _measure_output(self, node: NodeTensors) -> None:
        layout, y = self.layout, node.y[0]
        self._once("forward", node.id, statistics.activation_statistics, n=y.size, y=y,
                   out=layout.cell(f"{node.id}.mean", 2))
        if node.layer.active_range is not None and node.seen is not None:
            low, high = node.layer.active_range
            self._once("forward", node.id, statistics.unit_activity, batch=y.shape[0],
                       units=y.shape[1], positions=size_of(y.shape[2:]), low=float(low),
                       high=float(high), y=y, seen=node.seen,
                       out=layout.cell(f"{node.id}.inactive"))

    def _backward(self, node: NodeTensors, again: bool = False) -> None:
        if not node.needs_gradient:
            return
        layout = self.layout
        phase: Phase = "update" if again else "backward"
        for gradient, parts, empty in node.sums:
            if empty and parts:
                first, *parts = parts
                self._once(phase, node.id, elementwise.copy, n=gradient.size, x=first,
                           y=gradient)
            for part in parts:
                self._once(phase, node.id, elementwise.add_into, n=gradient.size, x=part,
                           y=gradient)
        if node.layer.is_view:
            return
        self._each_lane(phase, node.id,
                        lambda lane, append: node.layer.backward(self._emitter(node, lane, append)))
        for other in node.gradients[1:]:
            self._once(phase, node.id, elementwise.add_into, n=other.size, x=other,
                       y=node.gradients[0])
        if node.w and not again:
            g = node.gradients[0]
            if layout.instrument:
                gaps = g.size - sum(w.size for w in node.w.values())
                self._once("backward", node.id, statistics.gradient_statistics, n=g.size,
                           gaps=gaps, gradient=g, out=layout.cell(f"{node.id}.grad_norm_before", 4))
            else:
                self._once("backward", node.id, statistics.vector_norm, n=g.size, x=g,
                           norm=layout.cell(f"{node.id}.grad_norm_before"))

    def _clip(self) -> None:
        layout, clipping = self.layout, self.training.clipping
        threshold = layout.hyper["threshold"]
        learners = [n for n in layout.nodes.values() if n.w]
        before = layout.cell("grad_norm_before")
        self._norm_of_all("grad_norm_before", before)
        self._once("clip", None, statistics.guard, loss=layout.loss.work[0]["loss"], norm=before,
                   halt=layout.halt)
        after = layout.cell("grad_norm")
        if clipping.mode == "off":
            self._once("clip", None, elementwise.copy, n=1, x=before, y=after)
        if clipping.mode == "global_norm":
            self._once("clip", None, clip.clipped_norm, threshold=threshold, reference=before,
                       norm=before, clipped_norm=after)
        for node in learners:
            g, norm = node.gradients[0], layout.cell(f"{node.id}.grad_norm_before")
            node_after = layout.cell(f"{node.id}.grad_norm")
            if clipping.mode == "off":
                self._once("clip", node.id, elementwise.copy, n=1, x=norm, y=node_after)
            elif clipping.mode == "value":
                self._once("clip", node.id, clip.clip_by_value, n=g.size, threshold=threshold,
                           gradient=g)
                self._once("clip", node.id, statistics.vector_norm, n=g.size, x=g,
                           norm=node_after)
            else:
                reference = before if clipping.mode == "global_norm" else norm
                self._once("clip", node.id, clip.clip_by_norm, n=g.size, threshold=threshold,
                           norm=reference, gradient=g)
                self._once("clip", node.id, clip.clipped_norm, threshold=threshold,
                           reference=reference, norm=norm, clipped_norm=node_after)
        if clipping.mode in ("value", "layer_norm"):
            self._norm_of_all("grad_norm", after)
        if clipping.mode != "off":
            self._once("clip", None, clip.clipped, before=before, after=after,
                       flag=layout.cell("clipped"))

    def _norm_of_all(self, statistic: str, norm: Tensor) -> None:
        """norm = √(Σ the squares of one statistic of every node)."""
        self._once("clip", None, clip.global_norm, n=len(self.layout.measured()),
                   stride=len(NODE_STATISTICS), norms=self.layout.cells_of_all(statistic),
                   norm=norm)

    def _update(self) -> None:
        layout, training = self.layout, self.training
        rate = layout.hyper["current_learning_rate"]

        def emit(kernel: Kernel, node: str | None = None, **operands: Operand) -> None:
            self._once("update", node, kernel, **operands)

        training.schedule.emit(emit, base=layout.hyper["learning_rate"],
                               learning_rate=rate, loss=layout.cell("loss"),
                               counters=layout.counters, **layout.schedule_state,
                               batches_per_epoch=layout.batches_per_epoch)
        hyper = {**layout.hyper, "learning_rate": rate}
        prepared = training.optimizer.prepare(Step(
            layout, emit, self._forward_again, self._backward_again, hyper,
            layout.optimizer_keeps))
        for node in layout.nodes.values():
            if node.weights is None:
                continue
            ratio = layout.cell(f"{node.id}.update_ratio") if layout.instrument else None
            known: dict[str, Operand] = {
                "n": node.weights.size, "weights": node.weights, "gradient": node.gradients[0],
                "counters": layout.counters, **node.slots, **hyper, **prepared}
            training.optimizer.emit(functools.partial(emit, node=node.id), norms=ratio, **known)
        self._once("update", None, elementwise.copy, n=1, x=rate,
                   y=layout.cell("learning_rate"))
        self._once("update", None, statistics.record, columns=len(layout.columns),
                   rows=RING_ROWS, counters=layout.counters, per_bucket=layout.per_bucket,
                   row=layout.row, ring=layout.ring)
        self._once("update", None, random.finish_step, counters=layout.counters)

    def _forward_again(self) -> None:
        """Once more, within the update and without measuring."""
        for node in self.nodes:
            self._forward(node, again=True)

    def _backward_again(self) -> None:
        for node in reversed(self.nodes):
            self._backward(node, again=True)

    # -- helpers ------------------------------------------------------------------------------

    def _emitter(self, node: NodeTensors, lane: int, append: Callable[..., None]) -> Emitter:
        layout = self.layout

        def shards(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
            return tuple(layout.shard(tensor, lane) for tensor in tensors)

        seed = self.training.dropout_seed
        return Emitter(
            append=append, batch=layout.samples(lane), training=layout.training, total=layout.batch,
            x=shards(node.x), y=shards(node.y),
            dx=tuple(None if t is None else layout.shard(t, lane) for t in node.dx),
            dy=shards(node.dy), w=node.w, dw=node.dw[lane] if node.dw else {},
            work=node.work[lane], counters=layout.counters,
            random_key=_key(seed, f"{node.id} lane {lane}"))

    def _each_lane(self, phase: Phase, node: str,
                   emit: Callable[[int, Callable[..., None]], None]) -> None:
        """Let every lane emit the same instructions on its own samples."""
        lists: list[list[Instruction]] = []
        for lane in range(self.layout.lanes):
            made: list[Instruction] = []

            def append(kernel: Kernel, operands: dict[str, Operand], time: int | None = None,
                       made: list[Instruction] = made, lane: int = lane) -> None:
                made.append(Instruction(kernel, operands, node, phase, time, lane))

            emit(lane, append)
            lists.append(made)
        self.code += list(zip(*lists, strict=True))

    def _once(self, phase: Phase, node: str | None, kernel: Kernel, **operands: Operand) -> None:
        """Emit an instruction for the first lane; the others have nothing to do."""
        self.code.append((Instruction(kernel, operands, node, phase),
                          *(None,) * (self.layout.lanes - 1)))


def _key(seed: int, purpose: str) -> int:
    """A random-looking odd 63-bit key, different for each seed and purpose."""
    digest = hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=8).digest()
    return int(np.frombuffer(digest, np.int64)[0]) & (2**63 - 1) | 1
