"""The forecast of the sea's temperature against one that knows the calendar."""

from __future__ import annotations

import numpy as np

from playground.examples import EXAMPLES
from playground.headless import train

YEAR = 12  # months


def test_the_series_beats_what_the_same_month_brought_last_year() -> None:
    example = EXAMPLES["series"]
    outcome = train(example.graph, epochs=example.mark.epochs)
    data = outcome.session.data
    seen = (data.x_validation * data.std + data.mean)[:, :, 0]
    change = seen[:, -YEAR] - seen[:, -YEAR - 1]
    seasonal = np.mean((seen[:, -1] + change - data.target_validation[:, 0])**2)
    assert 0.4 < seasonal < 0.5
    assert outcome.validation.loss < 0.7 * seasonal
