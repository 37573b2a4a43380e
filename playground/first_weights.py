"""The weights that a network begins with, as its seed draws them."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from playground.arena import Arena
from playground.program import Program
from playground.progress import Progress

MANY = 1_000_000
"""Weights of a layer that take a while to be drawn."""
DRAWN = 1 << 22
"""Weights between two reports."""


def draw(program: Program, arena: Arena, seed: int, progress: Progress | None = None) -> None:
    """Put the initial values of all arrays in their places, piece by piece.

    progress: told of large ones. Half drawn weights are of no use: it must raise nothing here.
    """
    for name, parameter in (program.parameters | program.running).items():
        # A generator of its own for each array: adding a layer leaves the others' weights.
        random = np.random.default_rng([seed, crc32(name.encode())])
        place, done = arena.view(program.tensors[name]).reshape(-1), 0
        for piece in parameter.pieces(random):
            if progress and len(place) >= MANY and done % DRAWN == 0:
                progress(f"Weights of {name.partition('.')[0]} are drawn: "
                         f"{100 * done // len(place)} %")
            place[done:done + len(piece)] = piece
            done += len(piece)
