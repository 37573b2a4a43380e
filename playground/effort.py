"""How much a training step has to do, and whether it is worth a second thread."""

from __future__ import annotations

from playground.graph import Graph
from playground.layers.base import Layer, size_of
from playground.shapes import Check, check

WORTH_SHARING = 2e6
"""Operations per step from which threads pay. They wait for each other some thirty times a step,
which takes as long as a million operations on one of them."""


def operations(graph: Graph, checked: Check) -> float:
    """Floating-point operations of the products in one step: forward, ∂w, and ∂x if wanted."""
    total, learned = 0, False
    for id in checked.used:
        layer = graph.node(id).layer
        assert isinstance(layer, Layer)
        inputs = checked.inputs.get(id, ())
        matrices = [size_of(p.shape) for p in layer.parameters(*(s.shape for s in inputs))
                    if len(p.shape) > 1]
        if not matrices:
            continue
        if layer.kind != "embedding":  # It looks up, and multiplies nothing.
            shape = checked.signals[id][0].shape
            places = size_of(shape[:-1] if layer.units_last else shape[1:])
            if layer.category == "recurrent":
                places = inputs[0].shape[0]
            # The first layer needs no gradient of its input; a state always does.
            first, *others = matrices
            total += places * ((3 if learned else 2) * first + 3 * sum(others))
        learned = True
    return 2.0 * graph.training.batch * total


def useful_threads(graph: Graph, threads: int) -> int:
    """`threads`, or 1 where the steps are so small that sharing them would slow them down.

    By the size of the network alone, not by the clock: the same network gives the same bits.
    """
    checked = check(graph)
    shares = checked.trainable and operations(graph, checked) >= WORTH_SHARING
    return threads if shares else 1
