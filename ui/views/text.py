"""What a network writes that has read a text: by hand, or again and again while it learns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from playground.snapshot import Probe, Snapshot, WeightsProbe
from ui.background import Background
from ui.spin import Spin
from ui.theme import ui_font
from ui.views.base import Table, View
from ui.views.numbers import format_share
from ui.views.token_rows import VISIBLE
from ui.views.written import Alternatives, WrittenText

if TYPE_CHECKING:
    from playground.evaluator import Evaluator
    from playground.program import Program
    from playground.sampling import Written
    from playground.weights import Weights

PAUSE = 0.6
"""Seconds from the end of one text to the next while it trains."""
AT_ONCE = 6
"""Characters from one picture to the next."""
PACE = 0.03
ALTERNATIVES = 6
SEES_AHEAD = ("This network cannot write: at each place it has also read what "
              "follows, the very thing it would have to guess. Let it look back only: in attention "
              "turn on Causal, in a recurrent layer turn off Bidirectional.")


@dataclass(frozen=True, eq=False)
class Page:
    """A text so far. end: at its end, the network for the next one. ahead: there is none, since
    the network looks ahead."""

    text: list[Written]
    end: tuple[Evaluator, Weights] | None
    ahead: bool = False


class TextView(View):
    """A text that the network goes on with. The tint of a character, or a word, tells how
    improbable it was; pointing at it, what else was possible."""

    title = "Text"
    name = "text"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text: list[Written] = []
        self._old: list[Written] = []
        self._vocabulary: tuple[str, ...] = ()
        self._gap = ""
        """Between two symbols."""
        self._program: Program | None = None
        self._use: tuple[Evaluator, Weights] | None = None
        self._weights: Weights | None = None
        self._ahead = False
        self._asked = True
        """Whether to write as soon as there are weights."""
        self._ended = 0.0
        self._seed = 0
        self._over = -1
        self.work = Background(self, PACE)
        self.work.came.connect(self._show)
        self.work.ended.connect(self._rest)

        self.prompt = QLineEdit(self.body)
        self.prompt.setPlaceholderText("Begin with …")
        self.prompt.setToolTip("What the text begins with; empty goes on from the text that "
                               "validates. What the network does not know is left out")
        self.prompt.setAccessibleName("Prompt")
        self.prompt.returnPressed.connect(self.write)
        self.written = WrittenText(self.body)
        self.written.setAccessibleName("What the network writes")
        self.written.pointed.connect(self._point)
        self.others = Alternatives(self.body)
        self.others.setAccessibleName("What was likeliest in this place")
        self.temperature = QSlider(Qt.Orientation.Horizontal, self.body)
        self.temperature.setRange(0, 200)
        self.temperature.setValue(60)
        self.temperature.setMinimumWidth(60)
        self.temperature.setToolTip("0 always takes the likeliest; 1 draws as the network says; "
                                    "above, all become more alike")
        self.temperature.setAccessibleName("Temperature")
        self.degrees = QLabel(self.body)
        self.degrees.setProperty("role", "secondary")
        self.degrees.setFont(ui_font(12))
        self.length = Spin(self.body)
        self.length.setRange(10, 2000)
        self.length.setSingleStep(50)
        self.length.setValue(300)
        self.length.setSuffix(" characters")
        self.length.setToolTip("How much to write")
        self.length.setAccessibleName("Length")
        self.button = QPushButton("Write", self.body)
        self.button.setToolTip("Write another text")
        self.button.clicked.connect(self.write)
        self.temperature.valueChanged.connect(lambda _: self._again())
        self.length.valueChanged.connect(lambda _: self._again())

        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.written, 3)
        row.addWidget(self.others, 1)
        first, second = QHBoxLayout(), QHBoxLayout()
        for controls, widgets in ((first, ((self.prompt, 1), (self.button, 0))), (second, (
                (self.temperature, 1), (self.degrees, 0), (self.length, 0)))):
            controls.setSpacing(8)
            for widget, stretch in widgets:
                controls.addWidget(widget, stretch)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(12, 0, 12, 8)
        column.setSpacing(8)
        column.addLayout(row, 1)
        column.addLayout(first)
        column.addLayout(second)
        self.live = self.header.switch(
            "live", "Write again while it trains", lambda _: self.refresh(), on=True)
        self.add_export_menu()

    # -- what to show -------------------------------------------------------------------------

    def missing(self, snapshot: Snapshot | None) -> str:
        from playground.sampling import between, vocabulary_of

        if snapshot is None or snapshot.program is None:
            return "Press Run: what the network writes appears here."
        program = snapshot.program
        if program is not self._program:
            self._program, self._vocabulary = program, vocabulary_of(program)
            self._gap = between(self._vocabulary)
            self.length.setSuffix(f" {'symbols' if self._gap else 'characters'}")
            self.others.make_room(words=bool(self._gap))
            self._forget()
        if not self._vocabulary:
            return ("Text is written by networks that read one and say which character comes "
                    "next. Try the example Jane Austen by character, also with a text of your own: "
                    "File > Import Data.")
        return SEES_AHEAD if self._ahead else ""

    def wanted(self) -> frozenset[Probe]:
        """The weights, when there is something to write with them."""
        snapshot = self.snapshot
        if snapshot is None or self.missing(snapshot):
            return frozenset()
        return frozenset({WeightsProbe()}) if self._asked or self._due(snapshot.step) else (
            frozenset())

    def draw(self, snapshot: Snapshot) -> None:
        weights = snapshot.values.get(WeightsProbe())
        if weights is not None and weights.program is snapshot.program and (
                self._asked or self._due(weights.step)):
            self._begin(weights)
        self.degrees.setText(f"temperature {self.temperature.value() / 100:.2f}")

    def restyle(self) -> None:
        self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()

    def clear(self) -> None:
        super().clear()
        self.work.stop()

    def write(self) -> None:
        """Another text, with what is set now."""
        self._seed += 1
        self._again()

    # -- writing ------------------------------------------------------------------------------

    def _forget(self) -> None:
        """The network is another one."""
        from playground.sampling import opening_of

        self.work.stop()
        self.text, self._old, self._use, self._weights = [], [], None, None
        self._asked, self._ahead = True, False
        if self._vocabulary and self._program is not None:
            self.prompt.setText(opening_of(self._program))
        self._draw()

    def _again(self) -> None:
        self._asked = True
        self.refresh()

    def _due(self, step: int) -> bool:
        """Whether it is time to write with newer weights."""
        is_new = self._weights is None or self._weights.step != step
        return (self.live.isChecked() and is_new and not self.work.busy
                and time.perf_counter() - self._ended >= PAUSE)

    def _begin(self, weights: Weights) -> None:
        self._asked, self._weights = False, weights
        self._old, self.text = [*self.text, *self._old[len(self.text):]], []
        use, self._use = self._use, None
        self.work.start(partial(
            writing, weights, use, self.prompt.text(), self.length.value(),
            self.temperature.value() / 100, self._seed))

    def _show(self, page: Page) -> None:
        self.text, self._use = page.text, page.end
        if page.ahead:
            self._ahead = True
            self.refresh()
        self._draw()

    def _rest(self) -> None:
        self._ended = time.perf_counter()
        self._old = []
        self._draw()

    # -- drawing ------------------------------------------------------------------------------

    def _draw(self) -> None:
        from playground.sampling import numbers_of

        prompt, unknown = self.prompt.text(), ""
        if self._vocabulary:
            numbers, unknown = numbers_of(prompt, self._vocabulary)
            prompt = "".join(self._spelt(int(number)) for number in numbers)
        rest = "".join(self._letters(self._old[len(self.text):self.length.value()]))
        self.written.show_text(prompt, self._letters(self.text),
                               [written.probability for written in self.text], rest)
        note = "" if self._weights is None else f"step {self._weights.step:,}"
        if unknown:
            note = f"left out: {unknown}"
        self.header.note.show_text(note)
        self._point(self._over)

    def _letters(self, text: list[Written]) -> list[str]:
        return [self._spelt(written.symbol) for written in text]

    def _spelt(self, symbol: int) -> str:
        return self._vocabulary[symbol] + self._gap

    def _point(self, number: int) -> None:
        """What was possible at this symbol, or at the last one."""
        self._over = number
        if not self.text or number >= len(self.text):
            self.others.show_rows([], "")
            return
        written, symbols = self.text[number], self._vocabulary
        rows = [(symbols[symbol], p) for symbol, p in written.likeliest(ALTERNATIVES)]
        drawn = symbols[written.symbol]
        if drawn not in [text for text, _ in rows]:
            rows = [*rows[:-1], (drawn, written.probability)]
        self.others.show_rows(rows, drawn)
        self.others.setToolTip(
            f"{VISIBLE.get(drawn, drawn)} had {format_share(written.probability)}")

    def table(self) -> Table | None:
        what = "symbol" if self._gap else "character"
        return [what, "probability", "likeliest", "its probability"], [
            [self._vocabulary[w.symbol], w.probability,
             self._vocabulary[int(w.probabilities.argmax())], float(w.probabilities.max())]
            for w in self.text]

    def unseen(self) -> None:
        self.work.stop()


def writing(weights: Weights, use: tuple[Evaluator, Weights] | None, prompt: str, count: int,
            temperature: float, seed: int) -> Iterator[Page]:
    """The text so far, now and then; on a thread of its own. use: the network as the last text
    left it, and its weights.
    """
    from playground.evaluator import Evaluator
    from playground.sampling import continued, numbers_of, sees_ahead, vocabulary_of
    from playground.weights import copy_weights

    sample = weights.program.data.x_validation[0]
    if use is None:
        own = copy_weights(weights.program, weights, weights.step)
        use = Evaluator(weights.program, own), own
        if sees_ahead(use[0], sample):
            yield Page([], None, ahead=True)
            return
    evaluator, own = use
    own.take(weights)
    numbers, _ = numbers_of(prompt, vocabulary_of(weights.program))
    text: list[Written] = []
    for written in continued(evaluator, numbers, count, temperature, seed,
                             before=sample):
        text.append(written)
        if len(text) % AT_ONCE == 0 and len(text) < count:
            yield Page(list(text), None)
    yield Page(text, use)


__all__ = ["Page", "TextView", "writing"]
