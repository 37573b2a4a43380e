"""Networks that make samples: two players that learn, and losses that compare with no target."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import pytest

from playground.data import Dataset, make_dataset
from playground.graph import Graph
from playground.layers.augmentation import Augmentation
from playground.layers.base import make_layer
from playground.layers.data import DataLayer
from playground.learning import Learning
from playground.probes import answer
from playground.schedules import Plateau
from playground.session import Session
from playground.shapes import check, sources_of, targets
from playground.snapshot import BoundaryProbe, ConfusionProbe, PredictionsProbe
from playground.training import SGD, Adam, Training
from tests.networks import Samples
from tests.sketch import chain, dense, spiral
from tests.test_learning import autoencoder, players

MEAN, DEVIATION = np.array([1.5, -0.5]), np.array([0.5, 1.0])
GAMES = ("minimax", "non_saturating", "least_squares", "wasserstein")
CLIP = 0.2


class Cloud(DataLayer, frozen=True, kw_only=True):
    """Normal points of the plane."""

    kind, label, category = "cloud", "Cloud", "data"

    def dataset(self) -> Dataset:
        return _cloud()


@lru_cache
def _cloud() -> Dataset:
    x = MEAN + DEVIATION * np.random.default_rng(0).normal(size=(2000, 2))
    return make_dataset("cloud", x, np.zeros((2000, 1)))


def gan(game: str, seed: int = 7, turns: int = 1) -> Graph:
    """dense_1 turns normal numbers into points; two hidden layers judge those and the cloud's.

    The judge learns faster, as it should be at its best when the maker follows it. turns: of the
    judge, as its loss on made points has them.
    """
    critic = game == "wasserstein"
    graph = Graph().with_node(Cloud()).with_node(make_layer("random_normal", {"shape": [2]}))
    graph = graph.with_training(Training(batch=64, weight_seed=seed, optimizer=Adam(
        learning_rate=0.002, beta1=0.0 if critic else 0.5)))
    judge = Learning(group="D", rate=5.0 if critic else 2.0, clip_weights=CLIP if critic else 0.0)
    hidden = {"units": 16, "activation": "leaky_relu"}
    steps: list[tuple[str, dict[str, Any], str, Learning]] = [
        ("dense", {"units": 2}, "noise_1", Learning(group="G")),
        ("dense", hidden, "cloud_1", judge),
        ("dense", hidden, "dense_2", judge),
        ("dense", {"units": 1}, "dense_3", judge),
        ("dense", hidden, "dense_1", judge),
        ("dense", hidden, "dense_5", judge),
        ("dense", {"units": 1}, "dense_6", judge)]
    steps += [("adversarial", {"game": game, "role": role, "trains": group, "turns": most}, source,
               Learning())
              for role, group, most, source in (("judge_on_real", "D", 1, "dense_4"),
                                                ("judge_on_made", "D", turns, "dense_7"),
                                                ("maker", "G", 1, "dense_7"))]
    for kind, settings, source, how in steps:
        graph = graph.with_node(make_layer(kind, settings))
        id = graph.nodes[-1].id
        graph = graph.connect(source, id).with_learning(id, how)
    for id, owner in (("dense_5", "dense_2"), ("dense_6", "dense_3"), ("dense_7", "dense_4")):
        graph = graph.with_shared(id, owner)
    return graph


def made(session: Session, steps: int) -> np.ndarray:
    """What the maker makes in the next steps."""
    points = []
    for _ in range(steps):
        session.run(1)
        points.append(session.values("dense_1.y").astype(np.float64))
    return np.concatenate(points)


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("seed", [7, 8])
def test_samples_come_near_the_data(game: str, seed: int) -> None:
    session = Session(gan(game, seed))
    first = made(session, 1)
    assert max(*np.abs(first.mean(axis=0) - MEAN), *np.abs(first.std(axis=0) - DEVIATION)) > 0.5
    session.run(4000)
    points = made(session, 40)
    np.testing.assert_allclose(points.mean(axis=0), MEAN, atol=0.2)
    np.testing.assert_allclose(points.std(axis=0), DEVIATION, atol=0.2)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_seeds_give_the_same_bits(threads: int) -> None:
    graph, found = gan("non_saturating"), []
    for _ in range(2):
        session = Session(graph, threads=threads)
        session.run(200)
        found.append({name: session.values(name).tobytes() for name in session.program.parameters})
    assert found[0] == found[1]


def test_a_critics_weights_stay_within_the_limit_and_the_makers_go_beyond() -> None:
    session = Session(gan("wasserstein"))
    session.run(1)
    largest = dict.fromkeys(session.program.learners, 0.0)
    for name in session.program.parameters:
        id = name.partition(".")[0]
        largest[id] = max(largest[id], float(np.abs(session.values(name)).max()))
    assert largest["dense_2"] == np.float32(CLIP)
    assert largest["dense_3"] == np.float32(CLIP)
    assert largest["dense_1"] > CLIP
    clipped = [i.node for i in session.program.instructions if i.kernel.name == "clip_weights"]
    assert clipped == ["dense_2", "dense_3", "dense_4"]
    assert {i.phase for i in session.program.instructions if i.kernel.name == "clip_weights"} == {
        "update"}


def test_a_critic_without_limits_is_told_at_its_loss_on_real_samples() -> None:
    def told(graph: Graph) -> dict[str, str]:
        return {id: note for id, notes in check(graph).notes.items() for note in notes
                if "critic" in note}

    graph = gan("wasserstein")
    assert told(graph) == told(gan("minimax")) == {}
    for id in ("dense_2", "dense_3"):
        learning = msgspec.structs.replace(graph.node(id).learning, clip_weights=0.0)
        graph = graph.with_learning(id, learning)
    (real,) = (n.id for n in graph.nodes if getattr(n.layer, "role", "") == "judge_on_real")
    assert told(graph) == {real: (
        "A Wasserstein critic needs limits, or its scores grow for ever: set Clip weights of "
        "dense_2, dense_3 (0.01 in the paper).")}


# -- several turns of the judge -------------------------------------------------------------------


@pytest.mark.torch
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize(("game", "optimizer"), [
    ("non_saturating", Adam(learning_rate=0.002, beta1=0.5)),  # It counts its steps.
    ("wasserstein", SGD(learning_rate=0.01, momentum=0.5))])
def test_turns_are_pytorchs(game: str, optimizer: Any, turns: int, threads: int) -> None:
    from tests.torch_training import train_both

    graph = gan(game, turns=turns)
    training = msgspec.structs.replace(graph.training, optimizer=optimizer)
    session, twin = train_both(graph.with_training(training), 12, threads)
    for name, w in twin.w.items():
        np.testing.assert_allclose(session.values(name), w.detach().numpy(), rtol=1e-4, atol=1e-6)


def turns_of(session: Session, steps: int) -> dict[str, list[dict[str, np.ndarray]]]:
    """What there is after each turn of the next steps, by group: points, noise, weights."""
    seen: dict[str, list[dict[str, np.ndarray]]] = {"D": [], "G": []}
    names = ("cloud_1.x", "noise_1.y", *session.program.parameters)
    for _ in range(steps):
        for group, _ in session.program.passes:
            session.forward_to("pass")
            seen[group].append({name: session.values(name).copy() for name in names})
    return seen


def test_each_turn_takes_a_batch_and_noise_of_its_own_and_moves_the_judge() -> None:
    session = Session(gan("non_saturating", turns=3))
    program, samples = session.program, len(session.data.x_train)
    assert program.turns == (("D", 3), ("G", 1))
    assert program.batches_per_epoch == samples // 64 // 3
    before = session.values("dense_2.w").copy()
    steps = program.batches_per_epoch
    seen = turns_of(session, steps)
    assert (session.epoch, session.step, session.position) == (1, steps, 0)
    assert (len(seen["D"]), len(seen["G"])) == (3 * steps, steps)
    # No sample comes twice in an epoch; the maker has the batch of the judge's last turn.
    points = np.concatenate([turn["cloud_1.x"] for turn in seen["D"]])
    assert len(np.unique(points, axis=0)) == len(points) == 3 * steps * 64
    for step, turn in enumerate(seen["G"]):
        np.testing.assert_array_equal(turn["cloud_1.x"], seen["D"][3 * step + 2]["cloud_1.x"])
    noise = np.concatenate([turn["noise_1.y"] for turn in seen["D"] + seen["G"]])
    assert len(np.unique(noise, axis=0)) == len(noise)
    for turn in seen["D"]:
        assert (turn["dense_2.w"] != before).any()
        before = turn["dense_2.w"]


@pytest.mark.parametrize(("batch", "different"), [(2000, 1), (800, 2)])
def test_a_turn_begins_the_data_anew_where_there_is_no_more(batch: int, different: int) -> None:
    graph = gan("non_saturating", turns=3)
    session = Session(graph.with_training(msgspec.structs.replace(graph.training, batch=batch)))
    points = [turn["cloud_1.x"] for turn in turns_of(session, 1)["D"]]
    known = {row.tobytes() for row in session.data.x_train}
    assert {row.tobytes() for x in points for row in x} <= known
    assert len({x.tobytes() for x in points}) == different
    assert session.epoch == 1  # As ever where a step takes all that there is.


def test_augmentation_draws_anew_in_each_turn() -> None:
    graph = gan("non_saturating", turns=3)
    graph = graph.with_layer("cloud_1", Cloud(augmentation=Augmentation(noise=0.1))).with_training(
        msgspec.structs.replace(graph.training, batch=2000))
    session = Session(graph)
    first, *others = [turn["cloud_1.x"] for turn in turns_of(session, 1)["D"]]
    for x in others:  # Of the same samples, as the batch is all that there are.
        assert 0.05 < np.std(x - first) / np.sqrt(2) < 0.15


def test_a_half_done_turn_is_saved_and_gone_on_from() -> None:
    graph = gan("wasserstein", turns=3)
    straight, left = Session(graph, threads=2), Session(graph, threads=2)
    straight.run(5)
    left.run(3)
    left.forward_to("pass")
    left.advance(9)
    assert left.program.passes[0][1] < left.position < left.program.passes[1][1]
    again = Session(graph, threads=2)
    assert again.restore(left.saved_state()) == ()
    assert (again.step, again.position) == (3, left.position)
    for session in (left, again):
        session.run(2)
        assert session.arena.state.tobytes() == straight.arena.state.tobytes()


def test_what_follows_the_steps_is_told_once_in_each() -> None:
    graph = gan("wasserstein", turns=3)
    training = msgspec.structs.replace(graph.training, schedule=Plateau(), optimizer=SGD(
        learning_rate=0.01, momentum=0.9, momentum_schedule="settle"))
    names = [i.kernel.name for i in Session(graph.with_training(training)).program.instructions]
    assert [names.count(name) for name in (
        "schedule_plateau", "momentum_settle", "record", "finish_step", "shuffle_samples")] == [
            1, 1, 1, 1, 1]
    assert names.count("load_batch") == 3
    assert names.count("guard") == 3 + 1


def test_turns_mean_something_for_a_group_alone() -> None:
    alone, grouped = (make_layer("adversarial", {"turns": 3, "trains": group})
                      for group in ("", "D"))
    assert alone.idle_settings() == {"turns"}
    assert grouped.idle_settings() == frozenset()
    plain = chain("spiral", dense(1, "identity"), "adversarial")
    session = Session(plain.with_layer(plain.nodes[-1].id, alone))
    assert session.program.turns == (("", 1),)


# -- a loss without a target ----------------------------------------------------------------------


def test_nothing_is_compared_where_there_is_no_target() -> None:
    graph = players("minimax")
    result = check(graph)
    assert result.trainable
    for loss in result.losses:
        assert targets(graph, loss) is None
        assert len(sources_of(graph, loss)) == 1
    assert sources_of(autoencoder(), "loss_1") == (("dense_1", 0), ("dense_2", 0))


def test_a_gan_is_used_like_any_network() -> None:
    session = Session(gan("non_saturating"))
    session.run(3)
    data, w = session.data, {n: session.values(n).astype(np.float64)
                             for n in session.program.parameters}
    h = data.x_validation.astype(np.float64)
    for id in ("dense_2", "dense_3"):
        h = h @ w[f"{id}.w"].T + w[f"{id}.b"]
        h = np.where(h > 0, h, 0.01 * h)
    scores = h @ w["dense_4.w"].T + w["dense_4.b"]
    np.testing.assert_allclose(session.evaluator.predict(data.x_validation), scores, atol=1e-5)
    assert session.metric_name == "share judged right"
    validation = session.validate()
    assert validation.metric == pytest.approx((scores > 0).mean())
    # The judge's two losses; what the maker makes for validation is drawn elsewhere.
    assert validation.loss > np.logaddexp(0, -scores).mean()


def test_networks_on_labelled_data_that_compare_something_else_show_values() -> None:
    session = Session(autoencoder())
    session.run(2)
    assert session.program.classes == ()
    assert session.metric_name == "mean abs code"
    assert session.evaluator.predict(session.data.x_validation).shape[1:] == (2,)
    assert answer(session, ConfusionProbe()) is None
    shown = answer(session, PredictionsProbe(count=4))
    assert shown is not None
    assert shown.classes == ()
    plane = Session(chain("spiral", dense(4), dense(1, "identity"), "adversarial"))
    plane.run(2)
    boundary = answer(plane, BoundaryProbe(resolution=8))
    assert boundary is not None
    assert boundary.classes == ()
    assert len(np.unique(boundary.values)) > 2
    assert len(Session(spiral(dense(2))).program.classes) == 2


def test_weighted_classes_are_validated_as_one_mean_over_all_samples() -> None:
    """The weights of the parts differ: the mean of their means would be another number."""
    weights = (0.1, 1.0, 9.0)
    graph = Graph().with_node(Samples(shape=(5,), classes=3))
    for kind, settings in (("dense", {"units": 3}),
                           ("softmax_cross_entropy", {"class_weights": weights})):
        last = graph.nodes[-1].id
        graph = graph.with_node(make_layer(kind, settings))
        graph = graph.connect(last, graph.nodes[-1].id)
    evaluator = Session(graph).evaluator
    random = np.random.default_rng(3)
    x = random.normal(size=(10, 5)).astype(np.float32)
    target = np.array([0, 0, 0, 0, 1, 2, 2, 2, 2, 1], np.float32)
    whole = evaluator.evaluate(x, target)
    evaluator.__dict__["_batch"] = 4
    parts = evaluator.evaluate(x, target)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-6)
    assert parts.metric == pytest.approx(whole.metric)
    p = evaluator.predict(x)
    rows = np.arange(len(x))
    truth = target.astype(int)
    w = np.array(weights)[truth]
    assert whole.loss == pytest.approx((-w * np.log(p[rows, truth])).sum() / w.sum(), rel=1e-5)
    assert whole.metric == pytest.approx((p.argmax(axis=1) == truth).mean())
