"""Long series and texts cut into windows: what stands in the window tells what comes next."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from playground.data.dataset import DataError, Dataset, make_dataset
from playground.data.labels import MAX_CLASSES
from playground.data.limits import MAX_BYTES, check_count, existing_file, unreadable
from playground.data.sequences import MAX_STEPS, Answers

MAX_TEXT = 4 * 2**20  # bytes


def series_windows(name: str, values: npt.NDArray[Any], steps: int, answers: Answers,
                   source: str = "") -> Dataset:
    """Every window of a series (length,): x (n, steps, 1), target (n, 1) or (n, steps, 1)."""
    windows = _windows(name, values, steps, 1, answers)
    return make_dataset(
        name, windows.x[:, :, None], windows.target if answers == "last" else
        windows.target[:, :, None], source=source, ordered=True, overlap=windows.overlap)


def text_windows(name: str, text: str, steps: int = 40, stride: int = 3,
                 answers: Answers = "last", source: str = "") -> Dataset:
    """Windows of `steps` characters, `stride` apart: x (n, steps), the numbers of characters.

    target (n,) is the character after the window, or (n, steps) the one after each. The vocabulary
    is that of the text, in the order of Unicode.
    """
    vocabulary = sorted(set(text))
    if not 2 <= len(vocabulary) <= MAX_CLASSES:
        raise DataError(
            f"'{name}' is made of {len(vocabulary):,} different characters; 2 to {MAX_CLASSES:,} "
            "can be told apart. Choose another text."
        )
    place = {character: number for number, character in enumerate(vocabulary)}
    numbers = np.array([place[character] for character in text], np.float32)
    windows = _windows(name, numbers, steps, stride, answers, "characters")
    target = windows.target[:, 0] if answers == "last" else windows.target
    return make_dataset(name, windows.x, target, vocabulary, (), source, vocabulary=vocabulary,
                        ordered=True, overlap=windows.overlap)


def read_text(path: str | Path) -> str:
    """The text of a file in UTF-8, line ends as "\\n"; raises DataError."""
    file = existing_file(path)
    try:
        size = file.stat().st_size
        if size > MAX_TEXT:
            raise DataError(
                f"'{file.name}' has {size:,} bytes; texts of at most {MAX_TEXT:,} can be read. Cut "
                "a part out of it."
            )
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"'{file.name}' is no text in UTF-8: byte {error.start:,} is wrong. Save it as UTF-8."
        ) from error
    except OSError as error:
        raise unreadable(file, error) from error


class _Windows(NamedTuple):
    """x (n, steps); target (n, 1 or steps) is what comes next, after the last or after each."""

    x: npt.NDArray[Any]
    target: npt.NDArray[Any]
    overlap: int


def _windows(name: str, values: npt.NDArray[Any], steps: int, stride: int, answers: Answers,
             unit: str = "values") -> _Windows:
    check_count("steps", steps, 2, MAX_STEPS)
    check_count("steps between windows", stride, 1, MAX_STEPS)
    count = (len(values) - steps - 1) // stride + 1
    if count < 2:
        raise DataError(
            f"'{name}' has {len(values):,} {unit}, which is not enough for two windows of "
            f"{steps}. Choose shorter windows, or something longer."
        )
    if count * steps * 4 > MAX_BYTES:
        raise DataError(
            f"'{name}' gives {count:,} windows of {steps}, more than the "
            f"{MAX_BYTES // 2**20} MiB that can be loaded. Put more steps between windows."
        )
    spans = np.lib.stride_tricks.sliding_window_view(values, steps + 1)[::stride]
    target = spans[:, 1:] if answers == "each" else spans[:, -1:]
    # A window and its answers span steps + 1 values.
    return _Windows(spans[:, :-1], target, steps // stride)
