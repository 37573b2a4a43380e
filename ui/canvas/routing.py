"""Where edges leave and enter nodes, and the curve between: pure geometry.

A port has no fixed side: an edge leaves towards where it goes. So a network reads from left to
right, and a long one can turn round at the end of a row and come back below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QPainterPath

from playground.graph import Edge

FIRST_PORT = 24.0
"""From a node's top to its first port: the same for all, so that rows of nodes join straight."""
PORT_STEP = 16.0
REACH = 24.0
"""The least length of a curve's handles."""


class Side(Enum):
    RIGHT = (1, 0)
    BOTTOM = (0, 1)
    LEFT = (-1, 0)
    TOP = (0, -1)

    @property
    def outward(self) -> QPointF:
        return QPointF(*self.value)


def sides(source: QRectF, target: QRectF) -> tuple[Side, Side]:
    """The sides that face each other."""
    if target.left() >= source.right() - 8:
        return Side.RIGHT, Side.LEFT
    if target.right() <= source.left() + 8:
        return Side.LEFT, Side.RIGHT
    if target.center().y() >= source.center().y():
        return Side.BOTTOM, Side.TOP
    return Side.TOP, Side.BOTTOM


def choose_sides(edges: Iterable[Edge], boxes: Mapping[str, QRectF]) -> tuple[
        dict[tuple[str, int], Side], dict[tuple[str, int], Side]]:
    """The side of each connected input and output port. Of several edges the shortest decides:
    the others have room to turn."""
    entering: dict[tuple[str, int], tuple[float, Side]] = {}
    leaving: dict[tuple[str, int], tuple[float, Side]] = {}

    def vote(votes: dict[tuple[str, int], tuple[float, Side]], port: tuple[str, int],
             length: float, side: Side) -> None:
        if port not in votes or length < votes[port][0]:
            votes[port] = length, side

    for e in sorted(edges):  # Sorted, so that of two equally long ones always the same wins.
        source, target = boxes[e.source], boxes[e.target]
        out, into = sides(source, target)
        length = (target.center() - source.center()).manhattanLength()
        vote(leaving, (e.source, e.source_port), length, out)
        vote(entering, (e.target, e.target_port), length, into)
    return ({port: side for port, (_, side) in entering.items()},
            {port: side for port, (_, side) in leaving.items()})


def anchor(side: Side, number: int, count: int, size: QSizeF) -> QPointF:
    """Where port `number` of `count` stands on a side of a node, from the node's corner."""
    if side in (Side.LEFT, Side.RIGHT):
        y = min(FIRST_PORT + PORT_STEP * number, size.height() - 12)
        return QPointF(0 if side is Side.LEFT else size.width(), y)
    x = size.width() / 2 + PORT_STEP * (number - (count - 1) / 2)
    return QPointF(x, 0 if side is Side.TOP else size.height())


def curve(start: QPointF, leaving: Side, end: QPointF, entering: Side) -> QPainterPath:
    """From port to port: it leaves and enters at right angles to the nodes."""
    path = QPainterPath(start)
    gap = end - start
    span = abs(gap.x()) if leaving in (Side.LEFT, Side.RIGHT) else abs(gap.y())
    across = abs(gap.y()) if leaving in (Side.LEFT, Side.RIGHT) else abs(gap.x())
    if across < 0.5 and QPointF.dotProduct(gap, leaving.outward) > 0:
        path.lineTo(end)
        return path
    # Long handles make long curves swing out; capped, they stay nearly orthogonal.
    reach = min(max(span / 2, min(REACH, 0.6 * across + span / 2)), 120.0)
    path.cubicTo(start + leaving.outward * reach, end + entering.outward * reach, end)
    return path
