"""exp, tanh and their like against float64: a few ulp off at most, and right at the limits."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import pytest
from scipy import special

from kernels import vector_math
from kernels.jit import OPTIONS


def _sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x > 0, 1, e) / (1 + e)


#: name: (truth in float64, ulp allowed, the largest x it is made for)
FUNCTIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float, float]] = {
    "exp": (np.exp, 2, np.inf),
    "exp_negative": (np.exp, 2, 0),
    "expm1_negative": (np.expm1, 2, 0),
    "tanh": (np.tanh, 3, np.inf),
    "sigmoid": (_sigmoid, 4, np.inf),
    "log": (np.log, 3, np.inf),
    "erf": (special.erf, 3, np.inf),
    "softplus": (lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), 4, np.inf),
}
SMALLEST_NORMAL = np.finfo(np.float32).tiny


def apply(name: str, x: np.ndarray) -> np.ndarray:
    """The function in a compiled loop, with the flags that kernels have."""
    function = getattr(vector_math, name)

    @numba.njit(**{**OPTIONS, "cache": False})
    def loop(x, y):  # type: ignore[no-untyped-def]
        for i in range(x.size):
            y[i] = function(x[i])

    y = np.empty_like(x)
    loop(x, y)
    return y


@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy(name: str) -> None:
    truth, allowed, highest = FUNCTIONS[name]
    # Every 4099th pattern of bits: all magnitudes, denormals, infinities and NaNs. Then closer.
    patterns = np.arange(0, 2**32, 4099, np.uint64).astype(np.uint32).view(np.float32)
    x = np.concatenate([
        patterns, np.linspace(-110, 100, 300_001, dtype=np.float32),
        np.linspace(-1, 2, 300_001, dtype=np.float32),
        np.array([0.0, -0.0, np.inf, -np.inf, np.nan], np.float32)])
    x = x[~(x > highest)]
    with np.errstate(all="ignore"):
        expected = truth(x.astype(np.float64))
        rounded = expected.astype(np.float32)
    y = apply(name, x)
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(y[~finite], rounded[~finite])
    if name in ("sigmoid", "exp_negative"):
        # Of denormal numbers, which the machine takes as 0 anyway, they give some as 0.
        tiny = expected < SMALLEST_NORMAL
        assert ((y[tiny] >= 0) & (y[tiny] < 1.01 * SMALLEST_NORMAL)).all()
        finite &= ~tiny
    error = np.abs(y[finite] - expected[finite]) / np.spacing(np.abs(rounded[finite]))
    worst = np.argmax(error)
    assert error[worst] <= allowed, f"{name}({x[finite][worst]}): {error[worst]:.1f} ulp"


@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_odd_functions_keep_the_sign_of_zero(name: str) -> None:
    assert np.signbit(apply(name, np.array([-0.0, 0.0], np.float32))).tolist() == [True, False]
