"""The tabs of panels that share a place: the one in front has a button that closes its panel."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabBar, QToolButton, QWidget

from ui.theme import theme
from ui.views.header import close_button

RIGHT = QTabBar.ButtonPosition.RightSide
SIDE, ICON = 16, 12
MARKED = "marked"
"""The property of a bar that is listened to."""


def mark_tabs(window: QMainWindow, docks: Iterable[QDockWidget]) -> None:
    """Bring the buttons up to date: the window makes and unmakes its tabs as panels move.

    The others keep the room for theirs, so that choosing a tab moves none.
    """
    panels = {dock.windowTitle(): dock for dock in docks}
    for bar in window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
        if not bar.property(MARKED):
            bar.setProperty(MARKED, True)
            bar.tabBarDoubleClicked.connect(partial(_float, bar, panels))
        for place in range(bar.count()):
            button = bar.tabButton(place, RIGHT)
            if not isinstance(button, QToolButton):
                button = close_button(bar)
                button.setFixedSize(SIDE, SIDE)
                button.setIconSize(QSize(ICON, ICON))
                button.clicked.connect(partial(_close, bar, button, panels))
                bar.setTabButton(place, RIGHT, button)
            button.setIcon(theme().icon("close"))
            button.setVisible(place == bar.currentIndex())


def _float(bar: QTabBar, panels: dict[str, QDockWidget], place: int) -> None:
    """As a double click on a panel's title does."""
    if (dock := panels.get(bar.tabText(place))) is not None:
        QTimer.singleShot(0, dock, lambda: dock.setFloating(True))  # the bar still has the click


def _close(bar: QTabBar, button: QWidget, panels: dict[str, QDockWidget]) -> None:
    for place in range(bar.count()):
        if bar.tabButton(place, RIGHT) is button:
            panels[bar.tabText(place)].hide()
            return
