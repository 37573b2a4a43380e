"""The top row of a view: title, chips, small switches, a note on the right, and a menu."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QColor,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from ui.theme import CONTRAST, contrast, mix, theme, ui_font
from ui.views.numbers import cuts_number

HEIGHT = 36
GAP = 8
STUMP = 0.7
"""Less than this share of a text tells nothing."""


class Chip(QWidget):
    """A rounded word with a sign before it: the state is never told by colour alone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = ""
        self.role = "unknown"
        self._short = ""
        self._tip = ""
        self._brief = self._veiled = False
        self.setFont(ui_font(11))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_text(self, text: str, role: str, tip: str = "", short: str = "") -> None:
        """Show a state; an empty text hides the chip. short: what it says where room is short."""
        self._short = short or text
        if (text, role, tip) != (self.text, self.role, self._tip):
            self.text, self.role, self._tip = text, role, tip
            self._tell()
        self.setVisible(bool(text))

    def veil(self, veiled: bool) -> None:
        """Whether it keeps what it says to itself; its place stays."""
        if veiled != self._veiled:
            self._veiled = veiled
            self._tell()

    def _tell(self) -> None:
        self.setToolTip("" if self._veiled else self._tip)
        self.setAccessibleName("" if self._veiled else self.text)
        self.setAccessibleDescription("" if self._veiled else self._tip)
        self.updateGeometry()
        self.update()

    def be_brief(self, brief: bool) -> None:
        """Whether room is short."""
        if brief != self._brief:
            self._brief = brief
            self.updateGeometry()
            self.update()

    @property
    def shown(self) -> str:
        return self._short if self._brief else self.text

    def sizeHint(self) -> QSize:
        return QSize(QFontMetrics(self.font()).horizontalAdvance(self.shown) + 16, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._veiled:
            return
        ground = mix(theme().color("panel"), theme().color(self.role), 0.2)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(self.rect(), 10, 10)
        painter.setPen(readable(theme().color(self.role), ground))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.shown)


def readable(color: QColor, ground: QColor) -> QColor:
    """The colour, moved towards the text colour until it can be read on this ground."""
    text, share, moved = theme().color("text"), 0.0, color
    while contrast(moved, ground) < CONTRAST and share < 1:
        share += 0.1
        moved = mix(color, text, share)
    return moved


