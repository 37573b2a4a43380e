"""A first look at a file for the dialog that opens it: columns, rows and classes."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from playground.data.dataset import DataError, Dataset, FloatArray
from playground.data.idx_reader import labels_beside, read_idx_array, read_idx_header
from playground.data.image_folder import image_size, list_images
from playground.data.images import image_shape, is_images
from playground.data.labels import Target, number_target
from playground.data.lengths import LENGTHS, length_range
from playground.data.limits import unreadable
from playground.data.npz_reader import X_KEYS, Y_KEYS, read_npz_headers
from playground.data.readers import Format, data_format
from playground.data.table import MISSING, Decimal, Header, Separator, Table, open_table
from playground.data.table_reader import column_index, survey_rows

Classes = tuple[tuple[str, ...], tuple[int, ...]]  # names, and how often each occurs

_LOOK_AT = 2000  # rows of a table that decide kinds and classes; pictures whose size is looked up
_PICTURES = 12
_SIDE = 128  # pixels: what is larger is thinned out to be shown


@dataclass(frozen=True, eq=False)
class Picture:
    """A sample (channels, height, width) and what it is."""

    x: FloatArray
    name: str


@dataclass(frozen=True)
class Preview:
    """What a file seems to hold.

    columns and kinds ("number", "text", "empty", or an array's type and shape) go together; rows
    are cells as text, as many as asked for. count is the number of samples, exact only when
    `count_is_exact`. classes (of the target) and class_counts go together too, and are empty for
    numbers. shape is one sample's, empty for a table (there it depends on the options).
    first_rows: kinds and classes are those of so many rows of a longer table; 0: of all there is.
    lengths_keys: the arrays that may be lengths, and lengths_key the one that is taken for it.
    lengths: the shortest and the longest, once all is read. sizes: (height, width) of the smallest
    and the largest picture in a folder, before they are brought to one size. pictures: some, of
    different classes, once all is read.
    """

    format: Format
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    count: int
    count_is_exact: bool
    classes: tuple[str, ...] = ()
    class_counts: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    first_rows: int = 0
    lengths_keys: tuple[str, ...] = ()
    lengths_key: str = ""
    lengths: tuple[int, int] | None = None
    sizes: tuple[tuple[int, int], ...] = ()
    pictures: tuple[Picture, ...] = ()


def with_all(seen: Preview, dataset: Dataset) -> Preview:
    """What was seen, with the kinds, classes and counts that reading all of it has given."""
    asked = dataset.target[dataset.target >= 0].astype(np.int64)
    counts = np.bincount(asked, minlength=len(dataset.classes)) if dataset.classes else ()
    return replace(
        seen, count=len(dataset), count_is_exact=True, first_rows=0, classes=dataset.classes,
        class_counts=tuple(map(int, counts)), lengths=length_range(dataset),
        shape=dataset.shape if dataset.are_images else seen.shape, pictures=_some_pictures(dataset),
        kinds=tuple(_kind_in(dataset, name, kind) if seen.first_rows else kind
                    for name, kind in zip(seen.columns, seen.kinds, strict=True)))


def _some_pictures(dataset: Dataset) -> tuple[Picture, ...]:
    """One of each class, then a second of each; the first ones where they have no class."""
    if not dataset.are_images:
        return ()
    numbers, names = np.arange(len(dataset)), dataset.classes
    if names and dataset.target.ndim == 1:
        turn = np.empty(len(dataset), int)
        for number in range(len(names)):
            mine = dataset.target == number
            turn[mine] = np.arange(np.count_nonzero(mine))
        numbers = np.lexsort((dataset.target, turn))
    thin = max(1, max(dataset.shape[1:]) // _SIDE)
    return tuple(
        Picture(dataset.x[number, :, ::thin, ::thin],
                names[int(target)] if names and (target := dataset.target[number]).ndim == 0
                else "")
        for number in numbers[:_PICTURES].tolist())


def _kind_in(dataset: Dataset, column: str, seen: str) -> str:
    """A text may come late in a column of numbers, and become a feature for each text in it."""
    if column in dataset.features:
        return "number"
    if any(name.startswith(f"{column}=") for name in dataset.features):
        return "text"
    is_target = seen != "empty"  # a column with values is a feature, else
    return "text" if is_target and not all(map(_is_number, dataset.classes)) else seen


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def preview(
    path: str | Path,
    rows: int = 20,
    target_column: str | None = None,
    separator: Separator = "auto",
    header: Header = "auto",
    decimal: Decimal = "auto",
    lengths_key: str | None = None,
    image_size: int = 0,
) -> Preview:
    """Look at a file or folder in well under a second; raises DataError as the readers do.

    `target_column` and what follows concerns tables only and means what it means in read_csv.
    lengths_key: the array of an archive that holds lengths; None: the one that is called so.
    image_size: the side that the pictures of a folder are brought to, 0 for none.
    """
    kind = data_format(path)
    if kind == "csv":
        return _table(open_table(path, separator, header, decimal), rows, target_column)
    if kind == "npz":
        return _npz(Path(path), lengths_key)
    if kind == "idx":
        return _idx(Path(path))
    return _images(Path(path), rows, image_size)


def _table(table: Table, rows: int, target_column: str | None) -> Preview:
    seen = list(islice(table.rows(), _LOOK_AT))
    survey = survey_rows(table, seen)
    target = column_index(table, target_column) if target_column else len(table.columns) - 1
    cells = [row[target] for _, row in seen]
    classes, class_counts = _table_classes(table, cells, survey.kinds[target])
    all_seen = len(seen) < _LOOK_AT
    return Preview(
        format="csv",
        columns=table.columns,
        kinds=survey.kinds,
        rows=tuple(tuple(row) for _, row in seen[:rows]),
        count=len(seen) if all_seen else _count_lines(table.path) - table.has_header,
        count_is_exact=all_seen,
        classes=classes,
        class_counts=class_counts,
        first_rows=0 if all_seen else len(seen),
    )


def _table_classes(table: Table, cells: list[str], kind: str) -> Classes:
    filled = [cell for cell in cells if cell.lower() not in MISSING]
    if kind == "text":
        counts = Counter(filled)  # one text is a class, too: others may come later
        return tuple(sorted(counts)), tuple(counts[name] for name in sorted(counts))
    if kind == "number":
        numbers = np.array([table.number(cell) for cell in filled], np.float64)
        return _counted(number_target("", numbers, "auto"))
    return (), ()


def _counted(target: Target) -> Classes:
    ids, classes = target
    if not classes:
        return (), ()
    return classes, tuple(int(count) for count in np.bincount(ids))


def _count_lines(file: Path) -> int:
    """Line ends in a file: quick, and wrong only where a quoted cell holds one."""
    try:
        with file.open("rb") as stream:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(2**20), b""))
    except OSError as error:
        raise unreadable(file, error) from error


def _npz(file: Path, lengths_key: str | None) -> Preview:
    headers = read_npz_headers(file)
    x = next((headers[key] for key in X_KEYS if key in headers and headers[key].shape), None)
    shape = x.shape if x else (0,)
    target = next((key for key in Y_KEYS if key in headers), "")
    lengths_keys = tuple(
        key for key, header in headers.items()
        if len(shape) in (2, 3) and key != target and (
            # One that is called so is meant so: where it does not fit, reading it says why.
            key == LENGTHS or (header.shape in ((shape[0],), (shape[0], 1))
                               and header.dtype.kind in "iuf")))
    if lengths_key not in ("", *lengths_keys):
        lengths_key = LENGTHS if LENGTHS in lengths_keys else ""
    return Preview(
        format="npz",
        columns=tuple(headers),
        kinds=tuple(f"{header.dtype} {header.shape}" for header in headers.values()),
        rows=(),
        count=shape[0],
        count_is_exact=x is not None,
        shape=image_shape(shape) if x and is_images(x.dtype, shape) and not lengths_key
        else shape[1:],
        lengths_keys=lengths_keys,
        lengths_key=lengths_key,
    )


def _idx(file: Path) -> Preview:
    dtype, shape = read_idx_header(file)
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    # Without labels the pictures can still be shown; opening them says what is missing.
    with suppress(DataError):
        labels = read_idx_array(labels_beside(file))
        classes, counts = _counted(number_target("", labels, "auto"))
    return Preview(
        format="idx",
        columns=(file.name,),
        kinds=(f"{dtype} {shape}",),
        rows=(),
        count=shape[0],
        count_is_exact=True,
        classes=classes,
        class_counts=counts,
        shape=image_shape(shape) if is_images(dtype, shape) else shape[1:],
    )


def _images(folder: Path, rows: int, side: int) -> Preview:
    classes = list_images(folder)
    files = [(file, name) for name, files in classes.items() for file in files]
    # Of a large folder, some of everywhere.
    sizes = sorted({image_size(file) for file, _ in files[:: 1 + len(files) // _LOOK_AT]},
                   key=lambda size: size[0] * size[1])
    size = (side, side) if side else sizes[0]
    return Preview(
        format="images",
        columns=("file", "class"),
        kinds=("picture", "text"),
        rows=tuple((file.name, name) for file, name in files[:rows]),
        count=len(files),
        count_is_exact=True,
        classes=tuple(classes),
        class_counts=tuple(map(len, classes.values())),
        shape=(3, *size) if side or len(sizes) == 1 else (),
        sizes=(sizes[0], sizes[-1]),
    )
