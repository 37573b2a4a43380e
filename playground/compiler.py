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

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from kernels import clip, elementwise, random, statistics
from kernels.jit import Kernel
from playground.emitter import Emitter, Instruction, Operand, Phase
from playground.graph import Graph
from playground.layers.base import Layer, Parameter, size_of
from playground.layers.data import DataLayer
from playground.layers.loss import LossLayer
from playground.program import (
    NODE_STATISTICS,
    RING_ROWS,
    STEP_STATISTICS,
    Program,
    Tensors,
)
from playground.shapes import Check, check, targets
from playground.tensor import Tensor

L = TypeVar("L", bound=Layer)


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
    return _Compiler(graph, checked, training, batch, lanes, instrument).program()


@dataclass
class _Node:
    """A node and its tensors while compiling."""

    id: str
    layer: Layer
    x: tuple[Tensor, ...] = ()
    y: tuple[Tensor, ...] = ()
    dx: list[Tensor | None] = field(default_factory=list)
    dy: list[Tensor] = field(default_factory=list)
    sums: list[tuple[Tensor, list[Tensor], bool]] = field(default_factory=list)
    """For each output: its gradient, what must be added to it, and whether it starts empty."""
    w: dict[str, Tensor] = field(default_factory=dict)
    dw: list[dict[str, Tensor]] = field(default_factory=list)
    work: list[dict[str, Tensor]] = field(default_factory=list)
    weights: Tensor | None = None
    gradients: list[Tensor] = field(default_factory=list)
    """All parameter gradients of the node as one vector, for each lane."""
    needs_gradient: bool = False
    """Whether a parameter stands at or before this node."""


