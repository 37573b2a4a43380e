"""The one block of memory that a program works on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from playground.tensor import ALIGNMENT, REGIONS, STATE_REGIONS, Region, Tensor

Floats = NDArray[np.float32]
NOTHING: Mapping[Region, Floats] = {}


class Arena:
    """One 64-byte-aligned float32 array, divided into the regions of `tensor.REGIONS`.

    sizes: floats of each region. The state (all that one step hands to the next) comes first,
    so that a keyframe is one copy. elsewhere: regions that are another arena's, and only used here.
    """

    def __init__(self, sizes: Mapping[Region, int],
                 elsewhere: Mapping[Region, Floats] = NOTHING) -> None:
        ends, end = {}, 0
        for region in REGIONS:
            if region not in elsewhere:
                end += -(-sizes.get(region, 0) // ALIGNMENT) * ALIGNMENT
            ends[region] = end
        block = np.zeros(end + ALIGNMENT, np.float32)
        skip = (-block.ctypes.data // 4) % ALIGNMENT
        self.values: Floats = block[skip:skip + end]
        self.state: Floats = self.values[:ends[STATE_REGIONS[-1]]]
        starts = (0, *ends.values())
        self._regions = {region: elsewhere.get(region, self.values[start:ends[region]])
                         for region, start in zip(REGIONS, starts, strict=False)}

    def region(self, region: Region) -> Floats:
        return self._regions[region]

    def view(self, tensor: Tensor) -> Floats:
        """The tensor's values; writing to the view writes to the arena."""
        region = self._regions[tensor.region]
        return region[tensor.offset:tensor.offset + tensor.size].reshape(tensor.shape)

    def address(self, tensor: Tensor) -> int:
        return int(self._regions[tensor.region].ctypes.data) + 4 * tensor.offset
