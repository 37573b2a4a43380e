"""What training leaves behind and can go on from: weights, optimizer, running statistics."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Sizes = dict[str, tuple[int, ...]]
"""Shapes of tensors by name."""
Edit = tuple[int, Mapping[str, float]]
"""Numbers such as the learning rate that were changed before an instruction, by index."""
PARTS = ("parameters", "optimizer", "running")
"""The fields of a SavedState that hold arrays by name."""


@dataclass(frozen=True, eq=False)
class SavedState:
    """The state between two instructions: after `step` steps, at instruction `position`.

    Arrays are keyed by tensor name: parameters "conv_1.w", optimizer state "conv_1.velocity",
    running statistics likewise. Random numbers need no state: they follow from seed and step.

    A half-done step is kept as its beginning, and replayed. `edits` are the numbers such as the
    clipping threshold that changed in it: (instruction, values), the first at instruction 0.
    """

    step: int
    position: int = 0
    parameters: Mapping[str, Array] = field(default_factory=dict)
    optimizer: Mapping[str, Array] = field(default_factory=dict)
    running: Mapping[str, Array] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    ahead: int = 0
    """How many steps more epochs count than were done: their number outlives the batch size."""
    batches_per_epoch: int = 0
    """Of what was saved; 0: as many as the network has that goes on from it."""

    def ahead_for(self, batches_per_epoch: int) -> int:
        """`ahead` where epochs have another size: the one that had begun begins anew."""
        was = self.batches_per_epoch
        if was in (0, batches_per_epoch):
            return self.ahead
        return (self.step + self.ahead) // was * batches_per_epoch - self.step

    def renamed(self, names: Mapping[str, str]) -> SavedState:
        """The same state of a network whose nodes are called otherwise (old id -> new id)."""
        def rename(arrays: Mapping[str, Array]) -> dict[str, Array]:
            return {new: array for name, array in arrays.items()
                    if (new := swapped(name, names))}

        return replace(self, parameters=rename(self.parameters),
                       optimizer=rename(self.optimizer), running=rename(self.running))

    @property
    def nbytes(self) -> int:
        """What the arrays take."""
        return sum(array.nbytes for part in PARTS for array in getattr(self, part).values())

    def fits(self, sizes: Sizes) -> bool:
        """Whether it has all these parameters."""
        return all(name in self.parameters and self.parameters[name].shape == shape
                   for name, shape in sizes.items())

    def with_nodes(self, nodes: Collection[str], other: SavedState) -> SavedState:
        """The same state, but for these nodes: they are as in the other one."""
        def joined(ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> dict[str, Array]:
            return {name: array for name, array in ours.items() if node_of(name) not in nodes} | {
                name: array for name, array in theirs.items() if node_of(name) in nodes}

        return replace(self, parameters=joined(self.parameters, other.parameters),
                       optimizer=joined(self.optimizer, other.optimizer),
                       running=joined(self.running, other.running))

    def same_as(self, other: Any) -> bool:
        """Bit for bit, NaN included."""
        if not isinstance(other, SavedState):
            return False
        return (self.step, self.position, self.edits, self.ahead) == (
            other.step, other.position, other.edits, other.ahead) and all(
            _same(getattr(self, part), getattr(other, part)) for part in PARTS)


def node_of(name: str) -> str:
    """The node of a tensor, "conv_1" of "conv_1.w"."""
    return name.partition(".")[0]


def swapped(name: str, names: Mapping[str, str]) -> str:
    """The name of a tensor or column, "conv_1.w", with its node called otherwise.

    Empty for that of a node that is gone, and whose name another one has now.
    """
    node, dot, rest = name.partition(".")
    if not dot or node not in names:
        return "" if dot and node in names.values() else name
    return names[node] + dot + rest


def _same(a: Mapping[str, Array], b: Mapping[str, Array]) -> bool:
    return a.keys() == b.keys() and all(
        a[name].shape == b[name].shape and a[name].tobytes() == b[name].tobytes() for name in a)
