"""The graph is a value that refuses what no network can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.color_numbers import color_numbers
from playground.graph import Edge, Graph, GraphError
from playground.layers.base import make_layer
from tests.sketch import chain, dense, spiral


def test_edits_leave_the_old_graph_alone() -> None:
    before = spiral(dense(4))
    after = before.without(["dense_1"])
    assert "dense_1" in before
    assert "dense_1" not in after
    assert all("dense_1" not in (e.source, e.target) for e in after.edges)
    assert before == spiral(dense(4))


def test_ids_are_the_first_free_number() -> None:
    graph = chain("relu", "relu", "relu").without(["relu_2"])
    assert graph.with_node(make_layer("relu", {})).nodes[-1].id == "relu_2"


def test_a_cycle_is_refused_in_a_sentence() -> None:
    graph = chain("relu", "tanh", "elu").without_edges(
        [Edge("tanh_1", 0, "elu_1", 0)]).connect("elu_1", "relu_1")
    with pytest.raises(GraphError, match="close a cycle"):
        graph.connect("tanh_1", "elu_1")


def test_a_node_cannot_feed_itself() -> None:
    graph = Graph().with_node(make_layer("add", {}))
    with pytest.raises(GraphError, match="cycle"):
        graph.connect("add_1", "add_1")


def test_a_taken_port_is_refused_and_says_by_whom() -> None:
    graph = chain("spiral", dense(3)).with_node(make_layer("circle", {}))
    with pytest.raises(GraphError, match="already takes its input from spiral_1"):
        graph.connect("circle_1", "dense_1")


@pytest.mark.parametrize(("edge", "words"), [
    (Edge("nobody", 0, "dense_1", 0), "no node called nobody"),
    (Edge("spiral_1", 7, "dense_1", 0), "no output number 8"),
    (Edge("dense_1", 0, "spiral_1", 0), "has no input number 1"),
    (Edge("loss_1", 0, "dense_1", 0), "it ends the network"),
    (Edge("spiral_1", 0, "dense_1", -1), "no input number 0"),
])
def test_unknown_ports_are_refused(edge: Edge, words: str) -> None:
    graph = spiral(dense(3)).without_edges(spiral(dense(3)).inputs_of("dense_1"))
    with pytest.raises(GraphError, match=words):
        graph.with_edge(edge)


def test_a_variadic_node_has_always_one_more_port() -> None:
    graph = Graph()
    for kind in ("relu", "tanh", "elu", "concat"):
        graph = graph.with_node(make_layer(kind, {}))
    for source in ("relu_1", "tanh_1", "elu_1"):
        graph = graph.connect(source, "concat_1")
    assert [e.target_port for e in graph.inputs_of("concat_1")] == [0, 1, 2]
    assert graph.free_port("concat_1") == 3


def test_renaming_keeps_the_edges() -> None:
    graph = spiral(dense(3)).renamed("dense_1", "hidden")
    assert [e.target for e in graph.outputs_of("spiral_1")] == ["hidden"]
    assert graph.renamed("hidden", "dense_1") == spiral(dense(3))
    with pytest.raises(GraphError, match="already a node called dense_2"):
        graph.renamed("hidden", "dense_2")
    with pytest.raises(GraphError, match="cannot be a name"):
        graph.renamed("hidden", "two words")


def test_pasting_copies_nodes_and_the_edges_between_them() -> None:
    graph = spiral(dense(3), dense(4))
    copied, new = graph.pasted(graph.part(["dense_1", "dense_2"]), 10, 20)
    assert new == ("dense_4", "dense_5")
    assert copied.inputs_of("dense_5")[0].source == "dense_4"
    assert copied.inputs_of("dense_4") == ()
    assert copied.node("dense_4").layer == graph.node("dense_1").layer


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30))
def test_whatever_is_connected_order_is_topological(pairs: list[tuple[int, int]]) -> None:
    graph = Graph()
    for _ in range(8):
        graph = graph.with_node(make_layer("add", {}))
    for a, b in pairs:
        try:
            graph = graph.connect(f"add_{a + 1}", f"add_{b + 1}")
        except GraphError:
            continue
    place = {node.id: i for i, node in enumerate(graph.order())}
    assert len(place) == 8
    assert all(place[e.source] < place[e.target] for e in graph.edges)


def test_nodes_keep_their_colours_when_another_goes_or_shares() -> None:
    graph = chain("spiral", dense(3), "relu", dense(3), dense(3))
    assert color_numbers(graph.nodes) == {"dense_1": 0, "dense_2": 1, "dense_3": 2}
    for edited in (graph.without(["dense_1"]), graph.with_shared("dense_1", "dense_2")):
        assert color_numbers(edited.nodes) == {"dense_2": 1, "dense_3": 2}
        more = edited.with_node(make_layer("dense", {}), id="new")
        assert color_numbers(more.nodes)["new"] == 0
    assert graph.with_shared("dense_1", "dense_2").with_shared("dense_1", "") == graph
    assert graph.without(["relu_1", "dense_3"]).nodes == graph.nodes[:2] + graph.nodes[3:4]
