"""What the network answers, and its program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.compiler import compile_program
from playground.examples import EXAMPLES
from playground.lane import Lane
from playground.layers.base import Layer, make_layer
from playground.snapshot import (
    Boundary,
    BoundaryProbe,
    ConfusionProbe,
    LaneView,
    Predictions,
    PredictionsProbe,
    Probe,
    State,
    TensorProbe,
    TimingsProbe,
)
from tests.drive import double_click
from tests.gradient_check import Bench
from tests.shown_views import program, shown, snapshot
from ui import theme as themes
from ui.views.confusion import recalls
from ui.views.listing import PADDING, ListingView
from ui.views.listing_model import NODE, NUMBER, OPERATION, TIME
from ui.views.operations import measures, operation
from ui.views.output import OutputView
from ui.views.pictures import PictureGrid, Tile
from ui.views.predictions import judge


@pytest.fixture(autouse=True)
def _dark(qapp: QApplication) -> None:
    themes.apply(qapp, "dark")


# -- output ---------------------------------------------------------------------------------------


def boundary(**changes: Any) -> Boundary:
    points = np.array([[-1, -1], [1, 1]], np.float32)
    return replace(Boundary(
        np.zeros((8, 8), np.float32), np.ones((8, 8), np.float32), (-2, 2, -3, 3), points,
        np.array([0, 1], np.float32), points, np.array([0, 1], np.float32), ("a", "b")), **changes)


def test_lanes_lay_their_boundary_over_the_network_s(qtbot: QtBot) -> None:
    """The second lane says b from x = 1 on, and the third has not said anything yet."""
    lanes = tuple(Lane(name, EXAMPLES["mlp-spiral"].graph) for name in ("first", "second"))
    right = np.zeros((8, 8), np.float32)
    right[:, 6:] = 1
    moment = replace(snapshot(values={BoundaryProbe(): boundary()}), lanes=(
        LaneView(lanes[0]), LaneView(lanes[1], boundary=boundary(values=right))))
    view = shown(qtbot, OutputView(), moment)
    x, y = view.boundary.lane_answers.lines["second"].getData()
    np.testing.assert_allclose(x, 1, atol=0.3)
    assert (y.min(), y.max()) == pytest.approx((-3, 3), abs=0.5)
    assert view.boundary.lane_answers.lines["first"].getData()[0].size == 0
    assert list(view.boundary.legend.entries) == ["a", "b", "second"]
    view.show_snapshot(replace(moment, lanes=()))
    assert view.boundary.lane_answers.lines == {}
    assert list(view.boundary.legend.entries) == ["a", "b"]


def test_lanes_of_one_input_are_curves_and_the_plot_holds_them(qtbot: QtBot) -> None:
    lane = Lane("high", EXAMPLES["mlp-spiral"].graph)
    line = boundary(values=np.zeros(20, np.float32), margin=np.ones(20, np.float32),
                    points=np.zeros((2, 1), np.float32), classes=())
    high = LaneView(lane, boundary=replace(line, values=np.full(20, 9, np.float32)))
    view = shown(qtbot, OutputView(), replace(
        snapshot(values={BoundaryProbe(): line}), lanes=(high,)))
    x, y = view.boundary.lane_answers.lines["high"].getData()
    assert (x[0], x[-1], set(y)) == (-2, 2, {9})
    assert view.boundary.plot.box.viewRange()[1][1] > 9


def test_output_chooses_what_suits_the_data(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView(), snapshot())
    assert view.probes() == {BoundaryProbe()}
    view.show_snapshot(snapshot("cnn-digits"))
    assert view.mode() == "predictions"
    view._choose("confusion")
    assert ConfusionProbe("validation") in view.probes()
    # What the data do not allow is not offered, even where it was chosen for others.
    view._choose("boundary")
    assert view.mode() == "predictions"
    assert [key for key, action in view.modes.items() if action.isVisible()] == [
        "confusion", "predictions"]
    assert view.worst.isVisible()
    view.show_snapshot(snapshot())
    assert view.mode() == "boundary"
    assert all(action.isVisible() for action in view.modes.values())
    assert not view.worst.isVisible()
    view.show_snapshot(replace(snapshot("cnn-digits"), metric_name="mean abs error"))
    assert view.mode() == "predictions"
    assert not any(button.isVisible() for button in view.header._choices[0])


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


def test_questions_stand_beside_their_pictures(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView(), snapshot("cnn-digits"))
    probe = view.predictions.probe()
    asked = replace(predictions(), words=("is it a cat", "is it a dog", "what is it"))
    view.show_snapshot(snapshot("cnn-digits", values={probe: asked}))
    cards = view.predictions.asked
    assert cards.isVisible()
    assert [(card.question, card.answer, card.wrong) for card in cards.cards] == [
        ("is it a cat?", "cat", False), ("is it a dog?", "✗ cat, not dog", True),
        ("what is it?", "dog", False)]
    assert not cards.grab().isNull()
    told: list[str] = []
    cards.pointed.connect(told.append)
    cards.resize(200, 40)  # only one of them has room
    assert len(cards.places()) == 1
    qtbot.mouseMove(cards, cards.places()[0].center().toPoint())
    assert told[-1].startswith("is it a cat? cat; the network says cat")
    assert cards.card_at(QPointF(199, 39)) is not None
    assert cards.card_at(QPointF(-5, 5)) is None


def test_pictures_of_numbers_say_the_true_one_and_the_networks(qtbot: QtBot) -> None:
    view = shown(qtbot, OutputView(), snapshot("cnn-digits"))
    probe = view.predictions.probe()
    numbers = replace(predictions(classes=()), target=np.array([[0.25], [1.234], [-3]], np.float32))
    view.show_snapshot(replace(snapshot("cnn-digits", values={probe: numbers}),
                               metric_name="mean abs error"))
    assert [tile.caption for tile in view.predictions.grid.tiles] == [
        "0.25 → 0.9", "1.2 → 0.6", "-3 → 0.2"]
    assert "truth → network" in view.predictions.told.text()


def test_pictures_that_do_not_all_fit_fill_the_room(qtbot: QtBot) -> None:
    grid = PictureGrid()
    qtbot.addWidget(grid)
    grid.largest, grid.smallest = 110, 32
    grid.resize(280, 125)
    grid.show_colors(np.zeros((24, 8, 8, 3), np.uint8), [Tile(caption="3")] * 24)
    rects = grid.rects()
    assert len(rects) == 14  # two rows, where one of larger pictures would leave half of it empty
    assert {rect.width() for rect in rects} == {32.0}  # whole pixels for each of the 8 values
    assert max(rect.right() for rect in rects) <= 280
    assert max(rect.bottom() for rect in rects) <= 125 - 15  # and a line for those that are left


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
    assert [model.headerData(i, Qt.Orientation.Horizontal) for i in range(5)] == [
        "truth", "prediction", "", "x1", "x2"]
    assert model.data(model.index(1, 0)) == "dog"
    assert model.data(model.index(1, 2)) == "✗"


# -- listing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kernel", "name"), [
    ("dense_weight_gradient", "dense ∂w"), ("tanh_forward", "tanh"),
    ("conv2d_input_gradient", "conv2d ∂x"), ("avg_pool2d_backward", "avg pool2d ∂x"),
    ("conv2d_input_gradient_turned", "conv2d ∂x"), ("conv2d_forward_packed", "conv2d"),
    ("gru_forward_reset_before", "gru"), ("gru_backward_reset_before", "gru ∂x"),
    ("adam_update", "adam"), ("load_batch", "load batch")])
def test_operations_have_human_names(kernel: str, name: str) -> None:
    assert operation(kernel) == name


@pytest.mark.parametrize(("layer", "shape", "names"), [
    (make_layer("conv1d", {"channels": 3}), (2, 9), ["conv1d", "conv1d ∂w", "conv1d ∂x"]),
    (make_layer("avg_pool1d", {}), (2, 8), ["avg pool1d", "avg pool1d ∂x"]),
    (make_layer("conv2d", {"channels": 3}), (2, 5, 4), ["conv2d", "conv2d ∂w", "conv2d ∂x"]),
    (make_layer("conv_transpose2d", {"channels": 3}), (2, 5, 4),
     ["conv transpose2d", "conv transpose2d ∂w", "conv transpose2d ∂x"]),
    (make_layer("gru", {"units": 3, "reset_after": False}), (1, 4), ["gru", "gru ∂x"])])
def test_the_listing_speaks_of_what_the_node_is(
        qtbot: QtBot, layer: Layer, shape: tuple[int, ...], names: list[str]) -> None:
    bench, view = Bench(layer, (shape,)), ListingView()
    qtbot.addWidget(view)
    view.model.show_program(bench.session.program)
    told = [name.partition(" · ")[0] for name, node in zip(
        texts(view, OPERATION), texts(view, NODE), strict=True) if node == bench.id]
    kernels = {"conv", "pool", "gru"}
    assert list(dict.fromkeys(
        name for name in told if any(kernel in name for kernel in kernels))) == names


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


def test_listing_says_whose_turn_begins(qtbot: QtBot) -> None:
    view = shown(qtbot, ListingView(), snapshot("gan", state="paused"))
    captions = [view.model.caption(row) for row in range(view.model.rowCount())]
    assert [c for c in captions if "·" in c] == ["load · judge", "forward · maker"]
    turns = next(v.graph for v in EXAMPLES["gan"].variations if v.key == "wasserstein")
    view.model.show_program(compile_program(turns))
    captions = [view.model.caption(row) for row in range(view.model.rowCount())]
    assert [c for c in captions if "·" in c] == [
        *(f"load · judge, turn {turn} of 5" for turn in range(1, 6)), "forward · maker"]
    assert len([c for c in captions if c.startswith("update")]) == 6


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
    for at, instruction in enumerate(program().instructions):
        if measures(instruction):
            continue
        index = view.model.index(view.model.row_of(at) or 0, OPERATION)
        view.list.scrollTo(index)
        with qtbot.waitSignal(view.run_to_requested) as caught:
            double_click(view.list, index)
        assert caught.args == [at]


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


def test_the_column_of_times_is_no_wider_than_needed_once_it_stands(qtbot: QtBot) -> None:
    def took(microseconds: float, state: State) -> int:
        times = np.full(len(program().instructions), microseconds)
        view.show_snapshot(snapshot(state=state, values={TimingsProbe(): times}))
        return view.list.columnWidth(TIME)

    view = shown(qtbot, ListingView(), snapshot(state="paused"))
    usual = took(1.0, "running")
    wide = took(12345.0, "running")
    assert wide > usual
    assert took(1.0, "running") == wide
    assert took(1.0, "paused") == usual
    assert took(10.0, "paused") == usual


def test_operations_keep_their_room_before_names_and_times(qtbot: QtBot) -> None:
    times: dict[Probe, Any] = {TimingsProbe(): np.full(len(program("cnn-digits").instructions), 9)}
    view = shown(qtbot, ListingView(), snapshot("cnn-digits", values=times))
    letter = view.list.fontMetrics().horizontalAdvance("0")

    def letters(column: int) -> float:
        return (view.list.columnWidth(column) - PADDING) / letter

    seen = {}
    for width in (500, 300, 220):
        view.resize(width, 320)
        QApplication.processEvents()
        seen[width] = not view.list.isColumnHidden(TIME)
        assert letters(OPERATION) >= 9, width
        assert letters(NODE) >= 6, width
    assert seen == {500: True, 300: True, 220: False}
    assert letters(NODE) < len("digits_1"), "cut before the operation"
    assert view.list.textElideMode() is Qt.TextElideMode.ElideMiddle, "digits_1 keeps its number"
    index = view.model.index(view.model.row_of(0) or 0, OPERATION)
    assert "9.0 µs" in view.model.data(index, Qt.ItemDataRole.ToolTipRole)
    view.resize(500, 320)
    QApplication.processEvents()
    assert letters(NODE) >= len("digits_1")
    assert not view.list.isColumnHidden(TIME)


def test_the_listing_stays_where_it_is_when_nothing_is_selected(qtbot: QtBot) -> None:
    view = shown(qtbot, ListingView(), snapshot(state="paused"))
    view.resize(298, 160)
    view.select("dense_2")
    place = view.list.verticalScrollBar().value()
    view.select(None)
    assert view.list.verticalScrollBar().value() == place


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
