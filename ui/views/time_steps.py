"""What works through time in a network, and what a cell's arrays say of one sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playground.layers.attention import Attention, MultiHeadAttention
from playground.layers.direction import Track
from playground.layers.unrolled import RecurrentLayer
from playground.snapshot import Snapshot
from ui.views.network import tensors_of

if TYPE_CHECKING:
    from playground.program import Program

Floats = NDArray[np.float32]
GATES = frozenset({"i", "f", "o", "r", "z"})
TITLES: Mapping[str, str] = {
    "i": "i: input gate", "f": "f: forget gate", "g": "g: candidate", "o": "o: output gate",
    "c": "c: memory", "h": "h: state", "r": "r: reset gate", "z": "z: update gate",
    "n": "n: candidate", "out": "y: output"}
"""What the letters of the formulas stand for."""


def recurrent(program: Program, node: str) -> RecurrentLayer | None:
    """The node's layer if it is recurrent, and part of what runs."""
    layer = program.graph.node(node).layer if node in program.graph else None
    return layer if isinstance(layer, RecurrentLayer) and tensors_of(program, node) else None


def attends(program: Program, node: str) -> bool:
    """Whether the node is an attention that runs."""
    layer = program.graph.node(node).layer if node in program.graph else None
    return isinstance(layer, Attention | MultiHeadAttention) and bool(tensors_of(program, node))


def part(track: Track, values: Floats, layer: RecurrentLayer) -> Floats:
    """The track's own time steps and columns of an array of one sample."""
    is_state = track.name in layer.states  # which has one entry more, before the first step
    steps = len(values) - is_state
    return values[track.first:track.first + steps, track.start:track.start + track.units]


def is_signed(track: Track, values: Floats) -> bool:
    """Gates that open and close are magnitudes, 0..1; what they let through has a sign."""
    own = values[:, track.start:track.start + track.units]
    return track.name not in GATES or bool((own < 0).any())


def cuts(layer: RecurrentLayer, steps: int, reverse: bool) -> list[float]:
    """Where gradients end their way back, between two time steps."""
    if not layer.truncate:
        return []
    after = range(layer.truncate, steps, layer.truncate)
    return [steps - t - 0.5 if reverse else t - 0.5 for t in after]


def outputs(layer: RecurrentLayer, number: int, steps: int, reverse: bool) -> frozenset[int]:
    """The time steps whose state the next layer reads, of layer `number` within the node."""
    if layer.returns == "sequence" or number < layer.layers - 1:
        return frozenset(range(steps))
    return frozenset({0 if reverse else steps - 1})


def next_time(snapshot: Snapshot, node: str) -> int | None:
    """The time step that comes next, while one steps through this node."""
    if snapshot.program is None or snapshot.state == "running" or not snapshot.position:
        return None
    instruction = snapshot.program.instructions[snapshot.position]
    return instruction.time if instruction.node == node else None


__all__ = ["GATES", "TITLES", "attends", "cuts", "is_signed", "next_time", "outputs", "part",
           "recurrent"]
