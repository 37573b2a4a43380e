"""Where to save: a file dialog that knows the suffix, and says when nothing could be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget


def ask_path(window: QWidget, title: str, start: Path | str, suffixes: Sequence[str],
             own: Path | None = None) -> Path | None:
    """The chosen file, with one of the suffixes: the first, where none was typed.

    None when cancelled. own: what may be replaced without a question.
    """
    name, _ = QFileDialog.getSaveFileName(
        window, title, str(start), " ".join(f"*{suffix}" for suffix in suffixes),
        options=QFileDialog.Option.DontConfirmOverwrite)  # it knows no suffix that is left out
    if not name:
        return None
    path = Path(name if name.lower().endswith(tuple(suffixes)) else name + suffixes[0])
    buttons = QMessageBox.StandardButton
    if path.exists() and path != own and QMessageBox.question(
            window, "Replace it?", f"{path.name} exists already. Replace it?",
            buttons.Yes | buttons.Cancel, buttons.Cancel) != buttons.Yes:
        return None
    return path


def save_to(window: QWidget, title: str, start: str, suffixes: Sequence[str],
            write: Callable[[Path], bool]) -> None:
    """Ask for a file and write it; `write` gives False, or raises OSError, where it cannot."""
    path = ask_path(window, title, start, suffixes)
    if path is None:
        return
    why = ""
    try:
        path.open("ab").close()  # says why not, which Qt's writers do not
        if write(path):
            return
    except OSError as error:
        why = f" ({error.strerror})"
    QMessageBox.warning(window, "It was not saved", (
        f"{path.name} could not be written{why}. Choose another folder, or make room on the disk."))


__all__ = ["ask_path", "save_to"]
