"""The program as a table: captions of phases between instructions; only what changes repaints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from ui.theme import caption_font, theme
from ui.views.operations import format_microseconds, full_operation, measures

if TYPE_CHECKING:
    from playground.emitter import Instruction
    from playground.program import Program

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
COLUMNS = ("", "#", "node", "operation", "time")
ARROW, NUMBER, NODE, OPERATION, TIME = range(5)
RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class ListingModel(QAbstractTableModel):
    """Rows are instruction numbers, or the captions of phases (as -1)."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.instructions: tuple[Instruction, ...] = ()
        self.rows: list[int] = []
        self.position = -1
        self.stops: frozenset[int] = frozenset()
        self._captions: dict[int, str] = {}
        self._kinds: dict[str, str] = {}
        """Of the nodes' layers."""
        self.times: list[str] = []
        self._row_of: dict[int, int] = {}

    # -- content ------------------------------------------------------------------------------

    def show_program(self, program: Program) -> None:
        """List a program."""
        self.beginResetModel()
        instructions = self.instructions = program.instructions
        self.rows, self._captions, phase = [], {}, ""
        self._kinds = {node.id: node.layer.kind for node in program.graph.nodes}
        starts = _pass_captions(program)
        for i, instruction in enumerate(instructions):
            if instruction.phase != phase:
                phase = instruction.phase
                self._captions[len(self.rows)] = phase + starts.get(i, "")
                self.rows.append(-1)
            self.rows.append(i)
        self._row_of = {i: row for row, i in enumerate(self.rows) if i >= 0}
        self.times = [""] * len(instructions)
        self.endResetModel()

    def show_position(self, position: int) -> None:
        """Move the arrow; two rows change."""
        if position == self.position:
            return
        old, self.position = self.position, position
        for i in (old, position):
            row = self.row_of(i)
            if row is not None:
                self.dataChanged.emit(self.index(row, 0), self.index(row, TIME))

    def show_stops(self, stops: frozenset[int]) -> None:
        """Mark the instructions that Run stops before."""
        changed, self.stops = self.stops ^ stops, stops
        for row in map(self.row_of, changed):
            if row is not None:
                self.dataChanged.emit(self.index(row, 0), self.index(row, TIME))

    def show_times(self, times: NDArray[np.float64] | None) -> None:
        """Only rows whose text changes are told to repaint."""
        if times is None or len(times) != len(self.instructions):
            return
        for i, time in enumerate(times.tolist()):
            text = format_microseconds(time)
            if text != self.times[i]:
                self.times[i] = text
                index = self.index(self._row_of[i], TIME)
                self.dataChanged.emit(index, index, [Role.DisplayRole])

    def row_of(self, instruction: int) -> int | None:
        """The row of an instruction."""
        return self._row_of.get(instruction)

    def instruction_at(self, row: int) -> Instruction | None:
        i = self.rows[row] if 0 <= row < len(self.rows) else -1
        return self.instructions[i] if i >= 0 else None

    def operation(self, instruction: Instruction) -> str:
        """What it does, in the words of its node's layer."""
        return full_operation(instruction, self._kinds.get(instruction.node or "", ""))

    def caption(self, row: int) -> str:
        return self._captions.get(row, "")

    # -- Qt -----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(COLUMNS)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if self.caption(index.row()):
            return Qt.ItemFlag.ItemIsEnabled
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        row, column = index.row(), index.column()
        if caption := self.caption(row):
            return self._caption_data(caption, column, role)
        i = self.rows[row]
        here = self.row_of(self.position) == row
        if role == Role.DisplayRole:
            return self._text(i, column, here)
        if role == Role.TextAlignmentRole and column in (NUMBER, TIME):
            return RIGHT
        if role == Role.ForegroundRole:
            if column == ARROW:
                return theme().color("error" if i in self.stops else "accent")
            measured = measures(self.instructions[i]) or column in (NUMBER, TIME)
            return theme().color("text" if here else "faint" if measured else "secondary")
        if role == Role.BackgroundRole and here:
            return theme().color("accent_soft")
        if role == Role.ToolTipRole:
            if column == ARROW:
                return "Breakpoint: Run stops here; click to take it away" if i in self.stops else (
                    "Click to let Run stop here each time")
            time = f"{self.times[i]}\n" if self.times[i] else ""
            return f"{self.instructions[i].kernel.formula}\n{time}Double-click to run to here"
        return None

    def _caption_data(self, caption: str, column: int, role: int) -> Any:
        if role == Role.DisplayRole and column == NUMBER:
            return caption
        if role == Role.FontRole:
            return caption_font()
        if role == Role.ForegroundRole:
            return theme().color("faint")
        if role == Role.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom)
        return None

    def _text(self, i: int, column: int, here: bool) -> str:
        instruction = self.instructions[i]
        if column == ARROW:
            return "▸" if here else "●" if i in self.stops else ""
        if column == NUMBER:
            return str(i)
        if column == NODE:
            return instruction.node or "–"
        return self.operation(instruction) if column == OPERATION else self.times[i]


def _pass_captions(program: Program) -> dict[int, str]:
    """By the first instruction of each pass: whose it is, where several take turns."""
    if len(program.passes) == 1:
        return {}
    starts = iter([0, *(end for _, end in program.passes)])
    return {next(starts): f" · {group or 'all'}" + (f", turn {i + 1} of {turns}" * (turns > 1))
            for group, turns in program.turns for i in range(turns)}


__all__ = ["ARROW", "COLUMNS", "NODE", "NUMBER", "OPERATION", "TIME", "ListingModel"]
