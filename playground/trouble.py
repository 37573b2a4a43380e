"""Where numbers stopped being finite, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playground.arena import Arena
from playground.emitter import Phase
from playground.numbers import plural
from playground.program import Program

ADVICE = "Lower the learning rate, or clip the gradients."


@dataclass(frozen=True)
class Trouble:
    """Why training stopped: at which node, in which phase, after how many finished steps."""

    node: str | None
    phase: Phase
    step: int
    text: str
    """For the status bar, as sentences with the way out."""
    brief: str
    """For the node, in a few words."""


def find_trouble(program: Program, arena: Arena, position: int, step: int) -> Trouble:
    """The first instruction before `position` that wrote something not finite.

    position: the instruction that would come next; step: finished steps.
    """
    stopped = f"Stopped before the update of step {step + 1:,}: "
    if any(row[0] is not None and row[0].phase == "update" for row in program.code[:position]):
        # Losses that take turns: those before this one have moved their nodes.
        stopped = f"Stopped in step {step + 1:,}, before the update of this turn: "
    for name in program.parameters:
        tensor = program.tensors[name]
        if not np.isfinite(arena.view(tensor)).all():
            return Trouble(
                tensor.node, "update", step,
                f"{stopped}the weights of {tensor.node} became too large in the update of step "
                f"{step:,}. {ADVICE}", f"Weights overflowed in step {step:,}.")
    for row in program.code[:position]:
        for instruction in filter(None, row):
            for tensor in instruction.writes:
                if tensor.region in ("metrics", "counters") or "float" not in tensor.dtype:
                    continue
                wrong = int((~np.isfinite(arena.view(tensor).view(tensor.dtype))).sum())
                if wrong:
                    return Trouble(
                        instruction.node, instruction.phase, step,
                        f"{stopped}{instruction.node or 'the network'} gave "
                        f"{plural(wrong, 'value that is', 'values that are')} infinite or not a "
                        f"number, first in {instruction.phase} ({tensor.name}). {ADVICE}",
                        f"Not finite: {tensor.name} in {instruction.phase} of step {step + 1:,}.")
    return Trouble(
        None, "clip", step, f"{stopped}the gradient is too large for float32. {ADVICE}",
        f"Gradient too large in step {step + 1:,}.")
