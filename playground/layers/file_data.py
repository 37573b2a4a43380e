"""The user's own files as a node."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from playground import data
from playground.data import DataError, Dataset
from playground.data.fingerprint import fingerprint
from playground.data.idx_reader import labels_beside
from playground.data.labels import Task
from playground.data.lengths import LENGTHS
from playground.data.symbols import MAX_SYMBOLS, Holds
from playground.data.table import Decimal, Header, Separator
from playground.data.table_reader import Missing
from playground.layers.augmentation import AUGMENTED
from playground.layers.base import about, layer
from playground.layers.data import DataLayer


@layer("file", category="data", label="My data")
class File(DataLayer, frozen=True, kw_only=True):
    """Your own: a CSV table, .npz arrays, IDX images, or a folder of images per class.

    Sequences of .npz arrays may be made of symbols, such as the numbers of words, and may have
    lengths: they come out at an output of their own.
    """

    other_names = AUGMENTED
    not_of_samples = DataLayer.not_of_samples | {"seed"}
    paths = ("path", "labels_path")

    path: Annotated[str, about(
        "The file or folder. One that lies in the document's folder is saved as seen from there, "
        "so that the two can move together.", title="File")] = ""
    target_column: Annotated[str, about(
        "Of a table: the column to predict; empty takes the last one.")] = ""
    task: Annotated[Task, about(
        "Whether to predict classes or numbers. A folder of images is always classes.")] = "auto"
    missing: Annotated[Missing, about(
        "Of a table: whether an empty cell is an error, drops its row, or takes the mean that its "
        "column has in the training part (validation rows are not averaged).",
        title="Missing values")] = "error"
    ignore_columns: Annotated[str, about(
        "Of a table: columns to leave out, with commas between their names.")] = ""
    separator: Annotated[Separator, about("Of a table: what stands between two cells.")] = "auto"
    header: Annotated[Header, about(
        "Of a table: whether the first row holds the names of the columns.")] = "auto"
    decimal: Annotated[Decimal, about(
        "Of a table: the decimal mark, as in 1.5 or 1,5.", title="Decimal mark")] = "auto"
    x_key: Annotated[str, about(
        "Of .npz arrays: the array of samples; empty tries the usual names (x, images, data, "
        "...).", title="Samples array")] = ""
    y_key: Annotated[str, about(
        "Of .npz arrays: the array of targets; empty tries the usual names (y, labels, target, "
        "...).", title="Targets array")] = ""
    lengths_key: Annotated[str, about(
        "Of .npz arrays: the array of one whole number for each sample, how many of its time steps "
        "are its own; empty: all are. Samples are then sequences (samples, time, features). What "
        "stands after those steps is padding: it may be anything in the file, becomes 0, and "
        "counts neither for standardising nor among targets of time steps. Connect the output "
        "lengths to all that takes lengths.", title="Lengths array")] = ""
    holds: Annotated[Holds, about(
        "Of .npz arrays: whether samples are amounts, or symbols: whole numbers that are names, as "
        "of words. Symbols come as (samples, time), and go to an Embedding or a 1-of-N.",
        title="Samples hold")] = "values"
    vocabulary: Annotated[int, about(
        "How many symbols there are, numbered from 0. 0: as many as an array of texts called "
        "vocabulary names, or else up to the largest number in the file.",
        ge=0, le=MAX_SYMBOLS)] = 0
    labels_path: Annotated[str, about(
        "Of IDX images: the file of their labels; empty looks beside the images.",
        title="Labels file")] = ""
    image_size: Annotated[int, about(
        "Of a folder of images: all are brought to this height and width; 0 keeps them.",
        ge=0, le=512)] = 0
    grey: Annotated[bool, about("Of a folder of images: one channel instead of three.")] = False

    @property
    def outputs(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*DataLayer.outputs, *([LENGTHS] if self.lengths_key else []))

    def dataset(self) -> Dataset:
        if not self.path:
            raise DataError("No file is chosen yet. Pick one in the inspector, "
                            "or use File > Import data.")
        options = data.reader_options(self.path)
        if self.lengths_key and "lengths_key" not in options:
            raise DataError(f"'{Path(self.path).name}' has no array of lengths: only .npz arrays "
                            "do. Empty Lengths array.")
        if self.holds == "symbols" and "holds" not in options:
            raise DataError(f"'{Path(self.path).name}' holds no symbols: only .npz arrays do. Let "
                            "the samples hold values.")
        return data.open_data(self.path, **{
            name: value for name, value in self._of_readers().items() if name in options})

    def _of_readers(self) -> dict[str, Any]:
        """The options of all kinds of files."""
        return {
            "target_column": self.target_column, "task": self.task, "missing": self.missing,
            "ignore_columns": self.ignore_columns, "separator": self.separator,
            "header": self.header, "decimal": self.decimal,
            "x_key": self.x_key, "y_key": self.y_key, "lengths_key": self.lengths_key,
            "holds": self.holds, "vocabulary": self.vocabulary, "labels_path": self.labels_path,
            "size": (self.image_size, self.image_size) if self.image_size else None,
            "grey": self.grey}

    def unread_settings(self) -> frozenset[str]:
        """Of other kinds of files. One that is set is no such, as it may be what is wrong."""
        try:
            options = data.reader_options(self.path) if self.path else frozenset()
        except DataError:
            return frozenset()
        if self.holds == "values":
            options -= {"vocabulary"}
        unset = self._of_readers().items() & File()._of_readers().items()
        return frozenset("image_size" if name == "size" else name
                         for name, _ in unset if name not in options)

    def version(self) -> int:
        known = super().version()
        if self.path and not self.labels_path:
            # Labels that are found by their name; where there are none, only `path` counts.
            with suppress(DataError, ValueError):
                known = hash((known, fingerprint(str(labels_beside(Path(self.path))))))
        return known

    def subtitle(self) -> str:
        return os.path.basename(self.path) or "no file yet"
