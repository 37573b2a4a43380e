"""Pictures with a question about each: the question, the answer, and what the network says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import theme, ui_font

PICTURE = 48
LINE = 16
WIDTH = 150
"""Pixels of a card, at least: a picture and three words of a question beside it."""
GAP, INSIDE = 12, 8
"""Between two cards, and between a picture and its words."""


@dataclass(frozen=True)
class Card:
    """A question and what is said to it; tip: the same in a sentence."""

    question: str
    answer: str
    wrong: bool
    tip: str


class QuestionCards(QWidget):
    """As many cards as there is room for; what does not fit is counted, not hidden."""

    pointed = Signal(str)
    """What is under the mouse, in words; empty when there is nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: Sequence[Card] = ()
        self._images: list[QImage] = []
        self.setFont(ui_font(11))
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_cards(self, pixels: NDArray[np.uint8], cards: Sequence[Card]) -> None:
        """Pictures (n, height, width, 3) and what belongs to each."""
        n, height, width, _ = pixels.shape
        whole = np.ascontiguousarray(pixels)
        self._images = [QImage(whole[i].data, width, height, 3 * width,
                               QImage.Format.Format_RGB888).copy() for i in range(n)]
        self.cards = cards
        self.update()

    def places(self) -> list[QRectF]:
        """Of the cards, as many as fit."""
        columns = max(1, (self.width() + GAP) // (WIDTH + GAP))
        width = (self.width() + GAP) / columns - GAP
        rows = max(1, (self.height() + GAP) // (PICTURE + GAP))
        if columns * rows < len(self.cards):  # Room to say how many more there are.
            rows = max(1, (self.height() + GAP - LINE) // (PICTURE + GAP))
        return [QRectF(i % columns * (width + GAP), i // columns * (PICTURE + GAP), width, PICTURE)
                for i in range(min(len(self.cards), columns * rows))]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        places = self.places()
        for place, card, image in zip(places, self.cards, self._images, strict=False):
            painter.drawImage(QRectF(place.left(), place.top(), PICTURE, PICTURE), image)
            words = place.adjusted(PICTURE + INSIDE, 0, 0, 0)
            color = theme().color
            painter.setPen(color("text"))
            painter.drawText(words.adjusted(0, 0, 0, -LINE), Qt.AlignmentFlag.AlignLeft
                             | Qt.TextFlag.TextWordWrap, card.question)
            painter.setPen(theme().text("error") if card.wrong else color("secondary"))
            painter.drawText(words, Qt.AlignmentFlag.AlignBottom, card.answer)
        if len(places) < len(self.cards):
            painter.setPen(theme().color("faint"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignBottom,
                             f"and {len(self.cards) - len(places):,} more")

    def card_at(self, point: QPointF) -> int | None:
        return next((i for i, place in enumerate(self.places()) if place.contains(point)), None)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = self.card_at(event.position())
        self.pointed.emit("" if at is None else self.cards[at].tip)

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit("")


__all__ = ["Card", "QuestionCards"]
