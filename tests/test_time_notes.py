"""What is told of layers that want the channels of a sequence first, as Conv1D."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from playground.graph import Graph
from playground.layers.base import LAYERS, help_of, make_layer
from playground.shapes import check
from tests.networks import Step

ALONG_LENGTH = ("conv1d", "max_pool1d", "avg_pool1d", "global_avg_pool1d", "global_max_pool1d")
WORDS = ("slot_filling", {"count": 50}), ("embedding", {"vocabulary": 64, "dimension": 6})


def noted(*steps: Step) -> list[str]:
    """The nodes that are told of time steps taken for channels."""
    graph = Graph()
    for kind, settings in steps:
        before = graph.nodes[-1].id if graph.nodes else ""
        graph = graph.with_node(make_layer(kind, settings))
        if before:
            graph = graph.connect(before, graph.nodes[-1].id)
    checked = check(graph)
    assert not checked.errors
    return [id for id, notes in checked.notes.items()
            if any("time steps for channels" in note for note in notes)]


@pytest.mark.parametrize("kind", ALONG_LENGTH)
def test_time_steps_that_are_taken_for_channels_are_told(kind: str) -> None:
    turn = ("permute", {"axes": [2, 1]})
    for before in (WORDS, (("adding", {"count": 50}),),
                   (("sines", {"count": 50}), ("gru", {"units": 4, "returns": "sequence"})),
                   (*WORDS, ("dropout", {}), ("dense", {"units": 3}))):
        (told,) = noted(*before, (kind, {"kernel": 2} if kind == "conv1d" else {}))
        assert told.startswith(LAYERS[kind].stem)
        assert not noted(*before, turn, (kind, {}))
    assert not noted(*WORDS, turn, ("conv1d", {"padding": "same"}), ("relu", {}), (kind, {}))


def test_the_note_names_both_ways_to_read_it() -> None:
    graph = Graph().with_node(make_layer("adding", {"count": 50, "steps": 9}))
    graph = graph.with_node(make_layer("conv1d", {"kernel": 1})).connect("adding_1", "conv_1")
    assert [note for note in check(graph).notes["conv_1"] if "channels" in note] == [
        "Takes the 9 time steps for channels, and goes along the features of each (2): its input "
        "is (time, features), and it wants (channels, length). Put a Permute to 2, 1 before it, "
        "and one after it for what goes along time."]


@pytest.mark.parametrize(("lengths", "told"), [("", []), ("lengths", ["conv_1"])])
def test_arrays_of_a_file_may_have_their_channels_first(
        tmp_path: Path, lengths: str, told: list[str]) -> None:
    np.savez(tmp_path / "mine.npz", x=np.random.default_rng(1).random((20, 3, 8)),
             y=np.arange(20) % 2, lengths=np.full(20, 2))
    data = ("file", {"path": str(tmp_path / "mine.npz"), "lengths_key": lengths})
    assert noted(data, ("conv1d", {})) == told


@pytest.mark.parametrize("kind", ALONG_LENGTH)
def test_the_help_tells_the_way_out(kind: str) -> None:
    assert any("(time, features): put a Permute" in text for text in help_of(LAYERS[kind]))
