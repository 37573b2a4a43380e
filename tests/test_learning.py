"""Frozen and shared weights, rates of their own, penalties, several losses, players in turn."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from playground import evaluator, graph_json
from playground.graph import Edge, Graph, GraphError
from playground.layers.base import make_layer
from playground.learning import Learning
from playground.optimizers import AdamW
from playground.schedules import Exponential
from playground.session import Session
from playground.shapes import check
from playground.training import SGD, Clipping, Training
from tests.networks import Samples
from tests.sketch import dense, spiral

RATE = 0.1


def two_towers(**training: Any) -> Graph:
    """Samples through dense_1 and dense_2 (shared weights) into one sum; two losses."""
    settings: dict[str, Any] = {"batch": 8, "optimizer": SGD(learning_rate=RATE, momentum=0.5)}
    graph = Graph().with_training(Training(**settings | training))
    graph = graph.with_node(Samples(shape=(5,), target=(3,)))
    for kind, options, sources in (
            ("dense", {"units": 5, "activation": "tanh"}, ["samples_1"]),
            ("dense", {"units": 5, "activation": "tanh"}, ["dense_1"]),
            ("add", {}, ["dense_1", "dense_2"]),
            ("dense", {"units": 3}, ["add_1"]),
            ("mean_squared_error", {"weight": 0.5}, ["dense_3"]),
            ("dense", {"units": 3, "activation": "sigmoid"}, ["add_1"]),
            ("mean_squared_error", {"weight": 2.0}, ["dense_4"])):
        graph = graph.with_node(make_layer(kind, options))
        for source in sources:
            graph = graph.connect(source, graph.nodes[-1].id)
    return graph.with_shared("dense_2", "dense_1")


def players(game: str = "", turns: tuple[int, int] = (1, 1), **judge: Any) -> Graph:
    """A small GAN: D judges samples and what G makes of them; D's and G's losses take turns.

    game: of adversarial losses; squared errors unless given. turns: of D and of G. judge: how the
    nodes of D learn.
    """
    losses: list[tuple[str, dict[str, Any]]] = [("mean_squared_error", {})] * 3
    if game:
        losses = [("adversarial", {"game": game, "role": role})
                  for role in ("judge_on_real", "judge_on_made", "maker")]
    # A critic's last bias raises the scores of both kinds alike: it would never learn.
    judged = {"units": 1, "bias": game != "wasserstein"}
    trained = [(kind, {**options, "trains": group, "turns": turns["DG".index(group)]})
               for (kind, options), group in zip(losses, "DDG", strict=True)]
    graph = Graph().with_training(Training(batch=8, optimizer=SGD(learning_rate=RATE)))
    graph = graph.with_node(Samples(shape=(4,), target=(1,)))
    for kind, options, source, group in (
            ("dense", {"units": 4, "activation": "tanh"}, "samples_1", "G"),  # dense_1
            ("dense", {"units": 6, "activation": "tanh"}, "samples_1", "D"),  # on what is real
            ("dense", judged, "dense_2", "D"),
            ("dense", {"units": 6, "activation": "tanh"}, "dense_1", "D"),  # on what G made
            ("dense", judged, "dense_4", "D"),
            (*trained[0], "dense_3", ""),
            (*trained[1], "dense_5", ""),
            (*trained[2], "dense_5", "")):
        graph = graph.with_node(make_layer(kind, options))
        id = graph.nodes[-1].id
        own = judge if group == "D" else {}
        graph = graph.connect(source, id).with_learning(id, Learning(group=group, **own))
    return graph.with_shared("dense_4", "dense_2").with_shared("dense_5", "dense_3")


def autoencoder() -> Graph:
    """Samples through means and variances and back; both added up to the code."""
    graph = Graph().with_training(Training(batch=8, optimizer=SGD(learning_rate=RATE)))
    graph = graph.with_node(Samples(shape=(6,), classes=2))
    for kind, options, sources in (
            ("dense", {"units": 2}, ["samples_1"]),
            ("dense", {"units": 2}, ["samples_1"]),
            ("add", {}, ["dense_1", "dense_2"]),
            ("dense", {"units": 6}, ["add_1"]),
            ("gaussian_kl", {"weight": 0.1}, ["dense_1", "dense_2"]),
            ("mean_squared_error", {}, ["dense_3"])):
        graph = graph.with_node(make_layer(kind, options))
        for source in sources:
            graph = graph.connect(source, graph.nodes[-1].id)
    return graph.connect("samples_1", graph.nodes[-1].id, 0, 1)


def learn(graph: Graph, id: str, **learning: Any) -> Graph:
    return graph.with_learning(id, msgspec.structs.replace(graph.node(id).learning, **learning))


VARIANTS = {
    "two losses, shared weights": two_towers(),
    "frozen": learn(two_towers(), "dense_3", frozen=True),
    "frozen and shared": learn(two_towers(), "dense_1", frozen=True),
    "own rates": learn(learn(two_towers(), "dense_1", rate=0.1), "dense_3", rate=3.0),
    "own rates of AdamW, falling": learn(learn(two_towers(
        optimizer=AdamW(learning_rate=0.02, weight_decay=0.5), schedule=Exponential(rate=0.2)),
        "dense_1", rate=0.1), "dense_3", rate=3.0),
    "players, with rates that fall": learn(players(rate=0.5).with_training(msgspec.structs.replace(
        players().training, schedule=Exponential(rate=0.2))), "dense_1", rate=2.0),
    "penalties on weights": learn(learn(two_towers(), "dense_1", l1=0.01, l2=0.02),
                                  "dense_4", l2=0.03),
    "penalties on outputs": learn(learn(two_towers(), "dense_2", activity_l1=0.01),
                                  "add_1", activity_l2=0.02),
    "players": players(),
    **{f"players of {game}": players(game) for game in (
        "minimax", "non_saturating", "least_squares")},
    "players of wasserstein": players("wasserstein", clip_weights=0.2),
    "players of several turns": players(turns=(3, 2)),
    "variational autoencoder": autoencoder(),
    "clipped weights": learn(two_towers(), "dense_1", clip_weights=0.3),
    "clipped": two_towers(clipping=Clipping(mode="global_norm", threshold=0.1)),
    "players, clipped": players().with_training(msgspec.structs.replace(
        players().training, clipping=Clipping(mode="global_norm", threshold=0.05))),
    "players, clipped layer by layer": players().with_training(msgspec.structs.replace(
        players().training, clipping=Clipping(mode="layer_norm", threshold=0.05))),
}
EVERY = pytest.mark.parametrize("graph", VARIANTS.values(), ids=VARIANTS)


@EVERY
@pytest.mark.torch
@pytest.mark.parametrize("threads", [1, 2])
def test_training_is_pytorchs(graph: Graph, threads: int) -> None:
    from tests.torch_training import train_both

    session, twin = train_both(graph, 10, threads)
    for name, w in twin.w.items():
        np.testing.assert_allclose(session.values(name), w.detach().numpy(), rtol=1e-4, atol=1e-6)


@EVERY
def test_going_back_and_on_gives_the_same_bits(graph: Graph) -> None:
    session = Session(graph, threads=2)
    session.run(7)
    wanted = {name: session.values(name).copy() for name in session.program.parameters}
    loss = session.measured("loss")
    session.back("epoch")
    session.forward_to("instruction")
    session.forward_to("phase")
    while session.step < 7:
        session.forward_to("phase")
    assert session.measured("loss") == loss
    for name, w in wanted.items():
        assert session.values(name).tobytes() == w.tobytes()


@EVERY
def test_what_is_frozen_stays_and_the_rest_moves(graph: Graph) -> None:
    session = Session(graph)
    before = {name: session.values(name).copy() for name in session.program.parameters}
    session.run(3)
    for name, w in before.items():
        frozen = graph.node(name.partition(".")[0]).learning.frozen
        assert (session.values(name).tobytes() == w.tobytes()) == frozen
        assert (name.partition(".")[0] in session.program.learners) != frozen


@EVERY
def test_documents_keep_how_nodes_learn(graph: Graph) -> None:
    graph = graph.without(["samples_1"])  # A test's own layer, which no document knows.
    assert graph_json.decode(graph_json.encode(graph)).graph == graph


def test_frozen_layers_cost_no_weight_gradient() -> None:
    plain = spiral(dense(3), dense(4))
    frozen = learn(learn(plain, "dense_1", frozen=True), "dense_2", frozen=True)
    kernels = [i.kernel.name for i in Session(frozen).program.instructions
               if i.phase == "backward" and i.node in ("dense_1", "dense_2")]
    assert kernels == []
    kernels = [i.kernel.name for i in Session(learn(plain, "dense_2", frozen=True)).program
               .instructions if i.phase == "backward" and i.node == "dense_2"]
    assert "dense_input_gradient" in kernels
    assert "dense_weight_gradient" not in kernels


def test_each_loss_is_measured_and_the_loss_is_their_weighted_sum() -> None:
    session = Session(two_towers())
    session.run(1)
    parts = [session.measured(f"{id}.loss") for id in ("loss_1", "loss_2")]
    assert session.measured("loss") == pytest.approx(0.5 * parts[0] + 2 * parts[1], rel=1e-6)
    validation = session.validate()
    assert np.isfinite(validation.loss)


def test_validation_counts_the_penalties_too() -> None:
    graph = learn(two_towers(optimizer=SGD(learning_rate=0)), "dense_1", l2=0.1)
    session, plain = Session(graph), Session(two_towers(optimizer=SGD(learning_rate=0)))
    w = session.values("dense_1.w").astype(np.float64)
    assert session.validate().loss - plain.validate().loss == pytest.approx(
        0.1 * (w ** 2).sum(), rel=1e-4)


PENALISED = {"dense": True, "conv1d": True, "multi_head_attention": True, "lstm": True,
             "batch_norm": False, "layer_norm": False, "group_norm": False, "prelu": False,
             "dropout": False}


@pytest.mark.parametrize(("kind", "counts"), PENALISED.items())
def test_a_note_tells_of_penalties_that_count_nothing(kind: str, counts: bool) -> None:
    def trained(**learning: Any) -> Session:
        graph = Graph().with_node(Samples(shape=(6, 4), target=(6, 4))).with_training(
            Training(batch=8, optimizer=SGD(learning_rate=RATE)))
        for each, options in ((kind, {"returns": "sequence"} if kind == "lstm" else {}),
                              ("flatten", {}), ("dense", {"units": 24}),
                              ("reshape", {"shape": [6, 4]}), ("mean_squared_error", {})):
            before = graph.nodes[-1].id
            graph = graph.with_node(make_layer(each, options))
            graph = graph.connect(before, graph.nodes[-1].id)
        session = Session(learn(graph, graph.nodes[1].id, **learning))
        session.run(1)
        return session

    plain, penalised = trained(), trained(l2=0.1)
    assert (penalised.measured("loss") > plain.measured("loss")) == counts
    id = penalised.graph.nodes[1].id
    told = [note for note in check(penalised.graph).notes.get(id, ()) if "do nothing" in note]
    assert len(told) == (not counts)
    assert not any("do nothing" in note for note in check(plain.graph).notes.get(id, ()))


def test_the_norm_of_a_step_with_several_players_is_over_all_of_them() -> None:
    session = Session(players())
    session.run(1)
    norms = [session.measured(f"{id}.grad_norm_before") for id in session.program.learners]
    assert session.measured("grad_norm_before") == pytest.approx(np.linalg.norm(norms), rel=1e-6)
    assert all(norm > 0 for norm in norms)


# -- what cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize(("graph", "id", "words"), [
    (spiral(dense(3), dense(4)).with_shared("dense_2", "dense_1"), "dense_2",
     "Needs weights of w 4×3 and b 4, and those of dense_1 are w 3×2"),
    (spiral(dense(3), ("relu", {})).with_shared("dense_1", "relu_1"), "dense_1",
     "those of relu_1 are no size"),
    (spiral(dense(2)).with_node(make_layer("dense", {"units": 2})).connect("spiral_1", "dense_3")
     .with_shared("dense_1", "dense_3"), "dense_1", "dense_3, which does not lead to a loss"),
    (spiral(dense(2)).with_layer("loss_1", make_layer("softmax_cross_entropy", {"trains": "D"})),
     "loss_1", "no node that leads here is in it"),
    (two_towers().with_layer("loss_2", make_layer("mean_squared_error", {"trains": "D"}))
     .with_learning("dense_1", Learning(group="D")), "loss_2",
     "Trains dense_1, and so does loss_1 in a turn of its own"),
    (two_towers().without_edges([Edge("samples_1", 0, "dense_1", 0), Edge("dense_1", 0, "add_1", 0),
                                 Edge("dense_1", 0, "dense_2", 0)])
     .connect("samples_1", "dense_2").connect("samples_1", "add_1"), "dense_2",
     "dense_1, which does not lead to a loss"),
])
def test_what_does_not_fit_is_told_on_the_node(graph: Graph, id: str, words: str) -> None:
    result = check(graph)
    assert words in result.errors[id]
    assert not result.trainable


def test_sharing_always_points_at_the_node_that_owns_the_weights() -> None:
    graph = spiral(dense(2), dense(2), dense(2))
    graph = graph.with_shared("dense_3", "dense_2").with_shared("dense_2", "dense_1")
    assert graph.node("dense_3").shares == "dense_1"
    assert graph.renamed("dense_1", "first").node("dense_3").shares == "first"
    assert graph.without(["dense_1"]).node("dense_3").shares == ""
    with pytest.raises(GraphError, match=r"dense_3 already uses the weights of dense_1\."):
        graph.with_shared("dense_1", "dense_3")
    with pytest.raises(GraphError, match="itself"):
        graph.with_shared("dense_1", "dense_1")
    with pytest.raises(GraphError, match="no node called"):
        graph.with_shared("dense_1", "elsewhere")


def test_copies_share_among_themselves_or_with_the_original() -> None:
    graph = spiral(dense(2), dense(2)).with_shared("dense_2", "dense_1")
    both, (first, second) = graph.pasted(graph.part(["dense_1", "dense_2"]), 10, 10)
    assert both.node(second).shares == first
    one, (copy,) = graph.pasted(graph.part(["dense_2"]), 10, 10)
    assert one.node(copy).shares == "dense_1"


def test_a_loss_may_train_a_group_through_those_that_use_its_weights() -> None:
    graph = players()
    # Only sharers of D's nodes lead to this loss.
    graph = graph.with_learning("dense_4", Learning()).with_learning("dense_5", Learning())
    assert check(graph).trainable
    session = Session(graph)
    before = session.values("dense_2.w").copy()
    session.run(1)
    assert (session.values("dense_2.w") != before).any()


def test_a_node_may_be_called_training() -> None:
    graph = learn(two_towers(), "dense_3", rate=0.5).renamed("dense_3", "training")
    Session(graph).run(1)


def test_the_batch_is_never_larger_than_the_data() -> None:
    graph = two_towers(batch=100_000)
    assert check(graph).memory == check(two_towers(batch=32)).memory


def test_validation_does_not_depend_on_how_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = learn(two_towers(), "dense_1", l2=0.1, activity_l1=0.1)
    whole = Session(graph).validate().loss
    monkeypatch.setattr(evaluator, "LARGEST_BATCH", 3)
    assert Session(graph).validate().loss == pytest.approx(whole, rel=1e-5)


def test_copies_of_copies_share_with_the_one_that_owns() -> None:
    graph = spiral(dense(2), dense(2), dense(2)).with_shared("dense_3", "dense_2")
    clip = graph.part(["dense_3"])
    graph = graph.with_shared("dense_2", "dense_1")
    pasted, (copy,) = graph.pasted(clip, 10, 10)
    assert pasted.node(copy).shares == "dense_1"


def test_shared_weights_count_once() -> None:
    shared = check(two_towers())
    assert shared.parameters["dense_2"] == 0
    assert shared.total_parameters == 30 + 18 + 18
