"""The pictures of the examples, taken from real runs by `python -m tests.thumbnails`."""

from __future__ import annotations

from pathlib import Path

import msgspec
from PySide6.QtGui import QPixmap

FOLDER = Path(__file__).parents[1] / "pictures" / "examples"
RUNS = FOLDER / "runs.json"
WIDTH, HEIGHT = 288, 162
"""Of a picture, in the units of the window."""
SCALE = 1.5
"""Pixels of a picture for each of them."""


class Run(msgspec.Struct, frozen=True):
    """The training that a picture was taken from."""

    steps: int
    """Until the example is held to its mark."""
    seconds: float
    """That those took, or would have, on the machine that took the picture, on one thread."""
    reached: float | None = None
    """The mark's metric at the end; None where the training was cut short."""


def runs() -> dict[str, Run]:
    """By the name of the example."""
    if not RUNS.exists():
        return {}
    return msgspec.json.decode(RUNS.read_bytes(), type=dict[str, Run])


def picture_file(name: str, dark: bool) -> Path:
    return FOLDER / f"{name}-{'dark' if dark else 'light'}.webp"


def picture(name: str, dark: bool) -> QPixmap:
    """Null where there is none: an example of one's own has no picture."""
    pixmap = QPixmap(str(picture_file(name, dark)))
    pixmap.setDevicePixelRatio(SCALE)
    return pixmap
