"""The kernels of optimizers, schedules and clipping against plain NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import clip, optimizer, schedule
from tests.kernel_numbers import WILD, N, Out, close, normal, one

# -- optimizers and schedules ---------------------------------------------------------------------


def ratio_of(squares: np.ndarray, out: Out) -> np.ndarray:
    ratio = out(1)
    optimizer.update_ratios(n=1, lanes=squares.size // 2, stride=1, squares=squares, ratios=ratio)
    return ratio


def test_update_ratio_is_over_all_lanes(out: Out) -> None:
    assert ratio_of(np.array([9.0, 100.0, 16.0, 0.0]), out) == 0.5


@pytest.mark.parametrize("measured", [True, False])
def test_sgd(measured: bool, out: Out) -> None:
    rate, momentum, decay = 0.1, 0.9, 0.01
    w, v, squares = normal(N), np.zeros(N, np.float32), np.zeros(2)
    truth_w, truth_v = w.astype(np.float64), np.zeros(N)
    for step in range(4):
        g = normal(N, seed=step + 5)
        row = {"n": N, "learning_rate": one(rate), "momentum": one(momentum),
               "weight_decay": one(decay), "gradient": g, "weights": w, "velocity": v}
        if measured:
            optimizer.sgd_update(**row, squares=squares)
        else:
            optimizer.sgd_update_plain(**row)
        truth_v = momentum * truth_v + g + decay * truth_w
        ratio = np.linalg.norm(rate * truth_v) / np.linalg.norm(truth_w)
        truth_w = truth_w - rate * truth_v
        close(w, truth_w)
        close(v, truth_v)
        assert not measured or ratio_of(squares, out) == pytest.approx(ratio, rel=1e-5)


@pytest.mark.parametrize("measured", [True, False])
def test_adam(measured: bool, out: Out) -> None:
    rate, beta1, beta2, epsilon, decay = 0.1, 0.9, 0.99, 1e-3, 0.01
    w, m, s, squares = normal(N), np.zeros(N, np.float32), np.zeros(N, np.float32), np.zeros(2)
    truth_w, truth_m, truth_s = w.astype(np.float64), np.zeros(N), np.zeros(N)
    for step in range(4):
        g = normal(N, seed=step + 5)
        row = {"n": N, "decoupled": 0, "learning_rate": one(rate), "beta1": one(beta1),
               "beta2": one(beta2), "epsilon": one(epsilon), "weight_decay": one(decay),
               "counters": np.array([step]), "gradient": g, "weights": w, "mean": m, "square": s}
        if measured:
            optimizer.adam_update(**row, squares=squares)
        else:
            optimizer.adam_update_plain(**row)
        h = g + decay * truth_w
        truth_m = beta1 * truth_m + (1 - beta1) * h
        truth_s = beta2 * truth_s + (1 - beta2) * h**2
        update = rate * truth_m / (1 - beta1 ** (step + 1)) / (
            np.sqrt(truth_s / (1 - beta2 ** (step + 1))) + epsilon)
        ratio = np.linalg.norm(update) / np.linalg.norm(truth_w)
        truth_w = truth_w - update
        close(w, truth_w, 1e-5)
        close(m, truth_m)
        close(s, truth_s)
        assert not measured or ratio_of(squares, out) == pytest.approx(ratio, rel=1e-5)


def test_adam_leaves_weights_without_gradient_alone() -> None:
    w, zeros = normal(N), np.zeros(N, np.float32)
    before = w.copy()
    optimizer.adam_update_plain(
        n=N, decoupled=0, learning_rate=one(1), beta1=one(0.9), beta2=one(0.999), epsilon=one(1e-8),
        weight_decay=one(0), counters=np.array([0]), gradient=zeros, weights=w,
        mean=zeros.copy(), square=zeros.copy())
    np.testing.assert_array_equal(w, before)


@pytest.mark.parametrize(("gradient", "weights", "ratio"), [
    (0.0, 0.0, 0.0), (0.0, 3.0, 0.0), (3.0, 4.0, 0.75), (3.0, 0.0, np.inf),
    (np.nan, 1.0, np.nan), (1e30, 1.0, 1e30), (1e-20, 1.0, 1e-20), (1e-20, 2e-20, 0.5),
    (1e19, 1e20, 0.1), (np.inf, 1.0, np.inf), (1e15, 1e-12, 1e27)])
def test_update_ratio(gradient: float, weights: float, ratio: float, out: Out) -> None:
    squares = np.zeros(2)
    optimizer.sgd_update(n=5, learning_rate=one(1), momentum=one(0), weight_decay=one(0),
                         gradient=np.full(5, gradient, np.float32),
                         weights=np.full(5, weights, np.float32),
                         velocity=np.zeros(5, np.float32), squares=squares)
    np.testing.assert_allclose(ratio_of(squares, out), [ratio], 1e-6)


@pytest.mark.parametrize(("weights", "learning_rate"), [(1.0, 1e-30), (3e-20, 1e-20), (1e30, 1e29)])
def test_adams_update_ratio_where_squares_leave_float32(
        weights: float, learning_rate: float, out: Out) -> None:
    squares = np.zeros(2)
    optimizer.adam_update(
        n=N, decoupled=0, learning_rate=one(learning_rate), beta1=one(0.9), beta2=one(0.999),
        epsilon=one(0), weight_decay=one(0), counters=np.array([0]),
        gradient=np.full(N, 0.1, np.float32), weights=np.full(N, weights, np.float32),
        mean=np.zeros(N, np.float32), square=np.zeros(N, np.float32), squares=squares)
    # The first step of Adam is the learning rate, whatever the gradient.
    np.testing.assert_allclose(ratio_of(squares, out), [learning_rate / weights], 1e-5)


def test_schedules(out: Out) -> None:
    base, rate = one(0.5), out(1)
    for step in (0, 1, 9, 10, 25, 99):
        counters, epoch = np.array([step, 30]), step // 10 + 3
        schedule.schedule_constant(base=base, learning_rate=rate)
        close(rate, 0.5)
        schedule.schedule_factor(factor_per_epoch=0.9, warmup=0, batches_per_epoch=10,
                                 counters=counters, base=base, learning_rate=rate)
        close(rate, 0.5 * 0.9**epoch)
        schedule.schedule_step(every=3, gamma=0.1, warmup=0, batches_per_epoch=10,
                               counters=counters, base=base, learning_rate=rate)
        close(rate, 0.5 * 0.1 ** (epoch // 3))
        schedule.schedule_exponential(rate=0.01, warmup=0, counters=counters, base=base,
                                      learning_rate=rate)
        close(rate, 0.5 * np.exp(-0.01 * step))


# -- clipping -------------------------------------------------------------------------------------


def test_clip_by_value() -> None:
    g = np.array([0.5, -3, 2, -0.1, *WILD], np.float32)
    clip.clip_by_value(n=g.size, threshold=one(1.5), gradient=g)
    np.testing.assert_array_equal(g, np.array([0.5, -1.5, 1.5, -0.1, np.nan, 1.5, -1.5], "f4"))


@pytest.mark.parametrize(("norm", "scale"), [
    (10.0, 0.2), (2.0, 1.0), (1.0, 1.0), (np.nan, 1.0), (np.inf, 1.0)])
def test_clip_by_norm(norm: float, scale: float, out: Out) -> None:
    g, before = normal(N), normal(N)
    clip.clip_by_norm(n=N, threshold=one(2), norm=one(norm), gradient=g)
    close(g, before * scale)


def test_clipped_norms() -> None:
    before = np.array([[7, 9], [1, 9], [np.nan, 9], [np.inf, 9], [2, 9]], np.float32)
    for reference, scale in ((10.0, 0.2), (2.0, 1.0), (1.0, 1.0), (np.nan, 1.0), (np.inf, 1.0)):
        after = before.copy()
        clip.clipped_norms(n=5, stride=2, each=0, threshold=one(2), references=one(reference),
                           norms=before, clipped_norms=after)
        close(after, before * np.array([scale, 1]))
    after = before.copy()
    clip.clipped_norms(n=5, stride=2, each=2, threshold=one(2), references=before, norms=before,
                       clipped_norms=after)
    close(after, [[2, 9], [1, 9], [np.nan, 9], [np.inf, 9], [2, 9]])


def test_clipping_is_flagged(out: Out) -> None:
    flag = out(1)
    for before, after, expected in ((3, 2, 1), (3, 3, 0), (3, 3 * (1 - 1e-7), 0), (0, 0, 0)):
        clip.clipped(before=one(before), after=one(after), flag=flag)
        assert flag == expected


def test_global_norm(out: Out) -> None:
    rows, norm = normal(4, 3), out(1)
    clip.global_norm(n=4, stride=3, norms=rows, norm=norm)
    close(norm, np.linalg.norm(rows[:, 0]))
    rows[2, 0] = np.inf
    clip.global_norm(n=4, stride=3, norms=rows, norm=norm)
    assert norm == np.inf
