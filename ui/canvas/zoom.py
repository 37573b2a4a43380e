"""A view that zooms about the cursor, pans without scroll bars, and shows a dotted ground."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QPainter, QPixmap, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QGraphicsView, QWidget

from ui.canvas.background import paint_dots
from ui.theme import theme

MIN_ZOOM, MAX_ZOOM = 0.15, 4.0
MARGIN = 28
"""Pixels left free around the content when all of it is shown."""
LARGEST = 12_000
"""Pixels of a picture, across or down."""
RIM = 24
"""Pixels left free around what is brought into view."""
SPARE = 8
"""Units of the scene, at the least, around a network all of which is in view."""


class ZoomableView(QGraphicsView):
    """A subclass says in `content` what there is to show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fitted = False
        self._wanted = (1.0, QPointF())
        """Zoom and centre of the last fit that was asked for, or came with another room."""
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        # Behind two nodes that have changed, Qt draws all the ground between them.
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheBackground)
        theme().changed.connect(self.resetCachedContent)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def content(self) -> QRectF:
        """The part of the scene that holds something."""
        return self.scene().itemsBoundingRect()

    @property
    def zoom(self) -> float:
        return self.transform().m11()

    def set_zoom(self, zoom: float, about: QPoint | None = None) -> None:
        """Zoom so that what is at `about` (viewport pixels; else the middle) stays there."""
        zoom = min(MAX_ZOOM, max(MIN_ZOOM, zoom))
        at = about or self.viewport().rect().center()
        before = self.mapToScene(at)
        self.resetTransform()
        self.scale(zoom, zoom)
        moved = self.mapFromScene(before) - at
        self.pan(moved.x(), moved.y())

    def pan(self, x: int, y: int) -> None:
        """Move the view by screen pixels."""
        self._fitted = False
        for bar, step in ((self.horizontalScrollBar(), x), (self.verticalScrollBar(), y)):
            bar.setValue(bar.value() + step)

    def fit(self) -> None:
        """Show all of the network, not larger than it is; also in another room, as long as the
        user does not zoom or pan."""
        content = self.content()
        if content.isEmpty():
            self.actual_size()
            return
        self._wanted = self._fit_of(content)
        self._show(*self._wanted)

    def _fit_of(self, content: QRectF) -> tuple[float, QPointF]:
        """The zoom and the centre that show all of it."""
        room = self.viewport().size()
        return min((room.width() - 2 * MARGIN) / content.width(),
                   (room.height() - 2 * MARGIN) / content.height(), 1.0), content.center()

    def _show(self, zoom: float, center: QPointF) -> None:
        self.set_zoom(zoom)
        self.centerOn(center)
        self._fitted = True

    def bring(self, box: QRectF) -> None:
        """Have a part of the scene in view. Where all of the network was shown, all of it is;
        else the view scrolls as little as needed, to the part's beginning where it is too large.
        """
        if self._fitted:
            self.keep_fitted()
        else:
            room = self._seen().size()
            self.ensureVisible(QRectF(box.topLeft(), box.size().boundedTo(room)), RIM, RIM)

    def keep_fitted(self) -> None:
        """Where all of the network was shown, show all of what it is now: in the place that was
        asked for if that still shows it, so that an undo leads back to where one was."""
        if not self._fitted:
            return
        zoom, center = self._wanted
        wanted = QRectF(QPointF(), QSizeF(self.viewport().size()) / zoom)
        wanted.moveCenter(center)
        content = self.content()
        spared = content.adjusted(-SPARE, -SPARE, SPARE, SPARE)
        if wanted.contains(spared):
            self._show(zoom, center)
        elif not self._seen().contains(spared):
            self._show(*self._fit_of(content))

    def _seen(self) -> QRectF:
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def picture(self, size: QSize) -> QPixmap:
        """All of the network in a picture of this size, not larger than it is."""
        part = self._with_margin()
        center = part.center()
        part.setSize(QSizeF(size).scaled(part.size().expandedTo(QSizeF(size)),
                                         Qt.AspectRatioMode.KeepAspectRatioByExpanding))
        part.moveCenter(center)
        return self._drawn(part, size)

    def whole(self) -> QPixmap:
        """All of the network, wherever the view is: twice as large as on the screen."""
        part = self._with_margin()
        scale = min(2.0, LARGEST / max(part.width(), part.height()))
        return self._drawn(part, (part.size() * scale).toSize())

    def _with_margin(self) -> QRectF:
        return self.content().adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN)

    def _drawn(self, part: QRectF, size: QSize) -> QPixmap:
        """A part of the scene as a picture of this size."""
        shown = QPixmap(size)
        shown.fill(theme().color("canvas"))
        painter = QPainter(shown)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.scene().render(painter, QRectF(QPointF(), QSizeF(size)), part)
        painter.end()
        return shown

    def actual_size(self) -> None:
        self.set_zoom(1.0)

    def zoom_in(self) -> None:
        self.set_zoom(self.zoom * 1.25)

    def zoom_out(self) -> None:
        self.set_zoom(self.zoom / 1.25)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        pixels, notches = event.pixelDelta(), event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.pan(-(notches.y() or notches.x()), 0)
        elif not pixels.isNull() and not event.modifiers():
            self.pan(-pixels.x(), -pixels.y())  # A touch pad: two fingers move the view.
        else:
            self.set_zoom(self.zoom * 1.0015 ** notches.y(), event.position().toPoint())
        event.accept()

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        paint_dots(painter, QRectF(rect), self.zoom)
