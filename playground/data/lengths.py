"""Sequences of different lengths: filled up to the longest, with a number for each that tells how
many of its steps are its own.

What a file holds after a sample's own steps may be anything, NaN too. It is padding: 0 in x and in
targets of numbers, no class in targets of classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playground.data.dataset import NO_TARGET, DataError, Dataset, FloatArray, Port
from playground.data.labels import Task, look_like_classes

LENGTHS = "lengths"
"""The port, and the usual name of the array in a file."""

Lengths = npt.NDArray[np.int64]


def checked_lengths(where: str, lengths: npt.NDArray[Any], x: npt.NDArray[Any]) -> Lengths:
    """Lengths (N,) of samples x (N, time) or (N, time, features); raises DataError.

    `where` begins its sentence, for example "'a.npz', array 'lengths'".
    """
    if x.ndim not in (2, 3):
        raise DataError(
            f"{where} gives lengths to samples of shape {x.shape}; sequences are wanted, of shape "
            "(samples, time, features) or (samples, time). Choose no lengths, or other samples.")
    if lengths.dtype.kind == "U":
        raise DataError(f"{where} holds text; lengths must be whole numbers.")
    if lengths.shape not in ((len(x),), (len(x), 1)):
        raise DataError(
            f"{where} has the shape {lengths.shape}, and there are {len(x):,} samples; one length "
            f"for each is wanted, shape ({len(x)},).")
    own = lengths.reshape(-1)
    times = x.shape[1]
    wrong = ~((own >= 0) & (own <= times) & (own == np.floor(own)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{where}: sample {row + 1} has the length {own[row]:g}; a whole number from 0 to "
            f"{times:,} is wanted, how many of the {times:,} time steps are its own.")
    return own.astype(np.int64)


def packed_sequences(x: npt.NDArray[Any], own: Lengths, symbols: int = 0
                     ) -> tuple[FloatArray, tuple[Port, ...]]:
    """Samples (N, values + 1) that end with their length, without padding, and their two ports.

    symbols: x are numbers below this, which are names (0: x are values).
    """
    with np.errstate(over="ignore"):  # make_dataset finds what is too large for float32
        values = x.astype(np.float32)
    values[beyond(own, x.shape[1])] = 0
    flat = values.reshape(len(x), -1)
    size = flat.shape[1]
    packed = np.concatenate([flat, own[:, None]], axis=1, dtype=np.float32)
    return packed, (Port("x", 0, x.shape[1:], symbols, lengths=LENGTHS),
                    Port(LENGTHS, size, (1,), scaled=False))


def targets_of_own(
    labels: npt.NDArray[Any], own: Lengths, times: int, task: Task
) -> tuple[npt.NDArray[Any], Task]:
    """Targets without padding, and the task that they make of "auto".

    labels (N, time) are classes of time steps if their own steps look like it, and (N, time, ...)
    numbers; any others are targets of samples and stay as they are.
    """
    # One step of each sample makes a column: its targets are those of the samples.
    if labels.shape[:2] != (len(own), times) or times == 1 or labels.dtype.kind == "U":
        return labels, task
    targets, padding = labels.astype(np.float64), beyond(own, times)
    asked = targets[~padding & (targets != NO_TARGET)] if labels.ndim == 2 else targets
    if task == "auto" and look_like_classes(asked):
        task = "classification"
    if labels.ndim > 2:
        targets[padding] = 0
    elif task == "classification":
        targets[padding] = NO_TARGET
    return targets, task


def length_range(dataset: Dataset) -> tuple[int, int] | None:
    """The fewest and the most time steps of a sample; None where all are whole."""
    if not (padded := dataset.padded):
        return None
    lengths = dataset.lengths(padded, dataset.x)
    return int(lengths.min()), int(lengths.max())


def beyond(own: Lengths, times: int) -> npt.NDArray[np.bool_]:
    """Which steps (N, time) come after a sample's own."""
    return np.arange(times) >= own[:, None]
