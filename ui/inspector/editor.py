"""What the widgets for settings have in common: one per type of setting, in the files beside it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.inspector.fields import Field


class Editor(QWidget):
    """The base: `set_value` shows, `edited` tells."""

    edited = Signal(object)
    """A new value, good by the editor's own limits."""
    problem_changed = Signal(str)
    """A sentence about what was typed; empty when it is fine again."""
    finished = Signal()
    """The gesture is over: the next edit is an undo entry of its own."""
    wide = False
    """Takes the whole width of the form, and has a title of its own."""
    long = False
    """Stands below its title: what it shows needs the whole width."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field

    def set_value(self, value: Any) -> None:
        raise AssertionError(f"{type(self).__name__} shows no value")

    def _row(self, *widgets: QWidget, spacing: int = 4) -> QHBoxLayout:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(spacing)
        for widget in widgets:
            row.addWidget(widget)
        self.setFocusProxy(widgets[0])
        return row

    def _describe(self, widget: QWidget, more: str = "", name: str = "") -> None:
        """Tooltip and accessible name of one part."""
        tip = "\n".join(text for text in (self.field.help, more) if text)
        widget.setToolTip(tip or self.field.title)
        widget.setAccessibleName(name or self.field.title)
        widget.setAccessibleDescription(tip)
