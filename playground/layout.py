"""Where the tensors of a program lie: those of each node, and those that all nodes share.

It hands out places and emits nothing; `compiler` says what happens to them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import msgspec

from playground.emitter import Picked
from playground.graph import Graph
from playground.layers.base import Layer, Parameter, Shape, shapes_of, size_of
from playground.layers.data import DataLayer
from playground.layers.loss_layer import LossLayer
from playground.layers.sequence import SymbolLayer
from playground.node_tensors import NodeGradients, NodeTensors, Pass, Tensors
from playground.passes import find_passes
from playground.program import NODE_STATISTICS, RING_ROWS, ROW_UNIT, STEP_STATISTICS
from playground.shapes import Check, layer_of, sources_of
from playground.tensor import ALIGNMENT, DType, Tensor

FEW = 4
"""Weights of which each one is followed."""
SHARED_FROM = 8192
"""From so many numbers on, lanes share out what is done to them, rather than wait."""
UNREAD = "gradients that nobody reads"


class Layout:
    """The tensors of one program, by node and by purpose.

    columns: what a row of measurements holds. bounds: where each lane's shard of the batch begins,
    and the end. loaded: where the samples of a batch are put, as they lie in the data. `row`,
    `ring`, `per_bucket`, `hyper` and `order` exist only for training.
    """

    def __init__(self, graph: Graph, check: Check, training: bool, batch: int | None,
                 lanes: int, instrument: bool) -> None:
        self.graph, self.check, self.training = graph, check, training
        self.instrument = instrument and training
        self.nodes = {id: self._node(id) for id in check.used}
        self.data = next(n for n in self.nodes.values() if isinstance(n.layer, DataLayer))
        self.loss = self.nodes[check.losses[0]]
        self.prepared = layer_of(graph, self.data.id, DataLayer).load()
        samples = len(self.prepared.x_train)
        self.batch = batch or graph.training.batch
        if training:
            whole = graph.training.optimizer.full_batch
            self.batch = samples if whole else min(self.batch, samples)
        lanes = max(1, min(lanes, self.batch))
        self.bounds = [self.batch * lane // lanes for lane in range(lanes + 1)]
        self.tensors = Tensors()
        self.unread = {UNREAD}
        """Tensors that no instruction reads, but for room to work in."""
        self.parameters: dict[str, Parameter] = {}
        self.rates: dict[str, Tensor] = {}
        """The learning rates of nodes that have one of their own."""
        self.running: dict[str, Parameter] = {}
        self.counters = self.tensors.new("counters", "counters", (16,), dtype="int64")
        self.halt = self.tensors.new("halt", "metrics", (2,), dtype="int64")
        for node in sorted(self.nodes.values(), key=lambda node: node.owner != node.id):
            self._place_parameters(node)  # Those that own theirs come first.
        self._place_forward()
        self.passes = find_passes(graph, check, self.nodes, self.tensors)
        self.batches = max(1, samples // self.batch)
        self.batches_per_step = 1 + sum(one.batches - 1 for one in self.passes)
        self.batches_per_epoch = max(1, self.batches // self.batches_per_step)
        single = len(check.losses) == 1
        self.followed = self._few_weights() if self.instrument else {}
        """The weights themselves, by column, where they are few enough to draw their path."""
        self.columns = (
            *STEP_STATISTICS, *(f"{id}.loss" for id in check.losses if not single),
            *(f"{node.id}.{name}" for node in self.measured() for name in NODE_STATISTICS),
            *self.followed)
        if training:
            self._place_parameter_gradients()
            for one in self.passes:
                self._place_backward(one)
            self._place_measurements()
            self.order = self.tensors.new("order", "batch", (samples + 1,), dtype="int32")
            self._place_optimizer()

    def _few_weights(self) -> dict[str, Tensor]:
        """Each weight of the network by name, "dense_1.w[0]"; none where there are many."""
        learned = [w for node in self.nodes.values() if node.owner == node.id
                   for w in node.w.values()]
        if sum(w.size for w in learned) > FEW:
            return {}
        names = [(w, i, f"{w.name}[{i}]") for w in learned for i in range(w.size)]
        return {name: w.part(i, (1,), name) for w, i, name in names}

    # -- questions ----------------------------------------------------------------------------

    @property
    def lanes(self) -> int:
        return len(self.bounds) - 1

    def samples(self, lane: int) -> int:
        return self.bounds[lane + 1] - self.bounds[lane]

    def shares(self, n: int) -> list[tuple[int, int]]:
        """Start and end of each lane's share of n numbers; one share where they are few."""
        lanes = self.lanes if n >= SHARED_FROM else 1
        ends = [n * lane // lanes // ALIGNMENT * ALIGNMENT for lane in range(lanes)] + [n]
        return list(itertools.pairwise(ends))

    def lanes_of(self, layer: Layer) -> tuple[int | None, ...]:
        """The lanes that a layer's instructions are emitted for; None for the whole batch."""
        return (None,) if layer.whole_batch else tuple(range(self.lanes))

    def samples_of(self, lane: int | None) -> int:
        return self.batch if lane is None else self.samples(lane)

    def shard(self, tensor: Tensor, lane: int | None) -> Tensor:
        """The lane's samples of a tensor with a batch axis."""
        if self.lanes == 1 or lane is None:
            return tensor
        size = size_of(tensor.shape[1:])
        return tensor.part(self.bounds[lane] * size, (self.samples(lane), *tensor.shape[1:]),
                           lane_name(tensor.name, lane))

    @staticmethod
    def units_of(node: NodeTensors) -> tuple[int, int, int]:
        """A node's output as (samples, units, positions); a sequence counts its time steps."""
        # One number per sample is one unit.
        batch, first, *others = node.y[0].shape if len(node.y[0].shape) > 1 else (
            *node.y[0].shape, 1)
        if node.layer.units_last and others:
            return node.y[0].size // others[-1], others[-1], 1
        return batch, first, size_of(tuple(others))

    def norm_of(self, one: Pass, statistic: str) -> Tensor:
        """Where the norm over the nodes of a pass goes: the step's own cell if there is one."""
        if len(self.passes) == 1:
            return self.cell(statistic)
        name = f"{statistic} of pass {one.number + 1}"
        known = self.tensors.by_name.get(name)
        return known or self.tensors.new(name, "metrics", (1,))

    def measured(self, one: Pass | None = None) -> list[NodeTensors]:
        """The nodes that have cells in the row (those of one pass are neighbours)."""
        nodes = [n for n in self.nodes.values()
                 if (bool(n.w) if not self.instrument else not (
                     isinstance(n.layer, DataLayer | LossLayer) or n.layer.is_view))]
        place = {owner.id: one.number for one in self.passes for owner in one.owners}
        if one is not None:
            return [n for n in nodes if place.get(n.id, 0) == one.number]
        return sorted(nodes, key=lambda node: place.get(node.id, 0))

    def cell(self, name: str, count: int = 1) -> Tensor:
        """One column of the row, or `count` neighbours."""
        return self.row.part(self.columns.index(name), (count,), name)

    def cells_of(self, nodes: list[NodeTensors], statistic: str) -> Tensor:
        """One statistic of neighbouring nodes: each n-th cell, n the number of statistics."""
        start, size = 0, 0
        if nodes:
            start = self.columns.index(f"{nodes[0].id}.{statistic}")
            size = len(NODE_STATISTICS) * (len(nodes) - 1) + 1
        return self.row.part(start, (size,), f"{statistic} of all")

    def learners_of(self, one: Pass) -> list[list[NodeTensors]]:
        """The nodes whose updates a pass measures, those together that are neighbours."""
        groups = itertools.groupby(self.measured(one), lambda node: node.squares is not None)
        return [list(nodes) for learns, nodes in groups if learns]

    # -- forward ------------------------------------------------------------------------------

    def _place_forward(self) -> None:
        for node in self.nodes.values():
            layer, signals = node.layer, self.check.signals[node.id]
            # Only a layer with optional inputs meets a None.
            node.x = tuple(self.nodes[source[0]].y[source[1]] if source else None
                           for source in sources_of(self.graph, node.id))
            region = "batch" if isinstance(layer, DataLayer) else "activations"
            if layer.is_view and node.x:
                shape = (self.batch, *signals[0].shape)
                node.y = (self.tensors.alias(f"{node.id}.y", node.x[0], shape, node.id),)
            else:
                node.y = tuple(
                    self.tensors.new(f"{node.id}.{port}", region,  # type: ignore[arg-type]
                                     (self.batch, *signal.shape), node.id)
                    for port, signal in zip(layer.outputs, signals, strict=True))
            if isinstance(layer, DataLayer):
                # Packed samples have a place of their own, and are handed out by port.
                size = (self.batch, *self.prepared.dataset.shape)
                self.loaded = node.y[0] if not self.prepared.dataset.ports else (
                    self.tensors.new(f"{node.id}.samples", "batch", size, node.id))
            node.picked = self._picked(node)
            node.work = [self._work(node, lane, is_scratch=False)
                         for lane in self.lanes_of(layer)]
        self._place_scratch()

    def _picked(self, node: NodeTensors) -> Picked | None:
        """The symbols behind the first input, where the layer works on these."""
        sources = sources_of(self.graph, node.id)
        source = self.nodes[sources[0][0]] if sources and sources[0] else None
        if source is None or not isinstance(source.layer, SymbolLayer):
            return None
        classes = self.check.inputs[source.id][0].classes
        batch, rows = self.batch // self.lanes, source.layer.table_rows(classes)
        if not node.layer.looks_up(batch, rows, *self._input_shapes(node.id)):
            return None
        return Picked(source.x[0], source.layer.table(source.w, classes))

    def _work(self, node: NodeTensors, lane: int | None, is_scratch: bool) -> dict[str, Tensor]:
        """What a layer works with in a lane; scratch, or all else."""
        layer, picked = node.layer, node.picked
        batch, inputs = self.samples_of(lane), self._input_shapes(node.id)
        shapes = (layer.workspace_for_symbols(batch, picked.vocabulary, *inputs) if picked else
                  layer.workspace(batch, *inputs))
        return {name: self.tensors.new(lane_name(f"{node.id}.{name}", lane), "workspace", shape,
                                       node.id, _dtype(layer, name))
                for name, shape in shapes.items() if (name in layer.scratch) == is_scratch}

    def _place_scratch(self) -> None:
        """The layers of a lane take turns in the same memory, which so stays in the cache."""
        sizes = self.tensors.sizes
        for number in range(self.lanes):
            start = end = sizes.get("workspace", 0)
            for node in self.nodes.values():
                if number < len(node.work):
                    sizes["workspace"] = start
                    scratch = self._work(node, self.lanes_of(node.layer)[number], is_scratch=True)
                    node.work[number] |= scratch
                    self.unread.update(tensor.name for tensor in scratch.values())
                    end = max(end, sizes["workspace"])
            sizes["workspace"] = end

    def _place_parameters(self, node: NodeTensors) -> None:
        for parameter in node.layer.running(*self._input_shapes(node.id)):
            name = f"{node.id}.{parameter.name}"
            self.running[name] = parameter
            node.running[parameter.name] = self.tensors.new(
                name, "running", parameter.shape, node.id)
        if node.owner != node.id:
            node.w = self.nodes[node.owner].w
            return
        parameters = node.layer.parameters(*self._input_shapes(node.id))
        if not parameters:
            return
        for parameter in parameters:
            name = f"{node.id}.{parameter.name}"
            self.parameters[name] = parameter
            node.w[parameter.name] = self.tensors.new(
                name, "parameters", parameter.shape, node.id)
        node.weights = _span(f"{node.id} parameters", node.w.values())

    # -- training -----------------------------------------------------------------------------

    def _place_parameter_gradients(self) -> None:
        """The first lane's gradients are the network's; the others' are added to them.

        So are those of nodes that use another one's parameters.
        """
        trained = {owner.id for one in self.passes for owner in one.owners}
        for node in self.nodes.values():
            if node.owner not in trained or not node.w:
                continue
            for lane in self.lanes_of(node.layer):
                own = lane in (0, None) and node.owner == node.id
                gradients = {
                    name: self.tensors.new(
                        lane_name(f"{node.id}.d{name}", lane),
                        "gradients" if own else "workspace", w.shape, node.id)
                    for name, w in node.w.items()}
                node.dw.append(gradients)
                node.gradients.append(_span(f"{node.id} gradients", gradients.values()))

    def _place_backward(self, one: Pass) -> None:
        """Give each output that needs it a gradient, and each reader a place to write its part."""
        for node in one.nodes:
            trained = bool(node.w) and one.trains(node)
            if trained or any(source and source[0] in one.gradients
                              for source in sources_of(self.graph, node.id)):
                one.gradients[node.id] = NodeGradients(
                    node.dw if trained else [self._unread(node)] * self.lanes,
                    dx=[None] * len(node.x))
        for node in reversed(one.nodes):
            if node.id in one.gradients:
                for port, y in enumerate(node.y):
                    self._place_gradient(one, node, port, y)

    def _unread(self, node: NodeTensors) -> dict[str, Tensor]:
        """Where a layer writes gradients of parameters that the pass does not train.

        All such nodes write to the same place. Memory that nobody touches costs nothing.
        """
        if UNREAD not in self.tensors.by_name:
            largest = max(w.size for other in self.nodes.values() for w in other.w.values())
            self.tensors.new(UNREAD, "workspace", (largest,))
        place = self.tensors.by_name[UNREAD]
        return {name: Tensor(UNREAD, place.region, place.offset, w.shape, node.id)
                for name, w in node.w.items()}

    def _place_gradient(self, one: Pass, node: NodeTensors, port: int, y: Tensor) -> None:
        readers = [(reader, i) for reader in reversed(one.nodes)
                   for i, source in enumerate(sources_of(self.graph, reader.id))
                   if source == (node.id, port) and i != reader.layer.target_port]
        name = f"{node.id}.d{node.layer.outputs[port]}{one.suffix}"
        gradients = one.gradients
        views = [reader for reader, _ in readers if reader.layer.is_view]
        own = gradients[node.id]
        if len(readers) == 1 and views:
            gradient = self.tensors.alias(
                name, gradients[views[0].id].dy[0], y.shape, node.id)
            own.sums.append((gradient, [], False))
            own.dy.append(gradient)
            return
        gradient = self.tensors.new(name, "activation_gradients", y.shape, node.id)
        parts = [gradients[view.id].dy[0] for view in views]
        writers = [(reader, i) for reader, i in readers if not reader.layer.is_view]
        for number, (reader, i) in enumerate(writers):
            # The first reader to run writes in place; what the others find is added to it.
            place = gradient
            if number > 0:
                place = self.tensors.new(
                    f"{name} from {reader.id} input {i + 1}", "activation_gradients", y.shape,
                    node.id)
                parts.append(place)
            gradients[reader.id].dx[i] = place
        own.sums.append((gradient, parts, not writers))
        own.dy.append(gradient)

    def _place_measurements(self) -> None:
        width = -(-len(self.columns) // ROW_UNIT) * ROW_UNIT
        self.row = self.tensors.new("measurements", "metrics", (width,))
        self.ring = self.tensors.new("measurements of many steps", "metrics",
                                     (RING_ROWS, 1 + 3 * width))
        self.per_bucket = self.tensors.new("steps per bucket", "metrics", (2,), dtype="int64")
        if not self.instrument:
            return
        for node in self.measured():
            has_range, positions = node.layer.active_range is not None, self.units_of(node)[2]
            if (positions > 1 or not has_range) and len(self.shares(node.y[0].size)) > 1:
                node.output_parts = self.tensors.new(
                    f"{node.id}.output_parts", "metrics", (self.lanes, 4), node.id)
            if positions > 1 and has_range:
                node.seen = self.tensors.new(
                    f"{node.id}.seen", "metrics", (self.units_of(node)[1],), node.id, "int32")

    def _place_optimizer(self) -> None:
        schedule = self.graph.training.schedule
        self.schedule_state: dict[str, Tensor] = {}
        if schedule.state:
            self.schedule_state["state"] = self.tensors.new(
                f"{schedule.label} state", "optimizer", (schedule.state,))
        optimizer = self.graph.training.optimizer
        self.optimizer_keeps = {
            name: self.tensors.new(f"{optimizer.label} {name}", kept.region, kept.shape,
                                   dtype=kept.dtype)
            for name, kept in optimizer.keeps(self).items()}
        self.hyper = {
            name: self.tensors.new(f"training.{name}", "hyper", (1,))
            for name in (*optimizer.hyper, "threshold", "current_learning_rate")}
        learners = [n for n in self.measured() if n.weights is not None and n.gradients]
        self.updates = self.counters
        """What an optimizer takes for the number of steps: those of the pass that it moves."""
        if any(one.turns > 1 for one in self.passes):
            self.updates = self.tensors.new("updates", "workspace", (1,), dtype="int64")
        if self.instrument:
            # Two float64 take four places.
            squares = self.tensors.new("squares of updates and weights", "metrics",
                                       (len(learners), self.lanes, 4), dtype="float64")
            for number, node in enumerate(learners):
                node.squares = squares.part(4 * number * self.lanes, (self.lanes, 4), squares.name)
        for node in self.nodes.values():
            if node.weights is not None and node.gradients:
                if node.learning.rate != 1:
                    self.rates[node.id] = self.tensors.new(
                        f"learning rate of {node.id}", "hyper", (1,), node.id)
                if len(self.shares(node.weights.size)) > 1:
                    node.parts = self.tensors.new(
                        f"{node.id}.gradient_parts", "metrics", (self.lanes, 4), node.id)
                node.slots = {
                    slot: self.tensors.new(
                        f"{node.id}.{slot}", "optimizer", node.weights.shape, node.id)
                    for slot in optimizer.slots}

    # -- helpers ------------------------------------------------------------------------------

    def _node(self, id: str) -> NodeTensors:
        node = self.graph.node(id)
        owner = self.graph.node(node.shares or id)
        own = node.learning
        # Who uses another one's parameters learns as that one does.
        learning = msgspec.structs.replace(owner.learning, activity_l1=own.activity_l1,
                                           activity_l2=own.activity_l2)
        return NodeTensors(id, layer_of(self.graph, id, Layer), learning, owner.id)

    def _input_shapes(self, id: str) -> tuple[Shape, ...]:
        return shapes_of(self.check.inputs[id])


def _dtype(layer: Layer, name: str) -> DType:
    """What an array of a layer's workspace holds."""
    if name in layer.doubles:
        return "float64"
    return "int32" if name in layer.integers else "float32"


def lane_name(name: str, lane: int | None) -> str:
    return f"{name}@{lane}" if lane else name


def _span(name: str, tensors: Iterable[Tensor]) -> Tensor:
    """Neighbouring tensors of one region as one vector, the gaps between them included.

    The gaps hold zeros for ever: gradients there are zero, so no optimizer moves them.
    """
    tensors = list(tensors)
    first, last = tensors[0], tensors[-1]
    return Tensor(name, first.region, first.offset, (last.offset + last.size - first.offset,),
                  first.node)
