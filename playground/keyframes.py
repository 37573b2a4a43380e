"""Moments to return to: copies of the state, dense for the recent past and sparse before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.progress import Progress

MOST, LEAST = 48, 3
MOST_BYTES = 192 << 20
"""Where more than LEAST frames would need more, there are fewer."""
COPIED = 1 << 24
"""Numbers that are copied between two reports."""


@dataclass(frozen=True, eq=False)
class Keyframe:
    """The state before step `step` (steps finished so far)."""

    step: int
    state: NDArray[np.float32]
    bucket: NDArray[np.float32]
    """What was recorded so far in the bucket of this step."""
    per_bucket: int
    row: NDArray[np.float32]
    """What was measured last."""


class Keyframes:
    """Kept in order of steps. The first is never dropped: one can always go back to the start."""

    def __init__(self) -> None:
        self._frames: list[Keyframe] = []
        self._spare: list[NDArray[np.float32]] = []
        """The memory of frames that went: to get as much anew takes longer than to fill it."""

    def add(self, step: int, state: NDArray[np.float32], row: NDArray[np.float32],
            bucket: NDArray[np.float32], per_bucket: int, progress: Progress | None = None) -> None:
        """Keep a copy of the state before a step, and of what was measured in the last one."""
        self.forget_after(step - 1)
        kept = self._spare.pop() if self._spare else np.empty_like(state)
        for start in range(0, len(state), COPIED):
            if progress and start:
                progress(f"The state is kept, to step back to: {start / len(state):.0%}")
            kept[start:start + COPIED] = state[start:start + COPIED]
        self._frames.append(Keyframe(step, kept, bucket, per_bucket, row.copy()))
        most = max(LEAST, min(MOST, MOST_BYTES // max(1, state.nbytes)))
        if len(self._frames) > most:
            # Every second one of the older half goes: the further back, the longer the replay.
            half = len(self._frames) // 2
            self._spare += [frame.state for frame in self._frames[1:half:2]]
            del self._frames[1:half:2]

    def before(self, step: int) -> Keyframe | None:
        """The last one from which `step` can be reached by going on."""
        return next((f for f in reversed(self._frames) if f.step <= step), None)

    def forget_after(self, step: int) -> None:
        while self._frames and self._frames[-1].step > step:
            self._spare.append(self._frames.pop().state)

    @property
    def first_step(self) -> int | None:
        return self._frames[0].step if self._frames else None

    @property
    def last_step(self) -> int | None:
        return self._frames[-1].step if self._frames else None
