"""One save: what is to be written, and waiting for it without a window that stands still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from playground import document as store
from playground.graph import Graph
from playground.question import Question
from ui.patience import begun

if TYPE_CHECKING:
    from playground.history import HistoryView
    from playground.state import SavedState

LIMIT = 600.0
"""Seconds that the network is waited for: for a compilation, or the end of a long step."""
LOOK_MS = 100


@dataclass
class Saving:
    """The work of writing a document as it is now: waiting for the network, then for the disk."""

    path: Path
    graph: Graph
    picture: bytes
    asked: Question[tuple[SavedState, HistoryView | None] | None]
    step: int = 0
    """Of what was written, once it is."""

    def ready(self) -> Callable[[], None]:
        """Wait for the network, in a thread that may; what is left to do is for the disk.

        Raises TimeoutError, and CancelledError where it was given up; what it gives raises
        DocumentError.
        """
        state, history = self.asked.wait(LIMIT) or (None, None)
        self.step = state.step if state is not None else 0
        return partial(store.save, self.path, self.graph, state, history, self.picture)

    def give_up(self) -> None:
        """Write nothing, if the network has not answered yet."""
        self.asked.give_up()


class SavingWindow(QDialog):
    """What a save waits for, and Cancel; nothing can be edited meanwhile. It closes by itself."""

    _done = Signal()

    def __init__(self, saving: Saving, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Saving")
        self._saving = saving
        self._error: Exception | None = None
        self.text = QLabel(f"The network is busy. {saving.path.name} will be saved at the end of "
                           "the step or compilation that runs.")
        self.text.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.cancel = buttons.button(QDialogButtonBox.StandardButton.Cancel)
        self.cancel.setToolTip("Do not save now")
        self.cancel.setAutoDefault(False)  # Enter is no wish to cancel
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(16)
        column.addWidget(self.text)
        column.addWidget(buttons)
        self.setMinimumWidth(380)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()
        self._done.connect(self.accept, Qt.ConnectionType.QueuedConnection)

    def finish(self) -> None:
        """Save. Returns when it is done, or raises what kept it from being done.

        Nothing of it is left then: its parent would keep it, and with it the whole state.
        """
        try:
            thread = begun(self._work, "saving")
            if thread.is_alive():
                self._look()  # so that its first words are true already
                self.exec()
            thread.join()
            if self._error is not None:
                raise self._error
        finally:
            self._timer.stop()
            del self._saving
            self.deleteLater()

    def reject(self) -> None:
        """Cancelled, or Escape: it closes when the thread has heard of it."""
        self._saving.give_up()
        self.cancel.setEnabled(False)

    def _look(self) -> None:
        """From the answer on it is the disk that is waited for."""
        if self._saving.asked.done and self.cancel.isEnabled():
            self.text.setText(f"{self._saving.path.name} is being written.")
            self.cancel.setEnabled(False)
            self._timer.stop()

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self.reject()

    def _work(self) -> None:
        try:
            self._saving.ready()()
        except Exception as error:  # raised again where it was asked for
            self._error = error
        self._done.emit()
