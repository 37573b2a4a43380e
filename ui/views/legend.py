"""A legend that wraps: names with their line's colour, to point at and to click."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QLayout, QLayoutItem, QSizePolicy, QWidget

from ui.theme import SERIES, mix, theme, ui_font

MOST_NAMES = len(SERIES)
"""More lines than this are told by a ramp from the first to the last node: their colours are one,
and their names would push the plot out of its panel."""


def line_places(names: Sequence[str], before: Mapping[str, int]) -> dict[str, int]:
    """A colour's number for each name: one that had a colour keeps it."""
    kept = {name: before[name] for name in names if before.get(name, len(SERIES)) < len(SERIES)}
    free = (i for i in count() if i not in kept.values())
    return {name: kept[name] if name in kept else next(free) for name in names}


def line_colors(places: Sequence[int]) -> list[QColor]:
    """Colours of lines in network order: distinct ones, or a ramp where there are too many."""
    total = len(places)
    if total <= len(SERIES):
        return [theme().series(i) for i in places]
    stops = [QColor(c) for c in ("#4c9aff", "#8f7bf0", "#e8718a", "#f2a541")]
    colors = []
    for i in range(total):
        place = i / (total - 1) * (len(stops) - 1)
        first = min(int(place), len(stops) - 2)
        colors.append(mix(stops[first], stops[first + 1], place - first))
    return colors


class FlowLayout(QLayout):
    """Left to right, and on to the next row."""

    def __init__(self, parent: QWidget | None = None, gap: int = 4) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._gap = gap

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._place(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._place(rect, move=True)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        widest = max((item.sizeHint().width() for item in self._items), default=0)
        return QSize(widest, 0)

    def _place(self, rect: QRect, move: bool) -> int:
        margins = self.contentsMargins()
        inner = rect.marginsRemoved(margins)
        x, y, row = inner.x(), inner.y(), 0
        for item in self._items:
            size = item.sizeHint()
            if x > inner.x() and x + size.width() > inner.right() + 1:
                x, y, row = inner.x(), y + row + self._gap, 0
            if move:
                item.setGeometry(QRect(QPoint(x, y), size))
            x += size.width() + self._gap
            row = max(row, size.height())
        return y + row - rect.y() + margins.bottom()


class Entry(QAbstractButton):
    """A dot or a dash in a line's colour, and its name."""

    pointed = Signal(bool)

    def __init__(self, name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(name)
        self.setFont(ui_font(11))
        self.setToolTip(tip)
        self.setAccessibleName(name)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.color = QColor()
        self.strong = False

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 22, 16)

    def enterEvent(self, event: QEnterEvent) -> None:
        self.pointed.emit(True)

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.color)
        painter.drawEllipse(QRect(2, 4, 8, 8))
        strong = self.strong or self.underMouse() or self.hasFocus()
        painter.setPen(theme().color("text" if strong else "secondary"))
        painter.drawText(self.rect().adjusted(15, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter,
                         self.text())


class Ramp(QWidget):
    """Too many lines to name: the first and the last, and the colours between."""

    def __init__(self, first: str, last: str, colors: Sequence[QColor],
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ends, self._colors = (first, last), list(colors)
        self.setFont(ui_font(11))
        self.setAccessibleName(f"Colours from {first} to {last}")
        self.setToolTip("The lines in network order; point at one to see its name")

    def sizeHint(self) -> QSize:
        text = sum(self.fontMetrics().horizontalAdvance(end) for end in self._ends)
        return QSize(text + 4 * len(self._colors) + 24, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme().color("secondary"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, self._ends[0])
        x = self.fontMetrics().horizontalAdvance(self._ends[0]) + 8
        for color in self._colors:
            painter.fillRect(x, 5, 3, 6, color)
            x += 4
        painter.drawText(self.rect().adjusted(x + 4, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter,
                         self._ends[1])


class Legend(QWidget):
    """Entries for named lines."""

    pointed = Signal(str)
    """The name under the mouse, "" when it leaves."""
    clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None,
                 tip: str = "{}: click to select the node") -> None:
        super().__init__(parent)
        self._tip = tip
        self.names: tuple[str, ...] = ()
        self.entries: dict[str, Entry] = {}
        self._layout = FlowLayout(self)
        self._layout.setContentsMargins(12, 2, 12, 8)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_names(self, names: Sequence[str], extra: Sequence[tuple[str, QColor]] = (),
                   of_names: Sequence[QColor] | None = None) -> None:
        """One entry per name, coloured in order or as said; then the `extra` entries."""
        in_order = line_colors(range(len(names))) if of_names is None else of_names
        colors = dict(zip(names, in_order, strict=True)) | dict(extra)
        everything = tuple(colors)
        if everything != self.names:
            self.names = everything
            self._rebuild(tuple(names), tuple(name for name, _ in extra), colors)
        for name, entry in self.entries.items():
            entry.color = colors[name]
        self.update()

    def emphasize(self, name: str) -> None:
        for other, entry in self.entries.items():
            entry.strong = other == name
            entry.update()

    def _rebuild(self, names: tuple[str, ...], extra: tuple[str, ...],
                 colors: dict[str, QColor]) -> None:
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.entries = {}
        if len(names) > MOST_NAMES:
            ramp = Ramp(names[0], names[-1], [colors[name] for name in names], self)
            self._layout.addWidget(ramp)
            ramp.show()
            names = ()
        for name in (*names, *extra):
            entry = Entry(name, self._tip.format(name), self)
            entry.pointed.connect(
                lambda inside, name=name: self.pointed.emit(name if inside else ""))
            entry.clicked.connect(lambda _=False, name=name: self.clicked.emit(name))
            self._layout.addWidget(entry)
            entry.show()
            self.entries[name] = entry
        self.updateGeometry()


__all__ = ["MOST_NAMES", "Entry", "FlowLayout", "Legend", "line_colors", "line_places"]
