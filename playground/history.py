"""What was measured, step by step, in bounded memory.

A series is kept as buckets of equally many steps: mean, lowest and highest value of each. The
machine gathers a bucket while it runs (`kernels.statistics.record`). When the buckets are full,
neighbours merge and each holds twice as many steps from then on: the whole run stays visible, at
a resolution that no screen shows better. NaN and infinities are kept: a bucket that holds one
shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from playground.state import swapped

Floats = NDArray[np.float64]
BUCKETS = 2048


@dataclass(frozen=True, eq=False)
class HistoryView:
    """A history up to one moment; arrays are shared with later views and never change.

    step (n,): the last step of each bucket, counted from 1. values (3, n, columns): mean, lowest
    and highest value in the bucket; `mean`, `low` and `high` give copies of one column.
    """

    columns: tuple[str, ...]
    step: Floats
    values: NDArray[np.floating]
    validation_step: Floats
    validation_loss: Floats
    validation_metric: Floats

    def __len__(self) -> int:
        return len(self.step)

    def mean(self, column: str) -> Floats:
        return self._column(0, column)

    def low(self, column: str) -> Floats:
        return self._column(1, column)

    def high(self, column: str) -> Floats:
        return self._column(2, column)

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def _column(self, part: int, column: str) -> Floats:
        return self.values[part, :, self.columns.index(column)].astype(np.float64)

    def renamed(self, names: Mapping[str, str]) -> HistoryView:
        """The same history of a network whose nodes are called otherwise (old id -> new id)."""
        return replace(self, columns=tuple(swapped(column, names) for column in self.columns))


class History:
    """Grows with the training; `view` is cheap and may be read by other threads.

    Buckets are rows (count, sums, lowest, highest), as the machine records them.
    """

    def __init__(self, columns: Sequence[str], capacity: int = BUCKETS) -> None:
        self.columns = tuple(columns)
        self.per_bucket = 1
        self._capacity = capacity
        self._length = 0
        self._validation = np.zeros((0, 3))
        self._fresh_arrays()

    def extend(self, buckets: NDArray[np.float32], last_steps: NDArray[np.int64]) -> None:
        """Add finished buckets (n, 1 + 3 columns) that end with these steps (n,).

        There must be room for them: see `room`.
        """
        end, c = self._length + len(buckets), len(self.columns)
        with np.errstate(invalid="ignore", divide="ignore"):
            self._values[0, self._length:end] = buckets[:, 1:1 + c] / buckets[:, :1]
        self._values[1, self._length:end] = buckets[:, 1 + c:1 + 2 * c]
        self._values[2, self._length:end] = buckets[:, 1 + 2 * c:]
        self._count[self._length:end] = buckets[:, 0]
        self._step[self._length:end] = last_steps
        self._length = end

    @property
    def room(self) -> int:
        """Buckets that may still be added before `merge` is due."""
        return self._capacity - self._length

    def merge(self) -> NDArray[np.float32] | None:
        """Let each bucket hold twice as many steps; gives the last one if it is not full yet.

        It then counts as not added: the machine goes on filling it.
        """
        self.per_bucket *= 2
        n = self._length
        if n == 0:
            return None
        group = np.ceil(self._step[:n] / self.per_bucket)
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        m = len(starts)
        step, count, values = self._step[:n], self._count[:n], self._values[:, :n]
        # Into new arrays: earlier views keep the old ones.
        self._fresh_arrays()
        self._step[:m] = step[np.append(starts[1:], n) - 1]
        self._count[:m] = np.add.reduceat(count, starts)
        # Column by column: a copy of all of them would be one more array to find memory for.
        for i in range(len(self.columns)):
            self._values[0, :m, i] = np.add.reduceat(values[0, :, i] * count, starts) / (
                self._count[:m])
        np.minimum.reduceat(values[1], starts, out=self._values[1, :m])
        np.maximum.reduceat(values[2], starts, out=self._values[2, :m])
        self._length = m
        if self._step[m - 1] % self.per_bucket == 0:
            return None
        self._length = m - 1
        mean, low, high = self._values[:, m - 1]
        last = np.float32(self._count[m - 1])
        return np.concatenate([[last], mean * last, low, high])

    def append_validation(self, step: int, loss: float, metric: float) -> None:
        """Add what validating after so many steps gave; the last one of a step counts."""
        kept = self._validation[:np.searchsorted(self._validation[:, 0], step)]
        if len(kept) >= self._capacity:
            # Thin the older half; recent values stay complete.
            half = len(kept) // 2
            kept = np.concatenate([kept[:half:2], kept[half:]])
        self._validation = np.concatenate([kept, [(float(step), loss, metric)]])

    def view(self) -> HistoryView:
        n, v = self._length, self._validation
        return HistoryView(self.columns, self._step[:n], self._values[:, :n],
                           v[:, 0], v[:, 1], v[:, 2])

    def rewind(self, step: int) -> None:
        """Forget the buckets after step `step`; replaying brings them back."""
        self._length = int(np.searchsorted(self._step[:self._length], step, side="right"))
        # Later buckets must not be written into arrays that earlier views still show.
        old = self._step, self._count, self._values
        self._fresh_arrays()
        n = self._length
        self._step[:n], self._count[:n] = old[0][:n], old[1][:n]
        self._values[:, :n] = old[2][:, :n]

    def forget_validations_after(self, step: int) -> None:
        """A replay measures the same buckets again, but it does not validate."""
        self._validation = self._validation[
            :np.searchsorted(self._validation[:, 0], step, side="right")]

    def adopt(self, older: HistoryView) -> None:
        """Start with the buckets of another run (of a document, or before an edit).

        Columns that this run does not have are dropped, new ones are NaN until now.
        """
        n = min(len(older), self._capacity - 1)
        self._length = n
        self._validation = np.stack(
            [older.validation_step, older.validation_loss, older.validation_metric], axis=1)
        if n == 0:
            return
        self._step[:n] = older.step[-n:]
        self._count[:n] = np.diff(older.step[-n:], prepend=older.step[-n - 1] if n < len(older)
                                  else 0)
        self._values[:, :n] = np.nan
        for i, column in enumerate(self.columns):
            if column in older:
                with np.errstate(over="ignore"):
                    self._values[:, :n, i] = older.values[:, -n:, older.columns.index(column)]
        while self.per_bucket < np.median(self._count[:n]):
            self.per_bucket *= 2

    def _fresh_arrays(self) -> None:
        self._step, self._count = np.zeros(self._capacity), np.zeros(self._capacity)
        # In float32, as they were measured; steps need more digits than it has.
        self._values = np.zeros((3, self._capacity, len(self.columns)), np.float32)
