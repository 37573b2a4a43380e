"""Updates, schedules and clipping against NumPy in float64, watched inside the step."""

from __future__ import annotations

import itertools
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from playground.optimizers import (
    OPTIMIZERS,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    GradientDescent,
    RMSProp,
)
from playground.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    Factor,
    Plateau,
    Schedule,
    StepDecay,
)
from playground.second_order import LeastSquares, Newton
from playground.session import Session
from playground.shapes import check
from playground.state import SavedState
from playground.training import Clipping, Training
from playground.update_rule import Optimizer
from tests.cases import settings_of
from tests.networks import Samples, row

Array = NDArray[np.float64]
NODES = ("dense_1", "dense_2")
STEPS = 12


def session_of(threads: int = 1, **training: Any) -> Session:
    """A small classifier with 7 steps per epoch."""
    graph = row(
        Samples(shape=(5,), classes=3, count=70),
        ("dense", {"units": 7, "activation": "tanh"}), ("dense", {"units": 3}),
        ("softmax_cross_entropy", {}), training=Training(batch=8, **training))
    return Session(graph, threads=threads)


def vector(session: Session, node: str, prefix: str = "") -> Array:
    """A node's weights (or gradients, with "d") side by side."""
    return np.concatenate([session.values(f"{node}.{prefix}{p}").ravel().astype(np.float64)
                           for p in ("w", "b")])


def run_to_phase(session: Session, phase: str) -> None:
    while session.instruction.phase != phase:
        session.forward_to("phase")


# -- updates --------------------------------------------------------------------------------------


class Reference:
    """The updates as the papers and PyTorch write them."""

    def __init__(self, optimizer: Optimizer) -> None:
        # The settings as the arena holds them: 1 - β is another number when β is near 1.
        self.optimizer = msgspec.structs.replace(
            optimizer, **{n: float(np.float32(getattr(optimizer, n))) for n in optimizer.hyper})
        self.a: Any = 0.0
        self.b: Any = 0.0
        self.c: Any = 0.0
        self.t = 0

    def update(self, w: Array, g: Array) -> Array:
        o = self.optimizer
        self.t += 1
        lr, decay = o.learning_rate, o.weight_decay
        if isinstance(o, AdamW):
            w = w * (1 - lr * decay)
        else:
            g = g + decay * w
        match o:
            case GradientDescent():
                return w - lr * g
            case SGD(momentum=momentum):
                self.a = momentum * self.a + g
                return w - lr * (g + momentum * self.a if o.nesterov else self.a)
            case AdaGrad(epsilon=epsilon):
                self.a = self.a + g**2
                root = np.sqrt(o.initial_accumulator_value + self.a)
                return w - lr / (1 + (self.t - 1) * o.lr_decay) * g / (root + epsilon)
            case AdaDelta(rho=rho, epsilon=epsilon):
                self.a = rho * self.a + (1 - rho) * g**2
                u = np.sqrt(self.b + epsilon) / np.sqrt(self.a + epsilon) * g
                self.b = rho * self.b + (1 - rho) * u**2
                return w - lr * u
            case RMSProp(alpha=alpha):
                self.a = alpha * self.a + (1 - alpha) * g**2
                self.b = alpha * self.b + (1 - alpha) * g
                variance = self.a - self.b**2 if o.centered else self.a
                self.c = o.momentum * self.c + g / (np.sqrt(variance) + o.epsilon)
                return w - lr * self.c
            case Adam() | AdamW():
                self.a = o.beta1 * self.a + (1 - o.beta1) * g
                self.b = o.beta2 * self.b + (1 - o.beta2) * g**2
                self.c = np.maximum(self.c, self.b)
                m = self.a / (1 - o.beta1**self.t)
                s = (self.c if o.amsgrad else self.b) / (1 - o.beta2**self.t)
                return w - lr * m / (np.sqrt(s) + o.epsilon)
        raise AssertionError(o)


