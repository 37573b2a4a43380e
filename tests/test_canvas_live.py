"""What the canvas shows: errors, live data, themes, and the outline beside it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication, QStyleOptionGraphicsItem
from pytestqt.qtbot import QtBot

from playground.compiler import compile_program
from playground.examples import EXAMPLES
from playground.graph import Edge, Graph, UnknownLayer
from playground.layers import LAYERS
from playground.probes import answer
from playground.session import Session
from playground.snapshot import NodeStatistics, Snapshot, TensorProbe
from playground.snapshot_maker import SnapshotMaker
from tests.on_canvas import (
    drop,
    in_step,
    open_canvas,
)
from tests.sketch import chain, dense
from ui import theme as themes
from ui.canvas import editing, gradient
from ui.canvas.node_size import picture_rect
from ui.canvas.text import name_font
from ui.canvas.view import CanvasView
from ui.channel_means import channel_means
from ui.colormaps import signed_image
from ui.live_canvas import LiveCanvas, _roll
from ui.outline import Outline
from ui.theme import theme

NAN = math.nan


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> CanvasView:
    return open_canvas(qtbot, qapp)


# -- what is shown --------------------------------------------------------------------------------


def statistics(norm: float, after: float = NAN, nonfinite: float = 0) -> NodeStatistics:
    return NodeStatistics(norm, norm if math.isnan(after) else after, norm, 0, nonfinite, 1e-3,
                          0, 1, 0)


def test_error_text_stands_on_the_node(view: CanvasView) -> None:
    wide = LAYERS["dense"]().with_settings(units=8)
    view.document.edit("Widen", view.document.graph.with_layer("dense_2", wide))
    editing.connect(view.document, Edge("dense_2", 0, "loss_1", 0))
    loss = view.canvas.nodes["loss_1"]
    assert loss.error == view.document.check.errors["loss_1"] != ""
    assert loss.error in loss.describe()
    assert " ".join(loss.lines) == loss.error
    editing.disconnect(view.document, Edge("dense_2", 0, "loss_1", 0))
    assert not loss.error


@pytest.mark.parametrize(("norm", "after", "word"), [
    (1e-8, NAN, "settled"), (1e-3, NAN, "healthy"), (3.0, 1.0, "clipped"),
    (1e5, NAN, "exploding"), (math.inf, NAN, "diverged"), (NAN, NAN, "unknown"),
    (0.0, NAN, "settled")])
def test_norms_have_words(norm: float, after: float, word: str) -> None:
    assert gradient.state(statistics(norm, after)) == word
    # Beside a layer with a thousand times the norm, even 1e-3 has vanished.
    if word in ("healthy", "settled"):
        assert gradient.state(statistics(norm, after), largest=2.0) == "vanishing"
    at = gradient.place(norm)
    assert at is None if math.isnan(norm) else 0 <= at <= 1  # type: ignore[operator]


def test_live_data_is_drawn_and_told(view: CanvasView, qtbot: QtBot) -> None:
    canvas = view.canvas
    canvas.show_statistics({"dense_1": statistics(1e-8), "dense_2": statistics(0.1)})
    canvas.set_thumbnail("dense_1", [signed_image(np.eye(3))])
    canvas.set_thumbnail("gone", [])
    canvas.set_badge("loss_1", "0.412")
    canvas.set_active("dense_1", "backward", "|g| 0.48")
    assert "vanishing" in canvas.nodes["dense_1"].describe()
    assert canvas.edges[Edge("dense_1", 0, "dense_2", 0)]._active
    assert not canvas.edges[Edge("moons_1", 0, "dense_1", 0)]._active
    canvas.set_active("dense_1", "forward", "")
    assert canvas.edges[Edge("moons_1", 0, "dense_1", 0)]._active
    assert not view.grab().isNull()
    canvas.set_active(None)
    assert not any(edge._active for edge in canvas.edges.values())
    canvas.set_failed("dense_2", "Not a number any more: lower the learning rate.")
    assert "learning rate" in canvas.nodes["dense_2"].error
    canvas.set_failed(None)
    assert not canvas.nodes["dense_2"].error
    for zoom in (0.2, 1.0, 3.0):
        view.set_zoom(zoom)
        assert not view.grab().isNull()


def test_a_breakpoint_is_marked_on_its_node(qtbot: QtBot, qapp: QApplication) -> None:
    graph = EXAMPLES["mlp-spiral"].graph
    view = open_canvas(qtbot, qapp, graph)
    live = LiveCanvas(view.canvas, view)
    program = compile_program(graph)
    at = {instruction.node: place for place, instruction in enumerate(program.instructions)}
    moment = Snapshot(state="paused", program=program)

    def marked() -> set[str]:
        return {id for id, item in view.canvas.nodes.items() if item.stop}

    plain = view.grab().toImage()
    live.show_snapshot(replace(moment, stops=frozenset({at["dense_1"], at["dense_2"]})))
    assert marked() == {"dense_1", "dense_2"}
    assert "breakpoint" in view.canvas.nodes["dense_1"].describe()
    assert view.grab().toImage() != plain
    view.document.edit("Fold", graph.with_fold({"dense_1", "dense_2"}, 200, 40))
    assert marked() == {"block_1"}
    view.document.edit("Unfold", graph)
    assert marked() == {"dense_1", "dense_2"}
    live.show_snapshot(moment)
    assert not marked()


def test_the_data_show_what_the_canvas_has_asked_for(view: CanvasView) -> None:
    """Another view's single image, (1, 8, 8), is no batch of sequences."""
    view.document.edit("Add", view.document.graph.with_node(LAYERS["digits"](), 0, 300))
    id = view.document.graph.nodes[-1].id
    live = LiveCanvas(view.canvas, view)
    batch, one = np.ones((3, 1, 8, 8), np.float32), np.ones((1, 8, 8), np.float32)
    live.show_snapshot(Snapshot(state="paused", values={
        TensorProbe(f"{id}.x", limit=3): batch, TensorProbe(f"{id}.x", sample=0): one}))
    assert len(view.canvas.nodes[id].images) == 3


