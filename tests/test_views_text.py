"""The panel Text: prompts, temperature, live writing, and what else was possible."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from pytestqt.qtbot import QtBot

from playground.evaluator import Evaluator
from playground.examples import EXAMPLES
from playground.layers.unrolled import RecurrentLayer
from playground.sampling import continued, numbers_of, sees_ahead
from playground.session import Session
from playground.snapshot import Snapshot, WeightsProbe
from playground.weights import Weights, copy_weights
from tests.shown_views import shown
from ui.views.text import TextView
from ui.views.written import surprise


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session(EXAMPLES["transformer"].graph)
    session.run(60)
    return session


def weights_of(session: Session) -> Weights:
    return copy_weights(session.program, session.arena, session.step)


def moment(session: Session) -> Snapshot:
    return Snapshot(state="running", program=session.program, step=session.step,
                    values={WeightsProbe(): weights_of(session)})


def finish(qtbot: QtBot, view: TextView) -> None:
    qtbot.waitUntil(lambda: not view.work.busy, timeout=60_000)


def writes(qtbot: QtBot, session: Session) -> TextView:
    view: TextView = shown(qtbot, TextView(), moment(session))
    finish(qtbot, view)
    return view


def by_hand(session: Session, view: TextView, temperature: float, seed: int = 0) -> list[int]:
    numbers, _ = numbers_of(view.prompt.text(), session.data.dataset.vocabulary)
    return [w.symbol for w in continued(
        Evaluator(session.program, session.arena), numbers, view.length.value(), temperature,
        seed, before=session.data.x_validation[0])]


def test_it_writes_what_the_network_says(qtbot: QtBot, session: Session) -> None:
    view = writes(qtbot, session)
    assert view.prompt.text() == "it is a truth "
    assert [w.symbol for w in view.text] == by_hand(session, view, 0.6)
    vocabulary = session.data.dataset.vocabulary
    whole = "it is a truth " + "".join(vocabulary[w.symbol] for w in view.text)
    assert view.written.toPlainText() == whole
    assert view.written.written().selectedText().replace("\u2029", "\n") == whole[14:]


def test_a_network_that_sees_the_future_says_why_it_cannot_write(qtbot: QtBot) -> None:
    graph = EXAMPLES["transformer"].graph
    for id in ("attention_1", "attention_2"):
        graph = graph.with_layer(id, msgspec.structs.replace(graph.node(id).layer, causal=False))
    session = Session(graph)
    view = writes(qtbot, session)
    assert "cannot write" in view.empty_text
    assert "Causal" in view.empty_text
    assert not view.text
    assert view.probes() == frozenset()
    # With the network put right, it writes.
    view.show_snapshot(moment(Session(EXAMPLES["transformer"].graph)))
    finish(qtbot, view)
    assert view.empty_text == ""
    assert len(view.text) == view.length.value()


def test_both_directions_of_a_recurrent_layer_see_the_future() -> None:
    for both in (False, True):
        graph = EXAMPLES["char-lstm"].graph
        for node in graph.nodes:
            if isinstance(node.layer, RecurrentLayer):
                graph = graph.with_layer(node.id, node.layer.with_settings(
                    bidirectional=both, layers=1, units=8, returns="sequence"))
        session = Session(graph)
        window = session.data.x_validation[0]
        assert sees_ahead(Evaluator(session.program, session.arena), window) == both


def test_write_writes_another_and_the_temperature_counts(qtbot: QtBot, session: Session) -> None:
    view = writes(qtbot, session)
    before = [w.symbol for w in view.text]
    view.button.click()
    assert view.work.busy
    finish(qtbot, view)
    assert [w.symbol for w in view.text] == by_hand(session, view, 0.6, 1) != before
    view.temperature.setValue(0)
    view.length.setValue(40)
    view.show_snapshot(moment(session))
    finish(qtbot, view)
    assert view.degrees.text() == "temperature 0.00"
    assert len(view.text) == 40
    assert all(w.symbol == w.probabilities.argmax() for w in view.text)


def test_it_writes_again_while_it_trains_and_not_too_often(
        qtbot: QtBot, session: Session) -> None:
    view = writes(qtbot, session)
    assert view.wanted() == frozenset()
    later = replace(moment(session), step=session.step + 1, values={})
    view.show_snapshot(later)
    assert view.wanted() == frozenset()  # It has only just written.
    qtbot.waitUntil(lambda: view.wanted() == {WeightsProbe()})
    view.live.setChecked(False)
    assert view.wanted() == frozenset()
    view.live.setChecked(True)
    weights = replace(weights_of(session), step=session.step + 1)
    view.show_snapshot(replace(later, values={WeightsProbe(): weights}))
    assert view.work.busy
    finish(qtbot, view)
    assert f"step {session.step + 1:,}" in view.header.note.whole


def test_the_training_does_not_notice(qtbot: QtBot) -> None:
    alone, watched = (Session(EXAMPLES["transformer"].graph) for _ in range(2))
    view: TextView = shown(qtbot, TextView())
    for session in (alone, watched):
        session.run(10)
    for _ in range(3):
        view.show_snapshot(moment(watched))
        finish(qtbot, view)
        for session in (alone, watched):
            session.run(5)
        view.write()
    np.testing.assert_array_equal(alone.arena.state, watched.arena.state)


def test_characters_nobody_knows_are_left_out(qtbot: QtBot, session: Session) -> None:
    view = writes(qtbot, session)
    view.prompt.setText("Mr. Ω Bennet ☺")
    view.write()
    view.show_snapshot(moment(session))
    finish(qtbot, view)
    assert view.written.toPlainText().startswith("mr.  bennet ")
    assert view.header.note.whole == "left out: Ω☺"


def test_without_a_prompt_it_goes_on_from_the_validating_text(
        qtbot: QtBot, session: Session) -> None:
    view = writes(qtbot, session)
    view.prompt.clear()
    view.write()
    view.show_snapshot(moment(session))
    finish(qtbot, view)
    assert [w.symbol for w in view.text] == by_hand(session, view, 0.6, 1)


def test_pointing_shows_what_else_was_possible(qtbot: QtBot, session: Session) -> None:
    view = writes(qtbot, session)
    cursor = view.written.textCursor()
    cursor.setPosition(14 + 5)
    place = view.written.cursorRect(cursor)
    point = QPointF(place.left() + 3, place.center().y())
    event = QMouseEvent(QEvent.Type.MouseMove, point, point, Qt.MouseButton.NoButton,
                        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier)
    assert view.written.symbol_at(event) == 5
    view.written.pointed.emit(5)
    vocabulary, written = session.data.dataset.vocabulary, view.text[5]
    assert view.others.drawn == vocabulary[written.symbol]
    assert view.others.drawn in [text for text, _ in view.others.rows]
    assert view.others.rows[0] == (vocabulary[int(written.probabilities.argmax())],
                                   pytest.approx(float(written.probabilities.max())))
    assert len(view.others.rows) == 6


def test_surprise_is_between_nothing_and_all() -> None:
    assert surprise(1.0) == 0
    assert surprise(0.125) == pytest.approx(0.5)
    assert surprise(1e-9) == surprise(0.0) == surprise(float("nan")) == 1


def test_hidden_it_does_not_write(qtbot: QtBot, session: Session) -> None:
    view: TextView = shown(qtbot, TextView(), moment(session))
    view.hide()
    assert not view.work.busy
    assert view.probes() == frozenset()


@pytest.mark.parametrize("example", ["slot-filling", "copy-memory", "series", "cnn-digits"])
def test_networks_that_read_no_text_say_so(qtbot: QtBot, example: str) -> None:
    session = Session(EXAMPLES[example].graph)
    view: TextView = shown(qtbot, TextView(), moment(session))
    assert "Jane Austen" in view.empty_text
    assert view.wanted() == frozenset()


def test_numbers_can_be_saved(qtbot: QtBot, session: Session) -> None:
    view = writes(qtbot, session)
    rows = view.csv().splitlines()
    assert rows[0] == "character,probability,likeliest,its probability"
    assert len(view.text) == 300
