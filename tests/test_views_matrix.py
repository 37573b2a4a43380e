"""The panel As a matrix: what it draws, counts and says of convolutions and poolings."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from playground.conv_matrix import conv_matrix, weight_places
from playground.examples import EXAMPLES
from playground.graph import Graph
from playground.layers.conv import Conv1D, Conv2D
from playground.probes import answer
from playground.session import Session
from playground.snapshot import Snapshot
from tests.shown_views import shown
from ui.views.matrix import MatrixView
from ui.views.matrix_picture import MatrixPicture, hues

GRAPH = EXAMPLES["conv-matrix"].graph


def moment(session: Session, view: MatrixView) -> Snapshot:
    """A snapshot that answers what the view asks for."""
    view.snapshot = Snapshot(state="paused", program=session.program)
    values = {probe: answer(session, probe) for probe in view.wanted()}
    return Snapshot(
        state="paused", program=session.program, step=session.step,
        values={probe: value for probe, value in values.items() if value is not None})


def seen(qtbot: QtBot, session: Session, node: str, view: MatrixView | None = None) -> MatrixView:
    view = view or MatrixView()
    view.selected = node
    view.snapshot = Snapshot(state="paused", program=session.program)
    shown(qtbot, view, moment(session, view))
    return view


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session(GRAPH)
    session.run(30)
    return session


# -- convolutions ---------------------------------------------------------------------------------


def test_the_claims_of_the_note(qtbot: QtBot, session: Session) -> None:
    """36 × 64 places, 1,980 zeros, nine weights 36 times."""
    view = seen(qtbot, session, "conv_1")
    assert view.line.whole == "36 × 64 places: 1,980 zeros (86 %), 9 weights"
    assert view.matrix is not None
    numbers, counts = np.unique(view.matrix.places, return_counts=True)
    assert numbers.tolist() == list(range(-1, 9))
    assert set(counts[1:]) == {36}
    w = session.values("conv_1.w")[0, 0]
    np.testing.assert_array_equal(view.matrix.values[view.matrix.places == 4], w[1, 1])


def test_the_matrix_is_the_layer(qtbot: QtBot, session: Session) -> None:
    view = seen(qtbot, session, "conv_1")
    view.parts["all"].setChecked(True)
    view.show_snapshot(moment(session, view))
    assert view.matrix is not None
    x = session.data.x_validation[:3]
    z = x.reshape(3, -1) @ view.matrix.values.T + np.repeat(session.values("conv_1.b"), 36)
    np.testing.assert_allclose(np.maximum(z, 0).reshape(3, 4, 6, 6),
                               session.evaluator.values_of("conv_1", x), atol=1e-4)


def test_equal_weights_have_equal_colours(qtbot: QtBot) -> None:
    layer = Conv1D(channels=2, kernel=3, padding="same")
    picture = MatrixPicture()
    qtbot.addWidget(picture)
    places = weight_places(layer, (2, 1, 3), (1, 7))
    values = conv_matrix(layer, np.arange(1, 7, dtype=np.float32).reshape(2, 1, 3), (1, 7))
    picture.resize(70, 141)
    picture.show_matrix(places, values, by_value=False)
    image = picture._image
    colors = {place: {image.pixel(c, r) for r, c in np.argwhere(places == place).tolist()}
              for place in range(-1, 6)}
    assert all(len(found) == 1 for found in colors.values())
    assert len(set.union(*colors.values())) == 7
    assert len(np.unique(hues(200), axis=0)) > 150


def test_what_is_not_finite_is_seen(qtbot: QtBot) -> None:
    picture = MatrixPicture()
    qtbot.addWidget(picture)
    for by_value in (True, False):
        picture.show_matrix(np.array([[0, -1]], np.int32),
                            np.array([[np.nan, 0]], np.float32), by_value)
        assert QColor(picture._image.pixel(0, 0)).getRgb()[:3] == (255, 0, 255)


def test_pointing_tells_which_weight(qtbot: QtBot, session: Session) -> None:
    view = seen(qtbot, session, "conv_1")
    area = view.picture.area()
    # Output [1, 2] sees the pixels from [1, 2] on: its k[2, 1] lies on pixel [3, 3].
    row, column = 1 * 6 + 2, 3 * 8 + 3
    at = QPointF((column + 0.5) / 64 * area.width(), (row + 0.5) / 36 * area.height())
    assert view.picture.place_at(at) == (row, column)
    view.picture.pointed.emit(row, column)
    assert view.line.whole.startswith("output [1, 2], input [3, 3]: k[2, 1] = ")
    view.picture.pointed.emit(0, 63)
    assert view.line.whole == "output [0, 0], input [7, 7]: zero, it does not look there"


def test_too_large_a_matrix_is_refused_with_a_way_out(qtbot: QtBot) -> None:
    session = Session(EXAMPLES["lenet5"].graph)
    view = seen(qtbot, session, "conv_1")
    assert view.matrix is not None
    assert view.matrix.places.shape == (784, 784)
    view.parts["all"].setChecked(True)
    view.show_snapshot(moment(session, view))
    assert view.empty_text == ("The matrix of conv_1 has 4,704 × 784 places, too many to draw. "
                               "Above, choose one filter or crop the input.")
    view.crop.setChecked(True)
    view.show_snapshot(moment(session, view))
    assert view.empty_text == ""
    assert view.matrix.x == (1, 8, 8)
    assert view.matrix.places.shape == (6 * 64, 64)


def test_a_mirrored_border_has_no_matrix(qtbot: QtBot) -> None:
    layer = Conv2D(channels=4, activation="relu", padding=(1, 1), padding_mode="reflect")
    session = Session(GRAPH.with_layer("conv_1", layer).with_layer(
        "conv_2", msgspec.structs.replace(layer, padding_mode="zeros")))
    assert "not zeros" in seen(qtbot, session, "conv_1").empty_text
    assert seen(qtbot, session, "conv_2").empty_text == ""


def test_groups_and_strides_have_blocks(qtbot: QtBot) -> None:
    layer = Conv2D(channels=4, kernel=(3, 2), stride=(2, 1), groups=2, padding=(1, 0))
    places = weight_places(layer, (4, 2, 3, 2), (4, 5, 4))
    by_block = places.reshape(4, -1, 4, 20)
    assert np.all(by_block[:2, :, 2:] < 0)
    assert np.all(by_block[2:, :, :2] < 0)
    assert np.unique(places).tolist() == list(range(-1, 48))


# -- pooling --------------------------------------------------------------------------------------


def test_a_pooling_routes_what_the_training_routed(qtbot: QtBot, session: Session) -> None:
    """The gradient before is the transposed matrix times the gradient after, in the real step."""
    for node, before in (("largest", "conv_1"), ("mean", "conv_2")):
        view = MatrixView()
        view.sample.setValue(3)
        view.filter.setValue(2)
        seen(qtbot, session, node, view)
        assert view.matrix is not None
        dy = session.values(f"{node}.dy")[3, 2].ravel()
        dx = session.values(f"{before}.dy")[3, 2].ravel()
        assert np.abs(dx).max() > 0
        np.testing.assert_allclose(view.matrix.values.T @ dy, dx, rtol=1e-4,
                                   atol=1e-6 * np.abs(dx).max())
        assert [tile.caption for tile in view.small.tiles] == ["x", "∂y", "∂x"]
        row = view.matrix.values[4]
        assert sorted(row[row != 0]) == ([1] if node == "largest" else [0.25] * 4)


def test_pooling_says_where_a_gradient_goes(qtbot: QtBot, session: Session) -> None:
    view = seen(qtbot, session, "mean")
    assert view.line.whole == "9 × 36 places: 288 zeros (89 %), 4 in a row, nothing to learn"
    view.picture.pointed.emit(4, 2 * 6 + 2)
    assert view.line.whole == "output [1, 1], input [2, 2]: 25 % of the gradient goes there"
    view = seen(qtbot, session, "largest")
    column = int(np.flatnonzero(view.matrix.values[4])[0])
    view.picture.pointed.emit(4, column)
    assert view.line.whole.endswith("all of the gradient goes there")


def test_pointing_at_a_gradient_marks_its_row(qtbot: QtBot, session: Session) -> None:
    view = seen(qtbot, session, "largest")
    # The 3×3 gradient is drawn as large as the 6×6 values.
    view.small.pointed.emit(1, 3, 5)
    assert view.picture.over == (1 * 3 + 2, -1)
    view.small.pointed.emit(0, 3, 5)
    assert view.picture.over == (-1, 3 * 6 + 5)
    view.small.pointed.emit(-1, -1, -1)
    assert view.picture.over == (-1, -1)


def test_a_pooling_waits_for_a_sample(qtbot: QtBot) -> None:
    view = seen(qtbot, Session(GRAPH), "largest")
    assert view.empty_text.startswith("Press Run or Step")


# -- the rest -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["one", "all"])
def test_numbers_can_be_saved(qtbot: QtBot, session: Session, mode: Any) -> None:
    view = seen(qtbot, session, "conv_1")
    view.parts[mode].setChecked(True)
    view.show_snapshot(moment(session, view))
    rows = view.csv().splitlines()
    assert len(rows) == 1 + (36 if mode == "one" else 144)
    assert rows[0].count("input") == 64


def test_a_network_without_any_says_so(qtbot: QtBot) -> None:
    graph: Graph = EXAMPLES["mlp-spiral"].graph
    assert "convolution or pooling" in seen(qtbot, Session(graph), "dense_1").empty_text
