"""Views given snapshots show the right numbers, ask only for what they show, and hide no NaN."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QSpinBox, QToolButton
from pytestqt.qtbot import QtBot

from playground.compiler import compile_program
from playground.examples import EXAMPLES
from playground.history import HistoryView
from playground.program import Program
from playground.snapshot import (
    Boundary,
    BoundaryProbe,
    ConfusionProbe,
    Predictions,
    PredictionsProbe,
    Probe,
    Snapshot,
    TensorProbe,
    TimingsProbe,
    Verdict,
)
from ui import theme as themes
from ui.views.array_table import ArrayModel
from ui.views.base import View
from ui.views.confusion import recalls
from ui.views.feature_maps import FeatureMapsView
from ui.views.gradients import TOTAL, GradientsView
from ui.views.histogram import bulk_histogram, statistics
from ui.views.legend import MOST_NAMES, Legend, line_colors, line_places
from ui.views.listing import PADDING, ListingView
from ui.views.listing_model import NODE, NUMBER, OPERATION, TIME
from ui.views.loss import LossView
from ui.views.network import trained_nodes
from ui.views.node_values import NodeValuesView
from ui.views.numbers import describe, format_count, format_number, format_share
from ui.views.operations import format_microseconds, measures, operation
from ui.views.output import OutputView
from ui.views.pictures import PictureGrid, as_maps
from ui.views.plots import even_ticks, log_ticks
from ui.views.predictions import judge
from ui.views.series import MAX_POINTS, first_nonfinite, recent, smooth, spread, thin

VIEWS = (LossView, GradientsView, FeatureMapsView, NodeValuesView, OutputView, ListingView)


@cache
def program(name: str = "mlp-spiral") -> Program:
    return compile_program(EXAMPLES[name].graph)


def history(columns: tuple[str, ...], steps: int = 100, **series: Any) -> HistoryView:
    """All ones; `series` replaces columns ("." in a name is written "__")."""
    values = np.ones((3, steps, len(columns)))
    for name, numbers in series.items():
        values[:, :, columns.index(name.replace("__", "."))] = numbers
    return HistoryView(columns, np.arange(1.0, steps + 1), values,
                       np.array([50.0, 100.0]), np.array([0.9, 0.7]), np.array([0.5, 0.6]))


def snapshot(name: str = "mlp-spiral", steps: int = 100, values: dict[Probe, Any] | None = None,
             state: Any = "running", position: int = 0, **series: Any) -> Snapshot:
    made = program(name)
    return Snapshot(state=state, program=made, step=steps, position=position, loss=0.5, metric=0.9,
                    metric_name="accuracy", history=history(made.columns, steps, **series),
                    values=values or {})


@pytest.fixture(autouse=True)
def _dark(qapp: QApplication) -> None:
    themes.apply(qapp, "dark")


def shown(qtbot: QtBot, view: View, moment: Snapshot | None = None) -> Any:
    qtbot.addWidget(view)
    view.resize(520, 320)
    view.show()
    if moment is not None:
        view.show_snapshot(moment)
    return view


# -- what all views have in common --------------------------------------------------------------


@pytest.mark.parametrize("cls", VIEWS)
def test_hidden_views_ask_for_nothing_and_draw_nothing(qtbot: QtBot, cls: type[View]) -> None:
    view = cls()
    qtbot.addWidget(view)
    view.show_snapshot(snapshot("cnn-digits"))
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
    view = shown(qtbot, cls(), snapshot("cnn-digits"))
    for kind in (QAbstractButton, QComboBox, QSpinBox):
        for control in view.findChildren(kind):
            if control.objectName().startswith("qt_") or not control.isVisible():
                continue
            assert control.toolTip(), control
            assert control.accessibleName() or control.text(), control
    for action in view.header.menu.actions():
        assert action.isSeparator() or action.toolTip()


@pytest.mark.parametrize("cls", VIEWS)
@pytest.mark.parametrize("mode", ["dark", "light"])
def test_views_follow_the_theme_and_save_pictures(
        qtbot: QtBot, qapp: QApplication, tmp_path: Path, cls: type[View], mode: Any) -> None:
    view = shown(qtbot, cls(), snapshot("cnn-digits"))
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
    assert {a.text() for a in view.header.menu.actions()} >= {"bars", "after clip", "all"}


def test_modes_win_over_the_note_and_minor_switches(qtbot: QtBot) -> None:
    view = shown(qtbot, LossView(), snapshot())
    view.resize(286, 240)
    QApplication.processEvents()
    seen = {b.text() for b in view.header.findChildren(QToolButton) if b.isVisible()} - {""}
    assert seen == {"loss", "metric"}
    output = shown(qtbot, OutputView(), snapshot("cnn-digits"))
    output.header.title.hide()  # as among tabs
    output.resize(334, 240)
    QApplication.processEvents()
    seen = {b.text() for b in output.header.findChildren(QToolButton) if b.isVisible()} - {""}
    assert seen == {"boundary", "confusion", "samples"}


def test_icons_of_no_size_draw_nothing(qtbot: QtBot, capfd: pytest.CaptureFixture[str]) -> None:
    with qtbot.captureExceptions() as caught:
        icon = themes.theme().icon("dots-horizontal")
        assert icon.pixmap(QSize(10, -3)).isNull()
    assert caught == []
    assert "QPainter" not in capfd.readouterr().err


# -- numbers and series -------------------------------------------------------------------------


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
    assert recent(np.arange(1.0, 101), np.arange(1.0, 101)) == (75.5, 50)
    assert recent([20, 40, 80], [9.0, 1.0, 4.0]) == (3.0, 60)
    assert recent([1000, 2000], [9.0, 4.0]) == (4.0, 1000)
    assert np.isnan(recent([1, 2], [1.0, np.nan])[0])


# -- loss ---------------------------------------------------------------------------------------


def test_loss_shows_train_and_validation(qtbot: QtBot) -> None:
    view = shown(qtbot, LossView(), snapshot(loss=np.linspace(2.0, 0.5, 100)))
    assert view.train.values[-1] == pytest.approx(0.5, abs=0.02)
    assert view.validation.values.tolist() == [0.9, 0.7]
    assert view.header.note.whole.endswith("val 0.700")
    assert [label.text for label in view.plot.gutter.labels] == ["train", "val"]


def test_the_loss_number_is_the_same_at_every_width(qtbot: QtBot) -> None:
    noisy = np.random.default_rng(0).random(4000)
    view = shown(qtbot, LossView(), snapshot(steps=4000, loss=noisy))
    wanted = f"train {format_number(noisy[-50:].mean(), fixed=True)} · val 0.700"
    for width in (520, 1200, 320):
        view.resize(width, 300)
        QApplication.processEvents()
        view.refresh()
        assert view.header.note.whole == wanted
    assert "mean of the last 50 steps" in view.header.note.toolTip()


def test_a_band_that_reaches_zero_reaches_the_bottom_of_the_plot(qtbot: QtBot) -> None:
    moment = snapshot()
    assert moment.history is not None
    moment.history.values[1, 50:, moment.history.columns.index("loss")] = 0
    view = shown(qtbot, LossView(), moment)
    assert view.plot.log_y
    area = view.band.boundingRect()
    assert area.right() == 100
    assert area.top() < view.plot.box.viewRange()[1][0]


@pytest.mark.parametrize("held", [False, True])
def test_ranges_do_not_stay_from_a_future_that_is_gone(qtbot: QtBot, held: bool) -> None:
    view = shown(qtbot, LossView(), snapshot(steps=50_000, loss=np.logspace(0, -6, 50_000)))
    for _ in range(3):
        view.refresh()
    if held:
        view.plot.box.setXRange(40_000, 50_000)
        view.plot._taken()
    short = snapshot(steps=5)
    assert short.history is not None
    none = np.array([])
    view.show_snapshot(replace(short, history=replace(
        short.history, validation_step=none, validation_loss=none, validation_metric=none)))
    (left, right), (bottom, top) = view.plot.box.viewRange()
    assert left <= 1
    assert 5 <= right < 10
    assert top - bottom < 1


def test_loss_can_show_the_metric_and_other_axes(qtbot: QtBot) -> None:
    view = shown(qtbot, LossView(), snapshot())
    assert view.plot.log_y
    view._show_column("metric")
    assert not view.plot.log_y
    assert view.header.note.whole == "train 100 % · val 60 %"
    view.log_x.setChecked(True)
    assert view.plot.log_x
    view._show_column("loss")
    assert view.plot.log_y


def test_loss_marks_nan_with_its_step(qtbot: QtBot) -> None:
    loss = np.ones(600)
    loss[411:] = np.nan
    view = shown(qtbot, LossView(), snapshot(steps=600, loss=loss))
    assert view.badge.text == "✕ NaN at step 412"
    assert view.mark.isVisible()
    view.show_snapshot(snapshot())
    assert not view.badge.isVisible()


def test_loss_marks_a_step_that_never_finished(qtbot: QtBot) -> None:
    moment = replace(snapshot(state="diverged"), loss=float("nan"), message="It overflowed.")
    view = shown(qtbot, LossView(), moment)
    assert view.badge.text == "✕ NaN at step 101"
    assert view.badge.toolTip() == "It overflowed."


def test_long_histories_are_drawn_with_few_points(qtbot: QtBot) -> None:
    view = shown(qtbot, LossView(), snapshot(steps=200_000))
    assert 100 <= len(view.train.step) <= MAX_POINTS
    gradients = shown(qtbot, GradientsView())
    gradients.all_time.setChecked(True)
    gradients.show_snapshot(snapshot(steps=200_000))
    assert all(len(line.step) <= MAX_POINTS for line in gradients.lines.values())


def test_loss_table_has_every_step(qtbot: QtBot) -> None:
    view = shown(qtbot, LossView(), snapshot())
    lines = view.csv().splitlines()
    assert lines[0] == "split,step,loss,metric,learning_rate"
    assert len(lines) == 1 + 100 + 2


# -- gradients ----------------------------------------------------------------------------------


def test_gradients_have_a_line_per_trained_node_and_the_total(qtbot: QtBot) -> None:
    view = shown(qtbot, GradientsView(), snapshot(dense_1__grad_norm_before=0.25))
    nodes = trained_nodes(program())
    assert view.nodes == nodes == ("dense_1", "dense_2", "dense_3")
    assert view.lines["dense_1"].values[-1] == 0.25
    assert view.with_total
    assert view.lines[TOTAL].isVisible()
    assert tuple(view.legend.entries) == (*nodes, TOTAL)


def test_gradients_after_clipping_and_the_threshold(qtbot: QtBot) -> None:
    view = shown(qtbot, GradientsView(), snapshot(dense_1__grad_norm=0.1))
    assert view.clipped_lines["dense_1"].values[-1] == pytest.approx(0.1)
    assert view.guides[0].isVisible()
    assert view.plot.gutter.labels[0].text == "clip 1"
    view.show_after.setChecked(False)
    assert not view.clipped_lines["dense_1"].isVisible()


def test_without_clipping_there_is_no_threshold(qtbot: QtBot) -> None:
    view = shown(qtbot, GradientsView(), snapshot("cnn-digits"))
    assert not view.guides[0].isVisible()
    assert not view.clip_chip.isVisible()


def test_verdict_is_told_by_a_sign_a_word_and_a_sentence(qtbot: QtBot) -> None:
    verdict = Verdict("vanishing", "The gradient shrinks.", 0.12)
    view = shown(qtbot, GradientsView(), replace(snapshot(), verdict=verdict))
    assert view.verdict_chip.text == "▼ vanishing"
    assert view.verdict_chip.role == "vanishing"
    assert view.verdict_chip.toolTip().startswith("The gradient shrinks.")
    assert "12 %" in view.clip_chip.text


def test_a_fresh_history_has_no_verdict_and_no_numbers(qtbot: QtBot) -> None:
    verdict = Verdict("vanishing", "The gradient shrinks.", 0.12)
    view = shown(qtbot, GradientsView(), replace(snapshot(), verdict=verdict))
    view.select("dense_1")
    assert view.verdict_chip.isVisible()
    view.show_snapshot(replace(snapshot(steps=0), verdict=Verdict("unknown", "No gradients yet.")))
    assert view.empty_text
    assert not view.verdict_chip.isVisible()
    assert not view.clip_chip.isVisible()
    assert view.header.note.whole == ""


def test_a_node_that_was_never_measured_has_a_dash(qtbot: QtBot) -> None:
    nan = float("nan")
    view = shown(qtbot, GradientsView(), snapshot(
        dense_2__grad_norm_before=nan, dense_2__grad_norm=nan))
    view.select("dense_2")
    assert view.header.note.whole == "dense_2 – → –"
    view.bars.setChecked(True)
    assert [bar.measured for bar in view.profile.bars] == [True, False, True]
    view.grab()


def test_lines_keep_their_colours_when_one_joins() -> None:
    old = line_places(["a", "b"], {})
    new = line_places(["new", "a", "b"], old)
    assert (old, new) == ({"a": 0, "b": 1}, {"new": 2, "a": 0, "b": 1})
    assert line_places(["b", "c"], new) == {"b": 1, "c": 0}


def test_gradients_mark_what_is_not_finite(qtbot: QtBot) -> None:
    norms = np.ones(100)
    norms[60] = np.inf
    view = shown(qtbot, GradientsView(), snapshot(dense_2__grad_norm_before=norms))
    view.all_time.setChecked(True)
    assert 61.0 in view.bad_marks.getData()[0] or len(view.bad_marks.getData()[0]) == 1


def test_gradients_bars_and_other_quantities(qtbot: QtBot) -> None:
    view = shown(qtbot, GradientsView(), snapshot(dense_1__grad_norm_before=1e-5,
                                                  dense_1__grad_norm=1e-6,
                                                  dense_3__update_ratio=2e-3))
    view.bars.setChecked(True)
    first = view.profile.bars[0]
    assert (first.name, first.before, first.value) == ("dense_1", 1e-5, 1e-6)
    view.bars.setChecked(False)
    view.quantities["update"].setChecked(True)
    assert view.lines["dense_3"].values[-1] == pytest.approx(2e-3)
    assert view.header.title.text() == "Update : weight"
    view.quantities["inactive"].setChecked(True)
    assert not view.plot.log_y


def test_pointing_emphasises_and_clicking_selects(qtbot: QtBot) -> None:
    view = shown(qtbot, GradientsView(), snapshot())
    view.legend.pointed.emit("dense_2")
    assert view.legend.entries["dense_2"].strong
    assert "dense_2" in view.header.note.whole
    with qtbot.waitSignal(view.node_selected) as caught:
        view.legend.entries["dense_2"].click()
    assert caught.args == ["dense_2"]


def test_many_lines_become_a_ramp(qtbot: QtBot) -> None:
    legend = Legend()
    qtbot.addWidget(legend)
    names = [f"n{i}" for i in range(MOST_NAMES + 5)]
    legend.show_names(names)
    assert legend.entries == {}
    assert len({c.name() for c in line_colors(range(len(names)))}) == len(names)


# -- pictures -----------------------------------------------------------------------------------


def test_feature_maps_ask_for_the_first_convolution_and_show_it(qtbot: QtBot) -> None:
    view = shown(qtbot, FeatureMapsView(), snapshot("cnn-digits"))
    names = {p.name for p in view.probes() if isinstance(p, TensorProbe)}
    assert names == {"conv_1.w", "conv_1.y", "digits_1.x"}
    w = program("cnn-digits").tensors["conv_1.w"].shape
    values = {p: np.ones(w if p.name.endswith(".w") else (3, 8, 8), np.float32)
              for p in view.probes() if isinstance(p, TensorProbe)}
    view.show_snapshot(snapshot("cnn-digits", values=values))  # type: ignore[arg-type]
    assert len(view.filters.grid.values) == w[0] * w[1]
    assert view.maps.grid.values.shape == (3, 8, 8)


def test_feature_maps_follow_selection_sample_and_source(qtbot: QtBot) -> None:
    view = shown(qtbot, FeatureMapsView(), snapshot("cnn-digits"))
    view.select("conv_2")
    view.source.setCurrentIndex(1)
    view.sample.setValue(5)
    assert TensorProbe("conv_2.y", sample=5, source="validation") in view.probes()
    assert TensorProbe("conv_2.w") in view.probes()
    view.parts["filters"].setChecked(True)
    assert view.probes() == {TensorProbe("conv_2.w")}
    view.select(None)
    assert view.node() == "conv_1"


def test_pictures_find_what_is_pointed_at_and_enlarge(qtbot: QtBot) -> None:
    grid = PictureGrid()
    qtbot.addWidget(grid)
    grid.resize(400, 200)
    grid.show_maps(np.arange(4 * 8 * 8, dtype=np.float32).reshape(4, 8, 8))
    rects = grid.rects()
    assert len(rects) == 4
    assert grid.place_at(rects[2].center())[0] == 2
    corner = QPointF(rects[1].right() - 0.5, rects[1].bottom() - 0.5)
    assert grid.place_at(corner) == (1, 7, 7)
    assert grid.place_at(QPointF(399, 199))[0] == -1
    grid.enlarge(3)
    assert grid.rects()[0].width() > 2 * rects[0].width() * 0.8
    assert grid.place_at(grid.rects()[0].center())[0] == 3
    grid.grab()


@pytest.mark.parametrize(("shape", "maps"), [
    ((), (1, 1, 1)), ((5,), (1, 1, 5)), ((100,), (1, 2, 64)), ((3, 4), (1, 3, 4)),
    ((2, 3, 4), (2, 3, 4)), ((5, 2, 3, 4), (10, 3, 4))])
def test_any_array_is_maps(shape: tuple[int, ...], maps: tuple[int, ...]) -> None:
    assert as_maps(np.zeros(shape, np.float32)).shape == maps


# -- values of a node ---------------------------------------------------------------------------


def test_node_values_list_the_tensors_and_show_the_numbers(qtbot: QtBot) -> None:
    view = shown(qtbot, NodeValuesView(), snapshot())
    view.select("dense_1")
    probe = next(iter(view.probes()))
    assert isinstance(probe, TensorProbe)
    assert probe.name == "dense_1.w"
    weights = np.arange(32, dtype=np.float32).reshape(16, 2)
    view.show_snapshot(snapshot(values={probe: weights}))
    assert "max 31" in view.line.text()
    keys = [view.tensor.itemData(i) for i in range(view.tensor.count())]
    assert keys[:4] == ["w", "b", "dw", "db"]
    view.as_numbers.setChecked(True)
    model = view.model
    assert (model.rowCount(), model.columnCount()) == (16, 2)
    assert model.data(model.index(3, 1)) == "7"
    view.tensor.setCurrentIndex(keys.index("dw"))
    assert {p.name for p in view.probes()} == {"dense_1.dw"}  # type: ignore[union-attr]
    view.select("dense_2")
    assert {p.name for p in view.probes()} == {"dense_2.dw"}  # type: ignore[union-attr]


def test_a_value_that_is_not_there_leaves_nothing_of_another(qtbot: QtBot) -> None:
    view = shown(qtbot, NodeValuesView(), snapshot())
    view.select("dense_3")
    probe = next(iter(view.probes()))
    view.show_snapshot(snapshot(values={probe: np.ones((2, 16), np.float32)}))
    assert len(view.picture.values) == 1
    view.show_snapshot(snapshot(steps=0))
    view.select("loss_1")
    assert view.header.note.whole == "loss_1"
    assert len(view.picture.values) == 0
    assert not view.histogram.counts.size
    assert view.line.text() == "Nothing is computed yet. Press Run or Step."
    view.grab()
    view.select("nowhere")
    assert view.empty_text.startswith("nowhere holds no values")
    assert view.header.note.whole == ""


def test_the_table_names_places_and_marks_nan(qtbot: QtBot) -> None:
    model = ArrayModel()
    values = np.zeros((2, 3, 4), np.float32)
    values[1, 2, 3] = np.nan
    model.show_array(values)
    assert model.headerData(5, Qt.Orientation.Vertical) == "[1, 2]"
    assert model.data(model.index(5, 3)) == "NaN"
    assert model.data(model.index(5, 3), Qt.ItemDataRole.ForegroundRole) is not None
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    model.show_array(values + 1)
    assert resets == []


def test_histogram_fits_the_bulk_and_counts_the_rest() -> None:
    values = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
    values[0] = 1e6
    counts, low, high, outside = bulk_histogram(values)
    assert -4 < low < -2
    assert low == -high
    assert outside == 10_000 - counts.sum()
    assert outside >= 1


def test_statistics_count_nan_and_zeros() -> None:
    told = statistics(np.array([0, 1, 3, np.nan], np.float32))
    assert (told.minimum, told.maximum, told.nonfinite) == (0, 3, 1)
    assert told.zeros == 0.25
    assert "1 NaN/Inf" in str(told)


# -- output -------------------------------------------------------------------------------------


def boundary(**changes: Any) -> Boundary:
    points = np.array([[-1, -1], [1, 1]], np.float32)
    return replace(Boundary(
        np.zeros((8, 8), np.float32), np.ones((8, 8), np.float32), (-2, 2, -3, 3), points,
        np.array([0, 1], np.float32), points, np.array([0, 1], np.float32), ("a", "b")), **changes)


def test_output_chooses_what_suits_the_data(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView(), snapshot())
    assert view.probes() == {BoundaryProbe()}
    view.show_snapshot(snapshot("cnn-digits"))
    assert view.mode() == "predictions"
    view._choose("confusion")
    assert ConfusionProbe("validation") in view.probes()
    view._choose("boundary")
    assert "one or two features" in view.empty_text


def test_boundary_places_picture_and_points_in_data_units(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView())
    view.show_snapshot(snapshot(values={BoundaryProbe(): boundary()}))
    rect = view.boundary.image.mapRectToParent(view.boundary.image.boundingRect())
    assert (rect.left(), rect.right(), rect.top(), rect.bottom()) == pytest.approx((-2, 2, -3, 3))
    assert view.boundary.image.image.dtype == np.uint8
    # Two classes, each with its training and its validation points.
    assert len(view.boundary._dots) == 4
    assert tuple(view.boundary.legend.entries) == ("a", "b")
    before = list(view.boundary._dots)
    view.show_snapshot(snapshot(values={BoundaryProbe(): boundary()}))
    assert view.boundary._dots == before


def test_boundary_of_one_input_is_a_curve(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView())
    line = boundary(values=np.linspace(0, 1, 32, dtype=np.float32),
                    margin=np.ones(32, np.float32), points=np.zeros((2, 1), np.float32),
                    validation_points=np.zeros((2, 1), np.float32), classes=())
    view.show_snapshot(snapshot(values={BoundaryProbe(): line}))
    assert view.boundary.curve.isVisible()
    assert view.boundary.curve.values[-1] == 1.0
    assert not view.boundary.image.isVisible()


def test_confusion_counts_and_recall(qtbot: QtBot) -> None:
    counts = np.array([[8, 2], [0, 0]])
    assert recalls(counts)[0] == pytest.approx(0.8)
    assert np.isnan(recalls(counts)[1])
    view = shown(qtbot, OutputView(), snapshot("cnn-digits"))
    view._choose("confusion")
    view.show_snapshot(snapshot("cnn-digits", values={ConfusionProbe(): counts}))
    assert view.confusion.counts.tolist() == counts.tolist()
    assert view.csv().splitlines()[1].startswith("0,8,2,0.8")
    view.grab()


def predictions(classes: tuple[str, ...] = ("cat", "dog"), shape: tuple[int, ...] = (1, 4, 4)
                ) -> Predictions:
    output = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], np.float32)
    return Predictions(np.random.default_rng(0).random((3, *shape)).astype(np.float32),
                       np.array([0, 1, 1], np.float32),
                       output if classes else output[:, :1], classes)


def test_predictions_frame_what_is_wrong_and_sort_worst_first(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView(), snapshot("cnn-digits"))
    probe = view.predictions.probe()
    view.show_snapshot(snapshot("cnn-digits", values={probe: predictions()}))
    tiles = view.predictions.grid.tiles
    assert [tile.role for tile in tiles] == ["", "error", ""]
    assert tiles[1].caption.startswith("✗ cat")
    view.worst.setChecked(True)
    assert view.predictions.order.tolist() == [1, 2, 0]
    assert view.predictions.grid.tiles[0].role == "error"
    view.train.setChecked(True)
    assert PredictionsProbe("train", 0, 24) in view.probes()


def test_predictions_of_numbers_and_of_one_probability() -> None:
    numbers = judge(predictions(classes=(), shape=(3,)))
    assert numbers.badness.tolist() == pytest.approx([0.9, 0.4, 0.8])
    assert not numbers.wrong.any()
    one = judge(replace(predictions(), output=np.array([[0.1], [0.2], [0.9]], np.float32)))
    assert one.wrong.tolist() == [False, True, False]


def test_tabular_predictions_are_a_table(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView(), snapshot())
    view._choose("predictions")
    probe = view.predictions.probe()
    view.show_snapshot(snapshot(values={probe: predictions(shape=(2,))}))
    model = view.predictions.model
    assert model.rowCount() == 3
    assert [model.headerData(i, Qt.Orientation.Horizontal) for i in range(4)] == [
        "x1", "x2", "truth", "prediction"]
    assert model.data(model.index(1, 2)) == "dog"
    assert model.data(model.index(1, 4)) == "✗"


# -- listing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kernel", "name"), [
    ("dense_weight_gradient", "dense ∂w"), ("tanh_forward", "tanh"),
    ("conv2d_input_gradient", "conv2d ∂x"), ("avg_pool2d_backward", "avg pool2d ∂x"),
    ("adam_update", "adam"), ("load_batch", "load batch")])
def test_operations_have_human_names(kernel: str, name: str) -> None:
    assert operation(kernel) == name


def texts(view: ListingView, column: int) -> list[str]:
    model = view.model
    return [model.data(model.index(row, column)) or "" for row in range(model.rowCount())]


def test_listing_has_phases_names_and_times(qtbot: QtBot) -> None:
    instructions = program().instructions
    times = np.arange(len(instructions), dtype=float) * 100
    view = shown(qtbot, ListingView(), snapshot(
        state="paused", position=2, values={TimingsProbe(): times}))
    numbers = texts(view, NUMBER)
    assert {"load", "forward", "loss", "backward", "update"} <= set(numbers)
    row = view.model.row_of(2)
    assert row is not None
    assert texts(view, TIME)[row] == "200 µs"
    assert "dense" in texts(view, OPERATION)
    assert len(view.csv().splitlines()) < len(instructions)
    view.measuring.setChecked(True)
    assert len(view.csv().splitlines()) == 1 + len(instructions)


def test_listing_moves_the_arrow_and_repaints_only_two_rows(qtbot: QtBot) -> None:
    view = shown(qtbot, ListingView(), snapshot(state="paused", position=2))
    changed: list[int] = []
    view.model.dataChanged.connect(lambda first, last: changed.append(first.row()))
    view.show_snapshot(snapshot(state="paused", position=3))
    assert changed == [view.model.row_of(2), view.model.row_of(3)]
    assert texts(view, 0)[view.model.row_of(3) or 0] == "▸"


def test_listing_shows_the_operands_of_the_chosen_instruction(qtbot: QtBot) -> None:
    view = shown(qtbot, ListingView(), snapshot(state="paused"))
    at = next(i for i, x in enumerate(program().instructions) if x.kernel.name == "dense_forward")
    view.list.setCurrentIndex(view.model.index(view.model.row_of(at) or 0, OPERATION))
    wanted = TensorProbe("dense_1.w", limit=8)
    assert wanted in view.probes()
    weights = np.linspace(-1, 1, 32, dtype=np.float32).reshape(16, 2)
    view.show_snapshot(snapshot(state="paused", values={wanted: weights}))
    text = view.operands.toPlainText()
    assert "dense_1.w" in text
    assert "16×2" in text
    assert "-1 … 1" in text


def test_double_click_asks_to_run_there(qtbot: QtBot) -> None:
    view = shown(qtbot, ListingView(), snapshot(state="paused"))
    at = next(i for i, x in enumerate(program().instructions)
              if x.node == "dense_2" and x.phase == "backward")
    with qtbot.waitSignal(view.run_to_requested) as caught:
        view.list.doubleClicked.emit(view.model.index(view.model.row_of(at) or 0, OPERATION))
    assert caught.args == ["dense_2", "backward"]


def measuring_place() -> int:
    return next(i for i, x in enumerate(program().instructions) if measures(x))


def test_the_next_instruction_is_listed_even_if_it_only_measures(qtbot: QtBot) -> None:
    at = measuring_place()
    view = shown(qtbot, ListingView(), snapshot(state="paused", position=at))
    row = view.model.row_of(at)
    assert row is not None
    assert not view.list.isRowHidden(row)
    assert view.model.data(view.model.index(row, 0)) == "▸"
    assert view.chosen() is view.model.instructions[at]
    view.show_snapshot(snapshot(state="paused", position=0))
    assert view.list.isRowHidden(row)


def test_times_are_gone_with_the_run_that_took_them(qtbot: QtBot) -> None:
    times: dict[Probe, Any] = {TimingsProbe(): np.ones(len(program().instructions))}
    view = shown(qtbot, ListingView(), snapshot(state="paused", values=times))
    assert "1.0 µs" in texts(view, TIME)
    view.show_snapshot(snapshot(state="paused", steps=0, values=times))
    assert "1.0 µs" not in texts(view, TIME)


def test_a_click_in_the_listing_moves_nothing_before_the_second(qtbot: QtBot) -> None:
    view = shown(qtbot, ListingView(), snapshot(state="paused"))
    view.node_selected.connect(view.select)
    at = next(i for i, x in reversed(list(enumerate(program().instructions)))
              if x.node == "dense_2" and not measures(x))
    index = view.model.index(view.model.row_of(at) or 0, OPERATION)
    view.list.scrollTo(index)
    before = view.list.visualRect(index)
    view.list.setCurrentIndex(index)
    assert view.selected == "dense_2"
    assert view.list.visualRect(index) == before
    view.list.doubleClicked.emit(index)
    assert view.chosen() is view.model.instructions[0]


def test_details_wrap_instead_of_being_cut_off(qtbot: QtBot) -> None:
    view = shown(qtbot, ListingView(), snapshot(state="paused"))
    view.resize(298, 200)
    QApplication.processEvents()
    assert view.operands.document().idealWidth() <= view.operands.viewport().width()
    index = view.model.index(view.model.row_of(0) or 0, OPERATION)
    name = view.list.fontMetrics().horizontalAdvance(view.model.data(index)) + PADDING
    assert name <= view.list.visualRect(index).width()
    for column in (NUMBER, NODE):
        assert view.list.sizeHintForColumn(column) <= view.list.columnWidth(column)
    assert view.operands.height() > 60