@pytest.mark.parametrize(("example", "id"), [
    ("slot-filling", "requests_1"),  # packed: words and their number
    ("elman", "adding_1"), ("transformer", "text_1")])
def test_sequences_are_those_of_the_batch(
        qtbot: QtBot, qapp: QApplication, example: str, id: str) -> None:
    """As the pictures on the nodes beside them are."""
    graph = EXAMPLES[example].graph
    view = open_canvas(qtbot, qapp, graph)
    live, session = LiveCanvas(view.canvas, view), Session(graph)
    maker = SnapshotMaker(session)

    def drawn() -> list[QImage]:
        for _ in range(2):  # what has run is told before it is asked for
            live.show_snapshot(maker.make(Snapshot("paused", step=session.step), live.probes()))
        return list(view.canvas.nodes[id].images)

    def pictures(x: np.ndarray) -> list[QImage]:
        classes = view.document.check.signals[id][0].classes
        return [_roll(s, classes) if classes else signed_image(s.T) for s in x[:3]]

    (first,) = {p for p in live.probes() if getattr(p, "name", "") == f"{id}.x"}
    assert drawn() == pictures(answer(session, first)), "before anything runs, the first there are"
    for _ in range(2):
        session.run(1)
        before, now = list(view.canvas.nodes[id].images), drawn()
        assert now == pictures(session.values(f"{id}.x"))
        assert now != before


