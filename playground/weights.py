"""What a network knows at one moment, as copies: to use it elsewhere while it trains on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from playground.program import Program
from playground.tensor import Region

Floats = NDArray[np.float32]
KNOWN: tuple[Region, ...] = ("parameters", "running")


class Regions(Protocol):
    """An arena, or copies of what counts in it."""

    def region(self, region: Region) -> Floats: ...


@dataclass(frozen=True, eq=False)
class Weights:
    """Parameters and running statistics after `step` steps of a training program."""

    program: Program
    step: int
    regions: Mapping[Region, Floats]

    def region(self, region: Region) -> Floats:
        return self.regions[region]

    def take(self, source: Regions) -> None:
        """Hold another moment's values from now on, in the same places."""
        for name in KNOWN:
            self.regions[name][:] = source.region(name)

    def of(self, name: str) -> Floats:
        """An array by name, "conv_1.w"."""
        tensor = self.program.tensors[name]
        return self.regions[tensor.region][tensor.offset:][:tensor.size].reshape(tensor.shape)


def copy_weights(program: Program, source: Regions, step: int) -> Weights:
    """The weights as they lie in an arena now."""
    return Weights(program, step, {name: source.region(name).copy() for name in KNOWN})
