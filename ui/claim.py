"""Which document is open in which window: a lock per file, among all windows of the user."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QLockFile


class Claim:
    """The lock on the file that a window has open. It only tells: nobody is kept from a file.

    The lock of a window that was killed counts for nothing, and `Recovery` tidies it away.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._lock: QLockFile | None = None

    def take(self, path: Path | None) -> bool:
        """Have this file from now on, and no other; False when another window has it already."""
        self.release()
        if path is None:
            return True
        name = hashlib.sha256(str(path.resolve()).encode(errors="surrogateescape")).hexdigest()[:16]
        lock = lock_at(self._folder() / f"{name}.lock")
        if lock.tryLock(0):
            self._lock = lock
            return True
        # Without the right to write there, nothing is known, and nothing is said.
        return lock.error() is not QLockFile.LockError.LockFailedError

    def release(self) -> None:
        """Have no file."""
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None


def lock_at(file: Path) -> QLockFile:
    """A lock that is not taken yet; one whose process has gone is no obstacle."""
    lock = QLockFile(str(file))
    lock.setStaleLockTime(0)
    return lock
