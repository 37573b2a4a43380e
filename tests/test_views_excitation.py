"""The panel What excites, and work on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from playground.examples import EXAMPLES
from playground.excitation import Ascent, Excitation
from playground.session import Session
from playground.snapshot import Snapshot, WeightsProbe
from playground.weights import Weights, copy_weights
from tests.shown_views import shown
from ui.background import Background
from ui.views.excitation import FIRST_CLIMB, STEPS_SHOWN, ExcitationView


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session(EXAMPLES["cnn-digits"].graph)
    session.run(100)
    return session


def weights_of(session: Session) -> Weights:
    return copy_weights(session.program, session.arena, session.step)


def moment(session: Session, **changes: Any) -> Snapshot:
    """A snapshot that has brought the weights."""
    return replace(Snapshot(state="paused", program=session.program, step=session.step,
                            values={WeightsProbe(): weights_of(session)}), **changes)


def grown(qtbot: QtBot, session: Session) -> ExcitationView:
    view: ExcitationView = shown(qtbot, ExcitationView(), moment(session))
    finish(qtbot, view)
    return view


def finish(qtbot: QtBot, view: ExcitationView) -> None:
    qtbot.waitUntil(lambda: not view.work.busy, timeout=60_000)


# -- the panel ------------------------------------------------------------------------------------


def test_patterns_of_all_units_grow(qtbot: QtBot, session: Session) -> None:
    view = grown(qtbot, session)
    made = Excitation(weights_of(session), "conv_1", range(16))
    for _ in range(FIRST_CLIMB):
        made.step()
    assert view.growth is not None
    np.testing.assert_array_equal(view.growth.patterns, made.patterns)
    np.testing.assert_array_equal(view.growth.values, made.values)
    assert len(view.all.values) == 16
    assert len(view.one.values) == 2
    assert len(view.growth.trace) == FIRST_CLIMB // STEPS_SHOWN + 1
    assert np.all(view.growth.trace[-1] > view.growth.trace[0])
    best = made.responses(made.bounded(session.data.x_validation[:200]))
    np.testing.assert_array_equal(view.growth.numbers, best.argmax(axis=0))


def test_it_asks_for_weights_only_when_it_can_use_them(qtbot: QtBot, session: Session) -> None:
    view = ExcitationView()
    shown(qtbot, view, replace(moment(session), values={}))
    assert view.wanted() == {WeightsProbe()}
    view.show_snapshot(moment(session))
    assert view.work.busy
    assert view.wanted() == frozenset()
    finish(qtbot, view)
    assert view.wanted() == frozenset()
    # A step later it goes on from where it is, after a rest.
    later = replace(moment(session), step=session.step + 1, values={})
    view.show_snapshot(later)
    qtbot.waitUntil(lambda: view.wanted() == {WeightsProbe()})
    assert view.growth is not None
    before = len(view.growth.trace)
    weights = replace(weights_of(session), step=session.step + 1)
    view.show_snapshot(replace(later, values={WeightsProbe(): weights}))
    finish(qtbot, view)
    assert len(view.growth.trace) > before


def test_a_click_chooses_a_unit(qtbot: QtBot, session: Session) -> None:
    view = grown(qtbot, session)
    assert view.growth is not None
    view.all.clicked.emit(5)
    # Of 8×8 pixels a unit of conv_1 sees 3×3.
    wanted = view.growth.patterns[5, 0, 3:6, 3:6]
    np.testing.assert_allclose(view.one.values[0], wanted / np.abs(wanted).max(), rtol=1e-5)
    assert "unit 5" in view.header.note.whole
    assert "unit 5" in view.reading.whole
    view.all.pointed.emit(3, 0, 0)
    assert "unit 3" in view.reading.whole


def test_other_settings_grow_other_patterns(qtbot: QtBot, session: Session) -> None:
    view = grown(qtbot, session)
    assert view.growth is not None
    before = view.growth.patterns.copy()
    view.place.setCurrentIndex(1)
    view.show_snapshot(moment(session))
    finish(qtbot, view)
    made = Excitation(weights_of(session), "conv_1", range(16), Ascent(place="map"))
    for _ in range(FIRST_CLIMB):
        made.step()
    np.testing.assert_array_equal(view.growth.patterns, made.patterns)
    assert np.abs(view.growth.patterns - before).max() > 0.1


def test_the_selected_node_is_shown_if_it_has_patterns(qtbot: QtBot, session: Session) -> None:
    view = grown(qtbot, session)
    view.select("dense_1")
    assert view.node() == "dense_1"
    view.select("digits_1")
    assert view.node() == "conv_1"
    view.select("dense_1")
    view.show_snapshot(moment(session))
    finish(qtbot, view)
    assert view.growth is not None
    assert len(view.growth.values) == 10


def test_hidden_it_does_not_work(qtbot: QtBot, session: Session) -> None:
    view = ExcitationView()
    shown(qtbot, view, moment(session))
    view.hide()
    assert not view.work.busy


@pytest.mark.parametrize(("example", "words"), [
    ("char-lstm", "symbols"), ("vgg16", "too many")])
def test_networks_without_patterns_say_why(qtbot: QtBot, example: str, words: str) -> None:
    from playground.compiler import compile_program

    program = compile_program(EXAMPLES[example].graph)
    view = shown(qtbot, ExcitationView(), Snapshot(state="paused", program=program))
    assert words in view.empty_text
    assert view.wanted() == frozenset()


def test_numbers_can_be_saved(qtbot: QtBot, session: Session) -> None:
    rows = grown(qtbot, session).csv().splitlines()
    assert rows[0].startswith("unit,answer,best image,its answer")
    assert len(rows) == 17


# -- the thread -----------------------------------------------------------------------------------


def test_work_is_done_elsewhere_and_its_last_piece_comes(qtbot: QtBot) -> None:
    background, seen, threads = Background(), [], set()
    background.came.connect(seen.append)

    def work() -> Iterator[object]:
        for piece in range(5):
            threads.add(threading.current_thread())
            yield piece

    with qtbot.waitSignal(background.ended):
        background.start(work)
        assert background.busy
    assert seen[-1] == 4
    assert seen == sorted(seen)
    assert threading.current_thread() not in threads
    assert not background.busy


def test_newer_work_takes_the_place_of_older(qtbot: QtBot) -> None:
    background, seen, going = Background(), [], threading.Event()
    background.came.connect(seen.append)

    def endless() -> Iterator[object]:
        while True:
            going.set()
            time.sleep(0.001)
            yield "old"

    background.start(endless)
    going.wait(5)
    with qtbot.waitSignal(background.ended):
        background.start(lambda: iter(["new"]))
    assert seen == ["new"]


def test_a_fault_is_told(qtbot: QtBot) -> None:
    background = Background()

    def work() -> Iterator[object]:
        yield 1
        raise ValueError("no")

    with qtbot.captureExceptions() as caught, qtbot.waitSignal(background.ended):
        background.start(work)
    assert [str(error) for _, error, _ in caught] == ["no"]
