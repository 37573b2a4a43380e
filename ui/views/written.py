"""A text whose symbols, characters or words, tell how probable they were, and a list of what else
was possible."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextEdit, QWidget

from ui.theme import mono_font, theme, ui_font
from ui.views.numbers import format_share
from ui.views.token_rows import VISIBLE

SURPRISING = 6.0
"""Bits: a symbol of 1 in 64 has the full tint."""
TINT = 0.55
LINE = 18
NAME, SHARE = 28, 46
"""Pixels left of the bars, for a character at least, and right of them."""
SHADES = 12


class WrittenText(QTextEdit):
    """The prompt in grey, what was written in black or white, on a tint that tells its surprise;
    what is left of the last text in grey, until it is written over."""

    pointed = Signal(int)
    """The symbol under the mouse, counted from the first written one; -1 for none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFont(mono_font(13))
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.viewport().installEventFilter(self)
        self._prompt = 0
        self._ends = [0]
        """Where the symbols end that were written, counted from the prompt's end."""

    def show_text(self, prompt: str, written: Sequence[str], probabilities: Sequence[float],
                  rest: str) -> None:
        """written: symbol by symbol. rest: what an older text goes on with."""
        self._prompt, self._ends = len(prompt), list(accumulate(map(len, written), initial=0))
        bar = self.verticalScrollBar()
        place = bar.value()
        self.clear()
        cursor = self.textCursor()
        faint = _format(theme().color("faint"), None)
        cursor.insertText(prompt, faint)
        # Runs of one shade are one piece: some hundred pieces would be slow.
        shades = [round(SHADES * surprise(p)) for p in probabilities]
        start = 0
        for end in range(1, len(written) + 1):
            if end == len(written) or shades[end] != shades[start]:
                cursor.insertText("".join(written[start:end]), _shade(shades[start] / SHADES))
                start = end
        cursor.insertText(rest, faint)
        bar.setValue(min(place, bar.maximum()))

    def symbol_at(self, event: QMouseEvent) -> int:
        cursor = self.cursorForPosition(event.position().toPoint())
        number = cursor.position()
        # A cursor stands between characters: the one before it may be the one pointed at.
        if self.cursorRect(cursor).left() > event.position().x():
            number -= 1
        number -= self._prompt
        return bisect_right(self._ends, number) - 1 if 0 <= number < self._ends[-1] else -1

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self.pointed.emit(self.symbol_at(event))
        elif event.type() == QEvent.Type.Leave:
            self.pointed.emit(-1)
        return super().eventFilter(watched, event)

    def written(self) -> QTextCursor:
        """A cursor over what was written."""
        cursor = self.textCursor()
        cursor.setPosition(self._prompt)
        cursor.setPosition(self._prompt + self._ends[-1], QTextCursor.MoveMode.KeepAnchor)
        return cursor


class Alternatives(QWidget):
    """The likeliest symbols with their probabilities as bars; the one that was drawn is marked.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[tuple[str, float]] = []
        self.drawn = ""
        self.make_room(words=False)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def make_room(self, words: bool) -> None:
        """For names that are longer than a character."""
        self.setMinimumWidth(160 if words else 110)

    def show_rows(self, rows: list[tuple[str, float]], drawn: str) -> None:
        self.rows, self.drawn = rows, drawn
        self.setAccessibleDescription(", ".join(
            f"{text} {format_share(p)}" for text, p in rows))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = Qt.AlignmentFlag.AlignVCenter
        metrics = QFontMetricsF(mono_font(13))
        widest = max((metrics.horizontalAdvance(f"▸{text} ") for text, _ in self.rows), default=0)
        name = round(min(max(NAME, widest), (self.width() - SHARE) * 0.7))
        for i, (text, p) in enumerate(self.rows):
            line = QRectF(0, i * LINE, self.width(), LINE)
            if line.bottom() > self.height():
                break
            is_drawn = text == self.drawn
            painter.setFont(mono_font(13))
            painter.setPen(theme().color("text" if is_drawn else "secondary"))
            told = ("▸" if is_drawn else " ") + VISIBLE.get(text, text)
            painter.drawText(line, middle, metrics.elidedText(
                told, Qt.TextElideMode.ElideRight, name))
            bar = line.adjusted(name, 4, -SHARE, -4)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color("line"))
            painter.drawRoundedRect(bar, 2, 2)
            painter.setBrush(theme().color("accent" if is_drawn else "line_strong"))
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), max(1.5, bar.width() * p),
                                           bar.height()), 2, 2)
            painter.setFont(ui_font(11))
            painter.setPen(theme().color("secondary"))
            painter.drawText(line, middle | Qt.AlignmentFlag.AlignRight, format_share(p))


def surprise(probability: float) -> float:
    """0 for what was sure, 1 for what came once in 64 times or less. NaN surprises."""
    if not probability > 0:
        return 1.0
    return min(1.0, -math.log2(min(1.0, probability)) / SURPRISING)


def _format(color: QColor, ground: QColor | None) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(color)
    if ground is not None:
        made.setBackground(ground)
    return made


def _shade(share: float) -> QTextCharFormat:
    ground = theme().color("warning", TINT * share)
    return _format(theme().color("text"), ground if share > 0 else None)


__all__ = ["Alternatives", "WrittenText", "surprise"]
