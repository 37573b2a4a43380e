"""What the recurrent examples are held to, measured on a run that has ended."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from playground.data.sentences import CITIES

if TYPE_CHECKING:
    from playground.headless import Outcome


def mean_squared_error(outcome: Outcome) -> float:
    """Of the validation part; the loss must be the mean squared error."""
    return outcome.validation.loss


def largest_error(outcome: Outcome) -> float:
    """The largest difference between output and target, over both parts."""
    session, data = outcome.session, outcome.session.data
    return max(float(np.abs(session.evaluator.predict(x) - target).max())
               for x, target in ((data.x_train, data.target_train),
                                 (data.x_validation, data.target_validation)))


def error_over_naive(outcome: Outcome) -> float:
    """The mean squared error of the validation part, over that of the forecast that the next value
    is the last one seen. The data's x is (time, 1), the loss the mean squared error.
    """
    data = outcome.session.data
    seen = data.raw(data.x_validation)
    target = data.target_validation
    last = seen if target.ndim == 3 else seen[:, -1]
    return float(outcome.validation.loss / np.mean((target - last)**2))


def ambiguous_accuracy(outcome: Outcome) -> float:
    """The share of the cities in the validation part whose slot is right: each of them is as often
    a destination as a departure.
    """
    session, data = outcome.session, outcome.session.data
    port = data.dataset.x_port
    assert port is not None
    words = port.of(data.x_validation)
    cities = [data.dataset.vocabulary.index(city) for city in CITIES]
    ambiguous = np.isin(words, cities)
    answers = session.evaluator.predict(data.x_validation).argmax(axis=-1)
    return float(np.mean((answers == data.target_validation)[ambiguous]))


def clipped_share(outcome: Outcome) -> float:
    """The share of the steps whose gradient was clipped."""
    return float(np.mean(outcome.session.history.view().mean("clipped")))


def bits_per_character(outcome: Outcome) -> float:
    """Of the validation part, those at the beginning of a window included, where little is known
    yet; the loss must be the cross-entropy.
    """
    return outcome.validation.loss / math.log(2)


SEQUENCE_MEASURES = {"mean_squared_error": mean_squared_error, "largest_error": largest_error,
                     "error_over_naive": error_over_naive,
                     "ambiguous_accuracy": ambiguous_accuracy,
                     "bits_per_character": bits_per_character,
                     "clipped_share": clipped_share}
"""By the name of a mark's metric."""
