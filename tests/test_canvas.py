"""The canvas, driven as a person does: mouse and drops; then the document is looked at."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.graph import Edge
from playground.layers import LAYERS
from tests.on_canvas import (
    CONTROL,
    NONE,
    SHIFT,
    click,
    drag,
    drop,
    in_step,
    middle,
    mouse,
    network,
    open_canvas,
    port,
)
from ui.canvas import editing
from ui.canvas.node_size import GRID
from ui.canvas.view import CanvasView


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> CanvasView:
    return open_canvas(qtbot, qapp)


# -- adding ---------------------------------------------------------------------------------------


def test_drop_undo_redo(view: CanvasView) -> None:
    assert drop(view, "relu", QPointF(240, 200))
    assert "relu_1" in view.document.graph
    assert view.document.selection == {"relu_1"}
    view.document.stack.undo()
    assert "relu_1" not in view.document.graph
    assert in_step(view)
    view.document.stack.redo()
    assert "relu_1" in view.document.graph
    assert in_step(view)


def test_undoing_a_drop_selects_what_was_selected_before(view: CanvasView) -> None:
    document = view.document
    document.select({"dense_1", "dense_2"}, [Edge("dense_1", 0, "dense_2", 0)])
    assert drop(view, "dropout", QPointF(400, 300))
    assert document.selection == {"dropout_1"}
    document.stack.undo()
    assert document.selection == {"dense_1", "dense_2"}
    assert document.selected_edges == {Edge("dense_1", 0, "dense_2", 0)}
    document.stack.redo()
    document.select({"loss_1"})
    document.stack.undo()
    assert document.selection == {"loss_1"}, "what was selected since stays"


def test_a_drop_on_an_edge_goes_into_it(view: CanvasView) -> None:
    edge = Edge("dense_1", 0, "dense_2", 0)
    assert drop(view, "relu", view.canvas.edges[edge].path().pointAtPercent(0.5))
    graph = view.document.graph
    assert edge not in graph.edges
    assert {Edge("dense_1", 0, "relu_1", 0), Edge("relu_1", 0, "dense_2", 0)} <= set(graph.edges)
    view.document.stack.undo()
    assert view.document.graph == network()


def test_the_others_make_room_for_it(view: CanvasView) -> None:
    edge = Edge("dense_1", 0, "dense_2", 0)
    drop(view, "relu", view.canvas.edges[edge].path().pointAtPercent(0.5))
    boxes = {id: item.box() for id, item in view.canvas.nodes.items()}
    assert boxes["dense_1"].right() < boxes["relu_1"].left()
    assert boxes["relu_1"].right() < boxes["dense_2"].left()
    assert view.document.graph.node("loss_1").x == 480  # Another row stays where it is.
    assert view.document.stack.count() == 1


def test_drops_that_are_no_layers_are_not_taken(view: CanvasView) -> None:
    assert not drop(view, "no such layer", QPointF(240, 200))
    assert view.document.graph == network()


def test_the_palettes_enter_connects_to_the_selected_node(view: CanvasView) -> None:
    view.document.select(["dense_2"])
    assert view.add_layer("relu") == "relu_1"
    assert Edge("dense_2", 0, "relu_1", 0) in view.document.graph.edges
    view.document.select([])
    assert view.add_layer("moons") == "moons_2"
    assert view.document.graph.outputs_of("moons_2") == ()


# -- mouse ----------------------------------------------------------------------------------------


def test_drag_moves_on_the_grid_as_one_entry(view: CanvasView) -> None:
    start = middle(view, "dense_1")
    drag(view, start, start + QPointF(51, 83))
    node = view.document.graph.node("dense_1")
    assert (node.x, node.y) == (288, 80)
    assert node.x % GRID == node.y % GRID == 0
    assert view.document.stack.count() == 1
    assert in_step(view)
    view.document.stack.undo()
    assert view.document.graph == network()


def test_selected_nodes_are_dragged_together_and_escape_cancels(
        view: CanvasView, qtbot: QtBot) -> None:
    view.document.select(["dense_1", "dense_2"])
    start = middle(view, "dense_1")
    drag(view, start, start + QPointF(0, 96), let_go=False)
    assert view.canvas.nodes["dense_2"].pos().y() == 96
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert in_step(view)
    assert view.document.stack.count() == 0
    drag(view, start, start + QPointF(0, 96))
    assert view.document.graph.node("dense_2").y == 96


def test_a_trembling_click_moves_nothing(view: CanvasView) -> None:
    start = middle(view, "dense_1")
    drag(view, start, start + QPointF(2, 1))
    assert view.document.stack.count() == 0
    assert view.document.selection == {"dense_1"}


def test_port_to_port(view: CanvasView) -> None:
    drag(view, port(view, "dense_2", True), port(view, "loss_1", False))
    assert Edge("dense_2", 0, "loss_1", 0) in view.document.graph.edges
    drag(view, port(view, "loss_1", False, 1), port(view, "moons_1", True, 1))
    assert Edge("moons_1", 1, "loss_1", 1) in view.document.graph.edges
    assert view.document.check.trainable
    view.document.stack.undo()
    view.document.stack.undo()
    assert view.document.graph == network()


def test_an_edge_let_go_on_a_node_takes_the_free_port(view: CanvasView) -> None:
    drag(view, port(view, "dense_2", True), middle(view, "loss_1"))
    assert Edge("dense_2", 0, "loss_1", 0) in view.document.graph.edges


def test_a_cycle_is_refused_with_a_sentence(view: CanvasView, qtbot: QtBot) -> None:
    editing.disconnect(view.document, Edge("moons_1", 0, "dense_1", 0))
    before = view.document.graph
    drag(view, port(view, "dense_2", True), port(view, "dense_1", False), let_go=False)
    assert "cycle" in view._message.text()
    with qtbot.waitSignal(view.document.refused) as told:
        mouse(view, QEvent.Type.MouseButtonRelease, port(view, "dense_1", False))
    assert "cycle" in told.args[0]
    assert view.document.graph is before
    assert not view._message.isVisible()


def test_a_connection_that_will_not_fit_says_so_before(view: CanvasView) -> None:
    wide = LAYERS["dense"]().with_settings(units=8)
    view.document.edit("Widen", view.document.graph.with_layer("dense_2", wide))
    drag(view, port(view, "dense_2", True), port(view, "loss_1", False), let_go=False)
    assert view._message.text().startswith("!")
    assert "2 units" in view._message.text()
    mouse(view, QEvent.Type.MouseButtonRelease, port(view, "loss_1", False))
    assert Edge("dense_2", 0, "loss_1", 0) in view.document.graph.edges
    assert view.canvas.nodes["loss_1"].error == view.document.check.errors["loss_1"]


def test_an_edge_dragged_off_its_input_goes_elsewhere_or_away(view: CanvasView) -> None:
    drag(view, port(view, "dense_2", False), port(view, "loss_1", False))
    assert view.document.graph.edges == (
        Edge("dense_1", 0, "loss_1", 0), Edge("moons_1", 0, "dense_1", 0))
    assert view.document.stack.count() == 1
    drag(view, port(view, "loss_1", False), QPointF(100, 400))
    assert view.document.graph.edges == (Edge("moons_1", 0, "dense_1", 0),)
    click(view, port(view, "dense_1", False))  # A click on a port takes nothing away.
    assert view.document.graph.edges == (Edge("moons_1", 0, "dense_1", 0),)
    assert all(item.isVisible() for item in view.canvas.edges.values())


def test_a_taken_input_gets_another_source_as_one_entry(view: CanvasView) -> None:
    drag(view, port(view, "moons_1", True), port(view, "dense_2", False), let_go=False)
    assert view._message.text() == "✓  Connect moons_1 to dense_2, in place of dense_1"
    mouse(view, QEvent.Type.MouseButtonRelease, port(view, "dense_2", False))
    assert view.document.graph.edges == (
        Edge("moons_1", 0, "dense_1", 0), Edge("moons_1", 0, "dense_2", 0))
    assert "dense_2 now takes moons_1 in place of dense_1" in view._message.text()
    assert view._message.isVisible()
    assert view.document.stack.count() == 1
    view.document.stack.undo()
    assert view.document.graph == network()
    # Dropped on the node's middle; and an edge that is dragged off its own input to another.
    drag(view, port(view, "moons_1", True), middle(view, "dense_2"))
    assert Edge("moons_1", 0, "dense_2", 0) in view.document.graph.edges
    view.document.stack.undo()
    drag(view, port(view, "dense_1", False), port(view, "dense_2", False))
    assert view.document.graph.edges == (Edge("moons_1", 0, "dense_2", 0),)
    view.document.stack.undo()
    assert view.document.graph == network()


def test_what_is_connected_already_says_so(view: CanvasView) -> None:
    drag(view, port(view, "dense_1", True), port(view, "dense_2", False), let_go=False)
    assert view._message.text() == "✓  dense_2 takes dense_1 already"
    mouse(view, QEvent.Type.MouseButtonRelease, port(view, "dense_2", False))
    assert view.document.graph == network()
    assert view.document.stack.count() == 0


def test_inputs_that_take_several_keep_what_they_have(view: CanvasView) -> None:
    view.document.edit("Add", view.document.graph.with_node(LAYERS["add"](), 240, 300))
    for source in ("dense_1", "dense_2", "moons_1"):
        drag(view, port(view, source, True), middle(view, "add_1"))
    assert [e.source for e in view.document.graph.inputs_of("add_1")] == [
        "dense_1", "dense_2", "moons_1"]


def test_the_data_s_target_goes_to_the_loss_s_target(view: CanvasView) -> None:
    drag(view, port(view, "moons_1", True, 1), middle(view, "loss_1"))
    assert Edge("moons_1", 1, "loss_1", 1) in view.document.graph.edges
    drag(view, port(view, "dense_1", True), middle(view, "loss_1"))
    drag(view, port(view, "dense_2", True), middle(view, "loss_1"))  # not to what is optional
    assert view.document.graph.inputs_of("loss_1") == (
        Edge("dense_2", 0, "loss_1", 0), Edge("moons_1", 1, "loss_1", 1))


def test_a_node_moved_onto_an_edge_goes_into_it(view: CanvasView) -> None:
    drop(view, "relu", QPointF(240, 300))
    view.document.stack.clear()
    before, edge = view.document.graph, Edge("dense_1", 0, "dense_2", 0)
    spot = view.canvas.edges[edge].path().pointAtPercent(0.5)
    drag(view, middle(view, "relu_1"), spot, let_go=False)
    assert view.canvas.edges[edge]._insert
    assert view._message.text() == "✓  Insert between dense_1 and dense_2"
    mouse(view, QEvent.Type.MouseButtonRelease, spot)
    graph = view.document.graph
    assert edge not in graph.edges
    assert {Edge("dense_1", 0, "relu_1", 0), Edge("relu_1", 0, "dense_2", 0)} <= set(graph.edges)
    boxes = {id: item.box() for id, item in view.canvas.nodes.items()}
    assert boxes["dense_1"].right() < boxes["relu_1"].left()
    assert boxes["relu_1"].right() < boxes["dense_2"].left()
    assert view.document.stack.count() == 1
    assert in_step(view)
    view.document.stack.undo()  # the move as well
    assert view.document.graph == before
    assert in_step(view)


def test_a_node_between_two_others_can_go_between_two_more(view: CanvasView) -> None:
    drop(view, "relu", view.canvas.edges[
        Edge("dense_1", 0, "dense_2", 0)].path().pointAtPercent(0.5))
    first = Edge("moons_1", 0, "dense_1", 0)
    drag(view, middle(view, "relu_1"), view.canvas.edges[first].path().pointAtPercent(0.5))
    assert set(view.document.graph.edges) == {
        Edge("moons_1", 0, "relu_1", 0), Edge("relu_1", 0, "dense_1", 0),
        Edge("dense_1", 0, "dense_2", 0)}
    view.document.stack.undo()
    view.document.stack.undo()
    assert view.document.graph == network()


def test_what_cannot_go_between_is_only_moved(view: CanvasView, qtbot: QtBot) -> None:
    edge = Edge("dense_1", 0, "dense_2", 0)
    spot = view.canvas.edges[edge].path().pointAtPercent(0.5)
    drag(view, middle(view, "loss_1"), spot)  # It has no output.
    assert view.document.graph.edges == network().edges
    view.document.stack.undo()
    drop(view, "relu", QPointF(240, 300))
    drag(view, middle(view, "relu_1"), spot, let_go=False)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert not view.canvas.edges[edge]._insert
    assert not view._message.isVisible()
    assert in_step(view)


def test_rubber_band_and_clicks_select(view: CanvasView) -> None:
    drag(view, QPointF(200, -60), QPointF(700, 100))
    assert view.document.selection == {"dense_1", "dense_2"}
    click(view, middle(view, "loss_1"), SHIFT)
    assert view.document.selection == {"dense_1", "dense_2", "loss_1"}
    click(view, QPointF(200, 300))
    assert not view.document.selection
    edge = Edge("dense_1", 0, "dense_2", 0)
    click(view, view.canvas.edges[edge].path().pointAtPercent(0.5) + QPointF(0, 4))
    assert view.document.selected_edges == {edge}


def test_a_port_is_lit_only_below_the_pointer(view: CanvasView) -> None:
    """While an edge is drawn nothing hovers; then what is below the pointer does."""
    source = view.canvas.nodes["dense_1"].output_items[0]
    target = view.canvas.nodes["dense_2"].input_items[0]
    mouse(view, QEvent.Type.MouseMove, source.center(), button=Qt.MouseButton.NoButton)
    assert source._hovered
    drag(view, source.center(), target.center())
    assert (source._hovered, target._hovered) == (False, True)


def test_the_wheel_zooms_about_the_pointer(view: CanvasView) -> None:
    spot = view.mapFromScene(middle(view, "dense_2"))
    before, zoom = view.mapToScene(spot), view.zoom
    QApplication.sendEvent(view.viewport(), QWheelEvent(
        QPointF(spot), QPointF(view.viewport().mapToGlobal(spot)), QPoint(0, 0), QPoint(0, 240),
        Qt.MouseButton.NoButton, NONE, Qt.ScrollPhase.NoScrollPhase, False))
    assert view.zoom > zoom
    assert (view.mapToScene(spot) - before).manhattanLength() < 3
    for _ in range(40):
        view.zoom_out()
    assert view.zoom == pytest.approx(0.15)


def test_fit_and_actual_size(view: CanvasView, qtbot: QtBot) -> None:
    view.document.edit("Far", view.document.graph.moved({"loss_1": (4000, 2000)}))
    qtbot.keyClick(view, Qt.Key.Key_F)
    seen = view.mapToScene(view.viewport().rect()).boundingRect()
    assert seen.contains(view.canvas.content())
    qtbot.keyClick(view, Qt.Key.Key_0, CONTROL)
    assert view.zoom == 1


def test_middle_button_and_space_pan(view: CanvasView, qtbot: QtBot) -> None:
    def corner() -> QPointF:
        return view.mapToScene(QPoint(0, 0))

    before = corner()
    drag(view, QPointF(300, 300), QPointF(340, 320), button=Qt.MouseButton.MiddleButton)
    assert corner() != before
    taps: list[int] = []
    view.space_tapped.connect(lambda: taps.append(1))
    qtbot.keyPress(view, Qt.Key.Key_Space)
    before = corner()
    drag(view, middle(view, "dense_1"), middle(view, "dense_1") + QPointF(30, 30))
    assert corner() != before
    qtbot.keyRelease(view, Qt.Key.Key_Space)
    assert view.document.stack.count() == 0
    assert not taps
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert taps == [1]


def test_a_node_of_several_outputs_has_a_port_for_each(view: CanvasView) -> None:
    document = view.document
    split = LAYERS["split"]().with_settings(sizes=[3, 4, 1])
    graph = document.graph.with_node(split, 480, 320).connect("dense_1", "split_1")
    graph = graph.with_node(LAYERS["dense"](), 720, 320)
    document.edit("Split", graph.connect("split_1", "dense_3", 1))
    item = view.canvas.nodes["split_1"]
    assert [port.shape for port in item.face.outputs] == ["3", "4", "1"]
    assert item.face.badge == "3 + 4 + 1"
    # From its third port to the loss, with the mouse.
    view.fit()
    drag(view, port(view, "split_1", True, 2), port(view, "loss_1", False))
    assert Edge("split_1", 2, "loss_1", 0) in document.graph.edges
    document.edit("Fewer parts", document.graph.with_layer("split_1", LAYERS["split"]()))
    assert len(item.output_items) == 2
    assert item.face.badge == "2 × 4"
    assert document.graph.outputs_of("split_1") == (Edge("split_1", 1, "dense_3", 0),)
    document.stack.undo()
    assert Edge("split_1", 2, "loss_1", 0) in view.canvas.edges
