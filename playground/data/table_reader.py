"""From a text table to a data set: one column is the target, the others are features."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from playground.data.dataset import DataError, Dataset, FloatArray, make_dataset
from playground.data.labels import FEW_CLASSES, Target, Task, check_task, number_target, text_target
from playground.data.limits import check_size
from playground.data.table import (
    MAX_NUMBER,
    MISSING,
    Decimal,
    Header,
    Row,
    Separator,
    Table,
    open_table,
)

Missing = Literal["error", "drop", "mean"]
ColumnKind = Literal["number", "text", "empty"]

MAX_CATEGORIES = 100  # different texts of one feature column, each of which becomes a feature
NEARLY_ALL = 0.9  # this share of numbers, of more than FEW_CLASSES kinds: the rest are mistakes

_ADVICE = "Leave out columns or rows first."


def read_csv(
    path: str | Path,
    target_column: str | None = None,
    task: Task = "auto",
    missing: Missing = "error",
    ignore_columns: str = "",
    separator: Separator = "auto",
    header: Header = "auto",
    decimal: Decimal = "auto",
) -> Dataset:
    """Read a table; raises DataError naming the line and column.

    The target is `target_column`, the last column when none is named; without a header the columns
    are called "column 1", "column 2"... A text target, or one of few whole numbers, means
    classification; `task` overrides that. A text feature becomes one 0/1 feature per text.
    `missing`: refuse, drop the row, or leave a gap, which `prepare` fills with the feature's mean
    over the training part.
    `ignore_columns`: names separated by commas. Result: x (rows, features).
    """
    check_task(task)
    if missing not in ("error", "drop", "mean"):
        raise DataError(f"Missing values are set to '{missing}'; choose error, drop or mean.")
    table = open_table(path, separator, header, decimal)
    survey = survey_rows(table, table.rows())
    if not survey.count:
        raise DataError(f"'{table.path.name}' holds no rows below its header; export it again.")
    target = _target_index(table, target_column)
    features = _feature_indices(table, survey, target, ignore_columns)
    columns = _read_columns(table, survey, features, target, missing)
    for column in columns:
        _check_strays(table, column)
    x, names = _expand(table, columns[:-1])
    labels, classes = _target(table, columns[-1], task)
    source = f"File {table.path.name}, target '{table.columns[target]}'."
    gaps = bool(np.isnan(x).any())
    return make_dataset(table.path.name, x, labels, classes, names, source, gaps)


@dataclass(frozen=True)
class Survey:
    """What a first look at the rows shows: how many, and what each column holds."""

    count: int
    kinds: tuple[ColumnKind, ...]


def survey_rows(table: Table, rows: Iterable[Row]) -> Survey:
    """Count rows and decide each column: number unless a cell is text, empty if none is filled."""
    kinds: list[ColumnKind] = ["empty"] * len(table.columns)
    count = 0
    all_numbers = False
    for _, cells in rows:
        count += 1
        if table.numbers(cells):
            all_numbers = True
            continue
        for index, cell in enumerate(cells):
            if kinds[index] == "text":
                continue
            number = table.number(cell)
            if number is None:
                kinds[index] = "text"
            elif number == number:
                kinds[index] = "number"
    if all_numbers:
        kinds = ["number" if kind == "empty" else kind for kind in kinds]
    return Survey(count, tuple(kinds))


@dataclass(frozen=True)
class _Column:
    """One column in full: numbers, or codes into `texts`; NaN where missing."""

    name: str
    values: npt.NDArray[np.float64]
    texts: tuple[str, ...] | None


def _target_index(table: Table, target_column: str | None) -> int:
    if len(table.columns) < 2:
        raise DataError(
            f"'{table.path.name}' has one column only; a feature and a target are needed. Check "
            "the separator."
        )
    name = (target_column or "").strip() or table.columns[-1]
    return column_index(table, name)


def column_index(table: Table, name: str) -> int:
    """Position of a column; raises DataError listing the columns there are."""
    if name not in table.columns:
        shown = ", ".join(table.columns[:10]) + (", ..." if len(table.columns) > 10 else "")
        raise DataError(f"'{table.path.name}' has no column '{name}'; it has {shown}.")
    return table.columns.index(name)


def _feature_indices(table: Table, survey: Survey, target: int, ignore_columns: str) -> list[int]:
    ignored = {
        column_index(table, name.strip()) for name in ignore_columns.split(",") if name.strip()
    }
    # An empty column (a separator at the end of each line makes one) says nothing.
    features = [
        index
        for index, kind in enumerate(survey.kinds)
        if index != target and index not in ignored and kind != "empty"
    ]
    if not features:
        raise DataError(
            f"'{table.path.name}' has no feature left beside the target "
            f"'{table.columns[target]}'; ignore fewer columns."
        )
    if survey.kinds[target] == "empty":
        raise DataError(
            f"'{table.path.name}': the target column '{table.columns[target]}' is empty; choose "
            "another."
        )
    return features


def _read_columns(
    table: Table, survey: Survey, features: Sequence[int], target: int, missing: Missing
) -> list[_Column]:
    """The feature columns and, last, the target, of every row that is kept."""
    used = [*features, target]
    check_size(table.path, (survey.count, len(used)), 8, _ADVICE)
    values = np.empty((survey.count, len(used)))
    codes: dict[int, dict[str, int]] = {i: {} for i in used if survey.kinds[i] == "text"}
    kept = 0
    for line, cells in table.rows():
        if kept == survey.count:
            raise DataError(f"'{table.path.name}' changed while it was being read; try again.")
        numbers = None if codes else table.numbers(cells)
        row = (
            [numbers[index] for index in used]
            if numbers
            else [_cell_value(table, line, index, cells[index], codes) for index in used]
        )
        if any(value != value for value in row):
            if missing == "drop":
                continue
            if missing == "error" or row[-1] != row[-1]:
                gap = used[next(i for i, value in enumerate(row) if value != value)]
                raise _missing_error(table, line, target if missing == "mean" else gap, missing)
        values[kept] = row
        kept += 1
    if not kept:
        raise DataError(
            f"'{table.path.name}': every row has a missing value, so dropping them leaves none; "
            "choose mean, or ignore the column with the gaps."
        )
    return [
        _Column(table.columns[i], values[:kept, position], tuple(codes[i]) if i in codes else None)
        for position, i in enumerate(used)
    ]


def _cell_value(
    table: Table, line: int, index: int, cell: str, codes: dict[int, dict[str, int]]
) -> float:
    if index in codes:
        if cell.lower() in MISSING:
            return math.nan
        return codes[index].setdefault(cell, len(codes[index]))
    number = table.number(cell)
    # None means that the file changed since the survey.
    if number is None or abs(number) > MAX_NUMBER:
        raise DataError(
            f"'{table.path.name}', line {line}, column '{table.columns[index]}': '{cell}' is not a "
            "number that fits float32; correct it, or leave it empty to have it treated as missing."
        )
    return number


def _missing_error(table: Table, line: int, index: int, missing: Missing) -> DataError:
    where = f"'{table.path.name}', line {line}, column '{table.columns[index]}'"
    if missing == "mean":
        return DataError(f"{where}: the target is missing and cannot be averaged; choose drop.")
    return DataError(
        f"{where}: the value is missing; fill it in, or set missing values to drop (leave the row "
        "out) or mean (use the column's mean over the training part)."
    )


def _check_strays(table: Table, column: _Column) -> None:
    """Refuse a text in a column of numbers, which would become classes with it."""
    texts = column.texts or ()
    numbers = [code for code, text in enumerate(texts) if table.number(text) is not None]
    filled = column.values[~np.isnan(column.values)]
    if len(numbers) <= FEW_CLASSES or np.isin(filled, numbers).mean() < NEARLY_ALL:
        return
    index = column_index(table, column.name)
    strays = {text for text in texts if table.number(text) is None}
    for line, cells in table.rows():
        if cells[index] in strays:
            raise DataError(
                f"'{table.path.name}', line {line}, column '{column.name}': '{cells[index]}' is "
                "not a number, as nearly all others there are; correct it, empty it to have it "
                "treated as missing, or ignore the column."
            )


def _expand(table: Table, columns: Sequence[_Column]) -> tuple[FloatArray, list[str]]:
    """Features (rows, features) with texts as 0/1 columns and gaps as NaN, and their names."""
    for column in columns:
        if column.texts is not None and len(column.texts) > MAX_CATEGORIES:
            raise DataError(
                f"'{table.path.name}': column '{column.name}' holds {len(column.texts):,} "
                f"different texts (such as '{column.texts[0]}'), more than {MAX_CATEGORIES}; "
                "ignore it, or correct it if it should be numbers."
            )
    names = [name for column in columns for name in _feature_names(column)]
    count = len(columns[0].values)
    check_size(table.path, (count, len(names)), 4, _ADVICE)
    x = np.empty((count, len(names)), np.float32)
    position = 0
    for column in columns:
        for number in _feature_values(column):
            x[:, position] = np.where(np.isnan(column.values), np.nan, number)
            position += 1
    return x, names


def _feature_names(column: _Column) -> list[str]:
    if column.texts is None:
        return [column.name]
    return [f"{column.name}={text}" for text in sorted(column.texts)]


def _feature_values(column: _Column) -> Iterable[npt.NDArray[np.float64]]:
    if column.texts is None:
        yield column.values
        return
    for text in sorted(column.texts):
        yield (column.values == column.texts.index(text)).astype(np.float64)


def _target(table: Table, column: _Column, task: Task) -> Target:
    where = f"'{table.path.name}', column '{column.name}'"
    if column.texts is None:
        return number_target(where, column.values, task)
    return text_target(where, [column.texts[int(code)] for code in column.values], task)