def usual() -> tuple[Optimizer, ...]:
    """Every optimizer of the first order, with sizes that train."""
    found: tuple[Optimizer, ...] = (
        GradientDescent(learning_rate=0.1, weight_decay=0.01),
        SGD(learning_rate=0.1, momentum=0.9, weight_decay=0.01),
        SGD(learning_rate=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
        AdaGrad(learning_rate=0.1, lr_decay=0.1, weight_decay=0.01, initial_accumulator_value=0.1),
        AdaDelta(weight_decay=0.01),
        RMSProp(learning_rate=0.01, momentum=0.5, weight_decay=0.01),
        RMSProp(learning_rate=0.01, momentum=0.5, weight_decay=0.01, centered=True, alpha=0.9),
        Adam(learning_rate=0.01, weight_decay=0.01),
        Adam(learning_rate=0.01, weight_decay=0.01, beta2=0.5, amsgrad=True),
        AdamW(learning_rate=0.01, weight_decay=0.1),
        AdamW(learning_rate=0.01, weight_decay=0.1, beta2=0.5, amsgrad=True))
    assert {type(o) for o in found} | {Newton, LeastSquares} == set(OPTIMIZERS)
    return found


def with_each_setting_at_its_limits() -> list[Optimizer]:
    """The usual ones, and each setting at its ends; rates and decays no larger than 1."""
    found = list(usual())
    for optimizer in usual():
        for name, values in settings_of(type(optimizer)).items():
            if name == "momentum_schedule":
                continue  # Which momentum that is has tests of its own.
            if not isinstance(values[0], bool):
                values = [min(max(v, 1e-8 if name == "epsilon" else 0), 1 - 1e-7) for v in values]
            found += [msgspec.structs.replace(optimizer, **{name: v}) for v in values]
    # Centred without a memory the deviation is 0: rounding alone would decide.
    return list(dict.fromkeys(o for o in found if not (
        isinstance(o, RMSProp) and o.centered and o.alpha == 0)))


@pytest.mark.parametrize("optimizer", with_each_setting_at_its_limits(), ids=str)
@pytest.mark.parametrize("threads", [1, 2])
def test_update_is_the_formula(optimizer: Optimizer, threads: int) -> None:
    session = session_of(threads, optimizer=optimizer)
    references = {node: Reference(optimizer) for node in NODES}
    for _ in range(STEPS):
        run_to_phase(session, "update")
        before = {node: vector(session, node) for node in NODES}
        expected = {node: references[node].update(before[node], vector(session, node, "d"))
                    for node in NODES}
        session.forward_to("batch")
        assert session.trouble is None
        for node in NODES:
            # Of the change, or of the rounding of the weight itself.
            change = np.abs(expected[node] - before[node]).max()
            np.testing.assert_allclose(
                vector(session, node), expected[node], rtol=3e-7, atol=1e-4 * change)
            moved = np.linalg.norm(vector(session, node) - before[node])
            assert session.measured(f"{node}.update_ratio") == pytest.approx(
                moved / np.linalg.norm(before[node]), rel=1e-3, abs=1e-6)


def test_measuring_the_update_changes_nothing_but_rounding() -> None:
    for optimizer in usual():
        graph = session_of(optimizer=optimizer).graph
        plain, measured = Session(graph, instrument=False), Session(graph)
        plain.run(STEPS)
        measured.run(STEPS)
        for node in NODES:
            np.testing.assert_allclose(vector(plain, node), vector(measured, node), atol=1e-6)


# -- schedules ------------------------------------------------------------------------------------


def rate(schedule: Schedule, base: float, step: int, per_epoch: int, losses: list[float]) -> float:
    """The rate of a step, by its number and the losses of the steps before it."""
    if step < schedule.warmup:
        return base * (step + 1) / (schedule.warmup + 1)
    step -= schedule.warmup
    epoch = step // per_epoch
    match schedule:
        case Constant():
            return base
        case Factor(factor_per_epoch=factor):
            return base * factor**epoch
        case StepDecay(every=every, gamma=gamma):
            return base * gamma ** (epoch // every)
        case Exponential(rate=decay):
            return base * math.exp(-decay * step)
        case Cosine(period=period, minimum=minimum):
            length = period * per_epoch
            while schedule.restarts and step >= length:
                step -= length
                length *= schedule.growth
            share = (1 + math.cos(math.pi * min(step / length, 1))) / 2
            return minimum + (base - minimum) * share
        case Plateau():
            after = losses[schedule.warmup:]
            means = [float(np.mean(after[i:i + per_epoch]))
                     for i in range(0, epoch * per_epoch, per_epoch)]
            lowest = min(schedule.minimum, base)
            return max(base * schedule.factor ** drops(schedule, means), lowest)
    raise AssertionError


def drops(schedule: Plateau, means: list[float]) -> int:
    """How often the rate has dropped after epochs with these losses."""
    best, waited, resting, count = math.inf, 0, 0, 0
    for mean in means:
        better = mean < best * (1 - schedule.threshold)
        best = mean if better else best
        waited = 0 if better or resting else waited + 1
        resting = max(resting - 1, 0)
        if waited > schedule.patience:
            count, waited, resting = count + 1, 0, schedule.cooldown
    return count


def every_schedule() -> list[Schedule]:
    found = [cls() for cls in SCHEDULES]
    for cls in SCHEDULES:
        found += [cls(**{name: value}) for name, values in settings_of(cls).items()
                  for value in values]
    return [*found, Factor(factor_per_epoch=0.5), StepDecay(every=2, gamma=0.1),
            Exponential(rate=0.1), Cosine(period=2, minimum=0.01), Cosine(period=1, restarts=True),
            Cosine(period=1, restarts=True, growth=2), Plateau(patience=0, threshold=0.3),
            Plateau(patience=1, factor=0.5, threshold=0.9, cooldown=1, minimum=0.01),
            *(cls(warmup=9) for cls in SCHEDULES),
            Plateau(patience=0, factor=0.5, threshold=0.9, warmup=3)]


@pytest.mark.parametrize("schedule", every_schedule(), ids=str)
def test_schedule_is_the_formula(schedule: Schedule) -> None:
    session = session_of(optimizer=SGD(learning_rate=0.05), schedule=schedule)
    per_epoch, losses = session.program.batches_per_epoch, []  # type: ignore[var-annotated]
    for step in range(60):
        session.run(1)
        assert session.measured("learning_rate") == pytest.approx(
            rate(schedule, 0.05, step, per_epoch, losses), rel=1e-6, abs=1e-9)
        losses.append(session.measured("loss"))
    assert session.epoch > 4


def check_replay(session: Session, states: list[SavedState], *steps: int) -> None:
    """Back at any of these steps all is as it was; a document saved there goes on to the same end.

    states: after each step that was done.
    """
    for step in steps:
        session.go_to(step * len(session.program.code))
        assert session.saved_state().same_as(states[step - 1])
        other = Session(session.graph)
        other.restore(states[step - 1])
        other.run(len(states) - step)
        assert other.saved_state().same_as(states[-1])


def test_a_plateau_is_found_again_when_replayed() -> None:
    session = session_of(schedule=Plateau(patience=0, factor=0.5, threshold=0.9, cooldown=1))
    rates, states = [], []
    for _ in range(60):
        session.run(1)
        rates.append(session.measured("learning_rate"))
        states.append(session.saved_state())
    assert len(set(rates)) > 3
    check_replay(session, states, 40, 21, 7)


def test_a_plateau_forgets_when_it_begins_anew() -> None:
    session = session_of(schedule=Plateau(patience=0, factor=0.5, threshold=0.9))
    session.run(30)
    session.reset()
    session.run(1)
    assert session.measured("learning_rate") == pytest.approx(SGD().learning_rate)


@pytest.mark.parametrize("optimizer", usual(), ids=str)
def test_the_scheduled_rate_is_the_one_that_is_used(optimizer: Optimizer) -> None:
    # After the first epoch nothing moves any more.
    session = session_of(optimizer=optimizer, schedule=StepDecay(every=1, gamma=1e-30))
    before = vector(session, "dense_1")
    session.run(session.program.batches_per_epoch)
    assert np.abs(vector(session, "dense_1") - before).max() > 0
    still = vector(session, "dense_1")
    session.run(5)
    np.testing.assert_array_equal(vector(session, "dense_1"), still)


# -- the batch and the momentum -------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_gradient_descent_takes_all_samples(threads: int) -> None:
    session = session_of(threads, optimizer=GradientDescent(learning_rate=0.5))
    assert session.program.batch == len(session.data.x_train) == 56
    assert session.program.batches_per_epoch == 1
    losses = []
    for _ in range(30):
        session.run(1)
        losses.append(session.measured("loss"))
    # The whole training part has one loss, and a small step always makes it smaller.
    assert all(a > b for a, b in itertools.pairwise(losses))
    assert session.epoch == 30


def test_gradient_descent_knows_what_its_batch_costs() -> None:
    batch, whole = (session_of(optimizer=o).graph for o in (SGD(), GradientDescent()))
    assert check(whole).memory["dense_1"] > check(batch).memory["dense_1"]


def settled_momentum(losses: list[float], window: int, momentum: float) -> list[float]:
    """The momentum of each step, by the rule in the help text."""
    means = [float(np.mean(losses[i:i + window])) for i in range(0, len(losses), window)]
    settled = next((i + 1 for i in range(1, len(means)) if means[i - 1] - means[i] < (
        0.05 * means[i - 1])), len(losses))
    return [momentum if step >= settled * window else min(momentum, 0.5)
            for step in range(len(losses))]


@pytest.mark.parametrize("momentum", [0.9, 0.3])
def test_momentum_waits_until_learning_settles(momentum: float) -> None:
    optimizer = SGD(learning_rate=0.02, momentum=momentum, momentum_schedule="settle")
    session = session_of(optimizer=optimizer)
    name = "SGD current momentum"
    losses, used, states = [], [], []
    for _ in range(300):
        session.run(1)
        losses.append(session.measured("loss"))
        used.append(float(session.values(name)[0]))
        states.append(session.saved_state())
    assert used == pytest.approx(settled_momentum(losses, 20, momentum))
    changes = [step for step, pair in enumerate(itertools.pairwise(used)) if pair[0] != pair[1]]
    assert len(changes) == (momentum > 0.5)
    check_replay(session, states, 250, 45)  # before and after


@pytest.mark.parametrize("nesterov", [False, True])
def test_until_then_the_update_takes_half_of_the_last_step(nesterov: bool) -> None:
    waits, half, whole = (
        session_of(optimizer=SGD(learning_rate=0.02, momentum=momentum, nesterov=nesterov,
                                 momentum_schedule=schedule))
        for momentum, schedule in ((0.9, "settle"), (0.5, "constant"), (0.9, "constant")))
    for session in (waits, half, whole):
        session.run(10)
    assert vector(waits, "dense_1").tobytes() == vector(half, "dense_1").tobytes()
    assert vector(waits, "dense_1").tobytes() != vector(whole, "dense_1").tobytes()


def test_a_change_of_kind_needs_a_new_program_and_a_number_does_not() -> None:
    session = session_of(optimizer=SGD(momentum=0.9))
    for optimizer, fits in ((SGD(momentum=0.5), True), (SGD(nesterov=True), False),
                            (SGD(momentum_schedule="settle"), False), (Adam(), False)):
        training = msgspec.structs.replace(session.graph.training, optimizer=optimizer)
        assert session.set_training(training) == fits


# -- clipping -------------------------------------------------------------------------------------


def clipped(gradients: dict[str, Array], mode: str, c: float) -> dict[str, Array]:
    if mode == "value":
        return {node: np.clip(g, -c, c) for node, g in gradients.items()}
    whole = np.linalg.norm(np.concatenate(list(gradients.values())))
    norms = {node: whole if mode == "global_norm" else np.linalg.norm(g)
             for node, g in gradients.items()}
    return {node: g * min(1.0, c / norms[node]) if mode != "off" else g
            for node, g in gradients.items()}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("threshold", [1e-3, 0.1, 0.3, 1e6])
@pytest.mark.parametrize("mode", ["off", "value", "layer_norm", "global_norm"])
def test_clipping_is_the_formula(mode: Any, threshold: float, threads: int) -> None:
    session = session_of(threads, clipping=Clipping(mode=mode, threshold=threshold))
    flags = 0
    for _ in range(STEPS):
        run_to_phase(session, "clip")
        raw = {node: vector(session, node, "d") for node in NODES}
        expected = clipped(raw, mode, threshold)
        run_to_phase(session, "update")
        for node in NODES:
            np.testing.assert_allclose(
                vector(session, node, "d"), expected[node], rtol=2e-6, atol=1e-9)
            for name, g in (("grad_norm_before", raw), ("grad_norm", expected)):
                assert session.measured(f"{node}.{name}") == pytest.approx(
                    np.linalg.norm(g[node]), rel=2e-6)
            assert session.measured(f"{node}.grad_max") == pytest.approx(np.abs(raw[node]).max())
        before, after = (np.linalg.norm(np.concatenate(list(g.values())))
                         for g in (raw, expected))
        assert session.measured("grad_norm_before") == pytest.approx(before, rel=2e-6)
        assert session.measured("grad_norm") == pytest.approx(after, rel=2e-6)
        assert session.measured("clipped") == (after < before * (1 - 1e-5))
        flags += session.measured("clipped") == 1
        session.forward_to("batch")
    if mode == "off" or threshold == 1e6:
        assert flags == 0
    if mode != "off" and threshold == 1e-3:
        assert flags == STEPS


def test_every_mode_is_here() -> None:
    modes = msgspec.inspect.type_info(Clipping).fields[0].type
    assert isinstance(modes, msgspec.inspect.Metadata)
    assert isinstance(modes.type, msgspec.inspect.LiteralType)
    assert set(modes.type.values) == {"off", "value", "layer_norm", "global_norm"}
