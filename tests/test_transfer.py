"""Transfer: half of the digits, chosen; a trunk that is shipped, frozen, and worth its place."""

from __future__ import annotations

import numpy as np
import pytest

from playground import data
from playground.comparison import compare
from playground.data.slant import slants, with_slants
from playground.examples.make_trunk import trained_trunk
from playground.examples.transfer import (
    FROM_SCRATCH,
    LEANING_STEPS,
    STEPS,
    TRANSFER,
    TRANSFER_REGRESSION,
    TRUNK,
    trunk,
)
from playground.headless import train
from playground.lane import Lane
from playground.layers.data import Digits


def test_half_of_the_digits_are_numbered_anew() -> None:
    whole, half = data.digits(), Digits(classes="5-9").raw()
    assert half.classes == ("5", "6", "7", "8", "9")
    assert len(half) == (whole.target >= 5).sum() == 896
    np.testing.assert_array_equal(half.x[half.target == 2], whole.x[whole.target == 7])


def test_ten_of_each_new_digit_train() -> None:
    layer = TRANSFER.graph.node("digits_1").layer
    assert isinstance(layer, Digits)
    counts = np.bincount(layer.load().target_train.astype(int))
    assert counts.sum() == 50
    assert all(9 <= count <= 11 for count in counts)


def test_the_shipped_trunk_is_what_the_first_half_gives() -> None:
    """Not to the last bit: other processors round differently, and training magnifies it."""
    shipped, made = trunk().parameters, trained_trunk()
    assert shipped.keys() == made.keys() == {f"{id}.{part}" for id in TRUNK for part in "wb"}
    for name, values in made.items():
        assert np.corrcoef(values.ravel(), shipped[name].ravel())[0, 1] > 0.98, name


def test_a_frozen_trunk_is_five_points_above_scratch() -> None:
    outcome = train(TRANSFER.graph, steps=STEPS, saved=TRANSFER.state)
    assert outcome.validation.metric >= train(
        FROM_SCRATCH, steps=STEPS).validation.metric + 0.05
    for name, values in trunk().parameters.items():
        np.testing.assert_array_equal(outcome.session.values(name), values)


def test_a_slant_is_the_angle_of_a_stroke() -> None:
    upright, right, left = np.zeros((3, 1, 5, 5))
    upright[0, :, 2] = 1
    for row in range(5):
        right[0, row, 4 - row] = left[0, row, row] = 1
    np.testing.assert_allclose(slants(np.stack([upright, right, left])), [0, 45, -45], atol=1e-9)


def test_sevens_lean_to_the_right_and_sixes_to_the_left() -> None:
    digits = data.digits()
    leaning = with_slants(digits)
    assert (leaning.target.shape, leaning.classes) == ((1797, 1), ())
    np.testing.assert_array_equal(leaning.x, digits.x)
    mean = [float(leaning.target[digits.target == digit].mean()) for digit in range(10)]
    assert max(mean) == mean[7] > 0.5
    assert min(mean) == mean[6] < -0.5


@pytest.mark.parametrize(("split", "seed"), [(1, 7), (2, 7), (2, 1), (3, 2)])
def test_a_classifiers_trunk_is_of_use_to_a_regressor(split: int, seed: int) -> None:
    """Whichever fifty pictures it gets, and whatever weights the other begins with."""
    example = TRANSFER_REGRESSION
    digits = example.graph.node("digits_1").layer.with_settings(seed=split)
    frozen, anew = compare([
        Lane(name, graph.with_layer("digits_1", digits).with_training(
            graph.training.seeded(seed)), state)
        for name, graph, state in (("frozen", example.graph, example.state),
                                   ("anew", example.variations[0].graph, None))],
        steps=LEANING_STEPS)
    assert frozen.validation.loss < min(example.mark.value, 0.65 * anew.validation.loss)
    targets = frozen.session.data.target_validation
    assert frozen.validation.loss < 0.05 * targets.var()
    for name, values in trunk().parameters.items():
        np.testing.assert_array_equal(frozen.session.values(name), values)
