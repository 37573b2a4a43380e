"""Loss and gradients over the steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground import graph_json
from playground.compiler import compile_program
from playground.examples import EXAMPLES
from playground.graph import Graph
from playground.layers.base import make_layer
from playground.program import NODE_STATISTICS
from playground.snapshot import (
    Snapshot,
    Verdict,
)
from playground.training import Clipping
from tests.shown_views import history, program, shown, snapshot
from ui import theme as themes
from ui.views.gradients import TOTAL, GradientsView
from ui.views.header import HEIGHT, Header, Note
from ui.views.legend import MOST_NAMES, Legend, line_colors, line_places
from ui.views.loss import LossView
from ui.views.network import trained_nodes
from ui.views.numbers import format_number
from ui.views.quantities import QUANTITIES
from ui.views.series import MAX_POINTS


@pytest.fixture(autouse=True)
def _dark(qapp: QApplication) -> None:
    themes.apply(qapp, "dark")


# -- loss -----------------------------------------------------------------------------------------


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


def test_players_that_take_turns_have_a_line_each(qtbot: QtBot) -> None:
    """Of a GAN the judge's two losses and the maker's; their sum is nobody's."""
    falling, rising = np.linspace(2.0, 0.5, 100), np.linspace(0.5, 3.0, 100)
    view = shown(qtbot, LossView(), snapshot("gan", loss_real__loss=falling,
                                             loss_maker__loss=rising))
    assert view.legend.names == ("loss_real", "loss_made", "loss_maker")
    real, made, maker = view.singles.curves
    assert real.values[-1] == pytest.approx(0.5, abs=0.1)
    assert made.values.tolist() == [1] * len(made.values)
    assert maker.values[-1] == pytest.approx(3.0, abs=0.1)
    assert not view.train.isVisible()
    assert not view.band.isVisible()
    assert view.header.note.whole.split(" · ")[2].startswith("loss_maker 2.")
    assert not view.plot.gutter.labels
    view._hover(50, 1.0)
    assert "loss_made 1" in view.header.note.whole
    view._hover(float("nan"), 0.0)
    assert "loss_maker.loss" in view.csv().splitlines()[0]
    view.each.setChecked(False)
    assert view.singles.curves == []
    assert view.train.isVisible()
    assert view.legend.isHidden()


def test_parts_of_a_sum_are_drawn_beside_it(qtbot: QtBot) -> None:
    view = shown(qtbot, LossView(), snapshot("vae"))
    assert len(view.singles.curves) == 2
    assert view.train.isVisible()
    assert view.validation.isVisible()


def test_one_loss_needs_no_names(qtbot: QtBot) -> None:
    view = shown(qtbot, LossView(), snapshot())
    assert view.singles.curves == []
    assert view.legend.isHidden()
    assert not view.each.isVisible()


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


def test_a_loss_below_zero_is_drawn_on_an_even_axis(qtbot: QtBot) -> None:
    view = shown(qtbot, LossView(), snapshot(steps=100, loss=np.linspace(0.5, -0.5, 100)))
    assert not view.plot.log_y
    assert np.isfinite(view.train.values).all()
    view.show_snapshot(snapshot(steps=100, loss=np.linspace(1, 0.1, 100)))
    assert view.plot.log_y


def test_a_loss_of_rounding_lies_on_the_ground(qtbot: QtBot) -> None:
    """It looked like a network that learns by heart: train falls, validation rises."""
    def at(train: float, seen: float) -> LossView:
        moment = snapshot(loss=np.linspace(3 * train, train, 100))
        past = replace(moment.history, validation_loss=np.array([seen, 4 * seen]))
        return shown(qtbot, LossView(), replace(moment, history=past))

    view = at(1e-8, 1e-8)
    (low, high), curve = view.plot.box.viewRange()[1], view.validation.values
    assert not view.plot.log_y
    assert low <= 0
    assert curve.max() < 0.01 * high
    assert view.badge.text == "✓ as good as 0"
    assert view.header.note.whole.endswith("val 4e-8"), "numbers stay what they are"
    view = at(1e-8, 1e-3)
    assert view.plot.log_y, "there is something to see"
    assert not view.badge.text
    nothing = snapshot(loss=np.full(100, np.nan))
    assert not shown(qtbot, LossView(), nothing).badge.text.strip("✓ ").startswith("as good")


