"""Networks with branches: nodes put on a grid by hand, each with the outputs that it reads."""

from __future__ import annotations

from playground.examples.base import PITCH_X, PITCH_Y
from playground.graph import Graph
from playground.layers.base import Layer
from playground.learning import Learning
from playground.training import Training

Source = str | tuple[str, int]
"""A node's first output, or the one of this number."""


class Wired:
    """Builds a graph node by node; `graph` is what there is so far."""

    def __init__(self, training: Training, notes: str) -> None:
        self.graph = Graph(notes=notes.strip() + "\n").with_training(training)

    def add(self, id: str, layer: Layer, column: float, row: float, *sources: Source,
            group: str = "", shares: str = "") -> str:
        """Put a node into a column and row of the grid and connect its inputs, in order."""
        graph = self.graph.with_node(layer, PITCH_X * column, PITCH_Y * row, id)
        for port, source in enumerate(sources):
            node, output = (source, 0) if isinstance(source, str) else source
            graph = graph.connect(node, id, output, port)
        if group:
            graph = graph.with_learning(id, Learning(group=group))
        self.graph = graph.with_shared(id, shares) if shares else graph
        return id