def test_a_batch_norm_shows_the_means_of_the_batch_and_the_running_ones(
        qtbot: QtBot, qapp: QApplication) -> None:
    graph = EXAMPLES["batch-norm"].graph
    view = open_canvas(qtbot, qapp, graph)
    live, session = LiveCanvas(view.canvas, view), Session(graph)
    maker, item = SnapshotMaker(session), view.canvas.nodes["batch_norm_1"]
    live.show_snapshot(maker.make(Snapshot("paused"), live.probes()))
    assert not item.images
    session.run(3)
    live.show_snapshot(maker.make(Snapshot("paused"), live.probes()))
    (image,) = item.images
    assert image == channel_means(
        session.values("batch_norm_1.batch_mean"), session.values("batch_norm_1.running_mean"),
        picture_rect(item.face, item.rect().width()).size())
    # One that uses the running statistics has nothing to tell apart: what comes out is shown.
    layer = graph.node("batch_norm_1").layer.with_settings(statistics="running")
    view.document.edit("Freeze", graph.with_layer("batch_norm_1", layer))
    assert TensorProbe("batch_norm_1.y", sample=0) in live.probes()
    assert TensorProbe("batch_norm_1.batch_mean") not in live.probes()


def test_means_lie_where_they_are_and_what_is_not_finite_at_the_edge() -> None:
    def dots(*batch: float) -> list[float]:
        """The heights of the dots, as shares of the picture's from below."""
        image = channel_means(np.array(batch, np.float32), np.zeros(len(batch), np.float32),
                              QSizeF(146, 34))
        accent, step = theme().color("accent").rgb(), 200 // len(batch)
        found = []
        for i in range(len(batch)):
            x = 92 + i * step + step // 2
            found.append(1 - np.mean([y + 0.5 for y in range(68)
                                      if image.pixelColor(x, y).rgb() == accent]) / 68)
        return found

    assert dots(1.0, -1.0, 0.5, -0.5) == pytest.approx(
        [0.918, 0.082, 0.709, 0.291], abs=0.02)
    assert dots(1.0, math.nan, math.inf, -math.inf) == pytest.approx(
        [0.918, 0.918, 0.918, 0.082], abs=0.02)


def test_a_node_that_is_back_has_its_picture_again(view: CanvasView) -> None:
    live = LiveCanvas(view.canvas, view)
    points = np.zeros((9, 2), np.float32)
    probe = TensorProbe("moons_1.x", limit=600, source="data")
    snapshot = Snapshot(state="paused", values={probe: points})
    live.show_snapshot(snapshot)
    assert view.canvas.nodes["moons_1"].images
    view.document.edit("Delete", view.document.graph.without({"moons_1"}))
    view.document.stack.undo()
    assert not view.canvas.nodes["moons_1"].images
    live.show_snapshot(snapshot)
    assert view.canvas.nodes["moons_1"].images


def test_other_threads_leave_the_pictures_of_the_last_step(
        qtbot: QtBot, qapp: QApplication) -> None:
    graph = chain("digits", "flatten", dense(12), dense(10, "identity"), "softmax_cross_entropy")
    view = open_canvas(qtbot, qapp, graph)
    live, nodes = LiveCanvas(view.canvas, view), view.canvas.nodes
    probes = live.probes()

    def seen(session: Session) -> tuple[int, str, str | None]:
        live.show_snapshot(SnapshotMaker(session).make(Snapshot(state="paused"), probes))
        node = nodes["dense_1"]
        return len(node.images), node.describe(), nodes["loss_1"].badge

    def resumed(step: int, threads: int = 1) -> Session:
        session = Session(graph, threads=threads)
        session.restore(replace(trained.saved_state(), step=step))
        return session

    trained = Session(graph)
    trained.run(3)
    before = seen(trained)
    assert before[0] == 1
    assert seen(resumed(3, threads=2)) == before
    assert seen(resumed(9))[0] == 0, "what was opened is of another moment"
    assert seen(resumed(3))[0] == 0
    assert seen(trained) == before
    view.document.edit("Widen", graph.with_layer("dense_1", LAYERS["dense"](units=20)))
    live.set_outdated(True)
    assert seen(trained)[0] == 0, "the ticks and pictures are of another layer"
    assert "gradient" not in nodes["dense_1"].describe()
    live.set_outdated(False)
    trained.reset()
    assert seen(trained)[0] == 0


