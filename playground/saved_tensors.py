"""Tensors on their way into a saved state, and back into a network that may have changed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from playground.arena import Arena
from playground.program import Program
from playground.state import PARTS, SavedState

Tensors = Mapping[str, NDArray[np.float32]]


def copied(program: Program, arena: Arena, aside: Mapping[str, Tensors]
           ) -> dict[str, dict[str, NDArray[np.float32]]]:
    """By part of the state: copies of the network's tensors, and what was put aside."""
    parts = {part: dict(aside.get(part, {})) for part in PARTS}
    for name, tensor in program.tensors.items():
        if tensor.region in PARTS:
            parts[tensor.region][name] = arena.view(tensor).copy()
    return parts


def missing_from(saved: SavedState, program: Program) -> tuple[str, ...]:
    """Parameters that the state does not have, or in another shape."""
    return tuple(name for name in program.parameters
                 if name not in saved.parameters
                 or saved.parameters[name].shape != program.tensors[name].shape)


def fill(program: Program, arena: Arena, saved: SavedState
         ) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Write what fits; gives what to put aside, by part of the state.

    That is what belongs to nodes that take no part, or use the weights of others. A node some of
    whose parameters are missing begins with a fresh optimizer.
    """
    tensors, used = program.tensors, program.check.used
    changed = {tensors[name].node for name in missing_from(saved, program)}
    aside: dict[str, dict[str, NDArray[np.float32]]] = {part: {} for part in PARTS}
    for part in PARTS:
        for name, values in getattr(saved, part).items():
            node, dot, _ = name.partition(".")
            if dot and name not in tensors and (
                    node not in used or program.graph.node(node).shares):
                aside[part][name] = values
            elif (name in tensors and tensors[name].region == part
                    and tensors[name].shape == values.shape
                    and (part != "optimizer" or node not in changed)):
                arena.view(tensors[name])[...] = values
    return aside
