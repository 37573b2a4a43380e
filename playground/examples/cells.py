"""The recurrent cells in each other's place: what each makes of the same task."""

from __future__ import annotations

from collections.abc import Callable

from playground.graph import Graph
from playground.lane import Lane
from playground.layers.recurrent import GRU, LSTM, Elman, Jordan
from playground.layers.unrolled import RecurrentLayer


def other_cells(build: Callable[[RecurrentLayer], Graph], own: RecurrentLayer, **help: str
                ) -> tuple[Lane, ...]:
    """The same network with other cells of as many units; of a Jordan cell as many go round.

    help: what to look at, by the name of the cell in lower case.
    """
    units, returns = own.units, own.returns
    cells: dict[str, tuple[str, RecurrentLayer]] = {
        "elman": ("Elman", Elman(units=units, returns=returns)),
        "jordan": ("Jordan", Jordan(units=units, returns=returns, output_units=units,
                                    output_activation="tanh")),
        "lstm": ("LSTM", LSTM(units=units, returns=returns)),
        "gru": ("GRU", GRU(units=units, returns=returns))}
    return tuple(Lane(cells[cell][0], build(cells[cell][1]), help=text)
                 for cell, text in help.items())
