"""Newton's method against PyTorch's exact Hessian, least squares against NumPy's solution."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from kernels import newton
from playground.graph import Graph
from playground.layers.base import make_layer
from playground.optimizers import SGD
from playground.second_order import LeastSquares, Newton
from playground.session import Session
from playground.shapes import check
from playground.training import Training
from tests.networks import Samples, Step, row
from tests.torch_twin import Twin

Array = NDArray[np.float64]
LINEAR: Step = ("dense", {"units": 2})
VALUES = Samples(shape=(4,), target=(2,), count=60)


def linear(optimizer: Any, data: Samples = VALUES, **settings: Any) -> Graph:
    """One dense layer under the mean squared error."""
    return row(data, ("dense", {"units": 2, **settings}), ("mean_squared_error", {}),
               training=Training(batch=8, optimizer=optimizer))


def curved(optimizer: Any, activation: str = "tanh") -> Graph:
    """A classifier with 27 parameters."""
    return row(Samples(shape=(3,), classes=3, count=40),
               ("dense", {"units": 3, "activation": activation}), ("dense", {"units": 3}),
               ("dense", {"units": 3, "bias": False}), ("softmax_cross_entropy", {}),
               training=Training(optimizer=optimizer))


def weights(session: Session) -> Array:
    return np.concatenate([session.values(name).ravel().astype(np.float64)
                           for name in session.program.parameters])


def solution(session: Session) -> Array:
    """The weights of the only layer that NumPy finds, as w and b side by side."""
    x, target = session.data.x_train.astype(np.float64), session.data.target_train
    ones = np.ones((len(x), 1))
    found = np.linalg.lstsq(np.hstack([x, ones]), target.astype(np.float64), rcond=None)[0]
    return np.concatenate([found[:-1].T.ravel(), found[-1]])


# -- Newton ---------------------------------------------------------------------------------------


@pytest.mark.torch
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("instrument", [True, False])
def test_a_step_of_newton_is_the_exact_one(torch: Any, threads: int, instrument: bool) -> None:
    # With so much damping H + λ I is positive, and the step is the formula's.
    optimizer = Newton(learning_rate=0.5, damping=0.5, line_search=False)
    session = Session(curved(optimizer), threads=threads, instrument=instrument)
    for _ in range(3):
        while session.instruction.phase != "update":
            session.forward_to("phase")
        twin, before = Twin(session), weights(session)
        names = list(twin.w)

        def loss(*values: Any, twin: Any = twin, names: Any = names) -> Any:
            twin.w = dict(zip(names, values, strict=True))
            return twin.loss()

        values = tuple(twin.w.values())
        blocks = torch.autograd.functional.hessian(loss, values)
        sizes = [v.numel() for v in values]
        h = torch.cat([torch.cat([blocks[i][j].reshape(sizes[i], sizes[j])
                                  for j in range(len(sizes))], dim=1)
                       for i in range(len(sizes))])
        g = torch.cat([d.ravel() for d in torch.autograd.grad(loss(*values), values)])
        assert len(g) == 33
        assert torch.linalg.eigvalsh(h).min() < 0
        expected = 0.5 * torch.linalg.solve(h + 0.5 * torch.eye(len(g)), g).numpy()
        session.forward_to("batch")
        measured = session.values("Newton hessian")
        np.testing.assert_allclose(measured, h.numpy(), atol=2e-4 * float(h.abs().max()))
        moved = before - weights(session)
        np.testing.assert_allclose(moved, expected, atol=1e-3 * np.abs(expected).max())


def test_newton_solves_a_parabola_in_one_step() -> None:
    session = Session(linear(Newton(damping=0)))
    session.run(1)
    np.testing.assert_allclose(weights(session), solution(session), atol=1e-3)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_newton_goes_downhill_where_the_valley_bends(activation: str) -> None:
    # Curvature is negative at the start of most networks: bare Newton would climb to a saddle.
    session = Session(curved(Newton(), activation))
    losses = []
    for _ in range(25):
        session.run(1)
        losses.append(session.measured("loss"))
    assert session.trouble is None
    assert all(a >= b for a, b in itertools.pairwise(losses))
    assert losses[-1] < 0.75 * losses[0]
    plain = Session(session.graph.with_training(Training(optimizer=SGD(learning_rate=0.1))))
    plain.run(25)
    assert losses[-1] < plain.measured("loss")


def test_probing_leaves_no_trace() -> None:
    session = Session(curved(Newton(learning_rate=0)))
    before = weights(session)
    session.forward_to("batch")
    np.testing.assert_array_equal(weights(session), before)
    # The gradient that is shown is the step's, not that of the last probe.
    norm = np.linalg.norm(np.concatenate(
        [session.values(name.replace(".", ".d")).ravel() for name in session.program.parameters]))
    assert session.measured("grad_norm") == pytest.approx(norm, rel=1e-6)


@pytest.mark.parametrize("optimizer", [Newton(damping=0.1), LeastSquares(learning_rate=0.5)])
def test_every_instruction_can_be_stepped_and_taken_back(optimizer: Any) -> None:
    session, other = Session(linear(optimizer)), Session(linear(optimizer))
    other.run(3)
    length = len(session.program.code)
    for _ in range(3 * length):
        session.forward_to("instruction")
    assert session.saved_state().same_as(other.saved_state())
    assert session.go_to(length + length // 2)
    assert session.step == 1
    session.run(2)
    assert session.saved_state().same_as(other.saved_state())


def test_the_listing_names_each_weight_that_is_moved() -> None:
    program = Session(linear(Newton())).program
    moved = {t.name for i in program.instructions if i.kernel.name == "move_weight"
             for t in i.writes}
    assert {"dense_1.w[0]", "dense_1.w[7]", "dense_1.b[1]"} <= moved
    phases = [i.phase for i in program.instructions]
    assert phases == sorted(phases, key=["load", "forward", "loss", "backward", "clip",
                                         "update"].index)


def test_damping_can_change_while_it_trains() -> None:
    session = Session(linear(Newton(damping=0.1)))
    training = msgspec.structs.replace(session.graph.training, optimizer=Newton(damping=3.0))
    assert session.set_training(training)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_not_hidden(bad: float) -> None:
    h, g = np.eye(2, dtype=np.float32), np.ones(2, np.float32)
    h[1, 1] = bad
    d = np.zeros(2, np.float32)
    newton.newton_direction(n=2, damping=np.zeros(1, np.float32), hessian=h, gradient=g,
                            places=np.arange(2, dtype=np.int32), direction=d,
                            factors=np.zeros(10))
    assert not np.isfinite(d).all()


def direction(h: Any, g: list[float], damping: float) -> Array:
    d, n = np.zeros(len(g), np.float32), len(g)
    newton.newton_direction(
        n=n, damping=np.full(1, damping, np.float32), hessian=np.array(h, np.float32),
        gradient=np.array(g, np.float32), places=np.arange(n, dtype=np.int32), direction=d,
        factors=np.zeros(2 * n * n + n))
    return d.astype(np.float64)


def test_a_positive_matrix_is_solved_as_it_is() -> None:
    random = np.random.default_rng(3)
    a = random.normal(size=(40, 60))
    h, g = (a @ a.T).astype(np.float32), random.normal(size=40).astype(np.float32)
    expected = np.linalg.solve(h.astype(np.float64) + 0.5 * np.eye(40), g)
    found = direction(h, list(g), 0.5)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_an_indefinite_matrix_gets_twice_the_damping_it_takes() -> None:
    h = [[1, 0], [0, -2]]
    d = direction(h, [1, 1], 0)
    assert (d > 0).all()
    damping = 1 / d - np.diag(h)
    assert damping[0] == pytest.approx(damping[1], rel=1e-5)
    # At least 2 makes it positive; the tries are a factor of 4 apart.
    assert 4 <= damping[0] <= 16


def test_the_line_search_takes_the_best_length() -> None:
    # Twice as far as the valley's floor, tried at 2, 1, ½, ...: the second is the solution.
    session = Session(linear(Newton(learning_rate=2, damping=0)))
    session.run(1)
    np.testing.assert_allclose(weights(session), solution(session), atol=1e-3)
    assert session.values("Newton best")[1] == 0.5
    # There no length is better than another but by rounding.
    before = weights(session)
    session.run(1)
    np.testing.assert_allclose(weights(session), before, atol=1e-3)


# -- least squares --------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_least_squares_is_the_solution(threads: int, bias: bool) -> None:
    session = Session(linear(LeastSquares(), bias=bias), threads=threads)
    session.run(1)
    if bias:
        np.testing.assert_allclose(weights(session), solution(session), atol=2e-6)
    x, target = session.data.x_train.astype(np.float64), session.data.target_train
    error = x @ session.values("dense_1.w").T - target
    error += session.values("dense_1.b") if bias else 0
    # What is left has nothing to do with the inputs: the normal equations.
    np.testing.assert_allclose(x.T @ error, 0, atol=1e-4)
    before = weights(session)
    session.run(2)
    np.testing.assert_allclose(weights(session), before, atol=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
def test_each_step_of_a_sequence_counts_as_a_sample(threads: int) -> None:
    data = Samples(shape=(3, 4), target=(3, 2), count=30)
    session = Session(linear(LeastSquares(), data), threads=threads)
    session.run(1)
    x, target = (values.reshape(-1, values.shape[-1]).astype(np.float64) for values in (
        session.data.x_train, session.data.target_train))
    error = x @ session.values("dense_1.w").T + session.values("dense_1.b") - target
    np.testing.assert_allclose(x.T @ error, 0, atol=1e-4)
    np.testing.assert_allclose(error.sum(axis=0), 0, atol=1e-4)


def test_a_long_sequence_of_few_features_is_not_too_wide() -> None:
    data = Samples(shape=(501, 2), target=(501, 2), count=4)
    assert not why(LINEAR, ("mean_squared_error", {}), optimizer=LeastSquares(), data=data)


@pytest.mark.parametrize("weight", [0.25, 5.0])
def test_the_weight_of_the_loss_moves_nothing_else(weight: float) -> None:
    graph = linear(LeastSquares())
    loss = make_layer("mean_squared_error", {"weight": weight})
    session = Session(graph.with_layer("loss_1", loss))
    session.run(1)
    np.testing.assert_allclose(weights(session), solution(session), atol=2e-6)
    session.run(3)
    np.testing.assert_allclose(weights(session), solution(session), atol=2e-6)


def test_a_loss_that_does_not_count_moves_nothing() -> None:
    graph = linear(LeastSquares())
    session = Session(graph.with_layer("loss_1", make_layer("mean_squared_error", {"weight": 0})))
    before = weights(session)
    session.run(2)
    assert session.trouble is None
    np.testing.assert_array_equal(weights(session), before)


def test_half_the_learning_rate_goes_half_the_way() -> None:
    session = Session(linear(LeastSquares(learning_rate=0.5)))
    start, end = weights(session), solution(session)
    session.run(1)
    np.testing.assert_allclose(weights(session), (start + end) / 2, atol=1e-6)


def test_inputs_that_depend_on_each_other_do_no_harm() -> None:
    # Of each digit's 64 pixels some are 0 in every picture: the matrix has no inverse.
    graph = row(make_layer("digits", {}), ("flatten", {}), ("dense", {"units": 10}),  # type: ignore[arg-type]
                ("mean_squared_error", {}), training=Training(optimizer=LeastSquares()))
    session = Session(graph)
    session.run(2)
    assert session.trouble is None
    x = session.data.x_train.reshape(len(session.data.x_train), -1).astype(np.float64)
    a = np.hstack([x, np.ones((len(x), 1))])
    target = np.eye(10)[session.data.target_train.astype(int)]
    residual = a @ np.linalg.lstsq(a, target, rcond=None)[0] - target
    assert session.measured("loss") == pytest.approx(float((residual**2).mean()), rel=1e-4)


# -- what is refused ------------------------------------------------------------------------------


def why(*steps: Step, optimizer: Any, data: Samples = VALUES) -> str:
    return check(row(data, *steps, training=Training(optimizer=optimizer))).graph_error


def test_newton_refuses_what_would_take_for_ever() -> None:
    big = why(("dense", {"units": 60}), LINEAR, ("mean_squared_error", {}), optimizer=Newton())
    assert "422 are too many: at most 400. Choose fewer units or another optimizer." in big
    assert not why(("dense", {"units": 20}), LINEAR, ("mean_squared_error", {}),
                   optimizer=Newton())


@pytest.mark.parametrize(("steps", "words"), [
    ([("dense", {"units": 3}), LINEAR, ("mean_squared_error", {})], "2 layers learn here"),
    ([("dense", {"units": 2, "activation": "tanh"}), ("mean_squared_error", {})],
     "activation identity, and dense_1 is none"),
    ([LINEAR, ("tanh", {}), ("mean_squared_error", {})], "the last layer before the loss"),
])
def test_least_squares_refuses_what_is_not_linear(steps: list[Step], words: str) -> None:
    assert words in why(*steps, optimizer=LeastSquares())


@pytest.mark.parametrize("optimizer", [Newton(), LeastSquares()])
def test_both_refuse_a_network_without_weights(optimizer: Any) -> None:
    data = Samples(shape=(4,), target=(4,))
    assert "no layer here has any. Add a Dense" in why(
        ("tanh", {}), ("mean_squared_error", {}), optimizer=optimizer, data=data)


def test_only_what_a_step_changes_is_refused() -> None:
    def refused(*steps: Step, shape: tuple[int, ...] = (4,)) -> str:
        data = Samples(shape=shape, target=(*shape[:-1], 2))
        return why(*steps, LINEAR, ("mean_squared_error", {}), optimizer=Newton(), data=data)

    assert "batch_norm_1 would change what it remembers" in refused(("batch_norm", {}))
    assert not refused(("batch_norm", {"statistics": "running"}))
    assert not refused(("positional_encoding", {}), shape=(3, 4))


def test_least_squares_refuses_other_losses_and_too_many_inputs() -> None:
    classes = Samples(shape=(4,), classes=2)
    assert "Choose that loss" in why(LINEAR, ("softmax_cross_entropy", {}),
                                     optimizer=LeastSquares(), data=classes)
    wide = Samples(shape=(501,), target=(2,))
    assert "501 inputs of dense_1" in why(LINEAR, ("mean_squared_error", {}),
                                          optimizer=LeastSquares(), data=wide)
    # What changes no number may stand between.
    assert not why(("tanh", {}), LINEAR, ("identity", {}), ("mean_squared_error", {}),
                   optimizer=LeastSquares())
