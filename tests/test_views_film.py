"""What was made over time, samples beside what comes back of them, and the judge's plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.snapshot import (
    Boundary,
    BoundaryProbe,
    Film,
    FilmProbe,
    Frame,
    Predictions,
)
from tests.shown_views import shown, snapshot
from ui import theme as themes
from ui.views.film import SIDE, points_as_pictures
from ui.views.output import OutputView
from ui.views.picture_table import SMALLEST, PictureTable

RANDOM = np.random.default_rng(4)


@pytest.fixture(autouse=True)
def _dark(qapp: QApplication) -> None:
    themes.apply(qapp, "dark")


def pictures(n: int = 3) -> Any:
    return RANDOM.random((n, 1, 8, 8)).astype(np.float32)


# -- the table ------------------------------------------------------------------------------------


def table(qtbot: QtBot, width: int, height: int, rows: int, columns: int, **options: Any
          ) -> PictureTable:
    made = PictureTable()
    qtbot.addWidget(made)
    made.resize(width, height)
    pixels = np.zeros((rows, columns, 8, 8, 3), np.uint8)
    made.show_pictures(pixels, **options)
    made.show()
    return made


@pytest.mark.parametrize(("width", "height"), [(300, 200), (800, 120), (160, 400)])
@pytest.mark.parametrize("flow", [False, True])
def test_pictures_do_not_overlap_and_stay_inside(
        qtbot: QtBot, width: int, height: int, flow: bool) -> None:
    made = table(qtbot, width, height, 2, 9, names=("sample", "rebuilt"),
                 captions=[str(i) for i in range(9)], flow=flow)
    rects = list(made.rects().values())
    for i, a in enumerate(rects):
        assert a.right() <= width + 1
        assert a.bottom() <= height + 1
        assert not any(a.intersects(b) for b in rects[:i])
    if flow:
        assert len(rects) == 18


def test_what_flows_is_larger(qtbot: QtBot) -> None:
    line, text = (table(qtbot, 300, 300, 1, 16, flow=flow) for flow in (False, True))
    assert text.rects()[0, 0].width() > 2 * line.rects()[0, 0].width()


def test_what_has_no_room_is_left_out(qtbot: QtBot) -> None:
    made = table(qtbot, 120, 100, 2, 40)
    rects = made.rects()
    assert 4 <= len(rects) < 80
    assert rects[0, 0].width() == SMALLEST
    made.grab()


def test_the_mouse_finds_row_and_column(qtbot: QtBot) -> None:
    made = table(qtbot, 300, 200, 2, 9, flow=True)
    for place, rect in made.rects().items():
        assert made.place_at(rect.center()) == place
    assert table(qtbot, 50, 50, 0, 0).rects() == {}


# -- films ----------------------------------------------------------------------------------------


def film(kind: Any = "drawn", **changes: Any) -> Film:
    frames = tuple(Frame(step, pictures()) for step in (0, 16, 64))
    return Film(**{"kind": kind, "node": "rebuilt", "frames": frames, "originals": pictures(),
                   **changes})


@pytest.mark.parametrize("kind", ["drawn", "rebuilt"])
def test_a_film_that_begins_late_says_so(qtbot: QtBot, kind: str) -> None:
    """As after a document was opened again: it holds no pictures."""
    frames = (Frame(4100, pictures()), Frame(4225, pictures()))
    view = shown(qtbot, OutputView(), snapshot("vae"))
    view.over_time.setChecked(True)
    view.show_snapshot(snapshot("vae", values={FilmProbe(): film(kind, frames=frames)}))
    assert view.film.told.text().endswith("; before step 4.1k none were kept")


def test_a_network_that_makes_samples_can_be_seen_over_time(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView(), snapshot("vae"))
    assert view.mode() == "predictions"
    view.over_time.setChecked(True)
    assert view.probes() == {FilmProbe()}
    view.show_snapshot(snapshot("vae", values={FilmProbe(): film()}))
    assert view.film.table.shape == (3, 3)
    assert view.film.table.captions == ("0", "16", "64")
    assert view.csv().splitlines()[4].startswith("16,0,")
    view.film.table.pointed.emit(1, 1)
    assert view.film.told.text() == "after 16 steps"
    view.film.table.pointed.emit(0, -1)
    assert view.film.told.text() == "rebuilt at each step, of the same random numbers"
    view.grab()
    view.modes["predictions"].trigger()
    assert not view.over_time.isChecked()
    assert FilmProbe() not in view.probes()


def test_a_generator_has_no_answers_to_be_right_or_wrong(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView(), snapshot("gan-digits"))
    assert view.allowed() == ()
    assert view.probes() == {FilmProbe()}
    assert not view.over_time.isVisible()
    view.show_snapshot(snapshot("gan-digits", values={FilmProbe(): film()}))
    assert view.film.isVisible()
    assert view.csv().startswith("step,sample,")
    view.show_snapshot(snapshot("gan"))
    assert view.allowed() == ("boundary",)
    assert view.over_time.isVisible()


def test_what_is_rebuilt_stands_beside_what_it_was(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView(), snapshot("autoencoder"))
    view.over_time.setChecked(True)
    view.show_snapshot(snapshot("autoencoder", values={FilmProbe(): film("rebuilt")}))
    assert view.film.table.shape == (3, 4)
    assert view.film.table.captions[-1] == "sample"


def test_a_classifier_has_no_film(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView(), snapshot("vae"))
    view.over_time.setChecked(True)
    view.show_snapshot(snapshot("cnn-digits"))
    assert not view.over_time.isVisible()
    assert view.mode() == "predictions"
    assert FilmProbe() not in view.probes()


def test_points_are_drawn_as_small_planes(qtbot: QtBot) -> None:
    real = np.array([[0, 0], [1, 1]], np.float32)
    made = np.array([[0.5, 1.0], [99, 0], [np.nan, 0]], np.float32)
    found = points_as_pictures([made], real)[0].astype(int)
    color = themes.theme().class_color(1)
    hits = np.argwhere((found == [color.red(), color.green(), color.blue()]).all(axis=2))
    # One dot, in the middle across and near the top; what lies outside is not there.
    assert len(hits) == 9
    assert hits[:, 1].mean() == pytest.approx(SIDE / 2, abs=1)
    assert hits[:, 0].mean() < SIDE * 0.2
    view = shown(qtbot, OutputView(), snapshot("gan"))
    view.over_time.setChecked(True)
    frames = tuple(Frame(step, made) for step in (0, 1))
    view.show_snapshot(snapshot("gan", values={
        FilmProbe(): film(node="made", frames=frames, originals=real)}))
    assert view.film.table.shape == (1, 2)
    view.grab()


# -- samples and what comes back ------------------------------------------------------------------


@pytest.mark.parametrize("noisy", [False, True])
def test_samples_stand_above_what_comes_back(qtbot: QtBot, noisy: bool) -> None:
    x = pictures(5)
    output = x.copy()
    output[3] += 0.5
    found = Predictions(x, x, output, (), rebuilt=True, noisy=pictures(5) if noisy else None)
    view = shown(qtbot, OutputView(), snapshot("autoencoder"))
    probe = view.predictions.probe()
    view.show_snapshot(snapshot("autoencoder", values={probe: found}))
    pairs = view.predictions.pairs
    assert pairs.isVisible()
    assert pairs.names == (("sample", "noisy", "rebuilt") if noisy else ("sample", "rebuilt"))
    assert pairs.shape == (2 + noisy, 5)
    pairs.pointed.emit(0, 3)
    assert view.predictions.told.text() == "sample 3: mean error 0.5"
    view.worst.setChecked(True)
    assert view.predictions.order[0] == 3
    view.grab()


# -- the judge's plane ----------------------------------------------------------------------------


def test_real_and_made_points_differ_in_shape_and_pulls_are_lines(qtbot: QtBot) -> None:
    points = RANDOM.standard_normal((6, 2)).astype(np.float32)
    nothing = np.zeros((0, 2), np.float32)
    found = Boundary(
        np.zeros((8, 8), np.float32), np.ones((8, 8), np.float32), (-2, 2, -2, 2), points,
        np.array([0, 0, 0, 1, 1, 1], np.float32), nothing, nothing[:, 0], ("real", "made"), True,
        RANDOM.standard_normal((4, 2, 2)).astype(np.float32))
    view = shown(qtbot, OutputView(), snapshot("gan"))
    view.show_snapshot(snapshot("gan", values={BoundaryProbe(): found}))
    dots = view.boundary._dots
    assert [each.opts["symbol"] for each in dots] == ["o", "d"]
    assert len(view.boundary.pulls.getData()[0]) == 8
    assert "judge" in view.boundary.plot.toolTip()
    assert tuple(view.boundary.legend.entries) == ("real", "made")
