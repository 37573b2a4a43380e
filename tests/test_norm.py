"""Normalisation and noise: numbers by hand, conventions, running statistics and sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import kernels
from playground.layers.base import Layer, Shape, ShapeError, make_layer
from playground.layers.norm import (
    BatchNorm,
    GroupNorm,
    L2Normalise,
    LayerNorm,
    LocalResponseNorm,
)
from playground.learning import Learning
from playground.session import Session
from playground.shapes import check
from playground.training import SGD, Training
from tests.gradient_check import Bench, Given
from tests.networks import Samples, learning, row
from tests.reopened import reopened
from tests.sketch import both_ways, chain, dense, spiral
from ui.inspector.fields import fields_of


def play(layer: Layer, x: Any, **given: Any) -> tuple[Bench, np.ndarray]:
    """The output in a training step, for samples x and what is given of w, b and running."""
    x = np.asarray(x, np.float32)
    bench = Bench(layer, (x.shape[1:],), batch=len(x))
    drawn = bench.draw()
    w = {name: np.full_like(v, given.get(name, v)) for name, v in drawn.w.items()}
    running = {name: np.full_like(v, given.get(name, v)) for name, v in drawn.running.items()}
    return bench, bench.play(Given((x,), w, drawn.dy, running)).y


# -- batch norm -----------------------------------------------------------------------------------

FEATURES = [[1.0, 10.0], [2.0, 10.0], [6.0, 40.0]]
"""Means 3 and 20, variances 14 / 3 and 200, unbiased 7 and 300."""


def test_batch_norm_by_hand() -> None:
    bench, y = play(BatchNorm(epsilon=1e-12), FEATURES, w=2.0, b=1.0,
                    running_mean=0.0, running_var=1.0)
    low, high = 3 / np.sqrt(14 / 3), 20 / np.sqrt(200)
    np.testing.assert_allclose(
        y, [[1 - 4 * low / 3, 1 - high], [1 - 2 * low / 3, 1 - high], [1 + 2 * low, 1 + 2 * high]],
        rtol=1e-5)
    values = bench.session.values
    np.testing.assert_allclose(values("batch_norm_1.running_mean"), [0.3, 2.0], rtol=1e-6)
    np.testing.assert_allclose(values("batch_norm_1.running_var"), [1.6, 30.9], rtol=1e-6)


def test_keras_counts_momentum_the_other_way_and_divides_by_n() -> None:
    layer = BatchNorm(convention="keras", momentum=0.9)
    bench, _ = play(layer, FEATURES, running_mean=0.0, running_var=1.0)
    values = bench.session.values
    np.testing.assert_allclose(values("batch_norm_1.running_mean"), [0.3, 2.0], rtol=1e-5)
    np.testing.assert_allclose(
        values("batch_norm_1.running_var"), [0.9 + 0.1 * 14 / 3, 20.9], rtol=1e-5)


@pytest.mark.parametrize("shape", [(3,), (7, 3), (3, 5, 4)])
def test_a_spread_far_from_zero_is_seen(shape: Shape) -> None:
    random = np.random.default_rng(1)
    _, y = play(BatchNorm(affine=False), random.normal(1000, 0.5, (8, *shape)))
    channel = 1 if len(shape) == 3 else y.ndim - 1
    others = tuple(axis for axis in range(y.ndim) if axis != channel)
    np.testing.assert_allclose(y.mean(axis=others), 0, atol=1e-3)
    np.testing.assert_allclose(y.std(axis=others), 1, rtol=1e-3)


def test_conv1d_has_its_channels_first() -> None:
    x = np.random.default_rng(1).normal(3, 2, (8, 4, 5))
    _, y = play(BatchNorm(affine=False, axes="channels_length"), x)
    np.testing.assert_allclose(y.mean(axis=(0, 2)), 0, atol=1e-5)
    bench, y = play(BatchNorm(affine=False), x)
    np.testing.assert_allclose(y.mean(axis=(0, 1)), 0, atol=1e-5)
    assert bench.session.values("batch_norm_1.running_mean").shape == (5,)


def test_frozen_statistics_stay_and_are_used() -> None:
    bench, y = play(BatchNorm(statistics="running", epsilon=1e-12), FEATURES, w=1.0, b=0.0,
                    running_mean=2.0, running_var=4.0)
    np.testing.assert_allclose(y, (np.array(FEATURES) - 2) / 2, rtol=1e-5)
    assert (bench.session.values("batch_norm_1.running_mean") == 2).all()
    assert "batch_norm_1.batch_mean" not in bench.session.program.tensors


@pytest.mark.parametrize(("settings", "moves"), [({}, True), ({"statistics": "running"}, False)])
def test_frozen_weights_leave_the_running_statistics_to_their_setting(
        settings: dict[str, Any], moves: bool) -> None:
    graph = spiral(dense(6), ("batch_norm", settings)).with_learning(
        "batch_norm_1", Learning(frozen=True))
    session = Session(graph)
    session.run(3)
    assert (session.values("batch_norm_1.w") == 1).all()
    assert session.values("batch_norm_1.running_mean").any() == moves
    # The two frameworks differ here, so the switch says which one it follows.
    (frozen,) = (field for field in fields_of(Learning) if field.name == "frozen")
    assert "moving its running statistics, as in PyTorch" in frozen.help


def test_validation_uses_the_running_statistics_of_the_moment() -> None:
    session = Session(spiral(dense(6), ("batch_norm", {"affine": False})))
    x = session.data.x_validation[:9]
    for _ in range(3):
        session.run(5)
        found = session.evaluator.activations(x)
        mean, var = (session.values(f"batch_norm_1.running_{name}") for name in ("mean", "var"))
        np.testing.assert_allclose(found["batch_norm_1.y"],
                                   (found["dense_1.y"] - mean) / np.sqrt(var + 1e-5), rtol=1e-4,
                                   atol=1e-5)


def test_the_node_says_which_statistics_are_used() -> None:
    assert BatchNorm().subtitle() == "batch statistics"
    assert "predictions use the running ones" in BatchNorm().notes((3,))[0]
    frozen = BatchNorm(statistics="running")
    assert frozen.subtitle() == "running statistics"
    assert "Frozen" in frozen.notes((3,))[0]


@pytest.mark.parametrize("threads", [1, 2])
def test_batch_norm_goes_back_and_on_like_running(threads: int) -> None:
    graph = spiral(dense(6), ("batch_norm", {}), dense(4))

    def wander(session: Session) -> None:
        session.run(37)
        session.forward_to("layer")
        for unit in ("layer", "phase", "batch", "epoch"):
            session.back(unit)  # type: ignore[arg-type]

    both_ways(graph, 50, wander, threads)


@pytest.mark.parametrize(("shape", "settings"), [
    ((7,), {}), ((1,), {}), ((4, 5), {}), ((4, 5), {"axes": "channels_length"}), ((3, 4, 5), {}),
    ((2, 3, 4), {"affine": False}), ((5, 2, 4), {"statistics": "running"})])
def test_batch_norm_gives_the_same_bits_on_any_number_of_lanes(
        shape: Shape, settings: dict[str, Any]) -> None:
    """Lanes share out its channels, never the sums of one. All else here goes value by value."""
    found = []
    for threads in (1, 2, 3):
        graph = row(Samples(shape=shape, target=shape), ("batch_norm", settings),
                    ("tanh", {}), ("batch_norm", settings),
                    ("mean_squared_error", {}), training=Training(batch=12))
        session = Session(graph, threads=threads)
        session.run(3)
        names = [name for name in session.program.tensors if name.startswith("batch_norm")
                 and name.partition(".")[2] in ("y", "dw", "db", "running_mean", "running_var")]
        found.append({name: session.values(name).tobytes() for name in names})
        # The channels of all lanes, for each sum and what is made of it.
        numbers = [[one.operands["own"] for one in lanes if one] for lanes in session.program.code
                   if lanes[0] and "own" in lanes[0].operands]
        assert numbers
        for own in numbers:
            assert len(own) == threads
            assert max(own) - min(own) <= 1
    assert found[0] == found[1] == found[2]


def test_running_statistics_are_saved_with_the_document(tmp_path: Path) -> None:
    session = Session(spiral(dense(6), ("batch_norm", {})))
    session.run(20)
    other = reopened(session, tmp_path)
    for each in (session, other):
        each.run(20)
    assert session.arena.state.tobytes() == other.arena.state.tobytes()
    assert (session.values("batch_norm_1.running_var") != 1).all()


def test_scale_and_offset_may_come_later() -> None:
    session = Session(spiral(dense(6), ("batch_norm", {"affine": False})))
    session.run(20)
    learned = session.values("batch_norm_1.running_mean").copy()
    other = Session(spiral(dense(6), ("batch_norm", {})))
    other.restore(session.saved_state())
    np.testing.assert_array_equal(other.values("batch_norm_1.running_mean"), learned)
    assert (other.values("batch_norm_1.w") == 1).all()


def test_a_disconnected_layer_keeps_its_statistics() -> None:
    graph = spiral(dense(6), ("batch_norm", {}))
    session = Session(graph)
    session.run(20)
    without = graph.without_edges((*graph.inputs_of("batch_norm_1"), *graph.inputs_of("dense_2")))
    without = without.connect("dense_1", "dense_2")
    other = Session(without)
    other.restore(session.saved_state())
    assert "batch_norm_1.running_mean" not in other.program.tensors
    again = Session(graph)
    again.restore(other.saved_state())
    np.testing.assert_array_equal(again.values("batch_norm_1.running_mean"),
                                  session.values("batch_norm_1.running_mean"))


# -- the others -----------------------------------------------------------------------------------


def test_layer_norm_by_hand() -> None:
    _, y = play(LayerNorm(epsilon=1e-12), [[1.0, 2.0, 3.0, 6.0]], w=2.0, b=1.0)
    np.testing.assert_allclose(y, 1 + 2 * np.array([[-2, -1, 0, 3]]) / np.sqrt(3.5), rtol=1e-5)


def test_every_group_by_itself() -> None:
    x = np.random.default_rng(2).normal(3, 2, (2, 6, 3, 5))
    _, y = play(GroupNorm(groups=3, affine=False), x)
    groups = y.reshape(2, 3, -1)
    np.testing.assert_allclose(groups.mean(axis=2), 0, atol=1e-5)
    np.testing.assert_allclose(groups.std(axis=2), 1, rtol=1e-3)


def test_local_response_norm_by_hand() -> None:
    layer = LocalResponseNorm(size=2, alpha=2.0, beta=1.0, k=1.0)
    _, y = play(layer, [[1.0, 2.0, 3.0]])
    # The window of an even size reaches back: s = 1 + (x² before + x²), as in PyTorch.
    np.testing.assert_allclose(y, [[1 / 2, 2 / 6, 3 / 14]], rtol=1e-5)


def test_length_is_one_and_nothing_stays_nothing() -> None:
    _, y = play(L2Normalise(), [[3.0, 4.0], [0.0, 0.0], [-6e20, 8e20]])
    np.testing.assert_allclose(y, [[0.6, 0.8], [0, 0], [-0.6, 0.8]], rtol=1e-6)


@pytest.mark.parametrize(("layer", "shape", "words"), [
    (GroupNorm(groups=4), (6, 3, 3), "6 channels cannot be split into 4 equal groups"),
    (GroupNorm(), (2, 3, 4, 5), "Add a Flatten"),
    (LocalResponseNorm(), (2, 3, 4, 5), "Add a Flatten"),
    (BatchNorm(), (2, 3, 4, 5), "Add a Flatten"),
])
def test_what_does_not_fit_is_told(layer: Layer, shape: Shape, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        layer.output_shape(shape)


def test_an_image_normalised_line_by_line_is_noted() -> None:
    assert "width" in LayerNorm().notes((3, 4, 5))[0]
    assert LayerNorm(axes="all").notes((3, 4, 5)) == ()
    assert LayerNorm().notes((4, 5)) == ()


# -- noise ----------------------------------------------------------------------------------------


def test_normal_numbers_are_normal() -> None:
    n = 200_000
    noise, y, x = (np.zeros(n, np.float32) for _ in range(3))
    counters = np.array([3], np.int64)
    kernels.random.add_noise(n=n, deviation=2.0, key=7, counters=counters, x=x, noise=noise, y=y)
    assert stats.kstest(noise / 2, "norm").pvalue > 0.01
    assert abs(stats.kurtosis(noise)) < 0.05
    again = noise.copy()
    counters[0] = 4
    kernels.random.add_noise(n=n, deviation=2.0, key=7, counters=counters, x=x, noise=noise, y=y)
    assert abs(np.corrcoef(noise, again)[0, 1]) < 0.01


def test_normal_numbers_are_the_inverse_of_the_distribution() -> None:
    # All that is known of the draws is that they follow the bits of `squares`, in order.
    n = 100_000
    noise, y, x = (np.zeros(n, np.float32) for _ in range(3))
    kernels.random.add_noise(n=n, deviation=1.0, key=1, counters=np.zeros(1, np.int64), x=x,
                             noise=noise, y=y)
    u = 2 * special.ndtr(noise.astype(np.float64)) - 1
    # u is (2k + 1) / 2²³ - 1 for a whole k: the numbers lie on that grid to single precision.
    k = ((u + 1) * 2**23 - 1) / 2
    away = np.abs(k - np.round(k))
    assert np.median(away[np.abs(noise) > 4.2]) < 0.05
    assert np.abs(noise).max() < 5.5


@pytest.mark.parametrize("shape", [(4, 5, 3), (6, 4)])
def test_whole_channels_are_left_out(shape: Shape) -> None:
    layer = make_layer("spatial_dropout", {"rate": 0.5})
    _, y = play(layer, np.ones((32, *shape)))
    channels = y.reshape(32, 4, -1) if len(shape) == 3 else y.transpose(0, 2, 1)
    assert set(np.unique(channels)) == {0, 2}
    assert (channels == channels[:, :, :1]).all()
    assert 0.4 < (channels[:, :, 0] == 0).mean() < 0.6


def test_a_deep_network_with_batch_norm_learns_the_spiral() -> None:
    layers = [step for _ in range(3) for step in (("dense", {"units": 16}), ("batch_norm", {}),
                                                  ("relu", {}))]
    graph = chain(("spiral", {"points": 300, "noise": 0.0}), *layers, ("dense", {"units": 2}),
                  "softmax_cross_entropy",
                  training=Training(batch=32, optimizer=SGD(learning_rate=0.1, momentum=0.9)))
    assert check(graph).trainable
    session = Session(graph, threads=2)
    session.run(700)
    assert session.validate().metric > 0.95


def test_batch_norm_is_not_blamed_for_what_comes_after_it() -> None:
    graph = row(Samples(shape=(2000,), classes=2), ("batch_norm", {}), ("dense", {"units": 2}),
                ("softmax_cross_entropy", {}), training=Training(batch=20))
    session = Session(graph)
    session.values("dense_1.w")[...] = 3e38
    session.run(1)
    # Halves of good doubles, some of which look infinite or like no number.
    assert not np.isfinite(session.values("batch_norm_1.sums")).all()
    assert session.trouble is not None
    assert session.trouble.node == "dense_1"


def test_another_players_loss_goes_back_through_batch_norm() -> None:
    # The loss trains dense_1 alone or all that leads to it: dense_1 hears the same.
    found = []
    for group in ("", "one"):
        graph = spiral(dense(3), ("batch_norm", {}), optimizer=SGD(learning_rate=0))
        (loss,) = check(graph).losses
        graph = graph.with_layer(loss, make_layer("softmax_cross_entropy", {"trains": group}))
        session = Session(graph.with_learning("dense_1", Learning(group="one")))
        session.run(1)
        found.append(session.values("dense_1.dw").copy())
    np.testing.assert_array_equal(*found)
    assert found[0].any()


def test_a_batch_of_one_does_not_divide_by_zero() -> None:
    graph = learning(BatchNorm(), ((4,),), Training(batch=1, optimizer=SGD(learning_rate=0.01)))
    session = Session(graph)
    session.run(5)
    assert np.isfinite(session.arena.state).all()
