"""Recurrent layers within a network: in steps, beside others, over long sequences."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest

from playground.compiler import compile_program
from playground.graph import Edge, Graph
from playground.layers.base import Signal, make_layer
from playground.session import Session
from playground.shapes import check
from playground.training import SGD, Training
from tests.closeness import close
from tests.networks import Samples, Step, row
from tests.recurrent_rig import FEATURES, KINDS, TIME, UNITS
from tests.torch_training import train_both


def sequences(*steps: Step, shape: tuple[int, int] = (TIME, FEATURES)) -> Graph:
    return row(Samples(shape=shape, target=(2,)), *steps, ("dense", {"units": 2}),
               ("mean_squared_error", {}), training=Training(batch=8))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_run_stepped_and_rewound_are_the_same_bits(kind: str, threads: int) -> None:
    graph = sequences((kind, {"units": UNITS, "bidirectional": True, "layers": 2}))
    run, stepped = Session(graph, threads=threads), Session(graph, threads=threads)
    run.run(4)
    for _ in range(3):
        stepped.run(1)
    stepped.forward_to("phase")
    for _ in range(5):
        stepped.forward_to("instruction")
    assert stepped.back("batch")
    assert stepped.back("batch")
    while stepped.step < 4:
        stepped.forward_to("layer")
    for name in run.program.parameters:
        assert run.values(name).tobytes() == stepped.values(name).tobytes()


def test_one_instruction_for_each_time_step_and_a_layer_step_over_all() -> None:
    session = Session(sequences(("lstm", {"units": UNITS}), shape=(9, 2)))
    own = [i for i in session.program.instructions if i.node == "lstm_1"]
    for phase, order in (("forward", list(range(9))), ("backward", list(range(9))[::-1])):
        assert [i.time for i in own if i.phase == phase and i.time is not None] == order
    session.run_to("lstm_1", "forward")
    session.forward_to("layer")
    assert (session.instruction.node, session.instruction.phase) == ("dense_1", "forward")


def test_a_frozen_cell_costs_no_weight_gradient() -> None:
    plain = sequences(("lstm", {"units": UNITS, "returns": "sequence"}), ("lstm", {"units": UNITS}))
    learning = msgspec.structs.replace(plain.node("lstm_2").learning, frozen=True)
    for graph, wanted in ((plain, True), (plain.with_learning("lstm_2", learning), False)):
        kernels = {i.kernel.name for i in Session(graph).program.instructions
                   if i.node == "lstm_2" and i.phase == "backward"}
        assert {"lstm_backward", "dense_input_gradient"} <= kernels
        assert ("recurrent_weight_gradient" in kernels) == wanted


def test_the_forget_gate_starts_with_its_bias() -> None:
    graph = sequences(("lstm", {"units": 3, "forget_bias": 2.5, "layers": 2}))
    session = Session(graph)
    for level in range(2):
        expected = [0, 0, 0, 2.5, 2.5, 2.5, 0, 0, 0, 0, 0, 0]
        assert session.values(f"lstm_1.bias_ih_l{level}").tolist() == expected
        assert not session.values(f"lstm_1.bias_hh_l{level}").any()


def test_an_encoder_hands_its_states_to_a_decoder() -> None:
    # Only the third input is connected: the second stays free.
    graph = Graph().with_node(Samples(shape=(TIME, FEATURES), target=(2,)))
    graph = graph.with_node(make_layer("lstm", {"units": 3, "returns": "states"}))
    graph = graph.with_node(make_layer("lstm", {"units": 3})).connect("samples_1", "lstm_1")
    graph = graph.connect("samples_1", "lstm_2").with_edge(Edge("lstm_1", 0, "lstm_2", 2))
    graph = graph.with_node(make_layer("dense", {"units": 2})).connect("lstm_2", "dense_1")
    graph = graph.with_node(make_layer("mean_squared_error", {})).connect("dense_1", "loss_1")
    checked = check(graph)
    assert checked.trainable, checked.graph_error
    session = Session(graph.with_training(Training(batch=8, optimizer=SGD(learning_rate=0.3))))
    session.run(1)
    assert session.values("lstm_1.dweight_ih_l0").any()
    np.testing.assert_array_equal(session.values("lstm_2.h")[0], session.values("lstm_1.h")[-1])
    np.testing.assert_array_equal(session.values("lstm_2.c")[0], session.values("lstm_1.c")[-1])
    first = session.measured("loss")
    session.run(200)
    assert session.measured("loss") < first


@pytest.mark.torch
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("loss", "data"), [
    ("softmax_cross_entropy", Samples(shape=(6, 5), classes=4, steps=6)),
    ("mean_squared_error", Samples(shape=(6, 5), target=(6, 4)))])
def test_a_loss_at_every_time_step(loss: str, data: Samples, threads: int) -> None:
    graph = row(data, ("gru", {"units": 7, "returns": "sequence"}),
                ("elman", {"units": 4, "activation": "identity", "returns": "sequence"}),
                (loss, {}), training=Training(batch=9, optimizer=SGD(learning_rate=0.1)))
    session, twin = train_both(graph, 20, threads)
    for name, theirs in twin.w.items():
        close(session.values(name), theirs.detach(), 1e-4)
    held = session.data
    result = session.evaluator.evaluate(held.x_validation, held.target_validation,
                                        keep_outputs=True)
    assert result.outputs is not None
    if loss == "softmax_cross_entropy":
        asked = held.target_validation >= 0
        right = result.outputs.argmax(axis=2) == held.target_validation
        assert result.metric == pytest.approx(right[asked].mean())
        assert not session.values("elman_1.dy")[session.values("samples_1.target") < 0].any()


def test_wrong_inputs_are_refused_with_the_way_out() -> None:
    lstm = make_layer("lstm", {"units": 3})
    for wrong, words in [
            (((5,),), "needs a sequence"), (((4, 5, 6),), "needs a sequence"),
            (((4, 5), (2,)), "one number for each sample"),
            (((4, 5), (), (3,)), "takes 6 values")]:
        with pytest.raises(Exception, match=words):
            lstm.infer(*map(Signal, wrong))


# -- long sequences -------------------------------------------------------------------------------


def test_a_hundred_steps_are_compiled_at_once() -> None:
    graph = sequences(("lstm", {"units": 16}), shape=(100, 2))
    compile_program(graph)
    start = time.perf_counter()
    program = compile_program(graph)
    assert len(program.instructions) > 200
    assert time.perf_counter() - start < 0.5  # About 10 ms on an idle machine.
    sizes = compile_program(graph, training=False, batch=4096).sizes
    assert sizes["workspace"] < 4096 * 100 * 16 * 30


def test_validation_of_many_samples_needs_little_memory() -> None:
    graph = sequences(("lstm", {"units": 64}), shape=(100, 2))
    session = Session(graph)
    batch = session.evaluator.batch
    sizes = compile_program(graph, training=False, batch=batch).sizes
    assert 4 * sum(sizes.values()) < 64 << 20
    assert np.isfinite(session.validate().loss)
