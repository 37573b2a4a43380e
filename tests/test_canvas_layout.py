"""Where the nodes of a network go."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.graph import Graph
from playground.layers import LAYERS
from tests.on_canvas import (
    CONTROL,
    in_step,
    network,
    open_canvas,
)
from ui.canvas.layout import _longest_path, arrange
from ui.canvas.node_size import GRID
from ui.canvas.view import CanvasView


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> CanvasView:
    return open_canvas(qtbot, qapp)


def ladder(length: int) -> Graph:
    graph = Graph()
    for number in range(length):
        graph = graph.with_node(LAYERS["dense"]())
        if number:
            graph = graph.connect(f"dense_{number}", f"dense_{number + 1}")
    return graph


def overlap(places: dict[str, tuple[float, float]], size: tuple[float, float]) -> bool:
    spots = list(places.values())
    return any(abs(a[0] - b[0]) < size[0] and abs(a[1] - b[1]) < size[1]
               for i, a in enumerate(spots) for b in spots[:i])


def test_a_long_chain_goes_on_in_the_next_row(view: CanvasView) -> None:
    graph = ladder(9)
    size = (168.0, 100.0)
    places = arrange(graph, {n.id: size for n in graph.nodes}, 900)
    assert not overlap(places, size)
    assert max(x for x, _ in places.values()) + size[0] <= 900
    assert places["dense_5"][0] == places["dense_1"][0] < places["dense_6"][0]  # as in a text
    assert places["dense_5"][1] > places["dense_4"][1]
    assert all(x % GRID == 0 and y % GRID == 0 for x, y in places.values())


@pytest.mark.parametrize("library", [True, False])
def test_branches_and_lone_nodes_do_not_overlap(
        library: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not library:
        monkeypatch.setattr("ui.canvas.layout._sugiyama", _missing)
    graph = ladder(4).with_node(LAYERS["add"]()).with_node(LAYERS["relu"]())
    graph = graph.connect("dense_2", "add_1").connect("dense_4", "add_1")
    graph = graph.with_node(LAYERS["dense"](), id="lone_1")
    size = (168.0, 100.0)
    places = arrange(graph, {n.id: size for n in graph.nodes}, 2000)
    assert places.keys() == {n.id for n in graph.nodes}
    assert not overlap(places, size)
    assert places["add_1"][0] > places["dense_4"][0] > places["dense_2"][0]


def _missing(*_: object) -> None:
    raise ImportError


def test_fallback_columns_follow_the_longest_path() -> None:
    graph = ladder(3).with_node(LAYERS["add"]()).connect("dense_1", "add_1")
    graph = graph.connect("dense_3", "add_1")
    columns = _longest_path([n.id for n in graph.order()], graph.edges)
    assert [set(column) for column in columns] == [
        {"dense_1"}, {"dense_2"}, {"dense_3"}, {"add_1"}]


def test_tidy_is_one_entry(view: CanvasView, qtbot: QtBot) -> None:
    qtbot.keyClick(view, Qt.Key.Key_L, CONTROL)
    assert view.document.stack.count() == 1
    assert in_step(view)
    view.document.stack.undo()
    assert view.document.graph == network()
