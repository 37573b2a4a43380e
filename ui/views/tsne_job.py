"""t-SNE beside the window: a thread that tells how far it is and can be stopped."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from playground.representation import tsne

Floats = NDArray[np.float32]


class TsneJob(QObject):
    """One run over values (n, ...). Signals reach the thread of the window.

    It has no parent: its thread keeps it alive, whatever becomes of the view that started it.
    """

    moved = Signal(object, float, object)
    """This job, the share that is done, and the points (n, 2) so far."""
    ended = Signal(object, object, str)
    """This job with its points, or with None: then a sentence, or "" when it was stopped."""

    def __init__(self, values: Floats) -> None:
        super().__init__()
        self._values = values
        self._stopped = threading.Event()
        self.thread_ = threading.Thread(target=self._work, name="t-SNE", daemon=True)

    def start(self) -> None:
        self.thread_.start()

    def stop(self) -> None:
        """It ends at its next report, a moment later, and says nothing more."""
        self._stopped.set()

    def _work(self) -> None:
        try:
            points, sentence = tsne(self._values, self._report), ""
        except ValueError as error:
            points, sentence = None, str(error)
        except ImportError:
            points, sentence = None, ("t-SNE needs the package openTSNE, which is not installed. "
                                      "Install it with pip install openTSNE.")
        if not self._stopped.is_set():
            self.ended.emit(self, points, sentence)

    def _report(self, share: float, points: Floats) -> bool:
        if self._stopped.is_set():
            return False
        self.moved.emit(self, share, points)
        return True


__all__ = ["TsneJob"]
