"""The LSTM whose weights are set by hand: its gates, and what it remembers and tells."""

from __future__ import annotations

import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.session import Session

EXAMPLE = EXAMPLES["lstm-by-hand"]


@pytest.fixture
def session() -> Session:
    session = Session(EXAMPLE.graph)
    assert EXAMPLE.state is not None
    assert session.restore(EXAMPLE.state) == ()
    return session


def test_it_tells_seven_at_the_end(session: Session) -> None:
    """The numbers of the lecture."""
    x = np.array([[1, 3, 2, 4, 2], [0, 1, 0, 1, 0], [0, 0, 0, 0, 1]], np.float32).T
    assert np.array_equal(session.data.x_train[0], x)
    y = session.evaluator.predict(x[None])[0, :, 0]
    assert y == pytest.approx([0, 0, 0, 0, 7], abs=1e-3)


def test_minus_one_clears_the_memory(session: Session) -> None:
    x = np.array([[5, 6, 1, 2, 0], [1, -1, 0, 1, 0], [1, 1, 1, 1, 1]], np.float32).T
    assert session.evaluator.predict(x[None])[0, :, 0] == pytest.approx([5, 0, 0, 2, 2], abs=1e-3)


def test_the_gates_follow_the_commands(session: Session) -> None:
    session.run(1)
    write, keep, number, tell = session.values("lstm_1.gates")[:, 0].T
    assert write == pytest.approx([0, 1, 0, 1, 0], abs=1e-4)
    assert keep == pytest.approx([1] * 5, abs=1e-4)
    assert number == pytest.approx([1, 3, 2, 4, 2], abs=1e-3)
    assert tell == pytest.approx([0, 0, 0, 0, 1], abs=1e-4)
    assert session.values("lstm_1.c")[:, 0, 0] == pytest.approx([0, 0, 3, 3, 7, 7], abs=1e-3)


def test_the_weights_of_a_seed_know_nothing_of_it() -> None:
    session = Session(EXAMPLE.graph)
    assert session.validate().loss > 0.1
