"""The passes of a training step: which losses, nodes and parameters each of them is about."""

from __future__ import annotations

from playground.graph import Graph
from playground.layers.loss_layer import LossLayer
from playground.node_tensors import NodeTensors, Pass, Tensors
from playground.shapes import Check, layer_of, sources_of


def find_passes(graph: Graph, check: Check, nodes: dict[str, NodeTensors], tensors: Tensors
                ) -> list[Pass]:
    """The losses by the group that they train, each group once.

    nodes: those that take part, in the order of their forward work. tensors: gives a pass a place
    for its total, (1,), where that is more than one loss.
    """
    groups: dict[str, list[NodeTensors]] = {}
    for id in check.losses:
        groups.setdefault(layer_of(graph, id, LossLayer).trains, []).append(nodes[id])
    return [_pass(number, group, losses, graph, nodes, tensors)
            for number, (group, losses) in enumerate(groups.items())]


def _pass(number: int, group: str, losses: list[NodeTensors], graph: Graph,
          nodes: dict[str, NodeTensors], tensors: Tensors) -> Pass:
    needed = {node.id for node in losses}
    for node in reversed(nodes.values()):
        if node.id in needed:
            needed.update(source[0] for source in sources_of(graph, node.id) if source)
    read = [node for node in nodes.values() if node.id in needed]
    used = {node.owner for node in read}
    owners = [node for node in nodes.values()
              if node.id in used and node.w and not node.learning.frozen
              and group in ("", node.learning.group)]
    penalties = any(o.learning.penalises_weights for o in owners) or any(
        n.learning.penalises_outputs for n in read)
    total = losses[0].work[0]["loss"]
    if penalties or len(losses) > 1 or layer_of(graph, losses[0].id, LossLayer).weight != 1:
        total = tensors.new(f"loss_and_penalties {number + 1}", "workspace", (1,))
    turns = max(layer_of(graph, node.id, LossLayer).turns for node in losses) if group else 1
    return Pass(number, group, losses, read, owners, total, turns)
