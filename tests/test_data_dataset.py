"""Dataset, split and standardisation: what goes in is checked, what comes out is fair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.data import DataError, Standardiser, make_dataset, prepare, split


def unbalanced(counts: tuple[int, ...]):
    """A classification set with that many samples of each class, in class order."""
    target = np.repeat(np.arange(len(counts)), counts)
    x = np.arange(2.0 * len(target)).reshape(-1, 2)
    return make_dataset("unbalanced", x, target, [f"class {i}" for i in range(len(counts))])


def test_a_dataset_knows_its_shapes_and_kind():
    images = make_dataset("images", np.zeros((3, 1, 4, 5)), np.array([0, 1, 0]), ("a", "b"))
    assert (len(images), images.shape, images.target_shape) == (3, (1, 4, 5), ())
    assert images.kind == "classification"
    curve = make_dataset("curve", np.zeros((3, 2)), np.array([0.5, 1.5, 2.5]))
    assert (curve.shape, curve.target_shape, curve.kind) == ((2,), (1,), "regression")
    assert curve.target.tolist() == [[0.5], [1.5], [2.5]]
    pair = make_dataset("pair", np.zeros((3, 2)), np.zeros((3, 4)))
    assert pair.target_shape == (4,)


def test_arrays_are_frozen_float32_and_the_callers_stay_writable():
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    data = make_dataset("x", x, np.array([1, 2, 3]))
    assert data.x.dtype == data.target.dtype == np.float32
    assert data.x.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        data.x[0, 0] = 9.0
    x[0, 0] = 9.0
    transposed = make_dataset("t", np.arange(6).reshape(2, 3).T, np.array([1, 2, 3]))
    assert transposed.x.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert transposed.x.flags.c_contiguous


@pytest.mark.parametrize(
    ("x", "target", "classes", "features", "words"),
    [
        (np.zeros(3), np.zeros(3), (), (), "samples of shape"),
        (np.zeros((0, 2)), np.zeros(0), (), (), "at least one sample"),
        (np.zeros((3, 2)), np.zeros(4), (), (), "3 samples but 4 targets"),
        (np.zeros((3, 2)), np.zeros((3, 0)), (), (), "empty targets"),
        (np.array([[1.0], [np.nan]]), np.zeros(2), (), (), "sample 2"),
        (np.array([[1.0], [1e300]]), np.zeros(2), (), (), "sample 2"),
        (np.zeros((2, 1)), np.array([0.0, np.inf]), (), (), "target 2"),
        (np.zeros((2, 1)), np.array([0, 0]), ("a",), (), "only one class, 'a'"),
        (np.zeros((2, 1)), np.array([0, 2]), ("a", "b"), (), "sample 2 has class number 2"),
        (np.zeros((2, 1)), np.array([0, -1]), ("a", "b"), (), "class number -1"),
        (np.zeros((2, 1)), np.array([0, 0.5]), ("a", "b"), (), "class number 0.5"),
        (np.zeros((2, 1)), np.zeros((2, 3, 1)), ("a", "b"), (), "one class number per sample"),
        (np.zeros((2, 3)), np.zeros(2), (), ("a", "b"), "names 2 features"),
    ],
)
def test_a_wrong_dataset_says_why(x, target, classes, features, words):
    with pytest.raises(DataError, match=words):
        make_dataset("wrong", x, target, classes, features)


@given(
    counts=st.lists(st.integers(1, 40), min_size=2, max_size=6).map(tuple),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_a_split_is_a_stratified_partition(counts, fraction, seed):
    data = unbalanced(counts)
    parts = split(data, fraction, seed)
    together = np.concatenate([parts.train, parts.validation])
    assert sorted(together.tolist()) == list(range(len(data)))
    assert parts.train.dtype == parts.validation.dtype == np.int64
    wanted = min(max(round(fraction * len(data)), 1), len(data) - 1)
    assert len(parts.train) == wanted
    share = wanted / len(data)
    for index, count in enumerate(counts):
        taken = int((data.target[parts.train] == index).sum())
        assert abs(taken - share * count) < 1.0 + 1e-9


def test_a_split_depends_on_the_seed_only_and_mixes_the_classes():
    data = unbalanced((30, 50))
    first, again, other = split(data, 0.7, 5), split(data, 0.7, 5), split(data, 0.7, 6)
    assert first.train.tolist() == again.train.tolist()
    assert first.validation.tolist() == again.validation.tolist()
    assert first.train.tolist() != other.train.tolist()
    changes = np.count_nonzero(np.diff(data.target[first.train]))
    assert changes > 10  # in class order there would be one


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_fraction_that_empties_a_part_is_refused(fraction):
    with pytest.raises(DataError, match="between 0 and 1"):
        split(unbalanced((5, 5)), fraction, 0)


def test_a_split_needs_two_samples_and_a_whole_seed():
    one = make_dataset("one", np.zeros((1, 1)), np.zeros(1))
    with pytest.raises(DataError, match="only 1 sample"):
        split(one, 0.5, 0)
    with pytest.raises(DataError, match="seed is -1"):
        split(unbalanced((5, 5)), 0.5, -1)
    two = split(make_dataset("two", np.zeros((2, 1)), np.zeros(2)), 0.99, 0)
    assert (len(two.train), len(two.validation)) == (1, 1)


def test_the_scale_is_measured_on_the_training_part_alone():
    rng = np.random.default_rng(3)
    x = rng.normal((5.0, -2.0, 100.0), (3.0, 0.1, 20.0), (50, 3))
    data = make_dataset("normal", x, rng.normal(size=50))
    ready = prepare(data, 0.6, "feature", seed=4)
    train = data.x[split(data, 0.6, 4).train]
    np.testing.assert_allclose(ready.mean, train.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(ready.std, train.std(axis=0), rtol=1e-5)
    np.testing.assert_allclose(ready.x_train.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(ready.x_train.std(axis=0), 1.0, rtol=1e-4)
    assert np.abs(ready.x_validation.mean(axis=0)).max() > 1e-3
    # The validation part has no influence: replace it by nonsense and nothing changes.
    spoiled = data.x.copy()
    spoiled[split(data, 0.6, 4).validation] = 1e6
    again = prepare(make_dataset("spoiled", spoiled, data.target), 0.6, "feature", seed=4)
    assert np.array_equal(again.mean, ready.mean)
    assert np.array_equal(again.x_train, ready.x_train)


def test_one_scale_for_images():
    rng = np.random.default_rng(0)
    x = rng.uniform(0.0, 1.0, (9000, 1, 2, 3)) * (1.0, 2.0, 4.0)  # more than one summing chunk
    data = make_dataset("images", x, np.arange(9000) % 2, ("a", "b"))
    ready = prepare(data, 0.9, "global")
    assert ready.mean.shape == ready.std.shape == ()
    assert abs(ready.x_train.mean()) < 1e-5
    assert abs(ready.x_train.std() - 1.0) < 1e-5
    column_means = ready.x_train.mean(axis=(0, 1, 2))
    assert column_means[2] - column_means[0] > 1.0  # a scale per feature would level them


@pytest.mark.parametrize("constant", [0.0, 0.1, -1234.5678, 1e30, 1e-30, 1e-44])
def test_a_constant_feature_becomes_zero(constant):
    x = np.stack([np.full(37, constant), np.arange(37.0)], axis=1)
    ready = prepare(make_dataset("constant", x, np.arange(37.0)), 0.5, "feature")
    assert ready.std[0] == 1.0
    assert np.abs(ready.x_train[:, 0]).max() <= abs(constant) * 1e-6
    assert np.isfinite(ready.x_validation).all()


def test_a_small_spread_round_a_large_value_still_counts():
    x = 1.7e9 + 1e5 * np.arange(20.0)  # dates in seconds
    ready = prepare(make_dataset("dates", x[:, None], x), 0.5, "feature")
    assert abs(ready.x_train.std() - 1.0) < 1e-2
    tiny = np.full(20, 2e-45)
    tiny[::5] = 0.0
    ready = prepare(make_dataset("tiny", tiny[:, None], x), 0.5, "feature")
    assert ready.std.dtype == np.float32
    assert np.isfinite(ready.x_train).all()


def test_prepared_arrays_are_contiguous_float32_and_keep_pairs_together():
    x = np.arange(40.0).reshape(20, 2)
    ready = prepare(make_dataset("pairs", x, x[:, 0] * 10.0), 0.75)
    assert (len(ready.x_train), len(ready.x_validation)) == (15, 5)
    for array in (
        ready.x_train,
        ready.target_train,
        ready.x_validation,
        ready.target_validation,
    ):
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
    assert np.array_equal(ready.target_train[:, 0], ready.x_train[:, 0] * 10.0)
    assert np.array_equal(ready.target_validation[:, 0], ready.x_validation[:, 0] * 10.0)


def test_a_standardiser_undoes_itself_and_refuses_an_unknown_mode():
    x = np.array([[1.0, 200.0], [3.0, 600.0], [8.0, 100.0]], np.float32)
    for mode in ("none", "feature", "global"):
        scale = Standardiser.fit(x, mode)
        np.testing.assert_allclose(scale.undo(scale.apply(x)), x, rtol=1e-5)
    assert np.array_equal(Standardiser.fit(x, "none").apply(x), x)
    with pytest.raises(DataError, match="'both'"):
        Standardiser.fit(x, "both")
