"""Text that a network writes by itself, one symbol after another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from playground.evaluator import Evaluator, Floats


def write(evaluator: Evaluator, start: Floats, count: int, temperature: float = 1.0, seed: int = 0
          ) -> Iterator[int]:
    """Symbols (class numbers) that follow `start`, each drawn and then read again.

    start (steps,): the symbols to go on from, as long as the samples that the network was trained
    on. The network gives the next symbol after the last step or after each, as probabilities.
    """
    window = np.array(start, np.float32)
    random = np.random.default_rng(seed)
    for _ in range(count):
        probabilities = evaluator.predict(window[None])[0]
        symbol = draw(probabilities.reshape(-1, probabilities.shape[-1])[-1], temperature, random)
        window = np.append(window[1:], np.float32(symbol))
        yield symbol


def draw(probabilities: Floats, temperature: float, random: np.random.Generator) -> int:
    """A class with probability p^(1/temperature), scaled to add up to 1.

    Below 1 the likely ones get likelier, above 1 all get more alike; at 0 it is the likeliest.
    """
    if temperature <= 0:
        return int(probabilities.argmax())
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities.astype(np.float64)) / temperature
    scaled = np.exp(logits - logits.max())
    return int(random.choice(len(scaled), p=scaled / scaled.sum()))
