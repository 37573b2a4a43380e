"""The data sets that come with the program: counts, balance, known samples, licence, speed."""

import hashlib
import zlib
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from playground import data
from playground.data.bundled import loaders, make_subset

FOLDER = resources.files("playground.data.bundled")
FASHION = Path(data.FASHION_FOLDER)


def counts(dataset):
    return np.bincount(dataset.target.astype(int)).tolist()


def test_digits():
    digits = data.digits()
    assert digits.x.shape == (1797, 1, 8, 8)
    assert digits.target[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert counts(digits) == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (digits.x.min(), digits.x.max()) == (0.0, 1.0)
    assert (digits.x[0, 0, 0] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert digits.classes == tuple("0123456789")


def test_iris():
    iris = data.iris()
    assert iris.x.shape == (150, 4)
    assert iris.classes == ("setosa", "versicolor", "virginica")
    assert counts(iris) == [50, 50, 50]
    np.testing.assert_allclose(iris.x[0], [5.1, 3.5, 1.4, 0.2], rtol=1e-6)
    np.testing.assert_allclose(iris.x.mean(axis=0), [5.8433, 3.0573, 3.758, 1.1993], atol=1e-3)
    # Two rows that the copy at UCI has wrong and Fisher's paper right.
    np.testing.assert_allclose(iris.x[34], [4.9, 3.1, 1.5, 0.2], rtol=1e-6)
    np.testing.assert_allclose(iris.x[37], [4.9, 3.6, 1.4, 0.1], rtol=1e-6)
    assert iris.features[2] == "petal length (cm)"


def test_wine():
    wine = data.wine()
    assert wine.x.shape == (178, 13)
    assert counts(wine) == [59, 71, 48]
    assert wine.features[0] == "alcohol"
    assert wine.x[0, 12] == 1065.0
    np.testing.assert_allclose(wine.x[:, 0].mean(), 13.0006, atol=1e-3)


def test_fashion_mnist():
    fashion = data.fashion_mnist()
    assert fashion.x.shape == (6000, 1, 28, 28)
    assert counts(fashion) == [600] * 10
    assert (fashion.x.min(), fashion.x.max()) == (0.0, 1.0)
    # The mean and deviation of the full training set are 0.2860 and 0.3530.
    assert abs(fashion.x.mean() - 0.286) < 0.003
    assert abs(fashion.x.std() - 0.353) < 0.003
    assert fashion.classes[9] == "Ankle boot"
    assert np.count_nonzero(np.diff(fashion.target)) > 5000  # not sorted by class


@pytest.mark.parametrize("load", [data.digits, data.iris, data.wine, data.fashion_mnist])
def test_each_set_is_loaded_once_and_names_its_source(load):
    assert load() is load()
    assert "CC BY 4.0" in load().source or "MIT" in load().source


def test_every_bundled_file_has_its_licence_entry_and_is_small():
    text = (FOLDER / "DATA_LICENSES.md").read_text(encoding="utf-8")
    files = [file for file in FOLDER.iterdir() if file.name.endswith((".npz", ".csv", ".txt"))]
    assert len(files) == 6
    for file in files:
        section = text.split(f"## {file.name}")[1].split("\n## ")[0]
        for word in ("Author", "Source: ", "Licence: ", "Changes: ", "https://"):
            assert word in section, (file.name, word)
    assert sum(len(file.read_bytes()) for file in files) < 3_000_000


@pytest.mark.fashion
def test_the_sample_is_made_again_from_the_original(tmp_path):
    images, labels = make_subset.fashion_subset(FASHION)
    fashion = data.fashion_mnist()
    assert np.array_equal(fashion.x[:, 0], images / np.float32(255.0))
    assert np.array_equal(fashion.target, labels)
    if zlib.ZLIB_RUNTIME_VERSION == "1.2.13":  # another zlib packs the same pixels differently
        again = tmp_path / "again.npz"
        np.savez_compressed(again, images=images, labels=labels)
        bundled = (FOLDER / "fashion_mnist_6000.npz").read_bytes()
        assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(bundled).digest()


def test_the_digits_are_made_from_ucis_format(tmp_path):
    digits = data.digits()
    pixels = (digits.x.reshape(-1, 64) * 16).astype(int)
    table = np.column_stack([pixels, digits.target.astype(int)])
    np.savetxt(tmp_path / "optdigits.tes", table, fmt="%d", delimiter=",")
    images, labels = make_subset.digits(tmp_path / "optdigits.tes")
    assert images.dtype == labels.dtype == np.uint8
    assert np.array_equal(images / np.float32(16.0), digits.x[:, 0])
    assert np.array_equal(labels, digits.target)


@pytest.mark.fashion
def test_the_full_set_is_used_when_asked_for():
    full = data.full_fashion_mnist()
    assert full.x.shape == (70000, 1, 28, 28)
    assert counts(full) == [7000] * 10
    assert full.target[:5].tolist() == [9, 0, 0, 3, 0]


def test_a_missing_full_set_says_how_to_get_it(tmp_path):
    with pytest.raises(data.DataError, match="install Debian's dataset-fashion-mnist"):
        loaders.full_fashion_mnist(str(tmp_path))
