"""Folds: several nodes drawn as one. The network, its edges and its training stay as they are."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtWidgets import QApplication, QInputDialog
from pytestqt.qtbot import QtBot

from playground import graph_json
from playground.graph import Edge, Graph, GraphError
from playground.layers.base import make_layer
from playground.shapes import check
from tests.fake_engine import FakeEngine
from tests.on_canvas import CONTROL, SHIFT, click, drag, middle, mouse, open_canvas, port
from tests.sketch import chain, dense, spiral
from tests.test_canvas_live import statistics
from ui import theme as themes
from ui.canvas.folding import drawn_faces, drawn_network, whole
from ui.canvas.view import CanvasView
from ui.document import Document
from ui.engine_bridge import EngineBridge, network
from ui.inspector.panel import Inspector
from ui.outline import Outline


def deep() -> Graph:
    """spiral_1 -> dense_1 ... dense_4 -> loss_1."""
    return spiral(dense(8), dense(8), dense(4))


def folded(*ids: str, graph: Graph | None = None) -> Graph:
    return (graph or deep()).with_fold(ids or ("dense_1", "dense_2"), 200, 40)


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> CanvasView:
    return open_canvas(qtbot, qapp, deep())


# -- the value ------------------------------------------------------------------------------------


def test_a_fold_changes_nothing_but_the_drawing() -> None:
    graph = folded()
    assert (graph.nodes, graph.edges) == (deep().nodes, deep().edges)
    assert check(graph) == check(deep())
    assert network(graph) == network(deep())
    assert graph.drawn()["dense_1"] == graph.drawn()["dense_2"] == "block_1"
    assert graph.places().keys() == {"spiral_1", "block_1", "dense_3", "dense_4", "loss_1"}
    assert graph.without_fold("block_1") == deep()


@pytest.mark.parametrize(("ids", "words"), [
    ((), "two or more"), (("dense_3",), "two or more"),
    (("dense_2", "dense_3"), "dense_2 is folded into block_1, and folds do not nest")])
def test_what_cannot_be_folded_is_refused(ids: tuple[str, ...], words: str) -> None:
    with pytest.raises(GraphError, match=words):
        folded().with_fold(ids, 0, 0)


def test_nodes_and_folds_have_no_name_in_common() -> None:
    graph = folded()
    with pytest.raises(GraphError, match="already"):
        graph.renamed("dense_3", "block_1")
    with pytest.raises(GraphError, match="already"):
        graph.with_node(make_layer("relu", {}), id="block_1")
    with pytest.raises(GraphError, match="already"):
        graph.renamed("block_1", "dense_3")
    assert graph.renamed("block_1", "hidden").members("hidden") == ("dense_1", "dense_2")
    assert folded("dense_3", "dense_4", graph=graph).folds[1].name == "block_2"


def test_renaming_and_deleting_members() -> None:
    graph = folded("dense_1", "dense_2", "dense_3").renamed("dense_2", "deep")
    assert graph.members("block_1") == ("dense_1", "deep", "dense_3")
    graph = graph.without(["deep"])
    assert graph.members("block_1") == ("dense_1", "dense_3")
    assert graph.without(["dense_1"]).folds == ()  # One node is drawn as itself.


def test_a_move_takes_the_members_along() -> None:
    before = folded()
    after = before.moved({"block_1": (264, 16)})
    for id in ("dense_1", "dense_2"):
        old, new = before.node(id), after.node(id)
        assert (new.x - old.x, new.y - old.y) == (64, -24)
    assert after.places()["block_1"] == (264, 16)
    assert after.node("dense_3") == before.node("dense_3")


def test_copies_are_folded_as_well() -> None:
    graph = folded()
    assert graph.part(["dense_1", "dense_3"]).folds == ()  # Half a fold is none.
    copy, ids = graph.pasted(graph.part(["dense_1", "dense_2"]), 24, 24)
    assert copy.folds[1].name == "block_2"
    assert set(copy.folds[1].members) == set(ids)
    assert copy.places()["block_2"] == (224, 64)


def test_documents_keep_folds_and_others_do_not_name_them() -> None:
    assert graph_json.decode(graph_json.encode(folded())).graph == folded()
    assert b"folds" not in graph_json.encode(deep())


@pytest.mark.parametrize(("fold", "words"), [
    ({"name": "b", "members": ["dense_1", "gone"]}, "folds gone, which is not there"),
    ({"name": "b", "members": ["dense_1"]}, "two or more"),
    ({"name": "dense_3", "members": ["dense_1", "dense_2"]}, "already a node called dense_3")])
def test_a_bad_fold_in_a_file_costs_no_network(fold: dict[str, object], words: str) -> None:
    raw = msgspec.json.decode(graph_json.encode(deep())) | {"folds": [fold]}
    decoded = graph_json.decode(msgspec.json.encode(raw))
    assert decoded.graph == deep()
    assert any(words in note for note in decoded.notes)


@given(st.data())
def test_any_part_of_any_network_can_be_folded(data: st.DataObject) -> None:
    """What is drawn is acyclic, and each edge is inside a fold or between two ports that are
    there."""
    graph = chain("spiral")
    for _ in range(data.draw(st.integers(2, 7))):
        source = data.draw(st.sampled_from(graph.nodes)).id
        graph = graph.with_node(make_layer("dense", {}))
        graph = graph.connect(source, graph.nodes[-1].id)
    graph = graph.with_node(make_layer("add", {}))
    for source in data.draw(st.sets(st.sampled_from([n.id for n in graph.nodes[1:-1]]))):
        graph = graph.connect(source, "add_1")
    ids = data.draw(st.lists(st.sampled_from([n.id for n in graph.nodes]), unique=True, min_size=2))
    graph = graph.with_fold(ids, 0, 0)
    faces = drawn_faces(graph, check(graph))
    inputs = {p.end for face in faces.values() for p in face.inputs}
    outputs = {p.end for face in faces.values() for p in face.outputs}
    for e in graph.edges:
        inside = {e.source, e.target} <= set(ids)
        assert ((e.source, e.source_port) in outputs and (e.target, e.target_port) in inputs
                ) or inside
        if inside:
            assert (e.target, e.target_port) not in inputs
    order, edges = drawn_network(graph, graph.edges)
    assert sorted(order) == sorted(faces)
    assert all(order.index(e.source) < order.index(e.target) for e in edges)


# -- the canvas -----------------------------------------------------------------------------------


def test_keys_fold_and_unfold_in_one_undo_entry_each(view: CanvasView, qtbot: QtBot) -> None:
    document = view.document
    document.select(["dense_1", "dense_2"])
    qtbot.keyClick(view, Qt.Key.Key_G, CONTROL)
    assert view.canvas.nodes.keys() == document.graph.places().keys()
    assert "block_1" in view.canvas.nodes
    assert view.canvas.nodes["block_1"].isSelected()
    # Edges over the border are there, those inside are not; all are in the graph.
    assert Edge("dense_1", 0, "dense_2", 0) not in view.canvas.edges
    crossing = view.canvas.edges[Edge("dense_2", 0, "dense_3", 0)]
    box = view.canvas.nodes["block_1"].box()
    assert box.adjusted(-1, -1, 1, 1).contains(crossing.path().pointAtPercent(0))
    assert document.graph.edges == deep().edges
    qtbot.keyClick(view, Qt.Key.Key_G, CONTROL | SHIFT)
    assert document.graph == deep()
    assert len(view.canvas.edges) == len(deep().edges)
    assert document.stack.count() == 2
    document.stack.undo()
    assert "block_1" in view.canvas.nodes
    document.stack.undo()
    assert document.graph == deep()


def test_a_double_click_unfolds(view: CanvasView) -> None:
    view.document.edit("Fold", folded())
    mouse(view, QEvent.Type.MouseButtonDblClick, middle(view, "block_1"))
    assert view.document.graph.folds == ()


def test_folds_do_not_nest_and_it_is_told(view: CanvasView, qtbot: QtBot) -> None:
    view.document.edit("Fold", folded())
    view.document.select(["block_1", "dense_3"])
    assert view.document.selection == {"dense_1", "dense_2", "dense_3"}
    with qtbot.waitSignal(view.document.refused) as told:
        view.actions_.fold.trigger()
    assert "folds do not nest" in told.args[0]


def test_what_is_unfolded_covers_nothing(view: CanvasView) -> None:
    view.document.edit("Fold", folded())
    graph = view.document.graph
    view.document.edit("Move", graph.moved({"dense_3": (graph.node("dense_1").x, 0)}))
    view.document.select(["block_1"])
    view.actions_.unfold.trigger()
    boxes = {id: item.box() for id, item in view.canvas.nodes.items()}
    for id in ("dense_1", "dense_2"):
        assert not boxes[id].intersects(boxes["dense_3"])


def test_the_face_of_a_fold(view: CanvasView) -> None:
    view.document.edit("Fold", folded())
    face = view.canvas.nodes["block_1"].face
    assert (face.badge, face.subtitle) == ("2 → 8", "2 layers · 96 params")
    assert face.families == ("core", "core")
    words = view.canvas.nodes["block_1"].describe()
    assert "2 layers" in words
    assert "of dense_1, dense_2" in words
    wrong = view.document.graph.with_layer("dense_2", make_layer("conv2d", {}))
    view.document.edit("Break", wrong)
    item = view.canvas.nodes["block_1"]
    assert item.error == f"dense_2: {view.document.check.errors['dense_2']}"


def test_dragging_and_nudging_move_all_of_it(view: CanvasView, qtbot: QtBot) -> None:
    view.document.edit("Fold", folded())
    before = view.document.graph
    drag(view, middle(view, "block_1"), middle(view, "block_1") + QPointF(40, 80))
    after = view.document.graph
    assert after.node("dense_2").y == before.node("dense_2").y + 80
    assert after.places()["block_1"] == (240, 120)
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert view.document.graph.node("dense_1").x == after.node("dense_1").x + 8
    # A part of it that was selected elsewhere moves with the rest.
    view.document.select(["dense_1"])
    assert view.canvas.nodes["block_1"].isSelected()
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert view.document.graph.node("dense_2").x == after.node("dense_2").x + 16


def test_clicks_select_all_members(view: CanvasView) -> None:
    view.document.edit("Fold", folded())
    click(view, middle(view, "block_1"))
    assert view.document.selection == {"dense_1", "dense_2"}
    click(view, middle(view, "dense_3"), SHIFT)
    click(view, middle(view, "block_1"), SHIFT)
    assert view.document.selection == {"dense_3"}


def test_keys_walk_over_a_fold_as_over_a_node(view: CanvasView, qtbot: QtBot) -> None:
    view.document.edit("Fold", folded())
    seen = []
    view.document.select(["spiral_1"])
    for _ in range(2):
        qtbot.keyClick(view, Qt.Key.Key_Right)
        seen.append(view.current())
    assert seen == ["block_1", "dense_3"]
    view.focusNextPrevChild(False)
    assert view.current() == "block_1"


def test_a_fold_can_be_renamed(view: CanvasView, monkeypatch: pytest.MonkeyPatch) -> None:
    view.document.edit("Fold", folded())
    view.document.select(["block_1"])
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("encoder", True))
    view.actions_.rename.trigger()
    assert view.document.graph.folds[0].name == "encoder"
    assert view.current() == "encoder"


def test_connecting_to_and_from_a_fold(view: CanvasView) -> None:
    edge = Edge("spiral_1", 0, "dense_1", 0)
    graph = folded().without_edges([edge])
    view.document.edit("Fold", graph)
    drag(view, port(view, "spiral_1", True), port(view, "block_1", False))
    assert edge in view.document.graph.edges
    # Away from the fold's input it is disconnected, as from a node's.
    drag(view, port(view, "block_1", False), QPointF(200, 400))
    assert edge not in view.document.graph.edges
    # Let go anywhere on it: to the port that waits.
    drag(view, port(view, "spiral_1", True), middle(view, "block_1"))
    assert edge in view.document.graph.edges


def test_a_layer_is_put_into_an_edge_of_a_fold(view: CanvasView) -> None:
    view.document.edit("Fold", folded())
    view._put("relu", QPointF(0, 0), Edge("dense_2", 0, "dense_3", 0))
    assert {Edge("dense_2", 0, "relu_1", 0), Edge("relu_1", 0, "dense_3", 0)} <= set(
        view.document.graph.edges)
    view.document.select(["block_1"])
    assert view.add_layer("tanh") == "tanh_1"
    assert Edge("dense_2", 0, "tanh_1", 0) in view.document.graph.edges


def test_duplicates_and_deletes_as_one(view: CanvasView, qtbot: QtBot) -> None:
    view.document.edit("Fold", folded())
    view.document.select(["block_1"])
    qtbot.keyClick(view, Qt.Key.Key_D, CONTROL)
    assert {"block_1", "block_2"} <= view.canvas.nodes.keys()
    assert view.current() == "block_2"
    boxes = {id: item.box() for id, item in view.canvas.nodes.items()}
    assert not boxes["block_1"].intersects(boxes["block_2"])
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert "block_2" not in view.canvas.nodes
    assert view.document.graph == folded()


def test_tidying_up_lays_folds_out_as_nodes(view: CanvasView) -> None:
    # dense_2 lies between two members: drawn, that is a cycle.
    view.document.edit("Fold", folded("dense_1", "dense_3"))
    view.tidy()
    boxes = [item.box() for item in view.canvas.nodes.values()]
    assert len(boxes) == 5
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert len({(box.x(), box.y()) for box in boxes}) == 5


def test_a_fold_shows_the_member_that_is_worst_off(view: CanvasView) -> None:
    view.document.edit("Fold", folded("dense_1", "dense_2", "dense_3"))
    view.canvas.show_statistics({"dense_1": statistics(0.2), "dense_2": statistics(1e-9),
                                 "dense_3": statistics(0.1), "dense_4": statistics(0.3)})
    words = view.canvas.nodes["block_1"].describe()
    assert "dense_2: gradient norm 1e-09, vanishing" in words
    view.canvas.show_statistics({"dense_1": statistics(1e5), "dense_2": statistics(1e-9)})
    assert "dense_1: gradient norm 1e+05, exploding" in view.canvas.nodes["block_1"].describe()


def test_a_fold_shows_the_loss_of_its_member(view: CanvasView) -> None:
    view.document.edit("Fold", folded("dense_4", "loss_1"))
    view.canvas.set_badge("loss_1", "0.412")
    assert view.canvas.nodes["block_1"].badge == "0.412"
    view.document.edit("Unfold", view.document.graph.without_fold("block_1"))
    assert view.canvas.nodes["loss_1"].badge == "0.412"
    view.document.edit("Fold", folded("dense_4", "loss_1"))
    assert view.canvas.nodes["block_1"].badge == "0.412"
    view.canvas.set_badge("loss_1", None)
    assert view.canvas.nodes["block_1"].badge is None


def test_a_fold_may_go_with_the_whole_network(view: CanvasView) -> None:
    view.document.edit("Fold", folded("dense_4", "loss_1"))
    view.canvas.set_badge("loss_1", "0.412")
    view.document.edit("Delete", view.document.graph.without({"dense_4", "loss_1"}))
    assert set(view.canvas.nodes) == {"spiral_1", "dense_1", "dense_2", "dense_3"}
    view.document.stack.undo()
    view.canvas.set_badge("loss_1", "0.412")
    view.document.edit("Other", chain("circle"))
    assert "block_1" not in view.canvas.nodes


def test_a_fold_lights_up_for_its_members(view: CanvasView) -> None:
    view.document.edit("Fold", folded())
    view.canvas.set_active("dense_2", "backward", "|g| 0.48")
    item = view.canvas.nodes["block_1"]
    assert item.active == "dense_2 · backward · |g| 0.48"
    assert view.canvas.edges[Edge("dense_2", 0, "dense_3", 0)]._active
    view.canvas.set_failed("dense_1", "Not a number any more.")
    assert item.error == "dense_1: Not a number any more."
    # While training stands nobody tells it again: what comes out of the fold knows it.
    view.canvas.show_statistics({"dense_2": statistics(0.1)})
    view.document.edit("Unfold", view.document.graph.without_fold("block_1"))
    assert view.canvas.nodes["dense_2"].active == "backward · |g| 0.48"
    assert view.canvas.nodes["dense_2"].statistics is not None
    assert view.canvas.nodes["dense_1"].error == "Not a number any more."


def test_it_is_drawn_in_both_themes(view: CanvasView, qapp: QApplication) -> None:
    """Below the fold a second sheet looks out: a cue that is no colour."""
    view.document.edit("Fold", folded())
    item = view.canvas.nodes["block_1"]
    for mode in ("light", "dark"):
        themes.apply(qapp, mode)  # type: ignore[arg-type]
        view.document.select(())
        corner = item.box().bottomRight() + QPointF(1, -item.size().height() / 2)
        image = view.grab().toImage()
        beside = image.pixelColor(view.mapFromScene(corner))
        ground = image.pixelColor(view.mapFromScene(corner + QPointF(5, 0)))
        assert beside == themes.theme().color("node") != ground


# -- beside the canvas ----------------------------------------------------------------------------


def test_the_outline_has_members_below_their_fold(qtbot: QtBot) -> None:
    document = Document(folded())
    outline = Outline(document)
    qtbot.addWidget(outline)
    outline.show()
    model = outline.model()
    tops = [model.index(row, 0) for row in range(model.rowCount())]
    assert [index.data().split(",")[0] for index in tops] == [
        "spiral_1", "block_1", "dense_3", "dense_4", "loss_1"]
    assert [model.index(row, 0, tops[1]).data().split(",")[0] for row in range(2)] == [
        "dense_1", "dense_2"]
    outline.setCurrentIndex(tops[1])
    assert document.selection == {"dense_1", "dense_2"}
    document.select(["dense_3"])
    document.select(["block_1"])
    assert outline.currentIndex().data().startswith("block_1, Fold, 2 layers")
    outline.show_statistics({"dense_1": statistics(1e-9), "dense_2": statistics(0.1)})
    assert "dense_1: gradient norm 1e-09, vanishing" in tops[1].data()
    document.edit("Unfold", document.graph.without_fold("block_1"))
    assert model.rowCount() == 6


def test_the_inspector_offers_it(qtbot: QtBot) -> None:
    document = Document(deep())
    inspector = Inspector(document)
    qtbot.addWidget(inspector)
    inspector.show()
    page = inspector.list_page
    document.select(["dense_1", "dense_2"])
    assert page.folding.text() == "Fold into one"
    with qtbot.waitSignal(page.fold):
        page.folding.click()
    document.edit("Fold", folded())
    assert page.title.text() == "block_1 · 2 nodes · 96 parameters"
    with qtbot.waitSignal(page.unfold):
        page.folding.click()


def test_whole() -> None:
    graph = folded()
    assert whole(graph, ["dense_1", "dense_2", "dense_3"]) == {"block_1", "dense_3"}
    assert whole(graph, ["dense_1", "dense_3"]) == {"dense_1", "dense_3"}


def test_training_does_not_hear_of_it(qtbot: QtBot) -> None:
    document, engine = Document(deep()), FakeEngine()
    bridge = EngineBridge(document, lambda: engine)  # type: ignore[arg-type,return-value]
    bridge.start()
    qtbot.waitUntil(lambda: "load" in engine.names())
    document.edit("Fold", folded())
    document.edit("Unfold", deep())
    qtbot.wait(50)
    assert engine.names().count("load") == 1
    bridge.shutdown()
