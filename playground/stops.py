"""Where training stops by itself: before an instruction, or when a number says so."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from playground.state import swapped

if TYPE_CHECKING:
    from playground.emitter import Phase
    from playground.program import Program
    from playground.session import Session

VALIDATED = ("validation_loss", "validation_metric")
"""What is measured now and then, not after each step."""


@dataclass(frozen=True)
class Breakpoint:
    """An instruction, named so that the program of an edited network has it again."""

    phase: Phase
    node: str | None
    kernel: str
    number: int
    """Which of all with this phase, node and kernel."""


@dataclass(frozen=True)
class Condition:
    """A measured number that passes a limit.

    column: one of the program's ("loss", "dense_1.grad_norm_before", ...) or of VALIDATED.
    """

    column: str
    sign: Literal["<", ">"]
    limit: float
    words: str = ""
    """What people call the number."""

    def holds(self, session: Session) -> bool:
        """Whether it does now; never where the number does not exist or is NaN."""
        value = self.value(session)
        return value < self.limit if self.sign == "<" else value > self.limit

    def value(self, session: Session) -> float:
        """The number as it was measured last."""
        seen = session.validation
        if self.column in VALIDATED:
            return float("nan") if seen is None else (
                seen.loss if self.column == VALIDATED[0] else seen.metric)
        if self.column not in session.program.columns or not session.has_run:
            return float("nan")
        return session.measured(self.column)


class Stops:
    """All that are set."""

    def __init__(self) -> None:
        self._breakpoints: frozenset[Breakpoint] = frozenset()
        self._found: tuple[Program | None, frozenset[int]] = None, frozenset()
        """Where they are in a program, found once for each."""
        self.condition: Condition | None = None
        """For this run alone."""

    def toggle(self, place: Breakpoint) -> None:
        """Stop before an instruction from now on; or no more."""
        self._set(self._breakpoints ^ {place})

    def renamed(self, names: Mapping[str, str]) -> None:
        """The same stops in a network whose nodes are called otherwise (old id -> new id)."""
        self._set(frozenset(replace(place, node=names.get(place.node or "", place.node))
                            for place in self._breakpoints))
        if (goal := self.condition) is not None:
            self.condition = replace(goal, column=swapped(goal.column, names))

    def clear(self) -> None:
        """Stop before none."""
        self._set(frozenset())

    def _set(self, breakpoints: frozenset[Breakpoint]) -> None:
        self._breakpoints, self._found = breakpoints, (None, frozenset())

    def places(self, program: Program) -> frozenset[int]:
        """The instructions of this program that training stops before."""
        if self._breakpoints and self._found[0] is not program:
            self._found = program, frozenset(
                i for i, one in enumerate(breakpoints_of(program)) if one in self._breakpoints)
        return self._found[1]

    def run_for(self, session: Session, seconds: float, most: int | None) -> str:
        """Train for about so long and so many steps; gives why it stops now, or nothing."""
        if places := self.places(session.program):
            length = len(session.program.code)
            session.run_to_instruction(
                min(places, key=lambda place: (place - session.position - 1) % length))
            return "" if session.trouble else _where(session)
        if self.condition is None:
            session.run_for(seconds, most)
            return ""
        if self.condition.column in VALIDATED:
            # Before it goes on: it was measured after the last step.
            if not (reached := self._reached(session)):
                session.run_for(seconds, most)
            return reached
        end = time.perf_counter() + seconds
        last = None if most is None else session.step + most
        reached = ""
        while not reached and session.trouble is None and session.step != last and (
                time.perf_counter() < end):
            session.run(1)
            reached = self._reached(session)
        return reached

    def _reached(self, session: Session) -> str:
        if (goal := self.condition) is None or not goal.holds(session):
            return ""
        return (f"Stopped after step {session.step:,}: {goal.words or goal.column} "
                f"{goal.value(session):.4g} {goal.sign} {goal.limit:g}")


def _where(session: Session) -> str:
    one = session.instruction
    what = f"{one.phase} of {one.node}" if one.node else one.phase
    return f"Stopped at a breakpoint, before instruction {session.position} ({what})"


def breakpoints_of(program: Program) -> list[Breakpoint]:
    """The names of all instructions, in their order."""
    seen: Counter[tuple[Phase, str | None, str]] = Counter()
    names = []
    for one in program.instructions:
        name = (one.phase, one.node, one.kernel.name)
        names.append(Breakpoint(*name, seen[name]))
        seen[name] += 1
    return names


__all__ = ["VALIDATED", "Breakpoint", "Condition", "Stops", "breakpoints_of"]
