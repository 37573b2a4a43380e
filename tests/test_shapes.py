"""What is wrong stands, as a sentence, on the node where it begins."""

from __future__ import annotations

import math

import pytest

from playground.graph import Edge, Graph, UnknownLayer
from playground.layers.base import make_layer
from playground.shapes import check, machine_memory, show_bytes
from tests.sketch import chain, dense, spiral


def test_shapes_of_a_chain() -> None:
    result = check(spiral(dense(5), classes=3))
    assert str(result.signals["spiral_1"][0]) == "2"
    assert str(result.signals["spiral_1"][1]) == "classes 0-2"
    assert result.signals["dense_1"][0].shape == (5,)
    assert result.parameters == {"spiral_1": 0, "dense_1": 15, "dense_2": 18,
                                 "loss_1": 0}
    assert result.trainable
    assert result.used == ("spiral_1", "dense_1", "dense_2", "loss_1")


def test_an_error_stands_only_where_it_begins() -> None:
    result = check(chain("digits", dense(5), dense(10), "softmax_cross_entropy"))
    assert list(result.errors) == ["dense_1"]
    assert "Add a Flatten" in result.errors["dense_1"]
    assert not result.trainable
    assert result.graph_error.startswith("dense_1: ")


def test_too_few_outputs_for_the_classes() -> None:
    result = check(chain("iris", dense(2), "softmax_cross_entropy"))
    assert "3" in result.errors["loss_1"]


@pytest.mark.parametrize(("graph", "words"), [
    (Graph(), "canvas is empty"),
    (chain("spiral", dense(2)), "no loss"),
    (chain("relu", "mean_squared_error"), "relu_1: Nothing is connected"),
])
def test_what_a_graph_lacks(graph: Graph, words: str) -> None:
    assert words in check(graph).graph_error


def test_a_loss_that_nothing_is_connected_to_does_not_stop_the_other() -> None:
    graph = spiral(dense(3)).with_node(make_layer("mean_squared_error", {}))
    result = check(graph)
    assert result.losses == ("loss_1",)
    assert result.trainable
    assert "Nothing is connected" in result.errors["loss_2"]


def test_a_node_aside_is_noted_and_does_not_keep_from_training() -> None:
    graph = spiral(dense(3)).with_node(make_layer("relu", {}))
    graph = graph.connect("dense_1", "relu_1").with_node(make_layer("dense", {}))
    result = check(graph)
    assert result.trainable
    assert "takes no part" in result.notes["relu_1"][-1]
    assert "Nothing is connected" in result.errors["dense_3"]


def test_an_unknown_layer_is_an_error_on_its_node() -> None:
    graph = Graph().with_node(UnknownLayer(kind="hologram", raw={"depth": 3}))
    assert "hologram" in check(graph).errors["hologram_1"]


@pytest.mark.parametrize("units", [10**8, 10**9])
def test_absurd_sizes_are_refused_with_the_memory_they_need(units: int) -> None:
    result = check(spiral(dense(units)))
    assert "GB" in result.errors["dense_1"] or "TB" in result.errors["dense_1"]
    assert show_bytes(machine_memory()) in result.errors["dense_1"]
    assert not result.trainable


def test_a_target_can_be_connected_by_hand() -> None:
    graph = spiral(dense(3))
    assert check(graph.with_edge(
        Edge("spiral_1", 1, "loss_1", 1))).trainable


def test_an_autoencoder_compares_with_its_input() -> None:
    graph = chain("spiral", dense(1), dense(2, "identity"), "mean_squared_error")
    graph = graph.with_edge(Edge("spiral_1", 0, "loss_1", 1))
    assert check(graph).trainable


def test_bytes_read_well() -> None:
    assert show_bytes(512) == "512 bytes"
    assert show_bytes(3 << 20) == "3.0 MB"
    assert show_bytes(5 << 40) == "5.0 TB"


def test_one_data_set_at_a_time() -> None:
    graph = spiral(dense(3)).with_node(make_layer("moons", {}))
    graph = graph.with_edge(Edge("moons_1", 1, "loss_1", 1))
    assert "2 data sets (spiral_1, moons_1)" in check(graph).graph_error


def test_what_takes_no_part_needs_no_memory() -> None:
    graph = spiral(dense(3)).with_node(make_layer("dense", {"units": 10**9}))
    graph = graph.connect("spiral_1", "dense_3")
    assert check(graph).trainable


def test_the_limit_can_be_lifted() -> None:
    assert check(spiral(dense(10**8)), memory=math.inf).trainable
