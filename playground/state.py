"""What training leaves behind and can go on from: weights, optimizer, statistics, counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SavedState:
    """The state between two instructions: after `step` steps, at instruction `position`.

    parameters are keyed by tensor name ("conv_1.w"), optimizer state and running statistics
    likewise. counters hold what is whole numbers: epochs, random generators.
    """

    step: int
    position: int = 0
    parameters: Mapping[str, Array] = field(default_factory=dict)
    optimizer: Mapping[str, Array] = field(default_factory=dict)
    running: Mapping[str, Array] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)

    def same_as(self, other: Any) -> bool:
        """Bit for bit, NaN included."""
        if not isinstance(other, SavedState):
            return False
        whole = (self.step, self.position, self.counters)
        return whole == (other.step, other.position, other.counters) and all(
            _same(getattr(self, part), getattr(other, part))
            for part in ("parameters", "optimizer", "running"))


def _same(a: Mapping[str, Array], b: Mapping[str, Array]) -> bool:
    return a.keys() == b.keys() and all(
        a[name].shape == b[name].shape and a[name].tobytes() == b[name].tobytes() for name in a)
