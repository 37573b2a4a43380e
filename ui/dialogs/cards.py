"""A card of the gallery: the picture of a run, and what the example is held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from playground.layers.data import DataLayer
from ui.dialogs.pictures import HEIGHT, WIDTH, Run, picture
from ui.guarded import guarded
from ui.theme import caption_font, theme, ui_font

if TYPE_CHECKING:
    from playground.examples import Example

NAME = Qt.ItemDataRole.UserRole
"""The example of a card, or the path of its document; a caption has none."""
FACTS = Qt.ItemDataRole.UserRole + 1
"""The lines below the title."""
PICTURE = Qt.ItemDataRole.UserRole + 2
"""Of a document, its own; an example's is found by its name."""
MARGIN, LINE, CAPTION, RADIUS = 6, 17, 30, 8
FACT_LINES = 3
Index = QModelIndex | QPersistentModelIndex


def data_of(example: Example) -> str:
    """The data sets that the example learns from."""
    labels = [node.layer.label for node in example.graph.nodes if isinstance(node.layer, DataLayer)]
    return ", ".join(dict.fromkeys(labels))


def show_time(seconds: float) -> str:
    """How long a training takes, as people say it."""
    if seconds < 1:
        return "under 1 s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def facts_of(example: Example, run: Run | None) -> tuple[str, ...]:
    """Three lines: the mark with what was reached; data and seed; steps and time."""
    mark = example.mark
    sense = "≥" if mark.sense == ">=" else "≤"
    goal = f"{mark.name} {sense} {mark.show(mark.value)}"
    if run is not None and run.reached is not None:
        goal = f"{mark.name} {mark.show(run.reached)} ({sense} {mark.show(mark.value)})"
    start = f"{data_of(example)} · seed {example.graph.training.weight_seed}"
    if run is None:
        return goal, start, ""
    steps = f"{run.steps:,} step{'' if run.steps == 1 else 's'}"
    return goal, start, f"{steps} · {show_time(run.seconds)}"


class Cards(QStyledItemDelegate):
    """Draws the cards, and the captions between them, of a list in icon mode."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.across = 2 * MARGIN + WIDTH
        """Width of a card; the list changes it with its own."""
        self.whole = self.across
        """Width of a caption: a row of its own."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        if index.data(NAME) is None:
            return QSize(self.whole, CAPTION)
        return QSize(self.across, 2 * MARGIN + self._picture_height() + 8 + (1 + FACT_LINES) * LINE)

    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        area: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if index.data(NAME) is None:
            text = index.data(Qt.ItemDataRole.DisplayRole)
            inner = area.adjusted(MARGIN, 0, 0, -4)
            if index.flags() & Qt.ItemFlag.ItemIsEnabled:  # a line that shows more
                if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
                    painter.setPen(Qt.PenStyle.NoPen)
                    painter.setBrush(theme().color("hover"))
                    painter.drawRoundedRect(area.adjusted(2, 0, -2, -4), RADIUS, RADIUS)
                painter.setFont(ui_font(12))
                painter.setPen(theme().text("accent"))
                painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, text)
            else:
                painter.setFont(caption_font())
                painter.setPen(theme().color("faint"))
                painter.drawText(inner, Qt.AlignmentFlag.AlignBottom, text)
        else:
            self._card(painter, QRectF(area).adjusted(2, 2, -2, -2), index,
                       bool(state & QStyle.StateFlag.State_Selected),
                       bool(state & QStyle.StateFlag.State_MouseOver))
        painter.restore()

    def _picture_height(self) -> int:
        return round((self.across - 2 * MARGIN) * HEIGHT / WIDTH)

    def _card(self, painter: QPainter, area: QRectF, index: Index, chosen: bool, over: bool
              ) -> None:
        if chosen or over:
            painter.setPen(QPen(theme().color("accent"), 1.5) if chosen else Qt.PenStyle.NoPen)
            painter.setBrush(theme().color("accent_soft" if chosen else "hover"))
            painter.drawRoundedRect(area, RADIUS, RADIUS)
        inner = area.adjusted(MARGIN - 2, MARGIN - 2, 2 - MARGIN, 2 - MARGIN)
        frame = QRectF(inner.topLeft(), QSize(int(inner.width()), self._picture_height()))
        path = QPainterPath()
        path.addRoundedRect(frame, RADIUS - 2, RADIUS - 2)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        shown: QPixmap = index.data(PICTURE) or picture(index.data(NAME), theme().dark)
        painter.save()
        painter.setClipPath(path)
        painter.fillPath(path, theme().color("canvas"))
        if not shown.isNull():
            painter.drawPixmap(frame, shown, filling(QRectF(shown.rect()), frame))
        painter.restore()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(theme().color("line"))
        painter.drawPath(path)
        y = frame.bottom() + 6
        title = index.data(Qt.ItemDataRole.DisplayRole)
        for text, font, role in ((title, ui_font(13, QFont.Weight.DemiBold), "text"), *(
                (fact, ui_font(11), "secondary") for fact in index.data(FACTS))):
            painter.setFont(font)
            painter.setPen(theme().text(role, "accent_soft" if chosen else "panel"))
            line = QRectF(inner.left() + 2, y, inner.width() - 4, LINE)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter,
                             shortened(text, QFontMetrics(font), int(line.width())))
            y += LINE


def filling(picture: QRectF, frame: QRectF) -> QRectF:
    """The part of a picture, in its middle, that fills a frame."""
    scale = min(picture.width() / frame.width(), picture.height() / frame.height())
    part = QRectF(0, 0, scale * frame.width(), scale * frame.height())
    part.moveCenter(picture.center())
    return part


def shortened(text: str, metrics: QFontMetrics, width: int) -> str:
    """A line that fits: without what stands in brackets, or else cut."""
    if metrics.horizontalAdvance(text) > width:
        text = text.split(" (")[0]
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)


__all__ = ["FACTS", "NAME", "PICTURE", "Cards", "data_of", "facts_of", "filling", "shortened",
           "show_time"]
