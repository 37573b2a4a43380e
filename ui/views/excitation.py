"""What excites each unit of a layer: patterns that grow while one looks, and while it trains."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from playground.snapshot import Probe, Snapshot, WeightsProbe
from ui.background import Background
from ui.elided import Elided
from ui.spin import Spin
from ui.theme import ui_font
from ui.views.base import Table, View
from ui.views.network import category, node_order
from ui.views.numbers import format_number
from ui.views.pictures import PictureGrid, Tile, grey_levels, largest
from ui.views.rise import Rise

if TYPE_CHECKING:
    from playground.excitation import Ascent, Excitation
    from playground.program import Program
    from playground.weights import Weights

Floats = NDArray[np.float32]
MOST_UNITS = 64
IMAGES = 200
"""Validation samples among which the most exciting one is looked for."""
FIRST_CLIMB, NEXT_CLIMB = 80, 20
"""Steps from noise, and from where the last weights have led to."""
STEPS_SHOWN = 2
"""Steps between two pictures."""
PAUSE = 0.25
"""Seconds between two climbs while the weights change."""
REMEMBERED = 400
PACE = 0.025
"""Seconds between two pictures at least: a climb that is over at once shows nothing."""


@dataclass(frozen=True)
class Growth:
    """The patterns (units, *shape) at one moment and what their units answer, beside the most
    exciting images at the same length, what they are answered, and their numbers."""

    patterns: Floats
    values: Floats
    images: Floats
    answers: Floats
    numbers: NDArray[np.intp]
    trace: tuple[Floats, ...]
    """The values from noise to now."""
    field: tuple[slice, ...]
    """The part of an image that the units see."""
    end: Excitation | None
    """At the end of a climb: what the next one goes on from."""

    def seen(self, x: Floats) -> Floats:
        """Samples (n, *shape) without what no unit sees."""
        return x[(slice(None), *(slice(None),) * (x.ndim == 4), *self.field)]


class ExcitationView(View):
    """Left the chosen unit: its pattern, the image that excites it most, and how the pattern has
    grown. Right all units."""

    title = "What excites"
    name = "excitation"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.growth: Growth | None = None
        self.unit = 0
        self._made: Excitation | None = None
        self._key: object = None
        self._weights: Weights | None = None
        self._idle_since = 0.0
        self._over = -1
        self._found: tuple[object, str | None, str | None] = (None, None, None)
        self.work = Background(self, PACE)
        self.work.came.connect(self._show)
        self.work.ended.connect(self._rest)

        self.one = PictureGrid(self.body)
        self.one.columns = 2
        self.one.setAccessibleName("The pattern of the chosen unit, and the image that excites it "
                                   "most")
        self.rise = Rise("best image", self.body)
        self.rise.setAccessibleName("The unit's answer as its pattern grew")
        self.rise.setToolTip("What the unit answers to its pattern, from the first step to now; "
                             "dashed, the most that any validation image of that length gets")
        self.all = PictureGrid(self.body)
        self.all.setAccessibleName("The patterns of all units")
        self.all.clicked.connect(self._choose)
        self.all.pointed.connect(lambda i, r, c: self._point(i))

        self.place = QComboBox(self.body)
        self.place.addItem("one place", "centre")
        self.place.addItem("whole map", "map")
        self.place.setToolTip("Excite the unit in the middle of a map, before its activation: what "
                              "the filter looks for. Or the mean of the whole map: its texture")
        self.place.setAccessibleName("Where to excite")
        self.seed = Spin(self.body)
        self.seed.setPrefix("start ")
        self.seed.setRange(0, 9999)
        self.seed.setMaximumWidth(96)
        self.seed.setToolTip("The noise to start from. Deep units have many hills: another start "
                             "may climb another one")
        self.seed.setAccessibleName("Start")
        self.reading = Elided("secondary")
        self.reading.setFont(ui_font(12))
        self.place.currentIndexChanged.connect(lambda _: self.grow())
        self.seed.valueChanged.connect(lambda _: self.grow())

        left = QVBoxLayout()
        left.setSpacing(4)
        left.addWidget(self.one, 1)
        left.addWidget(self.rise)
        pictures = QHBoxLayout()
        pictures.setSpacing(16)
        pictures.addLayout(left, 4)
        pictures.addWidget(self.all, 5)
        controls = QHBoxLayout()
        controls.setSpacing(8)
        controls.addWidget(self.place)
        controls.addWidget(self.seed)
        controls.addWidget(self.reading, 1)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(12, 0, 12, 8)
        column.setSpacing(8)
        column.addLayout(pictures, 1)
        column.addLayout(controls)

        header = self.header
        self.again = header.command("grow again", "Start from noise once more", self.grow)
        self.decays = header.choice({
            "0": ("no decay", "Patterns as long as the norm allows"),
            "0.1": ("decay", "Each step takes a tenth away: what does not help is gone"),
        }, lambda _: self.grow(), "0", buttons=False)
        self.blurs = header.choice({
            "0": ("no blur", "Every pixel by itself"),
            "0.7": ("blur", "Every fourth step is blurred a little: fewer specks"),
        }, lambda _: self.grow(), "0", buttons=False)
        self.jitters = header.choice({
            "0": ("no jitter", "The pattern stays where it is"),
            "1": ("jitter", "Moved by a pixel at random in each step: it must excite there too"),
        }, lambda _: self.grow(), "0", buttons=False)
        self.add_export_menu()

    # -- what to show -------------------------------------------------------------------------

    def node(self) -> str | None:
        """The selected node if it has patterns, else the first convolution, else the first that
        has."""
        program = self.snapshot.program if self.snapshot else None
        if program is None:
            return None
        if self._found[:2] != (program, self.selected):
            self._found = (program, self.selected, _node(program, self.selected))
        return self._found[2]

    def missing(self, snapshot: Snapshot | None) -> str:
        from playground.excitation import obstacle

        if snapshot is None or snapshot.program is None:
            return "Press Run or Step: what excites a layer grows here."
        program = snapshot.program
        if self.node() is None:
            why = obstacle(program, self.selected or node_order(program)[-2])
            return why or "No layer here has patterns. Connect data to layers."
        if (count := program.sizes.get("parameters", 0)) > WeightsProbe().most:
            return (f"This network has {count:,} weights, too many to work on beside its training. "
                    f"Patterns are grown for up to {WeightsProbe().most:,}.")
        return ""

    def wanted(self) -> frozenset[Probe]:
        """The weights, but only when there is time to do something with them."""
        snapshot = self.snapshot
        if snapshot is None or snapshot.program is None or self.missing(snapshot):
            return frozenset()
        if self._key != self._asked():
            return frozenset({WeightsProbe()})
        resting = self.work.busy or time.perf_counter() - self._idle_since < PAUSE
        is_new = self._weights is None or (self._weights.step, self._weights.program) != (
            snapshot.step, snapshot.program)
        return frozenset({WeightsProbe()}) if is_new and not resting else frozenset()

    def draw(self, snapshot: Snapshot) -> None:
        weights = snapshot.values.get(WeightsProbe())
        key = self._asked()
        if weights is not None and weights.program is snapshot.program:
            if key != self._key:
                self._begin(key, weights)
            elif not self.work.busy and (
                    self._weights is None or weights.step != self._weights.step):
                self._climb(weights, NEXT_CLIMB)

    def restyle(self) -> None:
        self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()

    def selection_changed(self) -> None:
        self.all.enlarge(None)

    def clear(self) -> None:
        super().clear()
        self.work.stop()
        self._key = None

    def grow(self) -> None:
        """From noise again, with what is set now."""
        self._key = None
        self.refresh()

    # -- the climb ----------------------------------------------------------------------------

    def _asked(self) -> object:
        """What the patterns follow from, besides the weights."""
        program = self.snapshot.program if self.snapshot else None
        return (id(program), self.node(), self.place.currentData(), self.seed.value(),
                *(_chosen(options) for options in (self.decays, self.blurs, self.jitters)))

    def _begin(self, key: object, weights: Weights) -> None:
        self._key, self._made, self.growth = key, None, None
        self._climb(weights, FIRST_CLIMB)

    def _climb(self, weights: Weights, steps: int) -> None:
        from playground.excitation import Ascent, units_of

        node = self.node()
        assert node is not None
        self._weights = weights
        ascent = Ascent(place=self.place.currentData(), seed=self.seed.value(),
                        decay=_chosen(self.decays), blur=_chosen(self.blurs),
                        jitter=int(_chosen(self.jitters)))
        units = range(min(MOST_UNITS, units_of(weights.program, node),
                          len(weights.program.data.x_train)))
        self.unit = min(self.unit, len(units) - 1)
        trace = self.growth.trace if self.growth and self._made else ()
        made, self._made = self._made, None
        self.work.start(partial(climb, weights, node, units, ascent, made, steps, trace))

    def _rest(self) -> None:
        self._idle_since = time.perf_counter()

    def _show(self, growth: Growth) -> None:
        self.growth, self._made = growth, growth.end
        self._draw()

    # -- drawing ------------------------------------------------------------------------------

    def _draw(self) -> None:
        growth, node = self.growth, self.node()
        if growth is None or node is None:
            return
        unit = min(self.unit, len(growth.values) - 1)
        patterns, images = growth.seen(growth.patterns), growth.seen(growth.images)
        _show(self.all, patterns, patterns, [
            Tile(format_number(float(value), 2), "", "accent" if i == unit else "")
            for i, value in enumerate(growth.values)])
        # The image has its light all over, the pattern where it counts: each on a scale of its own.
        pair = np.stack([x[unit] / largest(x[unit]) for x in (patterns, images)])
        _show(self.one, pair, pair, [
            Tile(f"pattern {format_number(float(growth.values[unit]), 2)}",
                 "What excites this unit most, of all that was found"),
            Tile(f"image {format_number(float(growth.answers[unit]), 2)}",
                 "The validation image that excites it most, brought to the same length; of it, "
                 "what the unit sees")])
        self.rise.show_values([float(values[unit]) for values in growth.trace],
                              float(growth.answers[unit]))
        where = "" if self._weights is None else f" · step {self._weights.step:,}"
        self.header.note.show_text(f"{node} · unit {unit}{where}")
        self._point(self._over)

    def _choose(self, unit: int) -> None:
        self.unit = unit
        self._draw()

    def _point(self, unit: int) -> None:
        """Tell of the unit under the mouse, or of the chosen one."""
        self._over, growth = unit, self.growth
        if growth is None:
            return
        unit = min(self.unit if unit < 0 else unit, len(growth.values) - 1)
        self.reading.show_text(
            f"unit {unit}: {format_number(float(growth.values[unit]))}; image "
            f"{growth.numbers[unit]} of validation {format_number(float(growth.answers[unit]))}")

    def table(self) -> Table | None:
        if self.growth is None:
            return None
        growth = self.growth
        return ["unit", "answer", "best image", "its answer", "pattern"], [
            [i, value, number, answer, *pattern.ravel().tolist()]
            for i, (value, number, answer, pattern) in enumerate(zip(
                growth.values.tolist(), growth.numbers.tolist(), growth.answers.tolist(),
                growth.patterns, strict=True))]

    def unseen(self) -> None:
        # The thread rests. The patterns are grown anew.
        self.work.stop()
        self._key = None


def _node(program: Program, selected: str | None) -> str | None:
    from playground.excitation import obstacle

    if selected is not None and not obstacle(program, selected):
        return selected
    able = [id for id in node_order(program) if not obstacle(program, id)]
    convolutions = [id for id in able if category(program, id) == "conv"]
    learning = [id for id in able if id in program.learners]
    return next(iter((*convolutions, *learning, *able)), None)


def climb(weights: Weights, node: str, units: range, ascent: Ascent, made: Excitation | None,
          steps: int, trace: tuple[Floats, ...]) -> Iterator[Growth]:
    """Patterns with these weights, from noise or from where `made` has come to; on a thread of
    its own.
    """
    from playground.excitation import Excitation

    if made is None:
        made = Excitation(weights, node, units, ascent)
    else:
        made.take(weights)
    images = made.bounded(made.samples(weights.program.data.x_validation[:IMAGES]))
    responses = made.responses(images)
    numbers = responses.argmax(axis=0)
    for step in range(steps + 1):
        if step % STEPS_SHOWN == 0:
            trace = (*trace, made.values)[-REMEMBERED:]
            yield Growth(made.patterns.copy(), made.values, images[numbers],
                         responses.max(axis=0), numbers, trace, made.field,
                         made if step == steps else None)
        if step < steps:
            made.step()


def _show(grid: PictureGrid, x: Floats, all_of_them: Floats, tiles: list[Tile]) -> None:
    """Samples (n, *shape) as pictures on one scale: colours if they have three channels."""
    if x.ndim == 4 and x.shape[1] == 3:
        grid.show_colors(grey_levels(x), tiles)
        return
    maps = x.mean(axis=1) if x.ndim == 4 else x.reshape(len(x), -1, x.shape[-1])
    grid.show_maps(maps, largest(all_of_them), tiles=tiles)


def _chosen(options: dict[str, Any]) -> float:
    return float(next(key for key, action in options.items() if action.isChecked()))


__all__ = ["ExcitationView", "Growth", "climb"]
