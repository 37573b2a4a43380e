"""The box of the panels for a small whole number."""

from __future__ import annotations

from PySide6.QtWidgets import QSpinBox, QWidget


class Spin(QSpinBox):
    """Its text keeps off the frame, which a style sheet cannot see to."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lineEdit().setTextMargins(6, 0, 0, 0)


__all__ = ["Spin"]
