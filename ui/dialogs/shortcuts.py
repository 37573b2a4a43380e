"""All keys on one page."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

Section = tuple[str, list[tuple[str, str]]]

CANVAS: Section = ("Canvas", [
    ("Drag from a port", "Connect; a taken input changes its source"),
    ("Drag off an input", "Lead the connection elsewhere, or take it away"),
    ("Drag a layer onto a connection", "Put it in between"),
    ("Shift + click", "Select one more, or one less"),
    ("Drag on empty ground", "Select with a frame"),
    ("Space + drag, or middle button", "Move the view"),
    ("Wheel", "Zoom"),
    ("Tab, arrow keys", "Next node, neighbouring node"),
    ("Alt + arrow keys", "Move the selected nodes"),
    ("Enter", "Settings of the selected node"),
    ("Double-click on a folded node", "Unfold it"),
    ("/", "Search the palette"),
    ("Escape", "Let go, select nothing"),
])


class ShortcutsDialog(QDialog):
    """Two columns of keys and what they do."""

    def __init__(self, sections: list[Section], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setAccessibleName("All keys")
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 20, 24, 24)
        row.setSpacing(40)
        halves: list[list[Section]] = [[], []]
        for section in sorted(sections, key=_lines, reverse=True):
            # The shorter column takes the next section, the longest first: so they come out even.
            min(halves, key=lambda half: sum(map(_lines, half))).append(section)
        for half in halves:
            half.sort(key=sections.index)
            column = QVBoxLayout()
            column.setSpacing(16)
            for title, keys in half:
                column.addLayout(_section(title, keys))
            column.addStretch(1)
            row.addLayout(column)


def _lines(section: Section) -> int:
    """What it takes of a column."""
    return len(section[1]) + 2


def _section(title: str, keys: list[tuple[str, str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(24)
    grid.setVerticalSpacing(5)
    heading = QLabel(title)
    heading.setProperty("role", "title")
    grid.addWidget(heading, 0, 0, 1, 2)
    for line, (key, what) in enumerate(keys, 1):
        name, meaning = QLabel(key), QLabel(what)
        meaning.setProperty("role", "secondary")
        grid.addWidget(meaning, line, 0)
        grid.addWidget(name, line, 1, Qt.AlignmentFlag.AlignRight)
    grid.setColumnStretch(0, 1)
    return grid
