"""Data: what a data set is, where it comes from, and how it is made ready for training.

Pure NumPy and the standard library, with Pillow for pictures; knows nothing of networks.
"""

from playground.data.bundled import (
    FASHION_FOLDER,
    digits,
    el_nino,
    fashion_mnist,
    full_fashion_mnist,
    iris,
    pride_and_prejudice,
    wine,
)
from playground.data.dataset import NO_TARGET, DataError, Dataset, Port, make_dataset, with_classes
from playground.data.idx_reader import read_idx
from playground.data.image_folder import read_image_folder
from playground.data.npz_reader import read_npz
from playground.data.preview import Preview, preview, with_all
from playground.data.readers import (
    data_format,
    is_called_like_data,
    open_data,
    reader_options,
)
from playground.data.slant import with_slants
from playground.data.split import PreparedData, Split, Standardiser, prepare, split
from playground.data.synthetic import (
    checkerboard,
    circle,
    curve,
    gaussians,
    moons,
    multi_gaussian,
    plane,
    spiral,
    xor,
)
from playground.data.table_reader import read_csv

__all__ = [
    "FASHION_FOLDER",
    "NO_TARGET",
    "DataError",
    "Dataset",
    "Port",
    "PreparedData",
    "Preview",
    "Split",
    "Standardiser",
    "checkerboard",
    "circle",
    "curve",
    "data_format",
    "digits",
    "el_nino",
    "fashion_mnist",
    "full_fashion_mnist",
    "gaussians",
    "iris",
    "is_called_like_data",
    "make_dataset",
    "moons",
    "multi_gaussian",
    "open_data",
    "plane",
    "prepare",
    "preview",
    "pride_and_prejudice",
    "read_csv",
    "read_idx",
    "read_image_folder",
    "read_npz",
    "reader_options",
    "spiral",
    "split",
    "wine",
    "with_all",
    "with_classes",
    "with_slants",
    "xor",
]
