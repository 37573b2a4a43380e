"""The bottom panels, from left to right; a panel may share the place of an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import NamedTuple

from ui.docks import BOTTOM, Docks
from ui.views.base import View


class Panel(NamedTuple):
    """A view and where it stands.

    view: its file and class in ui/views. title: on its tab and in the menu. beside: the panel
    whose place it shares. at_first: seen from the first start; the others come with the examples
    that name them, or from the menu.
    """

    view: str
    title: str
    beside: str = ""
    at_first: bool = True

    def make(self) -> View:
        module, _, name = self.view.partition(".")
        view: View = getattr(import_module(f"ui.views.{module}"), name)()
        return view


PANELS: dict[str, Panel] = {
    "loss": Panel("loss.LossView", "Loss"),
    "gradients": Panel("gradients.GradientsView", "Gradient norms"),
    "excitation": Panel("excitation.ExcitationView", "What excites", "gradients", at_first=False),
    "output": Panel("output.OutputView", "Output"),
    "feature_maps": Panel("feature_maps.FeatureMapsView", "Feature maps", "output"),
    "text": Panel("text.TextView", "Text", "output", at_first=False),
    "surface": Panel("surface.SurfaceView", "Surface", "output", at_first=False),
    "through_time": Panel("through_time.ThroughTimeView", "Through time", "output",
                          at_first=False),
    "matrix": Panel("matrix.MatrixView", "As a matrix", "output", at_first=False),
    "program": Panel("listing.ListingView", "Program"),
    "node_values": Panel("node_values.NodeValuesView", "Tensor", "program"),
    "representation": Panel("representation.RepresentationView", "Representation", "program",
                            at_first=False),
}


class Panels(Mapping[str, View]):
    """The views by name. One is built when it is first seen, or asked for: a start builds those
    that lie in front.

    admit: is told of each new view, before it is shown.
    """

    def __init__(self, docks: Docks, admit: Callable[[View], None]) -> None:
        self._docks, self._admit = docks, admit
        self._built: dict[str, View] = {}
        for name, panel in PANELS.items():
            dock = docks.add(name, panel.title, None, BOTTOM,
                             docks.all[panel.beside] if panel.beside else None, panel.at_first)
            dock.visibilityChanged.connect(partial(self._seen, name))

    def __getitem__(self, name: str) -> View:
        if name not in self._built:
            view = self._built[name] = PANELS[name].make()
            self._admit(view)
            self._docks.fill(name, view)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(PANELS)

    def __len__(self) -> int:
        return len(PANELS)

    def _seen(self, name: str, visible: bool) -> None:
        if visible:
            self[name]
