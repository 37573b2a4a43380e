"""Data sets of sequences, scenes with questions, and points without labels, as nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from playground import data
from playground.data import Dataset, make_dataset
from playground.data.bundled import el_nino, pride_and_prejudice
from playground.data.scenes import scenes
from playground.data.sentences import STEPS, slot_filling
from playground.data.sequences import (
    Answers,
    adding,
    copy_memory,
    look_ahead,
    memory_on_command,
    sines,
)
from playground.data.unlabelled import Figure, rings_and_lines
from playground.data.windows import read_text, series_windows, text_windows
from playground.layers.base import Shape, about, layer
from playground.layers.data import DataLayer, Noise
from playground.numbers import plural

Samples = Annotated[int, about(
    "Number of sequences, those that validate included.", title="Samples", ge=10, le=20_000)]
Steps = Annotated[int, about("Time steps of each sequence.", ge=2, le=1000)]
Asked = Annotated[Answers, about(
    "Whether to tell what comes after the last step alone, or after each one.", title="Predict")]

PERU = 23.0
"""°C. About the mean of the sea temperatures, a round number so that it is no look at the data."""


@layer("adding", category="data", label="Adding problem")
class Adding(DataLayer, frozen=True, kw_only=True):
    """Two marked numbers to add, far apart: a test of long memory (Hochreiter & Schmidhuber 1997).

    x (steps, 2): a number from 0 to 1, and whether it is marked. target (1,): the sum of the two
    marked ones. Always saying 1 gives a mean squared error of 1/6.
    """

    count: Samples = 2000
    steps: Steps = 30

    def dataset(self) -> Dataset:
        return adding(self.count, self.steps, self.seed)

    def subtitle(self) -> str:
        return f"{self.count:,} × {self.steps} steps"


@layer("copy_memory", category="data", label="Copy memory")
class CopyMemory(DataLayer, frozen=True, kw_only=True):
    """Symbols to repeat after a delay: how much is kept, and for how long.

    x (steps,): symbols, blanks, a "?" and blanks again. target (steps,): the symbols, in the last
    steps alone. Guessing is right once in eight.
    """

    count: Samples = 2000
    items: Annotated[int, about("Symbols to remember.", ge=1, le=100)] = 5
    delay: Annotated[int, about("Blank steps between symbols and answer.", ge=1, le=800)] = 20

    def dataset(self) -> Dataset:
        return copy_memory(self.count, self.items, self.delay, self.seed)

    def subtitle(self) -> str:
        return f"{self.items} symbols, delay {self.delay}"


@layer("sines", category="data", label="Sines (forecast)")
class Sines(DataLayer, frozen=True, kw_only=True):
    """Sums of sine waves to continue: the next value of each sequence.

    x (steps, 1), target (1,), or (steps, 1) for an answer at each step. Each sequence has periods,
    phases and sizes of its own; noise is added to x, not to the target.
    """

    count: Samples = 1000
    steps: Steps = 40
    waves: Annotated[int, about("Waves that are added up.", ge=1, le=10)] = 2
    noise: Noise = 0.0
    predict: Asked = "each"

    def dataset(self) -> Dataset:
        return sines(self.count, self.steps, self.waves, self.noise, self.predict, self.seed)

    def subtitle(self) -> str:
        return f"{plural(self.waves, 'wave')}, {self.steps} steps"


@layer("look_ahead", category="data", label="Look-ahead")
class LookAhead(DataLayer, frozen=True, kw_only=True):
    """Each step asks for a later symbol: only a network that reads both ways can know it.

    x and target (steps,); the last steps, which nothing follows, have no target. A network that
    reads forwards is right once in as many times as there are symbols.
    """

    count: Samples = 2000
    steps: Steps = 12
    ahead: Annotated[int, about(
        "How many steps later the symbol stands; fewer than there are steps.",
        ge=1, le=100)] = 3
    symbols: Annotated[int, about("Different symbols.", ge=2, le=8)] = 4

    def dataset(self) -> Dataset:
        return look_ahead(self.count, self.steps, self.ahead, self.symbols, self.seed)

    def subtitle(self) -> str:
        return f"{self.ahead} ahead, {self.steps} steps"


@layer("memory_on_command", category="data", label="Memory on command", stem="commands")
class MemoryOnCommand(DataLayer, frozen=True, kw_only=True):
    """Numbers to add up, to clear and to tell on command: what the gates of an LSTM are for.

    x (5, 3): a number; 1 to add it to the memory, -1 to clear that; 1 to tell it. target (5, 1).
    One sequence trains (1, 3, 2, 4, 2: the answer is 0, 0, 0, 0, 7) and another one validates.
    """

    not_of_samples = DataLayer.not_of_samples | {"seed"}

    def dataset(self) -> Dataset:
        return memory_on_command()

    def notes(self, *x: Shape) -> tuple[str, ...]:
        return ()  # So few are meant.

    def subtitle(self) -> str:
        return "2 sequences, 5 steps"


@layer("digit_rows", category="data", label="Digits row by row", stem="digit_rows")
class DigitRows(DataLayer, frozen=True, kw_only=True):
    """The 1,797 handwritten digits read from top to bottom, a row of 8 pixels at a time.

    x (8, 8) as (time, features), target a class of ten. UCI, Alpaydin & Kaynak 1998.
    """

    not_of_samples = DataLayer.not_of_samples | {"seed"}

    def dataset(self) -> Dataset:
        digits = data.digits()
        return make_dataset("Digits row by row", digits.x[:, 0], digits.target, digits.classes, (),
                            digits.source)

    def subtitle(self) -> str:
        return "1,797 × 8 rows"


@layer("characters", category="data", label="Text by character", stem="text")
class Characters(DataLayer, frozen=True, kw_only=True):
    """A text to continue, character by character: Jane Austen's, or a file of your own.

    x (steps,): the numbers of characters. target: the next character, or (steps,) the next one
    after each. The last part of the text validates.
    """

    not_of_samples = DataLayer.not_of_samples | {"seed"}
    paths = ("path",)

    path: Annotated[str, about(
        "A text file (UTF-8, up to 4 MB); empty takes chapters 1 to 6 of Pride and Prejudice "
        "(Jane Austen, 1813).", title="File")] = ""
    steps: Annotated[int, about("Characters of each window.", ge=2, le=1000)] = 40
    stride: Annotated[int, about(
        "Characters from one window to the next.", ge=1, le=1000)] = 3
    lower_case: Annotated[bool, about(
        "Makes all letters small: a smaller vocabulary, learned sooner.")] = False
    predict: Asked = "last"

    def dataset(self) -> Dataset:
        if self.path:
            name, text = Path(self.path).name, read_text(self.path)
            source = f"File {name}."
        else:
            name, text = "Pride and Prejudice", pride_and_prejudice()
            source = "Pride and Prejudice, Jane Austen, 1813, chapters 1 to 6, public domain."
        text = text.lower() if self.lower_case else text
        return text_windows(name, text, self.steps, self.stride, self.predict, source)

    @property
    def title(self) -> str:
        """What is read."""
        return Path(self.path).name or "Jane Austen"

    def subtitle(self) -> str:
        return f"{self.title}, {self.steps} characters"


@layer("el_nino", category="data", label="El Niño (forecast)")
class ElNino(DataLayer, frozen=True, kw_only=True):
    """Sea temperature off Peru, month by month from 1950 to 2010 (NOAA): seasons, and El Niño.

    x (months, 1) in °C above 23, target the next month, (1,), or (months, 1) after each. The last
    years validate.
    """

    not_of_samples = DataLayer.not_of_samples | {"seed"}

    months: Annotated[int, about("Months of each window.", ge=2, le=120)] = 24
    predict: Asked = "last"

    def dataset(self) -> Dataset:
        return series_windows(
            "El Niño", el_nino() - PERU, self.months, self.predict,
            "ERSST.v3b, region Niño 1+2, NOAA Climate Prediction Center, public domain.")

    def subtitle(self) -> str:
        return f"732 months, windows of {self.months}"


@layer("slot_filling", category="data", label="Slot filling")
class SlotFilling(DataLayer, frozen=True, kw_only=True):
    """Flight requests, word by word: "arrive Taipei" is a destination, "leave Taipei" a departure.

    x (14,): the numbers of words, filled up at the end. target (14,): other, destination,
    departure or time for each word. lengths (1,): how many words there are.
    """

    outputs = ("x", "target", "lengths")

    count: Samples = 2000

    def dataset(self) -> Dataset:
        return slot_filling(self.count, self.seed)

    def subtitle(self) -> str:
        return f"{self.count:,} requests, up to {STEPS} words"


@layer("scenes", category="data", label="Scenes with questions")
class Scenes(DataLayer, frozen=True, kw_only=True):
    """Pictures of coloured shapes, a question about each, and its answer.

    x (3, size, size), question (5,): the numbers of words, target: one of twelve answers (a colour,
    a shape, a number, yes or no).
    """

    outputs = ("x", "target", "question")

    count: Annotated[int, about("Number of scenes.", title="Samples", ge=10, le=5_000)] = 2000
    size: Annotated[int, about("Pixels a side.", ge=12, le=48)] = 24

    def dataset(self) -> Dataset:
        return scenes(self.count, self.size, self.seed)

    def subtitle(self) -> str:
        return f"{self.count:,} scenes of {self.size}×{self.size}"


@layer("rings_and_lines", category="data", label="Rings and lines", stem="points")
class RingsAndLines(DataLayer, frozen=True, kw_only=True):
    """Points of the plane without labels, for networks that imitate or compress them.

    x (2,), and the same point as target.
    """

    figure: Annotated[Figure, about("What the points lie on.")] = "ring"
    points: Annotated[int, about("Number of points.", ge=10, le=100_000)] = 1000
    noise: Annotated[float, about("How far points stray.", ge=0, le=5)] = 0.05

    def dataset(self) -> Dataset:
        return rings_and_lines(self.figure, self.points, self.noise, self.seed)

    def subtitle(self) -> str:
        return f"{self.figure}, {self.points:,} points"
