"""One node, drawn: family square, name, shape, settings, thumbnails, gradient bar, error."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QIcon,
    QImage,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPen,
)
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsWidget,
    QStyleOptionGraphicsItem,
    QWidget,
)

from playground.snapshot import NodeStatistics
from ui.canvas import gradient
from ui.canvas.face import Face
from ui.canvas.port_item import PortItem
from ui.canvas.routing import FIRST_PORT, PORT_STEP, Side
from ui.canvas.text import badge_font, chip_font, name_font, small_font, wrap
from ui.theme import theme

GRID = 8
WIDTH, ERROR_WIDTH, MAX_WIDTH, WIDER = 168, 232, 264, 16
"""Widths grow in steps of two grid cells, so that middles lie on the grid as well."""
SETTINGS = 160
"""Pixels of the line of settings that widen the node."""
MARGIN = 12
RADIUS = 10.0
BAR = 4.0
PICTURE_TOP = 50.0
PICTURE_HEIGHT = {"none": 0.0, "strip": 14.0, "map": 34.0, "tiles": 34.0, "data": 46.0}
TILE_GAP = 3.0
ERROR_LINE = 17.0
HALO = 6.0
"""How far paint reaches outside the node: the halo, and the outline of the active node."""
CHIP = 22.0
MARK = 16.0
"""The room of a lock or a link beside the badge."""
HEAD = 44
"""The room above a node's picture."""
FAR_PIXELS, LEAST_PIXELS = 10, 7
"""Of a name that is seen from afar, on the screen; smaller ones cannot be read."""
STACK = 4.0
"""How far the sheet below a fold looks out."""
FAMILY_STEP = 13.0

TEXT_DETAIL = 0.45
"""Below this zoom text would be a smudge: the node is drawn without it."""


@cache
def mark(name: str, dark: bool) -> QIcon:
    """An icon in the colour of now; made once for each theme, as drawing one takes long."""
    return theme().icon(name)


def snap(value: float) -> float:
    return round(value / GRID) * GRID


