"""Bounded memory, the whole run, nothing non-finite lost: also when training goes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import statistics
from playground.history import History
from playground.recorder import Recorder

ROWS = 6


class Run:
    """A machine that does nothing but record f(step)."""

    def __init__(self, capacity: int) -> None:
        self.ring = np.zeros((ROWS, 7), np.float32)
        self.per_bucket = np.ones(1, np.int64)
        self.counters = np.zeros(1, np.int64)
        self.recorder = Recorder(self.ring, self.per_bucket, ("a", "b"))
        self.recorder.start(History(("a", "b"), capacity), 0)

    def go(self, steps: int) -> None:
        while steps > 0:
            part = min(steps, self.recorder.most_steps)
            for _ in range(part):
                row = value(int(self.counters[0]))
                statistics.record(columns=2, rows=ROWS, counters=self.counters,
                                  per_bucket=self.per_bucket, row=row, ring=self.ring)
                self.counters[0] += 1
            self.recorder.collect(int(self.counters[0]))
            steps -= part

    def back(self, step: int, mark: np.ndarray, per_bucket: int) -> None:
        self.counters[0] = step
        self.recorder.rewind(step, mark, per_bucket)


def value(step: int) -> np.ndarray:
    return np.array([step, (step * 7) % 13], np.float32)


def assert_right(run: Run, exact_from: int = 0) -> None:
    """Every bucket holds the mean, lowest and highest of exactly its steps."""
    view = run.recorder.history.view()
    assert (np.diff(view.step) > 0).all()
    start = 0
    for i, end in enumerate(view.step.astype(int)):
        if start >= exact_from:
            rows = np.array([value(s) for s in range(start, end)])
            np.testing.assert_allclose(view.values[0, i], rows.mean(axis=0), rtol=1e-5)
            np.testing.assert_array_equal(view.values[1, i], rows.min(axis=0))
            np.testing.assert_array_equal(view.values[2, i], rows.max(axis=0))
        start = end
    assert int(run.counters[0]) - start < run.recorder.history.per_bucket


@given(st.lists(st.integers(1, 40), max_size=12), st.integers(2, 9))
@settings(max_examples=60, deadline=None)
def test_buckets_hold_their_steps(parts: list[int], capacity: int) -> None:
    run = Run(capacity)
    for steps in parts:
        run.go(steps)
        assert len(run.recorder.history.view()) <= capacity
    assert_right(run)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_going_back_and_on_records_the_same(first: int, further: int, again: int) -> None:
    run = Run(8)
    run.go(first)
    mark, per_bucket = run.recorder.mark(first), run.recorder.history.per_bucket
    run.go(further)
    run.back(first, mark, per_bucket)
    run.go(again)
    merged = run.recorder.history.per_bucket != per_bucket
    assert_right(run, exact_from=first + run.recorder.history.per_bucket if merged else 0)


def test_views_do_not_change_when_the_history_goes_on() -> None:
    run = Run(4)
    run.go(4)
    view = run.recorder.history.view()
    before = view.values.copy()
    run.go(50)
    np.testing.assert_array_equal(view.values, before)


def test_nan_and_infinity_stay_visible() -> None:
    history = History(("a",), capacity=4)
    for step, x in enumerate((1, np.nan, 2, np.inf), 1):
        history.extend(np.array([[1, x, x, x]], np.float32), np.array([step]))
    history.merge()
    view = history.view()
    assert np.isnan(view.mean("a")[0])
    assert view.high("a")[1] == np.inf


def test_merging_again_and_again_keeps_the_mean() -> None:
    history, step = History(("a",), capacity=64), 0
    values = np.random.default_rng(1).random(1 << 16)
    while step < len(values):
        if history.room == 0:
            history.merge()
        x = values[step:step + history.per_bucket]
        step += len(x)
        history.extend(np.array([[len(x), x.sum(), x.min(), x.max()]], np.float32),
                       np.array([step]))
    view = history.view()
    expected = values.reshape(len(view), history.per_bucket).mean(axis=1)
    np.testing.assert_allclose(view.mean("a"), expected, rtol=1e-6)


def test_an_adopted_history_goes_on() -> None:
    run = Run(64)
    run.go(20)
    old = run.recorder.history.view()
    history = History(("b", "c"))
    history.adopt(old)
    view = history.view()
    np.testing.assert_array_equal(view.step, old.step)
    np.testing.assert_array_equal(view.mean("b"), old.mean("b"))
    assert np.isnan(view.mean("c")).all()


def test_validation_is_thinned_at_the_old_end() -> None:
    history = History(("a",), capacity=8)
    for step in range(100):
        history.append_validation(step, step, 0)
    view = history.view()
    assert len(view.validation_step) <= 8
    assert view.validation_step[-1] == 99
    assert (np.diff(view.validation_step) > 0).all()


@pytest.mark.parametrize("step", [0, 3, 10])
def test_rewinding_forgets_what_came_after(step: int) -> None:
    run = Run(64)
    run.go(10)
    run.recorder.history.append_validation(5, 1, 1)
    run.recorder.history.rewind(step)
    run.recorder.history.forget_validations_after(step)
    assert run.recorder.history.view().step.tolist() == list(range(1, step + 1))
    assert len(run.recorder.history.view().validation_step) == (step >= 5)
