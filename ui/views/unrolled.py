"""A recurrent layer unrolled: a box for each time step, and the arrows that join them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from ui.colormaps import NOT_FINITE, SEQUENTIAL, signed_image
from ui.theme import theme, ui_font
from ui.views.numbers import format_number
from ui.views.pictures import largest
from ui.views.series import Series

Floats = NDArray[np.float32]
Shade = Literal["state", "gradient"]
PITCH = 54
"""Pixels from box to box, at least: its name and its number must be readable."""
WIDEST = 96
BOX = 0.62
"""Width of a box, as a share of the pitch."""
NAME, ARROW, INPUT = 15, 13, 18
"""Heights: of a line of text, of an arrow up, of the box of an input."""
SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Steps:
    """What happened over time, for one sample. state (time, units); norms (time,): the gradient's
    norm at each state. cuts: boundaries between time steps, t - 0.5, that no gradient passes.
    outputs: the time steps whose state goes on to the next layer. reverse: from the last to the
    first. now: the time step that comes next while stepping."""

    name: str = "h"
    state: Floats = field(default_factory=lambda: np.zeros((0, 1), np.float32))
    norms: Series = field(default_factory=lambda: np.zeros(0))
    cuts: Sequence[float] = ()
    outputs: frozenset[int] = frozenset()
    reverse: bool = False
    now: int | None = None

    @property
    def time(self) -> int:
        return len(self.state)


class UnrolledNetwork(QAbstractScrollArea):
    """x_t below, h_t above it, arrows from each state to the next; where backpropagation is cut,
    the arrow is broken. What does not fit is scrolled to: boxes never get too small to read."""

    pointed = Signal(int)
    """The time step under the mouse; -1 when there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps = Steps()
        self.shade: Shade = "state"
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFont(ui_font(11))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("The network unrolled over time")
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.setMinimumHeight(2 * NAME + 2 * ARROW + INPUT + 20)

    def sizeHint(self) -> QSize:
        return QSize(400, 130)

    def show_steps(self, steps: Steps, shade: Shade) -> None:
        self.steps, self.shade = steps, shade
        self.setAccessibleDescription(
            f"{steps.time} time steps, {len(steps.cuts)} cuts")
        self._fit()
        if steps.now is not None:
            self._reveal(steps.now)
        self.viewport().update()

    # -- layout -------------------------------------------------------------------------------

    @property
    def pitch(self) -> float:
        """Pixels from a time step to the next."""
        room = self.viewport().width() / max(1, self.steps.time)
        return min(max(float(PITCH), room), float(WIDEST))

    def box(self, t: int) -> QRectF:
        """Where the state of time step t is drawn, in the viewport."""
        width = self.pitch * BOX
        top = NAME + ARROW + NAME
        height = self.viewport().height() - top - ARROW - INPUT - 2
        return QRectF(self._left() + t * self.pitch + (self.pitch - width) / 2, top,
                      width, max(12.0, height))

    def step_at(self, x: float) -> int:
        """The time step at a place of the viewport, or -1."""
        t = math.floor((x - self._left()) / self.pitch)
        return t if 0 <= t < self.steps.time else -1

    def is_cut(self, t: int) -> bool:
        """Whether no gradient passes between time steps t - 1 and t."""
        return any(abs(cut - (t - 0.5)) < 0.01 for cut in self.steps.cuts)

    def _left(self) -> float:
        spare = self.viewport().width() - self.steps.time * self.pitch
        return max(0.0, spare / 2) - self.horizontalScrollBar().value()

    def _fit(self) -> None:
        bar = self.horizontalScrollBar()
        whole = math.ceil(self.steps.time * self.pitch)
        bar.setRange(0, max(0, whole - self.viewport().width()))
        bar.setPageStep(self.viewport().width())
        bar.setSingleStep(round(self.pitch))

    def _reveal(self, t: int) -> None:
        box, bar = self.box(t), self.horizontalScrollBar()
        if box.left() < 0 or box.right() > self.viewport().width():
            bar.setValue(round(bar.value() + box.center().x() - self.viewport().width() / 2))

    # -- painting -----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.steps.time:
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        first = max(0, math.floor(-self._left() / self.pitch))
        last = min(self.steps.time, math.ceil((self.viewport().width() - self._left())
                                              / self.pitch) + 1)
        shown = _Colors(self.steps)
        for t in range(first, last):
            self._step(painter, t, shown)
        # One more: the arrow into the first that is not shown.
        for t in range(first, min(last + 1, self.steps.time + 1)):
            self._arrow_before(painter, t)

    def _step(self, painter: QPainter, t: int, shown: _Colors) -> None:
        box, name = self.box(t), self.steps.name
        center = box.center().x()
        number = str(t).translate(SUBSCRIPT)
        line = QColor(theme().color("edge"))
        x = QRectF(box.left(), box.bottom() + ARROW, box.width(), INPUT)
        painter.setPen(QPen(line, 1.2))
        _arrow(painter, QPointF(center, x.top()), QPointF(center, box.bottom() + 1))
        painter.setPen(QPen(theme().color("line_strong"), 1))
        painter.setBrush(theme().color("inset"))
        painter.drawRoundedRect(x, 4, 4)
        painter.setPen(theme().color("secondary"))
        painter.drawText(x, Qt.AlignmentFlag.AlignCenter, f"x{number}")
        names = QRectF(center - self.pitch / 2, box.top() - NAME, self.pitch, NAME)
        if t in self.steps.outputs:
            painter.setPen(QPen(line, 1.2))
            _arrow(painter, QPointF(center, names.top() - 1), QPointF(center, NAME))
            painter.setPen(theme().color("secondary"))
            painter.drawText(QRectF(names.left(), 0, self.pitch, NAME),
                             Qt.AlignmentFlag.AlignCenter, f"y{number}")
        painter.setPen(theme().color("text"))
        painter.drawText(names, Qt.AlignmentFlag.AlignCenter, f"{name}{number}")
        self._fill(painter, box, t, shown)

    def _fill(self, painter: QPainter, box: QRectF, t: int, shown: _Colors) -> None:
        """The box in its colours: units as bands, or one colour with the norm as a number."""
        if self.shade == "state":
            image = signed_image(self.steps.state[t][:, None], shown.scale)
            painter.drawImage(box, image, QRectF(image.rect()))
        else:
            color, norm = shown.of_norm(t), self.steps.norms[t]
            painter.fillRect(box, color)
            painter.setPen(QColor("#000000" if color.lightnessF() > 0.45 else "#ffffff"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, _short(norm))
        now = t == self.steps.now
        painter.setPen(QPen(theme().color("accent" if now else "line_strong"), 2 if now else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)

    def _arrow_before(self, painter: QPainter, t: int) -> None:
        """From the state of t - 1 to that of t; before the first and after the last, nothing."""
        if not 0 < t < self.steps.time:
            return
        left, right = self.box(t - 1), self.box(t)
        y = left.center().y()
        start, end = QPointF(left.right() + 2, y), QPointF(right.left() - 2, y)
        if self.steps.reverse:
            start, end = end, start
        if not self.is_cut(t):
            painter.setPen(QPen(theme().color("edge"), 1.6))
            _arrow(painter, start, end)
            return
        # Forward goes on, the gradient does not come back: a broken arrow between two bars.
        color = theme().text("warning")
        painter.setPen(QPen(color, 1.4, Qt.PenStyle.DotLine))
        _arrow(painter, start, end)
        middle = (start.x() + end.x()) / 2
        painter.setPen(QPen(color, 2))
        for x in (middle - 2.5, middle + 2.5):
            painter.drawLine(QPointF(x - 2, y + 7), QPointF(x + 2, y - 7))

    # -- events -------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """There is one direction to scroll in."""
        turned = event.angleDelta()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (turned.x() or turned.y()))
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointed.emit(self.step_at(event.position().x()))

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self.pointed.emit(-1)
        return super().viewportEvent(event)


class _Colors:
    """One scale for all time steps."""

    def __init__(self, steps: Steps) -> None:
        self.scale = largest(steps.state)
        norms = np.asarray(steps.norms, float)
        self._logs = np.full(norms.shape, np.nan)
        self._finite = np.isfinite(norms)
        positive = self._finite & (norms > 0)
        self._logs[positive] = np.log10(norms[positive])
        known = self._logs[positive]
        self._high = float(known.max()) if known.size else 0.0
        self._span = max(self._high - float(known.min()), 0.5) if known.size else 1.0

    def of_norm(self, t: int) -> QColor:
        """Of the gradient at t, by its power of ten: the largest is yellow; magenta, as
        everywhere, when it is not finite."""
        if t >= len(self._logs):
            return QColor(theme().color("inset"))
        if not self._finite[t]:
            return QColor(*NOT_FINITE)
        if not np.isfinite(self._logs[t]):  # zero: nothing comes back this far
            return QColor(*SEQUENTIAL[0].tolist())
        share = 1 - (self._high - self._logs[t]) / self._span
        return QColor(*SEQUENTIAL[int(255 * share)].tolist())


def _short(value: float) -> str:
    """A number in at most five letters: 0.012, 3e-7."""
    text = format_number(value, 2)
    if len(text) <= 5:
        return text
    mantissa, _, power = f"{value:.0e}".partition("e")
    return f"{mantissa}e{int(power)}"


def _arrow(painter: QPainter, start: QPointF, end: QPointF) -> None:
    """A line with a head at its end."""
    pen = painter.pen()
    painter.drawLine(start, end)
    angle = math.atan2(end.y() - start.y(), end.x() - start.x())
    head = QPolygonF([end, *(
        QPointF(end.x() - 6 * math.cos(angle + turn), end.y() - 6 * math.sin(angle + turn))
        for turn in (-0.5, 0.5))])
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(pen.color())
    painter.drawPolygon(head)
    painter.setPen(pen)


__all__ = ["Steps", "UnrolledNetwork"]
