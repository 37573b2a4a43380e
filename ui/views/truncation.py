"""How far back gradients go through time: a slider for a recurrent layer's setting truncate."""

from __future__ import annotations

import time

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from ui.theme import ui_font

EVERY_MS = 120
"""Between two edits while the handle is dragged: each one compiles the network anew."""
PATIENCE = 2.0
"""Seconds that an edit may take to come back from the training thread."""


class Truncation(QWidget):
    """From cuts after every step, on the left, to none at all, on the right."""

    edited = Signal(int)
    """The new setting; 0 for no cuts."""
    finished = Signal()
    """The handle is let go: what follows is another edit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = _Slider(Qt.Orientation.Horizontal, self)
        self.slider.setFixedWidth(96)
        self.slider.setAccessibleName("Truncate the gradient after so many time steps")
        self.text = QLabel(self)
        self.text.setProperty("role", "secondary")
        self.text.setFont(ui_font(12))
        self.text.setFixedWidth(self.text.fontMetrics().horizontalAdvance("cut every 8,888") + 4)
        tip = ("Truncated backpropagation: gradients go back through so many time steps at most, "
               "in blocks. All the way to the right: through the whole sequence.")
        self.setToolTip(tip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.slider)
        row.addWidget(self.text)
        self._steps = 0
        self._sent: tuple[int, float] | None = None
        self._timer = QTimer(self, singleShot=True, interval=EVERY_MS)
        self._timer.timeout.connect(self._send)
        self.slider.valueChanged.connect(self._changed)
        self.slider.sliderReleased.connect(self._release)
        self.slider.left.connect(self._release)

    def show_setting(self, truncate: int, steps: int) -> None:
        """What is set now, of a sequence of so many steps; a drag goes its own way."""
        if self._sent is not None:
            value, when = self._sent
            if truncate != value and time.perf_counter() - when < PATIENCE:
                return
            self._sent = None
        if self.slider.isSliderDown() or self._timer.isActive():
            return
        with QSignalBlocker(self.slider):
            self._steps = max(1, steps)
            self.slider.setRange(1, self._steps)
            self.slider.setPageStep(max(1, self._steps // 10))
            self.slider.setValue(truncate or self._steps)
        self._tell()

    @property
    def setting(self) -> int:
        """What the handle stands for."""
        value = self.slider.value()
        return 0 if value >= self._steps else value

    # -- inside -------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._tell()
        if not self._timer.isActive():
            self._timer.start()

    def _send(self) -> None:
        self._sent = (self.setting, time.perf_counter())
        self.edited.emit(self.setting)

    def _release(self) -> None:
        if self._timer.isActive():
            self._timer.stop()
            self._send()
        self.finished.emit()

    def _tell(self) -> None:
        self.text.setText(f"cut every {self.setting:,}" if self.setting else "no cuts")


class _Slider(QSlider):
    """Says when the keyboard goes elsewhere."""

    left = Signal()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.left.emit()


__all__ = ["Truncation"]
