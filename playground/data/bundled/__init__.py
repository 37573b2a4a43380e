"""The data sets that come with the program; see DATA_LICENSES.md for authors and licences."""

from playground.data.bundled.loaders import (
    FASHION_FOLDER,
    digits,
    el_nino,
    fashion_mnist,
    full_fashion_mnist,
    iris,
    pride_and_prejudice,
    wine,
)

__all__ = [
    "FASHION_FOLDER",
    "digits",
    "el_nino",
    "fashion_mnist",
    "full_fashion_mnist",
    "iris",
    "pride_and_prejudice",
    "wine",
]
