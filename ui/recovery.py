"""Autosave, and the offer to go on where a crash ended it.

Each running window keeps one file in the user's data folder, under a lock. A file whose lock can
be taken has lost its owner: that run ended without saying goodbye.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import platformdirs
from PySide6.QtCore import QLockFile, QObject, QTimer, Signal

from playground.document import Stamp, clause, stamp
from ui.claim import lock_at

INTERVAL_MS = 30_000
REST = 20
"""A save is followed by a rest of at least this many times what it took."""


@dataclass(frozen=True)
class Write:
    """One save, to be done in the background, and how to make it wait no longer.

    ready waits for the network and gives the work of writing. It raises CancelledError where it
    was given up while it waited. kept is called there, once all of it is on the disk; step says
    then how far that was trained.
    """

    ready: Callable[[], Callable[[], object]]
    give_up: Callable[[], None]
    kept: Callable[[], None] = lambda: None
    step: Callable[[], int] = lambda: 0


def recovery_folder() -> Path:
    """Where the files of running windows are."""
    return Path(platformdirs.user_data_dir("playground", appauthor=False)) / "recovery"


@dataclass(frozen=True)
class Origin:
    """What a copy is of: its name, and its file, as it was when it was opened or saved there."""

    name: str
    path: Path | None = None
    seen: Stamp | None = None


@dataclass(frozen=True)
class Crashed:
    """What a run left behind: its document, and where that was opened from."""

    file: Path
    name: str
    original: Path | None
    saved: float
    """Seconds since the epoch."""
    seen: Stamp | None = None
    """The original as that run knew it."""
    step: int = 0

    def discard(self) -> None:
        """Forget it."""
        for file in (self.file, _note(self.file)):
            file.unlink(missing_ok=True)


class Recovery(QObject):
    """Saves every 30 seconds while there is something to lose.

    `prepare(file)` is called in the window's thread and returns what is done in the background;
    None when nothing is to be saved.
    """

    told = Signal(str)
    """That it fails, once, as a sentence; empty when it works again."""

    def __init__(self, prepare: Callable[[Path], Write | None],
                 describe: Callable[[], Origin],
                 folder: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._prepare, self._describe = prepare, describe
        self.folder = folder or recovery_folder()
        self.file = self.folder / f"{uuid4().hex[:12]}.playground"
        self._claimed: dict[Path, QLockFile] = {}
        self._adopted: list[Crashed] = []
        self._writer: threading.Thread | None = None
        self._writing: Write | None = None
        self._rest_until = 0.0
        self.last_error = ""
        self._owned = self._take_lock()
        self._tidy()
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.save)
        self._timer.start()

    def _take_lock(self) -> bool:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.last_error = (f"Autosave is off: {error.strerror or error} ({self.folder}). "
                               "Save by hand now and then.")
            return False
        self._held = _lock_of(self.file)
        return self._held.tryLock(0)

    def _tidy(self) -> None:
        """Remove what killed runs left that is of no use: locks and notes without a document."""
        for lock_file in self.folder.glob("*.lock"):
            file = lock_file.with_suffix(".playground")
            if lock_file == _lock(self.file) or file.exists():
                continue
            lock = _lock_of(file)
            # Only a lock whose process has gone can be taken; giving it back removes its file.
            if lock.tryLock(0):
                for left in (_note(file), _note(file).with_suffix(".part")):
                    left.unlink(missing_ok=True)
                lock.unlock()

    def save(self) -> None:
        """Save now, unless nothing changed, the last save still runs, or was long and just now."""
        busy = self._writer is not None and self._writer.is_alive()
        if not self._owned or busy or time.monotonic() < self._rest_until:
            return
        write = self._prepare(self.file)
        if write is None:
            return
        origin = self._describe()
        note = {"name": origin.name, "original": str(origin.path) if origin.path else None,
                "seen": origin.seen, "saved": time.time()}
        self._writing = write
        self._writer = threading.Thread(
            target=self._write, args=(write, note, tuple(self._adopted)), name="autosave",
            daemon=True)
        self._writer.start()

    def _write(self, write: Write, note: dict[str, object],
               adopted: tuple[Crashed, ...]) -> None:
        try:
            work = write.ready()
            start = time.monotonic()
            try:
                work()
                temporary = _note(self.file).with_suffix(".part")
                temporary.write_text(json.dumps(
                    note | {"step": write.step(), "of": stamp(self.file)}), encoding="utf-8")
                temporary.replace(_note(self.file))
            finally:  # a disk that is slow to fail needs the rest, too
                self._rest_until = time.monotonic() + REST * (time.monotonic() - start)
            self._discard(adopted)
            write.kept()
            failure = ""
        except CancelledError:  # the window closes, or what it waited to keep is not needed
            return
        except Exception as error:  # a full disk must not stop the training
            failure = f"The last autosave failed: {clause(error)}. Save by hand now and then."
        self._tell(failure)

    def _tell(self, failure: str) -> None:
        was, self.last_error = self.last_error, failure
        if bool(was) != bool(failure):
            self.told.emit(failure)

    def wait(self) -> None:
        """Until a running save is done."""
        if self._writer is not None:
            self._writer.join()

    def forget(self) -> None:
        """All is saved where it belongs: what was kept for a crash is not needed."""
        if self._writing is not None:
            self._writing.give_up()
        self.wait()
        self._discard(tuple(self._adopted))
        if not self._owned:  # nor is there a folder, it may be
            return
        for file in (self.file, _note(self.file)):
            file.unlink(missing_ok=True)
        self._tell("")  # of no matter now, until a copy fails again

    def claim(self, crashed: Crashed) -> bool:
        """Have it to oneself, until `release` or the end of this run, however that comes.

        False when another run has it, or has put an end to it.
        """
        lock = _lock_of(crashed.file)
        if not lock.tryLock(0):
            return False
        self._claimed[crashed.file] = lock
        if not crashed.file.exists():
            self.release(crashed)
            return False
        return True

    def release(self, crashed: Crashed) -> None:
        """Let others have it, if it is still there."""
        self._claimed.pop(crashed.file).unlock()

    def adopt(self, crashed: Crashed) -> None:
        """This run goes on with what it has claimed: keep its file until a save that began later
        exists (what is being written now is another document).
        """
        self._adopted.append(crashed)

    def _discard(self, adopted: tuple[Crashed, ...]) -> None:
        for crashed in adopted:
            self._adopted.remove(crashed)
            crashed.discard()
            self.release(crashed)

    def close(self) -> None:
        """A clean end: nothing stays behind."""
        self._timer.stop()
        if self._owned:
            self.forget()
            self._held.unlock()
            self._owned = False

    def crashed(self) -> list[Crashed]:
        """What runs that ended without a clean exit have left, newest first."""
        found = [left for file in self.folder.glob("*.playground")
                 if file != self.file and (left := _read(file)) is not None]
        return sorted(found, key=lambda left: -left.saved)


def _read(file: Path) -> Crashed | None:
    """What a file is about; None while its owner lives, and when it has gone meanwhile."""
    lock = _lock_of(file)
    if not lock.tryLock(0):
        return None
    lock.unlock()
    try:
        written = file.stat().st_mtime
    except OSError:
        return None
    try:
        note = json.loads(_note(file).read_text(encoding="utf-8"))
        if tuple(note["of"]) != stamp(file):
            raise ValueError("the note is about what was there before")
        original = Path(note["original"]) if note["original"] else None
        number, size, changed = map(int, note.get("seen") or (0, 0, 0))
        return Crashed(file, str(note["name"]), original, float(note["saved"]),
                       (number, size, changed), int(note.get("step", 0)))
    except (OSError, ValueError, KeyError, TypeError):
        # Killed between the two writes: the document itself is whole.
        return Crashed(file, "untitled", None, written)


def _lock(file: Path) -> Path:
    return file.with_suffix(".lock")


def _lock_of(file: Path) -> QLockFile:
    """The lock of a document's owner, not taken yet."""
    return lock_at(_lock(file))


def _note(file: Path) -> Path:
    return file.with_suffix(".json")
