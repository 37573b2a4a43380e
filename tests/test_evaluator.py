"""Using a network in batches, as many samples at once as memory allows."""

from __future__ import annotations

import numpy as np
import pytest

from playground import evaluator
from playground.session import Session
from tests.sketch import dense, spiral


def test_small_batches_give_what_large_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(spiral(dense(4)))
    data = session.data
    large = session.evaluator.evaluate(data.x_train, data.target_train)
    outputs = session.evaluator.predict(data.x_train)
    monkeypatch.setattr(evaluator, "MOST_BYTES", 1024)
    small = evaluator.Evaluator(session.program, session.arena)
    assert small.batch < 40
    again = small.evaluate(data.x_train, data.target_train)
    assert again.loss == pytest.approx(large.loss, rel=1e-6)
    assert again.metric == pytest.approx(large.metric)
    np.testing.assert_allclose(small.predict(data.x_train), outputs, rtol=1e-5, atol=1e-7)
