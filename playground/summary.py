"""The table of a network: what each layer gives and how many numbers it learns.

Everything comes from the shapes: nothing is allocated, however large the network is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from playground.graph import Graph, Node
from playground.layers.base import Layer, Shape, show_shape, size_of
from playground.layers.data import DataLayer
from playground.shapes import Check, check

MB = 2**20
FLOAT = 4


@dataclass(frozen=True)
class Row:
    """One layer; of several outputs each has a row, and the first the parameters."""

    node: str
    kind: str
    output: Shape
    parameters: int


@dataclass(frozen=True)
class Summary:
    """Sizes in MB = 2^20 bytes for one sample in float32; activations count twice (gradients)."""

    rows: tuple[Row, ...]
    parameters: int
    input_mb: float
    forward_backward_mb: float
    parameters_mb: float

    @property
    def total_mb(self) -> float:
        return self.input_mb + self.forward_backward_mb + self.parameters_mb

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "total_mb": self.total_mb}

    def __str__(self) -> str:
        cells = [("node", "kind", "output", "parameters")] + [
            (r.node, r.kind, show_shape(r.output), f"{r.parameters:,}") for r in self.rows]
        wide = [max(len(row[i]) for row in cells) for i in range(4)]
        lines = [f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c:>{wide[2]}}  {d:>{wide[3]}}"
                 for a, b, c, d in cells]
        rule = "─" * len(lines[0])
        return "\n".join([
            lines[0], rule, *lines[1:], rule,
            f"Total parameters  {self.parameters:,}",
            f"Input             {_size(self.input_mb)}",
            f"Forward/backward  {_size(self.forward_backward_mb)}",
            f"Parameters        {_size(self.parameters_mb)}",
            f"Total             {_size(self.total_mb)}"])


class SummaryError(Exception):
    """A network whose shapes do not fit; the text is a sentence for the user."""


def summarize(graph: Graph) -> Summary:
    """The table of a graph's layers, for one sample. Raises SummaryError."""
    one = graph.with_training(msgspec.structs.replace(graph.training, batch=1))
    # The table is of use also where the machine is too small to train the network.
    result = check(one, memory=math.inf)
    if not graph.nodes:
        raise SummaryError("The network is empty: there is nothing to sum up.")
    for id, why in result.errors.items():
        raise SummaryError(f"{id}: {why}")
    rows = [row for node in graph.order() if _computes(node.layer)
            for row in _rows(node, result)]
    inputs = [result.signals[n.id][0].shape for n in graph.nodes
              if isinstance(n.layer, DataLayer)]
    parameters = sum(row.parameters for row in rows)
    return Summary(
        tuple(rows), parameters,
        FLOAT * sum(map(size_of, inputs)) / MB,
        2 * FLOAT * sum(size_of(row.output) for row in rows) / MB,
        FLOAT * parameters / MB)


def _size(mb: float) -> str:
    return f"{mb:,.2f} MB" if mb >= 0.1 else f"{mb * 1024:,.2f} kB"


def _rows(node: Node, result: Check) -> Iterator[Row]:
    layer, signals = node.layer, result.signals[node.id]
    assert isinstance(layer, Layer)
    for port, signal in enumerate(signals):
        name = f"{node.id}.{layer.outputs[port]}" if len(signals) > 1 else node.id
        yield Row(name, layer.kind, signal.shape, 0 if port else result.parameters[node.id])


def _computes(layer: object) -> bool:
    """Not data, not a source, not a loss, not another view of the same numbers (flatten)."""
    return (isinstance(layer, Layer) and layer.category not in ("data", "source", "loss")
            and not layer.is_view)
