"""Text that a network writes by itself, one symbol after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from playground.evaluator import Evaluator, Floats
from playground.program import Program


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

    start (steps,): the symbols to go on from, as long as the samples that the network was trained
    on. The network gives the next symbol after the last step or after each, as probabilities.
    """
    for written in continued(evaluator, start, count, temperature, seed, before=start):
        yield written.symbol


def continued(evaluator: Evaluator, prompt: Floats, count: int, temperature: float = 1.0,
              seed: int = 0, *, before: Floats) -> Iterator[Written]:
    """What follows a prompt of any length, symbol by symbol.

    before (steps,): a sample. Of a short prompt, a network that answers after each step is given
    nothing else, and asked at the prompt's end; one that answers after the last step needs its
    window full, and finds the end of `before` there. So does any, when there is no prompt.
    """
    steps, random = len(before), np.random.default_rng(seed)
    known = [float(symbol) for symbol in (prompt if len(prompt) else before)]
    for _ in range(count):
        seen = known[-steps:]
        window = np.array(before, np.float32)
        answers_each = _answers_each(evaluator, window)
        place = len(seen) if answers_each else steps
        window[place - len(seen):place] = seen
        out = evaluator.predict(window[None])[0]
        probabilities = out.reshape(-1, out.shape[-1])[place - 1 if answers_each else -1]
        symbol = draw(probabilities, temperature, random)
        known.append(float(symbol))
        yield Written(symbol, probabilities.copy())


def _answers_each(evaluator: Evaluator, window: Floats) -> bool:
    """Whether the network says after each step what comes next."""
    return evaluator.program.outputs.shape[1:-1] == window.shape


def sees_ahead(evaluator: Evaluator, window: Floats) -> bool:
    """Whether what the network says after a step hangs on the steps that come later: of a text
    that it is still to write, it would need to know the end.

    window (steps,): a sample. Seen by trying, so it holds for layers of any kind.
    """
    if not _answers_each(evaluator, window):
        return False
    half = len(window) // 2
    other = window.copy()
    other[half:] = (other[half:] + 1) % len(evaluator.program.classes)
    first, second = (evaluator.predict(x[None])[0].reshape(len(window), -1)[:half]
                     for x in (window, other))
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
    # What follows in time, and is asked for by the same names: a text.
    is_text = dataset.ordered and program.classes == dataset.vocabulary
    return dataset.vocabulary if reads and is_text else ()


def numbers_of(text: str, vocabulary: Sequence[str]) -> tuple[Floats, str]:
    """The numbers of a text's characters, and those that the vocabulary has not even as small
    letters: they are left out.
    """
    place = {symbol: number for number, symbol in enumerate(vocabulary)}
    found = [(character, place.get(character, place.get(character.lower()))) for character in text]
    unknown = "".join(dict.fromkeys(c for c, number in found if number is None))
    return np.array([number for _, number in found if number is not None], np.float32), unknown


def opening_of(program: Program, most: int = 26) -> str:
    """Some whole words of the text that the network learns from, to begin with."""
    dataset = program.data.dataset
    text = "".join(dataset.vocabulary[int(number)] for number in program.data.x_train[0].ravel())
    line = max(text.split("\n"), key=len)[:most]
    return line[:line.rfind(" ") + 1] or line
