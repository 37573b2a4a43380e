"""How a node is painted: halo, box, head, names of ports, pictures, gradient bar."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QIcon,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPen,
)

from ui.canvas import gradient
from ui.canvas.node_size import (
    BAR,
    HINT,
    MARGIN,
    MARK,
    SENTENCE_LINE,
    picture_rect,
    placed_ways,
    sentence_top,
)
from ui.canvas.ports import ROW, heights, in_head
from ui.canvas.text import badge_font, chip_font, name_font, small_font
from ui.theme import theme

if TYPE_CHECKING:
    from ui.canvas.node_item import NodeItem

RADIUS = 10.0
TILE_GAP = 3.0
HALO = 6.0
"""How far paint reaches outside the node: the halo, and the outline of the active node."""
STOP = 5.5
"""Radius of the mark of a breakpoint."""
CHIP = 22.0
HEAD = 44
"""Room for the name that is seen from afar."""
FAR_PIXELS, LEAST_PIXELS = 10, 7
"""Of a name that is seen from afar, on the screen; smaller ones cannot be read."""
STACK = 4.0
"""How far the sheet below a fold looks out."""
FAMILY_STEP = 13.0
TEXT_DETAIL = 0.45
"""Below this zoom text would be a smudge: the node is drawn without it."""

LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight


@cache
def mark(name: str, dark: bool) -> QIcon:
    """An icon in the colour of now; made once for each theme, as drawing one takes long."""
    return theme().icon(name)


def paint_node(item: NodeItem, painter: QPainter, detail: float) -> None:
    """All of it; detail: the zoom, 1 at full size."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    box = QRectF(item.rect())
    _halo(item, painter, box)
    _box(item, painter, box)
    if item.face.parameters and not item.error:
        _bar(item, painter, box)
    _square(item, painter)
    if item.stop:
        _stop(painter)
    if detail >= TEXT_DETAIL:
        _head(item, painter, box)
        _port_names(item, painter, box)
        _sentence(item, painter, box)
        if item.face.waiting:
            _hint(item, painter, box)
    else:
        _name_from_afar(item, painter, box, detail)
    if item.face.families and not item.error:
        _families(item, painter)
    elif not item.error and item.face.picture != "none":
        _pictures(item, painter)
    if item.active and detail >= TEXT_DETAIL:
        _chip(item, painter)


def _halo(item: NodeItem, painter: QPainter, box: QRectF) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if item.active:
        painter.setPen(QPen(theme().color("accent"), 2))
        painter.drawRoundedRect(box.adjusted(-3, -3, 3, 3), RADIUS + 3, RADIUS + 3)
    elif item.where is not None and not item.error:
        # Calm while healthy, plain to see when not.
        quiet = item.state in ("healthy", "unknown")
        color = (theme().color("exploding") if item.state == "diverged"
                 else gradient.color_at(item.where / max(1.0, box.width())))
        color.setAlphaF(0.16 if quiet else 0.45)
        painter.setPen(QPen(color, 3))
        painter.drawRoundedRect(box.adjusted(-1.5, -1.5, 1.5, 1.5), RADIUS + 1, RADIUS + 1)


def _box(item: NodeItem, painter: QPainter, box: QRectF) -> None:
    if item.drop:
        pen = QPen(theme().color(item.drop), 2)
    elif item.error:
        pen = QPen(theme().color("error"), 2 if item.isSelected() else 1)
    elif item.isSelected():
        pen = QPen(theme().color("accent"), 1.5)
    elif item.face.waiting:
        pen = QPen(theme().color("line_strong"), 1, Qt.PenStyle.DashLine)
    else:
        pen = QPen(theme().color("line"), 1)
    painter.setPen(pen)
    painter.setBrush(theme().color("node"))
    inset = pen.widthF() / 2
    if item.face.members:  # A stack: one more lies below.
        painter.drawRoundedRect(box.adjusted(STACK + inset, STACK + inset, STACK - inset,
                                             STACK - inset), RADIUS, RADIUS)
    painter.drawRoundedRect(box.adjusted(inset, inset, -inset, -inset), RADIUS, RADIUS)


