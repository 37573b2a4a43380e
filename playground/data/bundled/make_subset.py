"""How the two bundled .npz files were made; running it again makes the same bytes.

    python -m playground.data.bundled.make_subset FASHION_FOLDER OPTDIGITS_TES OUTPUT_FOLDER

FASHION_FOLDER holds train-images-idx3-ubyte.gz and its labels (Debian: dataset-fashion-mnist).
OPTDIGITS_TES is UCI's optdigits.tes, plain or gzipped: 64 pixels and the digit on each line.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from playground.data.idx_reader import read_idx_array

Bytes = npt.NDArray[np.uint8]

SEED = 20200523  # the date in the version of Debian's package
PER_CLASS = 600


def fashion_subset(folder: Path) -> tuple[Bytes, Bytes]:
    """600 training images of each class, in their original order: (6000, 28, 28), (6000,)."""
    images = read_idx_array(folder / "train-images-idx3-ubyte.gz")
    labels = read_idx_array(folder / "train-labels-idx1-ubyte.gz")
    rng = np.random.default_rng(SEED)
    chosen = [
        rng.choice(np.flatnonzero(labels == label), PER_CLASS, replace=False) for label in range(10)
    ]
    rows = np.sort(np.concatenate(chosen))
    return images[rows], labels[rows]


def digits(file: Path) -> tuple[Bytes, Bytes]:
    """All test digits, pixels 0..16: (1797, 8, 8), (1797,)."""
    table = np.loadtxt(file, delimiter=",").astype(np.uint8)
    return table[:, :64].reshape(-1, 8, 8), table[:, 64]


def main(fashion_folder: str, digits_file: str, output_folder: str) -> None:
    """Write fashion_mnist_6000.npz and digits.npz."""
    output = Path(output_folder)
    images, labels = fashion_subset(Path(fashion_folder))
    np.savez_compressed(output / "fashion_mnist_6000.npz", images=images, labels=labels)
    images, labels = digits(Path(digits_file))
    np.savez_compressed(output / "digits.npz", images=images, labels=labels)


if __name__ == "__main__":
    main(*sys.argv[1:])
