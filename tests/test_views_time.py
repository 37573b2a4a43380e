"""Views of what happens through time: gradient norms, gates, states, attention, stepping."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.graph import Graph
from playground.layers.direction import Track
from playground.layers.recurrent import GRU, LSTM, Elman, Jordan
from playground.probes import answer
from playground.session import Session
from playground.snapshot import Probe, Snapshot, TensorProbe, WorkspaceProbe
from playground.snapshot_maker import SnapshotMaker
from tests import time_graphs
from tests.on_canvas import open_canvas
from tests.shown_views import shown, snapshot
from ui import theme as themes
from ui.canvas.face import faces
from ui.live_canvas import LiveCanvas
from ui.views.operations import full_operation
from ui.views.through_time import NO_NODE, ThroughTimeView

Floats = np.ndarray


@pytest.fixture(autouse=True)
def _dark(qapp: QApplication) -> None:
    themes.apply(qapp, "dark")


@cache
def trained(kind: str, threads: int = 1) -> Session:
    """A session that has made three steps; nobody may train it further."""
    graphs = {"slots": time_graphs.slots, "attending": time_graphs.attending,
              "waves": time_graphs.waves}
    graph = graphs[kind]() if kind in graphs else time_graphs.adding(kind, steps=9)
    session = Session(graph, threads=threads)
    session.run(3)
    return session


def moment(session: Session, view: Any, state: Any = "paused") -> Snapshot:
    """What the engine would send: the answers to what the view asks for."""
    maker = SnapshotMaker(session)
    view.snapshot = maker.make(Snapshot(state=state), ())
    return maker.make(Snapshot(state=state), view.wanted())


def show(qtbot: QtBot, session: Session, node: str | None = None) -> Any:
    view = shown(qtbot, ThroughTimeView())
    view.selected = node
    view.show_snapshot(moment(session, view))
    return view


def track_of(layer: Any, name: str, reverse: bool = False) -> Track:
    return next(t for t in layer.tracks(reverse=reverse) if t.name == name)


# -- what is asked of the training thread ---------------------------------------------------------


def part(session: Session, node: str, track: Track, sample: int) -> Floats:
    values = answer(session, WorkspaceProbe(f"{node}.{track.array}", sample, axis=1))
    assert values is not None
    return values[track.first:, track.start:track.start + track.units]


def test_tracks_are_the_gates_and_states_of_the_formulas() -> None:
    session = trained("lstm")
    layer = session.graph.node("lstm_1").layer
    i, f, g, o, c, h = (part(session, "lstm_1", t, 5) for t in layer.tracks())  # type: ignore
    assert [t.name for t in layer.tracks()] == list("ifgoch")  # type: ignore[union-attr]
    before = np.vstack([np.zeros((1, 12)), c[:-1]])
    np.testing.assert_allclose(c, f * before + i * g, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(h, o * np.tanh(c), rtol=2e-5, atol=1e-6)

    session = trained("gru")
    tracks = session.graph.node("gru_1").layer.tracks()  # type: ignore[union-attr]
    _, z, n, h = (part(session, "gru_1", t, 5) for t in tracks)
    before = np.vstack([np.zeros((1, 12)), h[:-1]])
    np.testing.assert_allclose(h, (1 - z) * n + z * before, rtol=2e-5, atol=1e-6)


def test_tracks_of_the_other_cells_and_of_the_way_back() -> None:
    assert [t.name for t in Elman().tracks()] == ["h"]
    assert [(t.name, t.units, t.first) for t in Jordan(units=5, output_units=3).tracks()] == [
        ("h", 5, 0), ("out", 3, 1)]
    back = LSTM(units=4, layers=2, bidirectional=True).tracks(1, True)
    assert back[1] == Track("f", "gates_l1_reverse", 4, 4)
    assert back[-1] == Track("h", "h_l1_reverse", 0, 4)
    assert GRU(units=4).tracks()[2] == Track("n", "gates", 8, 4)


def test_a_sample_is_found_in_its_lane() -> None:
    one, two = trained("lstm"), trained("lstm", threads=2)
    assert two.program.lanes == 2
    for sample in (0, 7, 8, 15, 16):
        probe = WorkspaceProbe("lstm_1.gates", sample, axis=1)
        alone, found = answer(one, probe), answer(two, probe)
        assert alone is not None
        assert alone.shape == (9, 48)
        np.testing.assert_allclose(found, alone, rtol=1e-3, atol=1e-4)
        where = "lstm_1.gates@1" if 8 <= sample < 16 else "lstm_1.gates"
        np.testing.assert_array_equal(found, two.values(where)[:, sample % 8])
        assert not np.shares_memory(found, two.values(where))
    assert answer(one, WorkspaceProbe("lstm_1.nothing", 0, axis=1)) is None


def test_before_the_first_step_there_is_nothing(qtbot: QtBot) -> None:
    session = Session(time_graphs.adding(steps=9))
    assert answer(session, WorkspaceProbe("lstm_1.h", 0, axis=1)) is None
    view = show(qtbot, session)
    assert "Press Run or Step to see lstm_1" in view.empty_text


# -- the panel ------------------------------------------------------------------------------------


def test_norms_and_maps_of_an_lstm(qtbot: QtBot) -> None:
    session = trained("lstm")
    view = show(qtbot, session)
    assert [m.name for m in view.over_time.maps.maps] == list("ifgoch")
    assert [m.signed for m in view.over_time.maps.maps] == [False, False, True, False, True, True]
    for name in "hc":
        np.testing.assert_allclose(view.over_time.norms.norms[name],
                                   session.values(f"lstm_1.{name}_grad_norm"))
    layer = session.graph.node("lstm_1").layer
    np.testing.assert_array_equal(view.over_time.maps.maps[5].values,
                                  part(session, "lstm_1", track_of(layer, "h"), 0))
    share = view.over_time.norms.norms["h"][0] / view.over_time.norms.norms["h"][-1]
    assert f"first / last {share:.2g}"[:14] in view.line.whole
    assert view.probes() >= {TensorProbe("lstm_1.h_grad_norm"),
                             WorkspaceProbe("lstm_1.gates", 0, axis=1)}
    lines = view.csv().splitlines()
    assert lines[1].startswith("|d")
    assert len(lines) == 1 + 2 + 6 * 12


def test_hidden_it_asks_for_nothing(qtbot: QtBot) -> None:
    view = show(qtbot, trained("lstm"))
    view.hide()
    assert view.probes() == frozenset()


def test_hovering_tells_numbers(qtbot: QtBot) -> None:
    view = show(qtbot, trained("lstm"))
    rect = view.over_time.maps.rects()[1]
    at = QPointF(rect.left() + rect.width() * 4.5 / 9, rect.top() + rect.height() * 3.5 / 12)
    assert view.over_time.maps.place_at(at) == (1, 4, 3)
    view.over_time.maps.pointed.emit(1, 4, 3)
    value = float(view.over_time.maps.maps[1].values[4, 3])
    assert view.line.whole == f"t = 4 · f[3] = {value:.3g}"
    view.over_time.maps.pointed.emit(-1, -1, -1)
    view.over_time.norms.hovered.emit(2.2, 1.0)
    assert view.line.whole.startswith("t = 2 · |∂h| = ")
    view.over_time.norms.hovered.emit(float("nan"), 1.0)
    assert view.line.whole.startswith("lstm_1")


def test_one_map_alone_and_all_again(qtbot: QtBot) -> None:
    session = trained("lstm")
    view = show(qtbot, session)
    view.over_time.maps.clicked.emit(4)
    assert view.what.currentData() == "c"
    assert [t.name for t in view.tracks()] == ["c"]
    view.show_snapshot(moment(session, view))
    assert [m.name for m in view.over_time.maps.maps] == ["c"]
    assert WorkspaceProbe("lstm_1.gates", 0, axis=1) not in view.probes()
    view.over_time.maps.clicked.emit(0)
    assert view.what.currentData() == ""
    view.sample.setValue(3)
    assert WorkspaceProbe("lstm_1.h", 3, axis=1) in view.probes()


def test_the_way_back_has_its_own_states(qtbot: QtBot) -> None:
    session = trained("slots")
    view = show(qtbot, session)
    assert view.node() == "gru_1"
    assert view.cell.count() == 2
    view.cell.setCurrentIndex(1)
    assert not view.over_time.norms._trail
    view.show_snapshot(moment(session, view))
    np.testing.assert_array_equal(view.over_time.maps.maps[-1].values,
                                  session.values("gru_1.h_reverse")[:-1, 0])
    np.testing.assert_allclose(view.over_time.norms.norms["h"],
                               session.values("gru_1.h_grad_norm_reverse"))


def test_truncation_is_marked_between_steps(qtbot: QtBot) -> None:
    view = show(qtbot, trained("waves"))
    assert list(view.over_time.maps.cuts) == [9.5, 19.5, 29.5]
    assert view.over_time.norms._cuts.getData()[0].tolist() == [9.5, 9.5, 19.5, 19.5, 29.5, 29.5]
    assert view.truncation.text.text() == "cut every 10"
    assert view.truncation.slider.value() == 10


def test_the_trail_keeps_a_few_steps_and_forgets_after_a_step_back(qtbot: QtBot) -> None:
    view = show(qtbot, trained("lstm"))
    norms = {"h": np.linspace(1e-4, 1, 9)}
    view.over_time.norms.forget()
    for step in range(10, 30):
        view.over_time.norms.show_norms(step, norms, ())
    assert [step for step, _ in view.over_time.norms._trail] == list(range(23, 30))
    view.over_time.norms.show_norms(25, norms, ())
    assert [step for step, _ in view.over_time.norms._trail] == [23, 24, 25]
    pens = [line.opts["pen"].color().alphaF() for line in view.over_time.norms._lines[:3]]
    assert pens == sorted(pens, reverse=True)
    assert pens[0] == 1


def test_what_is_not_finite_is_marked_and_told(qtbot: QtBot) -> None:
    session = Session(time_graphs.adding(steps=9))
    session.run(2)
    session.values("lstm_1.h_grad_norm")[3] = np.nan
    session.values("lstm_1.h")[1 + 4, 0, 2] = np.inf
    view = show(qtbot, session)
    assert view.over_time.norms.bad_marks.getData()[0].tolist() == [3]
    assert "not finite" in view.line.whole
    assert view.over_time.reading() == ""
    image = view.over_time.maps.maps[-1].image()
    assert image.pixelColor(4, 2) == QColor(255, 0, 255)


def test_while_it_runs_pictures_change_at_8_hz(qtbot: QtBot) -> None:
    session = trained("lstm")
    view = show(qtbot, session)
    running = moment(session, view, "running")
    view.show_snapshot(running)
    first = view.over_time.maps.maps
    view.show_snapshot(running)
    assert view.over_time.maps.maps is first
    view._drawn_at -= 1
    view.show_snapshot(running)
    assert view.over_time.maps.maps is not first


def test_attention_weights_sum_to_one(qtbot: QtBot) -> None:
    session = trained("attending", threads=2)
    view = show(qtbot, session, "attention_1")
    view.sample.setValue(11)
    view.show_snapshot(moment(session, view))
    assert view.attention.values.shape == (2, 12, 12)
    np.testing.assert_array_equal(view.attention.values,
                                  session.values("attention_1.weights@1")[3])
    np.testing.assert_allclose(view.attention.values.sum(axis=2), 1, rtol=1e-5)
    assert [tile.caption for tile in view.attention.tiles] == ["head 1", "head 2"]
    view.attention.pointed.emit(1, 4, 7)
    assert view.line.whole.startswith("head 2 · query 4 → key 7: ")
    view.attention.clicked.emit(1)
    assert view.attention.alone == 1
    assert len(view.csv().splitlines()) == 1 + 2 * 12


def test_without_a_layer_through_time_it_says_what_to_do(qtbot: QtBot) -> None:
    view = shown(qtbot, ThroughTimeView(), snapshot())
    assert view.empty_text == NO_NODE
    assert view.probes() == frozenset()


def test_another_selection_falls_back_to_the_first_recurrent_node(qtbot: QtBot) -> None:
    view = show(qtbot, trained("lstm"), "dense_1")
    assert view.node() == "lstm_1"
    themes.theme().set_mode(QApplication.instance(), "light")  # type: ignore[arg-type]
    assert not view.grab().isNull()


# -- the canvas and stepping ----------------------------------------------------------------------


def canvas(qtbot: QtBot, qapp: QApplication, graph: Graph) -> tuple[Any, LiveCanvas]:
    view = open_canvas(qtbot, qapp, graph)
    return view, LiveCanvas(view.canvas, view)


def test_nodes_show_time_across(qtbot: QtBot, qapp: QApplication) -> None:
    session = trained("lstm")
    view, live = canvas(qtbot, qapp, session.graph)
    probes: frozenset[Probe] = live.probes()
    assert WorkspaceProbe("lstm_1.h", 0, axis=1) in probes
    live.show_snapshot(SnapshotMaker(session).make(Snapshot(state="paused"), probes))
    image, = view.canvas.nodes["lstm_1"].images
    assert (image.width(), image.height()) == (9, 12)
    data = view.canvas.nodes["adding_1"].images
    assert [(i.width(), i.height()) for i in data] == [(9, 2)] * 3


def test_words_are_a_roll_and_sequences_maps(qtbot: QtBot, qapp: QApplication) -> None:
    session = trained("slots")
    view, live = canvas(qtbot, qapp, session.graph)
    made = SnapshotMaker(session).make(Snapshot(state="paused"), live.probes())
    live.show_snapshot(made)
    roll = view.canvas.nodes["slot_filling_1"].images[0]
    assert (roll.width(), roll.height()) == (14, 16)
    bright = QColor(*themes.SEQUENTIAL[255].tolist())
    columns = [[y for y in range(16) if roll.pixelColor(x, y) == bright] for x in range(14)]
    words = session.data.x_train[0, :14].astype(int)
    assert columns == [[15 - word * 16 // 38] for word in words]
    gru, = view.canvas.nodes["gru_1"].images
    assert (gru.width(), gru.height()) == (14, 24)
    pictures = {id: face.picture for id, face in faces(session.graph, live._scene.document.check
                                                       ).items()}
    assert pictures["gru_1"] == pictures["dense_1"] == "map"


def test_the_time_step_stands_on_the_node_and_in_the_listing(
        qtbot: QtBot, qapp: QApplication) -> None:
    session = Session(time_graphs.adding(steps=9))
    view, live = canvas(qtbot, qapp, session.graph)
    session.run(1)
    at = next(i for i, instruction in enumerate(session.program.instructions)
              if instruction.time == 7 and instruction.phase == "backward")
    session.advance(at)
    made = SnapshotMaker(session).make(Snapshot(state="paused"), ())
    assert made.position == at
    live.show_snapshot(made)
    assert view.canvas.nodes["lstm_1"].active == "backward · t = 7"
    assert full_operation(session.program.instructions[at]).endswith(" · t = 7")
    time = show(qtbot, session)
    assert time.over_time.maps.now == 7


def test_pictures_and_numbers_can_be_saved(qtbot: QtBot, tmp_path: Path) -> None:
    view = show(qtbot, trained("lstm"))
    for name in ("time.png", "time.svg"):
        view.save_picture(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
