"""Where the tensors of a program lie: those of each node, and those that all nodes share.

It hands out places and emits nothing; `compiler` says what happens to them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from playground.graph import Graph
from playground.layers.base import Layer, Parameter, Shape, size_of
from playground.layers.data import DataLayer
from playground.layers.loss import LossLayer
from playground.program import NODE_STATISTICS, RING_ROWS, STEP_STATISTICS
from playground.shapes import Check, targets
from playground.tensor import ALIGNMENT, DType, Region, Tensor

L = TypeVar("L", bound=Layer)


class Tensors:
    """Hands out places in the regions and remembers them by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Tensor] = {}
        self.sizes: dict[Region, int] = {}

    def new(self, name: str, region: Region, shape: Shape, node: str | None = None,
            dtype: DType = "float32") -> Tensor:
        if name in self.by_name:
            raise ValueError(f"two tensors are called {name!r}")
        start = self.sizes.get(region, 0)
        tensor = Tensor(name, region, start, shape, node, dtype)
        self.sizes[region] = start + -(-tensor.size // ALIGNMENT) * ALIGNMENT
        self.by_name[name] = tensor
        return tensor

    def alias(self, name: str, tensor: Tensor, shape: Shape, node: str | None) -> Tensor:
        """Another name and shape for the same floats."""
        made = Tensor(name, tensor.region, tensor.offset, shape, node)
        self.by_name[name] = made
        return made


@dataclass
class NodeTensors:
    """A node and its tensors."""

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
    slots: dict[str, Tensor] = field(default_factory=dict)
    """What the optimizer keeps for the weights, by its own names."""
    seen: Tensor | None = None
    """Which units were active in the batch; only where a unit can be inactive."""
    needs_gradient: bool = False
    """Whether a parameter stands at or before this node."""


class Layout:
    """The tensors of one program, by node and by purpose.

    columns: what a row of measurements holds. bounds: where each lane's shard of the batch begins,
    and the end. `row`, `ring`, `per_bucket`, `hyper` and `order` exist only for training.
    """

    def __init__(self, graph: Graph, check: Check, training: bool, batch: int | None,
                 lanes: int, instrument: bool) -> None:
        self.graph, self.check, self.training = graph, check, training
        self.instrument = instrument and training
        self.nodes = {id: NodeTensors(id, layer_of(graph, id, Layer)) for id in check.used}
        self.data = next(n for n in self.nodes.values() if isinstance(n.layer, DataLayer))
        self.loss = self.nodes[check.used[-1]]
        self.prepared = layer_of(graph, self.data.id, DataLayer).load()
        samples = len(self.prepared.x_train)
        self.batch = batch or graph.training.batch
        if training:
            whole = graph.training.optimizer.full_batch
            self.batch = samples if whole else min(self.batch, samples)
        self.batches_per_epoch = max(1, samples // self.batch)
        lanes = max(1, min(lanes, self.batch))
        self.bounds = [self.batch * lane // lanes for lane in range(lanes + 1)]
        self.tensors = Tensors()
        self.parameters: dict[str, Parameter] = {}
        self.counters = self.tensors.new("counters", "counters", (16,), dtype="int64")
        self.halt = self.tensors.new("halt", "metrics", (2,), dtype="int64")
        self._place_forward()
        self.columns = (*STEP_STATISTICS, *(
            f"{node.id}.{name}" for node in self.measured() for name in NODE_STATISTICS))
        if training:
            self._place_backward()
            self._place_measurements()
            self.order = self.tensors.new("order", "batch", (samples + 1,), dtype="int32")
            self._place_optimizer()

    # -- questions ----------------------------------------------------------------------------

    @property
    def lanes(self) -> int:
        return len(self.bounds) - 1

    def samples(self, lane: int) -> int:
        return self.bounds[lane + 1] - self.bounds[lane]

    def shard(self, tensor: Tensor, lane: int) -> Tensor:
        """The lane's samples of a tensor with a batch axis."""
        if self.lanes == 1:
            return tensor
        size = size_of(tensor.shape[1:])
        return tensor.part(self.bounds[lane] * size, (self.samples(lane), *tensor.shape[1:]),
                           _lane_name(tensor.name, lane))

    def measured(self) -> list[NodeTensors]:
        """The nodes that have cells in the row."""
        if not self.instrument:
            return [n for n in self.nodes.values() if n.w]
        return [n for n in self.nodes.values()
                if not isinstance(n.layer, DataLayer | LossLayer) and not n.layer.is_view]

    def cell(self, name: str, count: int = 1) -> Tensor:
        """One column of the row, or `count` neighbours."""
        return self.row.part(self.columns.index(name), (count,), name)

    def cells_of_all(self, statistic: str) -> Tensor:
        """One statistic of every node: each n-th cell, n the number of node statistics."""
        measured = self.measured()
        start, size = 0, 0
        if measured:
            start = self.columns.index(f"{measured[0].id}.{statistic}")
            size = len(NODE_STATISTICS) * (len(measured) - 1) + 1
        return self.row.part(start, (size,), f"{statistic} of all")

    # -- forward ------------------------------------------------------------------------------

    def _place_forward(self) -> None:
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
            self._place_parameters(node)
            shapes = self._input_shapes(node.id)
            for lane in range(self.lanes):
                work = layer.workspace(self.samples(lane), *shapes)
                node.work.append({
                    name: self.tensors.new(
                        _lane_name(f"{node.id}.{name}", lane), "workspace", shape, node.id,
                        "int32" if name in layer.integers else "float32")
                    for name, shape in work.items()})

    def _place_parameters(self, node: NodeTensors) -> None:
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

    # -- training -----------------------------------------------------------------------------

    def _place_backward(self) -> None:
        """Give each output that needs it a gradient, and each reader a place to write its part."""
        for node in self.nodes.values():
            node.dx = [None] * len(node.x)
        for node in reversed(self.nodes.values()):
            if isinstance(node.layer, DataLayer) or not node.needs_gradient:
                continue
            for port, y in enumerate(node.y):
                self._place_gradient(node, port, y)

    def _place_gradient(self, node: NodeTensors, port: int, y: Tensor) -> None:
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

    def _place_measurements(self) -> None:
        self.row = self.tensors.new("measurements", "metrics", (len(self.columns),))
        self.ring = self.tensors.new("measurements of many steps", "metrics",
                                     (RING_ROWS, 1 + 3 * len(self.columns)))
        self.per_bucket = self.tensors.new("steps per bucket", "metrics", (2,), dtype="int64")
        if not self.instrument:
            return
        for node in self.measured():
            if node.layer.active_range is not None:
                node.seen = self.tensors.new(
                    f"{node.id}.seen", "metrics", (node.y[0].shape[1],), node.id, "int32")

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
        for node in self.nodes.values():
            if node.weights is not None:
                node.slots = {
                    slot: self.tensors.new(
                        f"{node.id}.{slot}", "optimizer", node.weights.shape, node.id)
                    for slot in optimizer.slots}

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


def layer_of(graph: Graph, id: str, cls: type[L]) -> L:
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
