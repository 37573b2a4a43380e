"""How much a training step has to do, and whether it is worth a second thread."""

from __future__ import annotations

from playground.graph import Graph
from playground.layers.base import Layer, shapes_of, size_of
from playground.shapes import Check, batch_of, check

WORTH_SHARING = 2e6
"""Operations per step from which threads pay. They wait for each other some thirty times a step,
which takes as long as a million operations on one of them."""


def operations(graph: Graph, checked: Check) -> float:
    """Floating-point operations of the products with weights in one step.

    Forward, ∂w, and ∂x where something learns before it. checked: of a graph that can train.
    """
    total, learned = 0, False
    for id in checked.used:
        layer = graph.node(id).layer
        assert isinstance(layer, Layer)
        shapes = shapes_of(checked.inputs[id])
        matrices = [size_of(p.shape) for p in layer.parameters(*shapes) if len(p.shape) > 1]
        if matrices:
            # Behind the first one are values of the layer's own, whose gradients it needs.
            first, *others = matrices
            total += layer.uses(shapes[0], checked.signals[id][0].shape) * (
                (3 if learned else 2) * first + 3 * sum(others))
            learned = True
    return 2.0 * batch_of(graph, checked) * total


def useful_threads(graph: Graph, threads: int) -> int:
    """`threads`, or 1 where the steps are so small that sharing them would slow them down.

    By the size of the network alone, not by the clock: the same network gives the same bits.
    """
    if threads == 1:
        return 1
    checked = check(graph)
    shares = checked.trainable and operations(graph, checked) >= WORTH_SHARING
    return threads if shares else 1
