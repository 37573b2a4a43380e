"""From the machine's ring of buckets to the history, also when training goes back in time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.history import History

Bucket = NDArray[np.float32]


class Recorder:
    """Collects finished buckets after each call of the machine.

    ring (rows, 1 + 3 width) and per_bucket (1,) int64 are the arena's. What follows the columns
    in a row that is wider than they are is left out.
    """

    def __init__(self, ring: NDArray[np.float32], per_bucket: NDArray[np.int64],
                 columns: tuple[str, ...]) -> None:
        self._ring, self._per_bucket, self._columns = ring, per_bucket, columns
        width, each = (ring.shape[1] - 1) // 3, np.arange(len(columns))
        self._kept = np.concatenate([[0], *(1 + part * width + each for part in range(3))])
        """Where count, sums, lowest and highest lie in a row of the ring."""
        self.start(History(columns), 0)

    def start(self, history: History, step: int) -> None:
        """Record into this history from step `step` on (steps finished so far)."""
        self.history = history
        self._per_bucket[0] = history.per_bucket
        self._next = step // history.per_bucket
        self._empty_bucket(step)

    def inherit(self, old: Recorder) -> None:
        """Go on with what another recorder has, whose columns have other names.

        The ring itself lies in the arena, which goes along.
        """
        old.history.columns = self._columns
        self.history, self._next = old.history, old._next

    @property
    def most_steps(self) -> int:
        """Steps that the ring holds without losing a bucket."""
        return (len(self._ring) - 1) * self.history.per_bucket

    def collect(self, step: int) -> None:
        """Move the buckets that are finished after `step` steps to the history."""
        history = self.history
        while (ready := step // history.per_bucket - self._next) > 0:
            if history.room == 0:
                self._merge(step)
                continue
            buckets = np.arange(self._next, self._next + min(ready, history.room))
            history.extend(self._ring[buckets % len(self._ring)][:, self._kept],
                           (buckets + 1) * history.per_bucket)
            self._next += len(buckets)

    def mark(self, step: int) -> Bucket:
        """What the bucket of this step holds so far, for `rewind`."""
        bucket: Bucket = self._row(step)[self._kept]
        return bucket

    def rewind(self, step: int, mark: Bucket, per_bucket: int) -> None:
        """Return to a step; `mark` and `per_bucket` are of that moment.

        When buckets have merged since, what the open bucket held before is not known any more.
        """
        self.history.rewind(step)
        self._next = step // self.history.per_bucket
        self._empty_bucket(step)
        if per_bucket == self.history.per_bucket:
            self._row(step)[self._kept] = mark

    def _merge(self, step: int) -> None:
        """The history is full: merge its buckets, and those of the ring that wait."""
        history, old = self.history, self.history.per_bucket
        waiting = [self._ring[i % len(self._ring)][self._kept]
                   for i in range(self._next, -(-step // old))]
        left = history.merge()
        first = self._next
        self._per_bucket[0] = history.per_bucket
        self._next = (first * old) // history.per_bucket
        groups: dict[int, Bucket] = {}
        if left is not None:
            groups[self._next] = left
        for i, bucket in enumerate(waiting):
            group = (first + i) // 2
            groups[group] = self._combined(groups[group], bucket) if group in groups else bucket
        for group, bucket in groups.items():
            self._ring[group % len(self._ring)][self._kept] = bucket

    def _combined(self, a: Bucket, b: Bucket) -> Bucket:
        c = len(self._columns)
        return np.concatenate([
            a[:1 + c] + b[:1 + c], np.minimum(a[1 + c:1 + 2 * c], b[1 + c:1 + 2 * c]),
            np.maximum(a[1 + 2 * c:], b[1 + 2 * c:])])

    def _row(self, step: int) -> Bucket:
        """The row of the ring with the bucket of this step."""
        row: Bucket = self._ring[(step // self.history.per_bucket) % len(self._ring)]
        return row

    def _empty_bucket(self, step: int) -> None:
        """A bucket that begins in the middle: nothing counted, nothing lowest or highest yet."""
        c = len(self._columns)
        self._row(step)[self._kept] = np.repeat([0, np.inf, -np.inf], [1 + c, c, c])
