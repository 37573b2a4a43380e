"""What becomes of a gradient on its way back through time, in numbers.

One batch of the adding problem, 50 steps, loss after the last: how large the gradient of the state
is at the first step, over that at the last. The weights of the states start as orthogonal matrices
times a gain, so that a linear network multiplies the gradient by just this gain at each step.
"""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.examples.base import chain, seeded
from playground.graph import Graph
from playground.initializers import Orthogonal
from playground.layers.core import Dense
from playground.layers.loss import MeanSquaredError
from playground.layers.recurrent import GRU, LSTM, Elman, Function
from playground.layers.sequence_data import Adding
from playground.layers.unrolled import RecurrentLayer
from playground.session import Session
from playground.shapes import check
from playground.training import SGD, Clipping

STEPS, UNITS = 50, 32
GAINS = (0.5, 0.75, 1.0, 1.25, 1.5)
OPEN = 3.0
"""A bias of a gate that opens it: σ(3) = 0.95."""


def adding(cell: RecurrentLayer) -> Graph:
    return chain(Adding(count=500, steps=STEPS), cell, Dense(units=1), MeanSquaredError(),
                 training=seeded(7, optimizer=SGD(learning_rate=1e-6)), notes="")


def ratio(session: Session, state: str = "h") -> float:
    """The gradient norm at the first step over that at the last, in the next training step."""
    id = session.graph.nodes[1].id
    session.run(1)
    norm = session.values(f"{id}.{state}_grad_norm")
    return float(norm[0] / norm[-1])


def elman(gain: float, function: Function) -> Elman:
    return Elman(units=UNITS, activation=function, recurrent_initializer=Orthogonal(gain=gain))


def lstm(gain: float) -> LSTM:
    return LSTM(units=UNITS, recurrent_initializer=Orthogonal(gain=gain), forget_bias=OPEN)


def gru(gain: float) -> Session:
    """A GRU whose update gate is open."""
    session = Session(adding(GRU(units=UNITS, recurrent_initializer=Orthogonal(gain=gain))))
    session.values("gru_1.bias_ih_l0")[UNITS:2 * UNITS] = OPEN
    return session


# -- P1: it vanishes, or it explodes --------------------------------------------------------------


@pytest.mark.parametrize("gain", GAINS)
def test_a_linear_network_multiplies_the_gradient_by_the_gain_at_each_step(gain: float) -> None:
    found = ratio(Session(adding(elman(gain, "identity"))))
    assert found == pytest.approx(gain ** (STEPS - 1), rel=1e-3)


def test_with_tanh_it_vanishes_below_and_explodes_above() -> None:
    found = [ratio(Session(adding(elman(gain, "tanh")))) for gain in GAINS]
    assert found == sorted(found)
    assert found[0] < 1e-12
    assert found[1] < 1e-6
    assert found[-1] > 10


# -- P2: gates cure the one, clipping the other ---------------------------------------------------


@pytest.mark.parametrize("gain", GAINS)
def test_through_the_memory_of_an_lstm_it_arrives(gain: float) -> None:
    assert 0.1 < ratio(Session(adding(lstm(gain))), "c") < 10


@pytest.mark.parametrize("gain", GAINS)
def test_through_a_gru_whose_update_gate_is_open_it_arrives(gain: float) -> None:
    assert 0.1 < ratio(gru(gain)) < 1


def test_shut_gates_let_it_vanish() -> None:
    """The cure is the open gate, not the kind of the layer."""
    shut = LSTM(units=UNITS, forget_bias=-OPEN)
    assert ratio(Session(adding(shut)), "c") < 1e-12


def test_an_lstm_does_not_cure_exploding() -> None:
    assert ratio(Session(adding(lstm(4.0))), "c") > 50


def test_clipping_cures_exploding() -> None:
    graph = EXAMPLES["exploding"].graph
    off = msgspec.structs.replace(graph.training, clipping=Clipping())
    without, clipped = Session(graph.with_training(off)), Session(graph)
    before = clipped.validate().loss
    for session in (without, clipped):
        session.run(1000)
    assert without.trouble is not None
    assert without.step < 100
    assert clipped.trouble is None
    history = clipped.history.view()
    assert history.high("grad_norm_before").max() > 1000
    assert history.high("grad_norm").max() < 1.001
    assert np.mean(history.mean("clipped")) > 0.5
    assert clipped.validate().loss < 0.25 * before


# -- P11: three gates' worth of weights instead of four -------------------------------------------


def test_a_gru_has_three_quarters_of_the_parameters_of_an_lstm() -> None:
    sizes = [check(EXAMPLES[name].graph).parameters[f"{name}_1"] for name in ("gru", "lstm")]
    assert sizes[0] / sizes[1] == 0.75


def test_a_step_of_a_gru_is_faster() -> None:
    """Timed in turns, so that what else the machine does falls on both."""
    sessions = [Session(adding(cell(units=64))) for cell in (GRU, LSTM)]
    taken = []
    for _ in range(15):
        marks = [time.perf_counter()]
        for session in sessions:
            session.run(10)
            marks.append(time.perf_counter())
        taken.append(np.diff(marks))
    assert np.median([gru_time / lstm_time for gru_time, lstm_time in taken]) < 1
