"""Shapes through a graph: what flows along each edge, and a sentence for each thing wrong.

`check` never raises at the user: errors belong to nodes, where the canvas shows them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from playground.graph import Graph, Node, UnknownLayer
from playground.keyframes import LEAST
from playground.layers.base import Layer, ShapeError, Signal, size_of
from playground.layers.data import DataLayer

MEMORY_SHARE = 0.7
"""Of the machine's memory: a network that needs more is refused before anything is allocated."""


@dataclass(frozen=True)
class Check:
    """What is known of a graph before it runs. All dictionaries are keyed by node id.

    signals: of each output port. inputs: of each connected input, by port. errors: one sentence
    per wrong node. notes: sentences worth knowing. parameters: numbers of learned values.
    memory: bytes for one training step. graph_error: what is wrong with the graph as a whole.
    """

    signals: dict[str, tuple[Signal, ...]] = field(default_factory=dict)
    inputs: dict[str, tuple[Signal, ...]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    graph_error: str = ""
    used: tuple[str, ...] = ()
    """The nodes that take part in training, in order of execution; the loss is the last."""
    optimizer_error: str = ""
    """Why the chosen optimizer cannot train a network that is otherwise ready."""

    @property
    def trainable(self) -> bool:
        return not self.graph_error

    @property
    def total_parameters(self) -> int:
        return sum(self.parameters.values())


def check(graph: Graph, memory: float | None = None) -> Check:
    """Infer every shape. Wrong nodes get a sentence; the nodes after them get none of their own.

    memory: bytes that training may need; MEMORY_SHARE of this machine's unless given.
    """
    result = Check()
    for node in graph.order():
        _check_node(graph, node, result)
    used, graph_error = _find_training(graph)
    _check_memory(result, used or tuple(result.memory), memory)
    graph_error = graph_error or _find_obstacle(graph, result, used)
    for node in graph.nodes:
        if node.id not in used and node.id not in result.errors and not graph_error:
            result.notes[node.id] = (
                *result.notes.get(node.id, ()),
                "Does not lead to the loss: it takes no part in training.")
    result = replace(result, graph_error=graph_error, used=used)
    if graph_error or not (why := graph.training.optimizer.obstacle(graph, result)):
        return result
    return replace(result, graph_error=why, optimizer_error=why)


def batch_of(graph: Graph, checked: Check) -> int:
    """Samples per step: the batch size, or all that train where the optimizer wants them."""
    if not graph.training.optimizer.full_batch:
        return graph.training.batch
    sizes = [len(node.layer.load().x_train) for node in graph.nodes
             if isinstance(node.layer, DataLayer) and node.id in checked.signals]
    return max(sizes, default=graph.training.batch)


def targets(graph: Graph, loss: str) -> tuple[str, int] | None:
    """The node and output port that the loss compares with: connected, or the data's target."""
    for edge in graph.inputs_of(loss):
        if edge.target_port == 1:
            return edge.source, edge.source_port
    sources = [n for n in _ancestors(graph, loss) if is_data(graph.node(n).layer)]
    return (sources[0], 1) if len(sources) == 1 else None


def _check_node(graph: Graph, node: Node, result: Check) -> None:
    layer = node.layer
    if isinstance(layer, UnknownLayer):
        result.errors[node.id] = layer.why or (
            f"This version does not know the layer {layer.kind!r}. It is kept as it is.")
        return
    connected = {e.target_port: e for e in graph.inputs_of(node.id)}
    if layer.category == "loss" and 1 not in connected and (where := targets(graph, node.id)):
        sources = [(e.source, e.source_port) for e in connected.values()] + [where]
    else:
        sources = [(connected[p].source, connected[p].source_port) for p in sorted(connected)]
    missing = _missing_input(layer, set(connected))
    if missing:
        result.errors[node.id] = missing
        return
    if any(source not in result.signals for source, _ in sources):
        return  # The error stands on the node where it began.
    inputs = tuple(result.signals[source][port] for source, port in sources)
    try:
        result.signals[node.id] = layer.infer(*inputs)
        shapes = tuple(signal.shape for signal in inputs)
        result.inputs[node.id] = inputs
        result.parameters[node.id] = sum(size_of(p.shape) for p in layer.parameters(*shapes))
        if notes := layer.notes(*shapes):
            result.notes[node.id] = notes
        result.memory[node.id] = _bytes_needed(graph, node.id, layer, result)
    except ShapeError as error:
        result.signals.pop(node.id, None)
        result.errors[node.id] = str(error)


def _check_memory(result: Check, nodes: tuple[str, ...], limit: float | None) -> None:
    """Put an error on the largest of these nodes when together they need too much."""
    sizes = {id: result.memory[id] for id in nodes if id in result.memory}
    need, have = sum(sizes.values()), machine_memory()
    if need > (have * MEMORY_SHARE if limit is None else limit):
        largest = max(sizes, key=lambda id: sizes[id])
        result.errors[largest] = (
            f"Needs {show_bytes(sizes[largest])} of memory (the network "
            f"{show_bytes(need)}); this machine has {show_bytes(have)}. "
            "Choose fewer units or channels, or a smaller batch.")


def _missing_input(layer: Layer, connected: set[int]) -> str:
    """A sentence when a required input is not connected."""
    if layer.variadic:
        return "" if len(connected) >= 2 else (
            f"Joins two or more inputs, has {len(connected)}. "
            "Drag from the outputs of the nodes to join.")
    for port, name in enumerate(layer.inputs):
        if port not in connected and name not in layer.optional:
            return (f"Nothing is connected to its input {name}. "
                    "Drag from the output of another node.")
    return ""


def _bytes_needed(graph: Graph, id: str, layer: Layer, result: Check) -> int:
    """For float32: parameters, gradients, optimizer state and keyframes of it; activations,
    their gradients and workspaces.
    """
    batch, slots = batch_of(graph, result), len(graph.training.optimizer.slots)
    shapes = tuple(signal.shape for signal in result.inputs[id])
    outputs = sum(size_of(signal.shape) for signal in result.signals[id])
    work = sum(size_of(shape) for shape in layer.workspace(batch, *shapes).values())
    # One keyframe more than are kept: an old one goes when the new one is there.
    copies = 1 + LEAST + 1
    return 4 * (result.parameters[id] * (1 + copies * (1 + slots)) + 2 * batch * outputs + work)


def _find_training(graph: Graph) -> tuple[tuple[str, ...], str]:
    """The nodes that lead to the loss, which is the last, and a sentence if there is none."""
    losses = [n.id for n in graph.nodes
              if isinstance(n.layer, Layer) and n.layer.category == "loss"]
    if not graph.nodes:
        return (), "The canvas is empty. Drag a data set here, then layers, then a loss."
    if not losses:
        return (), "There is no loss yet. Add one and connect the last layer to it."
    if len(losses) > 1:
        return (), (f"There are {len(losses)} losses ({', '.join(losses)}), and training "
                    "follows one. Delete the others.")
    loss = losses[0]
    ancestors = _ancestors(graph, loss) | {loss}
    if (where := targets(graph, loss)) is not None:
        ancestors.add(where[0])
    return tuple(node.id for node in graph.order() if node.id in ancestors), ""


def _find_obstacle(graph: Graph, result: Check, used: tuple[str, ...]) -> str:
    """What keeps these nodes from training, as a sentence; empty when nothing does."""
    wrong = [id for id in used if id in result.errors]
    if wrong:
        return f"{wrong[0]}: {result.errors[wrong[0]]}"
    sources = [id for id in used if is_data(graph.node(id).layer)]
    if not sources:
        return "No data reaches the loss. Add a data set and connect it."
    if len(sources) > 1:
        return (f"{len(sources)} data sets ({', '.join(sources)}) reach the loss, and a step takes "
                "its samples from one. Disconnect the others.")
    if used[-1] not in result.signals:
        return f"{used[-1]}: the nodes before it are not ready."
    return ""


def is_data(layer: object) -> bool:
    return isinstance(layer, Layer) and layer.category == "data"


def _ancestors(graph: Graph, id: str) -> set[str]:
    found: set[str] = set()
    waiting = [id]
    while waiting:
        for edge in graph.inputs_of(waiting.pop()):
            if edge.source not in found:
                found.add(edge.source)
                waiting.append(edge.source)
    return found


def machine_memory() -> int:
    """Bytes of memory of this machine; 8 GB where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 << 30


def show_bytes(size: float) -> str:
    """12.3 MB, with MB = 2^20 bytes."""
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if size < 1024 or unit == "TB":
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1024
    raise AssertionError
