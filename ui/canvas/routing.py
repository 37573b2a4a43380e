"""The ways of edges: pure geometry.

An edge leaves its node to the right and enters the next from the left. Where nothing is between, it
is a curve; else it goes round the nodes in the gaps between them, at right angles.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

from playground.graph import Edge

REACH = 24.0
"""The least length of a curve's handles."""
CLEAR, CLOSE = 8.0, 3.0
"""How near to a node an edge passes, and how near where there is no other way."""
TOUCH = 4.0
"""Nearer than this a curve would seem to touch a node."""
LANES = (12.0, 20.0, 28.0)
"""Distances from a node's border at which edges run; two that meet take different ones."""
COLUMNS, ROWS = 6, 32
"""So many places to turn are looked at, nearest first: up and down, and to the side."""
SPOTS = 64
"""So many points of a curve are looked at for whether it touches a node."""
RADIUS = 10.0
"""Of the corners."""

HIT, NEAR, SHARED, CROSSED, BEND = 10_000.0, 200.0, 60.0, 12.0, 20.0
"""What it costs to run through a node, close to one, along another edge, across one, and to turn:
in pixels of detour."""

Floats = NDArray[np.float64]
Ends = tuple[QPointF, QPointF]


def route_all(ends: Mapping[Edge, Ends], boxes: Mapping[str, QRectF], drawn: Mapping[str, str]
              ) -> dict[Edge, QPainterPath]:
    """The path of each edge, from where it leaves to where it enters, around all boxes.

    boxes: of all that is drawn, by name. drawn: as what each node is drawn.
    """
    obstacles = {name: _sides(box) for name, box in boxes.items()}
    paths: dict[Edge, QPainterPath] = {}
    taken: list[tuple[tuple[str, int], Floats]] = []
    round_about = []
    for edge in sorted(ends):
        start, end = ends[edge]
        others = [box for name, box in obstacles.items()
                  if name not in (drawn[edge.source], drawn[edge.target])]
        paths[edge] = curve(start, end)
        if end.x() < start.x() + CLEAR or _runs_into(paths[edge], others):
            round_about.append(edge)
        elif start.y() == end.y():
            taken.append(((edge.source, edge.source_port), _segment(start, end)))
    everything = np.array(list(obstacles.values()))
    for edge in round_about:
        start, end = ends[edge]
        fork = edge.source, edge.source_port
        points = _way_round(start, end, everything,
                            np.array([s for other, s in taken if other != fork]).reshape(-1, 4))
        taken += [(fork, _segment(a, b)) for a, b in pairwise(points)]
        paths[edge] = _rounded(points)
    return paths


def curve(start: QPointF, end: QPointF) -> QPainterPath:
    """From port to port: it leaves and enters level."""
    path = QPainterPath(start)
    span, across = abs(end.x() - start.x()), abs(end.y() - start.y())
    if across < 0.5 and end.x() > start.x():
        path.lineTo(end)
        return path
    # Long handles make long curves swing out; capped, they stay nearly level.
    reach = min(max(span / 2, min(REACH, 0.6 * across + span / 2)), 120.0)
    path.cubicTo(start + QPointF(reach, 0), end - QPointF(reach, 0), end)
    return path


# Boxes and segments are (left, top, right, bottom).


def _sides(box: QRectF) -> Floats:
    return np.array([box.left(), box.top(), box.right(), box.bottom()])


def _segment(a: QPointF, b: QPointF) -> Floats:
    return np.array([min(a.x(), b.x()), min(a.y(), b.y()), max(a.x(), b.x()), max(a.y(), b.y())])


def _runs_into(path: QPainterPath, boxes: list[Floats]) -> bool:
    """Whether a path touches one of the boxes, or nearly so."""
    if not boxes:
        return False
    left, top, right, bottom = np.array(boxes).T + np.array([[-TOUCH], [-TOUCH], [TOUCH], [TOUCH]])
    around = path.boundingRect()
    near = ((left < around.right()) & (right > around.left())
            & (top < around.bottom() + 1) & (bottom > around.top() - 1))
    if not near.any():
        return False
    x, y = _spots(path)
    return bool(((left < x) & (x < right) & (top < y) & (y < bottom)).any())


def _spots(path: QPainterPath) -> tuple[Floats, Floats]:
    """Points along a line or one Bézier curve: x (points, 1) and y (points, 1)."""
    corners = [path.elementAt(i) for i in range(path.elementCount())]
    corners = [corners[0]] * (4 - len(corners)) + corners  # a line: three times its beginning
    t = np.linspace(0, 1, SPOTS)[:, None]
    shares = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t ** 2 * (1 - t), t ** 3])
    x, y = shares @ [[c.x] for c in corners], shares @ [[c.y] for c in corners]
    return x, y


