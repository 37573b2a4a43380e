"""Own sequences of words, each asking for the next one: the network writes them on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from pytestqt.qtbot import QtBot

from playground.graph import Graph
from playground.layers.base import make_layer
from playground.sampling import continued, numbers_of, opening_of, sees_ahead, vocabulary_of
from playground.session import Session
from playground.snapshot import Snapshot, WeightsProbe
from playground.training import Adam, Training
from playground.weights import copy_weights
from tests.shown_views import shown
from ui.views.text import TextView

WORDS = ["(none)", "the", "cat", "sees", "dog", "and", "hears", "bird"]
RHYME = ["the", "cat", "sees", "the", "dog", "and", "the", "dog", "hears", "the", "bird", "and"]
COUNT, TIME = 48, 10


def sentences(folder: Path, **more: Any) -> Path:
    """Parts of the rhyme, 3 to 10 words long."""
    own = np.arange(COUNT) % 8 + 3
    x = np.array([[WORDS.index(RHYME[(i + t) % len(RHYME)]) for t in range(TIME + 1)]
                  for i in range(COUNT)])
    x[np.arange(TIME + 1) > own[:, None]] = 0
    y = np.where(np.arange(TIME) < own[:, None], x[:, 1:], -1)
    np.savez(folder / "words.npz", **{
        "x": x[:, :-1], "y": y, "lengths": own, "vocabulary": np.array(WORDS), **more})
    return folder / "words.npz"


def network(path: Path, lengths: str = "lengths", **lstm: Any) -> Graph:
    graph = Graph().with_training(Training(batch=16, optimizer=Adam(learning_rate=0.02)))
    graph = graph.with_node(make_layer("file", {
        "path": str(path), "holds": "symbols", "lengths_key": lengths}), id="data")
    for id, kind, made in (
            ("embedding", "embedding", {"vocabulary": len(WORDS), "dimension": 8}),
            ("lstm", "lstm", {"units": 16, "returns": "sequence", **lstm}),
            ("dense", "dense", {"units": len(WORDS)}), ("loss", "softmax_cross_entropy", {})):
        before = graph.nodes[-1].id
        graph = graph.with_node(make_layer(kind, made), id=id).connect(before, id)
    return graph.connect("data", "lstm", 2, 1) if lengths else graph


@pytest.fixture
def session(tmp_path: Path) -> Session:
    session = Session(network(sentences(tmp_path)))
    session.run(200)
    return session


def written(session: Session, prompt: str, count: int) -> list[str]:
    numbers, unknown = numbers_of(prompt, WORDS)
    assert not unknown
    return [WORDS[w.symbol] for w in continued(
        session.evaluator, numbers, count, 0, before=session.data.x_validation[0])]


def test_it_goes_on_as_the_sentences_do(session: Session) -> None:
    assert vocabulary_of(session.program) == tuple(WORDS)
    text = " ".join(RHYME * 3)
    for prompt in ("the cat sees", "hears the bird and the", " ".join(RHYME + RHYME[:4])):
        # Further than a window: what it has written is what it reads.
        assert f"{prompt} {' '.join(written(session, prompt, 6))}" in f"{text} {text}"


def test_a_prompt_is_asked_at_its_own_end(session: Session) -> None:
    """Whatever follows in the window, and however long the sample was."""
    numbers, _ = numbers_of("The dog Hears", WORDS)
    packed = np.zeros((1, TIME + 1), np.float32)
    packed[0, :3], packed[0, TIME] = numbers, 3
    wanted = session.evaluator.predict(packed)[0].reshape(TIME, -1)[2]
    for before in session.data.x_validation[:4]:
        first = next(continued(session.evaluator, numbers, 1, before=before))
        np.testing.assert_allclose(first.probabilities, wanted, atol=1e-6)


def test_without_a_prompt_it_goes_on_from_the_own_words_of_a_sample(session: Session) -> None:
    before = session.data.x_validation[0]
    own = before[:int(before[TIME])]
    for prompt in (own, np.empty(0, np.float32)):
        first = next(continued(session.evaluator, prompt, 1, before=before))
        assert first.likeliest(1) == next(continued(
            session.evaluator, own, 1, before=before)).likeliest(1)


def test_words_are_read_one_by_one_and_unknown_ones_are_told(session: Session) -> None:
    numbers, unknown = numbers_of("The fish  sees\na Fish cat", WORDS)
    assert [WORDS[int(n)] for n in numbers] == ["the", "sees", "cat"]
    assert unknown == "fish a Fish"
    opening = opening_of(session.program)
    assert opening.strip() in " ".join(RHYME * 2)
    assert opening.endswith(" ") or opening in WORDS


def test_looking_ahead_is_seen_with_lengths_too(session: Session, tmp_path: Path) -> None:
    assert not sees_ahead(session.evaluator, session.data.x_validation[0])
    both = Session(network(tmp_path / "words.npz", bidirectional=True))
    assert all(sees_ahead(both.evaluator, sample) for sample in both.data.x_validation[:4])


def test_only_what_asks_for_the_next_symbol_is_a_text(tmp_path: Path) -> None:
    x = np.load(sentences(tmp_path))["x"]
    whole = np.full_like(x, -1)
    whole[:, :-1] = x[:, 1:]
    plain = Session(network(sentences(tmp_path, y=whole), lengths=""))
    assert vocabulary_of(plain.program) == tuple(WORDS)
    whole[3, 1] = (whole[3, 1] + 1) % len(WORDS)
    other = network(sentences(tmp_path, y=whole, classes=np.array(WORDS)), lengths="")
    assert vocabulary_of(Session(other).program) == ()


def test_the_panel_writes_words(qtbot: QtBot, session: Session) -> None:
    weights = copy_weights(session.program, session.arena, session.step)
    view: TextView = shown(qtbot, TextView(), Snapshot(
        state="running", program=session.program, step=session.step,
        values={WeightsProbe(): weights}))
    view.temperature.setValue(0)
    view.prompt.setText("the cat sees")
    view.length.setValue(20)
    view.write()
    qtbot.waitUntil(lambda: not view.work.busy and len(view.text) == 20, timeout=60_000)
    wanted = ["the", "cat", "sees", *written(session, "the cat sees", 20)]
    assert view.written.toPlainText().split() == wanted
    assert view.length.suffix() == " symbols"
    # The third word that was written, at its second letter.
    view.resize(900, 400)
    cursor = view.written.textCursor()
    cursor.setPosition(len(" ".join(wanted[:5])) + 2)
    place = view.written.cursorRect(cursor)
    event = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(place.center()), QPointF(place.center()),
        Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier)
    assert view.written.symbol_at(event) == 2
    view.written.pointed.emit(2)
    assert view.others.drawn == wanted[5]
    assert view.csv().splitlines()[0] == "symbol,probability,likeliest,its probability"
    view.prompt.setText("the fish sees")
    view.write()
    qtbot.waitUntil(lambda: not view.work.busy)
    assert view.written.toPlainText().startswith("the sees ")
