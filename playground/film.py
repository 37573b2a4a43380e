"""What a network makes, again and again from the same random numbers while it trains."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from playground.evaluator import Evaluator
from playground.generation import find_decoder, find_generator, find_made
from playground.program import Program
from playground.snapshot import Film, Frame

Floats = NDArray[np.float32]

MOST = 16
"""Frames that are kept."""
PICTURES, POINTS = 8, 300
"""Samples of a frame: pictures, or points of the plane."""
MOST_BYTES = 8 << 20
"""Of all frames: of larger pictures there are fewer."""


class FilmMaker:
    """Takes a frame at steps 0, 1, 4, 9, 16, ...: much happens at first, less later. When there are
    more than MOST, every second one goes, so the whole past is always there.
    """

    def __init__(self, program: Program, evaluator: Evaluator) -> None:
        self._program, self._evaluator = program, evaluator
        graph, check = program.graph, program.check
        self._generator = find_generator(graph, check)
        decoder = find_decoder(graph, check, program.loss_node)
        self._decoder = decoder if decoder is not None and decoder.drawn else None
        self.node = find_made(graph, check, program.loss_node)
        """What is filmed, if anything."""
        data = program.data
        bytes_each = 4 * data.x_train[0].size * MOST
        most = POINTS if data.dataset.shape == (2,) else PICTURES
        self._count = max(1, min(most, len(data.x_validation), MOST_BYTES // bytes_each))
        self.start()

    def start(self) -> None:
        """An empty past."""
        self._frames: list[Frame] = []
        self._unit = 1
        """Frames are of the squares of its multiples."""

    def inherit(self, old: FilmMaker) -> None:
        """Go on with another one's frames: the same network with other names."""
        self._frames, self._unit = old._frames, old._unit

    def steps_left(self, step: int) -> int | None:
        """Steps from `step` to the next frame."""
        if self.node is None:
            return None
        following: int = ((math.isqrt(step) // self._unit + 1) * self._unit) ** 2
        return following - step

    def collect(self, step: int) -> None:
        """Take the frame of this step, if there should be one."""
        if self.node is None or not self._due(step) or (
                self._frames and self._frames[-1].step >= step):
            return
        self._frames.append(self._taken(step))
        while len(self._frames) > MOST:
            self._unit *= 2
            self._frames = [frame for frame in self._frames if self._due(frame.step)]

    def forget_after(self, step: int) -> None:
        self._frames = [frame for frame in self._frames if frame.step <= step]

    def film(self, step: int) -> Film | None:
        """All frames, and what is made now."""
        if self.node is None:
            return None
        last = [] if self._frames and self._frames[-1].step == step else [self._taken(step)]
        originals = self._raw(self._program.data.x_validation[:self._count])
        drawn = self._generator is not None or self._decoder is not None
        return Film("drawn" if drawn else "rebuilt", self.node, (*self._frames, *last), originals)

    def _due(self, step: int) -> bool:
        root = math.isqrt(step)
        return root * root == step and root % self._unit == 0

    def _taken(self, step: int) -> Frame:
        use, count = self._evaluator, self._count
        if self._generator is not None:
            made = use.drawn(self._generator, count)
        elif self._decoder is not None:
            random = np.random.default_rng(self._program.graph.training.dropout_seed)
            codes = random.standard_normal((count, 2)).astype(np.float32)
            made = use.outputs_from(self._decoder.entrance, codes, at=self._decoder.output)
        else:
            made = use.predict(self._program.data.x_validation[:count])
        return Frame(step, self._raw(made))

    def _raw(self, samples: Floats) -> Floats:
        """In the data's own units."""
        data = self._program.data
        if samples.shape[1:] != data.dataset.shape:
            return samples
        return data.raw(samples)
