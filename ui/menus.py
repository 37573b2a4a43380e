"""The menu bar. Each entry is made here once; what it does belongs to others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

Act = Callable[[], object]


class Menus:
    """File Edit View Run Examples Help."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        bar = window.menuBar()
        self.file, self.edit, self.view, self.run, self.examples, self.help = (
            bar.addMenu(name) for name in
            ("&File", "&Edit", "&View", "&Run", "E&xamples", "&Help"))
        for menu in self.all:
            menu.setToolTipsVisible(True)

    @property
    def all(self) -> tuple[QMenu, ...]:
        return self.file, self.edit, self.view, self.run, self.examples, self.help

    def add(self, menu: QMenu, text: str, act: Act, keys: str | QKeySequence.StandardKey = "",
            help: str = "") -> QAction:
        """An entry; its key works in the whole window."""
        action = QAction(text, self._window)
        if keys:
            action.setShortcuts(
                QKeySequence.keyBindings(keys)
                if isinstance(keys, QKeySequence.StandardKey)
                else [QKeySequence(key) for key in keys.split("  ")])
        action.setToolTip(help or text.replace("&", "").rstrip("…"))
        action.triggered.connect(lambda: act())
        menu.addAction(action)
        return action

    def add_submenu(self, menu: QMenu, text: str, fill: Callable[[QMenu], None]) -> QMenu:
        """A menu that is filled anew each time it opens."""
        sub = menu.addMenu(text)
        sub.setToolTipsVisible(True)

        def refill() -> None:
            sub.clear()
            fill(sub)

        sub.aboutToShow.connect(refill)
        return sub

    def add_later(self, menu: QMenu, fill: Callable[[], object]) -> None:
        """Entries that are made when the menu first opens."""
        menu.aboutToShow.connect(fill, Qt.ConnectionType.SingleShotConnection)

    def add_choice(self, menu: QMenu, options: dict[str, str], chosen: str,
                   choose: Callable[[str], None]) -> None:
        """One of several: key -> text."""
        group = QActionGroup(menu)
        for key, text in options.items():
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(key == chosen)
            action.triggered.connect(lambda _=False, key=key: choose(key))
            group.addAction(action)

    def shortcuts(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """All keys by menu: (menu, [(keys, what they do)])."""
        return [(menu.title().replace("&", ""), rows) for menu in self.all
                if (rows := [(keys_of(action), name_of(action))
                             for action in menu.actions() if action.shortcuts()])]


def name_of(action: QAction) -> str:
    """What an action is called, whatever it would do at the moment ("Undo", not "Undo Move")."""
    text: str = action.property("name") or action.text()
    return text.replace("&", "").rstrip("…")


def keys_of(action: QAction) -> str:
    """The first of an action's keys; the others are those of rare keyboards. But Redo has two."""
    keys = [key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts()]
    return "  ".join([keys[0], *(key for key in keys[1:] if key == "Ctrl+Y")])


def fill_recent(menu: QMenu, paths: Iterable[Path], open: Callable[[Path], object],
                clear: Act) -> None:
    """The files opened last, with digits as mnemonics."""
    paths = list(paths)
    for number, path in enumerate(paths, 1):
        action = menu.addAction(f"&{number}  {path.name}")
        action.setToolTip(str(path))
        action.triggered.connect(lambda _=False, path=path: open(path))
    if paths:
        menu.addSeparator()
    action = menu.addAction("Clear List" if paths else "No files yet")
    action.setEnabled(bool(paths))
    action.triggered.connect(lambda: clear())
