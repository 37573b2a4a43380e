"""Ports that stay where they are and say what they are, and edges that go round nodes."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.examples import EXAMPLES
from playground.graph import Edge, Graph
from playground.layers import LAYERS
from playground.layers.base import make_layer
from tests.on_canvas import drag, open_canvas, port
from ui.canvas import editing
from ui.canvas.face import Port
from ui.canvas.ports import HEAD_PORT, heights, in_head
from ui.canvas.routing import LANES, route_all
from ui.canvas.view import CanvasView


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> CanvasView:
    return open_canvas(qtbot, qapp)


# -- ports ----------------------------------------------------------------------------------------


def stands(view: CanvasView) -> dict[tuple[str, bool, int], QPointF]:
    return {(id, item.output, item.number): item.pos()
            for id, node in view.canvas.nodes.items()
            for item in (*node.input_items, *node.output_items)}


def test_inputs_are_left_and_outputs_right_whatever_is_connected(view: CanvasView) -> None:
    before = stands(view)
    for id, node in view.canvas.nodes.items():
        assert all(item.pos().x() == 0 for item in node.input_items), id
        assert all(item.pos().x() == node.size().width() for item in node.output_items), id
    # While an edge is drawn, when it is there, and when the nodes stand the other way round.
    drag(view, port(view, "dense_2", True), port(view, "loss_1", False), let_go=False)
    assert stands(view) == before
    view.cancel_interaction()
    drag(view, port(view, "dense_2", True), port(view, "loss_1", False))
    assert len(view.document.graph.edges) == 3
    assert stands(view) == before
    editing.move(view.document, {"dense_1": (900, 400), "moons_1": (1200, 0)})
    assert stands(view) == before


def test_ports_with_a_meaning_have_a_row_of_their_own() -> None:
    def row(*names: str) -> list[Port]:
        return [Port(name, "", False) for name in names]

    assert heights(row("x")) == heights(row("score")) == [HEAD_PORT]
    assert in_head(row("x", "lengths", "state")) == 1
    assert in_head(row("prediction", "target")) == 0
    places = heights(row("x", "lengths", "state"))
    assert places[0] == HEAD_PORT
    assert places[2] - places[1] == heights(row("a", "b"))[1] - heights(row("a", "b"))[0] > 0
    assert heights([]) == []


def names_drawn(view: CanvasView, id: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written on a node, in order."""
    from ui.canvas import node_paint

    written: list[str] = []
    original = node_paint._elided

    def note(painter: object, room: object, text: str, *rest: object, **named: object) -> None:
        written.append(text)
        original(painter, room, text, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(node_paint, "_elided", note)
    view.canvas.nodes[id].update()
    view.grab()
    return written


def test_names_stand_beside_the_ports_and_on_them(
        view: CanvasView, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = view.document.graph.with_node(LAYERS["lstm"](), 0, 300)
    view.document.edit("Add", graph)
    view.fit()
    written = names_drawn(view, "loss_1", monkeypatch)
    assert {"prediction", "target", "lengths", "state"} <= set(written)
    assert "x" not in written  # says nothing
    loss = view.canvas.nodes["loss_1"]
    assert [item.toolTip().split("<br>")[0] for item in loss.input_items] == [
        "Input prediction (not connected)", "Input target (optional)"]
    rows = [item.pos().y() for item in loss.input_items]
    assert max(rows) < loss.size().height() - 8  # inside the node


def test_an_input_that_means_nothing_here_is_left_out(view: CanvasView) -> None:
    """Lengths are of sequences: a loss has that port once its prediction is one."""
    def ports() -> list[str]:
        return [item.toolTip().split("<br>")[0]
                for item in view.canvas.nodes["loss_1"].input_items]

    graph = Graph()
    for kind, settings in (("slot_filling", {}), ("embedding", {"vocabulary": 64}),
                           ("dense", {"units": 4}), ("flatten", {}),
                           ("softmax_cross_entropy", {})):
        graph = graph.with_node(make_layer(kind, settings))
    graph = graph.connect("slot_filling_1", "embedding_1").connect("embedding_1", "dense_1")
    graph = graph.connect("dense_1", "flatten_1")
    view.document.edit("Other", graph)
    assert len(ports()) == 2
    sequence = graph.connect("dense_1", "loss_1")
    view.document.edit("Connect", sequence)
    assert ports()[2] == "Input lengths (optional)"
    assert "left out of the means" in view.canvas.nodes["loss_1"].input_items[2].toolTip()
    knows = sequence.connect("slot_filling_1", "loss_1", 2, 2)
    view.document.edit("Connect", knows)
    assert ports()[2] == "Input lengths: 1"
    # What is connected is shown, even where it is wrong.
    (edge,) = (e for e in knows.edges if (e.target, e.target_port) == ("loss_1", 0))
    view.document.edit("Connect", knows.without_edges([edge]).connect("flatten_1", "loss_1"))
    assert ports()[2] == "Input lengths: 1"


# -- edges ----------------------------------------------------------------------------------------


def runs_into(path: QPainterPath, box: QRectF) -> bool:
    inner = box.adjusted(1, 1, -1, -1)
    return any(inner.contains(path.pointAtPercent(share)) for share in np.linspace(0, 1, 300))


def hidden(view: CanvasView) -> list[tuple[Edge, str]]:
    """Where an edge runs behind a node."""
    return [(edge, id) for edge, item in view.canvas.edges.items()
            for id, node in view.canvas.nodes.items() if runs_into(item.path(), node.box())]


@pytest.mark.parametrize("name", ["resnet", "inception", "vqa", "gan", "vae", "transformer"])
def test_no_edge_runs_behind_a_node(name: str, qtbot: QtBot, qapp: QApplication) -> None:
    view = open_canvas(qtbot, qapp, EXAMPLES[name].graph)
    assert not hidden(view)
    view.tidy()
    assert not hidden(view)
    boxes = [item.box() for item in view.canvas.nodes.values()]
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])


