"""The panel Representation: points, marker, pictures behind them, and t-SNE beside the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.representation import Floats
from playground.snapshot import DecodedProbe, Representation, RepresentationProbe
from tests.shown_views import shown, snapshot
from ui import theme as themes
from ui.views import tsne_job
from ui.views.representation import FOR_TSNE, KEPT, LIVE, RepresentationView
from ui.views.scatter import Scatter

RANDOM = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def _dark(qapp: QApplication) -> None:
    themes.apply(qapp, "dark")


def representation(node: str = "code", n: int = 12, **changes: Any) -> Representation:
    labels = np.arange(n) % 3
    return replace(Representation(
        node, RANDOM.standard_normal((n, 2)).astype(np.float32), None, 2,
        RANDOM.random((n, 1, 8, 8)).astype(np.float32), labels, ("a", "b", "c")), **changes)


def at_code(view: RepresentationView, found: Representation, name: str = "autoencoder",
            **decoded: Floats) -> None:
    values: dict[Any, Any] = {RepresentationProbe(found.node, limit=LIVE): found}
    for probe in view.wanted():
        if isinstance(probe, DecodedProbe):
            shape = (len(probe.y), len(probe.x), 1, 8, 8)
            values[probe] = np.full(shape, 0.5, np.float32)
    view.show_snapshot(snapshot(name, values=values))


@pytest.fixture
def view(qtbot: QtBot) -> RepresentationView:
    made: RepresentationView = shown(qtbot, RepresentationView(), snapshot("autoencoder"))
    return made


# -- which node -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("example", "node"), [
    ("autoencoder", "code"), ("vae", "mean"), ("cnn-digits", "dropout_1"),
    ("mlp-digits", "dense_1")])
def test_without_a_selection_it_shows_the_code_or_the_last_hidden_layer(
        qtbot: QtBot, example: str, node: str) -> None:
    view = shown(qtbot, RepresentationView(), snapshot(example))
    assert view.node() == node
    assert view.probes() == {RepresentationProbe(node, limit=LIVE)}


def test_it_follows_the_selection_where_something_comes_out(view: RepresentationView) -> None:
    view.select("encoder_1")
    assert view.node() == "encoder_1"
    assert view.decoder() is None
    view.select("loss_1")
    assert view.node() == "code"
    view.select("code")
    assert view.decoder() is not None


# -- points ---------------------------------------------------------------------------------------


def test_points_are_drawn_by_class_where_the_node_puts_them(view: RepresentationView) -> None:
    found = representation()
    at_code(view, found)
    dots = view.scatter._dots
    assert [len(each.data) for each in dots] == [4, 4, 4]
    x, y = dots[1].getData()
    np.testing.assert_allclose(np.stack([x, y], 1), found.values[1::3], rtol=1e-6)
    assert [name.toPlainText() for name in view.scatter._names] == ["a", "b", "c"]
    assert tuple(view.scatter.legend.entries) == ("a", "b", "c")
    assert view.scatter.across.text == "code · value 1"
    assert view.modes["plane"].text() == "values"
    assert view.csv().splitlines()[1].startswith("0,a,")


def test_components_tell_their_share_and_do_not_flip(view: RepresentationView) -> None:
    view.select("encoder_1")
    shares = np.array([0.42, 0.2], np.float32)
    found = representation("encoder_1", shares=shares, units=128)
    at_code(view, found)
    assert "42" in view.scatter.across.text
    assert "component 2 · 20" in view.scatter.up.text
    assert view.modes["plane"].text() == "PCA"
    before = view.scatter.points
    at_code(view, replace(found, values=-found.values))
    np.testing.assert_array_equal(view.scatter.points, before)
    # The two values of a code mean what they are: they are never turned round.
    view.select("code")
    first = representation()
    at_code(view, first)
    at_code(view, replace(first, values=-first.values))
    np.testing.assert_array_equal(view.scatter.points, -first.values)


def test_what_is_not_finite_is_counted(view: RepresentationView) -> None:
    found = representation()
    found.values[4] = np.nan
    at_code(view, found)
    assert sum(len(each.data) for each in view.scatter._dots) == 11
    assert "1 of them" in view.line.whole


def test_the_mouse_shows_a_sample_and_its_class(view: RepresentationView) -> None:
    found = representation()
    at_code(view, found)
    x, y = (float(v) for v in found.values[7])
    view.scatter.plot.hovered.emit(x, y)
    assert view.line.whole.startswith("sample 7: b at (")
    assert view.scatter.portrait.isVisible()
    view.scatter.plot.hovered.emit(float("nan"), float("nan"))
    assert not view.scatter.portrait.isVisible()
    assert "validation samples" in view.line.whole


def test_ranges_have_the_colours_of_a_scale_and_no_names(view: RepresentationView) -> None:
    at_code(view, representation())
    plain = view.scatter._dots[1].opts["brush"].color().name()
    at_code(view, representation(ordered=True, classes=("0 to 1", "1 to 2", "2 to 3")))
    colors = [dots.opts["brush"].color() for dots in view.scatter._dots]
    assert colors[1].name() != plain
    assert colors[0].lightnessF() < colors[2].lightnessF()
    assert not view.scatter._names
    at_code(view, representation())
    assert view.scatter._dots[1].opts["brush"].color().name() == plain


def test_names_do_not_lie_on_each_other(view: RepresentationView) -> None:
    values = np.zeros((12, 2), np.float32)
    values[2::3] = 5  # the third class lies apart, the first two in one place
    at_code(view, representation(values=values))
    assert [name.isVisible() for name in view.scatter._names] == [True, False, True]


def test_pointing_at_a_class_lets_the_others_step_back(view: RepresentationView) -> None:
    at_code(view, representation())
    dots = view.scatter._dots

    def color(i: int) -> str:
        name: str = dots[i].opts["brush"].color().name()
        return name

    before = [color(i) for i in range(3)]
    view.scatter.legend.pointed.emit("b")
    assert color(1) == before[1]
    assert color(0) != before[0]
    view.scatter.legend.pointed.emit("")
    assert [color(i) for i in range(3)] == before


# -- the decoder ----------------------------------------------------------------------------------


def test_the_marker_waits_in_the_middle_until_it_is_moved(view: RepresentationView) -> None:
    found = representation()
    at_code(view, found)
    np.testing.assert_allclose(view.scatter.marked_at, np.median(found.values, axis=0), rtol=1e-5)
    view.scatter.put_marker(0.25, -0.5)
    assert DecodedProbe((0.25,), (-0.5,)) in view.probes()
    at_code(view, representation())
    assert view.scatter.marked_at == (0.25, -0.5)
    assert view.decoded.values.shape == (1, 8, 8)
    assert "(0.25, -0.50)" in view.decoded.tiles[0].tip


def test_a_click_and_the_arrows_move_the_marker(view: RepresentationView, qtbot: QtBot) -> None:
    at_code(view, representation())
    view.scatter.plot.clicked.emit(0.5, 0.75)
    assert view.scatter.marked_at == (0.5, 0.75)
    view.scatter.plot.setFocus()
    qtbot.keyClick(view.scatter, Qt.Key.Key_Right)
    qtbot.keyClick(view.scatter, Qt.Key.Key_Down)
    x, y = view.scatter.marked_at
    assert x > 0.5
    assert y < 0.75


def test_dragging_the_target_asks_for_what_is_there(view: RepresentationView) -> None:
    at_code(view, representation())
    view.scatter.marker.setPos(0.1, 0.2)  # as a drag does
    assert view.scatter.moved
    assert DecodedProbe((0.1,), (0.2,)) in view.probes()


def test_pictures_of_the_plane_lie_behind_the_points(view: RepresentationView) -> None:
    found = representation()
    at_code(view, found)
    assert not view.scatter.picture.isVisible()
    view.pictures.setChecked(True)
    at_code(view, found)
    grid = next(p for p in view.probes() if isinstance(p, DecodedProbe) and len(p.x) > 1)
    assert view.scatter.picture.isVisible()
    rows, columns = len(grid.y), len(grid.x)
    assert view.scatter.picture.image.shape == (rows * 10, columns * 10, 3)
    rect = view.scatter.picture.mapRectToParent(view.scatter.picture.boundingRect())
    x0, x1, y0, y1 = view.scatter.extent()
    assert (rect.left(), rect.right(), rect.top(), rect.bottom()) == pytest.approx(
        (x0, x1, y0, y1), abs=0.02 * (x1 - x0))
    view.select("encoder_1")
    at_code(view, representation("encoder_1", shares=np.ones(2, np.float32), units=128))
    assert not view.scatter.picture.isVisible()
    assert view.side.isHidden()


def test_each_picture_stands_on_its_own_place(qtbot: QtBot) -> None:
    scatter = Scatter()
    qtbot.addWidget(scatter)
    pixels = np.zeros((2, 3, 4, 4, 3), np.uint8)
    pixels[0, 2] = 255  # above, on the right
    scatter.show_pictures(pixels)
    image = scatter.picture.image  # its first row is at the bottom
    bright = image[..., 0] == 255
    assert bright[7:11, 13:17].all()
    assert bright.sum() == 16


# -- t-SNE ----------------------------------------------------------------------------------------


def wait_for(view: RepresentationView, found: Representation) -> None:
    view.show_snapshot(snapshot("mlp-digits", values={
        RepresentationProbe(found.node, KEPT, FOR_TSNE): found}))


def made(n: int = 60, node: str = "dense_1") -> Representation:
    return representation(node, n, values=RANDOM.standard_normal((n, 10)).astype(np.float32),
                          shares=np.ones(10, np.float32), units=64)


def test_tsne_is_made_once_and_again_at_a_press(qtbot: QtBot) -> None:
    view = shown(qtbot, RepresentationView(), snapshot("mlp-digits"))
    view.modes["tsne"].setChecked(True)
    assert view.probes() == {RepresentationProbe("dense_1", KEPT, FOR_TSNE)}
    wait_for(view, made())
    assert view.again.text() == "stop"
    assert view.probes() == frozenset()
    with qtbot.waitSignal(view.job.ended, timeout=20_000):
        pass
    qtbot.waitUntil(lambda: view.job is None)
    assert view.scatter.points.shape == (60, 2)
    assert "step 100" in view.line.whole
    assert view.again.text() == "refresh"
    first = view.scatter.points
    view.again.trigger()
    assert view.probes() == {RepresentationProbe("dense_1", KEPT, FOR_TSNE)}
    np.testing.assert_array_equal(view.scatter.points, first)  # until there is a new one


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """t-SNE that goes on until it is stopped; the list has one entry for each that was."""
    stopped: list[int] = []

    def run(values: Floats, report: Callable[[float, Floats], bool]) -> None:
        while report(0.5, np.zeros((len(values), 2), np.float32)):
            pass
        stopped.append(len(values))

    monkeypatch.setattr(tsne_job, "tsne", run)
    return stopped


def test_tsne_can_be_stopped_and_stops_when_it_is_of_no_use(
        qtbot: QtBot, endless: list[int]) -> None:
    view = shown(qtbot, RepresentationView(), snapshot("mlp-digits"))
    view.modes["tsne"].setChecked(True)
    wait_for(view, made(20))
    qtbot.waitUntil(lambda: view.progress.value() == 50)
    assert view.progress.isVisible()
    view.again.trigger()
    qtbot.waitUntil(lambda: endless == [20])
    assert view.job is None
    assert not view.progress.isVisible()
    view.again.trigger()
    wait_for(view, made(21))
    view.select("dense_2")  # another node
    qtbot.waitUntil(lambda: endless == [20, 21])
    wait_for(view, made(22, "dense_2"))
    view.modes["plane"].setChecked(True)
    qtbot.waitUntil(lambda: endless == [20, 21, 22])


def test_a_view_that_goes_takes_its_work_with_it(qtbot: QtBot, endless: list[int]) -> None:
    view = shown(qtbot, RepresentationView(), snapshot("mlp-digits"))
    view.modes["tsne"].setChecked(True)
    wait_for(view, made(20))
    view.hide()
    qtbot.waitUntil(lambda: endless == [20])


def test_what_tsne_cannot_do_is_told_in_a_sentence(qtbot: QtBot) -> None:
    view = shown(qtbot, RepresentationView(), snapshot("mlp-digits"))
    view.modes["tsne"].setChecked(True)
    wait_for(view, made(5))
    qtbot.waitUntil(lambda: view.job is None)
    qtbot.waitUntil(lambda: "at least 8 samples" in view.empty_text)
    view.modes["plane"].setChecked(True)
    assert view.empty_text == ""


def test_without_the_package_the_way_out_is_told(
        qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ImportError("openTSNE")

    monkeypatch.setattr(tsne_job, "tsne", missing)
    view = shown(qtbot, RepresentationView(), snapshot("mlp-digits"))
    view.modes["tsne"].setChecked(True)
    wait_for(view, made(20))
    qtbot.waitUntil(lambda: "pip install openTSNE" in view.empty_text)