@pytest.mark.parametrize(("unit", "is_nothing"), [(1.0, True), (1e-4, False)])
def test_what_is_nothing_depends_on_the_targets(
        qtbot: QtBot, tmp_path: Path, unit: float, is_nothing: bool) -> None:
    """Currents in ampere, say: a network that has learned nothing has a loss of 1e-8."""
    table = tmp_path / "points.csv"
    table.write_text("a,b,y\n" + "".join(
        f"{i},{-i % 7},{unit * (i % 5)}\n" for i in range(40)))
    data = make_layer("file", {"path": str(table), "task": "regression"})
    graph = Graph().with_node(data, id="data").with_node(
        make_layer("dense", {"units": 1}), id="out").with_node(
        make_layer("mean_squared_error", {}), id="loss").connect("data", "out").connect(
        "out", "loss")
    moment = snapshot(loss=np.full(100, 1.2e-8))
    past = replace(moment.history, validation_loss=np.array([1e-8, 1e-8]))
    view = shown(qtbot, LossView(), replace(moment, history=past, program=compile_program(graph)))
    assert bool(view.badge.text) == is_nothing
    assert view.plot.log_y != is_nothing


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


# -- gradients ------------------------------------------------------------------------------------


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
    assert not view.chips.clip.isVisible()


def test_verdict_is_told_by_a_sign_a_word_and_a_sentence(qtbot: QtBot) -> None:
    verdict = Verdict("vanishing", "The gradient shrinks.", 0.12)
    view = shown(qtbot, GradientsView(), replace(snapshot(), verdict=verdict))
    assert view.chips.verdict.text == "▼ vanishing"
    assert view.chips.verdict.role == "vanishing"
    assert view.chips.verdict.toolTip().startswith("The gradient shrinks.")
    assert "12 %" in view.chips.clip.text


def test_a_fresh_history_has_no_verdict_and_no_numbers(qtbot: QtBot) -> None:
    verdict = Verdict("vanishing", "The gradient shrinks.", 0.12)
    view = shown(qtbot, GradientsView(), replace(snapshot(), verdict=verdict))
    view.select("dense_1")
    assert view.chips.verdict.isVisible()
    view.show_snapshot(replace(snapshot(steps=0), verdict=Verdict("unknown", "No gradients yet.")))
    assert view.empty_text
    assert not view.chips.verdict.isVisible()
    assert not view.chips.clip.isVisible()
    assert view.header.note.whole == ""


def test_a_node_that_was_never_measured_has_a_dash(qtbot: QtBot) -> None:
    nan = float("nan")
    view = shown(qtbot, GradientsView(), snapshot(
        dense_2__grad_norm_before=nan, dense_2__grad_norm=nan))
    view.select("dense_2")
    assert view.header.note.whole == "dense_2 –"
    view.bars.setChecked(True)
    assert [bar.measured for bar in view.profile.bars] == [True, False, True]
    view.grab()


def test_lines_keep_their_colours_when_one_joins() -> None:
    old = line_places(["a", "b"], {})
    new = line_places(["new", "a", "b"], old)
    assert (old, new) == ({"a": 0, "b": 1}, {"new": 2, "a": 0, "b": 1})
    assert line_places(["b", "c"], new) == {"b": 1, "c": 0}


def test_a_documents_lines_have_their_colours_whatever_was_open_before(qtbot: QtBot) -> None:
    whole = EXAMPLES["mlp-spiral"].graph
    out = whole.outputs_of("dense_1")
    between = whole.with_node(make_layer("dense", {"units": 3})).without_edges(out)
    between = between.connect("dense_1", "dense_4").connect("dense_4", out[0].target)
    assert len(out) == 1

    def moment(graph: Graph) -> Snapshot:
        made = compile_program(graph)
        return replace(snapshot(), program=made, history=history(made.columns))

    def told() -> dict[str, str]:
        return {name: color.name() for name, color in view._colors().items() if name != TOTAL}

    view = shown(qtbot, GradientsView(), moment(whole))
    before = told()
    view.show_snapshot(moment(between))
    edited = told()
    assert list(edited) == ["dense_1", "dense_4", "dense_2", "dense_3"]
    assert edited | before == edited, "an edit leaves the others as they are"
    view.show_snapshot(moment(whole))
    assert told() == before

    (into,) = whole.inputs_of("dense_1")
    other = whole.without(["dense_1"]).connect(into.source, "dense_2")
    view.show_snapshot(moment(other))
    left = told()
    assert left == {name: color for name, color in before.items() if name != "dense_1"}
    opened = graph_json.decode(graph_json.encode(other)).graph
    view = shown(qtbot, GradientsView(), moment(opened))
    assert told() == left, "and so they have when the document is opened again"

    view.show_snapshot(moment(opened.without(["dense_3"]).with_node(
        make_layer("dense", {"units": 2})).connect("dense_2", "dense_1").connect(
            "dense_1", "loss_1")))
    assert told() == {"dense_2": before["dense_2"], "dense_1": before["dense_1"]}


