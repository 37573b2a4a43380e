"""Where an arrow key leads: pure geometry."""

from __future__ import annotations

from collections.abc import Mapping, Set

from PySide6.QtCore import QPointF, Qt

from ui.canvas.layout import Box

ARROWS = {
    Qt.Key.Key_Right: QPointF(1, 0), Qt.Key.Key_Left: QPointF(-1, 0),
    Qt.Key.Key_Down: QPointF(0, 1), Qt.Key.Key_Up: QPointF(0, -1),
}


def neighbour(linked: Set[str], boxes: Mapping[str, Box], id: str, way: QPointF) -> str | None:
    """The node in that direction: along an edge if one leads there, else the nearest."""
    here = _center(boxes[id])
    found: list[tuple[bool, float, str]] = []
    for other, box in boxes.items():
        gap = _center(box) - here
        along = QPointF.dotProduct(gap, way)
        across = abs(gap.x() * way.y()) + abs(gap.y() * way.x())
        if other != id and along > 0 and across <= 2 * along:
            found.append((other not in linked, along + 2 * across, other))
    return min(found)[2] if found else None


def _center(box: Box) -> QPointF:
    return QPointF(box[0] + box[2] / 2, box[1] + box[3] / 2)