def _way_round(start: QPointF, end: QPointF, boxes: Floats, taken: Floats) -> list[QPointF]:
    """Right, up or down, to the side, up or down, right: of all such ways the cheapest.

    boxes (nodes, 4), taken (segments, 4).
    """
    turns = np.array(LANES)
    out = _nearest(np.concatenate([start.x() + turns, (boxes[:, 2:3] + turns).ravel()]),
                   start.x() + LANES[0], np.inf, COLUMNS)[:, None, None]
    back = _nearest(np.concatenate([end.x() - turns, (boxes[:, :1] - turns).ravel()]),
                    -np.inf, end.x() - LANES[0], COLUMNS)[None, :, None]
    low, high = sorted((start.y(), end.y()))
    levels = np.unique(np.concatenate(
        [[low, high], (boxes[:, 1:2] - turns).ravel(), (boxes[:, 3:] + turns).ravel()]))
    away = np.maximum(low - levels, 0) + np.maximum(levels - high, 0)
    level = levels[np.argsort(away, kind="stable")[:ROWS]][None, None]
    x0, y0, x1, y1 = start.x(), start.y(), end.x(), end.y()
    reach = (min(x0, back.min()), level.min(), max(x1, out.max()), level.max())
    boxes, taken = _within(boxes, reach), _within(taken, reach)
    # The node itself is no obstacle to its own port.
    mine, theirs = (boxes[(boxes[:, side] != x) | (boxes[:, 1] > y) | (boxes[:, 3] < y)]
                    for side, x, y in ((2, x0, y0), (0, x1, y1)))
    cost = (_level(x0, out, y0, mine, taken) + _upright(out, y0, level, boxes, taken)
            + _level(out, back, level, boxes, taken) + _upright(back, level, y1, boxes, taken)
            + _level(back, x1, y1, theirs, taken)
            + BEND * (2.0 * (out != back) + (level != y0) + (level != y1)))
    i, j, k = np.unravel_index(int(np.argmin(cost)), cost.shape)
    a, b, y = float(out[i, 0, 0]), float(back[0, j, 0]), float(level[0, 0, k])
    return [start, QPointF(a, y0), QPointF(a, y), QPointF(b, y), QPointF(b, y1), end]


def _nearest(values: Floats, low: float, high: float, count: int) -> Floats:
    """Of the values from low to high those nearest to the finite end."""
    inside = np.unique(values[(values >= low) & (values <= high)])
    return inside[:count] if np.isfinite(low) else inside[-count:]


def _within(things: Floats, reach: tuple[float, float, float, float]) -> Floats:
    """Those that ways inside `reach` can meet; all others cost time only."""
    left, top, right, bottom = things.T
    near: Floats = things[(left - CLEAR < reach[2]) & (reach[0] < right + CLEAR)
                          & (top - CLEAR < reach[3]) & (reach[1] < bottom + CLEAR)]
    return near


def _level(x0: object, x1: object, y: object, boxes: Floats, taken: Floats) -> Floats:
    """What level segments cost: their length, and what they meet."""
    a, b, h = np.broadcast_arrays(*(np.asarray(v, float) for v in (x0, x1, y)))
    return _cost(np.minimum(a, b), np.maximum(a, b), h, boxes, taken)


def _upright(x: object, y0: object, y1: object, boxes: Floats, taken: Floats) -> Floats:
    """As `_level`, with x and y exchanged."""
    swap = [1, 0, 3, 2]
    return _level(y0, y1, x, boxes[:, swap], taken[:, swap])


def _cost(low: Floats, high: Floats, at: Floats, boxes: Floats, taken: Floats) -> Floats:
    lo, hi, h = low[..., None], high[..., None], at[..., None]
    left, top, right, bottom = boxes.T
    hits, near = (((left - clear < hi) & (lo < right + clear)
                   & (top - clear < h) & (h < bottom + clear)).sum(-1) for clear in (CLOSE, CLEAR))
    left, top, right, bottom = taken.T
    meets = (left - 2 < hi) & (lo < right + 2)
    along = top == bottom  # parallel to these segments
    shared = (meets & along & (abs(top - h) < LANES[1] - LANES[0])).sum(-1)
    crossed = (meets & ~along & (top < h) & (h < bottom)).sum(-1)
    cost: Floats = high - low + HIT * hits + NEAR * near + SHARED * shared + CROSSED * crossed
    return cost


def _rounded(points: list[QPointF]) -> QPainterPath:
    """The polyline through these points with round corners."""
    corners = points[:1]
    for here in points[1:]:
        if len(corners) > 1 and _straight(corners[-2], corners[-1], here):
            corners[-1] = here
        elif here != corners[-1]:
            corners.append(here)
    path = QPainterPath(corners[0])
    for before, here, after in zip(corners, corners[1:], corners[2:], strict=False):
        into, on = here - before, after - here
        radius = min(RADIUS, into.manhattanLength() / 2, on.manhattanLength() / 2)
        path.lineTo(here - into * (radius / into.manhattanLength()))
        path.quadTo(here, here + on * (radius / on.manhattanLength()))
    path.lineTo(corners[-1])
    return path


def _straight(a: QPointF, b: QPointF, c: QPointF) -> bool:
    return a.x() == b.x() == c.x() or a.y() == b.y() == c.y()
