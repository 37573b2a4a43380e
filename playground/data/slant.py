"""How far something drawn leans: a number to ask of a picture instead of a class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playground.data.dataset import Dataset, make_dataset

UNIT = 10.0
"""Degrees that count as 1, so that the numbers are neither large nor tiny."""


def slants(images: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Degrees by which the ink of images (n, 1, height, width) leans, to the right at the top > 0.

    By the moments of the ink, as images of digits are deslanted: atan(μ₁₁ / μ₀₂), LeCun et al.
    1998, section III.A.
    """
    ink = np.asarray(images, np.float64)[:, 0]
    weight = ink / ink.sum(axis=(1, 2), keepdims=True)
    down, across = np.mgrid[:ink.shape[1], :ink.shape[2]]
    dy = down - (weight * down).sum(axis=(1, 2))[:, None, None]
    dx = across - (weight * across).sum(axis=(1, 2))[:, None, None]
    shear = (weight * dx * dy).sum(axis=(1, 2)) / (weight * dy**2).sum(axis=(1, 2))
    degrees: npt.NDArray[np.float64] = -np.degrees(np.arctan(shear))
    return degrees


def with_slants(dataset: Dataset) -> Dataset:
    """The same images with their slant as target, (n, 1), in units of 10 degrees."""
    target = slants(dataset.x)[:, None] / UNIT
    return make_dataset(f"{dataset.name}, slant", dataset.x, target, (), dataset.features,
                        dataset.source)

