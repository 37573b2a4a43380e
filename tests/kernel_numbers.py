"""Numbers for kernels, and outputs that tell when they are written beyond."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

N = 37
WILD = [np.nan, np.inf, -np.inf]
Out = Callable[..., np.ndarray]


def normal(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(0, 2, shape).astype(np.float32)


def one(value: float) -> np.ndarray:
    return np.array([value], np.float32)


def close(actual: np.ndarray, expected: object, tolerance: float = 2e-6) -> None:
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def guarded() -> Iterator[Out]:
    """Makes outputs full of NaN; in the end, nothing may be written around them."""
    blocks: list[tuple[np.ndarray, int]] = []

    def make(*shape: int) -> np.ndarray:
        size = int(np.prod(shape))
        block = np.full(size + 32, np.nan, np.float32)
        block[:16] = block[-16:] = 123
        blocks.append((block, size))
        return block[16:16 + size].reshape(shape)

    yield make
    for block, size in blocks:
        assert (block[:16] == 123).all()
        assert (block[16 + size:] == 123).all()
