"""A document on disk that a window has open, and what somebody else may write in its place."""

from __future__ import annotations

from pathlib import Path

from playground import document
from playground.examples import EXAMPLES
from tests.fake_window import change
from ui.main_window import MainWindow

OTHER = EXAMPLES["perceptron"].graph
"""Somebody else's network."""


def open_edited(window: MainWindow, folder: Path) -> Path:
    """A document in this folder, open in the window with an edit to save."""
    path = folder / "net.playground"
    document.save(path, EXAMPLES["mlp-spiral"].graph)
    assert window.files.open(path)
    change(window)
    return path