def _bar(item: NodeItem, painter: QPainter, box: QRectF) -> None:
    painter.save()
    corners = QPainterPath()
    corners.addRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
    painter.setClipPath(corners, Qt.ClipOperation.IntersectClip)
    colors = QLinearGradient(box.bottomLeft(), box.bottomRight())
    for at in (0.0, 0.5, 1.0):
        colors.setColorAt(at, gradient.color_at(at))
    painter.setOpacity(1.0 if item.where is not None else 0.3)
    painter.fillRect(QRectF(0, box.height() - BAR, box.width(), BAR), colors)
    painter.restore()
    if item.where is not None:
        x = min(max(float(item.where), RADIUS), box.width() - RADIUS)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("tick"))
        painter.drawRoundedRect(QRectF(x - 1.5, box.height() - BAR - 3, 3, 9), 1.5, 1.5)


def _square(item: NodeItem, painter: QPainter) -> None:
    """The family's colour; of a fold, which has several, two frames."""
    square = QRectF(MARGIN, 13, 9, 9)
    if item.face.members:
        painter.setPen(QPen(theme().color("secondary"), 1.25))
        painter.setBrush(theme().color("node"))
        painter.drawRoundedRect(square.adjusted(3, 3, 2, 2), 2, 2)
        painter.drawRoundedRect(square.adjusted(0, 0, -2, -2), 2, 2)
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme().family(item.face.category))
    painter.drawRoundedRect(square, 2.5, 2.5)


def _stop(painter: QPainter) -> None:
    """A breakpoint, as in the program's list: a red dot, on the corner before the name."""
    painter.setPen(QPen(theme().color("node"), 1.5))
    painter.setBrush(theme().color("error"))
    painter.drawEllipse(QPointF(4, 4), STOP, STOP)


def _name_from_afar(item: NodeItem, painter: QPainter, box: QRectF, detail: float) -> None:
    """Nothing but the name, as large as there is room for above the picture."""
    font = QFont(name_font())  # a copy: that one is everybody's
    room = QRectF(MARGIN + 16, 2, box.width() - 2 * MARGIN - 12, HEAD)
    pixels = min(HEAD - 8.0, FAR_PIXELS / max(detail, 0.01))
    font.setPixelSize(round(pixels))
    wide = QFontMetricsF(font).horizontalAdvance(item.id)
    font.setPixelSize(round(max(pixels * min(1.0, room.width() / max(wide, 1.0)),
                                LEAST_PIXELS / max(detail, 0.01))))
    if font.pixelSize() > HEAD - 8:
        return
    painter.setFont(font)
    painter.setPen(theme().color("text"))
    _elided(painter, room, item.id, Qt.TextElideMode.ElideMiddle)


def _head(item: NodeItem, painter: QPainter, box: QRectF) -> None:
    """Name and badge and, where no sentence stands in their place, the settings and the state."""
    face, look, right = item.face, theme(), box.width() - MARGIN
    badge = face.trouble or ("failed" if item.failure else (
        face.badge if item.badge is None else item.badge))
    metrics = QFontMetricsF(badge_font())
    space = metrics.horizontalAdvance(badge)
    painter.setFont(badge_font())
    painter.setPen(look.text("error", "node") if item.error else look.color("secondary"))
    painter.drawText(QRectF(right - space - 1, 8, space + 2, 20), RIGHT, badge)
    for name in face.marks:
        space += MARK
        mark(name, look.dark).paint(painter, QRectF(right - space, 11, 13, 13).toRect())
    painter.setFont(name_font())
    painter.setPen(look.color("text"))
    _elided(painter, QRectF(MARGIN + 16, 8, right - space - MARGIN - 24, 20), face.id,
            Qt.TextElideMode.ElideMiddle)
    row = QRectF(MARGIN, 28, right - MARGIN, 18)
    if item.lines and sentence_top(face) < row.bottom():
        return
    word = "" if item.error or item.state in ("healthy", "unknown") else item.state
    if word:  # Beside the colour of the halo.
        painter.setPen(look.text(word, "node"))
        painter.setFont(badge_font())
        painter.drawText(row, RIGHT, word)
        row.setWidth(row.width() - metrics.horizontalAdvance(word) - 8)
    painter.setFont(small_font())
    painter.setPen(look.color("secondary"))
    _elided(painter, row, face.subtitle or face.title)


