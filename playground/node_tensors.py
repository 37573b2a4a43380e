"""What a program keeps of each node and of each pass: its tensors, by purpose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playground.emitter import Picked
from playground.layers.base import Layer, Shape
from playground.layers.data import DataLayer
from playground.learning import Learning
from playground.tensor import ALIGNMENT, DType, Region, Tensor


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
    learning: Learning
    owner: str
    """The node whose parameters it uses: mostly itself."""
    x: tuple[Any, ...] = ()
    y: tuple[Tensor, ...] = ()
    w: dict[str, Tensor] = field(default_factory=dict)
    dw: list[dict[str, Tensor]] = field(default_factory=list)
    work: list[dict[str, Tensor]] = field(default_factory=list)
    picked: Picked | None = None
    """What its first input was made from, where it looks up symbols."""
    running: dict[str, Tensor] = field(default_factory=dict)
    """What lasts over the steps and is not learned."""
    weights: Tensor | None = None
    gradients: list[Tensor] = field(default_factory=list)
    """All parameter gradients of the node as one vector, for each lane; none where it is frozen."""
    slots: dict[str, Tensor] = field(default_factory=dict)
    """What the optimizer keeps for the weights, by its own names."""
    parts: Tensor | None = None
    """What each lane measured of its share of the gradient."""
    squares: Tensor | None = None
    """Of the update and of the weights, for each lane's share; where they are measured."""
    output_parts: Tensor | None = None
    """What each lane measured of its samples' output; only where that is large."""
    seen: Tensor | None = None
    """Which channels were active in the batch; only where they can be inactive, of many values."""


@dataclass
class NodeGradients:
    """The gradients at a node in one pass."""

    dw: list[dict[str, Tensor]]
    """Of its parameters, for each lane. Where the pass does not train it, nobody reads them."""
    dx: list[Tensor | None] = field(default_factory=list)
    dy: list[Tensor] = field(default_factory=list)
    sums: list[tuple[Tensor, list[Tensor], bool]] = field(default_factory=list)
    """For each output: its gradient, what must be added to it, and whether it starts empty."""


@dataclass
class Pass:
    """The losses that train one group of nodes: a forward, a backward and an update of their own.

    Most networks have one. group: its name, "" for all. nodes: those that lead to the losses, in
    order of execution. owners: the nodes whose parameters it trains. total: the weighted sum of
    losses and penalties. turns: how often a step does it before the next pass. gradients: by node,
    of those that need any.
    """

    number: int
    group: str
    losses: list[NodeTensors]
    nodes: list[NodeTensors]
    owners: list[NodeTensors]
    total: Tensor
    turns: int = 1
    gradients: dict[str, NodeGradients] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        return f" of pass {self.number + 1}" if self.number else ""

    @property
    def batches(self) -> int:
        """How many batches it takes: one for each turn, where it sees any data."""
        return self.turns if any(isinstance(node.layer, DataLayer) for node in self.nodes) else 1

    @property
    def is_plain(self) -> bool:
        """Whether its total is the value of its one loss."""
        return self.total is self.losses[0].work[0]["loss"]

    def trains(self, node: NodeTensors) -> bool:
        """Whether the node's parameters follow these losses."""
        return any(owner.id == node.owner for owner in self.owners)