def test_gradients_mark_what_is_not_finite(qtbot: QtBot) -> None:
    norms = np.ones(100)
    norms[60] = np.inf
    view = shown(qtbot, GradientsView(), snapshot(dense_2__grad_norm_before=norms))
    view.all_time.setChecked(True)
    assert list(view.marks.bad.getData()[0]) == [61]


def test_gradients_mark_zeros_at_the_bottom(qtbot: QtBot) -> None:
    norms = np.ones(100)
    norms[60:] = 0
    view = shown(qtbot, GradientsView(), snapshot(dense_2__grad_norm_before=norms))
    view.all_time.setChecked(True)
    steps, heights = view.marks.zeros.getData()
    assert len(steps) >= 30
    assert steps.min() >= 60
    assert (heights < np.mean(view.plot.box.viewRange()[1])).all()
    view.select("dense_2")
    assert view.header.note.whole.startswith("dense_2 0 ")
    assert view.plot.gutter.labels[-1].text == "0"


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


@pytest.mark.parametrize(("key", "column"), [
    ("max", "grad_max"), ("zeros", "grad_zeros"), ("mean", "mean")])
def test_whatever_is_measured_can_be_seen(qtbot: QtBot, key: str, column: str) -> None:
    view = shown(qtbot, GradientsView(), snapshot(**{f"dense_2__{column}": 0.375}))
    view.quantities[key].setChecked(True)
    assert view.lines["dense_2"].values[-1] == pytest.approx(0.375)
    assert {q.column for q in QUANTITIES.values()} | {"grad_norm", "nonfinite"} == set(
        NODE_STATISTICS), "measured each step, and shown nowhere"


@pytest.mark.parametrize(("mode", "with_line"), [
    ("value", "max"), ("global_norm", "norm"), ("layer_norm", "norm")])
def test_the_threshold_stands_beside_what_it_cuts(
        qtbot: QtBot, mode: str, with_line: str) -> None:
    made = snapshot(dense_2__grad_max=0.375)
    clipping = Clipping(mode=mode, threshold=0.25)  # type: ignore[arg-type]
    view = shown(qtbot, GradientsView(), replace(
        made, training=msgspec.structs.replace(Graph().training, clipping=clipping)))
    for key in ("norm", "max", "zeros"):
        view.quantities[key].setChecked(True)
        labels = [label.text for label in view.plot.gutter.labels]
        assert ("clip 0.25" in labels) == (key == with_line), key


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


def test_chips_are_brief_before_they_are_cut(qtbot: QtBot) -> None:
    header = Header("Gradient norms")
    qtbot.addWidget(header)
    clipped, verdict = header.chip(), header.chip()
    clipped.show_text("✂ clipped 16 % of steps", "clipped", short="✂ 16 %")
    verdict.show_text("✓ healthy", "healthy")
    for width, text in ((500, "✂ clipped 16 % of steps"), (300, "✂ 16 %"), (500, clipped.text)):
        header.resize(width, HEIGHT)
        header.fit()
        assert clipped.shown == text
        assert verdict.shown == "✓ healthy"


def test_a_note_loses_whole_parts(qtbot: QtBot) -> None:
    note = Note()
    qtbot.addWidget(note)
    note.show_text("train 0.00521 · val 0.0437")
    wide = note.fontMetrics().horizontalAdvance(note.whole)
    note.show()
    for width, text in ((wide + 4, note.whole), (wide - 10, "train 0.00521"), (20, "")):
        note.resize(width, 20)
        assert note.text() == text
        assert (note.toolTip() == "") == (text == note.whole)
