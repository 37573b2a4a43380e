"""The verdict on gradient norms, in numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from playground.diagnosis import (
    Limits,
    advice,
    deviation_advice,
    inactive_advice,
    update_advice,
    verdict,
    verdict_of,
)
from playground.snapshot import NodeStatistics

NODES = ("dense_1", "dense_2", "dense_3", "dense_4")


def steady(*levels: float, points: int = 100) -> np.ndarray:
    """Norms that wobble by a tenth around the levels."""
    wobble = 1 + 0.1 * np.sin(np.arange(points))
    return np.outer(levels, wobble)


def kind(*args: object, **kwargs: object) -> str:
    return verdict(*args, **kwargs).kind  # type: ignore[arg-type]


def test_steady_norms_of_like_size_are_healthy() -> None:
    result = verdict(NODES, steady(0.3, 0.5, 0.8, 1.0))
    assert result.kind == "healthy"
    assert "0.3" in result.text


@pytest.mark.parametrize(("first", "expected"), [
    (1.1e-3, "healthy"), (0.9e-3, "vanishing"), (0.0, "vanishing")])
def test_vanishing_is_the_first_layer_a_thousand_times_below_the_last(
        first: float, expected: str) -> None:
    assert kind(NODES, steady(first, 0.01, 0.1, 1.0)) == expected


def test_small_in_every_layer_alike_is_settled_and_not_vanishing() -> None:
    assert kind(NODES, steady(9e-8, 9e-8, 8e-8, 8e-8)) == "settled"
    assert kind(NODES[:1], steady(9e-8)) == "settled"
    assert kind(NODES, steady(0, 0, 0, 0)) == "settled"
    assert "dense_1 is below 1e-7" in verdict(["dense_1"], steady(0)).text
    assert kind(NODES, steady(2e-7, 2e-7, 2e-7, 2e-7)) == "healthy"
    # Something does come in at the end here, and is lost on its way.
    assert kind(NODES, steady(1e-12, 1e-10, 1e-9, 9e-8)) == "vanishing"


def test_exploding_by_growth_through_the_layers() -> None:
    assert kind(NODES, steady(900.0, 80.0, 8.0, 0.8)) == "exploding"  # about 10.4 per layer
    assert kind(NODES, steady(700.0, 80.0, 8.0, 0.8)) == "healthy"  # about 9.6 per layer
    assert kind(NODES[:2], steady(11.0, 1.0)) == "healthy"  # two layers differ that much anyway
    deep = [2.0**i for i in range(12)][::-1]
    assert kind([f"n{i}" for i in range(12)], steady(*deep)) == "exploding"


def test_exploding_by_size() -> None:
    norms = steady(0.5, 0.5, 0.5, 0.5)
    norms[2, -1] = 1500.0
    result = verdict(NODES, norms)
    assert result.kind == "exploding"
    assert "dense_3" in result.text


@pytest.mark.parametrize(("peak", "expected"), [(4.0, "healthy"), (6.0, "exploding")])
def test_exploding_by_a_spike_of_ten_medians(peak: float, expected: str) -> None:
    norms = steady(0.5, 0.5, 0.5, 0.5)
    norms[1, 60] = peak
    assert kind(NODES, norms) == expected


def test_small_spikes_do_no_harm_and_medians_need_points() -> None:
    norms = steady(1e-3, 1e-3, 1e-3, 1e-3)
    norms[0, 50] = 0.5
    assert kind(NODES, norms) == "healthy"
    early = steady(0.5, 0.5, 0.5, 0.5, points=10)
    early[0, 0] = 9.0
    assert kind(NODES, early) == "healthy"


@pytest.mark.parametrize("peak", [80.0, 5000.0])
@pytest.mark.parametrize(("since", "level", "expected"), [
    (30, 1e-8, "settled"), (30, 5e-4, "healthy"), (30, 0.01, "exploding"), (5, 1e-8, "exploding")])
def test_a_spike_is_over_once_all_norms_are_small_again(peak: float, since: int, level: float,
                                                        expected: str) -> None:
    """A network that rests, and Adam, whose steps stay large while gradients get small: now and
    then it throws the weights off, and is back a little later."""
    norms = steady(level, level / 2)
    norms[0, -since] = peak
    assert kind(NODES[:2], norms) == expected


def test_what_grows_to_next_to_nothing_does_not_explode() -> None:
    assert kind(NODES, steady(9e-8, 9e-10, 9e-12, 9e-14)) == "settled"
    assert kind(NODES, steady(9e-6, 9e-8, 9e-10, 9e-12)) == "exploding"


def test_a_gradient_that_starts_large_and_falls_is_no_spike() -> None:
    fall = 0.5 + 20 * np.exp(-np.arange(100) / 5)
    assert kind(NODES[:1], fall[None]) == "healthy"
    assert kind(NODES[:1], fall[None, ::-1]) == "exploding"


def test_peaks_within_a_point_count() -> None:
    norms = steady(0.5, 0.5, 0.5, 0.5)
    peaks = norms.copy()
    peaks[3, 50] = 80.0
    assert kind(NODES, norms) == "healthy"
    assert kind(NODES, norms, peaks=peaks) == "exploding"


def test_clipping_that_holds_an_explosion_is_called_clipped() -> None:
    before = steady(0.5, 0.5, 0.5, 0.5)
    before[0, ::10] = 5000.0
    after = np.minimum(before, 1.0)
    result = verdict(NODES, before, after, clipped=(before[0] > 1).astype(float))
    assert result.kind == "clipped"
    assert result.clipped_share == pytest.approx(0.1)
    assert kind(NODES, before, before, clipped=np.zeros(100)) == "exploding"


def test_clipping_most_steps_is_worth_a_word_and_few_steps_is_healthy() -> None:
    norms = steady(0.5, 0.5, 0.5, 0.5)
    assert kind(NODES, norms, norms, clipped=np.full(100, 0.12)) == "healthy"
    assert kind(NODES, norms, norms, clipped=np.full(100, 0.6)) == "clipped"


def test_clipping_does_not_hide_vanishing() -> None:
    norms = steady(1e-5, 0.1, 0.5, 1.0)
    assert kind(NODES, norms, norms, clipped=np.ones(100)) == "vanishing"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_is_diverged_and_blames_where_backward_began(value: float) -> None:
    norms = steady(0.5, 0.5, 0.5, 0.5)
    norms[:3, -1] = value
    result = verdict(NODES, norms)
    assert result.kind == "diverged"
    assert "dense_3" in result.text


def test_unknown_until_something_is_measured_and_frozen_nodes_do_not_count() -> None:
    assert kind((), np.zeros((0, 0))) == "unknown"
    assert kind(NODES, np.full((4, 5), np.nan)) == "unknown"
    norms = steady(0.5, 0.5, 0.5, 1.0)
    norms[0] = np.nan  # frozen all along
    norms[1, :20] = np.nan  # thawed later
    assert kind(NODES, norms) == "healthy"


def test_limits_can_be_chosen() -> None:
    norms = steady(0.01, 0.1, 0.5, 1.0)
    assert kind(NODES, norms, limits=Limits(vanishing_ratio=0.1)) == "vanishing"


def test_the_verdict_of_a_history_looks_at_its_end() -> None:
    old, new = np.full(300, 5000.0), np.full(300, 0.5)
    values = np.concatenate([old, new])
    columns = {"a.grad_norm_before": values, "a.grad_norm": values, "clipped": values * 0}
    history = SimpleNamespace(step=np.arange(600.0), columns=tuple(columns),
                              mean=columns.__getitem__, low=columns.__getitem__,
                              high=columns.__getitem__)
    assert verdict_of(history, ("a", "flatten")).kind == "healthy"  # type: ignore[arg-type]
    assert verdict_of(history, ("a",), window=600).kind == "exploding"  # type: ignore[arg-type]
    assert verdict_of(history, ("b",)).kind == "unknown"  # type: ignore[arg-type]


@pytest.mark.parametrize(("ratio", "word"), [
    (1e-3, ""), (float("nan"), ""), (1e-6, "Raise"), (0.05, "Lower"), (0.0, "frozen")])
def test_update_advice(ratio: float, word: str) -> None:
    said = update_advice(ratio)
    assert (word in said) if word else said == ""


def test_advice_collects_what_is_wrong_with_a_node() -> None:
    fine = NodeStatistics(1.0, 1.0, 0.1, 0.0, 0, 1e-3, 0.0, 1.0, 0.0)
    bad = NodeStatistics(1.0, 1.0, 0.1, 0.0, 3, 0.1, 0.0, 9.0, 0.7)
    assert advice(fine) == ()
    assert len(advice(bad)) == 4
    assert inactive_advice(0.5) == ""
    assert "70%" in inactive_advice(0.7)
    assert "0.1" in deviation_advice(0.1)
