"""Bundled data sets: nothing is read before it is asked for, and then only once."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from importlib import resources
from io import StringIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from playground.data.dataset import DataError, Dataset, make_dataset
from playground.data.idx_reader import read_idx_array
from playground.data.images import as_images
from playground.data.table_reader import read_csv

Bytes = npt.NDArray[np.uint8]

FASHION_FOLDER = "/usr/share/datasets/fashion-mnist"  # of Debian's dataset-fashion-mnist

_FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_FASHION_SOURCE = (
    "Fashion-MNIST, Xiao, Rasul and Vollgraf (Zalando SE), 2017, arXiv:1708.07747, MIT licence"
)


@lru_cache
def digits() -> Dataset:
    """1,797 handwritten digits, x (1797, 1, 8, 8) with values 0..1, ten classes.

    The test half of UCI's "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998).
    """
    images, labels = _arrays("digits.npz")
    x = images[:, None] / np.float32(16.0)  # each pixel counts the ink in a block of 4 x 4
    source = (
        "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, 1998, UCI, "
        "doi:10.24432/C50P49, CC BY 4.0."
    )
    return make_dataset("Digits", x, labels, [str(digit) for digit in range(10)], (), source)


@lru_cache
def fashion_mnist() -> Dataset:
    """6,000 pictures of clothes, x (6000, 1, 28, 28) with values 0..1, 600 of each of ten classes.

    A fixed sample of the training images of Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017).
    """
    images, labels = _arrays("fashion_mnist_6000.npz")
    source = f"{_FASHION_SOURCE}; 6,000 of the 60,000 training images."
    return make_dataset("Fashion-MNIST", as_images(images), labels, _FASHION_CLASSES, (), source)


def full_fashion_mnist(folder: str = FASHION_FOLDER) -> Dataset:
    """All 70,000 pictures of clothes from the four IDX files in a folder; raises DataError.

    x (70000, 1, 28, 28), 220 MB: the 60,000 training images, then the 10,000 test images. Install
    Debian's dataset-fashion-mnist, or name a folder with the files of Zalando's repository.
    """
    if not (Path(folder) / "train-images-idx3-ubyte.gz").is_file():
        raise DataError(
            f"The full Fashion-MNIST is not in '{folder}'; install Debian's dataset-fashion-mnist, "
            "or name the folder that holds train-images-idx3-ubyte.gz and its three companions."
        )
    parts = [
        [read_idx_array(Path(folder) / f"{part}-{file}-ubyte.gz") for part in ("train", "t10k")]
        for file in ("images-idx3", "labels-idx1")
    ]
    images, labels = (np.concatenate(part) for part in parts)
    source = f"{_FASHION_SOURCE}."
    name = "Fashion-MNIST (full)"
    return make_dataset(name, as_images(images), labels, _FASHION_CLASSES, (), source)


@lru_cache
def iris() -> Dataset:
    """150 iris flowers, x (150, 4) in centimetres, three species of 50 (Fisher, 1936)."""
    source = "Iris, R. A. Fisher, 1936, UCI, doi:10.24432/C56C76, CC BY 4.0."
    return _table("Iris", "iris.csv", source)


@lru_cache
def wine() -> Dataset:
    """178 wines, x (178, 13) measurements, three cultivars (Aeberhard and Forina, 1992)."""
    source = "Wine, S. Aeberhard and M. Forina, 1992, UCI, doi:10.24432/C5PC7J, CC BY 4.0."
    return _table("Wine", "wine.csv", source)


@lru_cache
def el_nino() -> npt.NDArray[np.float32]:
    """732 monthly means of the sea's temperature off Peru in °C, January 1950 to December 2010.

    NOAA's ERSST.v3b, region Niño 1+2 (0-10° south, 90-80° west).
    """
    table = np.loadtxt(
        StringIO(_text("el_nino.csv")), np.float32, delimiter=",", skiprows=1, usecols=2)
    table.flags.writeable = False
    return table


@lru_cache
def pride_and_prejudice() -> str:
    """Chapters 1 to 6 of Jane Austen's novel of 1813: 42,589 characters, 67 different ones."""
    return _text("pride_and_prejudice.txt")


def _text(file_name: str) -> str:
    return (resources.files(__package__) / file_name).read_text("utf-8")


def _arrays(file_name: str) -> tuple[Bytes, Bytes]:
    """The images and labels of a bundled .npz file."""
    file = resources.files(__package__) / file_name
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return arrays["images"], arrays["labels"]


def _table(name: str, file_name: str, source: str) -> Dataset:
    with resources.as_file(resources.files(__package__) / file_name) as path:
        return replace(read_csv(path), name=name, source=source)