def wire(start: tuple[float, float], end: tuple[float, float], *boxes: QRectF) -> QPainterPath:
    edge = Edge("a", 0, "b", 0)
    nodes = {str(i): box for i, box in enumerate(boxes)}
    return route_all({edge: (QPointF(*start), QPointF(*end))}, nodes,
                     {"a": "a", "b": "b"})[edge]


def test_an_edge_is_straight_until_something_is_in_its_way() -> None:
    assert wire((0, 0), (400, 0)).elementCount() == 2
    wall = QRectF(150, -50, 100, 100)
    path = wire((0, 0), (400, 0), wall)
    assert not runs_into(path, wall)
    assert path.boundingRect().height() <= 50 + LANES[-1]
    assert (path.currentPosition() - QPointF(400, 0)).manhattanLength() == 0


def test_an_edge_back_leaves_right_and_enters_left() -> None:
    source, target = QRectF(400, 0, 168, 100), QRectF(0, 200, 168, 100)
    path = wire((568, 24), (0, 224), source, target)
    assert not runs_into(path, source)
    assert not runs_into(path, target)
    assert path.pointAtPercent(0.01).x() > 568
    assert path.pointAtPercent(0.99).x() < 0
    assert path.boundingRect().bottom() <= 224  # between the two, not around them


def test_two_edges_take_different_lanes() -> None:
    boxes = {"a": QRectF(400, 0, 168, 100), "b": QRectF(0, 200, 168, 100),
             "c": QRectF(400, 120, 168, 60), "d": QRectF(0, 320, 168, 100)}
    first, second = Edge("a", 0, "b", 0), Edge("c", 0, "d", 0)
    paths = route_all({first: (QPointF(568, 24), QPointF(0, 224)),
                       second: (QPointF(568, 144), QPointF(0, 344))}, boxes,
                      {id: id for id in boxes})
    assert not any(runs_into(path, box) for path in paths.values() for box in boxes.values())
    shares = np.linspace(0, 1, 200)
    spots = [[path.pointAtPercent(share) for share in shares] for path in paths.values()]
    near = sum(min((p - q).manhattanLength() for q in spots[1]) < 3 for p in spots[0])
    assert near < 10  # They may cross, but do not run along each other.


def test_an_edge_goes_round_a_node_that_is_dragged_into_it(view: CanvasView) -> None:
    editing.move(view.document, {"dense_2": (800, 0)})
    drag(view, view.canvas.nodes["loss_1"].box().center(), QPointF(600, 24))
    assert not hidden(view)


# -- a sentence and its neighbours ----------------------------------------------------------------


def contradiction() -> Graph:
    """A convolution that gets a vector: its sentence is long."""
    graph = Graph().with_node(LAYERS["moons"](), 0, 0).with_node(LAYERS["conv2d"](), 208, 0)
    return graph.connect("moons_1", "conv_1").with_node(LAYERS["relu"](), 416, 0)


def test_a_sentence_takes_the_room_there_is(qtbot: QtBot, qapp: QApplication) -> None:
    view = open_canvas(qtbot, qapp, contradiction())
    item = view.canvas.nodes["conv_1"]
    assert " ".join(item.lines) == item.error  # downwards, as there is a neighbour to the right
    assert item.size().width() == 168
    below = view.document.graph.with_node(LAYERS["relu"](), 208, 80)
    view.document.edit("Add", below)
    assert item.lines[-1].endswith("…")
    assert not any(item.box().intersects(other.box())
                   for id, other in view.canvas.nodes.items() if id != "conv_1")
    item.hoverMoveEvent(None)
    assert item.error in item.toolTip()  # nothing is lost
    view.document.edit("Remove", view.document.graph.without(["relu_1", "relu_2"]))
    assert " ".join(item.lines) == item.error
    assert item.size().width() > 168


def test_a_failure_takes_the_room_there_is(view: CanvasView) -> None:
    sentence = "The gradient of its weights is infinite or not a number. " * 3
    view.canvas.set_failed("dense_1", sentence.strip())
    item = view.canvas.nodes["dense_1"]
    assert item.lines
    assert not any(item.box().intersects(other.box())
                   for id, other in view.canvas.nodes.items() if id != "dense_1")
    view.canvas.set_failed(None)
    assert not item.lines


# -- what waits -----------------------------------------------------------------------------------


def test_what_is_not_connected_yet_is_calm(view: CanvasView) -> None:
    loss = view.canvas.nodes["loss_1"]
    assert not loss.error
    assert "prediction" in loss.face.waiting
    assert "not connected yet" in loss.describe()
    loss.hoverMoveEvent(None)
    assert loss.face.waiting in loss.toolTip()
    # Run still says what is missing, of a node that is needed.
    editing.disconnect(view.document, Edge("dense_1", 0, "dense_2", 0))
    editing.connect(view.document, Edge("dense_2", 0, "loss_1", 0))
    assert view.document.check.graph_error == (
        "dense_2: Nothing is connected to its input x. Drag from the output of another node.")
    assert not view.canvas.nodes["dense_2"].error
    # A contradiction is red at once.
    view.document.edit("Widen", view.document.graph.with_layer("dense_2", LAYERS["conv2d"]()))
    editing.connect(view.document, Edge("dense_1", 0, "dense_2", 0))
    assert view.canvas.nodes["dense_2"].error
