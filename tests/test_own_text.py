"""A text of one's own, from the file to what the network writes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from playground import document
from playground.examples import EXAMPLES
from playground.fitting import fitted
from playground.graph import Graph
from playground.layers.sequence_data import Characters
from playground.session import Session
from playground.shapes import check
from playground.snapshot import Snapshot, WeightsProbe
from playground.weights import copy_weights
from tests.reopened import reopened
from tests.shown_views import shown
from ui.canvas.face import CHOOSE, LOOK_AGAIN, ways_out
from ui.views.text import TextView

RHYME = "Eene, meene, miste,\nes rappelt in der Kiste.\nEene, meene, mu:\nund raus bist du!\n\n"


def network(path: Path) -> Graph:
    """The example, with a text of one's own."""
    graph = EXAMPLES["char-lstm"].graph
    layer = graph.node("text_1").layer
    assert isinstance(layer, Characters)
    own = layer.with_settings(path=str(path), stride=3, lower_case=False)
    return fitted(graph.with_layer("text_1", own), "text_1")


@pytest.fixture
def rhyme(tmp_path: Path) -> Path:
    path = tmp_path / "rhyme.txt"
    path.write_text(RHYME * 12, encoding="utf-8")
    return path


def test_it_is_learned_and_written_on(qtbot: QtBot, rhyme: Path) -> None:
    session = Session(network(rhyme))
    session.run(120)
    assert session.measured("loss") < 1.0
    weights = copy_weights(session.program, session.arena, session.step)
    view: TextView = shown(qtbot, TextView(), Snapshot(
        state="running", program=session.program, step=session.step,
        values={WeightsProbe(): weights}))
    view.temperature.setValue(0)
    view.length.setValue(40)
    qtbot.waitUntil(lambda: not view.work.busy and len(view.text) == 40, timeout=60_000)
    written = view.prompt.text() + "".join(sorted(set(RHYME))[w.symbol] for w in view.text)
    assert view.prompt.text().strip() in RHYME
    words = written.split()[:-1]
    assert np.mean([word in RHYME.split() for word in words]) > 0.7


def test_it_goes_on_where_it_was_saved_and_moves_with_its_text(rhyme: Path, tmp_path: Path) -> None:
    session = Session(network(rhyme))
    session.run(4)
    again = reopened(session, tmp_path)
    for each in (session, again):
        each.run(4)
    assert again.saved_state().same_as(session.saved_state())
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    document.save(tmp_path / "net.json", session.graph)
    for name in ("net.json", "rhyme.txt"):
        os.rename(tmp_path / name, moved / name)
    found = document.load(moved / "net.json").graph
    assert found.node("text_1").layer.path == str(moved / "rhyme.txt")  # type: ignore[union-attr]
    assert check(found).trainable


def test_a_text_that_has_changed_says_what_must_grow(rhyme: Path) -> None:
    graph = network(rhyme)
    assert check(graph).trainable
    rhyme.write_text("".join(map(chr, range(0x4e00, 0x4e50))) * 9, encoding="utf-8")
    errors = check(graph).errors
    assert "The data has 80 symbols" in errors["embedding_1"]
    assert "Set its vocabulary to 80" in errors["embedding_1"]
    assert check(fitted(graph, "text_1")).trainable


def test_a_text_that_is_away_is_told_with_the_ways_out(rhyme: Path) -> None:
    graph = network(rhyme)
    rhyme.unlink()
    assert "rhyme.txt' does not exist" in check(graph).errors["text_1"]
    assert ways_out(graph.node("text_1").layer) == (LOOK_AGAIN, CHOOSE)
