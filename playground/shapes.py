"""Shapes through a graph: what flows along each edge, and a sentence for each thing wrong.

`check` never raises at the user: errors belong to nodes, where the canvas shows them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from playground.graph import Graph, Node, UnknownLayer
from playground.keyframes import LEAST
from playground.layers.base import (
    Layer,
    Shape,
    ShapeError,
    Signal,
    shapes_of,
    show_shape,
    size_of,
)
from playground.layers.data import DataLayer
from playground.layers.generative_loss import Adversarial
from playground.layers.loss_layer import LossLayer
from playground.learning import is_penalised
from playground.time_notes import time_notes

L = TypeVar("L", bound=Layer)
MEMORY_SHARE = 0.7
"""Of the machine's memory: a network that needs more is refused before anything is allocated."""


@dataclass(frozen=True)
class Check:
    """What is known of a graph before it runs. All dictionaries are keyed by node id.

    signals: of each output port. inputs: of each connected input, by port. errors: one sentence
    per wrong node. waiting: those of them that are only not connected yet. notes: sentences worth
    knowing. parameters: numbers of learned values.
    memory: bytes for one training step. graph_error: what is wrong with the graph as a whole.
    """

    signals: dict[str, tuple[Signal, ...]] = field(default_factory=dict)
    inputs: dict[str, tuple[Signal, ...]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    graph_error: str = ""
    used: tuple[str, ...] = ()
    """The nodes that take part in training, in order of execution."""
    losses: tuple[str, ...] = ()
    """Those that end it, in the order in which they were added; the first one gives the metric."""
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
    batch = batch_of(graph, result)
    for id in result.inputs:
        result.memory[id] = _bytes_needed(graph, id, batch, result)
    used, losses, graph_error = _find_training(graph)
    for id, note in time_notes(graph, result):
        result.notes[id] = (*result.notes.get(id, ()), note)
    _note_penalties(graph, result)
    _check_sharing(graph, result, used)
    _check_groups(graph, result, losses)
    _note_critics(graph, result, losses)
    _check_memory(result, used or tuple(result.memory), memory)
    graph_error = graph_error or _find_obstacle(graph, result, used, losses)
    for node in graph.nodes:
        if node.id not in used and node.id not in result.errors and not graph_error:
            result.notes[node.id] = (
                *result.notes.get(node.id, ()),
                "Does not lead to the loss: it takes no part in training.")
    result = replace(result, graph_error=graph_error, used=used, losses=losses)
    if graph_error or not (why := graph.training.optimizer.obstacle(graph, result)):
        return result
    return replace(result, graph_error=why, optimizer_error=why)


def network(graph: Graph) -> object:
    """What is computed: not where nodes stand, nor those aside, nor how all of it is trained."""
    used = set(check(graph).used)
    return (tuple((node.id, node.layer, node.learning, node.shares)
                  for node in graph.nodes if node.id in used),
            tuple(edge for edge in graph.edges if edge.target in used))


def batch_of(graph: Graph, checked: Check) -> int:
    """Samples per step: the batch size or, where the optimizer wants them or there are no more,
    all that train.
    """
    wanted = graph.training.batch
    sizes = [len(node.layer.load().x_train) for node in graph.nodes
             if isinstance(node.layer, DataLayer) and node.id in checked.signals]
    if not sizes:
        return wanted
    return max(sizes) if graph.training.optimizer.full_batch else min(wanted, max(sizes))


def targets(graph: Graph, loss: str) -> tuple[str, int] | None:
    """The node and output port that the loss compares with: connected, or the data's target."""
    layer = graph.node(loss).layer
    port = layer.target_port if isinstance(layer, Layer) else None
    if port is None:
        return None
    for edge in graph.inputs_of(loss):
        if edge.target_port == port:
            return edge.source, edge.source_port
    sources = [n for n in graph.ancestors(loss) if isinstance(graph.node(n).layer, DataLayer)]
    return (sources[0], 1) if len(sources) == 1 else None


def layer_of(graph: Graph, id: str, cls: type[L]) -> L:
    """The layer of a node whose kind `check` has made sure of."""
    layer = graph.node(id).layer
    assert isinstance(layer, cls)
    return layer


def sources_of(graph: Graph, id: str) -> tuple[tuple[str, int] | None, ...]:
    """The nodes and output ports that a node reads, by its input ports.

    None stands for an optional input without a connection that comes before one with a connection.
    """
    layer = graph.node(id).layer
    found = {e.target_port: (e.source, e.source_port) for e in graph.inputs_of(id)}
    port = layer.target_port if isinstance(layer, Layer) else None
    if port is not None and (where := targets(graph, id)):
        found.setdefault(port, where)
    if isinstance(layer, Layer) and layer.optional:
        return tuple(found.get(port) for port in range(max(found, default=-1) + 1))
    return tuple(found[port] for port in sorted(found))


def _check_node(graph: Graph, node: Node, result: Check) -> None:
    layer = node.layer
    if isinstance(layer, UnknownLayer):
        result.errors[node.id] = layer.why or (
            f"This version does not know the layer {layer.kind!r}. It is kept as it is.")
        return
    missing = _missing_input(layer, {e.target_port for e in graph.inputs_of(node.id)})
    if missing:
        result.errors[node.id] = missing
        result.waiting.add(node.id)
        return
    sources = sources_of(graph, node.id)
    if any(source and source[0] not in result.signals for source in sources):
        return  # The error stands on the node where it began.
    # Only a layer with optional inputs meets a None.
    inputs: Any = tuple(source and result.signals[source[0]][source[1]] for source in sources)
    try:
        result.signals[node.id] = layer.infer(*inputs)
        shapes = shapes_of(inputs)
        result.inputs[node.id] = inputs
        result.parameters[node.id] = sum(size_of(p.shape) for p in layer.parameters(*shapes))
        if notes := layer.notes(*shapes):
            result.notes[node.id] = notes
    except ShapeError as error:
        result.signals.pop(node.id, None)
        result.errors[node.id] = str(error)


def _note_penalties(graph: Graph, result: Check) -> None:
    """Note where a document sets a penalty on weights and there are none that it counts."""
    for node in graph.nodes:
        if node.shares or not node.learning.penalises_weights or node.id not in result.inputs:
            continue
        if not any(map(is_penalised, parameter_shapes(graph, result, node.id).values())):
            note = ("Its L1 and L2 penalties do nothing: they count matrices and kernels, and "
                    "there are none here. Set them to 0; L1 and L2 of outputs count what comes "
                    "out.")
            result.notes[node.id] = (*result.notes.get(node.id, ()), note)


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


def _bytes_needed(graph: Graph, id: str, batch: int, result: Check) -> int:
    """For float32: parameters, gradients, optimizer state and running statistics with their
    keyframes; activations, their gradients and workspaces.
    """
    slots, shapes = len(graph.training.optimizer.slots), shapes_of(result.inputs[id])
    layer = graph.node(id).layer
    assert isinstance(layer, Layer)
    outputs = sum(size_of(signal.shape) for signal in result.signals[id])
    work = sum(size_of(shape) for shape in layer.workspace(batch, *shapes).values())
    running = sum(size_of(p.shape) for p in layer.running(*shapes))
    # One keyframe more than are kept: an old one goes when the new one is there.
    copies = 1 + LEAST + 1
    return 4 * (result.parameters[id] * (1 + copies * (1 + slots)) + copies * running
                + 2 * batch * outputs + work)


def _find_training(graph: Graph) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """The nodes that lead to a loss, the losses, and a sentence if there is none."""
    losses = tuple(n.id for n in graph.nodes if isinstance(n.layer, LossLayer))
    # One that has just been dropped does not stop what the others train.
    losses = tuple(id for id in losses if graph.inputs_of(id)) or losses
    if not graph.nodes:
        return (), (), "The canvas is empty. Drag a data set here, then layers, then a loss."
    if not losses:
        return (), (), "There is no loss yet. Add one and connect the last layer to it."
    ancestors = set(losses)
    for loss in losses:
        ancestors |= graph.ancestors(loss)
        if (where := targets(graph, loss)) is not None:
            ancestors.add(where[0])
    used = tuple(node.id for node in graph.order() if node.id in ancestors)
    return used, losses, ""


def _check_sharing(graph: Graph, result: Check, used: tuple[str, ...]) -> None:
    """Put an error on nodes that cannot use the weights of the one they name."""
    for node in graph.nodes:
        if not node.shares or node.id not in result.inputs:
            continue
        own = parameter_shapes(graph, result, node.id)
        if node.shares not in graph:
            wrong = f"Shares the weights of {node.shares}, which is not there."
        elif graph.node(node.shares).shares or node.shares == node.id:
            wrong = f"Shares the weights of {node.shares}, which has none of its own."
        elif node.shares not in result.inputs and not (
                node.id in used and node.shares not in used):
            continue  # The error stands on the node where it began.
        elif node.shares in result.inputs and parameter_shapes(graph, result, node.shares) != own:
            wrong = (f"Needs weights of {_show(own)}, and those of {node.shares} are "
                     f"{_show(parameter_shapes(graph, result, node.shares))}.")
        elif node.id in used and node.shares not in used:
            wrong = (f"Shares the weights of {node.shares}, which does not lead to a loss and so "
                     "takes no part.")
        else:
            result.parameters[node.id] = 0  # They count where they belong.
            continue
        result.errors[node.id] = f"{wrong} Share with another node, or with none."


def parameter_shapes(graph: Graph, result: Check, id: str) -> dict[str, Shape]:
    """What a node learns, by name, shared or not; empty while its inputs are not known."""
    layer = graph.node(id).layer
    if id not in result.inputs or not isinstance(layer, Layer):
        return {}
    shapes = shapes_of(result.inputs[id])
    return {p.name: p.shape for p in layer.parameters(*shapes)}


def _show(parameters: dict[str, Shape]) -> str:
    return " and ".join(f"{name} {show_shape(shape)}" for name, shape in parameters.items()) or (
        "no size (it has none)")


def _check_groups(graph: Graph, result: Check, losses: tuple[str, ...]) -> None:
    """Put an error on losses that train nothing, or what another one trains in its own turn."""
    turns: dict[str, dict[str, str]] = {}
    for loss in losses:
        group = getattr(graph.node(loss).layer, "trains", "")
        trained = _trained_by(graph, result, loss)
        if group and not trained:
            result.errors.setdefault(loss, (
                f"Trains the group {group!r}, and no node that leads here is in it. Set Group of "
                "some nodes, or leave Trains empty."))
        for other, theirs in turns.items():
            both = sorted(trained & theirs.keys())
            if other != group and both:
                result.errors.setdefault(loss, (
                    f"Trains {both[0]}, and so does {theirs[both[0]]} in a turn of its own. Let "
                    "both losses train the same group, or groups that share no node."))
        turns.setdefault(group, {}).update(dict.fromkeys(trained, loss))


def _trained_by(graph: Graph, result: Check, loss: str) -> set[str]:
    """The owners of the weights that a loss trains."""
    group = getattr(graph.node(loss).layer, "trains", "")
    owners = {graph.node(id).shares or id for id in graph.ancestors(loss)
              if parameter_shapes(graph, result, id)}
    return {id for id in owners if id in graph and not graph.node(id).learning.frozen
            and group in ("", graph.node(id).learning.group)}


def _note_critics(graph: Graph, result: Check, losses: tuple[str, ...]) -> None:
    """Note on the losses of Wasserstein critics, whose scores only count while weights are kept."""
    for loss in losses:
        layer = graph.node(loss).layer
        # What leads to the scores of real samples is the critic alone.
        if not isinstance(layer, Adversarial) or (layer.game, layer.role) != (
                "wasserstein", "judge_on_real"):
            continue
        free = sorted(id for id in _trained_by(graph, result, loss)
                      if not graph.node(id).learning.clip_weights)
        if free:
            note = (f"A Wasserstein critic needs limits, or its scores grow for ever: set Clip "
                    f"weights of {', '.join(free)} (0.01 in the paper).")
            result.notes[loss] = (*result.notes.get(loss, ()), note)


def _find_obstacle(graph: Graph, result: Check, used: tuple[str, ...],
                   losses: tuple[str, ...]) -> str:
    """What keeps these nodes from training, as a sentence; empty when nothing does."""
    wrong = [id for id in used if id in result.errors]
    if wrong:
        return f"{wrong[0]}: {result.errors[wrong[0]]}"
    sources = [id for id in used if isinstance(graph.node(id).layer, DataLayer)]
    if not sources:
        return "No data reaches the loss. Add a data set and connect it."
    if len(sources) > 1:
        return (f"{len(sources)} data sets ({', '.join(sources)}) reach the loss, and a step takes "
                "its samples from one. Disconnect the others.")
    for loss in losses:
        if loss not in result.signals:
            return f"{loss}: the nodes before it are not ready."
    return ""



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
