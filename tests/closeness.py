"""When two arrays are taken for the same."""

from __future__ import annotations

from typing import Any

import numpy as np


def close(actual: np.ndarray, expected: Any, tolerance: float = 1e-5, least: float = 1e-30
          ) -> None:
    """Equal to `tolerance`, measured by the largest value of the array or at least by `least`."""
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    scale = max(float(np.abs(expected).max(initial=0)), least)
    np.testing.assert_allclose(actual / scale, expected / scale, rtol=0, atol=tolerance)
