"""How far it is to the next or the last place to stop, counted in instructions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from playground.emitter import Instruction
from playground.program import Program

Unit = Literal["instruction", "layer", "phase", "pass", "batch", "epoch"]
"""pass: a forward, a backward and an update for one group; of most networks the whole batch."""


def until_end(unit: Unit, program: Program, position: int, batch_in_epoch: int) -> int:
    """Instructions from here to the end of the current unit."""
    length = len(program.code)
    if unit == "instruction":
        return 1
    if unit == "batch":
        return length - position
    if unit == "epoch":
        return (program.batches_per_epoch - batch_in_epoch) * length - position
    if unit == "pass":
        return next(end for _, end in program.passes if end > position) - position
    group = _group(unit)
    here = group(program.instructions[position])
    end = position + 1
    while end < length and group(program.instructions[end]) == here:
        end += 1
    return end - position


def since_start(unit: Unit, program: Program, position: int, batch_in_epoch: int) -> int:
    """Instructions back to the start of the current unit; of the one before when at its start."""
    length = len(program.code)
    if unit == "instruction":
        return 1
    if unit == "batch":
        return position or length
    if unit == "epoch":
        batches = batch_in_epoch or (0 if position else program.batches_per_epoch)
        return batches * length + position
    if unit == "pass":
        starts = [0, *(end for _, end in program.passes[:-1])]
        end = position or length
        return end - max(start for start in starts if start < end)
    group = _group(unit)
    end = position or length
    start = end - 1
    while start > 0 and (group(program.instructions[start - 1])
                         == group(program.instructions[start])):
        start -= 1
    return end - start


def _group(unit: Unit) -> Callable[[Instruction], Any]:
    """What all instructions of one phase, or of one layer in it, have in common."""
    if unit == "phase":
        return lambda i: i.phase
    return lambda i: (i.phase, i.node)
