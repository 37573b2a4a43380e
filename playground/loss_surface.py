"""The loss as a surface over two weights of a small network: what an optimizer walks on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.arena import Arena
from playground.evaluator import Evaluator
from playground.session import Session
from playground.snapshot import SurfaceProbe

Floats = NDArray[np.float32]
SAMPLES = 512
"""Of the training part that the loss is the mean of: more take longer and look the same."""


def loss_surface(session: Session, probe: SurfaceProbe) -> Floats | None:
    """What `SurfaceProbe` says; None for a network of many weights, or of a single one."""
    program, data = session.program, session.data
    if len(program.followed) < 2:
        return None
    # An arena of its own for the weights: those in training stay where they are.
    arena = Arena({region: size for region, size in program.sizes.items()
                   if region in ("parameters", "running")})
    for region in ("parameters", "running"):
        arena.region(region)[:] = session.arena.region(region)
    evaluator = Evaluator(program, arena)
    first, second = (_weight(session, arena, column) for column in program.followed[:2])
    x, target = data.x_train[:SAMPLES], data.target_train[:SAMPLES]
    x0, x1, y0, y1 = probe.extent
    across, up = (np.linspace(low, high, probe.resolution) for low, high in ((x0, x1), (y0, y1)))
    heights = np.empty((probe.resolution, probe.resolution), np.float32)
    for row, second[0] in enumerate(up):
        for column, first[0] in enumerate(across):
            heights[row, column] = evaluator.evaluate(x, target).loss
    return heights


def _weight(session: Session, arena: Arena, column: str) -> Floats:
    """A view (1,) of one weight in an arena."""
    name, _, number = column.partition("[")
    values: Floats = arena.view(session.program.tensors[name]).reshape(-1)
    i = int(number[:-1])
    return values[i:i + 1]
