"""How weights start: what each rule promises, and documents that name one."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from playground.graph import Graph
from playground.graph_json import decode, encode
from playground.initializers import (
    Constant,
    Identity,
    Initializer,
    Normal,
    Orthogonal,
    Uniform,
    initialize,
)
from playground.layers.base import Parameter, make_layer
from playground.layers.core import Dense
from playground.session import Session
from playground.training import SGD, Training
from tests.networks import Samples, row
from tests.sketch import drawn


def draw(rule: Initializer, shape: tuple[int, ...] = (300, 200), **options: Any) -> np.ndarray:
    return initialize(rule, shape, 200, 300, np.random.default_rng(4), **options)


@pytest.mark.parametrize(("rule", "deviation"), [
    ("glorot_uniform", (2 / 500) ** 0.5), ("glorot_normal", (2 / 500) ** 0.5),
    ("he_uniform", (2 / 200) ** 0.5), ("he_normal", (2 / 200) ** 0.5),
    ("lecun_uniform", (1 / 200) ** 0.5), ("lecun_normal", (1 / 200) ** 0.5),
    ("pytorch", (1 / 600) ** 0.5), ("keras", (2 / 500) ** 0.5), ("zeros", 0),
    (Uniform(scale=0.6), 0.6 / 3**0.5), (Normal(deviation=0.3), 0.3),
    (Orthogonal(gain=2), 2 / 300**0.5), (Constant(value=7), 0)])
def test_deviation_is_that_of_the_paper(rule: Initializer, deviation: float) -> None:
    w = draw(rule)
    assert w.dtype == np.float32
    assert w.std() == pytest.approx(deviation, rel=0.01)
    assert w.mean() == pytest.approx(7 if rule == Constant(value=7) else 0, abs=0.005)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (8, 2, 3, 3), (3,)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    w = draw(Orthogonal(gain=1.5), shape).reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 1.5**2 * np.eye(len(product)), atol=1e-6)


def test_orthogonal_is_uniform_among_rotations() -> None:
    # q alone would have a diagonal of one sign.
    diagonals = [initialize(Orthogonal(), (2, 2), 2, 2, np.random.default_rng(i))[0, 0]
                 for i in range(400)]
    assert abs(float(np.mean(diagonals))) < 0.1


def test_identity_lets_the_signal_through() -> None:
    np.testing.assert_array_equal(draw(Identity(gain=2), (3, 4)), 2 * np.eye(3, 4))
    kernel = draw(Identity(), (4, 2, 3, 3), groups=2)
    assert kernel.sum() == 4
    assert [kernel[o, o % 2, 1, 1] for o in range(4)] == [1, 1, 1, 1]
    # A depthwise kernel: every channel is a group of its own.
    np.testing.assert_array_equal(draw(Identity(), (3, 1, 1, 1), groups=3).ravel(), np.ones(3))
    assert draw(Identity(), (3,)).sum() == 0


def test_frameworks_start_by_what_an_array_is_for() -> None:
    assert np.abs(draw("keras", role="embedding")).max() == pytest.approx(0.05, rel=0.01)
    recurrent = draw("keras", (50, 50), role="recurrent")
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(50), atol=1e-5)
    assert draw("pytorch", role="embedding").std() == pytest.approx(1, rel=0.01)
    assert np.abs(draw("pytorch", role="recurrent")).max() == pytest.approx(200**-0.5, rel=0.01)
    # Biases: PyTorch draws them, Keras does not.
    for rule, random in (("pytorch", True), ("keras", False)):
        b = make_layer("dense", {"initializer": rule}).parameters((9,))[1]
        assert drawn(b, np.random.default_rng(1)).any() == random


@pytest.mark.parametrize(("kind", "gates"), [("elman", 1), ("gru", 3), ("lstm", 4)])
def test_to_keras_the_gates_of_a_cell_are_one_matrix(kind: str, gates: int) -> None:
    # Its kernel is (inputs, gates · units), drawn as a whole; here each gate is a layer.
    bounds = {"keras": (6 / (30 + gates * 50)) ** 0.5, "glorot_uniform": (6 / (30 + 50)) ** 0.5}
    for rule, bound in bounds.items():
        w = make_layer(kind, {"units": 50, "initializer": rule}).parameters((9, 30))[0]
        assert np.abs(drawn(w, np.random.default_rng(1))).max() == pytest.approx(bound, rel=0.01)


def test_attention_starts_as_keras_does() -> None:
    # Its kernels are (features, heads, size) and (heads, size, features); for fans all axes but
    # the last two are the places of a convolution's kernel.
    n, heads, size = 60, 3, 20
    layer = make_layer("multi_head_attention", {"heads": heads, "initializer": "keras"})
    w, w_out, b, b_out = (
        drawn(p, np.random.default_rng(1)) for p in layer.parameters((5, n)))
    assert np.abs(w).max() == pytest.approx((6 / (n * heads + n * size)) ** 0.5, rel=0.01)
    assert np.abs(w_out).max() == pytest.approx((6 / (size * heads + n * heads)) ** 0.5, rel=0.01)
    assert not np.concatenate([b, b_out]).any()


def test_a_rule_reaches_the_weights() -> None:
    data = Samples(shape=(3,), target=(3,))
    steps = ("dense", {"units": 3, "initializer": {"type": "identity", "gain": 1.0}})
    session = Session(row(data, steps, ("mean_squared_error", {}),
                          training=Training(batch=4, optimizer=SGD(learning_rate=0))))
    np.testing.assert_array_equal(session.values("dense_1.w"), np.eye(3))
    session.forward_to("phase")
    session.forward_to("phase")
    np.testing.assert_array_equal(session.values("dense_1.y"), session.values("samples_1.x"))


def test_documents_keep_names_and_numbers() -> None:
    for rule in ("he_normal", Constant(value=0.5), Orthogonal(gain=1.4)):
        graph = Graph().with_node(Dense(initializer=rule))
        assert decode(encode(graph)).graph.nodes[0].layer == Dense(initializer=rule)
    # As documents of before rules had numbers have it.
    text = encode(Graph().with_node(Dense(initializer="he_normal"))).decode()
    assert '"initializer": "he_normal"' in text


@pytest.mark.parametrize("given", [
    "no_such_rule", {"type": "constant", "value": 1e9}, {"type": "uniform", "width": 1},
    {"value": 1}, 3])
def test_what_is_no_rule_is_refused_in_a_sentence(given: object) -> None:
    with pytest.raises(ValueError, match="Dense: "):
        make_layer("dense", {"initializer": given})


def test_the_same_seed_draws_the_same() -> None:
    p = Parameter("w", (4, 5), Normal(), 5, 4)
    one, two = (drawn(p, np.random.default_rng(3)) for _ in range(2))
    assert one.tobytes() == two.tobytes()
    assert drawn(msgspec.structs.replace(p, initializer="keras"),
                 np.random.default_rng(3)).tobytes() != one.tobytes()


def test_many_weights_are_the_same_piece_by_piece() -> None:
    import math

    from playground.initializers import PIECE

    shape = (3, PIECE // 2 + 1)
    bound = math.sqrt(6 / 50)
    whole = np.random.default_rng(3).uniform(-bound, bound, shape).astype(np.float32)
    found = initialize("he_uniform", shape, 50, 20, np.random.default_rng(3))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, whole)
