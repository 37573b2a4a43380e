"""The kernels that measure against plain NumPy in float64: nothing wild is hidden."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import statistics
from tests.kernel_numbers import WILD, N, Out, close, normal, one


def gradient_statistics(g: np.ndarray, out: Out, gaps: int = 0, lanes: int = 1) -> np.ndarray:
    parts, result = out(lanes, 4), out(4)
    if lanes == 1:
        statistics.gradient_statistics(n=g.size, gaps=gaps, gradient=g, out=result)
        return result
    for part, share in zip(parts, np.array_split(g, lanes), strict=True):
        statistics.gradient_part(n=share.size, gradient=share, out=part)
    statistics.join_gradient_parts(lanes=lanes, n=g.size, gaps=gaps, parts=parts, out=result)
    return result


@pytest.mark.parametrize("lanes", [1, 3])
def test_gradient_statistics(lanes: int, out: Out) -> None:
    g = normal(N)
    g[[3, 20]] = 0
    g[5] = -50
    g[6] = -0.0
    close(gradient_statistics(g, out, lanes=lanes),
          [np.linalg.norm(g.astype(np.float64)), 50, 3 / N, 0])


@pytest.mark.parametrize("lanes", [1, 2])
def test_gaps_between_parameters_are_no_zeros(lanes: int, out: Out) -> None:
    g = np.array([1, 0, 2, 0, 0, 0, 3, 4], np.float32)
    result = gradient_statistics(g, out, 3, lanes)
    assert result[2] == pytest.approx(1 / 5)


@pytest.mark.parametrize("wild", WILD)
@pytest.mark.parametrize("place", [0, 17, N - 1])
@pytest.mark.parametrize("lanes", [1, 2])
def test_gradient_statistics_show_what_is_not_finite(
        wild: float, place: int, lanes: int, out: Out) -> None:
    g, norm = normal(N), out(1)
    g[place] = wild
    result = gradient_statistics(g, out, lanes=lanes)
    statistics.vector_norm(n=N, x=g, norm=norm)
    np.testing.assert_array_equal(result, np.array([abs(wild), abs(wild), 0, 1], np.float32))
    np.testing.assert_array_equal(norm, np.array([abs(wild)], np.float32))


def test_norms_neither_overflow_nor_vanish(out: Out) -> None:
    norm = out(1)
    for size in (1e30, 1e-30):
        g = np.full(N, size, np.float32)
        result = gradient_statistics(g, out, lanes=2)
        statistics.vector_norm(n=N, x=g, norm=norm)
        np.testing.assert_allclose([result[0], norm[0]], size * np.sqrt(N), 1e-6)


def activation_statistics(y: np.ndarray, out: Out, lanes: int = 1) -> np.ndarray:
    """In one go, or lane by lane."""
    parts, result = out(lanes, 4), out(2)
    if lanes == 1:
        statistics.activation_statistics(n=y.size, y=y, out=result)
        return result
    for part, share in zip(parts, np.array_split(y, lanes), strict=True):
        statistics.activation_part(n=share.size, y=share, out=part)
    statistics.join_activation_parts(lanes=lanes, parts=parts, out=result)
    return result


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_activation_statistics(lanes: int, out: Out) -> None:
    y = normal(N) * 0.01 + 30
    y[:N // 2] += 1  # Lanes differ.
    close(activation_statistics(y, out, lanes), [y.mean(dtype=np.float64), y.std(dtype=np.float64)])
    # Here the mean of the squares comes out just below the square of the mean.
    close(activation_statistics(np.full(1001, 0.1, np.float32), out, lanes), [0.1, 0])
    for factor in (1e-30, 1, 1e30):  # whose squares leave single precision
        spread = normal(N) * np.float32(factor)
        close(activation_statistics(spread, out, lanes),
              [spread.mean(dtype=np.float64), spread.std(dtype=np.float64)])
    y[7] = np.nan
    assert np.isnan(activation_statistics(y, out, lanes)).all()


@pytest.mark.parametrize("units", [1, 2, 15, 16, 17, 64, 100])
@pytest.mark.parametrize("batch", [1, 2, 7, 32])
@pytest.mark.parametrize(("low", "high"), [(0.0, np.inf), (-2.0, 2.0)])
def test_unit_statistics(batch: int, units: int, low: float, high: float, out: Out) -> None:
    y, result = normal(batch, units) + 30 * (np.arange(units) % 3 - 1).astype(np.float32), out(3)
    y[-1, 0] = 1  # at work in the last sample alone
    statistics.unit_statistics(batch=batch, units=units, low=low, high=high, y=y, out=result)
    inactive = ((y <= low) | (y >= high)).all(axis=0).mean()
    close(result, [y.mean(dtype=np.float64), y.std(dtype=np.float64), inactive], 1e-5)


@pytest.mark.parametrize("wild", WILD)
@pytest.mark.parametrize("place", [0, 17, N - 1])
def test_unit_statistics_show_what_is_not_finite(wild: float, place: int, out: Out) -> None:
    y, result = np.full((3, N), 2, np.float32), out(3)
    y[1, place] = wild
    statistics.unit_statistics(batch=3, units=N, low=-1.0, high=1.0, y=y, out=result)
    assert not np.isfinite(result[:2]).any()
    # A unit that gives NaN is neither dead nor saturated.
    assert result[2] == np.float32(1 - np.isnan(wild) / N)


@pytest.mark.parametrize("positions", [1, 6])
def test_unit_activity(positions: int, out: Out) -> None:
    y, share = np.full((7, 5, positions), 0.5, np.float32), out(1)
    y[:, 1], y[:, 3] = 0, 1  # dead and saturated
    y[:, 4], y[6, 4, -1] = 0, 0.2  # at work once
    statistics.unit_activity(batch=7, units=5, positions=positions, low=0.0, high=1.0, y=y,
                             seen=np.full(5, 9, np.int32), out=share)
    close(share, 2 / 5)


@pytest.mark.parametrize("wild", WILD)
def test_guard(wild: float) -> None:
    halt = np.array([5])
    for value, norm, expected in ((1, 1, 0), (wild, 1, 1), (1, wild, 1), (1, 1, 0)):
        statistics.guard(loss=one(value), norm=one(norm), halt=halt)
        assert halt == expected


def test_record_gathers_steps_in_buckets() -> None:
    ring = np.zeros((2, 7), np.float32)
    for step in range(7):
        statistics.record(columns=2, rows=2, counters=np.array([step]), per_bucket=np.array([3]),
                          row=np.array([step, np.nan if step == 4 else -step], np.float32),
                          ring=ring)
    np.testing.assert_array_equal(ring[0], [1, 6, -6, 6, -6, 6, -6])
    np.testing.assert_array_equal(ring[1, [0, 1, 3, 5]], [3, 12, 3, 5])
    assert np.isnan(ring[1, [2, 4]]).all()
