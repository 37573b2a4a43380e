"""Text that a network writes by itself, one symbol after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from playground.data.dataset import Dataset
from playground.data.split import PreparedData
from playground.data.symbols import ask_for_next
from playground.evaluator import Evaluator, Floats
from playground.program import Program

LOOK_AT = 100
"""Samples that tell whether the next symbol is asked for."""


@dataclass(frozen=True, eq=False)
class Written:
    """A symbol (class number) that was drawn, and how probable the network held each (classes,);
    before the temperature.
    """

    symbol: int
    probabilities: Floats

    @property
    def probability(self) -> float:
        return float(self.probabilities[self.symbol])

    def likeliest(self, count: int) -> list[tuple[int, float]]:
        """The most probable symbols with their probabilities, the first one first."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(int(symbol), float(self.probabilities[symbol])) for symbol in order]


def write(evaluator: Evaluator, start: Floats, count: int, temperature: float = 1.0, seed: int = 0
          ) -> Iterator[int]:
    """Symbols (class numbers) that follow `start`, each drawn and then read again.

    start: a sample, whose symbols to go on from. The network gives the next symbol after the last
    step or after each, as probabilities.
    """
    for written in continued(evaluator, np.empty(0, np.float32), count, temperature, seed,
                             before=start):
        yield written.symbol


def continued(evaluator: Evaluator, prompt: Floats, count: int, temperature: float = 1.0,
              seed: int = 0, *, before: Floats) -> Iterator[Written]:
    """What follows a prompt of any length, symbol by symbol.

    before: a sample. Of a short prompt, a network that answers after each step, or is told lengths,
    is given nothing else, and asked at the prompt's end; one that answers after the last step needs
    its window full, and finds the end of `before` there. So does any, when there is no prompt.
    """
    dataset, random = evaluator.program.data.dataset, np.random.default_rng(seed)
    steps, own = len(_symbols(dataset, before)), _own_symbols(dataset, before)
    known = [float(symbol) for symbol in (prompt if len(prompt) else own)]
    answers_each = _answers_each(evaluator, steps)
    for _ in range(count):
        seen = known[-steps:]
        sample = np.array(before, np.float32)
        window = _symbols(dataset, sample)
        place = len(seen) if answers_each or dataset.padded else steps
        window[place - len(seen):place] = seen
        _tell_length(dataset, sample, place)
        out = evaluator.predict(sample[None])[0]
        probabilities = out.reshape(-1, out.shape[-1])[place - 1 if answers_each else -1]
        symbol = draw(probabilities, temperature, random)
        known.append(float(symbol))
        yield Written(symbol, probabilities.copy())


def _answers_each(evaluator: Evaluator, steps: int) -> bool:
    """Whether the network says after each step what comes next."""
    return evaluator.program.outputs.shape[1:-1] == (steps,)


def _symbols(dataset: Dataset, sample: Floats) -> Floats:
    """The part (steps,) of a sample that is symbols, as a view."""
    port = dataset.x_port
    return sample if port is None else sample[port.start:port.end]


def _own_symbols(dataset: Dataset, sample: Floats) -> Floats:
    """The symbols of a sample without padding."""
    symbols, padded = _symbols(dataset, sample), dataset.padded
    return symbols[:int(dataset.lengths(padded, sample[None])[0])] if padded else symbols


def _tell_length(dataset: Dataset, sample: Floats, length: int) -> None:
    """Make the first symbols of a sample its own, where samples have lengths; in place."""
    if padded := dataset.padded:
        dataset.lengths(padded, sample[None])[0] = length
        _symbols(dataset, sample)[length:] = 0


def sees_ahead(evaluator: Evaluator, window: Floats) -> bool:
    """Whether what the network says after a step hangs on the steps that come later: of a text
    that it is still to write, it would need to know the end.

    window: a sample. Seen by trying, so it holds for layers of any kind.
    """
    dataset = evaluator.program.data.dataset
    steps = len(_symbols(dataset, window))
    if not _answers_each(evaluator, steps):
        return False
    samples, half = np.stack([window, window]), steps // 2
    for sample in samples:
        _tell_length(dataset, sample, steps)
    later = _symbols(dataset, samples[1])[half:]
    later[:] = (later + 1) % len(evaluator.program.classes)
    first, second = (evaluator.predict(x[None])[0].reshape(steps, -1)[:half] for x in samples)
    return not np.array_equal(first, second, equal_nan=True)


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


def vocabulary_of(program: Program) -> tuple[str, ...]:
    """The symbols that a network reads and whose next one it tells; none for other networks."""
    dataset = program.data.dataset
    reads = program.check.signals[program.data_node][0].classes == len(dataset.vocabulary)
    # What follows in time, or in each sample, and is asked for by the same names: a text.
    is_text = program.classes == dataset.vocabulary and (
        dataset.ordered or _asks_for_next(program.data))
    return dataset.vocabulary if reads and is_text else ()


def _asks_for_next(data: PreparedData) -> bool:
    x, target, dataset = data.x_train[:LOOK_AT], data.target_train[:LOOK_AT], data.dataset
    if target.ndim != 2 or (dataset.ports and not dataset.padded):
        return False
    symbols = np.stack([_symbols(dataset, sample) for sample in x])
    padded = dataset.padded
    mine = dataset.own_steps(padded, x) if padded else np.full(symbols.shape, True)
    return symbols.shape == target.shape and ask_for_next(target, symbols, mine)


def between(vocabulary: Sequence[str]) -> str:
    """What stands between two symbols in a text: nothing between characters, a blank between
    words."""
    return "" if all(len(symbol) == 1 for symbol in vocabulary) else " "


def numbers_of(text: str, vocabulary: Sequence[str]) -> tuple[Floats, str]:
    """The numbers of a text's symbols, and those that the vocabulary has not even in small letters:
    they are left out.
    """
    place = {symbol: number for number, symbol in enumerate(vocabulary)}
    gap = between(vocabulary)
    found = [(symbol, place.get(symbol, place.get(symbol.lower())))
             for symbol in (text.split() if gap else text)]
    unknown = gap.join(dict.fromkeys(symbol for symbol, number in found if number is None))
    return np.array([number for _, number in found if number is not None], np.float32), unknown


def opening_of(program: Program, most: int = 26) -> str:
    """Some whole words of the text that the network learns from, to begin with."""
    data, gap = program.data, between(program.data.dataset.vocabulary)
    text = gap.join(data.dataset.vocabulary[int(number)]
                    for number in _own_symbols(data.dataset, data.x_train[0]))
    line = max(text.split("\n"), key=len)[:most]
    return line[:line.rfind(" ") + 1] or line
