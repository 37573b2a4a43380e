"""Sequences of words or characters with their true and predicted labels below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from playground.snapshot import NO_CLASS, Predictions
from ui.theme import theme, ui_font
from ui.views.numbers import format_share

LINE = 17
GAP = 8
"""Between two sentences, and between the lines of a long one."""
SIDE = 42
"""Pixels left of the words, for what the lines are."""
BETWEEN = 10
VISIBLE = {" ": "␣", "\n": "⏎", "\t": "⇥"}
"""Characters that nobody would see."""


@dataclass(frozen=True)
class Word:
    """A step of a sequence: its word, what it truly is, and what the network says.

    truth and said are empty where nothing is asked. place: of its left upper corner, in pixels.
    """

    text: str
    truth: str
    said: str
    wrong: bool
    sure: float
    step: int
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0


class TokenRows(QAbstractScrollArea):
    """Sentence by sentence: the words, below them their labels, and below those what the network
    says; what is wrong is crossed, underlined and red."""

    pointed = Signal(str)
    """What is under the mouse, in words; empty when there is nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[list[Word]] = []
        self.numbers: list[int] = []
        self._content: object = None
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setFont(ui_font(12))
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.verticalScrollBar().setSingleStep(LINE)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._bold = ui_font(12, QFont.Weight.DemiBold)

    def show_steps(self, p: Predictions, order: Sequence[int] | np.ndarray, start: int) -> None:
        """The samples of `p` in this order; the first of them has the number `start`."""
        self.numbers = [start + int(i) for i in order]
        self.rows = [words_of(p, int(i)) for i in order]
        self._place()
        self.viewport().update()

    def _place(self) -> None:
        """Words side by side as far as there is room, then on the next line."""
        plain, bold = QFontMetricsF(self.font()), QFontMetricsF(self._bold)
        room = max(80, self.viewport().width() - 4)
        y, placed = 0.0, []
        for words in self.rows:
            x, row = float(SIDE), []
            for word in words:
                width = max(plain.horizontalAdvance(word.truth),
                            plain.horizontalAdvance(word.said + "✗ " * word.wrong),
                            bold.horizontalAdvance(word.text))
                if x + width > room and x > SIDE:
                    x, y = float(SIDE), y + 3 * LINE + GAP
                row.append(Word(word.text, word.truth, word.said, word.wrong, word.sure,
                                word.step, x, y, width))
                x += width + BETWEEN
            placed.append(row)
            y += 3 * LINE + 2 * GAP
        self.rows = placed
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        bar.setRange(0, max(0, round(y) - self.viewport().height()))

    def word_at(self, point: QPointF) -> tuple[int, Word] | None:
        """(number of the sample, the word) at a point of the viewport."""
        x, y = point.x(), point.y() + self.verticalScrollBar().value()
        return next(((number, word) for number, row in zip(self.numbers, self.rows, strict=True)
                     for word in row if QRectF(
                         word.x, word.y, word.width + BETWEEN, 3 * LINE).contains(x, y)), None)

    # -- Qt -----------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        top = self.verticalScrollBar().value()
        painter.translate(0, -top)
        end = top + self.viewport().height()
        for number, row in zip(self.numbers, self.rows, strict=True):
            for i, word in enumerate(row):
                if word.y > end or word.y + 3 * LINE < top:
                    continue
                if i == 0 or word.x == SIDE:
                    self._caption(painter, word.y, f"{number}" if i == 0 else "")
                self._word(painter, word)

    def _caption(self, painter: QPainter, y: float, number: str) -> None:
        painter.setFont(ui_font(11))
        painter.setPen(theme().color("faint"))
        for line, text in enumerate((number, "is", "says")):
            painter.drawText(QRectF(0, y + line * LINE, SIDE - 8, LINE),
                             Qt.AlignmentFlag.AlignVCenter, text)

    def _word(self, painter: QPainter, word: Word) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        color = theme().color
        line = QRectF(word.x, word.y, word.width + 2, LINE)
        painter.setFont(self._bold)
        painter.setPen(color("text" if word.truth else "faint"))
        painter.drawText(line, middle, word.text)
        painter.setFont(self.font())
        painter.setPen(color("secondary"))
        painter.drawText(line.translated(0, LINE), middle, word.truth)
        said = f"✗ {word.said}" if word.wrong else word.said
        painter.setPen(theme().text("error") if word.wrong else color("secondary"))
        third = line.translated(0, 2 * LINE)
        painter.drawText(third, middle, said)
        if word.wrong:
            painter.drawLine(third.bottomLeft(),
                             QPointF(third.left() + word.width, third.bottom()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.word_at(event.position())
        if found is None or not found[1].truth:
            self.pointed.emit("")
            return
        number, word = found
        verdict = "wrong" if word.wrong else "right"
        self.pointed.emit(f"sample {number}, t = {word.step}: {word.text} is {word.truth}, says "
                          f"{word.said} {format_share(word.sure)}, {verdict}")

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit("")


def words_of(p: Predictions, i: int) -> list[Word]:
    """The steps of a sample; those at the end that nobody asks about are filling, and left out."""
    assert p.steps is not None
    targets, said, sure = p.steps.target[i], p.steps.said[i], p.steps.sure[i]
    tokens = p.x[i].reshape(len(p.x[i]), -1)
    if p.lengths is not None:
        tokens = tokens[:p.lengths[i]]
    # One answer to the whole sequence stands below its last word.
    first = max(0, len(tokens) - 1) if targets.size == 1 else 0
    asked = np.flatnonzero(targets >= 0)
    steps = min(len(tokens), first + int(asked[-1]) + 1) if asked.size else 0
    words = []
    for t in range(steps):
        if t < first or targets[t - first] < 0:
            words.append(Word(_token(p, tokens[t]), "", "", False, 0.0, t))
            continue
        place = t - first
        words.append(Word(
            _token(p, tokens[t]), _name(p.classes, targets[place]),
            "NaN" if said[place] == NO_CLASS else _name(p.classes, said[place]),
            bool(said[place] != targets[place]), float(sure[place]), t))
    return words


def _token(p: Predictions, values: np.ndarray) -> str:
    """A word of the vocabulary; or of a vector, its first value."""
    if p.vocabulary:
        number = int(values[0])
        text = p.vocabulary[number] if 0 <= number < len(p.vocabulary) else str(number)
        return VISIBLE.get(text, text)
    return f"{float(values[0]):.2g}"


def _name(classes: Sequence[str], number: int) -> str:
    text = classes[number] if 0 <= number < len(classes) else str(number)
    return VISIBLE.get(text, text)


__all__ = ["TokenRows", "Word", "words_of"]
