"""The one block of memory that a program works on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from playground.tensor import ALIGNMENT, REGIONS, STATE_REGIONS, Region, Tensor

Floats = NDArray[np.float32]


class Arena:
    """One 64-byte-aligned float32 array, divided into the regions of `tensor.REGIONS`.

    sizes: floats of each region. The state (all that one step hands to the next) comes first,
    so that a keyframe is one copy.
    """

    def __init__(self, sizes: Mapping[Region, int]) -> None:
        self._starts: dict[Region, int] = {}
        end = 0
        for region in REGIONS:
            self._starts[region] = end
            end += -(-sizes.get(region, 0) // ALIGNMENT) * ALIGNMENT
            if region == STATE_REGIONS[-1]:
                state_end = end
        block = np.zeros(end + ALIGNMENT, np.float32)
        skip = (-block.ctypes.data // 4) % ALIGNMENT
        self.values: Floats = block[skip:skip + end]
        self.state: Floats = self.values[:state_end]

    def region(self, region: Region) -> Floats:
        following = REGIONS.index(region) + 1
        end = self._starts[REGIONS[following]] if following < len(REGIONS) else len(self.values)
        return self.values[self._starts[region]:end]

    def view(self, tensor: Tensor) -> Floats:
        """The tensor's values; writing to the view writes to the arena."""
        start = self._starts[tensor.region] + tensor.offset
        return self.values[start:start + tensor.size].reshape(tensor.shape)

    def address(self, tensor: Tensor) -> int:
        return int(self.values.ctypes.data) + 4 * (self._starts[tensor.region] + tensor.offset)
