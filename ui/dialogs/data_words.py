"""What a data file holds, and what it may be taken for, in words."""

from __future__ import annotations

from playground.data import Preview
from playground.data.preview import Reading
from playground.data.wording import lengths_told
from playground.numbers import plural

FORMATS = {"csv": "Table", "npz": "NumPy arrays", "idx": "IDX images",
           "images": "Folder of images", "text": "Text"}
READINGS: dict[Reading, str] = {
    "values": "values: amounts, such as measures or pixels",
    "symbols": "symbols: numbers that are names, as of words",
    "text": "a text to continue, character by character",
    "table": "a table with a sample in each row"}
"""What a file may be taken for, and how it reads."""


def describe(seen: Preview) -> str:
    """What a file holds, in a line."""
    if seen.format == "text":
        return _of_text(seen)
    about = "" if seen.count_is_exact else "about "
    parts = [f"{FORMATS[seen.format]}: {about}{seen.count:,} "
             f"{'sample' if seen.count == 1 else 'samples'}"]
    if seen.format == "csv":
        parts.append(plural(len(seen.columns), "column"))
    sizes = tuple(_by(size) for size in dict.fromkeys(seen.sizes))
    stored = (f"sizes {' to '.join(sizes)}" if len(sizes) > 1 else "".join(sizes)
              ) if seen.sizes != 2 * (seen.shape[1:],) else ""
    if seen.shape:
        parts.append(f"each {_by(seen.shape)}" + (f", brought from {stored}" if stored else "")
                     + (f" symbols of {seen.symbols:,}" if seen.symbols else ""))
    elif stored:
        parts.append(stored)
    if seen.lengths is not None:
        parts.append(lengths_told(seen.lengths))
    where = f" in the first {seen.first_rows:,} rows" if seen.first_rows else ""
    if seen.classes:
        shown = ", ".join(f"{name} ({count:,})" for name, count in
                          list(zip(seen.classes, seen.class_counts, strict=True))[:6])
        more = f", and {len(seen.classes) - 6} more" if len(seen.classes) > 6 else ""
        parts.append(f"{plural(len(seen.classes), 'class', 'classes')}{where}: {shown}{more}")
    elif seen.format == "csv":
        parts.append(f"a number to predict{where}")
    return " · ".join(parts)


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _of_text(seen: Preview) -> str:
    parts = [f"{FORMATS['text']}: {seen.count:,} characters"]
    if seen.symbols:
        parts += [f"{seen.symbols:,} different ones", f"windows of {seen.shape[0]:,}"]
    return " · ".join(parts)
