"""Numbers too small for a normal float32 count as zero while a program runs, and only then."""

from __future__ import annotations

import numpy as np

from kernels.denormals import HAS_SWITCH
from playground.session import Session
from playground.training import SGD
from tests.sketch import dense, spiral

TINY = np.float32(1e-40)


def test_denormal_weights_become_zero_where_they_would_be_slow() -> None:
    session = Session(spiral(dense(3), optimizer=SGD(learning_rate=0.0)))
    session.values("dense_1.w")[0] = TINY
    kept = session.values("dense_1.w")[1].copy()
    session.run(1)
    np.testing.assert_array_equal(
        session.values("dense_1.w")[0], 0 if HAS_SWITCH else TINY)
    np.testing.assert_array_equal(session.values("dense_1.w")[1], kept)


def test_the_thread_has_its_own_mode_back() -> None:
    Session(spiral(dense(3))).run(1)
    assert TINY * np.float32(1) == TINY
