"""Every kind of node of the catalogue in a network that trains: rewound, saved, one sample alone.

Data and losses too: a new one is tested by being in the catalogue.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from playground.graph import Graph
from playground.layers import LAYERS
from playground.layers.base import Layer, ShapeError, make_layer, size_of
from playground.session import Session, Unit
from playground.training import Adam, Training
from tests.cases import settings_of
from tests.loss_cases import CASES as LOSSES
from tests.networks import Feed, Samples, learning, row
from tests.reopened import reopened

TABLE = "a,b,class\n" + "".join(f"{i},{i * i},{'even' if i % 2 == 0 else 'odd'}\n"
                                for i in range(1, 21))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "table.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture(params=LAYERS)
def graph(request: pytest.FixtureRequest, table: Path) -> Graph:
    """The kind as it comes, in the smallest network that trains with it."""
    cls, training = LAYERS[request.param], Training(batch=3, optimizer=Adam())
    if cls.category == "data":
        return behind(small(cls, table), training)
    if cls.category == "loss":
        return before(request.param, training)
    return learning(cls(), cls.samples[0], training)


def small(cls: type[Layer], table: Path) -> Layer:
    """The data set with as few samples as it can have."""
    few = {name: settings_of(cls)[name][0] for name in ("points", "count")
           if name in cls.__struct_fields__}
    own = {"file": {"path": str(table)}, "fashion_mnist": {"size": "subset"}}
    return make_layer(cls.kind, {**few, **own.get(cls.kind, {})})


def behind(data: Layer, training: Training) -> Graph:
    """The data, vectors of its symbols, and what it wants predicted from them."""
    given = dict(zip(data.outputs, data.infer(), strict=True))
    x, target = given["x"], given["target"]
    steps = [("embedding", {"vocabulary": x.classes, "dimension": 2})] if x.classes else []
    if not (target.classes and target.shape):  # A class per time step wants the steps kept.
        steps.append(("flatten", {}))
    if target.classes:
        steps += [("dense", {"units": target.classes}), ("softmax_cross_entropy", {})]
    else:
        steps += [("dense", {"units": size_of(target.shape)}),
                  ("reshape", {"shape": target.shape}), ("mean_squared_error", {})]
    return row(data, *steps, training=training)


def before(kind: str, training: Training) -> Graph:
    """The loss, and a prediction that is learned for each of its inputs."""
    case = next(case for case in LOSSES if case.kind == kind)
    graph = Graph().with_training(training).with_node(
        Samples(shape=(5,), target=case.shape, classes=case.classes, steps=case.steps))
    loss = graph.with_node(make_layer(kind, case.settings)).nodes[-1]
    graph = graph.with_node(loss.layer)
    for _ in range(case.inputs):
        shares = case.within[0] >= 0
        graph = graph.with_node(make_layer("dense", {
            "units": size_of(case.shape), "activation": "sigmoid" if shares else "identity"}))
        dense = graph.nodes[-1].id
        graph = graph.with_node(Feed(shape=case.shape, learns=False))
        feed = graph.nodes[-1].id
        graph = graph.connect("samples_1", dense).connect(dense, feed).connect(feed, loss.id)
    return graph


def bits(session: Session) -> dict[str, bytes]:
    """All that a step reads or writes, and where it is."""
    return {"place": bytes(f"{session.step}:{session.position}", "ascii"),
            "measured": session.row.tobytes(), **{
                name: session.values(name).tobytes()
                for name, tensor in session.program.tensors.items()
                if tensor.region in ("parameters", "optimizer", "running", "gradients",
                                     "activations", "activation_gradients")}}


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_rewound_and_played_again_has_the_same_bits(graph: Graph, threads: int) -> None:
    session = Session(graph, threads=threads)
    session.run(4)
    length = len(session.program.code)
    session.advance(length // 2)
    there, moment = bits(session), 4 * length + length // 2
    for unit in get_args(Unit):
        assert session.back(unit)
        session.advance(moment - session.step * length - session.position)
        again = bits(session)
        assert [name for name in there if again[name] != there[name]] == [], unit
    assert session.go_to(0)
    session.advance(moment)
    again = bits(session)
    assert [name for name in there if again[name] != there[name]] == []


def test_what_is_saved_goes_on_with_the_same_bits(
        graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cls in (Samples, Feed):  # The tests' own kinds: a document names them.
        monkeypatch.setitem(LAYERS, cls.kind, cls)
    session = Session(graph)
    session.run(3)
    session.advance(len(session.program.code) // 2)
    resumed = reopened(session, tmp_path)
    for _ in range(2):
        assert resumed.saved_state().same_as(session.saved_state())
        for one in (session, resumed):
            one.run(3)
    assert bits(resumed) == bits(session)


@pytest.mark.parametrize("threads", [1, 2])
def test_one_sample_is_a_batch(graph: Graph, threads: int) -> None:
    session = Session(graph.with_training(Training(batch=1, optimizer=Adam())), threads=threads)
    before = {name: session.values(name).copy() for name in session.program.parameters}
    session.run(2)
    assert session.trouble is None
    assert (session.step, session.position) == (2, 0)
    assert np.isfinite(session.row[session.program.column("loss")])
    assert any((session.values(name) != old).any() for name, old in before.items())


@pytest.mark.parametrize("kind", [kind for kind, cls in LAYERS.items() if cls.category == "data"])
def test_each_setting_of_data_at_its_limits_trains_or_says_why_not(kind: str, table: Path) -> None:
    plain, tried = small(LAYERS[kind], table), 0
    refused: list[str] = []
    for name, values in settings_of(LAYERS[kind]).items():
        for value in values:
            tried += 1
            data = plain.with_settings(**{name: value})
            try:
                data.infer()
            except ShapeError as why:
                refused.append(str(why))
                continue
            session = Session(behind(data, Training(batch=3, optimizer=Adam())))
            session.run(2)
            assert session.trouble is None, f"{name} {value}"
            assert np.isfinite(session.measured("loss")), f"{name} {value}"
    assert len(refused) < tried / 2
    assert all(len(why) > 30 and why.endswith(".") for why in refused), refused
