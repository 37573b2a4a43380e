"""What stands after a sample's own steps is not read: not even infinity or NaN there shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from playground.layers.lengths import LENGTHS
from tests.cases import CASES, Case
from tests.gradient_check import Bench, Given
from tests.loss_cases import CASES as LOSSES
from tests.loss_cases import ENDS, Loss
from tests.networks import connected, takes_lengths
from tests.test_every_loss import LossBench

PADDED = [case for case in CASES if any(
    takes_lengths(case.layer, port) for port in connected(case.layer, case.shapes))]
"""Every layer of the catalogue that takes lengths, with every setting, where they are connected."""
WRONG = pytest.mark.parametrize("wrong", [np.nan, np.inf])


def counted(case: Case) -> list[int]:
    """Which of the connected inputs are the sequences whose steps the lengths count."""
    names = [case.layer.inputs[port] for port in connected(case.layer, case.shapes)]
    for of in (("key", "value"), ("memory",), ("x",)):
        if found := [i for i, name in enumerate(names) if name in of]:
            return found
    raise AssertionError(f"{case}: nothing along time")


class PaddedBench(Bench):
    """One sample of each length from 0 to all of the time steps."""

    def __init__(self, case: Case, threads: int = 1) -> None:
        self.counted = counted(case)
        port = list(connected(case.layer, case.shapes))[self.counted[0]]
        shape = case.shapes[port]
        assert shape is not None
        self.own = np.arange(shape[0] + 1, dtype=np.float32)
        super().__init__(case.layer, case.shapes, batch=len(self.own), threads=threads)
        self.beyond = np.arange(shape[0]) >= self.own[:, None]

    def with_padding(self, value: float) -> Given:
        """Random numbers, with this value after each sample's own steps. No gradient comes back
        from what the layer makes of those."""
        given = self.draw()
        names = [self.layer.inputs[port] for port in connected(self.layer, self.shapes)]
        x = list(given.x)
        for i in self.counted:
            x[i] = np.where(self.beyond.reshape(*self.beyond.shape, *[1] * (x[i].ndim - 2)),
                            np.float32(value), x[i])
        at = names.index(LENGTHS)
        x[at] = self.own.reshape(x[at].shape)
        dy = given.dy.copy()
        if self.own_output(dy) is not dy:
            dy[self.beyond] = 0
        return Given(tuple(x), given.w, dy, given.running)

    def own_output(self, y: np.ndarray) -> np.ndarray:
        """Of an output with the same time steps: those that are the samples' own."""
        alike = self.counted == [0] and y.ndim == 3 and y.shape[1] == self.beyond.shape[1]
        return y[~self.beyond] if alike else y


def test_all_that_take_lengths_are_here() -> None:
    assert {case.layer.kind for case in PADDED} >= {
        "last_step", "reverse", "mean_over_time", "attention", "multi_head_attention", "elman",
        "jordan", "lstm", "gru"}


@pytest.mark.parametrize("threads", [1, 2])
@WRONG
@pytest.mark.parametrize("case", PADDED, ids=str)
def test_padding_does_not_show(case: Case, wrong: float, threads: int) -> None:
    bench = PaddedBench(case, threads)
    clean, spoilt = bench.play(bench.with_padding(0)), bench.play(bench.with_padding(wrong))
    there = replace(clean, y=bench.own_output(clean.y)).arrays()
    here = replace(spoilt, y=bench.own_output(spoilt.y)).arrays()
    for ours, theirs in zip(here, there, strict=True):
        assert np.isfinite(theirs).all()
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("case", PADDED, ids=str)
def test_what_is_no_number_shows_in_a_step_that_counts(case: Case) -> None:
    bench = PaddedBench(case)
    given = bench.with_padding(0)
    for i in bench.counted:
        given.x[i][1, 0] = np.nan  # the one step that the second sample has
    y = bench.play(given).y
    assert np.isnan(y[1]).any()
    assert np.isfinite(np.delete(y, 1, axis=0)).all()


@pytest.mark.parametrize("threads", [1, 2])
@WRONG
@pytest.mark.parametrize("case", [case for case in LOSSES if case.padded], ids=str)
def test_padding_costs_nothing(case: Loss, wrong: float, threads: int) -> None:
    bench = LossBench(case, threads)
    p, t = bench.draw(0)
    beyond = np.arange(case.shape[0]) >= ENDS[:, None]
    p[beyond] = t[beyond] = 0
    loss, metric, gradient = bench.play(p, t)
    assert np.isfinite([loss, metric]).all()
    assert np.isfinite(gradient).all()
    p[beyond] = t[beyond] = wrong
    assert bench.play(p, t)[:2] == (loss, metric)
    np.testing.assert_array_equal(bench.play(p, t)[2], gradient)
