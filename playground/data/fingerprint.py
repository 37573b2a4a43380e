"""Whether a file or folder is still what it was when it was read, told without reading it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

_QUICK = 0.05  # seconds: what is looked through faster is looked through each time
_PATIENCE = 10  # a folder that takes a second is trusted for ten

_seen: dict[str, tuple[float, int]] = {}
"""Of each path: until when its fingerprint counts (seconds, monotonic), and the fingerprint."""


def fingerprint(path: str) -> int:
    """A number that changes with a file, or with any file of a folder or of its sub-folders.

    Looks at names, sizes and times of change. A path that cannot be looked at gives that of
    nothing: reading it says what is wrong.
    """
    until, known = _seen.get(path, (0.0, 0))
    started = time.monotonic()
    if started < until:
        return known
    known = hash(tuple(_marks(path)))
    ended = time.monotonic()
    if ended - started > _QUICK:
        _seen[path] = (ended + _PATIENCE * (ended - started), known)
    return known


def _marks(path: str) -> Iterator[tuple[str, int, int]]:
    """(path, time of change in ns, size) of a file, or of all that is in a folder, two deep."""
    try:
        about = os.stat(path)
    except OSError:
        return
    yield path, about.st_mtime_ns, about.st_size
    yield from _inside(path, depth=2)


def _inside(folder: str, depth: int) -> Iterator[tuple[str, int, int]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        try:
            about = entry.stat()
        except OSError:
            continue
        yield entry.path, about.st_mtime_ns, about.st_size
        if depth > 1 and entry.is_dir():
            yield from _inside(entry.path, depth - 1)
