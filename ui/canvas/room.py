"""Where new nodes find room: the nearest place where they cover no others.

Pure arithmetic, as in `layout`: boxes in, places out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ui.canvas.layout import GAP_X, GAP_Y, GRID, Box, Place, Size, snap

NEAREST = 200
"""So many offsets along each axis are looked at, from near to far, and the outermost ones."""
MOST_PAIRS = 2000
"""A group with more pairs of a member and an obstacle is treated as the box around it."""


def free_step(group: Sequence[Box], taken: Sequence[Box]) -> Place:
    """The smallest step on the grid that brings a group, as it is, off all taken boxes."""
    if not group or not taken:
        return 0.0, 0.0
    if len(group) * len(taken) > MOST_PAIRS:
        group = [around(group)]
    # A member covers an obstacle where the step lies in an open rectangle: one for each pair.
    (low_x, high_x), (low_y, high_y) = (_forbidden(group, taken, axis) for axis in (0, 1))
    # The nearest point outside a union of rectangles lies on their edges or where those cross.
    x, y = np.meshgrid(_steps(low_x, high_x), _steps(low_y, high_y), indexing="ij")
    for i in np.argsort(np.hypot(x, y), axis=None, kind="stable"):
        dx, dy = x.flat[i], y.flat[i]
        if not ((low_x < dx) & (dx < high_x) & (low_y < dy) & (dy < high_y)).any():
            return float(dx), float(dy)
    raise AssertionError("the outermost steps are free")


def around(boxes: Iterable[Box]) -> Box:
    """The box that holds all of them."""
    sides = [(left, top, left + width, top + height) for left, top, width, height in boxes]
    left, top = min(side[0] for side in sides), min(side[1] for side in sides)
    return (left, top, max(side[2] for side in sides) - left,
            max(side[3] for side in sides) - top)


def make_room(boxes: Mapping[str, Box], source: str, target: str, size: Size) -> tuple[
        Place, dict[str, Place]]:
    """Where a node between two others goes, and where those after them move to, if they must.

    What lies behind the target in the same row gives way to the right. Where the edge runs back to
    the beginning of another row, the new node begins it; where it runs straight up or down,
    everything below gives way. What would be run over gives way too.
    """
    from_left, from_top, from_width, from_height = boxes[source]
    left, top, width, height = boxes[target]
    back = left + width <= from_left
    if back or left >= from_left + from_width:
        gap = 0.0 if back else left - from_left - from_width
        step = size[0] + GAP_X if back else max(0.0, 2 * GAP_X + size[0] - gap)
        x = left if back else from_left + from_width + (gap + step - size[0]) / 2
        behind = {id for id, box in boxes.items()
                  if box[0] >= left and box[1] < top + height and top < box[1] + box[3]}
        place = snap(x), snap(top if back else (from_top + top) / 2)
        return place, _pushed(boxes, behind - {source}, snap(step), 0.0)
    downward = top > from_top
    low, high = (from_top + from_height, top) if downward else (top + height, from_top)
    step = max(0.0, 2 * GAP_Y + size[1] - (high - low))
    place = snap(left + (width - size[0]) / 2), snap(low + GAP_Y)
    return place, _pushed(boxes, {id for id, box in boxes.items() if box[1] >= high}, 0.0,
                          snap(step))


def _pushed(boxes: Mapping[str, Box], behind: set[str], dx: float, dy: float
            ) -> dict[str, Place]:
    """The new places of some nodes, and of those that they would otherwise come to cover."""
    if not dx and not dy:
        return {}
    while True:
        moved = [(boxes[id][0] + dx, boxes[id][1] + dy, *boxes[id][2:]) for id in behind]
        hit = {id for id, box in boxes.items()
               if id not in behind and any(overlap(box, other) for other in moved)}
        if not hit:
            return {id: (boxes[id][0] + dx, boxes[id][1] + dy) for id in behind}
        behind = behind | hit


def overlap(a: Box, b: Box) -> bool:
    """Whether one covers a part of the other."""
    return (a[0] < b[0] + b[2] and b[0] < a[0] + a[2]
            and a[1] < b[1] + b[3] and b[1] < a[1] + a[3])


def _forbidden(group: Sequence[Box], taken: Sequence[Box], axis: int
               ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Along one axis: between which two steps each pair would overlap (pairs,), (pairs,)."""
    mine, theirs = np.array(group)[:, None], np.array(taken)[None]
    low = theirs[..., axis] - mine[..., axis] - mine[..., axis + 2] - GRID
    high = theirs[..., axis] + theirs[..., axis + 2] - mine[..., axis] + GRID
    return low.ravel(), high.ravel()


def _steps(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """The steps on the grid at which overlapping ends, nearest first; right before left."""
    ends = np.unique(np.concatenate(
        [[0.0], np.floor(low / GRID) * GRID, np.ceil(high / GRID) * GRID]))
    nearest = ends[np.lexsort((ends < 0, np.abs(ends)))]
    return np.concatenate([nearest[:NEAREST], ends[[0, -1]]])