def test_equal_statistics_repaint_nothing(view: CanvasView, monkeypatch: pytest.MonkeyPatch
                                          ) -> None:
    view.canvas.show_statistics({"dense_1": statistics(1e-2)})
    node = view.canvas.nodes["dense_1"]
    updates: list[int] = []
    monkeypatch.setattr(node, "update", lambda *_: updates.append(1))
    view.canvas.show_statistics({"dense_1": statistics(1.0001e-2)})
    assert not updates
    view.canvas.show_statistics({"dense_1": statistics(1.0)})
    assert updates


def test_unchanged_nodes_keep_their_pictures(view: CanvasView) -> None:
    before = dict(view.canvas.nodes)
    editing.rename(view.document, "dense_2", "top")
    assert view.canvas.nodes["dense_1"] is before["dense_1"]
    assert in_step(view)


def test_an_unknown_layer_is_shown(view: CanvasView) -> None:
    layer = UnknownLayer(kind="hologram", raw={"a": 1}, why="Made by a newer version.")
    view.document.edit("Add", view.document.graph.with_node(layer, 0, 300, id="odd_1"))
    assert view.canvas.nodes["odd_1"].error
    assert not view.grab().isNull()


def test_the_hint_shows_only_while_empty(view: CanvasView) -> None:
    assert not view._hint.isVisible()
    view.document.replace(Graph())
    assert view._hint.isVisible()
    view.centerOn(900, 700)  # it stays in the middle, wherever one has scrolled to
    QApplication.processEvents()
    assert abs(view._hint.geometry().center().x() - view.width() / 2) <= 2
    drop(view, "moons", QPointF(0, 0))
    assert not view._hint.isVisible()


def test_themes_switch_live(view: CanvasView, qapp: QApplication) -> None:
    themes.apply(qapp, "light")
    light = view.grab().toImage().pixelColor(3, 3)
    themes.apply(qapp, "dark")
    assert light.lightness() > view.grab().toImage().pixelColor(3, 3).lightness()


# -- outline --------------------------------------------------------------------------------------


def test_outline_reads_and_selects(view: CanvasView, qtbot: QtBot) -> None:
    outline = Outline(view.document)
    qtbot.addWidget(outline)
    outline.show()
    model = outline.model()
    texts = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert [text.split(",")[0] for text in texts] == [n.id for n in view.document.graph.order()]
    outline.setCurrentIndex(model.index(1, 0))
    assert view.document.selection == {view.document.graph.order()[1].id}
    view.document.select(["dense_2"])
    assert outline.currentIndex().data().startswith("dense_2, Dense")
    outline.show_statistics({"dense_2": statistics(3e-4)})
    assert "gradient norm 0.0003, healthy" in outline.currentIndex().data()
    view.document.select((), [Edge("dense_1", 0, "dense_2", 0)])
    assert outline.currentIndex().data().startswith("to dense_2")
    qtbot.keyClick(outline, Qt.Key.Key_Delete)
    assert len(view.document.graph.edges) == 1


def test_names_are_read_from_afar_and_nothing_grows(view: CanvasView) -> None:
    item = view.canvas.nodes["dense_1"]
    size, head = item.size(), QFontMetricsF(name_font()).height()

    def ink(detail: float) -> int:
        """Pixels of the node's head that are as bright as text."""
        image = QImage(round(200 * detail), round(50 * detail), QImage.Format.Format_RGB32)
        image.fill(theme().color("node"))
        painter = QPainter(image)
        painter.scale(detail, detail)
        option = QStyleOptionGraphicsItem()
        item.paint(painter, option)
        painter.end()
        text = theme().color("text").lightness()
        return sum(abs(image.pixelColor(x, y).lightness() - text) < 60
                   for x in range(round(30 * detail), image.width())
                   for y in range(2, round(44 * detail)))

    assert ink(0.4) > 20
    assert ink(0.25) > 10
    assert ink(0.08) == 0
    item.set_face(item.face)
    assert (item.size(), QFontMetricsF(name_font()).height()) == (size, head)
