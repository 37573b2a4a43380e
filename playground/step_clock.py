"""How long a training step takes."""

from __future__ import annotations


class StepClock:
    """A running average over finished steps, of the machine's time alone.

    The first step finds everything cold, and takes many times as long: it counts only until another
    one is known.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        """Per step; 0 before the first one is through."""
        self._noted = 0
        self._ran, self._since = 0, 0.0
        """Instructions since the last finished step, and their seconds."""

    def note(self, ran: int, seconds: float, finished: int, length: int) -> None:
        """So many instructions took so long, and so many steps of `length` ended with them."""
        self._ran, self._since = self._ran + ran, self._since + seconds
        if finished:
            new = self._since * length / self._ran
            self.seconds = 0.7 * self.seconds + 0.3 * new if self._noted > 1 else new
            self._noted += 1
            self._ran, self._since = 0, 0.0

    def steps_in(self, seconds: float) -> float:
        """How many steps take so long; 1 where that is not known."""
        return seconds / self.seconds if self.seconds else 1