class NodeItem(QGraphicsWidget):
    """The picture of a node. It shows a `Face` and live data; it changes nothing."""

    def __init__(self, face: Face) -> None:
        super().__init__()
        self.face = face
        self.input_items: list[PortItem] = []
        self.output_items: list[PortItem] = []
        self.statistics: NodeStatistics | None = None
        self._largest = 0.0
        self._whose = ""
        self._images: tuple[QImage, ...] = ()
        self._badge: str | None = None
        self._failure = ""
        self._active = ""
        self._chip_width = 0.0
        self._drop = ""
        self._lines: list[str] = []
        self._where: float | None = None
        self._state = "unknown"
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsSelectable)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsFocusable)
        self.setAcceptHoverEvents(True)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setZValue(2)
        self.set_face(face)

    # -- what it shows ------------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self.face.id

    @property
    def error(self) -> str:
        """The sentence on the node: what is wrong with it, or why it failed in training."""
        return self.face.error or self._failure

    @property
    def category(self) -> str:
        return self.face.category

    def set_face(self, face: Face) -> None:
        self.face = face
        self._fit()
        self._make_ports()
        self._describe()
        self.update()

    def set_badge(self, text: str | None) -> None:
        """Show a number in place of the shape: the loss."""
        if text != self._badge:
            self._badge = text
            self.update(QRectF(0, 0, self.size().width(), 32))

    def set_images(self, images: Sequence[QImage]) -> None:
        self._images = tuple(images)
        self.update(self._picture_rect())

    def set_statistics(self, statistics: NodeStatistics | None, largest: float = 0.0,
                       whose: str = "") -> None:
        """Repaints only when the tick moves by a pixel or the state changes.

        largest: the largest gradient norm in the network. whose: of a fold, the member that the
        statistics are of.
        """
        self.statistics, self._largest, self._whose = statistics, largest, whose
        at = gradient.place(gradient.norm_of(statistics)) if statistics else None
        where = None if at is None else round(at * self.size().width())
        state = gradient.state(statistics, largest) if statistics else "unknown"
        if (where, state) != (self._where, self._state):
            self._where, self._state = where, state
            self._describe()
            self.update()

    def set_failure(self, sentence: str) -> None:
        """Training stopped here, and why."""
        if sentence != self._failure:
            self._failure = sentence
            self._fit()
            self._describe()
            self.update()

    def set_active(self, text: str) -> None:
        """Light up, with a chip above that says what is computed; empty text puts it out."""
        if text != self._active:
            self.prepareGeometryChange()
            self._active = text
            self._chip_width = (
                QFontMetricsF(chip_font()).horizontalAdvance(text) + 16 if text else 0.0)
            self.setZValue(3 if text else 2)
            self.update()

    def set_drop(self, color: str) -> None:
        """Show what letting a connection go here would do: "healthy", "warning", "error"."""
        if color != self._drop:
            self._drop = color
            self.update()

    def hoverEnterEvent(self, event: object) -> None:
        # Written only now: statistics change many times a second, tooltips are read seldom.
        self.setToolTip(self._tooltip())

    def hoverMoveEvent(self, event: object) -> None:
        self.setToolTip(self._tooltip())

    def describe(self) -> str:
        """All of it in words, for screen readers and the outline."""
        words = self.face.describe()
        if self._failure and self._failure != self.face.error:
            words += f", failed: {self._failure}"
        live = self._live()
        return f"{words}, {live}" if live else words

    def _live(self) -> str:
        words = gradient.describe(self.statistics, self._largest) if self.statistics else ""
        return f"{self._whose}: {words}" if words and self._whose else words

    # -- geometry -----------------------------------------------------------------------------

    def box(self) -> QRectF:
        """Where the node stands, in scene coordinates."""
        return QRectF(self.pos(), self.size())

    def boundingRect(self) -> QRectF:
        top = CHIP + HALO if self._active else HALO
        size = QSizeF(max(self.size().width(), self._chip_width), self.size().height())
        return QRectF(QPointF(0, 0), size).adjusted(-HALO, -top, HALO, HALO + 2)

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        path.addRect(QRectF(QPointF(0, 0), self.size()))
        return path

    def port(self, output: bool, number: int) -> PortItem | None:
        ports = self.output_items if output else self.input_items
        return ports[number] if 0 <= number < len(ports) else None

    def place_ports(self, inputs: Sequence[Side], outputs: Sequence[Side]) -> None:
        """Put the dots on the sides where their edges leave."""
        size = self.size()
        # Inputs first: where a side has both, its outputs stand below.
        ports = [*zip(self.input_items, inputs, strict=True),
                 *zip(self.output_items, outputs, strict=True)]
        for side in Side:
            here = [port for port, chosen in ports if chosen is side]
            for place, port in enumerate(here):
                port.stand(side, place, len(here), size)

    def _fit(self) -> None:
        """The size that the content needs, in whole grid steps."""
        face, error = self.face, self.error
        self.prepareGeometryChange()
        self.setZValue(3 if error else 2)  # A sentence is never hidden by a neighbour.
        head = (22 + QFontMetricsF(name_font()).horizontalAdvance(face.id) + 12
                + QFontMetricsF(badge_font()).horizontalAdvance(face.badge)
                + MARK * len(face.marks))
        # Names and shapes are never cut; the settings are, before they reach a neighbour.
        needed = max(head, min(
            SETTINGS, QFontMetricsF(small_font()).horizontalAdvance(face.subtitle)))
        wider = -(-(needed + 2 * MARGIN - WIDTH) // WIDER) * WIDER
        # Wide for a sentence, unless something stands to its right already.
        free = bool(face.error) and not any(port.connected for port in face.outputs)
        width = min(max(ERROR_WIDTH if free else WIDTH, WIDTH + wider), MAX_WIDTH)
        if error:
            self._lines = wrap(error, small_font(), width - 2 * MARGIN)
            height = 32 + ERROR_LINE * len(self._lines) + 8
        else:
            self._lines = []
            height = 56 if face.picture == "none" else (
                PICTURE_TOP + PICTURE_HEIGHT[face.picture] + 10)
            height += BAR if face.parameters else 0
        ports = max(len(face.inputs), len(face.outputs))
        height = max(height, FIRST_PORT + PORT_STEP * (ports - 1) + 20)
        self.resize(QSizeF(width, -(-height // GRID) * GRID))

    def _make_ports(self) -> None:
        for items, ports, output in ((self.input_items, self.face.inputs, False),
                                     (self.output_items, self.face.outputs, True)):
            while len(items) > len(ports):
                gone = items.pop()
                gone.setParentItem(None)  # type: ignore[arg-type]
                if (scene := gone.scene()) is not None:
                    scene.removeItem(gone)
            while len(items) < len(ports):
                items.append(PortItem(self, output, len(items)))
            for item, port in zip(items, ports, strict=True):
                item.set_port(port)
        self.place_ports([Side.LEFT] * len(self.input_items),
                         [Side.RIGHT] * len(self.output_items))

    def _describe(self) -> None:
        # QGraphicsItem has no accessible name; the outline reads this.
        self.setObjectName(self.describe())

    def _tooltip(self) -> str:
        face = self.face
        lines = [f"<b>{face.id}</b> · {face.title}", face.help, *face.notes]
        if live := self._live():
            lines.append(live[:1].upper() + live[1:] + ".")
        if face.parameters:
            lines.append(f"{face.parameters:,} parameters")
        if face.members:
            lines.append(f"Of {', '.join(face.members)}.")
        if face.frozen:
            lines.append("Frozen: training leaves its weights as they are.")
        if face.shares:
            lines.append(f"Uses the weights of {face.shares}.")
        return "<br>".join(line for line in lines if line)

    def _picture_rect(self) -> QRectF:
        return QRectF(MARGIN, PICTURE_TOP, self.size().width() - 2 * MARGIN,
                      PICTURE_HEIGHT[self.face.picture])

    # -- painting -----------------------------------------------------------------------------

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem,
              widget: QWidget | None = None) -> None:
        detail = option.levelOfDetailFromTransform(painter.worldTransform())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(QPointF(0, 0), self.size())
        self._paint_halo(painter, box)
        self._paint_box(painter, box)
        if self.face.parameters and not self.error:
            self._paint_bar(painter, box)
        self._paint_square(painter)
        if detail >= TEXT_DETAIL:
            self._paint_text(painter, box)
        else:
            self._paint_name(painter, box, detail)
        if self.face.families and not self.error:
            self._paint_families(painter)
        elif not self.error and self.face.picture != "none":
            self._paint_pictures(painter)
        if self._active and detail >= TEXT_DETAIL:
            self._paint_chip(painter)

    def _paint_halo(self, painter: QPainter, box: QRectF) -> None:
        if self._active:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme().color("accent"), 2))
            painter.drawRoundedRect(box.adjusted(-3, -3, 3, 3), RADIUS + 3, RADIUS + 3)
        elif self._where is not None and not self.error:
            # Calm while healthy, plain to see when not.
            quiet = self._state in ("healthy", "unknown")
            color = (theme().color("exploding") if self._state == "diverged"
                     else gradient.color_at(self._where / max(1.0, box.width())))
            color.setAlphaF(0.16 if quiet else 0.45)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(color, 3))
            painter.drawRoundedRect(box.adjusted(-1.5, -1.5, 1.5, 1.5), RADIUS + 1, RADIUS + 1)

    def _paint_box(self, painter: QPainter, box: QRectF) -> None:
        if self._drop:
            pen = QPen(theme().color(self._drop), 2)
        elif self.error:
            pen = QPen(theme().color("error"), 2 if self.isSelected() else 1)
        elif self.isSelected():
            pen = QPen(theme().color("accent"), 1.5)
        else:
            pen = QPen(theme().color("line"), 1)
        painter.setPen(pen)
        painter.setBrush(theme().color("node"))
        inset = pen.widthF() / 2
        if self.face.members:  # A stack: one more lies below.
            painter.drawRoundedRect(box.adjusted(STACK + inset, STACK + inset, STACK - inset,
                                                 STACK - inset), RADIUS, RADIUS)
        painter.drawRoundedRect(box.adjusted(inset, inset, -inset, -inset), RADIUS, RADIUS)

    def _paint_bar(self, painter: QPainter, box: QRectF) -> None:
        painter.save()
        corners = QPainterPath()
        corners.addRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        painter.setClipPath(corners, Qt.ClipOperation.IntersectClip)
        colors = QLinearGradient(box.bottomLeft(), box.bottomRight())
        for at in (0.0, 0.5, 1.0):
            colors.setColorAt(at, gradient.color_at(at))
        painter.setOpacity(1.0 if self._where is not None else 0.3)
        painter.fillRect(QRectF(0, box.height() - BAR, box.width(), BAR), colors)
        painter.restore()
        if self._where is not None:
            x = min(max(float(self._where), RADIUS), box.width() - RADIUS)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color("tick"))
            painter.drawRoundedRect(QRectF(x - 1.5, box.height() - BAR - 3, 3, 9), 1.5, 1.5)

    def _paint_square(self, painter: QPainter) -> None:
        """The family's colour; of a fold, which has several, two frames."""
        square = QRectF(MARGIN, 13, 9, 9)
        if self.face.members:
            painter.setPen(QPen(theme().color("secondary"), 1.25))
            painter.setBrush(theme().color("node"))
            painter.drawRoundedRect(square.adjusted(3, 3, 2, 2), 2, 2)
            painter.drawRoundedRect(square.adjusted(0, 0, -2, -2), 2, 2)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().family(self.face.category))
        painter.drawRoundedRect(square, 2.5, 2.5)

    def _paint_name(self, painter: QPainter, box: QRectF, detail: float) -> None:
        """From afar, nothing but the name, as large as there is room for above the picture."""
        font = QFont(name_font())  # a copy: that one is everybody's
        room = QRectF(MARGIN + 16, 2, box.width() - 2 * MARGIN - 12, HEAD)
        pixels = min(HEAD - 8.0, FAR_PIXELS / max(detail, 0.01))
        font.setPixelSize(round(pixels))
        wide = QFontMetricsF(font).horizontalAdvance(self.face.id)
        font.setPixelSize(round(max(pixels * min(1.0, room.width() / max(wide, 1.0)),
                                    LEAST_PIXELS / max(detail, 0.01))))
        if font.pixelSize() > HEAD - 8:
            return
        painter.setFont(font)
        painter.setPen(theme().color("text"))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, QFontMetricsF(font).elidedText(
            self.face.id, Qt.TextElideMode.ElideMiddle, room.width()))

    def _paint_text(self, painter: QPainter, box: QRectF) -> None:
        face, look = self.face, theme()
        right = box.width() - MARGIN
        badge = face.trouble or ("failed" if self._failure else (
            face.badge if self._badge is None else self._badge))
        metrics = QFontMetricsF(badge_font())
        space = metrics.horizontalAdvance(badge)
        painter.setFont(badge_font())
        painter.setPen(look.text("error", "node") if self.error else look.color("secondary"))
        painter.drawText(QRectF(right - space - 1, 8, space + 2, 20),
                         Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, badge)
        for name in face.marks:
            space += MARK
            mark(name, look.dark).paint(painter, QRectF(right - space, 11, 13, 13).toRect())
        painter.setFont(name_font())
        painter.setPen(look.color("text"))
        room = QRectF(MARGIN + 16, 8, right - space - MARGIN - 24, 20)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, QFontMetricsF(
            name_font()).elidedText(face.id, Qt.TextElideMode.ElideMiddle, room.width()))
        painter.setFont(small_font())
        if self._lines:
            painter.setPen(look.text("error", "node"))
            for number, line in enumerate(self._lines):
                painter.drawText(QRectF(MARGIN, 30 + number * ERROR_LINE,
                                        right - MARGIN + 4, ERROR_LINE),
                                 Qt.AlignmentFlag.AlignVCenter, line)
        else:
            row = QRectF(MARGIN, 28, right - MARGIN, 18)
            word = "" if self._state in ("healthy", "unknown") else self._state
            if word:  # Beside the colour of the halo.
                painter.setPen(look.text(word, "node"))
                painter.setFont(badge_font())
                painter.drawText(row, Qt.AlignmentFlag.AlignVCenter
                                 | Qt.AlignmentFlag.AlignRight, word)
                row.setWidth(row.width() - metrics.horizontalAdvance(word) - 8)
                painter.setFont(small_font())
            painter.setPen(look.color("secondary"))
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, QFontMetricsF(
                small_font()).elidedText(face.subtitle or face.title,
                                          Qt.TextElideMode.ElideRight, row.width()))

    def _paint_pictures(self, painter: QPainter) -> None:
        rect = self._picture_rect()
        # Pixels are data here: they stay sharp squares, unless there are more than fit.
        count = len(self._images) or {"tiles": 4, "data": 3}.get(self.face.picture, 1)
        width = (rect.width() - TILE_GAP * (count - 1)) / count
        if self.face.picture == "tiles":  # squares, also when there are fewer than fit
            width = min(width, rect.height())
        for number in range(count):
            tile = QRectF(rect.left() + number * (width + TILE_GAP), rect.top(),
                          width, rect.height())
            corners = QPainterPath()
            corners.addRoundedRect(tile, 2, 2)
            if number >= len(self._images):
                painter.fillPath(corners, theme().color("line", 0.5))
                continue
            image = self._images[number]
            painter.save()
            painter.setClipPath(corners, Qt.ClipOperation.IntersectClip)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform,
                                  image.width() > tile.width()
                                  or image.height() > tile.height())
            painter.drawImage(tile, image, QRectF(image.rect()))
            painter.restore()

    def _paint_families(self, painter: QPainter) -> None:
        """A square in the colour of each member's family, in order; as many as fit."""
        rect = self._picture_rect()
        painter.setPen(Qt.PenStyle.NoPen)
        for number, family in enumerate(self.face.families[:int(rect.width() // FAMILY_STEP)]):
            painter.setBrush(theme().family(family))
            painter.drawRoundedRect(QRectF(rect.left() + number * FAMILY_STEP, rect.top() + 2,
                                           9, 9), 2.5, 2.5)

    def _paint_chip(self, painter: QPainter) -> None:
        look = theme()
        chip = QRectF(0, -CHIP - HALO + 2, self._chip_width, CHIP - 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.color("accent_fill"))
        painter.drawRoundedRect(chip, 5, 5)
        painter.setPen(look.color("on_accent"))
        painter.setFont(chip_font())
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, self._active)
