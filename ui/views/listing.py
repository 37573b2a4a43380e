"""The running program, read like in a debugger."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSplitter,
    QTableView,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from playground.layers.base import show_shape
from playground.snapshot import Probe, Snapshot, TensorProbe, TimingsProbe
from playground.tensor import Tensor
from ui.theme import mono_font, theme
from ui.views.base import Table, View
from ui.views.listing_model import ARROW, NODE, NUMBER, OPERATION, TIME, ListingModel
from ui.views.numbers import describe, format_number
from ui.views.operations import measures

if TYPE_CHECKING:
    from playground.emitter import Instruction

ROW = 21
PADDING = 15
"""Pixels beside the words of a column."""
LEAST_OPERATION, LEAST_NAME = 9, 7
"""Letters: where these do not fit beside the times, the times go."""
ENOUGH = 14
"""Letters of an operation that are worth those of a node's name."""
MOST_NAME = 20


class ListingView(View):
    """Instructions by phase, the next one marked, and the operands of the chosen one."""

    title = "Program"
    name = "program"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._program: object = None
        self._shown: tuple[object, ...] = ()
        self._followed: tuple[object, ...] = ()
        self._shown_text: str | None = None
        self._widest = {NODE: 0, OPERATION: 0, TIME: 0}
        """Pixels of the widest word of a column."""
        self.model = ListingModel(self)
        self.list = QTableView(self.body)
        self.list.setModel(self.model)
        self.list.setAccessibleName("Instructions of one training step")
        self.list.setToolTip("One training step. Click an instruction for its formula and "
                             "operands, left of its number to let Run stop before it each "
                             "time; double-click to run to it.")
        self.list.setFont(mono_font(12))
        self.list.setShowGrid(False)
        self.list.setStyleSheet("QTableView::item { padding: 0 3px; }")
        self.list.setWordWrap(False)
        # Numbers stand at the end: of a node, and of a step in time.
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.horizontalHeader().hide()
        self.list.verticalHeader().hide()
        self.list.verticalHeader().setDefaultSectionSize(ROW)
        self.list.verticalHeader().setMinimumSectionSize(ROW)
        self.list.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.list.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(10)
        header.resizeSection(ARROW, 16)
        header.setSectionResizeMode(OPERATION, QHeaderView.ResizeMode.Stretch)
        self.list.selectionModel().currentRowChanged.connect(self._chosen)
        self.list.doubleClicked.connect(self._run_to)
        self.list.clicked.connect(self._toggle_stop)

        self.operands = QTextBrowser(self.body)
        self.operands.setAccessibleName("Formula and operands of the instruction")
        self.operands.setToolTip("What the instruction computes, reads and writes")
        self.operands.setOpenLinks(False)
        self.operands.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.operands.setMinimumHeight(48)
        self.split = QSplitter(Qt.Orientation.Vertical, self.body)
        self.split.addWidget(self.list)
        self.split.addWidget(self.operands)
        self.split.setSizes([100, 100])
        self.split.setChildrenCollapsible(True)
        layout = QVBoxLayout(self.body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.split)

        self.measuring = self.header.switch(
            "measuring", "Also list the instructions that only measure",
            lambda _: self.refresh())
        self.follow = self.header.switch(
            "follow", "Keep the next instruction in sight", lambda _: self.refresh(), on=True)
        self.add_export_menu()

    # -- what to show -------------------------------------------------------------------------

    def wanted(self) -> frozenset[Probe]:
        tensors = [] if (chosen := self.chosen()) is None else [*chosen.reads, *chosen.writes]
        named = self.snapshot.program.tensors if self.snapshot and self.snapshot.program else {}
        return frozenset({TimingsProbe(), *(
            TensorProbe(t.name, limit=8) for t in tensors if t.name in named)})

    def chosen(self) -> Instruction | None:
        """The instruction clicked on, or else the next one."""
        row = self.list.selectionModel().currentIndex().row()
        if row < 0:
            at = self.model.row_of(self.model.position)
            row = -1 if at is None else at
        return self.model.instruction_at(row)

    def missing(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.program is None:
            return "Press Step: the network's program appears here, one line per instruction."
        return ""

    def draw(self, snapshot: Snapshot) -> None:
        program = snapshot.program
        assert program is not None
        if program is not self._program:
            self._program = program
            self.model.show_program(program)
            self._fit_columns()
        # While it runs, the position is where the last call happened to stop: no news.
        self.model.show_position(-1 if snapshot.state == "running" else snapshot.position)
        self.model.show_stops(snapshot.stops)
        self._hide_rows()
        began = snapshot.step or snapshot.position
        self.model.show_times(snapshot.values.get(TimingsProbe()) if began
                              else np.full(len(program.instructions), np.nan))
        self._fit_times(runs=snapshot.state == "running")
        self._follow_to(snapshot)
        total = len(program.instructions)
        self.header.note.show_text(
            f"step {snapshot.step:,} · {total} instructions" if snapshot.state == "running"
            else f"step {snapshot.step:,} · {snapshot.position} / {total}")
        self._show_operands(snapshot)

    def selection_changed(self) -> None:
        """Show where the selected node first computes, unless it was selected here: what is
        under the mouse must not move between two clicks."""
        chosen = self.model.instruction_at(self.list.currentIndex().row())
        if self.selected is None or (chosen is not None and chosen.node == self.selected):
            return
        for row in range(len(self.model.rows)):
            instruction = self.model.instruction_at(row)
            if instruction is not None and instruction.node == self.selected:
                self.list.scrollTo(self.model.index(row, NODE))
                return

    def table(self) -> Table | None:
        model = self.model
        rows = [[model.data(model.index(r, c)) for c in (NUMBER, NODE, OPERATION, TIME)]
                for r in range(model.rowCount())
                if not model.caption(r) and not self.list.isRowHidden(r)]
        return ["number", "node", "operation", "time"], rows

    # -- inside -------------------------------------------------------------------------------

    def _hide_rows(self) -> None:
        """What only measures is left out, but never the instruction that comes next or has a
        breakpoint; a caption with nothing below it, too."""
        model = self.model
        shown = (self._program, self.measuring.isChecked(), model.position, model.stops)
        if shown == self._shown:
            return
        self._shown = shown
        empty = True
        for row in reversed(range(len(model.rows))):
            instruction = model.instruction_at(row)
            hide = empty if instruction is None else (
                measures(instruction) and not self.measuring.isChecked()
                and model.rows[row] not in (model.position, *model.stops))
            empty = instruction is None or (empty and hide)
            if hide != self.list.isRowHidden(row):
                self.list.setRowHidden(row, hide)

    def _fit_columns(self) -> None:
        """As narrow as the words are: what is left is the operation's."""
        instructions = self.model.instructions
        self.list.horizontalHeader().resizeSection(
            NUMBER, self._width([str(len(instructions))]) + PADDING)
        self._widest = {
            NODE: self._width({i.node for i in instructions if i.node}),
            OPERATION: self._width({
                self.model.operation(i) for i in instructions if not measures(i)}),
            TIME: 0}
        self._share_room()
        self.list.clearSpans()
        for row in range(self.model.rowCount()):
            if self.model.caption(row):
                self.list.setSpan(row, NUMBER, 1, 3)

    def _share_room(self) -> None:
        """What is done is read first: names of nodes, which stand in row after row, are cut before
        operations are, and where even that is not enough there are no times."""
        header, words = self.list.horizontalHeader(), self._widest

        def width(column: int, most: int = MOST_NAME) -> int:
            """Of so many letters of a column's words, at most."""
            return min(words[column], most * self._width("0")) + PADDING

        room = (self.list.viewport().width() - header.sectionSize(ARROW)
                - header.sectionSize(NUMBER))
        has_times = (width(NODE, LEAST_NAME) + width(OPERATION, LEAST_OPERATION) + width(TIME)
                     <= room)
        self.list.setColumnHidden(TIME, not has_times)
        if has_times:
            header.resizeSection(TIME, width(TIME))
            room -= width(TIME)
        header.resizeSection(NODE, min(width(NODE), max(
            width(NODE, LEAST_NAME), room - width(OPERATION, ENOUGH))))

    def _width(self, words: Iterable[str]) -> int:
        """Of the widest."""
        return max(map(self.list.fontMetrics().horizontalAdvance, words), default=0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def _fit_times(self, runs: bool) -> None:
        """Wider for a longer time; not narrower while it runs, for the column must not shake."""
        needed, has = self._width([max(self.model.times, key=len, default="")]), self._widest[TIME]
        least = needed if runs else has - self._width(["00"])
        if needed > has or needed < least:
            self._widest[TIME] = needed
            self._share_room()

    def _follow_to(self, snapshot: Snapshot) -> None:
        """Only when it has moved: whoever scrolls in the meantime is left alone."""
        here = (self._program, snapshot.state, snapshot.step, snapshot.position,
                self.follow.isChecked())
        if here != self._followed:
            self._followed = here
            if self.follow.isChecked() and snapshot.state != "running":
                self._scroll_to(snapshot.position)

    def _scroll_to(self, position: int) -> None:
        row = self.model.row_of(position)
        if row is not None:
            # A few lines ahead, to see what comes.
            ahead = [r for r in range(row, self.model.rowCount()) if not self.list.isRowHidden(r)]
            for shown in (*ahead[:4][-1:], row):
                self.list.scrollTo(self.model.index(shown, NODE),
                                   QAbstractItemView.ScrollHint.EnsureVisible)

    def _chosen(self, current: QModelIndex, _: QModelIndex) -> None:
        instruction = self.model.instruction_at(current.row())
        if instruction is not None and self.snapshot is not None:
            self._show_operands(self.snapshot)
            if instruction.node is not None:
                self.node_selected.emit(instruction.node)

    def _toggle_stop(self, index: QModelIndex) -> None:
        if index.column() == ARROW and self.model.rows[index.row()] >= 0:
            self.stop_toggled.emit(self.model.rows[index.row()])

    def _run_to(self, index: QModelIndex) -> None:
        if (instruction := self.model.rows[index.row()]) >= 0:
            # From now on the details are those of the instruction that comes next.
            self.list.setCurrentIndex(QModelIndex())
            self.run_to_requested.emit(instruction)

    def _show_operands(self, snapshot: Snapshot) -> None:
        instruction = self.chosen()
        text = "" if instruction is None else self._operand_html(instruction, snapshot)
        if text != self._shown_text:
            self._shown_text = text
            self.operands.setHtml(text)
            self.operands.setVisible(bool(text))

    def _operand_html(self, instruction: Instruction, snapshot: Snapshot) -> str:
        """The formula, then a paragraph per operand: arrays with values, then plain numbers."""
        faint, plain = theme().color("faint").name(), theme().color("text").name()
        lines = []
        for verb, names in (("reads", instruction.kernel.inputs),
                            ("writes", instruction.kernel.outputs)):
            for name in names:
                operand = instruction.operands[name]
                if isinstance(operand, Tensor):
                    values = snapshot.values.get(TensorProbe(operand.name, limit=8))
                    what = describe(values) if values is not None else ""
                    lines.append((verb, name, f"{operand.name} {show_shape(operand.shape)}", what))
        numbers = ", ".join(
            f"{name} {format_number(operand, 6)}" for name in instruction.kernel.operands
            if isinstance(operand := instruction.operands[name], int | float))
        rows = "".join(
            f"<br>{verb} {html.escape(name)}&nbsp; "
            f"<span style='color:{plain}'>{html.escape(tensor)}</span>&nbsp; {html.escape(what)}"
            for verb, name, tensor, what in lines)
        rows += f"<br>{html.escape(numbers)}" if numbers else ""
        family = mono_font().family()
        title = html.escape(self.model.operation(instruction))
        return (f"<div style='font-family:\"{family}\"; font-size:11px; color:{faint}'>"
                f"{title}&nbsp; "
                f"<span style='color:{plain}'>{html.escape(instruction.kernel.formula)}</span>"
                f"{rows}</div>")


__all__ = ["ListingView"]
