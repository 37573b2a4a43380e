"""Pictures and the values of a node."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.snapshot import (
    TensorProbe,
)
from tests.shown_views import program, shown, snapshot
from ui import theme as themes
from ui.colormaps import NOT_FINITE
from ui.views.array_table import ArrayModel
from ui.views.feature_maps import FeatureMapsView
from ui.views.histogram import bulk_histogram, statistics
from ui.views.node_values import NodeValuesView, _rank
from ui.views.pictures import PictureGrid, as_maps


@pytest.fixture(autouse=True)
def _dark(qapp: QApplication) -> None:
    themes.apply(qapp, "dark")


# -- pictures -------------------------------------------------------------------------------------


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


def test_feature_maps_of_a_moved_sample_stand_beside_those_before(qtbot: QtBot) -> None:
    view = shown(qtbot, FeatureMapsView(), snapshot("cnn-digits"))
    view.select("pool_1")
    view.moved.setValue(-2)
    assert view.source.currentIndex() == 1  # A sample of the batch cannot be moved.
    before, after = (TensorProbe("pool_1.y", 0, source="validation", moved=m) for m in (0, -2))
    given, moved = (replace(probe, name="digits_1.x") for probe in (before, after))
    assert view.probes() == {before, after, given, moved}
    maps = np.ones((3, 4, 4), np.float32)
    view.show_snapshot(snapshot("cnn-digits", values={
        before: maps, after: maps * 1.5, given: maps, moved: maps * 3}))
    np.testing.assert_array_equal(view.filters.grid.values, maps)
    np.testing.assert_array_equal(view.maps.grid.values, maps * 1.5)
    assert view.maps.caption.text() == "MOVED · 50% changed"
    assert view.reading.whole == "input: 200% changed"
    view.source.setCurrentIndex(0)
    assert view.probes() == {replace(before, source="batch"), replace(given, source="batch")}


def test_only_pictures_can_be_moved(qtbot: QtBot) -> None:
    view = shown(qtbot, FeatureMapsView(), snapshot("cnn-digits"))
    assert not view.moved.isHidden()
    view = shown(qtbot, FeatureMapsView(), snapshot("mlp-spiral"))
    assert view.moved.isHidden()


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


def test_the_cells_that_fill_up_a_row_are_empty(qtbot: QtBot) -> None:
    """Magenta is the colour of what is not a number, and nothing else."""
    values = np.arange(84, dtype=np.float32)
    values[70] = np.nan
    grid = PictureGrid()
    qtbot.addWidget(grid)
    grid.resize(640, 200)
    grid.show_array(values)
    (rect,) = grid.rects()

    def at(value: int) -> QPointF:
        """The middle of a value's cell."""
        row, column = divmod(value, 64)
        return QPointF(rect.left() + (column + 0.5) * rect.width() / 64,
                       rect.top() + (row + 0.5) * rect.height() / 2)

    image = grid.grab().toImage()
    ground = image.pixelColor(320, 199)
    seen = [image.pixelColor(at(value).toPoint()) for value in (70, 83, 84, 100, 127)]
    assert seen[0] == QColor(*NOT_FINITE)
    assert seen[1] not in (ground, seen[0])
    assert seen[2:] == [ground] * 3
    assert grid.place_at(at(83)) == (0, 1, 19)
    assert grid.place_at(at(84)) == (-1, -1, -1)
    assert [len(line) for line in grid.lines(0)] == [64, 20]


# -- values of a node -----------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "index", "told"), [
    ((3, 4, 5, 5), 6, "sample 1, head 2, query 3, key 4 = "),
    ((3, 5, 5), 2, "sample 2, query 3, key 4 = ")])
def test_attention_weights_say_whose_they_are(
        qtbot: QtBot, shape: tuple[int, ...], index: int, told: str) -> None:
    view = shown(qtbot, NodeValuesView(), snapshot("transformer"))
    view.select("attention_1")
    weights = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    (probe,) = view.wanted()
    assert probe.name == "attention_1.weights"
    view.show_snapshot(snapshot("transformer", values={probe: weights}))
    view._point(index, 3, 4)
    assert view.header.note.whole == told + str(int(weights.reshape(-1, 5, 5)[index, 3, 4]))
    view._point(-1, -1, -1)
    assert view.header.note.whole == "attention_1"


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


def test_a_layer_of_attention_shows_first_where_it_looks() -> None:
    assert min(["w", "b", "qkv", "weights", "y", "dw"], key=_rank) == "weights"
    assert min(["running_mean", "w", "b", "dw"], key=_rank) == "w"


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
    assert view.empty_text.startswith("nowhere takes no part in the training")
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
