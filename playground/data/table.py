"""A text table (CSV, TSV, semicolons) as rows of cells, with its dialect found by looking at it.

The file is streamed each time it is asked for rows, so memory does not grow with its length.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TextIO

from playground.data.dataset import DataError
from playground.data.limits import existing_file, unreadable

Separator = Literal["auto", "comma", "semicolon", "tab", "bar", "space"]
Decimal = Literal["auto", "point", "comma"]
Header = Literal["auto", "yes", "no"]
Row = tuple[int, list[str]]  # line number, cells

# In order of preference: a comma may also be a decimal mark, a space may also be part of a text.
SEPARATORS = {"tab": "\t", "semicolon": ";", "bar": "|", "comma": ",", "space": " "}
MAX_NUMBER = 3.4e38  # float32 ends there
MISSING = frozenset({"", "na", "n/a", "nan", "null", "?"})

_SAMPLE_ROWS = 100
_MAX_RECORD = 4 * 2**20  # characters in one row
_CHUNK = 2**20
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_DECIMAL_POINT = re.compile(r"[+-]?\d+\.\d+")
_GROUPED = {
    "point": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"),
    "comma": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?"),
}


@dataclass(frozen=True)
class Table:
    """Where a table is and how it is written; `rows` reads it."""

    path: Path
    encoding: str
    separator: str
    decimal: Literal["point", "comma"]
    has_header: bool
    columns: tuple[str, ...]

    def rows(self) -> Iterator[Row]:
        """Line number and cells of each data row, blank rows left out; raises DataError."""
        records = _records(self.path, self.encoding, self.separator)
        for line, cells in islice(records, int(self.has_header), None):
            if len(cells) != len(self.columns):
                raise DataError(
                    f"'{self.path.name}', line {line}: {len(cells)} cells, but the table has "
                    f"{len(self.columns)} columns; correct that line or choose another separator."
                )
            yield line, cells

    def number(self, cell: str) -> float | None:
        """The number in a cell, NaN when it is missing, None when it is text."""
        return _number(cell, self.decimal)

    def numbers(self, cells: list[str]) -> list[float] | None:
        """All cells of a row as numbers at once, None unless they are finite and fit float32.

        Ten times faster than cell by cell, which counts for tables of pixels.
        """
        try:
            values = list(map(float, cells)) if self.decimal == "point" else []
        except ValueError:
            return None
        # False for NaN and infinity too.
        small = sum(map(abs, values)) <= MAX_NUMBER
        return values if values and small and "_" not in "".join(cells) else None


def open_table(
    path: str | Path,
    separator: Separator = "auto",
    header: Header = "auto",
    decimal: Decimal = "auto",
) -> Table:
    """Find out how a table is written from its first 100 rows; raises DataError.

    Encoding: UTF-8, UTF-16 with its byte-order mark, else Windows-1252. Separator: the
    first of tab, ; | , and space that gives equally long rows. Decimal comma: more common than the
    point. Header: a first row without numbers whose texts do not come again below.
    """
    file = existing_file(path)
    _check_choice("separator", separator, ("auto", *SEPARATORS))
    _check_choice("header", header, ("auto", "yes", "no"))
    _check_choice("decimal mark", decimal, ("auto", "point", "comma"))
    encoding = _find_encoding(file)
    mark = SEPARATORS[separator] if separator != "auto" else _find_separator(file, encoding)
    records = list(islice(_records(file, encoding, mark), _SAMPLE_ROWS))
    if not records:
        raise DataError(f"'{file.name}' holds no rows; export it again.")
    sample = [cells for _, cells in records]
    point = _find_decimal(sample, mark) if decimal == "auto" else decimal
    has_header = _find_header(sample, point) if header == "auto" else header == "yes"
    columns = _column_names(file, records[0], has_header)
    return Table(file, encoding, mark, point, has_header, columns)


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise DataError(f"The {what} is '{value}'; choose {', '.join(choices)}.")


def _find_encoding(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            start = stream.read(2**16)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            candidates: tuple[str, ...] = ("utf-16",)
        elif _CONTROL.search(start):
            candidates = ()
        else:
            candidates = ("utf-8-sig", "cp1252")
        for encoding in candidates:
            with suppress(UnicodeError), file.open(encoding=encoding) as text:
                while text.read(_CHUNK):
                    pass
                return encoding
    except OSError as error:
        raise unreadable(file, error) from error
    raise DataError(
        f"'{file.name}' is not a text table (it holds bytes that are not text); save it as CSV in "
        "UTF-8 first."
    )


def _find_separator(file: Path, encoding: str) -> str:
    shares = {}
    for mark in SEPARATORS.values():
        # A quotation mark inside a cell makes the wrong separator fail; the right one reads on.
        with suppress(DataError):
            widths = Counter(
                len(cells) for _, cells in islice(_records(file, encoding, mark), _SAMPLE_ROWS)
            )
            width, count = max(widths.items(), key=lambda item: item[1], default=(0, 0))
            if width > 1:
                shares[mark] = count / widths.total()
    for mark, share in shares.items():
        if share > 0.9:
            return mark
    return max(shares, key=lambda mark: shares[mark], default=",")


def _find_decimal(sample: list[list[str]], mark: str) -> Literal["point", "comma"]:
    if mark == ",":
        return "point"
    cells = [cell for row in sample for cell in row]
    commas = sum(bool(_DECIMAL_COMMA.fullmatch(cell)) for cell in cells)
    points = sum(bool(_DECIMAL_POINT.fullmatch(cell)) for cell in cells)
    return "comma" if commas > points else "point"


def _find_header(sample: list[list[str]], decimal: Literal["point", "comma"]) -> bool:
    first, below = sample[0], sample[1:]
    for column, cell in enumerate(first):
        number = _number(cell, decimal)
        if number is not None and number == number:
            return False
        again = any(column < len(row) and row[column] == cell for row in below)
        if number is None and again:
            return False
    return True


def _column_names(file: Path, record: Row, has_header: bool) -> tuple[str, ...]:
    line, first = record
    numbered = [f"column {index}" for index in range(1, len(first) + 1)]
    if not has_header:
        return tuple(numbered)
    names = [name or number for name, number in zip(first, numbered, strict=True)]
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(
                f"'{file.name}', line {line}: {count} columns are called '{name}'; give each "
                "column its own name."
            )
    return tuple(names)


def _number(cell: str, decimal: Literal["point", "comma"]) -> float | None:
    # Python reads "1_000" as a number; in a table it is a name.
    if "_" in cell:
        return None
    if decimal == "point":
        with suppress(ValueError):
            return float(cell)  # first, because nearly every cell of a large table ends here
    if cell.lower() in MISSING:
        return float("nan")
    if _GROUPED[decimal].fullmatch(cell):
        cell = cell.replace("," if decimal == "point" else ".", "")
    try:
        return float(cell.replace(",", ".") if decimal == "comma" else cell)
    except ValueError:
        return None


class _Lines:
    """Lines of a stream; refuses a row too long for a table before it is in memory."""

    def __init__(self, file: Path, stream: TextIO) -> None:
        self._file = file
        self._stream = stream
        self.pending = 0  # characters handed out since the last complete row

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(_MAX_RECORD)
        self.pending += len(line)
        if self.pending >= _MAX_RECORD:
            raise DataError(
                f"'{self._file.name}' has a row of more than {_MAX_RECORD:,} characters; it is not "
                "a table, or a quotation mark is not closed."
            )
        if not line:
            raise StopIteration
        return line


def _records(file: Path, encoding: str, mark: str) -> Iterator[Row]:
    """First line number and stripped cells of every row that is not blank."""
    line = 1
    try:
        with file.open(encoding=encoding, newline="") as stream:
            lines = _Lines(file, stream)
            # strict: an open quotation mark is an error, not a cell with half the file in it.
            reader = csv.reader(lines, delimiter=mark, skipinitialspace=True, strict=True)
            for record in reader:
                cells = [cell.strip() for cell in record]
                if mark == " " and len(cells) > 1 and not cells[-1]:
                    cells.pop()  # spaces at the end of a line are not a cell
                if any(cells):
                    yield line, cells
                line = reader.line_num + 1
                lines.pending = 0
    except csv.Error as error:
        raise DataError(
            f"'{file.name}', line {line}: the row cannot be read ({error}); look for a quotation "
            "mark that is not closed."
        ) from error
    except UnicodeError as error:
        raise DataError(f"'{file.name}' changed while it was being read; try again.") from error
    except OSError as error:
        raise unreadable(file, error) from error
