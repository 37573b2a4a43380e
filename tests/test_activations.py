"""Activations against numbers from papers and by hand; the generic tests do the rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from playground.activations import ACTIVATIONS
from playground.layers.base import ShapeError, Signal, make_layer
from playground.session import Session
from playground.shapes import check
from playground.training import SGD, Training
from tests.gradient_check import Bench, Given
from tests.networks import Samples, row
from tests.sketch import drawn


def outputs(kind: str, x: list[float], **settings: Any) -> list[float]:
    layer = make_layer(kind, settings)
    bench = Bench(layer, ((len(x),),), batch=1)
    given = bench.draw()
    w = {p.name: drawn(p, np.random.default_rng(1)) for p in layer.parameters((len(x),))}
    y = bench.play(Given((np.array([x], np.float32),), w, given.dy)).y
    return [float(value) for value in y.ravel()]


@pytest.mark.parametrize(("kind", "settings", "x", "y"), [
    # Φ(1) = 0.8413, Φ(2) = 0.9772: tables of the normal distribution.
    ("gelu", {}, [1, -1, 2, 0], [0.8413447, -0.1586553, 1.9544997, 0]),
    ("gelu", {"approximate": "tanh"}, [1, -1], [0.8411920, -0.1588080]),
    ("silu", {}, [1, -1.2784645, 0], [0.7310586, -0.2784645, 0]),  # its lowest point
    ("softplus", {}, [0, 1, 21], [math.log(2), 1.3132617, 21]),
    ("softplus", {"beta": 2}, [0, 1], [math.log(2) / 2, 1.0634640]),
    ("softplus", {"threshold": 0}, [3, -3], [3, 0.0485874]),
    ("hard_tanh", {}, [-7, -0.3, 0.3, 7], [-1, -0.3, 0.3, 1]),
    ("hard_tanh", {"min_val": -2, "max_val": 0}, [-7, -0.3, 0.3], [-2, -0.3, 0]),
    ("exponential", {}, [0, 1, -2, 100], [1, math.e, 0.1353353, math.inf]),
    ("prelu", {}, [-2, 2], [-0.5, 2]),
    ("maxout", {"pieces": 3}, [1, 5, 2, -4, -3, -9], [5, -3]),
    ("log_softmax", {}, [0, math.log(3)], [math.log(0.25), math.log(0.75)]),
    # Where softmax would give 0, and its logarithm nothing.
    ("log_softmax", {}, [0, 1000], [-1000, 0])])
def test_values(kind: str, settings: dict[str, Any], x: list[float], y: list[float]) -> None:
    assert outputs(kind, x, **settings) == pytest.approx(y, rel=2e-6, abs=1e-7)


def test_maxout_is_an_absolute_value_of_two_pieces() -> None:
    # Figure 1 of Goodfellow et al. 2013: |x| = max(x, -x).
    assert outputs("maxout", [-3, 3, 0.5, -0.5]) == [3, 0.5]


def test_maxout_sends_the_gradient_to_the_first_of_equals() -> None:
    bench = Bench(make_layer("maxout", {"pieces": 3}), ((3, 2, 1),), batch=1)
    given = bench.draw()
    x = np.array([[4, 1], [4, 2], [3, 2]], np.float32).reshape(1, 3, 2, 1)
    dx = bench.play(Given((x,), {}, given.dy)).dx[0]
    assert dx is not None
    a, b = given.dy.ravel()
    np.testing.assert_array_equal(dx.reshape(3, 2), [[a, 0], [0, b], [0, 0]])


def test_a_slope_for_each_channel() -> None:
    layer = make_layer("prelu", {"per_channel": True})
    (w,) = layer.parameters((3, 4, 5))
    assert w.shape == (3,)
    (shared,) = make_layer("prelu", {}).parameters((3, 4, 5))
    assert shared.shape == (1,)
    assert drawn(shared, np.random.default_rng(0)) == 0.25


@pytest.mark.parametrize(("kind", "settings", "shape", "words"), [
    ("maxout", {"pieces": 4}, (10,), "4 pieces do not divide 10 features. .* 8 outputs"),
    ("maxout", {}, (3, 8, 8), "2 pieces do not divide 3 channels"),
    ("hard_tanh", {"min_val": 0, "max_val": 0}, (3,), "Choose a maximum above the minimum"),
    ("log_softmax", {}, (3, 8, 8), "got 3×8×8. Add a Flatten")])
def test_what_does_not_fit_is_told_with_the_way_out(
        kind: str, settings: dict[str, Any], shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        make_layer(kind, settings).infer(Signal(shape))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_fused_is_what_the_layer_of_that_name_does(name: str) -> None:
    kind, settings = (("gelu", {"approximate": "tanh"}) if name == "gelu_tanh" else (name, {}))
    training = Training(batch=6, optimizer=SGD(learning_rate=0.1))
    data = Samples(shape=(4,), target=(2,))
    fused = Session(row(data, ("dense", {"units": 2, "activation": name}),
                        ("mean_squared_error", {}), training=training))
    alone = Session(row(data, ("dense", {"units": 2}), (kind, settings),
                        ("mean_squared_error", {}), training=training))
    for session in (fused, alone):
        session.run(5)
    np.testing.assert_array_equal(fused.values("dense_1.w"), alone.values("dense_1.w"))


def test_only_functions_told_by_their_input_read_it_again() -> None:
    for name, function in ACTIVATIONS.items():
        graph = row(Samples(), ("dense", {"activation": name}), ("dense", {"units": 1}),
                    ("mean_squared_error", {}), training=Training(batch=4))
        assert check(graph).trainable
        backward = [i for i in Session(graph).program.instructions
                    if i.kernel.name == f"{name}_backward"]
        reads = {t.name for i in backward for t in i.reads}
        assert ("dense_1.z" in reads) == (function.told_by == "x"), name
