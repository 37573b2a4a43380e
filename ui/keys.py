"""Keys that mean something to what has the focus are not shortcuts of the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QWidget,
)


class KeyGuard(QObject):
    """Space presses a focused button and letters search a list, although the window has
    shortcuts for them. Text fields look after themselves.

    It listens to the widget with the focus only: a filter on the application would bring every
    event of every widget to Python.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._follow)
        self._follow(None, app.focusWidget())

    def _follow(self, old: QWidget | None, new: QWidget | None) -> None:
        if old is not None:
            old.removeEventFilter(self)
        if new is not None:
            new.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
                and keeps(watched, event)):
            event.accept()
            return True
        return False


def keeps(widget: QObject, event: QKeyEvent) -> bool:
    """Whether a widget has its own use for a key."""
    plain = not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
    if not plain:
        return False
    space = event.key() == Qt.Key.Key_Space
    if isinstance(widget, QAbstractButton):
        return space
    if isinstance(widget, QComboBox):
        return space or event.text().isalnum()
    return isinstance(widget, QAbstractItemView) and event.text().isalnum()
