"""The history of a run as a table that any spreadsheet opens.

One row per bucket of steps, then the validations, joined by step. A column "loss" is the mean of
a bucket; "loss low" and "loss high" stand beside it where a bucket holds more than one step.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from playground.graph_json import DocumentError
from playground.history import HistoryView

MAX_BYTES = 256 * 2**20
MAX_CELLS = 50_000_000
MAX_HEADER = 2**20
VALIDATION = ("validation loss", "validation metric")


def to_csv(history: HistoryView) -> bytes:
    """9 digits are more than the float32 that was measured."""
    return b"".join(Lines(history))


class Lines:
    """The table line by line, as often as wanted: an autosave never holds megabytes of text."""

    def __init__(self, history: HistoryView) -> None:
        self._history = history

    def __iter__(self) -> Iterator[bytes]:
        history = self._history
        mean, low, high = values = history.values
        spread = ~(_equal(mean, low) & _equal(mean, high)).all(axis=0)
        # Which part (mean, low, high) of which column stands in each cell.
        places = [(part, i) for i in range(len(history.columns))
                  for part in range(3 if spread[i] else 1)]
        parts, columns = np.array(places, np.intp).reshape(-1, 2).T
        rows = {int(step): i for i, step in enumerate(history.step)}
        cells, empty = "%d" + ",%.9g" * len(places), "," * len(places)
        validation = {
            int(step): f"{loss:.9g},{metric:.9g}" for step, loss, metric in zip(
                history.validation_step, history.validation_loss, history.validation_metric,
                strict=True)}
        names = [history.columns[i] + ("", " low", " high")[part] for part, i in places]
        yield ",".join(("step", *names, *VALIDATION)).encode() + b"\n"
        for step in sorted({*rows, *validation}):
            row = (cells % (step, *values[parts, rows[step], columns].tolist()) if step in rows
                   else f"{step}{empty}")
            yield f"{row},{validation.get(step, ',')}\n".encode()


def is_table(path: Path) -> bool:
    """Whether a file begins as what `Lines` writes."""
    try:
        with open(path, "rb") as file:
            names = file.readline(MAX_HEADER).decode().rstrip("\n").split(",")
    except (OSError, UnicodeDecodeError):
        return False
    return names[0] == "step" and tuple(names[-2:]) == VALIDATION


def from_csv(data: bytes) -> HistoryView:
    """Raises DocumentError for a table that `to_csv` has not written."""
    try:
        header, *lines = data.decode().splitlines()
        names = header.split(",")
        if names[0] != "step" or tuple(names[-2:]) != VALIDATION or len({*names}) < len(names):
            raise ValueError("unknown columns")
        if len(lines) * len(names) > MAX_CELLS:
            raise ValueError("too many cells")
        rows = [line.split(",") for line in lines]
        measured = _numbers([row[:-2] for row in rows if row[1]], len(names) - 2)
        validated = _numbers([[row[0], *row[-2:]] for row in rows if row[-2]], 3)
        for table in (measured, validated):
            if (np.diff(table[:, 0]) <= 0).any() or not np.isfinite(table[:, 0]).all():
                raise ValueError("the steps do not rise")
    except (ValueError, IndexError) as error:
        raise DocumentError(f"history.csv is not a table of this app: {error}") from error
    place = {name: i for i, name in enumerate(names[:-2])}
    columns = tuple(name for name in names[1:-2]
                    if name.removesuffix(" low").removesuffix(" high") == name)
    values = np.stack([
        measured[:, [place.get(column + part, place[column]) for column in columns]]
        for part in ("", " low", " high")])
    return HistoryView(columns, measured[:, 0], values, *validated.T)


def _equal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    equal: np.ndarray = (a == b) | (np.isnan(a) & np.isnan(b))
    return equal


def _numbers(rows: list[list[str]], width: int) -> np.ndarray:
    return np.array(rows, np.float64).reshape(len(rows), width)
