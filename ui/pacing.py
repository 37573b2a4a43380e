"""How fast one watches: the user's own speed, or that of the open example.

The speed belongs to the window and not to the document: it changes nothing about what is learned.
"""

from __future__ import annotations

from PySide6.QtCore import QObject

from ui.files import Files
from ui.preferences import Preferences
from ui.training_bar import SpeedSlider


class Pacing(QObject):
    """Remembers what the user has set, from document to document and from run to run. An example's
    speed, and what is made of it while that is open, goes with the example."""

    def __init__(self, slider: SpeedSlider, preferences: Preferences, files: Files) -> None:
        super().__init__(files)
        self._slider, self._preferences = slider, preferences
        self._brought = False
        slider.chosen.connect(self._keep)
        files.opened.connect(self.open)
        files.paced.connect(self.open)
        self.open()

    def open(self, speed: float | None = None) -> None:
        """Another document is open, which may bring a speed to be watched at."""
        self._brought = speed is not None
        self._slider.set_speed(speed if self._brought else self._preferences.speed)

    def _keep(self, speed: float | None) -> None:
        if not self._brought:
            self._preferences.speed = speed
