"""The canvas's commands as QActions: for its context menu, its shortcuts, and the Edit menu."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from playground.layers import LAYERS
from playground.layers.base import CATEGORIES, tooltip
from ui.canvas.face import WAYS_OUT
from ui.theme import theme

if TYPE_CHECKING:
    from ui.canvas.view import CanvasView

Key = QKeySequence.StandardKey | str


class CanvasActions(QObject):
    """One action per command. They work while the canvas has the focus."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self.for_nodes: list[QAction] = []
        """What the window adds for selected nodes: run to here."""
        keys = QKeySequence.StandardKey
        make = self._make
        self.cut = make("Cu&t", keys.Cut, "content-cut", view.cut,
                        "Move the selected layers to the clipboard.")
        self.copy = make("&Copy", keys.Copy, "content-copy", view.copy,
                         "Copy the selected layers as text.")
        self.paste = make("&Paste", keys.Paste, "content-paste", view.paste,
                          "Add the layers of the clipboard.")
        self.duplicate = make("D&uplicate", "Ctrl+D", "content-duplicate", view.duplicate,
                              "Copy the selected layers beside themselves.")
        self.delete = make("&Delete", keys.Delete, "delete-outline", view.delete,
                           "Remove the selected layers and connections.")
        self.select_all = make("Select &All", keys.SelectAll, "select-all", view.select_all,
                               "Select all layers and connections.")
        self.rename = make("&Rename…", "F2", "rename-outline", view.rename,
                           "Give the selected layer another name.")
        self.connect_keys = make("Co&nnect…", "C", "vector-line", view.connect_by_keys,
                                 "Connect the selected layer: arrows choose where to, Enter "
                                 "connects, Escape leaves.")
        self.freeze = make("Free&ze / Unfreeze", "L", "lock-outline", view.freeze,
                           "Lock the weights of the selected layers: training leaves them as they "
                           "are. Again: let them learn.")
        self.fold = make("F&old", "Ctrl+G", "group", view.fold,
                         "Draw the selected layers as one. Training knows nothing of it.")
        self.unfold = make("&Unfold", "Ctrl+Shift+G", "ungroup", view.unfold,
                           "Draw the layers of the selected fold one by one (double-click).")
        self.inspect = make("&Inspect", "", "tune-variant", view.inspect,
                            "Go to the settings of the selected layer (Enter).")
        self.tidy = make("Tid&y Up", "Ctrl+L", "sitemap-outline", view.tidy,
                         "Lay the network out in rows.")
        self.fit = make("&Fit", "F", "fit-to-page-outline", view.fit,
                        "Show the whole network.")
        self.actual_size = make("&Actual Size", "Ctrl+0", "magnify", view.actual_size,
                                "Zoom to 100 %.")
        self.zoom_in = make("Zoom &In", keys.ZoomIn, "magnify-plus-outline", view.zoom_in,
                            "Show less, larger.")
        self.zoom_out = make("Zoom &Out", keys.ZoomOut, "magnify-minus-outline", view.zoom_out,
                             "Show more, smaller.")
        theme().changed.connect(self._color)
        self._color()
        view.document.selection_changed.connect(self._enable)
        view.document.edges_selected.connect(self._enable)
        view.document.graph_changed.connect(self._enable)
        self._enable()

    def menu(self) -> QMenu:
        """What fits to what is selected."""
        view, document = self._view, self._view.document
        menu = QMenu(view)
        menu.setToolTipsVisible(True)
        if document.selection:
            item = view.current_item()
            for way in item.face.ways_out if item else ():
                menu.addAction(way, partial(view.go_out, way)).setToolTip(WAYS_OUT[way])
            menu.addActions([*self.for_nodes, self.inspect, self.rename, self.connect_keys])
            menu.addSeparator()
            menu.addActions([self.freeze, self.unfold if self.unfold.isEnabled() else self.fold])
            menu.addSeparator()
            menu.addActions([self.cut, self.copy, self.duplicate, self.delete])
        elif document.selected_edges:
            menu.addMenu(self.layer_menu("&Insert Layer", menu))
            menu.addAction(self.delete)
        else:
            menu.addMenu(self.layer_menu("Add &Layer", menu))
            menu.addSeparator()
            menu.addActions([self.paste, self.select_all])
            menu.addSeparator()
            menu.addActions([self.tidy, self.fit, self.actual_size])
        return menu

    def layer_menu(self, title: str, parent: QMenu) -> QMenu:
        """All layers, by category."""
        menu = QMenu(title, parent)
        menu.menuAction().setToolTip("Choose a layer to put here.")
        menu.setToolTipsVisible(True)
        for category, name in CATEGORIES.items():
            layers = [cls for cls in LAYERS.values() if cls.category == category]
            group = menu.addMenu(name) if layers else None
            for cls in layers:
                assert group is not None
                action = group.addAction(cls.label)
                action.setToolTip(tooltip(cls))
                action.triggered.connect(
                    lambda _=False, kind=cls.kind: self._view.add_from_menu(kind))
        return menu

    def _make(self, text: str, key: Key, icon: str, do: Callable[[], object],
              help: str) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(key))
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setToolTip(help)
        action.setStatusTip(help)
        action.setData(icon)
        action.triggered.connect(lambda _=False: do())
        self._view.addAction(action)
        return action

    def _color(self) -> None:
        for action in self.findChildren(QAction):
            action.setIcon(theme().icon(str(action.data())))

    def _enable(self, *_: object) -> None:
        document = self._view.document
        nodes, edges = document.selection, document.selected_edges
        for action in (self.cut, self.copy, self.duplicate):
            action.setEnabled(bool(nodes))
        self.delete.setEnabled(bool(nodes or edges))
        self.inspect.setEnabled(len(nodes) == 1)
        for action in (self.rename, self.connect_keys):
            action.setEnabled(self._view.current() is not None)
        folded = {id for fold in document.graph.folds for id in fold.members}
        self.freeze.setEnabled(bool(nodes))
        self.fold.setEnabled(len(nodes) > 1)
        self.unfold.setEnabled(not nodes.isdisjoint(folded))
        for action in (self.tidy, self.fit, self.select_all):
            action.setEnabled(bool(document.graph.nodes))
