"""Files that are whole at every moment: the old one until the new one is safely on the disk."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

Stamp = tuple[int, int, int]
"""Which file: its number in the file system, size and time."""


def stamp(path: Path) -> Stamp | None:
    """What is at a path: after any change, and in place of any other file, it is another stamp.

    None where there is no file, or a pipe or device.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def is_another(path: Path, seen: Stamp | None) -> bool:
    """Whether there is a file now that is not the one that was `seen` there."""
    return stamp(path) not in (None, seen)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to; it takes the place of `path` at the end, or never.

    Whatever goes wrong (an exception, a full disk, a crash of the machine), `path` is either
    what it was or what was written, entirely.

    Where `path` is a pipe or a device, that is written to: it cannot be what it was.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        with open(path, "wb") as file:
            yield file
        return
    path = Path(os.path.realpath(path))  # A link stays a link; its target is replaced.
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode(path))
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _sync_folder(path.parent)


def _mode(path: Path) -> int:
    """The permissions of the file that is replaced, or what the user gives to new files."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        umask = os.umask(0o077)
        os.umask(umask)
        return 0o666 & ~umask


def _sync_folder(folder: Path) -> None:
    """Make the new name durable too; not every file system (nor Windows) can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
