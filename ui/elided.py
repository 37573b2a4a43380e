"""Text that never asks for more room than there is."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy


class Elided(QLabel):
    """Text that ends in dots where room is short, and is whole in its tooltip."""

    def __init__(self, role: str = "") -> None:
        super().__init__()
        self.whole = ""
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def show_text(self, text: str) -> None:
        self.whole = text
        self.setAccessibleName(text)
        self.setToolTip(text)
        self.updateGeometry()
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.whole) + self._frame(),
                     super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def _frame(self) -> int:
        """What stands around the text, and a little for rounding."""
        return super().sizeHint().width() - self.fontMetrics().horizontalAdvance(self.text()) + 4

    def _fit(self) -> None:
        self.setText(self.fontMetrics().elidedText(
            self.whole, Qt.TextElideMode.ElideRight, max(self.width() - self._frame() + 4, 8)))
