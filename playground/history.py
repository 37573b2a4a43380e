"""What was measured, step by step, in bounded memory.

A series is kept as buckets of equally many steps: mean, lowest and highest value of each. When
the buckets are full, neighbours merge and each holds twice as many steps from then on: the whole
run stays visible, at a resolution that no screen shows better. NaN and infinities are kept: a
bucket that holds one shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BUCKETS = 4096


@dataclass(frozen=True, eq=False)
class HistoryView:
    """A history up to one moment; arrays are shared with later views and never change.

    step (n,): the last step of each bucket, counted from 1. values (3, n, columns): mean, lowest
    and highest value in the bucket.
    """

    columns: tuple[str, ...]
    step: Floats
    values: Floats
    validation_step: Floats
    validation_loss: Floats
    validation_metric: Floats

    def __len__(self) -> int:
        return len(self.step)

    def mean(self, column: str) -> Floats:
        return self.values[0, :, self.columns.index(column)]

    def low(self, column: str) -> Floats:
        return self.values[1, :, self.columns.index(column)]

    def high(self, column: str) -> Floats:
        return self.values[2, :, self.columns.index(column)]

    def __contains__(self, column: object) -> bool:
        return column in self.columns


@dataclass(frozen=True, eq=False)
class HistoryMark:
    """A moment to which a history can return."""

    step: int
    open_bucket: Floats
    open_count: int
    per_bucket: int


class History:
    """Grows with the training; `view` is cheap and may be read by other threads."""

    def __init__(self, columns: Sequence[str], capacity: int = BUCKETS) -> None:
        self.columns = tuple(columns)
        self._capacity = capacity
        self._per_bucket = 1
        self._length = 0
        self._step = np.zeros(capacity)
        self._values = np.zeros((3, capacity, len(self.columns)))
        self._open = np.zeros((3, len(self.columns)))
        self._open_count = 0
        self._last_step = 0
        self._validation: list[tuple[float, float, float]] = []
        self._validation_arrays = np.zeros((0, 3))

    def append(self, rows: NDArray[np.float32], last_step: int) -> None:
        """Add rows (steps, columns) that end with step `last_step` (counted from 1)."""
        rows = rows.astype(np.float64)
        step = last_step - len(rows)
        while len(rows):
            take = min(self._per_bucket - self._open_count, len(rows))
            part, rows = rows[:take], rows[take:]
            step += take
            # Whole buckets at once: the common case while many steps share one bucket.
            self._add(part.sum(axis=0), part.min(axis=0), part.max(axis=0), take, step)
        self._last_step = last_step

    def append_validation(self, step: int, loss: float, metric: float) -> None:
        if len(self._validation) >= self._capacity:
            # Thin the older half; recent values stay complete.
            half = self._capacity // 2
            self._validation[:half] = self._validation[:half:2]
        self._validation.append((float(step), loss, metric))
        self._validation_arrays = np.array(self._validation)

    def view(self) -> HistoryView:
        n = self._length
        v = self._validation_arrays
        return HistoryView(self.columns, self._step[:n], self._values[:, :n],
                           v[:, 0], v[:, 1], v[:, 2])

    def mark(self) -> HistoryMark:
        return HistoryMark(self._last_step, self._open.copy(), self._open_count,
                           self._per_bucket)

    def rewind(self, mark: HistoryMark) -> None:
        """Forget all that came after the mark.

        When buckets have merged since, the bucket that the mark falls into is forgotten whole.
        """
        self._length = int(np.searchsorted(self._step[:self._length], mark.step, side="right"))
        same = mark.per_bucket == self._per_bucket
        self._open = mark.open_bucket.copy() if same else np.zeros_like(self._open)
        self._open_count = mark.open_count if same else 0
        self._last_step = mark.step
        # Later views must not write into arrays that earlier views still show.
        self._step, self._values = self._step.copy(), self._values.copy()
        self._validation = [v for v in self._validation if v[0] <= mark.step]
        self._validation_arrays = np.array(self._validation).reshape(-1, 3)

    def adopt(self, older: HistoryView) -> None:
        """Start with the buckets of another run (of a document, or before an edit).

        Columns that this run does not have are dropped, new ones are NaN until now.
        """
        n = min(len(older), self._capacity)
        self._step[:n] = older.step[-n:] if n else 0
        self._values[:, :n] = np.nan
        for i, column in enumerate(self.columns):
            if column in older:
                self._values[:, :n, i] = older.values[:, -n:, older.columns.index(column)]
        self._length = n
        self._last_step = int(self._step[n - 1]) if n else 0
        gaps = np.diff(self._step[:n])
        if n > 1:
            self._per_bucket = max(1, int(gaps[-1]))
        self._validation = [tuple(row) for row in zip(  # type: ignore[misc]
            older.validation_step.tolist(), older.validation_loss.tolist(),
            older.validation_metric.tolist(), strict=True)]
        self._validation_arrays = np.array(self._validation).reshape(-1, 3)

    def _add(self, total: Floats, low: Floats, high: Floats, count: int, step: int) -> None:
        if self._open_count == 0:
            self._open[0], self._open[1], self._open[2] = total, low, high
        else:
            self._open[0] += total
            self._open[1] = np.minimum(self._open[1], low)
            self._open[2] = np.maximum(self._open[2], high)
        self._open_count += count
        if self._open_count < self._per_bucket:
            return
        if self._length == self._capacity:
            self._merge()
        self._values[0, self._length] = self._open[0] / self._open_count
        self._values[1:, self._length] = self._open[1:]
        self._step[self._length] = step
        self._length += 1
        self._open_count = 0

    def _merge(self) -> None:
        """Halve the number of buckets, into new arrays: views keep the old ones."""
        pairs = self._values.reshape(3, self._capacity // 2, 2, -1)
        values = np.zeros_like(self._values)
        half = self._capacity // 2
        values[0, :half] = pairs[0].mean(axis=1)
        values[1, :half] = pairs[1].min(axis=1)
        values[2, :half] = pairs[2].max(axis=1)
        step = np.zeros_like(self._step)
        step[:half] = self._step[1::2]
        self._values, self._step, self._length = values, step, half
        self._per_bucket *= 2