class Note(QLabel):
    """Small text on the right that gives way: what does not fit is left out part by part (parts
    stand between dots), and a tooltip has it all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "secondary")
        self.setFont(ui_font(12))
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.whole = ""
        self._tip = ""
        self._veiled = False

    def show_text(self, text: str, tip: str = "") -> None:
        if (text, tip) != (self.whole, self._tip):
            self.whole, self._tip = text, tip
            self._fit()
            self.updateGeometry()

    def veil(self, veiled: bool) -> None:
        """Whether it keeps what it says to itself; its place stays."""
        if veiled != self._veiled:
            self._veiled = veiled
            self._fit()

    def sizeHint(self) -> QSize:
        return QSize(QFontMetrics(self.font()).horizontalAdvance(self.whole) + 4,
                     super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def _fit(self) -> None:
        self.setAccessibleName("" if self._veiled else self.whole)
        if self._veiled:
            self.setText("")
            self.setToolTip("")
            return
        metrics, parts = QFontMetrics(self.font()), self.whole.split(" · ")
        while parts and metrics.horizontalAdvance(" · ".join(parts)) > self.width():
            parts.pop()
        shown = " · ".join(parts)
        if not parts and self.width() >= STUMP * metrics.horizontalAdvance(self.whole):
            elided = metrics.elidedText(self.whole, Qt.TextElideMode.ElideRight, self.width())
            shown = "" if cuts_number(elided) else elided
        self.setText(shown)
        cut = self.whole if shown != self.whole else ""
        self.setToolTip("\n".join(filter(None, (cut, self._tip))))


class Header(QWidget):
    """The row itself. A switch is in the menu too, and leaves the row when room is short: first
    the minor ones, then the note, last the choice of what is shown."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self.title = QLabel(title, self)
        self.title.setProperty("role", "title")
        self.note = Note(self)
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self._choices: list[list[QToolButton]] = []
        self._switches: list[list[QToolButton]] = []
        self._chips: list[Chip] = []
        self.note_room = 150
        """Pixels of the note that count more than the minor switches."""

        self._menu_button = QToolButton(self)
        self._menu_button.setProperty("role", "flat")
        self._menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu_button.setStyleSheet(
            "QToolButton { padding: 0; } QToolButton::menu-indicator { image: none; }")
        self._menu_button.setMenu(self.menu)
        self._menu_button.setFixedSize(24, 24)
        self._menu_button.setToolTip(f"{title}: options, save or copy the picture and the data")
        self._menu_button.setAccessibleName(f"{title} options")

        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 4, 6, 4)
        self._row.setSpacing(GAP)
        self._row.addWidget(self.title)
        self._row.addWidget(self.note, 1)
        self._row.addWidget(self._menu_button)
        self.close_button = close_button(self)
        self._row.addWidget(self.close_button)
        self.restyle()

    def veil(self, veiled: bool) -> None:
        """Whether chips and note are of another network than the one that is drawn."""
        self.note.veil(veiled)
        for chip in self._chips:
            chip.veil(veiled)

    def chip(self) -> Chip:
        chip = Chip(self)
        self._chips.append(chip)
        self._row.insertWidget(self._row.indexOf(self.note), chip)
        return chip

    def switch(self, text: str, tip: str, changed: Callable[[bool], None], on: bool = False
               ) -> QAction:
        """A choice of yes or no. `changed` is called with it."""
        action = self._action(text, tip, on)
        action.toggled.connect(changed)
        self._switches.append([self._button(action)])
        return action

    def command(self, text: str, tip: str, act: Callable[[], None], in_menu: bool = False
                ) -> QAction:
        """A thing to do; hide its action where there is no need to do it. in_menu: only there."""
        action = QAction(text, self)
        action.setToolTip(tip)
        action.triggered.connect(lambda _=False: act())
        self.menu.addAction(action)
        if not in_menu:
            self._switches.append([self._button(action)])
        return action

    def choice(self, options: dict[str, tuple[str, str]], changed: Callable[[str], None],
               chosen: str, buttons: bool = True) -> dict[str, QAction]:
        """One of several: key -> (text, tooltip). `changed` is called with the new key."""
        group = QActionGroup(self)
        actions: dict[str, QAction] = {}
        for key, (text, tip) in options.items():
            action = self._action(text, tip, key == chosen)
            group.addAction(action)
            action.toggled.connect(partial(_when_on, changed, key))
            actions[key] = action
        if buttons:
            self._choices.append([self._button(action) for action in actions.values()])
        self.menu.addSeparator()
        return actions

    def add(self, widget: QWidget) -> None:
        """Put a widget of a view's own before the note."""
        self._row.insertWidget(self._row.indexOf(self._menu_button), widget)

    def restyle(self) -> None:
        self._menu_button.setIcon(theme().icon("dots-horizontal"))
        self.close_button.setIcon(theme().icon("close"))
        for chip in self._chips:
            chip.update()
        for group in (*self._choices, *self._switches):
            for button in group:
                button.setStyleSheet(self._switch_style())

    def minimumSizeHint(self) -> QSize:
        # A narrow panel squeezes the row; the row never makes the panel wider.
        return QSize(0, HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.fit()

    def fit(self) -> None:
        """Hide what does not fit, the last switches first; the menu keeps them all."""
        fixed = self._menu_button.width() + 2 * GAP + 18
        if not self.close_button.isHidden():
            fixed += self.close_button.width() + GAP
        if not self.title.isHidden():
            fixed += self.title.sizeHint().width() + GAP
        chips = [chip for chip in self._chips if not chip.isHidden()]
        for brief in (False, True):
            for chip in chips:
                chip.be_brief(brief)
            wide = sum(chip.sizeHint().width() + GAP for chip in chips)
            if fixed + wide <= self.width():
                break
        room = self._fill(self._choices, self.width() - fixed - wide)
        self._fill(self._switches, room - min(self.note.sizeHint().width(), self.note_room))

    @staticmethod
    def _fill(groups: list[list[QToolButton]], room: int) -> int:
        """Show the groups that there is room for; gives the room that is left."""
        for group in groups:
            offered = [button for button in group if button.defaultAction().isVisible()]
            width = sum(button.sizeHint().width() + GAP for button in offered)
            # One of several that is alone is no choice.
            fits = room >= width and (len(group) == 1 or len(offered) > 1)
            for button in group:
                button.setVisible(fits and button in offered)
            room -= width if fits else 0
        return room

    def _action(self, text: str, tip: str, on: bool) -> QAction:
        action = QAction(text, self)
        action.setCheckable(True)
        action.setChecked(on)
        action.setToolTip(tip)
        self.menu.addAction(action)
        return action

    def _button(self, action: QAction) -> QToolButton:
        button = QToolButton(self)
        button.setDefaultAction(action)
        button.setAccessibleName(action.text())
        button.setAccessibleDescription(action.toolTip())
        button.setStyleSheet(self._switch_style())
        self._row.insertWidget(self._row.indexOf(self._menu_button), button)
        return button

    @staticmethod
    def _switch_style() -> str:
        color = theme().color
        return (
            f"QToolButton {{ border: none; background: transparent; padding: 2px 4px;"
            f" font-size: 12px; color: {color('faint').name()};"
            f" border-bottom: 2px solid transparent; border-radius: 0; }}"
            f"QToolButton:hover {{ color: {color('text').name()}; }}"
            f"QToolButton:focus {{ border-bottom-color: {color('line_strong').name()}; }}"
            f"QToolButton:checked {{ color: {color('text').name()};"
            f" border-bottom-color: {color('accent').name()}; }}")


def close_button(parent: QWidget) -> QToolButton:
    """For a panel that floats: nothing else closes it there."""
    button = QToolButton(parent)
    button.setProperty("role", "flat")
    button.setStyleSheet("QToolButton { padding: 0; }")
    button.setIcon(theme().icon("close"))
    button.setFixedSize(24, 24)
    button.setToolTip("Close the panel; the menu View opens it again")
    button.setAccessibleName("Close the panel")
    button.hide()
    return button


def _when_on(changed: Callable[[str], None], key: str, on: bool) -> None:
    if on:
        changed(key)


__all__ = ["HEIGHT", "Chip", "Header", "Note", "close_button", "readable"]
