"""What every view has in common: a header, a calm empty state, and asking for nothing unseen."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QHideEvent, QPixmap, QShowEvent
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from playground.snapshot import Probe, Snapshot
from ui.dialogs.save_path import save_to
from ui.seen import is_seen
from ui.theme import theme
from ui.views.header import Header
from ui.views.veil import Veil

PICTURES = (".png", ".svg")
Table = tuple[Sequence[str], Iterable[Sequence[object]]]
"""Column names and rows, for CSV."""


class View(QWidget):
    """A panel that shows snapshots.

    A subclass fills `body`, says in `wanted` which probes it needs, in `missing` why it cannot
    show anything yet, and draws in `draw`.
    """

    title: ClassVar[str] = ""
    name: ClassVar[str] = ""
    tells_progress: ClassVar[bool] = False
    """Whether it says what the network is being prepared with: one panel is enough."""

    node_selected = Signal(str)
    """The user pointed at a node here."""
    run_to_requested = Signal(int)
    """The user wants to stop before this instruction, once."""
    stop_toggled = Signal(int)
    """The user wants Run to stop before this instruction each time; or no more."""
    setting_changed = Signal(str, str, object)
    """(node, setting, value): a control here stands for a setting of the layer."""
    change_done = Signal()
    """The slider that changes it was let go: one step of undo."""

    start_moved = Signal(str, float, float)
    """(node, x, y): descent on a surface is to begin anew from there."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(self.name)
        self.setAccessibleName(self.title)
        self.snapshot: Snapshot | None = None
        self.selected: str | None = None
        self._outdated = False

        self.header = Header(self.title, self)
        self.body = QWidget(self)
        self._empty = QLabel(self)
        self._empty.setProperty("role", "secondary")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setContentsMargins(24, 8, 24, 8)
        place = QWidget(self)
        self._stack = QStackedLayout(place)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.body)
        self._veil = Veil(place)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(place, 1)
        theme().changed.connect(self._restyle)

    # -- for the window -----------------------------------------------------------------------

    def probes(self) -> frozenset[Probe]:
        """What the next snapshots should bring; nothing while nobody looks."""
        return self.wanted() if is_seen(self) else frozenset()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show this moment, at once or when the view is next looked at."""
        self.snapshot = snapshot
        self.refresh()

    def set_outdated(self, on: bool) -> None:
        """Say of what is shown that it is of another network than the one that is drawn."""
        self._outdated = on
        self._veil_what_is_old()

    def _veil_what_is_old(self) -> None:
        """A sentence on what to do is of no network."""
        self._veil.cover(self._outdated and self._stack.currentIndex() == 1)
        self.header.veil(self._outdated)

    def select(self, node_id: str | None) -> None:
        """Follow the selection on the canvas."""
        if node_id != self.selected:
            self.selected = node_id
            self.selection_changed()
            self.refresh()

    # -- for subclasses -----------------------------------------------------------------------

    def wanted(self) -> frozenset[Probe]:
        return frozenset()

    def missing(self, snapshot: Snapshot | None) -> str:
        """Why there is nothing to show, and what to do; empty when there is something."""
        return "" if snapshot is not None else "Nothing runs yet. Press Run."

    def draw(self, snapshot: Snapshot) -> None:
        raise AssertionError(f"{type(self).__name__} draws nothing")

    def clear(self) -> None:
        """There is nothing to show: the header must not tell of what was."""
        self.header.note.show_text("")

    def selection_changed(self) -> None:
        """The selected node is another one; `draw` follows."""

    def unseen(self) -> None:
        """Nobody looks any more: work for this view can rest."""

    def restyle(self) -> None:
        """The theme has changed; `draw` follows."""

    def table(self) -> Table | None:
        """What is shown, as numbers."""
        return None

    def refresh(self) -> None:
        """Draw the newest snapshot, after a switch or a selection; not unless it can be seen."""
        if not is_seen(self):
            return
        sentence = self.missing(self.snapshot)
        if sentence:
            self._empty.setText(self._why_empty(sentence))
            self.clear()
        self._stack.setCurrentIndex(0 if sentence else 1)
        if not sentence and self.snapshot is not None:
            self.draw(self.snapshot)
        self._veil_what_is_old()
        self.header.fit()

    def _why_empty(self, sentence: str) -> str:
        """The sentence, unless there is a better reason than that nobody has pressed Run."""
        snapshot = self.snapshot
        if snapshot is None:
            return sentence
        if snapshot.progress:
            return f"{snapshot.progress}…" if self.tells_progress else ""
        return (snapshot.state == "failed" and snapshot.message) or sentence

    @property
    def empty_text(self) -> str:
        """The sentence shown instead of the content, or ""."""
        return self._empty.text() if self._stack.currentIndex() == 0 else ""

    # -- pictures and data --------------------------------------------------------------------

    def add_export_menu(self) -> None:
        """Call last in __init__: the view's own options come first."""
        menu = self.header.menu
        menu.addSeparator()
        for text, tip, act in (
                ("Copy picture", "Put the picture on the clipboard", self.copy_picture),
                ("Save picture…", "Save as PNG, or as SVG for print", self._ask_picture),
                ("Copy data", "Put the numbers on the clipboard, as CSV", self.copy_data),
                ("Save data…", "Save the numbers as CSV", self._ask_data)):
            action = menu.addAction(text, act)
            action.setToolTip(tip)

    def save_picture(self, path: Path) -> bool:
        """PNG at twice the screen's resolution, or SVG; whether it could be written."""
        if path.suffix.lower() != ".svg":
            return self._pixmap().save(str(path))
        generator = QSvgGenerator()
        generator.setFileName(str(path))
        generator.setSize(self.size())
        generator.setViewBox(self.rect())
        generator.setTitle(self.title)
        self.render(generator)
        return path.stat().st_size > 0

    def copy_picture(self) -> None:
        QGuiApplication.clipboard().setPixmap(self._pixmap())

    def csv(self) -> str:
        table = self.table()
        if table is None:
            return ""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table[0])
        writer.writerows(table[1])
        return text.getvalue()

    def copy_data(self) -> None:
        QGuiApplication.clipboard().setText(self.csv())

    def _pixmap(self) -> QPixmap:
        scale = 2.0
        pixmap = QPixmap((self.size() * scale).expandedTo(QSize(1, 1)))
        pixmap.setDevicePixelRatio(scale)
        pixmap.fill(theme().color("panel"))
        self.render(pixmap)
        return pixmap

    def _ask_picture(self) -> None:
        save_to(self, f"Save picture of {self.title}", f"{self.name}.png", PICTURES,
                self.save_picture)

    def _ask_data(self) -> None:
        save_to(self, f"Save data of {self.title}", f"{self.name}.csv", (".csv",),
                lambda path: path.write_text(self.csv(), encoding="utf-8") >= 0)

    # -- Qt -----------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.unseen()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.header.menu.popup(event.globalPos())

    def _restyle(self) -> None:
        self.header.restyle()
        self.restyle()
        self.refresh()


__all__ = ["PICTURES", "Table", "View"]
