"""Generated data: the formulae at noise 0, ranges, seeds and refusals."""

import numpy as np
import pytest

from playground import data

GENERATORS = (
    data.circle,
    data.xor,
    data.gaussians,
    data.spiral,
    data.moons,
    data.checkerboard,
    data.plane,
    data.multi_gaussian,
    data.curve,
)


@pytest.mark.parametrize("generate", GENERATORS)
def test_the_seed_decides_and_the_count_is_kept(generate):
    first, again = generate(points=101, noise=0.1, seed=3), generate(points=101, noise=0.1, seed=3)
    other = generate(points=101, noise=0.1, seed=4)
    assert np.array_equal(first.x, again.x)
    assert np.array_equal(first.target, again.target)
    assert not np.array_equal(first.x, other.x)
    assert len(first) == 101
    assert first.source


@pytest.mark.parametrize("generate", GENERATORS)
def test_points_stay_in_the_plane_of_plus_minus_6(generate):
    drawn = generate(points=2000, noise=0.0, seed=1)
    assert np.abs(drawn.x).max() <= 6.0
    assert np.abs(drawn.x).max() > 4.0


@pytest.mark.parametrize("generate", GENERATORS)
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"points": 9}, "10 to 1,000,000"),
        ({"points": 10**9}, "10 to 1,000,000"),
        ({"noise": -0.1}, "noise is -0.1"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_settings_out_of_range_are_refused(generate, setting, words):
    with pytest.raises(data.DataError, match=words):
        generate(**setting)


def test_circle_has_a_disc_and_a_ring():
    drawn = data.circle(points=401, seed=2)
    radius = np.hypot(*drawn.x.T)
    inside = drawn.target == 1
    assert inside.sum() == 200
    assert radius[inside].max() < 2.5
    assert radius[~inside].min() >= 3.5
    assert drawn.classes[1] == "inside"


def test_xor_follows_the_sign_of_the_product_with_a_gap():
    drawn = data.xor(seed=2)
    assert np.array_equal(drawn.target == 1, drawn.x[:, 0] * drawn.x[:, 1] > 0)
    assert np.abs(drawn.x).min() >= 0.3 - 1e-6


@pytest.mark.parametrize("generate", [data.circle, data.xor, data.checkerboard])
def test_noise_flips_some_classes_and_moves_no_point(generate):
    clean, noisy = generate(noise=0.0, seed=5), generate(noise=0.2, seed=5)
    assert np.array_equal(clean.x, noisy.x)
    flipped = np.mean(clean.target != noisy.target)
    assert 0.01 < flipped < 0.5


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_gaussians_stand_round_the_origin(classes):
    drawn = data.gaussians(points=3000, classes=classes, seed=0)
    centres = np.array([drawn.x[drawn.target == i].mean(axis=0) for i in range(classes)])
    radius = np.sqrt(8.0) if classes == 2 else 4.0
    np.testing.assert_allclose(np.hypot(*centres.T), radius, atol=0.15)
    spread = drawn.x[drawn.target == 1].std(axis=0)
    np.testing.assert_allclose(spread, np.sqrt(0.5), atol=0.08)
    wide = data.gaussians(points=3000, classes=classes, noise=0.5, seed=0)
    np.testing.assert_allclose(wide.x[wide.target == 1].std(axis=0), 2.0, atol=0.25)
    if classes == 2:
        middle = np.where(drawn.target[:, None] == 0, 2.0, -2.0)
        np.testing.assert_allclose(wide.x - middle, np.sqrt(8.0) * (drawn.x - middle), atol=1e-4)
        np.testing.assert_allclose(centres, [(2, 2), (-2, -2)], atol=0.15)


@pytest.mark.parametrize("arms", [2, 3, 4, 5])
def test_spiral_arms_are_turned_copies(arms):
    drawn = data.spiral(points=arms * 60, arms=arms)
    assert len(drawn.classes) == arms
    turn = 2.0 * np.pi / arms
    rotate = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    first, second = drawn.x[drawn.target == 0], drawn.x[drawn.target == 1]
    np.testing.assert_allclose(first @ rotate.T, second, atol=1e-5)
    radius = np.hypot(*first.T)
    np.testing.assert_allclose(np.diff(radius), 5.0 / 60, atol=1e-5)
    angle = np.unwrap(np.arctan2(first[1:, 0], first[1:, 1]))
    assert abs((angle[-1] - angle[0]) / (2 * np.pi) - 1.75 * 58 / 60) < 1e-4


def test_moons_lie_on_two_half_circles():
    drawn = data.moons(noise=0.0)
    unit = drawn.x / 3.0 + (0.5, 0.25)
    upper, lower = unit[drawn.target == 0], unit[drawn.target == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.hypot(*(lower - (1.0, 0.5)).T), 1.0, atol=1e-5)
    assert upper[:, 1].min() >= 0.0
    assert lower[:, 1].max() <= 0.5


def test_checkerboard_neighbours_differ():
    drawn = data.checkerboard(points=4000, cells=3)
    cell = np.floor((drawn.x + 6.0) / 4.0)
    assert np.array_equal(drawn.target, cell.sum(axis=1) % 2)
    assert len(np.unique(cell, axis=0)) == 9


def test_plane_is_a_tenth_of_the_sum():
    drawn = data.plane()
    np.testing.assert_allclose(drawn.target[:, 0], drawn.x.sum(axis=1) / 10.0, atol=1e-6)
    assert drawn.kind == "regression"
    assert not np.allclose(data.plane(noise=0.3).target, drawn.target)


def test_multi_gaussian_has_its_six_cones():
    drawn = data.multi_gaussian(points=20000)
    signs = {(-4, 2.5): 1, (0, 2.5): -1, (4, 2.5): 1, (-4, -2.5): -1, (0, -2.5): 1, (4, -2.5): -1}
    for centre, sign in signs.items():
        distance = np.hypot(*(drawn.x - centre).T)
        near = distance < 1.0
        expected = sign * (1.0 - distance[near] / 2.0)
        np.testing.assert_allclose(drawn.target[near, 0], expected, atol=1e-5)
    far = np.abs(drawn.x[:, 1]) < 0.4
    np.testing.assert_allclose(drawn.target[far], 0.0, atol=1e-6)


def test_curves_follow_their_functions():
    formulae = {
        "sine": np.sin,
        "cubic": lambda x: (x**3 - 27 * x) / 54,
        "abs": lambda x: np.abs(x) / 6,
        "step": lambda x: (x >= 0) * 1.0,
    }
    for name, formula in formulae.items():
        drawn = data.curve(name, points=300, seed=1)
        assert drawn.shape == drawn.target_shape == (1,)
        np.testing.assert_allclose(drawn.target, formula(drawn.x), atol=1e-5)
        assert np.abs(drawn.target).max() <= 1.0 + 1e-6
        residual = data.curve(name, points=300, noise=0.2, seed=1).target - drawn.target
        assert abs(residual.std() - 0.2) < 0.03
    with pytest.raises(data.DataError, match="no curve 'cosine'"):
        data.curve("cosine")


@pytest.mark.parametrize(
    ("generate", "setting"),
    [
        (data.gaussians, {"classes": 1}),
        (data.gaussians, {"classes": 11}),
        (data.spiral, {"arms": 6}),
        (data.checkerboard, {"cells": 1}),
    ],
)
def test_counts_out_of_range_are_refused(generate, setting):
    with pytest.raises(data.DataError, match="were asked for"):
        generate(**setting)
