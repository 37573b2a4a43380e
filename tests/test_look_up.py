"""A recurrent layer behind an Embedding or 1-of-N looks up what each symbol becomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kernels
from playground.graph import Graph
from playground.layers import recurrent_shape
from playground.layers.base import make_layer
from playground.session import Session
from playground.training import SGD, Training
from tests.networks import Feed, Samples
from tests.recurrent_rig import KINDS

TIME, ALPHABET = 9, 6
TABLES = (("embedding", {"vocabulary": ALPHABET + 2, "dimension": 5}), ("one_hot", {}))
tables = pytest.mark.parametrize("table", TABLES, ids=[kind for kind, _ in TABLES])


def reading(table: tuple[str, dict[str, Any]], kind: str, *, lengths: bool = False,
            batch: int = 14, **settings: Any) -> Graph:
    """Symbols of a few kinds, their vectors, and a cell that reads these."""
    graph = Graph().with_node(Samples(
        shape=(TIME + 1,), symbols=TIME + 1, alphabet=ALPHABET, target=(3,), count=42))
    graph = graph.with_node(Feed(shape=(TIME,), start=1, classes=ALPHABET, learns=False), id="text")
    graph = graph.with_node(make_layer(*table), id="table")
    graph = graph.with_node(make_layer(kind, {"units": 7, **settings}), id="cell")
    graph = graph.connect("samples_1", "text").connect("text", "table").connect("table", "cell")
    if lengths:
        graph = graph.with_node(Feed(shape=(), learns=False), id="lengths")
        graph = graph.connect("samples_1", "lengths").connect("lengths", "cell", target_port=1)
    graph = graph.with_node(make_layer("dense", {"units": 3}), id="out").connect("cell", "out")
    graph = graph.with_node(make_layer("mean_squared_error", {}), id="loss")
    return graph.connect("out", "loss").with_training(
        Training(batch=batch, optimizer=SGD(learning_rate=0.05)))


def kernels_of(session: Session) -> set[str]:
    return {i.kernel.name for i in session.program.instructions}


@tables
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", [{}, {"lengths": True, "bidirectional": True, "layers": 2},
                                      {"truncate": 4, "bias": False}], ids=str)
def test_looking_up_gives_what_multiplying_every_vector_gives(
        table: tuple[str, dict[str, Any]], kind: str, settings: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch) -> None:
    graph = reading(table, kind, **settings)
    for threads in (1, 2):
        looks_up = Session(graph, threads=threads)
        with monkeypatch.context() as patch:
            patch.setattr(recurrent_shape, "FEWER_SYMBOLS", 10**9)
            multiplies = Session(graph, threads=threads)
        assert "look_up_projections" in kernels_of(looks_up)
        assert kernels_of(multiplies).isdisjoint({"look_up_projections", "symbol_weight_gradient"})
        for steps in (1, 3):
            looks_up.run(steps)
            multiplies.run(steps)
            known = set(multiplies.program.tensors)
            for name in {*looks_up.program.parameters, "table.y", "table.dy", "cell.y"} & known:
                np.testing.assert_allclose(looks_up.values(name), multiplies.values(name),
                                           rtol=1e-3, atol=1e-5, err_msg=name)
        moved = looks_up.values("cell.weight_ih_l0")
        assert not np.allclose(moved, Session(graph).values("cell.weight_ih_l0"))


@tables
def test_it_multiplies_where_the_table_is_long_or_the_batch_small(
        table: tuple[str, dict[str, Any]]) -> None:
    small = Session(reading(table, "lstm", batch=1))
    assert "look_up_projections" not in kernels_of(small)
    assert "project_inputs" in kernels_of(small)


def test_it_multiplies_what_something_changed_on_the_way() -> None:
    graph = reading(TABLES[0], "gru")
    (edge,) = (e for e in graph.edges if (e.source, e.target) == ("table", "cell"))
    graph = graph.without_edges([edge]).with_node(make_layer("dropout", {}), id="dropout")
    graph = graph.connect("table", "dropout").connect("dropout", "cell")
    assert "look_up_projections" not in kernels_of(Session(graph))


def test_a_frozen_cell_adds_nothing_up() -> None:
    graph = reading(TABLES[0], "lstm")
    learning = graph.node("cell").learning.__class__(frozen=True)
    found = kernels_of(Session(graph.with_learning("cell", learning)))
    assert "look_up_projections" in found
    assert "symbol_weight_gradient" not in found


def test_what_is_no_symbol_gives_nan_and_takes_no_gradient() -> None:
    symbols = np.array([[0, 2, 7], [np.nan, 1, 1]], np.float32)
    projections = np.arange(6, dtype=np.float32).reshape(3, 2)
    z, bias = np.zeros((2, 2, 2), np.float32), np.array([-1, -2], np.float32)
    lengths = np.array([3, 2], np.int32)
    places = {"first": 1, "steps": 2, "longest": 3, "batch": 2, "vocabulary": 3}
    kernels.symbols.look_up_projections(**places, width=2, lengths=lengths, symbols=symbols,
                                        projections=projections, b=bias, z=z)
    np.testing.assert_array_equal(z, [[[4, 5], [2, 3]], [[np.nan] * 2, [-1, -2]]])
    table, dy = np.array([[1], [10], [100]], np.float32), np.ones((2, 2, 2), np.float32)
    picked, sums = np.full((3, 2), 9, np.float32), np.zeros((1, 2), np.float32)
    dw, db = np.zeros((2, 1), np.float32), np.zeros(2, np.float32)
    kernels.symbols.symbol_weight_gradient(
        **places, inputs=1, units=2, begins=1, ends=1, symbols=symbols, table=table, dy=dy,
        picked=picked, sums=sums, dw=dw, db=db)
    np.testing.assert_array_equal(picked, [[0, 0], [2, 2], [1, 1]])
    np.testing.assert_array_equal(dw, [[120], [120]])
    np.testing.assert_array_equal(db, [3, 3])
