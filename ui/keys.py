"""Keys that mean something to what has the focus are not shortcuts of the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QWidget,
)


class KeyGuard(QObject):
    """Space presses a focused button and letters search a list, although the window has
    shortcuts for them. Text fields look after themselves, but for undo: it is the document's
    where the text has nothing to undo.

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
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
            return False
        is_kept, is_left = keeps(watched, event), leaves(watched, event)
        event.setAccepted(is_kept)
        return is_kept or is_left


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


def leaves(widget: QObject, event: QKeyEvent) -> bool:
    """Whether a text field would keep undo or redo although its text has nothing for it."""
    line = widget.lineEdit() if isinstance(widget, QAbstractSpinBox) else widget
    if not isinstance(line, QLineEdit):
        return False
    if event.matches(QKeySequence.StandardKey.Undo):
        return not (line.isModified() and line.isUndoAvailable())
    return event.matches(QKeySequence.StandardKey.Redo) and not (
        line.isModified() and line.isRedoAvailable())
