"""An array as a table: every number can be looked at; only the visible ones become text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from ui.theme import mono_font, theme, ui_font
from ui.views.numbers import format_number

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
ALIGN = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class ArrayModel(QAbstractTableModel):
    """The last axis runs across; all other axes run down."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.shape: tuple[int, ...] = (0,)
        self._rows: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def show_array(self, values: NDArray[np.float32]) -> None:
        """New numbers of the same shape only repaint what is seen."""
        rows = values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)
        if values.shape == self.shape and rows.shape == self._rows.shape:
            self._rows = rows
            if rows.size:
                self.dataChanged.emit(self.index(0, 0), self.index(
                    rows.shape[0] - 1, rows.shape[1] - 1), [Role.DisplayRole])
            return
        self.beginResetModel()
        self.shape, self._rows = values.shape, rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self._rows.shape[0]

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self._rows.shape[1]

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        value = float(self._rows[index.row(), index.column()])
        if role == Role.DisplayRole:
            return format_number(value, 4)
        if role == Role.ToolTipRole:
            return f"{self._place(index.row())[:-1]}, {index.column()}] = {value!r}"
        if role == Role.TextAlignmentRole:
            return ALIGN
        if role == Role.ForegroundRole and not np.isfinite(value):
            return theme().text("error")
        return None

    def headerData(
            self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if role != Role.DisplayRole:
            return None
        return str(section) if orientation == Qt.Orientation.Horizontal else self._place(section)

    def _place(self, row: int) -> str:
        """The leading indices of a row: [3, 0]."""
        if len(self.shape) < 2:
            return "[0]"
        return f"[{', '.join(str(i) for i in np.unravel_index(row, self.shape[:-1]))}]"


def number_table(name: str, parent: QWidget | None = None) -> QTableView:
    """A dense table for numbers."""
    table = QTableView(parent)
    table.setAccessibleName(name)
    table.setFont(mono_font(11))
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    for header, size in ((table.horizontalHeader(), 74), (table.verticalHeader(), 20)):
        header.setFont(ui_font(11))
        # Fixed sizes: measuring the content would format every number of a large array.
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(16)
        header.setDefaultSectionSize(size)
    return table


__all__ = ["ArrayModel", "number_table"]
