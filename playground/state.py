"""What training leaves behind and can go on from: weights, optimizer, running statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
PARTS = ("parameters", "optimizer", "running")
"""The fields of a SavedState that hold arrays by name."""


@dataclass(frozen=True, eq=False)
class SavedState:
    """The state between two instructions: after `step` steps, at instruction `position`.

    Arrays are keyed by tensor name: parameters "conv_1.w", optimizer state "conv_1.velocity",
    running statistics likewise. Random numbers need no state: they follow from seed and step.
    """

    step: int
    position: int = 0
    parameters: Mapping[str, Array] = field(default_factory=dict)
    optimizer: Mapping[str, Array] = field(default_factory=dict)
    running: Mapping[str, Array] = field(default_factory=dict)

    def same_as(self, other: Any) -> bool:
        """Bit for bit, NaN included."""
        if not isinstance(other, SavedState):
            return False
        return (self.step, self.position) == (other.step, other.position) and all(
            _same(getattr(self, part), getattr(other, part)) for part in PARTS)


def _same(a: Mapping[str, Array], b: Mapping[str, Array]) -> bool:
    return a.keys() == b.keys() and all(
        a[name].shape == b[name].shape and a[name].tobytes() == b[name].tobytes() for name in a)
