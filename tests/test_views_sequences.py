"""Predictions of sequences: words with their labels, and forecasts as curves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.graph import Graph
from playground.layers.base import make_layer
from playground.probes import answer
from playground.session import Session
from playground.snapshot import Predictions, PredictionsProbe, Snapshot, StepPredictions
from playground.snapshot_maker import SnapshotMaker
from tests import time_graphs
from tests.shown_views import shown
from ui import theme as themes
from ui.views.forecasts import ForecastGrid, is_forecast
from ui.views.output import OutputView
from ui.views.predictions import judge
from ui.views.token_rows import SIDE, TokenRows, words_of


@pytest.fixture(autouse=True)
def _dark(qapp: QApplication) -> None:
    themes.apply(qapp, "dark")


def words() -> Predictions:
    """Two sentences of up to four words: the second is shorter, and has a mistake."""
    steps = StepPredictions(np.array([[0, 1, 0, 2], [1, 0, -1, -1]]),
                            np.array([[0, 1, 0, 2], [2, 0, 1, 1]]),
                            np.full((2, 4), 0.75, np.float32))
    return Predictions(np.array([[1, 2, 3, 4], [2, 1, 0, 0]], np.float32),
                       np.array([2, 0], np.float32), np.eye(3, dtype=np.float32)[[2, 0]],
                       ("other", "to", "from"), ("(end)", "go", "rome", " ", "oslo"), steps)


def output(qtbot: QtBot, graph: Graph) -> tuple[Any, Session]:
    session = Session(graph)
    session.run(2)
    view = shown(qtbot, OutputView())
    maker = SnapshotMaker(session)
    view.snapshot = maker.make(Snapshot(state="paused"), ())
    view.show_snapshot(maker.make(Snapshot(state="paused"), view.probes()))
    return view, session


def test_padding_is_no_word_and_one_answer_stands_below_the_last_one() -> None:
    p = words()
    steps = StepPredictions(np.array([[2], [0]]), np.array([[2], [1]]),
                            np.full((2, 1), 0.5, np.float32))
    found = replace(p, steps=steps, lengths=np.array([4, 2]))
    assert [[(w.text, w.truth, w.said) for w in words_of(found, i)] for i in range(2)] == [
        [("go", "", ""), ("rome", "", ""), ("␣", "", ""), ("oslo", "from", "from")],
        [("rome", "", ""), ("go", "other", "to")]]
    assert words_of(replace(found, lengths=np.array([0, 0])), 0) == []


# -- what is asked of the training thread ---------------------------------------------------------


def test_every_step_is_predicted_as_the_network_says() -> None:
    session = Session(time_graphs.slots())
    session.run(2)
    p = answer(session, PredictionsProbe(count=6))
    assert p is not None
    x, target = session.data.x_validation[:6], session.data.target_validation[:6]
    out = session.evaluator.predict(x).reshape(6, 14, 4)
    np.testing.assert_array_equal(p.steps.target, target)
    np.testing.assert_array_equal(p.steps.said, out.argmax(axis=2))
    np.testing.assert_allclose(p.steps.sure, out.max(axis=2))
    np.testing.assert_array_equal(p.x, x[:, :14])
    assert p.vocabulary[int(p.x[0, 0])].isalpha()
    assert p.classes[1] == "destination"


def test_one_answer_to_words_stands_at_the_last_one() -> None:
    settings: dict[str, object] = {"steps": 8, "predict": "last"}
    classes = len(make_layer("characters", settings).dataset().classes)  # type: ignore
    graph = time_graphs.chain(
        "characters", settings, ("embedding", {"vocabulary": 128}), ("elman", {}),
        ("dense", {"units": classes}), ("softmax_cross_entropy", {}))
    p = answer(Session(graph), PredictionsProbe(count=3))
    assert p is not None
    assert p.steps.target.shape == (3, 1)
    made = words_of(p, 0)
    assert [bool(word.truth) for word in made] == [False] * 7 + [True]
    assert not any(word.text in (" ", "\n") for word in made)


# -- words ----------------------------------------------------------------------------------------


def test_filling_is_left_out_and_what_nobody_sees_is_shown() -> None:
    first, second = words_of(words(), 0), words_of(words(), 1)
    assert [(w.text, w.truth, w.said, w.wrong) for w in second] == [
        ("rome", "to", "from", True), ("go", "other", "other", False)]
    assert [w.text for w in first] == ["go", "rome", "␣", "oslo"]
    assert not any(w.wrong for w in first)


def test_judged_by_the_share_of_wrong_steps() -> None:
    judged = judge(words())
    assert judged.wrong.tolist() == [False, True]
    assert judged.badness.tolist() == [0, 0.5]


def test_words_wrap_and_tell_what_they_are(qtbot: QtBot) -> None:
    rows = TokenRows()
    qtbot.addWidget(rows)
    rows.resize(140, 300)
    rows.show()
    told: list[str] = []
    rows.pointed.connect(told.append)
    rows.show_steps(words(), [1, 0], start=24)
    assert rows.numbers == [25, 24]
    assert len({word.y for word in rows.rows[1]}) > 1, "too narrow for one line"
    wrong = rows.rows[0][0]
    assert wrong.x == SIDE
    found = rows.word_at(QPointF(wrong.x + 2, wrong.y + 2))
    assert found is not None
    assert found == (25, wrong)
    qtbot.mouseMove(rows.viewport(), QPointF(wrong.x + 3, wrong.y + 5).toPoint())
    qtbot.waitUntil(lambda: bool(told))
    assert told[-1] == "sample 25, t = 0: rome is to, says from 75 %, wrong"
    assert not rows.grab().isNull()


def test_slot_filling_opens_on_its_sentences(qtbot: QtBot) -> None:
    view, session = output(qtbot, time_graphs.slots())
    assert view.mode() == "predictions"
    panel = view.predictions
    assert panel._pages.currentWidget() is panel.words
    asked = session.data.target_validation[:24]
    total = int((asked >= 0).sum())
    assert panel.told.text().endswith(f" of {total:,} steps wrong")
    wrong = sum(word.wrong for row in panel.words.rows for word in row)
    assert f"· {wrong:,} of" in panel.told.text()
    assert sum(bool(word.truth) for row in panel.words.rows for word in row) == total
    view.worst.setChecked(True)
    shares = [np.mean([word.wrong for word in row if word.truth]) for row in panel.words.rows]
    assert shares == sorted(shares, reverse=True)


# -- forecasts ------------------------------------------------------------------------------------


def series(each: bool) -> Predictions:
    x = np.arange(12, dtype=np.float32).reshape(2, 6, 1)
    return (Predictions(x, x + 1, x + 2, ()) if each else
            Predictions(x, x[:, -1] + 1, x[:, -1] + 3, ()))


def test_what_a_forecast_is() -> None:
    assert is_forecast(series(True))
    assert is_forecast(series(False))
    x = np.zeros((2, 6, 2), np.float32)
    assert not is_forecast(Predictions(x, x[:, 0, :1], x[:, 0, :1], ())), "a sum is no forecast"


@pytest.mark.parametrize("each", [True, False])
def test_forecasts_tell_their_numbers_and_enlarge(qtbot: QtBot, each: bool) -> None:
    grid = ForecastGrid()
    qtbot.addWidget(grid)
    grid.resize(400, 200)
    grid.show()
    told: list[str] = []
    grid.pointed.connect(told.append)
    grid.show_forecasts(series(each), [1, 0], start=0)
    (_, first), (_, second) = grid.rects()
    assert not first.intersects(second)
    last = 5 if each else 6
    end = QPointF(first.right() - 8, first.center().y())
    assert grid.place_at(end) == (0, last)
    qtbot.mouseMove(grid, end.toPoint())
    qtbot.waitUntil(lambda: bool(told))
    came, said = ("12", "13") if each else ("12", "14")
    assert told[-1] == f"sample 1, t = {last}: {came}, the network says {said}"
    qtbot.mousePress(grid, Qt.MouseButton.LeftButton, pos=first.center().toPoint())
    assert grid.alone == 0
    assert len(grid.rects()) == 1
    assert not grid.grab().isNull()


def test_a_forecast_that_is_not_finite_is_a_red_cross(qtbot: QtBot) -> None:
    grid = ForecastGrid()
    qtbot.addWidget(grid)
    grid.resize(300, 120)
    p = series(True)
    p.output[0, 3] = np.nan

    def reds() -> int:
        """Pixels of a colour that is neither orange nor blue."""
        image = grid.grab().toImage()
        colors = [image.pixelColor(x, y) for x in range(image.width())
                  for y in range(image.height())]
        return sum(c.red() - c.green() > 60 and abs(c.green() - c.blue()) < 15 for c in colors)

    grid.show_forecasts(p, [1], 0)
    assert reds() == 0
    grid.show_forecasts(p, [0], 0)
    assert reds() > 0


def test_waves_open_on_their_curves(qtbot: QtBot) -> None:
    view, session = output(qtbot, time_graphs.waves())
    panel = view.predictions
    assert view.mode() == "predictions"
    assert panel._pages.currentWidget() is panel.curves
    out = session.evaluator.predict(session.data.x_validation[:24])
    np.testing.assert_allclose(panel.curves.said, out.reshape(24, 40), rtol=1e-5)
    error = np.abs(out.reshape(24, 40) - session.data.target_validation[:24, :, 0]).mean()
    assert panel.told.text().endswith(f"mean error {error:.3g}")
