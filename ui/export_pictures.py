"""Pictures to take away: of the network and of every panel; and the small one in a document."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QBuffer, QIODevice, QSize
from PySide6.QtWidgets import QMenu

from ui.canvas.view import CanvasView
from ui.dialogs.save_path import save_to
from ui.panels import PANELS, Panels
from ui.views.base import PICTURES

THUMBNAIL = QSize(432, 243)
"""As large as the pictures of the gallery."""


def thumbnail(canvas: CanvasView) -> bytes:
    """A small picture of the network, as PNG."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    canvas.picture(THUMBNAIL).save(buffer, "PNG")
    return bytes(buffer.data().data())


def fill_pictures(canvas: CanvasView, panels: Panels, show: Callable[[str], None], menu: QMenu
                  ) -> None:
    """What can be saved as a picture: the network and every panel.

    show: brings a panel to the front. One that is not there has nothing to show; while the name
    of the file is chosen, it gets what it asks for.
    """
    window = canvas.window()

    def save_panel(name: str) -> None:
        show(name)
        save_to(window, f"Export {PANELS[name].title}", f"{name}.png", PICTURES,
                lambda path: panels[name].save_picture(path))

    menu.addAction("Network…", lambda: save_to(
        window, "Export Network", "network.png", (".png",),
        lambda path: canvas.whole().save(str(path))))
    for name, panel in PANELS.items():
        menu.addAction(f"{panel.title}…", partial(save_panel, name))
