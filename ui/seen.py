"""Whether a panel can be seen: work for one that lies behind another's tab would be wasted."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QWidget


def is_seen(widget: QWidget) -> bool:
    """Whether it is shown, with some of it inside its window.

    Of docks that share a place, Qt keeps those behind the tab visible, but outside the window.
    """
    window = widget.window()
    return widget.isVisible() and window.rect().intersects(
        QRect(widget.mapTo(window, QPoint()), widget.size()))