def _port_names(item: NodeItem, painter: QPainter, box: QRectF) -> None:
    """Beside each port that has a row of its own."""
    inputs, outputs = item.face.inputs, item.face.outputs
    painter.setFont(badge_font())
    painter.setPen(theme().color("secondary"))
    both = len(inputs) > in_head(inputs) and len(outputs) > in_head(outputs)
    width = (box.width() - 2 * MARGIN) / (2 if both else 1)
    for ports, x, way in ((inputs, float(MARGIN), LEFT),
                          (outputs, box.width() - MARGIN - width, RIGHT)):
        for port, y in list(zip(ports, heights(ports), strict=True))[in_head(ports):]:
            _elided(painter, QRectF(x, y - ROW / 2, width, ROW), port.name, way=way)


def _sentence(item: NodeItem, painter: QPainter, box: QRectF) -> None:
    painter.setFont(small_font())
    painter.setPen(theme().text("error", "node"))
    top = sentence_top(item.face)
    for number, line in enumerate(item.lines):
        painter.drawText(QRectF(MARGIN, top + number * SENTENCE_LINE,
                                box.width() - 2 * MARGIN + 4, SENTENCE_LINE), LEFT, line)
    painter.setPen(theme().text("accent", "node"))
    for way, place in placed_ways(item.face, len(item.lines)):
        painter.drawText(place, LEFT, way)
        painter.drawLine(place.bottomLeft() - QPointF(0, 2), place.bottomRight() - QPointF(2, 2))


def _hint(item: NodeItem, painter: QPainter, box: QRectF) -> None:
    painter.setFont(badge_font())
    painter.setPen(theme().text("faint", "node"))
    painter.drawText(QRectF(MARGIN, box.height() - HINT - 8, box.width() - 2 * MARGIN, HINT), LEFT,
                     item.face.hint)


def _elided(painter: QPainter, room: QRectF, text: str,
            mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
            way: Qt.AlignmentFlag = LEFT) -> None:
    """A text in one line, with an ellipsis where it does not fit."""
    painter.drawText(room, way, QFontMetricsF(painter.font()).elidedText(
        text, mode, room.width()))


def _pictures(item: NodeItem, painter: QPainter) -> None:
    rect = picture_rect(item.face, item.rect().width())
    # Pixels are data here: they stay sharp squares, unless there are more than fit.
    count = len(item.images) or {"tiles": 4, "data": 3}.get(item.face.picture, 1)
    width = (rect.width() - TILE_GAP * (count - 1)) / count
    if item.face.picture == "tiles":  # squares, also when there are fewer than fit
        width = min(width, rect.height())
    for number in range(count):
        tile = QRectF(rect.left() + number * (width + TILE_GAP), rect.top(),
                      width, rect.height())
        corners = QPainterPath()
        corners.addRoundedRect(tile, 2, 2)
        if number >= len(item.images):
            painter.fillPath(corners, theme().color("line", 0.5))
            continue
        image = item.images[number]
        painter.save()
        painter.setClipPath(corners, Qt.ClipOperation.IntersectClip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform,
                              image.width() > tile.width() or image.height() > tile.height())
        painter.drawImage(tile, image, QRectF(image.rect()))
        painter.restore()


def _families(item: NodeItem, painter: QPainter) -> None:
    """A square in the colour of each member's family, in order; as many as fit."""
    rect = picture_rect(item.face, item.rect().width())
    painter.setPen(Qt.PenStyle.NoPen)
    for number, family in enumerate(item.face.families[:int(rect.width() // FAMILY_STEP)]):
        painter.setBrush(theme().family(family))
        painter.drawRoundedRect(QRectF(rect.left() + number * FAMILY_STEP, rect.top() + 2,
                                       9, 9), 2.5, 2.5)


def _chip(item: NodeItem, painter: QPainter) -> None:
    look = theme()
    chip = QRectF(0, -CHIP - HALO + 2, item.chip_width, CHIP - 3)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.color("accent_fill"))
    painter.drawRoundedRect(chip, 5, 5)
    painter.setPen(look.color("on_accent"))
    painter.setFont(chip_font())
    painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, item.active)
