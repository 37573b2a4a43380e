"""What all views have in common, and numbers and series."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QSpinBox, QToolButton
from pytestqt.qtbot import QtBot

from playground.snapshot import (
    Snapshot,
)
from tests.shown_views import VIEWS, shown, snapshot, suited
from ui import theme as themes
from ui.theme import ui_font
from ui.views.base import View
from ui.views.gradients import GradientsView
from ui.views.header import Note
from ui.views.loss import LossView
from ui.views.numbers import describe, format_count, format_number, format_share
from ui.views.operations import format_microseconds
from ui.views.output import OutputView
from ui.views.plots import AXIS_PIXELS, Plot, even_ticks, log_ticks
from ui.views.series import MAX_POINTS, first_nonfinite, recent, smooth, spread, thin


@pytest.fixture(autouse=True)
def _dark(qapp: QApplication) -> None:
    themes.apply(qapp, "dark")


# -- what all views have in common ----------------------------------------------------------------


@pytest.mark.parametrize("cls", VIEWS)
def test_hidden_views_ask_for_nothing_and_draw_nothing(qtbot: QtBot, cls: type[View]) -> None:
    view = cls()
    qtbot.addWidget(view)
    view.show_snapshot(suited(cls))
    assert view.probes() == frozenset()
    view.show()
    assert view.empty_text == ""
    assert view.probes() == view.wanted()
    view.hide()
    assert view.probes() == frozenset()


@pytest.mark.parametrize("cls", VIEWS)
def test_without_a_network_one_calm_sentence_says_what_to_do(
        qtbot: QtBot, cls: type[View]) -> None:
    view = shown(qtbot, cls(), Snapshot(state="empty"))
    assert view.empty_text.endswith(".")
    assert "Press" in view.empty_text
    assert view.title
    assert view.name


@pytest.mark.parametrize("cls", VIEWS)
def test_every_control_has_a_tooltip_and_a_name(qtbot: QtBot, cls: type[View]) -> None:
    view = shown(qtbot, cls(), suited(cls))
    for kind in (QAbstractButton, QComboBox, QSpinBox):
        for control in view.findChildren(kind):
            if control.objectName().startswith("qt_") or not control.isVisible():
                continue
            assert control.toolTip(), control
            assert control.accessibleName() or control.text(), control
    for action in view.header.menu.actions():
        assert action.isSeparator() or action.toolTip()


def test_what_is_prepared_is_told_by_one_panel_alone(qtbot: QtBot) -> None:
    """And in the status bar: five times the same line made a window of alarm."""
    busy = Snapshot(state="compiling", progress="Preparing layers for this machine, once (2 of 9)")
    views = [shown(qtbot, cls(), busy) for cls in VIEWS]
    told = {view.empty_text for view in views}
    assert told == {"", f"{busy.progress}…"}
    assert [view.name for view in views if view.empty_text] == ["loss"]
    for view in views:
        view.show_snapshot(Snapshot(state="failed", message="There is not enough memory."))
        assert view.empty_text == "There is not enough memory."


@pytest.mark.parametrize("cls", VIEWS)
@pytest.mark.parametrize("mode", ["dark", "light"])
def test_views_follow_the_theme_and_save_pictures(
        qtbot: QtBot, qapp: QApplication, tmp_path: Path, cls: type[View], mode: Any) -> None:
    view = shown(qtbot, cls(), suited(cls))
    themes.apply(qapp, mode)
    for suffix in ("png", "svg"):
        path = tmp_path / f"picture.{suffix}"
        view.save_picture(path)
        assert path.stat().st_size > 500


def test_a_narrow_panel_keeps_all_switches_in_its_menu(qtbot: QtBot) -> None:
    view = shown(qtbot, GradientsView(), snapshot())
    view.resize(240, 300)
    QApplication.processEvents()
    assert view.width() == 240
    assert {a.text() for a in view.header.menu.actions()} >= {"bars", "after clip", "whole run"}


def test_modes_win_over_the_note_and_minor_switches(qtbot: QtBot) -> None:
    view = shown(qtbot, LossView(), snapshot())
    view.resize(286, 240)
    QApplication.processEvents()
    seen = {b.text() for b in view.header.findChildren(QToolButton) if b.isVisible()} - {""}
    assert seen == {"loss", "metric"}
    output = shown(qtbot, OutputView(), snapshot("cnn-digits"))
    output.header.title.hide()  # as among tabs
    output.resize(260, 240)
    QApplication.processEvents()
    seen = {b.text() for b in output.header.findChildren(QToolButton) if b.isVisible()} - {""}
    assert seen == {"confusion", "samples"}


def test_a_note_never_shows_half_a_number(qtbot: QtBot) -> None:
    note = Note()
    qtbot.addWidget(note)
    for text, is_cut in (("val 100.0 %", False), ("the selected node", True)):
        note.show_text(text)
        note.setFixedWidth(note.sizeHint().width() - 20)
        note._fit()
        assert note.text().endswith("…") == is_cut
        assert bool(note.text()) == is_cut
        assert note.toolTip() == text


def test_a_tick_on_the_left_has_room_for_its_number(qtbot: QtBot) -> None:
    plot = Plot()
    qtbot.addWidget(plot)
    assert plot.left.tickValues(0.0, 4.0, 160)[0][1] == [1, 2, 3]
    plot.left.set_log(True)
    assert plot.left.tickValues(-4.01, 0.01, 160)[0][1] == [-3, -2, -1]
    # Two digits would write two of these in the same way.
    assert plot.left.tickStrings([math.log10(v) for v in (1.35, 1.4, 1.45)], 1, 1) == [
        "1.35", "1.4", "1.45"]
    # Never one number alone, where more can be read.
    plot.left.set_log(False)
    assert plot.left.tickValues(-5.2, 5.2, 115)[0][1] == [-4, -2, 0, 2, 4]


def test_one_step_alone_is_seen(qtbot: QtBot) -> None:
    plot = Plot()
    qtbot.addWidget(plot)
    curve = plot.add_curve()
    plot.set_curve(curve, np.array([1.0]), np.array([0.5]))
    plot.fit([np.array([1.0])], [np.array([0.5])], least_span=1)
    x, y = curve.getData()
    assert x[0] < 1 < x[1]
    assert y.tolist() == [0.5, 0.5]
    low, high = plot.box.viewRange()[0]
    assert low < x[0]
    assert x[1] < high
    assert curve.values.tolist() == [0.5]
    # There is no step 1.5.
    assert plot.bottom.tickValues(low, high, 300)[0][1] == [1]


def test_the_axis_of_steps_says_so_where_the_word_has_room(qtbot: QtBot) -> None:
    plot = Plot()
    qtbot.addWidget(plot)
    plot.resize(300, 200)
    plot.show()
    plot.box.setXRange(0, 505, padding=0)
    QApplication.processEvents()
    ticks = plot.bottom.tickValues(0.0, 505.0, plot.bottom.size().width())[0][1]
    texts = plot.bottom.tickStrings(ticks, 1.0, 1.0)
    assert len(texts) >= 3
    said = [text.startswith("step") for text in texts]
    assert sum(said) == 1
    assert not said[0]


def test_the_last_step_of_the_axis_is_not_cut_off(qtbot: QtBot) -> None:
    plot = Plot()
    qtbot.addWidget(plot)
    plot.resize(300, 200)
    plot.show()
    QApplication.processEvents()
    beyond = plot.width() - plot.box.sceneBoundingRect().right()
    assert beyond >= QFontMetricsF(ui_font(AXIS_PIXELS)).horizontalAdvance("180k") / 2


def test_icons_of_no_size_draw_nothing(qtbot: QtBot, capfd: pytest.CaptureFixture[str]) -> None:
    with qtbot.captureExceptions() as caught:
        icon = themes.theme().icon("dots-horizontal")
        assert icon.pixmap(QSize(10, -3)).isNull()
    assert caught == []
    assert "QPainter" not in capfd.readouterr().err


# -- numbers and series ---------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "text"), [
    (0.00042, "4.2e-4"), (0.412, "0.412"), (0.4, "0.4"), (12345.6, "12,346"), (1e6, "1e6"),
    (0.9996, "1"), (0, "0"), (-0.5, "-0.5"), (float("nan"), "NaN"), (float("inf"), "∞"),
    (-float("inf"), "-∞"), (1000, "1,000"), (1e-3, "0.001")])
def test_format_number(value: float, text: str) -> None:
    assert format_number(value) == text


def test_other_formats() -> None:
    assert format_number(0.4, fixed=True) == "0.400"
    assert format_number(12, fixed=True) == "12.0"
    assert [format_count(n) for n in (0, 950, 1204, 45_000, 3.1e6)] == [
        "0", "950", "1.2k", "45k", "3.1M"]
    assert format_share(0.123) == "12 %"
    assert format_share(0.012) == "1.2 %"
    assert format_microseconds(1204.3) == "1\u2009204 µs"
    assert format_microseconds(float("nan")) == ""
    assert describe(np.array([1.0, np.nan])) == "1 … 1   [1, NaN]   1 not finite"


def test_thinning_keeps_extremes_and_never_loses_nan() -> None:
    values = np.ones(100_000)
    values[54_321] = 50.0
    values[77_777] = np.nan
    band = thin(np.arange(100_000.0), values)
    assert len(band.step) <= MAX_POINTS
    assert band.high[np.isfinite(band.high)].max() == 50.0
    assert np.isnan(band.mean).sum() == 1
    assert band.step[-1] == 99_999


def test_smoothing_ignores_but_keeps_nan() -> None:
    values = np.array([1.0, 1, 1, np.nan, 1, 1, 1])
    result = smooth(values, 3)
    assert np.isnan(result[3])
    assert np.allclose(np.delete(result, 3), 1.0)


def test_smoothing_calms_noise_and_keeps_a_peak_where_it_is() -> None:
    noise = np.random.default_rng(3).lognormal(0, 0.3, 400)
    noise *= 0.004
    values = noise.copy()
    values[200:206] = [2.5, 0.9, 0.3, 0.1, 0.04, 0.015]
    line = smooth(values, 10)
    assert np.std(line[20:180]) < 0.55 * np.std(values[20:180])
    assert line[200] > 2.0
    assert line.argmax() == 200
    assert line[190:200].max() < 0.008, "nothing begins before the jump"
    assert line[212:230].max() < 0.008, "nor lasts longer"


def test_smoothing_follows_a_step() -> None:
    values = np.repeat([1.0, 5.0], 100) + np.random.default_rng(0).normal(0, 0.1, 200)
    line = smooth(values, 20)
    assert np.abs(line[:100] - 1).max() < 0.25
    assert np.abs(line[100:] - 5).max() < 0.25


def test_first_nonfinite_skips_what_was_never_measured() -> None:
    step = np.arange(1.0, 6)
    assert first_nonfinite(step, np.array([np.nan, np.nan, 1, 2, 3])) is None
    assert first_nonfinite(step, np.array([np.nan, 1, np.nan, 2, 3])) == (3.0, "NaN")
    assert first_nonfinite(step, np.array([1, 2, np.inf, 2, 3])) == (3.0, "Inf")


def test_labels_are_spread_and_ticks_are_round() -> None:
    places = spread([50, 52, 51], 14, 0, 100)
    assert min(abs(a - b) for i, a in enumerate(places) for b in places[:i]) >= 14
    assert max(spread([99, 100], 14, 0, 100)) <= 100
    assert even_ticks(0, 10, 5) == [0, 2, 4, 6, 8, 10]
    assert log_ticks(-3, 1, 6) == [-3, -2, -1, 0, 1]
    assert len(log_ticks(-30, 1, 6)) <= 8


def test_the_mean_of_the_last_steps_counts_steps_and_not_points() -> None:
    assert recent([], [])[1] == 0
    assert recent(np.arange(1.0, 1001), np.arange(1.0, 1001)) == (975.5, 50)
    assert recent([700, 720, 760], [9.0, 1.0, 4.0]) == (3.0, 60)
    assert recent([1000, 2000], [9.0, 4.0]) == (4.0, 1000)
    assert np.isnan(recent([1, 2], [1.0, np.nan])[0])


def test_now_is_not_the_descent_that_led_here() -> None:
    loss = 30 * np.exp(-np.arange(1.0, 45) / 5) + 0.2
    now, steps = recent(np.arange(1.0, 45), loss)
    assert steps == 4
    assert now == pytest.approx(loss[-1], rel=0.02)
