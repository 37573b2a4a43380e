"""Arrays that last over the steps without being learned, and layers that see the whole batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pytest

import kernels
from playground.engine import Engine
from playground.graph import Graph
from playground.initializers import Constant
from playground.keyframes import LEAST
from playground.layers.base import Layer, Parameter, Shape, make_layer
from playground.session import Session
from playground.shapes import check
from playground.training import SGD, Training
from tests.networks import Samples
from tests.sketch import both_ways

if TYPE_CHECKING:
    from playground.emitter import Emitter

START = 0.5
BATCH = 7


class Tally(Layer, frozen=True, kw_only=True):
    """Adds up all samples that it has trained on; in use it gives that sum."""

    kind, label, category = "tally", "Tally", "core"
    whole_batch = True

    def running(self, *x: Shape) -> tuple[Parameter, ...]:
        return (Parameter("seen", x[0], Constant(value=START)),)

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"sums": x[0]}

    def forward(self, e: Emitter) -> None:
        x, y, units = e.x[0], e.y[0], e.x[0].shape[1]
        if not e.training:
            e.emit(kernels.elementwise.copy_blocks, rows=e.batch, width=units, from_stride=0,
                   from_offset=0, to_stride=units, to_offset=0, x=e.running["seen"], y=y)
            return
        e.emit(kernels.elementwise.copy, n=x.size, x=x, y=y)
        e.emit(kernels.dense.dense_bias_gradient, batch=e.batch, units=units, dy=x,
               db=e.work["sums"])
        e.emit(kernels.elementwise.add_into, n=units, x=e.work["sums"], y=e.running["seen"])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.elementwise.copy, n=dx.size, x=e.dy[0], y=dx)


class PerLane(Tally, frozen=True, kw_only=True):
    """What must not be: lanes that write to what they share."""

    whole_batch = False


def graph(layer: Layer | None = None, units: int = 3) -> Graph:
    made = Graph().with_node(Samples(shape=(4,), target=(2,)))
    for step in (layer or Tally(), make_layer("dense", {"units": units}),
                 make_layer("dense", {"units": 2}), make_layer("mean_squared_error", {})):
        last = made.nodes[-1].id
        made = made.with_node(step)
        made = made.connect(last, made.nodes[-1].id)
    return made.with_training(Training(batch=BATCH, optimizer=SGD(learning_rate=0.01)))


def seen(session: Session) -> np.ndarray:
    return session.values("tally_1.seen").copy()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_every_sample_of_every_lane_is_seen_once(threads: int) -> None:
    session = Session(graph(), threads=threads)
    expected = np.full(4, START)
    for _ in range(11):
        session.run(1)
        expected += session.values("samples_1.x").sum(axis=0)
        np.testing.assert_allclose(seen(session), expected, rtol=1e-5, atol=1e-5)


def test_the_whole_batch_is_emitted_once() -> None:
    session = Session(graph(), threads=2)
    rows = [row for row in session.program.code if row[0] and row[0].node == "tally_1"
            and row[0].phase in ("forward", "backward")]
    assert [other for _, other in rows] == [None] * len(rows)
    tensors = session.program.tensors
    assert tensors["tally_1.seen"].region == "running"
    assert "tally_1.sums" in tensors
    assert "tally_1.sums@1" not in tensors


def test_lanes_may_not_write_what_they_share() -> None:
    with pytest.raises(AssertionError, match="whole_batch"):
        Session(graph(PerLane()), threads=2)


@pytest.mark.parametrize("threads", [1, 2])
def test_running_arrays_are_rewound_and_replayed(threads: int) -> None:
    def wander(session: Session) -> None:
        session.run(40)
        session.forward_to("layer")
        assert session.go_to(12 * len(session.program.code) + 5)
        session.back("batch")

    straight, _ = both_ways(graph(), 30, wander, threads)
    assert not (seen(straight) == START).any()


def test_reset_begins_anew() -> None:
    session = Session(graph())
    session.run(9)
    session.reset()
    assert (seen(session) == START).all()


def test_a_network_in_use_takes_them_as_they_are() -> None:
    session = Session(graph())
    for _ in range(3):
        session.run(1)
        found = session.evaluator.activations(session.data.x_train[:2])["tally_1.y"]
        np.testing.assert_array_equal(found, [seen(session)] * 2)


def test_an_edit_keeps_them() -> None:
    session = Session(graph())
    session.run(9)
    other = Session(graph(units=5))
    assert other.restore(session.saved_state()) == ("dense_1.w", "dense_1.b", "dense_2.w")
    np.testing.assert_array_equal(seen(other), seen(session))


def test_an_edit_through_the_engine_keeps_them() -> None:
    engine = Engine()
    engine.start()
    try:
        engine.load(graph())
        for _ in range(4):
            engine.step("batch")
        before = engine.saved_state()
        engine.load(graph(units=6))
        after = engine.saved_state()
    finally:
        engine.quit()
    assert before is not None
    assert after is not None
    assert before[0].step == after[0].step == 4
    np.testing.assert_array_equal(before[0].running["tally_1.seen"],
                                  after[0].running["tally_1.seen"])


def test_they_are_no_parameters_but_take_memory() -> None:
    checked = check(graph())
    assert checked.parameters["tally_1"] == 0
    kept, activations, sums = (LEAST + 2) * 4, 2 * BATCH * 4, 4
    assert checked.memory["tally_1"] == 4 * (kept + activations + sums)
