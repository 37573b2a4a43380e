"""How fast training goes, for the display."""

from __future__ import annotations

import time


class Rate:
    """Steps per second over the last second or so."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self._marks: list[tuple[float, int]] = [(time.perf_counter(), 0)]

    def add(self, steps: int) -> None:
        now = time.perf_counter()
        self._marks.append((now, self._marks[-1][1] + steps))
        while len(self._marks) > 2 and now - self._marks[0][0] > 1.0:
            self._marks.pop(0)

    def value(self) -> float:
        (t0, n0), (t1, n1) = self._marks[0], self._marks[-1]
        return (n1 - n0) / (t1 - t0) if t1 > t0 else 0.0
