"""Words that lie over the canvas: a passing message, and what to do while it is empty."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from ui.theme import theme, ui_font

WIDTH = 460
READING = 60
"""Milliseconds per letter."""
MARKS = {"healthy": "✓", "warning": "!", "error": "✕"}


class Message(QLabel):
    """A short sentence at the foot of the canvas, with a mark beside the colour of its state."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._canvas = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setWordWrap(True)
        self.setFont(ui_font(12))
        self.setAccessibleName("Canvas message")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def show_text(self, text: str, state: str = "", lasting: bool = False) -> None:
        """Show a sentence, as long as it takes to read it or until the next; "" hides it."""
        self._timer.stop()
        if text and not lasting:
            self._timer.start(2000 + READING * len(text))
        if not text:
            self.hide()
            return
        look = theme()
        color = look.text(state, "inset") if state else look.color("text")
        border = look.color(state) if state else look.color("line_strong")
        self.setStyleSheet(
            f"color: {color.name()}; background: {look.color('inset').name()}; "
            f"border: 1px solid {border.name()}; border-radius: 6px; padding: 6px 12px;")
        mark = MARKS.get(state, "")
        self.setText(f"{mark}  {text}" if mark else text)
        self.setAccessibleDescription(text)
        self.place()
        self.show()
        self.raise_()

    def place(self) -> None:
        self.setWordWrap(False)
        width = min(self.sizeHint().width(), WIDTH, self._canvas.width() - 32)
        self.setWordWrap(True)
        height = self.heightForWidth(width)
        self.setGeometry((self._canvas.width() - width) // 2,
                         self._canvas.height() - height - 16, width, height)


class EmptyHint(QWidget):
    """What to do with an empty canvas."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._canvas = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._title = QLabel("Drag a layer here, or open an example", self)
        self._title.setFont(ui_font(16))
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._keys = QLabel("Press / to search the layers, Enter to add one", self)
        self._keys.setFont(ui_font(12))
        self._keys.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box = QVBoxLayout(self)
        box.setSpacing(8)
        box.addWidget(self._title)
        box.addWidget(self._keys)
        theme().changed.connect(self._color)
        self._color()

    def place(self) -> None:
        self.adjustSize()
        self.move((self._canvas.width() - self.width()) // 2,
                  (self._canvas.height() - self.height()) // 2)

    def _color(self) -> None:
        self._title.setStyleSheet(f"color: {theme().color('secondary').name()};")
        self._keys.setStyleSheet(f"color: {theme().color('faint').name()};")
