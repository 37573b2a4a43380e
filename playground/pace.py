"""How fast training may go, and how far."""

from __future__ import annotations

import time


class Pace:
    """A limit of steps per second, and the step at which to stop; None where there is none.

    burst: seconds of the limit that may be made up for at once, after other work.
    """

    def __init__(self, burst: float) -> None:
        self._burst = burst
        self._speed: float | None = None
        self._goal: int | None = None
        self._owed = 0.0
        self._asked = 0.0

    def set_speed(self, steps_per_second: float | None) -> None:
        """Go no faster than this."""
        self._speed, self._owed = steps_per_second, 0.0

    def start(self, goal: int | None) -> None:
        """Begin to count the time now; stop after step `goal`."""
        self._goal, self._asked = goal, time.perf_counter()

    def is_reached(self, step: int) -> bool:
        """Whether training that has finished so many steps is where it should stop."""
        return self._goal is not None and step >= self._goal

    def allowance(self, step: int) -> int | None:
        """The most steps to run now, after `step`."""
        now = time.perf_counter()
        elapsed, self._asked = now - self._asked, now
        left = None if self._goal is None else self._goal - step
        if self._speed is None:
            return left
        self._owed = min(self._owed + elapsed * self._speed, max(1.0, self._speed * self._burst))
        allowed = int(self._owed)
        allowed = allowed if left is None else min(allowed, left)
        self._owed -= allowed
        return allowed
