"""What is new on the canvas covers nothing that was there, and can be seen."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QPointF, QSize
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.graph import Graph
from playground.layers import LAYERS
from tests.on_canvas import drop, network, open_canvas
from ui.canvas.layout import GRID, Box
from ui.canvas.room import MOST_PAIRS, around, free_step, make_room, overlap
from ui.canvas.view import CanvasView

SIZE = (168.0, 100.0)


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> CanvasView:
    return open_canvas(qtbot, qapp)


def covered(view: CanvasView) -> list[tuple[str, str]]:
    """Pairs of nodes of which one lies on the other."""
    items = list(view.canvas.nodes.items())
    return [(a, b) for i, (a, first) in enumerate(items) for b, second in items[:i]
            if first.box().intersects(second.box())]


def sees_selection(view: CanvasView) -> bool:
    seen = view.mapToScene(view.viewport().rect()).boundingRect()
    return all(seen.contains(view.canvas.nodes[id].box()) for id in view.document.selection)


def arrangement(view: CanvasView, ids: list[str]) -> list[tuple[float, float]]:
    """How nodes stand to the first of them."""
    nodes = [view.document.graph.node(id) for id in ids]
    return [(n.x - nodes[0].x, n.y - nodes[0].y) for n in nodes]


# -- the canvas -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dense", "conv2d", "softmax_cross_entropy", "moons"])
def test_drops_cover_nothing_whatever_they_say(view: CanvasView, kind: str) -> None:
    """A layer that does not fit has a sentence on it, and is larger than others."""
    for _ in range(5):
        assert drop(view, kind, QPointF(250, 20))
        assert not covered(view)
        assert sees_selection(view)
    view.document.stack.setIndex(0)
    assert view.document.graph == network()


def test_the_palette_covers_nothing_and_scrolls(view: CanvasView) -> None:
    view.actual_size()
    for number in range(8):
        view.document.select(["dense_2"])
        assert view.add_layer("conv2d" if number % 2 else "softmax_cross_entropy")
        assert not covered(view)
        assert sees_selection(view)


def test_layers_put_into_edges_cover_nothing(view: CanvasView) -> None:
    for _ in range(3):
        edge = next(e for e in view.document.graph.edges if e.target == "dense_2")
        drop(view, "conv2d", view.canvas.edges[edge].path().pointAtPercent(0.5))
        assert edge not in view.document.graph.edges
        assert not covered(view)
        assert sees_selection(view)


def paste(view: CanvasView) -> None:
    view.copy()
    view.paste()


@pytest.mark.parametrize("copy", [paste, CanvasView.duplicate])
def test_copies_cover_nothing_and_keep_their_arrangement(
        view: CanvasView, copy: Callable[[CanvasView], None]) -> None:
    before = ["dense_1", "dense_2", "loss_1"]
    view.document.select(before)
    for _ in range(4):
        copy(view)
        new = [n.id for n in view.document.graph.nodes[-3:]]
        assert view.document.selection == set(new)
        assert arrangement(view, new) == arrangement(view, before)
        assert not covered(view)
        assert sees_selection(view)


def test_a_paste_far_from_its_origin_goes_where_one_looks(view: CanvasView) -> None:
    view.document.select(["dense_1", "dense_2"])
    view.copy()
    view.pan(5000, 3000)
    corner = view.mapToScene(QPoint(0, 0))
    view.paste()
    assert sees_selection(view)
    assert view.mapToScene(QPoint(0, 0)) == corner


def test_a_drop_at_the_rim_is_scrolled_into_view(view: CanvasView) -> None:
    view.actual_size()
    at = view.mapToScene(view.viewport().rect().bottomRight() - QPoint(4, 4))
    assert drop(view, "relu", at)
    assert sees_selection(view)


def test_what_was_all_in_view_is_so_after_edits_and_their_undo(view: CanvasView) -> None:
    for _ in range(3):
        edge = next(e for e in view.document.graph.edges if e.target == "dense_2")
        drop(view, "add", view.canvas.edges[edge].path().pointAtPercent(0.5))
        assert sees_all(view)
    view.document.select(["dense_1", "dense_2", "loss_1"])
    for _ in range(3):
        view.duplicate()
        assert sees_all(view)
    while view.document.stack.canUndo():
        view.document.stack.undo()
        assert sees_all(view)


def test_an_undo_shows_the_network_where_it_was(view: CanvasView) -> None:
    before = view.zoom, view.mapToScene(QPoint(0, 0))
    for _ in range(3):
        edge = next(e for e in view.document.graph.edges if e.target == "dense_2")
        drop(view, "add", view.canvas.edges[edge].path().pointAtPercent(0.5))
    assert view.zoom < before[0]
    while view.document.stack.canUndo():
        view.document.stack.undo()
    assert (view.zoom, view.mapToScene(QPoint(0, 0))) == before


def test_who_has_panned_is_scrolled_as_little_as_needed(view: CanvasView) -> None:
    view.pan(150, 0)
    zoom, corner = view.zoom, view.mapToScene(QPoint(0, 0))
    view.document.select(["dense_2"])
    assert view.add_layer("relu")
    assert view.zoom == zoom
    assert view.mapToScene(QPoint(0, 0)) == corner


# -- the arithmetic -------------------------------------------------------------------------------


def boxes(count: int, seed: int) -> list[Box]:
    made = random.Random(seed)
    return [(made.randrange(-600, 600), made.randrange(-400, 400),
             made.randrange(40, 260), made.randrange(40, 260)) for _ in range(count)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("members", [1, 3])
def test_the_step_is_free_and_the_smallest(seed: int, members: int) -> None:
    taken, group = boxes(12, seed), boxes(members, seed + 100)
    dx, dy = free_step(group, taken)

    def free(x: float, y: float) -> bool:
        return not any(overlap((b[0] + x - GRID, b[1] + y - GRID, b[2] + 2 * GRID,
                                b[3] + 2 * GRID), other) for b in group for other in taken)

    assert dx % GRID == dy % GRID == 0
    assert free(dx, dy)
    length = dx * dx + dy * dy
    steps = range(-800, 801, GRID)
    assert not any(x * x + y * y < length and free(x, y)
                   for x in steps if x * x < length for y in steps if x * x + y * y < length)


def test_where_there_is_room_nothing_moves() -> None:
    assert free_step([(0, 0, *SIZE)], []) == (0, 0)
    assert free_step([(0, 0, *SIZE)], [(300, 0, *SIZE)]) == (0, 0)
    assert free_step([], [(0, 0, *SIZE)]) == (0, 0)


def test_large_groups_move_as_a_block() -> None:
    row = [(200.0 * i, 0.0, *SIZE) for i in range(60)]
    assert len(row) ** 2 > MOST_PAIRS
    dx, dy = free_step(row, row)
    x, y, width, height = around(row)
    assert not overlap((x + dx, y + dy, width, height), around(row))


@pytest.mark.parametrize("way", [(300, 0), (-300, 0), (0, 150), (0, -150), (90, 130)])
def test_room_is_made_in_every_direction(way: tuple[float, float]) -> None:
    there = {"a": (0.0, 0.0, *SIZE), "b": (*way, *SIZE)}
    place, moved = make_room(there, "a", "b", (168, 112))
    spots = {id: (*moved.get(id, box[:2]), *SIZE) for id, box in there.items()}
    assert not any(overlap((*place, 168, 112), box) for box in spots.values())
    assert not overlap(spots["a"], spots["b"])


def test_who_makes_room_runs_over_nobody() -> None:
    there = {"a": (0.0, 0.0, *SIZE), "b": (208.0, 0.0, 168.0, 300.0),
             "tall": (416.0, 40.0, 168.0, 400.0), "below": (620.0, 380.0, *SIZE)}
    _, moved = make_room(there, "a", "b", SIZE)
    spots = {id: (*moved.get(id, box[:2]), *box[2:]) for id, box in there.items()}
    assert not any(overlap(spots[a], spots[b]) for a in spots for b in spots if a < b)


# -- another room ---------------------------------------------------------------------------------


def sees_all(view: CanvasView) -> bool:
    return view.mapToScene(view.viewport().rect()).boundingRect().contains(view.content())


def test_what_fits_fits_in_another_room(view: CanvasView) -> None:
    view.fit()
    assert sees_all(view)
    view.resize(view.width() // 2, view.height() // 2)
    QApplication.processEvents()
    assert sees_all(view)


def test_who_has_zoomed_keeps_the_zoom(view: CanvasView) -> None:
    view.fit()
    view.zoom_in()
    zoom = view.zoom
    view.resize(view.width() // 2, view.height() // 2)
    QApplication.processEvents()
    assert view.zoom == zoom


@pytest.mark.parametrize("count", [1, 40])
def test_the_picture_of_a_network_shows_all_of_it_in_its_middle(
        view: CanvasView, count: int) -> None:
    view.document.edit("Row", replace_by_row(count))
    view.document.select(())
    view.pan(3000, 2000)
    image = view.picture(QSize(400, 225)).toImage()
    ground = image.pixel(0, 0)
    seen = [(x, y) for x in range(400) for y in range(225) if image.pixel(x, y) != ground]
    left, right = min(x for x, _ in seen), max(x for x, _ in seen)
    top, bottom = min(y for _, y in seen), max(y for _, y in seen)
    assert abs(left + right - 400) < 12
    assert abs(top + bottom - 225) < 12
    assert right - left < 200 if count == 1 else 370 < right - left < 399


def replace_by_row(count: int) -> Graph:
    graph = Graph()
    for number in range(count):
        graph = graph.with_node(LAYERS["relu"](), 200 * number, 0)
    return graph
