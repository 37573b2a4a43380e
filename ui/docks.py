"""The panels around the canvas: docks with quiet titles and a default place for each."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QTabWidget,
    QWidget,
)

from ui.dock_tabs import mark_tabs
from ui.seen import is_seen
from ui.theme import theme
from ui.views.base import View
from ui.views.header import close_button

LEFT, RIGHT, BOTTOM = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea,
                       Qt.DockWidgetArea.BottomDockWidgetArea)
STAGE_WIDTH, STAGE_HEIGHT = 0.36, 0.4
"""At least, of the window: the panel that an example is about."""


class DockTitle(QWidget):
    """A small caption to drag a panel by; the bottom panels bring a richer one of their own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._label = QLabel(text.upper())
        self._label.setProperty("role", "caption")
        self._row = QHBoxLayout(self)
        self._row.addWidget(self._label)
        self._row.addStretch(1)
        self.close_button = close_button(self)
        self._row.addWidget(self.close_button)
        self.show_caption(True)
        self.setToolTip("Drag to move this panel; a double click lets it float.")

    def show_caption(self, shown: bool) -> None:
        """Without its caption it takes no room."""
        self._label.setVisible(shown)
        self._row.setContentsMargins(*((12, 8, 12, 2) if shown else (0, 0, 0, 0)))


