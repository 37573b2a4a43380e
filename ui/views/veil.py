"""A veil over numbers and pictures that are of another network than the one that is drawn."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from ui.theme import theme, ui_font

SENTENCE = "Of the network before the change"
COVER = 0.72
HEIGHT, MARGIN = 26, 14


class Veil(QWidget):
    """Covers its parent while it is shown; what lies below can still be used."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(SENTENCE)
        self._over = over
        self.hide()
        over.installEventFilter(self)

    def cover(self, on: bool) -> None:
        self.resize(self._over.size())
        self.setVisible(on)
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.resize(self._over.size())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        color = theme().color
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), color("panel", COVER))
        painter.setFont(ui_font(12))
        width = painter.fontMetrics().horizontalAdvance(SENTENCE) + 2 * MARGIN
        chip = QRectF((self.width() - width) / 2, (self.height() - HEIGHT) / 2, width, HEIGHT)
        painter.setPen(color("line_strong"))
        painter.setBrush(color("panel"))
        painter.drawRoundedRect(chip, HEIGHT / 2, HEIGHT / 2)
        painter.setPen(color("secondary"))
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, SENTENCE)
        painter.end()
