"""Every example of the gallery reaches its mark with its shipped seeds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from playground import document
from playground.examples import EXAMPLES
from playground.examples.base import Example
from playground.examples.measures import MEASURES
from playground.graph import Edge
from playground.headless import train
from playground.session import Session
from playground.shapes import check, machine_memory
from playground.summary import MB, summarize

BY_NAME = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)


@BY_NAME
def test_reaches_its_mark(example: Example) -> None:
    if 5 * MB * summarize(example.graph).total_mb > machine_memory():
        pytest.skip("too little memory for a network of this size")
    outcome = train(example.graph, steps=example.mark.steps, epochs=example.mark.epochs,
                    saved=example.state)
    assert outcome.state == "done", outcome.message
    value = MEASURES[example.mark.metric](outcome)
    assert example.mark.holds(value), f"{value:.4f}, wanted {example.mark}"


def test_the_gallery_has_what_the_readme_names() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    assert [name for name in EXAMPLES if f"| `{name}` |" not in text] == []
    assert list(EXAMPLES) == [example.name for example in EXAMPLES.values()]


@BY_NAME
def test_is_ready_to_run_and_says_what_to_press(example: Example) -> None:
    result = check(example.graph)
    assert result.trainable
    assert not result.errors
    assert example.note.startswith("# ")
    assert "**Press Space" in example.note
    assert "**Try.**" in example.note or "**The way out.**" in example.note or (
        "**Compare with" in example.note)


@BY_NAME
def test_survives_saving(example: Example, tmp_path: Path) -> None:
    document.save(tmp_path / "x.playground", example.graph)
    loaded = document.load(tmp_path / "x.playground")
    assert loaded.graph == example.graph
    assert not loaded.notes


@BY_NAME
def test_nodes_do_not_overlap(example: Example) -> None:
    places = [(node.x, node.y) for node in example.graph.nodes]
    for i, (x, y) in enumerate(places):
        for other_x, other_y in places[:i]:
            assert abs(x - other_x) >= 200 or abs(y - other_y) >= 150


def test_the_way_out_of_xor_is_one() -> None:
    """What the note of perceptron-xor promises."""
    from playground.layers.core import Dense

    graph = EXAMPLES["perceptron-xor"].graph
    graph = graph.without_edges([Edge("xor_1", 0, "dense_1", 0)])
    graph = graph.with_node(Dense(units=8, activation="tanh"))
    graph = graph.connect("xor_1", "dense_2").connect("dense_2", "dense_1")
    assert train(graph, steps=1000).validation.metric > 0.95


def test_skip_connections_are_worth_ten_points() -> None:
    """The two have the same layers but for the additions, and train for the same steps."""
    plain, residual = (EXAMPLES[name] for name in ("plain-deep", "resnet"))
    assert plain.mark.epochs == residual.mark.epochs
    assert plain.graph.training == residual.graph.training
    assert summarize(plain.graph).parameters == summarize(residual.graph).parameters
    layers = [n for n in residual.graph.nodes if n.layer.kind in ("conv2d", "dense")]
    assert len(layers) >= 30
    for example in (plain, residual):  # neither begins worse off
        session = Session(example.graph)
        session.run(20)
        losses = session.history.view().high("loss")
        assert abs(losses[0] - math.log(10)) < 0.6, example.name
        assert losses.max() < 3, example.name
    below, above = (train(e.graph, epochs=e.mark.epochs).validation.metric
                    for e in (plain, residual))
    assert above >= below + 0.1