class _Compiler:
    def __init__(self, graph: Graph, checked: Check, training: bool, batch: int | None,
                 lanes: int, instrument: bool) -> None:
        self.graph, self.check, self.training = graph, checked, training
        self.instrument = instrument and training
        self.tensors = Tensors()
        self.nodes: dict[str, _Node] = {
            id: _Node(id, _layer(graph, id, Layer)) for id in checked.used}
        self.data = next(n for n in self.nodes.values() if isinstance(n.layer, DataLayer))
        self.loss = self.nodes[checked.used[-1]]
        self.prepared = _layer(graph, self.data.id, DataLayer).load()
        samples = len(self.prepared.x_train)
        self.batch = batch or graph.training.batch
        if training:
            self.batch = min(self.batch, samples)
        self.batches_per_epoch = max(1, samples // self.batch)
        lanes = max(1, min(lanes, self.batch))
        self.bounds = [self.batch * lane // lanes for lane in range(lanes + 1)]
        self.code: list[tuple[Instruction | None, ...]] = []
        self.parameters: dict[str, Parameter] = {}
        self.columns: tuple[str, ...] = ()

    @property
    def lanes(self) -> int:
        return len(self.bounds) - 1

    # -- the program --------------------------------------------------------------------------

    def program(self) -> Program:
        self.counters = self.tensors.new("counters", "counters", (16,), dtype="int64")
        self.halt = self.tensors.new("halt", "metrics", (2,), dtype="int64")
        self._allocate_forward()
        self.columns = (*STEP_STATISTICS, *(
            f"{node.id}.{name}" for node in self._measured() for name in NODE_STATISTICS))
        if self.training:
            self._allocate_backward()
            self._allocate_row()
            self._load()
        for node in self.nodes.values():
            if not isinstance(node.layer, DataLayer):
                self._forward(node)
        if self.training:
            for node in reversed(self.nodes.values()):
                if not isinstance(node.layer, DataLayer):
                    self._backward(node)
            self._clip()
            self._update()
        loss = _layer(self.graph, self.loss.id, LossLayer)
        return Program(
            graph=self.graph, check=self.check, training=self.training, batch=self.batch,
            code=tuple(self.code),
            instructions=tuple(row[0] for row in self.code if row[0] is not None),
            tensors=self.tensors.by_name, parameters=self.parameters, columns=self.columns,
            sizes=self.tensors.sizes, batches_per_epoch=self.batches_per_epoch,
            data_node=self.data.id, loss_node=self.loss.id,
            metric_name=loss.metric_name(*self.check.inputs[self.loss.id]),
            outputs=self.loss.work[0].get("probabilities", self.loss.x[0]), data=self.prepared)

    # -- where everything is ------------------------------------------------------------------

    def _allocate_forward(self) -> None:
        for node in self.nodes.values():
            layer, signals = node.layer, self.check.signals[node.id]
            node.x = tuple(self.nodes[id].y[port] for id, port in self._sources(node.id))
            region = "batch" if isinstance(layer, DataLayer) else "activations"
            if layer.is_view and node.x:
                shape = (self.batch, *signals[0].shape)
                node.y = (self.tensors.alias(f"{node.id}.y", node.x[0], shape, node.id),)
            else:
                node.y = tuple(
                    self.tensors.new(f"{node.id}.{port}", region,  # type: ignore[arg-type]
                                     (self.batch, *signal.shape), node.id)
                    for port, signal in zip(layer.outputs, signals, strict=True))
            self._allocate_parameters(node)
            shapes = self._input_shapes(node.id)
            for lane in range(self.lanes):
                work = layer.workspace(self._samples(lane), *shapes)
                node.work.append({
                    name: self.tensors.new(
                        _lane_name(f"{node.id}.{name}", lane), "workspace", shape, node.id,
                        "int32" if name in layer.integers else "float32")
                    for name, shape in work.items()})

    def _allocate_parameters(self, node: _Node) -> None:
        parameters = node.layer.parameters(*self._input_shapes(node.id))
        before = any(self.nodes[id].needs_gradient for id, _ in self._sources(node.id))
        node.needs_gradient = bool(parameters) or before
        if not parameters:
            return
        for parameter in parameters:
            name = f"{node.id}.{parameter.name}"
            self.parameters[name] = parameter
            node.w[parameter.name] = self.tensors.new(
                name, "parameters", parameter.shape, node.id)
        node.weights = _span(f"{node.id} parameters", node.w.values())
        if not self.training:
            return
        for lane in range(self.lanes):
            # The first lane's gradients are the network's; the others' are added to them.
            gradients = {
                p.name: self.tensors.new(
                    _lane_name(f"{node.id}.d{p.name}", lane),
                    "gradients" if lane == 0 else "workspace", p.shape, node.id)
                for p in parameters}
            node.dw.append(gradients)
            node.gradients.append(_span(f"{node.id} gradients", gradients.values()))

    def _allocate_backward(self) -> None:
        """Give each output that needs it a gradient, and each reader a place to write its part."""
        for node in self.nodes.values():
            node.dx = [None] * len(node.x)
        for node in reversed(self.nodes.values()):
            if isinstance(node.layer, DataLayer) or not node.needs_gradient:
                continue
            for port, y in enumerate(node.y):
                self._allocate_gradient(node, port, y)

    def _allocate_gradient(self, node: _Node, port: int, y: Tensor) -> None:
        readers = [(reader, i) for reader in reversed(self.nodes.values())
                   for i, source in enumerate(self._sources(reader.id))
                   if source == (node.id, port) and not (
                       isinstance(reader.layer, LossLayer) and i == 1)]
        name = f"{node.id}.d{node.layer.outputs[port]}"
        views = [reader for reader, _ in readers if reader.layer.is_view]
        if len(readers) == 1 and views:
            gradient = self.tensors.alias(name, views[0].dy[0], y.shape, node.id)
            node.sums.append((gradient, [], False))
            node.dy.append(gradient)
            return
        gradient = self.tensors.new(name, "activation_gradients", y.shape, node.id)
        parts = [view.dy[0] for view in views]
        writers = [(reader, i) for reader, i in readers if not reader.layer.is_view]
        for number, (reader, i) in enumerate(writers):
            # The first reader to run writes in place; what the others find is added to it.
            if number == 0:
                reader.dx[i] = gradient
            else:
                reader.dx[i] = self.tensors.new(
                    f"{name} from {reader.id} input {i + 1}", "activation_gradients", y.shape,
                    node.id)
                parts.append(reader.dx[i])  # type: ignore[arg-type]
        node.sums.append((gradient, parts, not writers))
        node.dy.append(gradient)

    def _allocate_row(self) -> None:
        self.row = self.tensors.new("measurements", "metrics", (len(self.columns),))
        self.ring = self.tensors.new("measurements of many steps", "metrics",
                                     (RING_ROWS, 1 + 3 * len(self.columns)))
        self.per_bucket = self.tensors.new("steps per bucket", "metrics", (2,), dtype="int64")
        self.hyper = {
            name: self.tensors.new(f"training.{name}", "hyper", (1,))
            for name in (*type(self.graph.training.optimizer).hyper, "threshold",
                         "current_learning_rate")}

    def _measured(self) -> list[_Node]:
        """The nodes that have cells in the row."""
        if not self.instrument:
            return [n for n in self.nodes.values() if n.w]
        return [n for n in self.nodes.values()
                if not isinstance(n.layer, DataLayer | LossLayer) and not n.layer.is_view]

    def _cell(self, name: str, count: int = 1) -> Tensor:
        return self.row.part(self.columns.index(name), (count,), name)

    def _norm_of_all(self, statistic: str, norm: Tensor) -> None:
        """norm = √(Σ the squares of one statistic of every node): each n-th cell of the row."""
        measured, stride = self._measured(), len(NODE_STATISTICS)
        start, size = 0, 0
        if measured:
            start = self.columns.index(f"{measured[0].id}.{statistic}")
            size = stride * (len(measured) - 1) + 1
        self._once("clip", None, clip.global_norm, n=len(measured), stride=stride,
                   norms=self.row.part(start, (size,), f"{statistic} of all"), norm=norm)

    # -- what happens -------------------------------------------------------------------------

    def _load(self) -> None:
        data = self.prepared
        samples = len(data.x_train)
        order = self.tensors.new("order", "batch", (samples + 1,), dtype="int32")
        seed = _key(self.graph.training.shuffle_seed, "shuffle")
        self._once("load", self.data.id, random.shuffle_samples, samples=samples,
                   batches_per_epoch=self.batches_per_epoch, shuffle_key=seed,
                   counters=self.counters, order=order)
        x, target = self.data.y

        def emit(lane: int, append: Callable[..., None]) -> None:
            append(random.load_batch, {
                "batch": self.batch, "first": self.bounds[lane],
                "lane_batch": self._samples(lane),
                "batches_per_epoch": self.batches_per_epoch,
                "sample_size": size_of(x.shape[1:]), "target_size": size_of(target.shape[1:]),
                "counters": self.counters, "order": order,
                "data": data.x_train.ctypes.data, "targets": data.target_train.ctypes.data,
                "x": self._shard(x, lane), "target": self._shard(target, lane)})

        self._each_lane("load", self.data.id, emit)

    def _forward(self, node: _Node) -> None:
        if node.layer.is_view:
            return
        phase: Phase = "loss" if isinstance(node.layer, LossLayer) else "forward"
        self._each_lane(phase, node.id,
                        lambda lane, append: node.layer.forward(self._emitter(node, lane, append)))
        if isinstance(node.layer, LossLayer):
            for name in ("loss", "metric"):
                for work in node.work[1:]:
                    self._once(phase, node.id, elementwise.add_into, n=1, x=work[name],
                               y=node.work[0][name])
                if self.training:
                    self._once(phase, node.id, elementwise.copy, n=1, x=node.work[0][name],
                               y=self._cell(name))
        elif self.instrument:
            self._measure_output(node)

    def _measure_output(self, node: _Node) -> None:
        y = node.y[0]
        self._once("forward", node.id, statistics.activation_statistics, n=y.size, y=y,
                   out=self._cell(f"{node.id}.mean", 2))
        if node.layer.active_range is not None:
            low, high = node.layer.active_range
            units = y.shape[1]
            seen = self.tensors.new(f"{node.id}.seen", "metrics", (units,), node.id, "int32")
            self._once("forward", node.id, statistics.unit_activity, batch=y.shape[0],
                       units=units, positions=size_of(y.shape[2:]), low=float(low),
                       high=float(high), y=y, seen=seen, out=self._cell(f"{node.id}.inactive"))

    def _backward(self, node: _Node) -> None:
        if not node.needs_gradient:
            return
        for gradient, parts, empty in node.sums:
            if empty and parts:
                first, *parts = parts
                self._once("backward", node.id, elementwise.copy, n=gradient.size, x=first,
                           y=gradient)
            for part in parts:
                self._once("backward", node.id, elementwise.add_into, n=gradient.size, x=part,
                           y=gradient)
        if node.layer.is_view:
            return
        self._each_lane("backward", node.id,
                        lambda lane, append: node.layer.backward(self._emitter(node, lane, append)))
        for other in node.gradients[1:]:
            self._once("backward", node.id, elementwise.add_into, n=other.size, x=other,
                       y=node.gradients[0])
        if node.w:
            g = node.gradients[0]
            if self.instrument:
                gaps = g.size - sum(w.size for w in node.w.values())
                self._once("backward", node.id, statistics.gradient_statistics, n=g.size,
                           gaps=gaps, gradient=g, out=self._cell(f"{node.id}.grad_norm_before", 4))
            else:
                self._once("backward", node.id, statistics.vector_norm, n=g.size, x=g,
                           norm=self._cell(f"{node.id}.grad_norm_before"))

    def _clip(self) -> None:
        clipping = self.graph.training.clipping
        threshold = self.hyper["threshold"]
        learners = [n for n in self.nodes.values() if n.w]
        before = self._cell("grad_norm_before")
        self._norm_of_all("grad_norm_before", before)
        self._once("clip", None, statistics.guard, loss=self.loss.work[0]["loss"], norm=before,
                   halt=self.halt)
        after = self._cell("grad_norm")
        if clipping.mode == "off":
            self._once("clip", None, elementwise.copy, n=1, x=before, y=after)
        if clipping.mode == "global_norm":
            self._once("clip", None, clip.clipped_norm, threshold=threshold, reference=before,
                       norm=before, clipped_norm=after)
        for node in learners:
            g, norm = node.gradients[0], self._cell(f"{node.id}.grad_norm_before")
            node_after = self._cell(f"{node.id}.grad_norm")
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
                       flag=self._cell("clipped"))

    def _update(self) -> None:
        training = self.graph.training
        rate = self.hyper["current_learning_rate"]

        def append(phase: Phase, node: str | None) -> Callable[..., None]:
            return lambda kernel, **operands: self._once(phase, node, kernel, **operands)

        training.schedule.emit(append("update", None), base=self.hyper["learning_rate"],
                               learning_rate=rate, counters=self.counters,
                               batches_per_epoch=self.batches_per_epoch)
        for node in self.nodes.values():
            if node.weights is None:
                continue
            slots = {
                slot: self.tensors.new(f"{node.id}.{slot}", "optimizer", node.weights.shape,
                                       node.id)
                for slot in type(training.optimizer).slots}
            ratio = self._cell(f"{node.id}.update_ratio") if self.instrument else None
            training.optimizer.emit(
                append("update", node.id), n=node.weights.size, weights=node.weights,
                gradient=node.gradients[0], slots=slots,
                hyper={**self.hyper, "learning_rate": rate}, counters=self.counters, norms=ratio)
        self._once("update", None, elementwise.copy, n=1, x=rate,
                   y=self._cell("learning_rate"))
        self._once("update", None, statistics.record, columns=len(self.columns),
                   rows=RING_ROWS, counters=self.counters, per_bucket=self.per_bucket,
                   row=self.row, ring=self.ring)
        self._once("update", None, random.finish_step, counters=self.counters)

    # -- helpers ------------------------------------------------------------------------------

    def _sources(self, id: str) -> list[tuple[str, int]]:
        """The output ports that a node reads, by its input ports."""
        edges = {e.target_port: (e.source, e.source_port) for e in self.graph.inputs_of(id)}
        if isinstance(self.nodes[id].layer, LossLayer) and 1 not in edges:
            where = targets(self.graph, id)
            if where is not None:
                edges[1] = where
        return [edges[port] for port in sorted(edges)]

    def _input_shapes(self, id: str) -> list[tuple[int, ...]]:
        return [signal.shape for signal in self.check.inputs[id]]

    def _samples(self, lane: int) -> int:
        return self.bounds[lane + 1] - self.bounds[lane]

    def _shard(self, tensor: Tensor, lane: int) -> Tensor:
        """The lane's samples of a tensor with a batch axis."""
        if self.lanes == 1:
            return tensor
        size = size_of(tensor.shape[1:])
        return tensor.part(self.bounds[lane] * size, (self._samples(lane), *tensor.shape[1:]),
                           _lane_name(tensor.name, lane))

    def _emitter(self, node: _Node, lane: int, append: Callable[..., None]) -> Emitter:
        def shards(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
            return tuple(self._shard(tensor, lane) for tensor in tensors)

        seed = self.graph.training.dropout_seed
        return Emitter(
            append=append, batch=self._samples(lane), training=self.training, total=self.batch,
            x=shards(node.x), y=shards(node.y),
            dx=tuple(None if t is None else self._shard(t, lane) for t in node.dx),
            dy=shards(node.dy), w=node.w, dw=node.dw[lane] if node.dw else {},
            work=node.work[lane], counters=self.counters,
            random_key=_key(seed, f"{node.id} lane {lane}"))

    def _each_lane(self, phase: Phase, node: str,
                   emit: Callable[[int, Callable[..., None]], None]) -> None:
        """Let every lane emit the same instructions on its own samples."""
        lists: list[list[Instruction]] = []
        for lane in range(self.lanes):
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
                          *(None,) * (self.lanes - 1)))


def _layer(graph: Graph, id: str, cls: type[L]) -> L:
    """The layer of a node whose kind `check` has made sure of."""
    layer = graph.node(id).layer
    assert isinstance(layer, cls)
    return layer


def _lane_name(name: str, lane: int) -> str:
    return f"{name}@{lane}" if lane else name


def _span(name: str, tensors: Iterable[Tensor]) -> Tensor:
    """Neighbouring tensors of one region as one vector, the gaps between them included.

    The gaps hold zeros for ever: gradients there are zero, so no optimizer moves them.
    """
    tensors = list(tensors)
    first, last = tensors[0], tensors[-1]
    return Tensor(name, first.region, first.offset, (last.offset + last.size - first.offset,),
                  first.node)


def _key(seed: int, purpose: str) -> int:
    """A random-looking odd 63-bit key, different for each seed and purpose."""
    digest = hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=8).digest()
    return int(np.frombuffer(digest, np.int64)[0]) & (2**63 - 1) | 1
