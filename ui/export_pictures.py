"""Pictures to take away: of the network and of every panel; and the small one in a document."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QSize
from PySide6.QtWidgets import QFileDialog, QMenu

from ui.canvas.view import CanvasView
from ui.panels import PANELS, Panels

THUMBNAIL = QSize(432, 243)
"""As large as the pictures of the gallery."""


def thumbnail(canvas: CanvasView) -> bytes:
    """A small picture of the network, as PNG."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    canvas.picture(THUMBNAIL).save(buffer, "PNG")
    return bytes(buffer.data().data())


def fill_pictures(canvas: CanvasView, panels: Panels, menu: QMenu) -> None:
    """What can be saved as a picture: the network and every panel, which is built if need be."""
    def save_panel(name: str, path: Path) -> None:
        panels[name].save_picture(path)

    pictures: list[tuple[str, Callable[[Path], object]]] = [
        ("Network", lambda path: canvas.grab().save(str(path)))]
    pictures += [(panel.title, partial(save_panel, name)) for name, panel in PANELS.items()]
    for title, save in pictures:
        menu.addAction(f"{title}…", partial(_export, canvas, title, save))


def _export(canvas: CanvasView, title: str, save: Callable[[Path], object]) -> None:
    name, _ = QFileDialog.getSaveFileName(
        canvas.window(), f"Export {title}", f"{title.lower().replace(' ', '-')}.png",
        "Pictures (*.png)")
    if name:
        save(Path(name))
