"""Where nodes go: columns from data to loss, in rows like lines of text.

Pure arithmetic: sizes and edges in, corners out. Columns and the order in them come from the
Sugiyama method (fast-sugiyama); without that library, from the longest path.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence

from playground.graph import Edge, Graph
from ui.canvas.folding import drawn_network

GRID = 8
GAP_X, GAP_Y = 40, 32
"""Between columns, and between nodes of a column."""
ROW_GAP = 64
"""Between rows: here edges run back to where the next row begins."""

CUT_COST, LONELY = 3.0, 2.0
"""What it costs to cut one more edge than needed, and to leave a single node in the last row, in
squares of missing columns."""

Size = tuple[float, float]
Place = tuple[float, float]
Box = tuple[float, float, float, float]
"""left, top, width, height"""


WIDER = (1.0, 1.4, 2.0, 2.8, 4.0, 5.6)
"""So many times the room are looked at, to see a large network as large as possible."""


def arrange_in(graph: Graph, sizes: Mapping[str, Size], room: Size) -> dict[str, Place]:
    """A corner for all that is drawn, so that it is seen as large as possible in a room."""
    def shown(places: Mapping[str, Place]) -> float:
        """The zoom at which all of it fits."""
        far = [(x + sizes[id][0], y + sizes[id][1]) for id, (x, y) in places.items()]
        return min(1.0, *(of / max(1.0, *(end[axis] for end in far))
                          for axis, of in enumerate(room)))

    return max((arrange(graph, sizes, room[0] * wider) for wider in WIDER), key=shown)


def arrange(graph: Graph, sizes: Mapping[str, Size], width: float) -> dict[str, Place]:
    """A corner for all that is drawn, so that rows are not wider than `width` where that is
    possible."""
    places: dict[str, Place] = {}
    top = 0.0
    edges = [e for e in graph.edges if not _is_side_edge(graph, e)]
    order = [node.id for node in graph.order()]
    if graph.folds:
        order, edges = drawn_network(graph, edges)
    for ids in _components(order, edges):
        inner = [e for e in edges if e.source in ids]
        lanes = _lanes(ids, inner)
        for row in _place_rows(lanes, inner, sizes, width):
            height = 0.0
            for id, (x, y) in row.items():
                places[id] = (snap(x), snap(top + y))
                height = max(height, y + sizes[id][1])
            top += snap(height) + ROW_GAP
    return places


def snap(value: float) -> float:
    """The nearest line of the grid."""
    return round(value / GRID) * GRID


# -- columns ----------------------------------------------------------------------------------

Lanes = list[dict[str, float]]
"""Columns from left to right: node -> lane, a number that tells above from below."""


def _lanes(ids: Sequence[str], edges: Sequence[Edge]) -> Lanes:
    if not edges:
        return [{ids[0]: 0.0}]
    try:
        return _sugiyama(ids, edges)
    except ImportError:
        return _longest_path(ids, edges)


def _sugiyama(ids: Sequence[str], edges: Sequence[Edge]) -> Lanes:
    # The import is inside: the library is young, and the canvas must open without it.
    library = importlib.import_module("fast_sugiyama")
    # Dummy vertices keep a lane free for long edges, which would else run under nodes.
    layouts = library.from_edges(
        sorted({(e.source, e.target) for e in edges}), vertex_spacing=1.0, dummy_vertices=True,
        ranking_type="down")
    wanted = set(ids)
    found = {id: place for id, place in next(iter(layouts))[0] if id in wanted}
    ranks = sorted({round(y, 3) for _, y in found.values()}, reverse=True)
    columns: Lanes = [{} for _ in ranks]
    for id, (x, y) in found.items():
        columns[ranks.index(round(y, 3))][id] = x
    return columns


def _longest_path(ids: Sequence[str], edges: Sequence[Edge]) -> Lanes:
    """Each node one column after the last of its inputs; `ids` are in network order."""
    column: dict[str, int] = {}
    for id in ids:
        column[id] = max((column[e.source] + 1 for e in edges if e.target == id), default=0)
    columns: Lanes = [{} for _ in range(max(column.values()) + 1)]
    for id in ids:
        columns[column[id]][id] = float(len(columns[column[id]]))
    return columns


# -- rows -------------------------------------------------------------------------------------


def _place_rows(columns: Lanes, edges: Sequence[Edge], sizes: Mapping[str, Size],
                width: float) -> list[dict[str, Place]]:
    """Each row's nodes, x from the left and y from the row's top."""
    bands, widths = [columns], _slot_widths([columns], sizes)
    for per_row in range(len(columns), 0, -1):
        bands = _bands(columns, edges, per_row)
        widths = _slot_widths(bands, sizes)
        if sum(widths) + GAP_X * (len(widths) - 1) <= width:
            break
    rows = []
    for band in bands:
        row: dict[str, Place] = {}
        for slot, column in enumerate(band):
            left = sum(widths[:slot]) + GAP_X * slot
            row |= _stack(column, left, widths[slot], sizes)
        top = min(y for _, y in row.values())
        rows.append({id: (x, y - top) for id, (x, y) in row.items()})
    return rows


def _slot_widths(bands: Sequence[Lanes], sizes: Mapping[str, Size]) -> list[float]:
    count = max(len(band) for band in bands)
    widths = [0.0] * count
    for band in bands:
        for slot, column in enumerate(band):
            widths[slot] = max(widths[slot], *(sizes[id][0] for id in column))
    return widths


def _bands(columns: Lanes, edges: Sequence[Edge], per_row: int) -> list[Lanes]:
    """Cut the columns into rows of `per_row` at most, full ones where few edges are cut.

    By dynamic programming: best[i] is the least cost of the columns from i on, and where the
    first of their rows ends.
    """
    column_of = {id: i for i, column in enumerate(columns) for id in column}
    crossing = [0] * (len(columns) + 1)
    for e in edges:
        for cut in range(column_of[e.source] + 1, column_of[e.target] + 1):
            crossing[cut] += 1
    end = len(columns)
    best: list[tuple[float, int]] = [(0.0, end)] * (end + 1)
    for start in range(end - 1, -1, -1):
        # The last row may be short, but a node alone looks lost. A single edge that turns
        # round costs nothing.
        best[start] = min(
            ((LONELY * (stop - start == 1) if stop == end else (per_row - (stop - start)) ** 2
              + CUT_COST * (crossing[stop] - 1) ** 2) + best[stop][0], -stop)
            for stop in range(start + 1, min(start + per_row, end) + 1))
        best[start] = best[start][0], -best[start][1]
    bands, start = [], 0
    while start < end:
        bands.append(columns[start:best[start][1]])
        start = best[start][1]
    return bands


def _stack(column: Mapping[str, float], left: float, width: float,
           sizes: Mapping[str, Size]) -> dict[str, Place]:
    """A column's nodes below each other, about the lane that the method gave them."""
    places: dict[str, Place] = {}
    bottom = float("-inf")
    tallest = max(height for _, height in sizes.values())
    for id in sorted(column, key=lambda id: column[id]):
        y = max(column[id] * (tallest + GAP_Y), bottom)
        places[id] = (left + (width - sizes[id][0]) / 2, y)
        bottom = y + sizes[id][1] + GAP_Y
    return places


# -- parts ------------------------------------------------------------------------------------


def _is_side_edge(graph: Graph, edge: Edge) -> bool:
    """From the data's target straight to the loss: it says nothing about the order."""
    inputs = graph.node(edge.target).inputs
    return edge.target_port < len(inputs) and inputs[edge.target_port] == "target"


def _components(order: Sequence[str], edges: Sequence[Edge]) -> list[list[str]]:
    """The connected parts in network order; the largest first, lone nodes last."""
    leader = {id: id for id in order}
    for e in edges:
        old, new = leader[e.target], leader[e.source]
        leader |= {id: new for id, first in leader.items() if first == old}
    groups: dict[str, list[str]] = {}
    for id in order:
        groups.setdefault(leader[id], []).append(id)
    return sorted(groups.values(), key=len, reverse=True)
