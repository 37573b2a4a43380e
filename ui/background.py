"""Work that takes longer than a frame, on a thread of its own: the window and training go on."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, QTimer, Signal

LOOK_MS = 33
REST = 1.0
"""Between two pieces the thread rests this many times as long as it has worked: at most half of a
core, whatever the work."""
LONGEST_REST = 0.1

Work = Callable[[], Iterator[object]]


class Background(QObject):
    """Does one piece of work at a time; a new one takes the place of the one before.

    The work is a generator. What it yields comes as `came`, the newest one only; then `ended`.
    It must not touch widgets. pace: seconds from one piece to the next at least, for what one
    wants to see happen.
    """

    came = Signal(object)
    ended = Signal()

    def __init__(self, parent: QObject | None = None, pace: float = 0.0) -> None:
        super().__init__(parent)
        self._pace = pace
        self._task: _Task | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def busy(self) -> bool:
        return self._task is not None

    def start(self, work: Work, patience: float = 0.0) -> None:
        """Begin this, and forget what was being done.

        What is over within `patience` seconds is told before this returns.
        """
        self.stop()
        self._task = _Task(work, self._pace)
        self._timer.start()
        if patience:
            self._task.thread.join(patience)
            self._look()

    def wait(self) -> None:
        """Until it is over; what it gives still comes as ever."""
        if self._task is not None:
            self._task.thread.join()

    def stop(self) -> None:
        """The thread ends after the piece at hand; nothing of it comes any more."""
        if self._task is not None:
            self._task.unwanted.set()
        self._task = None
        self._timer.stop()

    def _look(self) -> None:
        task = self._task
        if task is None:
            return
        over = not task.thread.is_alive()  # Asked first: what comes last must not be missed.
        if task.made:
            self.came.emit(task.made.pop())
        if task is self._task and over:
            self._task = None
            self._timer.stop()
            if task.error is not None:
                sys.excepthook(type(task.error), task.error, task.error.__traceback__)
            self.ended.emit()


class _Task:
    """The thread's side: it knows nothing of Qt."""

    def __init__(self, work: Work, pace: float) -> None:
        self.made: deque[object] = deque(maxlen=1)
        self.unwanted = threading.Event()
        self.error: Exception | None = None
        self._work, self._pace = work, pace
        self.thread = threading.Thread(target=self._run, name="background", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        began = time.perf_counter()
        try:
            for piece in self._work():
                self.made.append(piece)
                took = time.perf_counter() - began
                if self.unwanted.wait(max(self._pace - took, min(LONGEST_REST, REST * took))):
                    return
                began = time.perf_counter()
        except Exception as error:  # It must reach the user, whatever it is.
            self.error = error
