"""Dropout and shuffling: pure functions of key, step and element, and random enough."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import random


def _numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 2, shape).astype(np.float32)


def _drop(n: int, rate: float, key: int, step: int) -> np.ndarray:
    mask, y = np.full(n, np.nan, np.float32), np.full(n, np.nan, np.float32)
    random.dropout_forward(n=n, rate=rate, key=key, counters=np.array([step]),
                           x=np.full(n, 3, np.float32), mask=mask, y=y)
    np.testing.assert_array_equal(y, 3 * mask)
    return mask


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout_keeps_its_rate(rate: float) -> None:
    n = 200_000
    mask = _drop(n, rate, 7, 3)
    assert set(np.unique(mask)) <= {np.float32(0), np.float32(1 / (1 - rate))}
    deviation = np.sqrt(rate * (1 - rate) / n)
    assert abs((mask == 0).mean() - rate) <= 4 * deviation
    # Neighbours are dropped independently of each other.
    both = ((mask[1:] == 0) & (mask[:-1] == 0)).mean()
    assert abs(both - rate**2) <= 5 * deviation


def test_dropout_is_a_function_of_key_step_and_element() -> None:
    mask = _drop(1000, 0.5, 7, 3)
    np.testing.assert_array_equal(mask, _drop(1000, 0.5, 7, 3))
    np.testing.assert_array_equal(mask[:37], _drop(37, 0.5, 7, 3))
    for key, step in ((8, 3), (7, 4)):
        assert 0.4 < (mask == _drop(1000, 0.5, key, step)).mean() < 0.6


def _squares(counter: int, key: int) -> int:
    """Widynski 2020, with a key mixed by SplitMix64, in Python's whole numbers."""
    def half_turn(x: int) -> int:
        return (x >> 32 | x << 32) % 2**64

    z = (key + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    key = z ^ z >> 31 | 1
    x = y = counter * key % 2**64
    z = y + key
    x = half_turn((x * x + y) % 2**64)
    x = half_turn((x * x + z) % 2**64)
    x = half_turn((x * x + y) % 2**64)
    return (x * x + z) % 2**64 >> 32


def test_dropout_follows_the_published_generator() -> None:
    expected = [_squares((3 << 32) + i, 7) < 0.4 * 2**32 for i in range(500)]
    np.testing.assert_array_equal(_drop(500, 0.4, 7, 3) == 0, expected)


def test_dropout_backward() -> None:
    mask, dy, dx = _drop(37, 0.3, 1, 1), _numbers(37), np.zeros(37, np.float32)
    random.dropout_backward(n=37, mask=mask, dy=dy, dx=dx)
    np.testing.assert_array_equal(dx, dy * mask)


def _shuffled(samples: int, key: int, step: int, order: np.ndarray | None = None) -> np.ndarray:
    order = np.zeros(samples + 1, np.int32) if order is None else order
    random.shuffle_samples(samples=samples, batches_per_epoch=10, shuffle_key=key,
                           counters=np.array([step + 20, -20]), order=order)
    return order


def test_shuffle_is_a_permutation_and_a_pure_function() -> None:
    first = _shuffled(100, 7, 0)
    assert sorted(first[:100]) == list(range(100))
    assert first[100] == 1
    later = _shuffled(100, 7, 25)
    assert later[100] == 3
    assert (first[:100] != later[:100]).sum() > 80
    assert (first[:100] != _shuffled(100, 8, 0)[:100]).sum() > 80
    # The same whatever was there before, and left alone within the epoch.
    np.testing.assert_array_equal(_shuffled(100, 7, 25, first.copy()), later)
    marked = first.copy()
    marked[0] = -1
    assert _shuffled(100, 7, 9, marked)[0] == -1
    assert _shuffled(100, 7, 10, marked)[0] != -1


def test_shuffle_is_fair() -> None:
    """Each sample comes first, and last, equally often."""
    orders = np.array([_shuffled(5, 7, 10 * epoch)[:5] for epoch in range(4000)])
    for place in (0, 4):
        counts = np.bincount(orders[:, place], minlength=5)
        assert ((counts - 800) ** 2 / 800).sum() < 20  # χ², 4 degrees of freedom: p < 0.001


def test_load_batch() -> None:
    data, targets = _numbers(11, 3), _numbers(11, 2)
    order = np.array([4, 0, 9, 2, 8, 1, 3, 5, 7, 6, 10, 1], np.int32)
    x, target = np.zeros((2, 3), np.float32), np.zeros((2, 2), np.float32)
    random.load_batch(batch=5, first=2, lane_batch=2, batches_per_epoch=2, sample_size=3,
                      target_size=2, counters=np.array([5, 2]), order=order, data=data,
                      targets=targets, x=x, target=target)
    np.testing.assert_array_equal(x, data[[5, 7]])
    np.testing.assert_array_equal(target, targets[[5, 7]])


def test_finish_step() -> None:
    counters = np.array([41, 5])
    random.finish_step(counters=counters)
    assert list(counters) == [42, 5]