class Frame(QWidget):
    """A line around a panel that floats: the canvas below has nearly its colour."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self._dock = dock
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        dock.installEventFilter(self)
        dock.topLevelChanged.connect(self._surround)

    def _surround(self, floats: bool) -> None:
        self.resize(self._dock.size())
        self.setVisible(floats)
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.resize(self._dock.size())
            self.raise_()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme().color("line_strong"))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()


class Docks:
    """Makes the docks, puts them in place, and remembers how to put them back."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self.all: dict[str, QDockWidget] = {}
        self._places: list[tuple[QDockWidget, Qt.DockWidgetArea, QDockWidget | None]] = []
        self._spare: set[QDockWidget] = set()
        self._staged: tuple[str, ...] = ()
        self._brought: list[QDockWidget] = []
        self._room_before: list[tuple[QDockWidget, int, int]] = []
        self._soon = QTimer(window)
        """The tabs are there once the event loop runs."""
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(lambda: mark_tabs(window, self.all.values()))
        theme().changed.connect(self._soon.start)
        window.setDockOptions(QMainWindow.DockOption.AllowNestedDocks
                              | QMainWindow.DockOption.AllowTabbedDocks)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas,
                              QTabWidget.TabPosition.North)
        window.setDocumentMode(True)
        # The bottom row runs under both sides, as in the drawing.
        window.setCorner(Qt.Corner.BottomLeftCorner, BOTTOM)
        window.setCorner(Qt.Corner.BottomRightCorner, BOTTOM)

    def add(self, name: str, title: str, content: QWidget | None, area: Qt.DockWidgetArea,
            tab_with: QDockWidget | None = None, at_first: bool = True) -> QDockWidget:
        """A panel; with `tab_with`, it shares that panel's place; unless `at_first`, hidden.

        Without `content`, a view fills it later.
        """
        dock = QDockWidget(title, self._window)
        dock.setObjectName(name)
        dock.setAccessibleName(title)
        Frame(dock)
        if content is not None:
            dock.setWidget(content)
            bar = DockTitle(title)
            dock.setTitleBarWidget(bar)
            bar.close_button.clicked.connect(dock.hide)
            dock.visibilityChanged.connect(lambda _: self._title_once())
            dock.topLevelChanged.connect(lambda _: self._title_once())
        for changed in (dock.visibilityChanged, dock.topLevelChanged, dock.dockLocationChanged):
            changed.connect(lambda _: self._soon.start())
        self.all[name] = dock
        self._places.append((dock, area, tab_with))
        self._place(dock, area, tab_with)
        if not at_first:
            self._spare.add(dock)
            dock.hide()
        return dock

    def fill(self, name: str, view: View) -> None:
        """Put a view into its panel. Its header is the title bar: one line, and a handle."""
        dock = self.all[name]
        dock.setTitleBarWidget(view.header)
        dock.setWidget(view)
        view.header.command("Close the panel", "Panels are opened again in the menu View",
                            dock.hide, in_menu=True)
        view.header.close_button.clicked.connect(dock.hide)
        for changed in (dock.visibilityChanged, dock.topLevelChanged):
            changed.connect(lambda _: self._name_once(dock, view))
        # Behind another's tab a dock is told so, its content is not.
        dock.visibilityChanged.connect(lambda seen: view.refresh() if seen else view.unseen())
        self._name_once(dock, view)
        view.show()

    def stage(self, names: tuple[str, ...] = ()) -> None:
        """Bring forward what an example is about; what the one before it has brought goes."""
        self._give_room_back()
        for dock in self._brought:
            dock.hide()
        leaving = [self.all[name] for name in self._staged if name not in names]
        for dock, _, below in self._places:
            if below is not None and dock in leaving:
                below.raise_()
        self._staged = names
        self._brought = [self.all[name] for name in names if self.all[name].isHidden()]
        for name in reversed(names):
            self.open(name)
        if names:
            self._make_room(self.all[names[0]])

    def _make_room(self, dock: QDockWidget) -> None:
        """A panel that an example is about is wide and high enough to be looked at."""
        if not self._window.isVisible() or dock.isFloating() or (
                self._window.dockWidgetArea(dock) != BOTTOM):
            return
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        row = [each for each in self.all.values() if is_seen(each) and not each.isFloating()
               and self._window.dockWidgetArea(each) == BOTTOM]
        self._room_before = [(each, each.width(), each.height()) for each in row]
        width, height = self._window.width(), self._window.height()
        self._window.resizeDocks([dock], [max(dock.height(), round(STAGE_HEIGHT * height))],
                                 Qt.Orientation.Vertical)
        self._window.resizeDocks([dock], [max(dock.width(), round(STAGE_WIDTH * width))],
                                 Qt.Orientation.Horizontal)

    def _give_room_back(self) -> None:
        """The proportions that the user had before an example's panel came."""
        if self._room_before:
            docks, widths, heights = (list(part) for part in zip(*self._room_before, strict=True))
            self._window.resizeDocks(docks, widths, Qt.Orientation.Horizontal)
            self._window.resizeDocks(docks[:1], heights[:1], Qt.Orientation.Vertical)
            self._room_before = []

    def restage(self) -> None:
        """The same panels again, after a layout was restored: it has proportions of its own."""
        self._room_before = []
        self.stage(self._staged)
        for dock in self.all.values():
            if isinstance(view := dock.widget(), View):
                self._name_once(dock, view)
        self._title_once()

    def open(self, name: str) -> None:
        """Show a panel, in front of those that share its place."""
        self.all[name].show()
        self.all[name].raise_()

    def raise_floating(self) -> None:
        """Floating panels that were shown before their window lie behind it: show them anew."""
        for dock in self.all.values():
            if dock.isFloating() and not dock.isHidden():
                dock.hide()
                dock.show()
                dock.raise_()

    def reset(self) -> None:
        """Every panel where it was the first time."""
        for dock, _, _ in self._places:
            dock.setFloating(False)
            self._window.removeDockWidget(dock)
        for place in self._places:
            self._place(*place)
            place[0].setVisible(place[0] not in self._spare)
        self.fit()
        self.restage()

    def fit(self) -> None:
        """The proportions of the drawing."""
        width, height = self._window.width(), self._window.height()
        by_area = {area: [dock for dock, where, tab_with in self._places
                          if where == area and tab_with is None and not dock.isHidden()]
                   for area in (LEFT, RIGHT, BOTTOM)}
        horizontal, vertical = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        for area, share, least in ((LEFT, 0.13, 190), (RIGHT, 0.19, 280)):
            if by_area[area]:
                self._window.resizeDocks(
                    by_area[area][:1], [max(least, round(width * share))], horizontal)
        bottom = by_area[BOTTOM]
        if bottom:
            self._window.resizeDocks(bottom[:1], [max(220, round(height * 0.29))], vertical)
            shares = [23, 29, 24, 24, 20, 20][:len(bottom)]
            self._window.resizeDocks(
                bottom, [round(width * s / sum(shares)) for s in shares], horizontal)

    def _name_once(self, dock: QDockWidget, view: View) -> None:
        """A panel among tabs has its name on its tab."""
        if shiboken6.isValid(self._window):  # docks also vanish with their window
            view.header.title.setVisible(not self._has_tab(dock))
            view.header.close_button.setVisible(dock.isFloating())

    def _has_tab(self, dock: QDockWidget) -> bool:
        """Whether its name stands on a tab."""
        return not dock.isFloating() and bool(self._window.tabifiedDockWidgets(dock))

    def _title_once(self) -> None:
        """At the sides, a panel alone has a caption, to close it by; among tabs, its tab is enough.
        """
        if not shiboken6.isValid(self._window):
            return
        for dock in self.all.values():
            if shiboken6.isValid(dock) and isinstance(title := dock.titleBarWidget(), DockTitle):
                title.show_caption(not self._has_tab(dock))
                title.close_button.setVisible(not self._has_tab(dock))

    def _place(self, dock: QDockWidget, area: Qt.DockWidgetArea,
               tab_with: QDockWidget | None) -> None:
        self._window.addDockWidget(area, dock, Qt.Orientation.Horizontal
                                   if area == BOTTOM else Qt.Orientation.Vertical)
        if tab_with is not None:
            self._window.tabifyDockWidget(tab_with, dock)
            tab_with.raise_()
