"""Layers made as large as other data want them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.fitting import fitted
from playground.graph import Graph
from playground.layers.base import make_layer
from playground.layers.sequence_data import Characters
from playground.shapes import check


def text_of(folder: Path, count: int) -> str:
    """A file of so many different characters."""
    path = folder / f"{count}.txt"
    path.write_text("".join(map(chr, range(0x4e00, 0x4e00 + count))) * 20, encoding="utf-8")
    return str(path)


def sizes(graph: Graph) -> tuple[int, int]:
    return (graph.node("embedding_1").layer.vocabulary, graph.node("dense_1").layer.units)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["char-lstm", "transformer"])
@pytest.mark.parametrize("count", [30, 70])
def test_a_network_reads_another_text(tmp_path: Path, name: str, count: int) -> None:
    graph = EXAMPLES[name].graph
    (data,) = [node for node in graph.nodes if isinstance(node.layer, Characters)]
    (reader,) = [node for node in graph.nodes if node.layer.kind == "embedding"]
    other = graph.with_layer(data.id, data.layer.with_settings(path=text_of(tmp_path, count)))
    found = fitted(other, data.id)
    assert check(found).trainable, check(found).graph_error
    changed = {node.id for node in found.nodes if node.layer != other.node(node.id).layer}
    assert len(changed) == (1 if count == 30 else 2)
    assert (reader.id in changed) == (count == 70), "more rows than symbols is no error"
    assert fitted(found, data.id) == found
    assert fitted(graph, data.id) == graph


def test_classes_of_any_data_give_the_outputs(tmp_path: Path) -> None:
    graph = EXAMPLES["mlp-spiral"].graph
    data, dense = graph.nodes[0].id, graph.nodes[-2].id
    np.savez(tmp_path / "a.npz", x=np.random.default_rng(0).random((40, 2)), y=np.arange(40) % 4)
    found = fitted(graph.with_layer(data, make_layer(
        "file", {"path": str(tmp_path / "a.npz")})), data)
    assert found.node(dense).layer.units == 4  # type: ignore[union-attr]
    assert check(found).trainable


def test_what_it_cannot_know_stays(tmp_path: Path) -> None:
    graph = EXAMPLES["char-lstm"].graph
    gone = graph.with_layer("text_1", Characters(path=str(tmp_path / "gone.txt")))
    assert fitted(gone, "text_1") == gone
    own = Characters(path=text_of(tmp_path, 70), predict="each", steps=50)
    assert sizes(fitted(graph.with_layer("text_1", own), "dense_1")) == (44, 44), "not its data"
    # Between Dense and loss stands what makes another number of outputs.
    edge = graph.inputs_of("loss_1")[0]
    wider = graph.without_edges([edge]).with_node(
        make_layer("embedding", {}), id="other").with_layer("text_1", own)
    assert sizes(fitted(wider, "text_1")) == (70, 44), "no loss asks for it"
    last = Characters(path=own.path, steps=50)  # one answer, where the network gives one for each
    assert sizes(fitted(graph.with_layer("text_1", last), "text_1"))[0] == 70
