"""What a session does and keeps: lanes, seeds, epochs, what is saved, what an edit leaves."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from playground import document as store
from playground.compiler import CompileError
from playground.graph import Graph
from playground.layers.base import make_layer
from playground.session import Session
from playground.step_clock import StepClock
from playground.training import SGD, Adam, Clipping, Training
from tests.networks import Samples, Step, row
from tests.sketch import chain, dense, noisy, spiral, state


@pytest.mark.parametrize("instrument", [True, False])
@pytest.mark.parametrize("mode", ["off", "value", "layer_norm", "global_norm"])
def test_lanes_share_out_many_parameters(mode: str, instrument: bool) -> None:
    def make(threads: int) -> Session:
        return Session(spiral(
            dense(128), dense(100), dense(3), optimizer=SGD(learning_rate=0.1, momentum=0.5),
            clipping=Clipping(mode=mode, threshold=0.01)), threads=threads, instrument=instrument)

    alone, run, stepped = make(1), make(2), make(2)
    assert any(row[0] and row[0].shares for row in run.program.code)
    alone.run(10)
    run.run(10)
    while stepped.step < 10:
        stepped.advance(1)
    assert state(run) == state(stepped)
    for name in alone.program.parameters:
        np.testing.assert_allclose(run.values(name), alone.values(name), atol=1e-5)
    for name in alone.program.columns:
        np.testing.assert_allclose(run.measured(name), alone.measured(name), 1e-3, 1e-6,
                                   err_msg=name)


def test_lanes_measure_a_large_output_each_in_its_samples() -> None:
    def make(threads: int) -> Session:
        return Session(spiral(dense(600, "identity"), dense(3, "identity"), batch=33),
                       threads=threads)

    alone, run, stepped = make(1), make(2), make(2)
    assert "join_activation_parts" in {i.kernel.name for i in run.program.instructions}
    for session in (alone, run):
        session.run(5)
    while stepped.step < 5:
        stepped.advance(1)
    assert state(run) == state(stepped)
    y = alone.values("dense_1.y")
    for session in (alone, run):
        assert session.measured("dense_1.mean") == pytest.approx(y.mean(), abs=1e-5)
        assert session.measured("dense_1.deviation") == pytest.approx(y.std(), rel=1e-4)


def test_no_lane_moves_its_share_once_something_is_not_finite() -> None:
    graph = spiral(dense(128, "relu"), dense(100, "relu"), optimizer=SGD(learning_rate=1000),
                   clipping=Clipping(mode="off"))
    run, stepped = (Session(graph, threads=2) for _ in range(2))
    run.run(100)
    assert run.trouble is not None
    stepped.advance(run.step * len(run.program.code))
    while stepped.step == run.step and stepped.trouble is None:
        stepped.advance(1)
    assert run.trouble == stepped.trouble
    assert state(run) == state(stepped)
    assert np.isfinite(run.values("dense_2.w")).all()


def test_the_first_step_does_not_stay_in_the_time_of_a_step() -> None:
    clock = StepClock()
    clock.note(10, 5.0, 1, 10)
    assert clock.seconds == 5, "better than nothing"
    clock.note(30, 0.3, 3, 10)
    assert clock.seconds == pytest.approx(0.1)
    clock.note(10, 0.2, 1, 10)
    assert clock.seconds == pytest.approx(0.13), "from then on an average"


def test_seeds_are_separate() -> None:
    def weights(**seeds: int) -> tuple[bytes, bytes, bytes]:
        session = Session(noisy(**seeds))
        start = session.values("dense_1.w").tobytes()
        session.run_to("dense_1", "forward")
        batch = session.values("spiral_1.x").tobytes()
        session.run_to("dropout_1", "backward")
        return start, batch, session.values("dropout_1.mask").tobytes()

    usual = weights()
    for i, name in enumerate(("weight_seed", "shuffle_seed", "dropout_seed")):
        other = weights(**{name: 8})
        assert [a == b for a, b in zip(usual, other, strict=True)] == [j != i for j in range(3)]


def test_every_epoch_shows_each_sample_once() -> None:
    session = Session(spiral(dense(3), batch=16))
    samples = {row.tobytes() for row in session.data.x_train}
    for _ in range(2):
        seen = []
        for _ in range(session.program.batches_per_epoch):
            session.forward_to("layer")
            seen += [row.tobytes() for row in session.values("spiral_1.x")]
            session.forward_to("batch")
        assert len(seen) == len(set(seen)) == 160
        assert set(seen) == samples


def test_a_larger_batch_than_the_data_is_cut() -> None:
    session = Session(spiral(dense(3), batch=10_000))
    assert session.program.batch == 160
    session.run(3)
    assert session.epoch == 3


def test_a_change_of_structure_needs_a_new_program() -> None:
    graph = spiral(dense(6))
    session = Session(graph)
    assert not session.set_training(msgspec.structs.replace(graph.training, batch=8))
    assert not session.set_training(msgspec.structs.replace(graph.training, optimizer=Adam()))


@pytest.mark.parametrize("instructions", [0, 1, 23, 41])
def test_saved_and_restored_is_uninterrupted(instructions: int) -> None:
    straight, first = Session(noisy()), Session(noisy())
    first.run(13)
    first.advance(instructions)
    saved = first.saved_state()
    assert (saved.step, saved.position) == (13, instructions)
    again = Session(noisy())
    assert again.restore(saved, first.history.view()) == ()
    assert (again.step, again.position) == (13, instructions)
    assert len(again.history.view()) == 13
    again.run(20)
    first.run(20)
    straight.run(33)
    assert again.step == first.step == straight.step
    assert state(again) == state(first) == state(straight)


def test_parameters_that_do_not_fit_are_named_and_keep_their_start() -> None:
    old = Session(spiral(dense(6), dense(4)))
    old.run(30)
    new = Session(spiral(dense(6), dense(3)))
    fresh = new.values("dense_2.w").copy()
    missing = new.restore(old.saved_state())
    assert set(missing) == {"dense_2.w", "dense_2.b", "dense_3.w"}
    np.testing.assert_array_equal(new.values("dense_1.w"), old.values("dense_1.w"))
    np.testing.assert_array_equal(new.values("dense_2.w"), fresh)
    assert new.step == 30


def test_what_takes_no_part_keeps_its_weights() -> None:
    whole = spiral(dense(6), dense(4))
    old = Session(whole)
    old.run(30)
    saved = old.saved_state()
    without = Session(whole.without(["dense_2"]).connect("dense_1", "dense_3"))
    assert without.restore(saved) == ("dense_3.w",)
    again = Session(whole)
    again.restore(without.saved_state())
    for name in ("dense_2.w", "dense_2.b", "dense_2.velocity"):
        np.testing.assert_array_equal(again.values(name), old.values(name))


def test_a_changed_node_begins_with_a_fresh_optimizer() -> None:
    momentum = SGD(momentum=0.9)
    old = Session(chain("iris", ("dense", {"units": 8, "bias": False}),
                        ("dense", {"units": 3, "bias": False}), "softmax_cross_entropy"
                        ).with_training(Training(optimizer=momentum)))
    old.run(5)
    # The same number of weights under another shape.
    new = Session(chain("wine", ("dense", {"units": 8, "bias": False}),
                        ("dense", {"units": 3, "bias": False}), "softmax_cross_entropy"
                        ).with_training(Training(optimizer=momentum)))
    assert new.restore(old.saved_state()) == ("dense_1.w",)
    assert not new.values("dense_1.velocity").any()
    assert new.values("dense_2.velocity").any()


@pytest.mark.parametrize("mode", ["off", "value", "layer_norm", "global_norm"])
def test_a_network_with_nothing_to_learn_runs(mode: str) -> None:
    graph = chain("curve", "flatten", "mean_squared_error").with_training(
        Training(clipping=Clipping(mode=mode)))  # type: ignore[arg-type]
    session = Session(graph)
    session.run(3)
    assert (session.step, session.measured("grad_norm")) == (3, 0)


def test_one_node_feeds_all_inputs_of_another() -> None:
    graph = spiral(dense(4)).without(["dense_2"])
    for kind, options in (("add", {}), ("dense", {"units": 2})):
        graph = graph.with_node(make_layer(kind, options))
    for _ in range(3):
        graph = graph.connect("dense_1", "add_1")
    graph = graph.connect("add_1", "dense_2").connect("dense_2", "loss_1")
    session = Session(graph)
    session.run_to("dense_1", "backward")
    session.forward_to("layer")
    np.testing.assert_allclose(session.values("dense_1.dy"), 3 * session.values("add_1.dy"),
                               rtol=1e-6)


def test_adding_a_layer_leaves_the_initial_weights_of_the_others() -> None:
    one, two = Session(spiral(dense(6))), Session(spiral(dense(6), "relu"))
    np.testing.assert_array_equal(one.values("dense_1.w"), two.values("dense_1.w"))


def test_a_graph_that_is_not_ready_says_why() -> None:
    with pytest.raises(CompileError, match="no loss"):
        Session(chain("spiral", dense(2)))


def test_layers_work_in_turn_in_the_memory_of_their_lane() -> None:
    conv: Step = ("conv2d", {"channels": 4, "padding": "same"})
    graph = row(Samples(shape=(3, 6, 5)), conv, conv, ("flatten", {}), ("dense", {"units": 1}),
                ("mean_squared_error", {}), training=Training())
    program = Session(graph, threads=2).program
    works = [[program.tensors[f"conv_{i}.work{lane}"] for i in (1, 2)] for lane in ("", "@1")]
    assert [first.offset == second.offset for first, second in works] == [True, True]
    largest = [max(tensor.size for tensor in lane) for lane in works]
    assert abs(works[0][0].offset - works[1][0].offset) >= largest[0]
    assert works[1][0].offset + largest[1] <= program.sizes["workspace"]


def test_measuring_changes_nothing() -> None:
    with_, without = Session(noisy()), Session(noisy(), instrument=False)
    with_.run(30)
    without.run(30)
    np.testing.assert_array_equal(with_.values("dense_2.w"), without.values("dense_2.w"))


def test_history_is_bounded_and_complete() -> None:
    session = Session(spiral(dense(2)))
    session.run(20_000)
    view = session.history.view()
    assert len(view) <= 2048
    assert view.step[-1] >= 20_000 - 16
    assert (np.diff(view.step) > 0).all()


def test_branches_sum_their_gradients() -> None:
    graph = Graph()
    for kind, options in (("spiral", {}), ("dense", {"units": 4, "activation": "tanh"}),
                          ("dense", {"units": 4}), ("relu", {}), ("add", {}),
                          ("dense", {"units": 2}), ("softmax_cross_entropy", {})):
        graph = graph.with_node(make_layer(kind, options))
    for source, target in (("spiral_1", "dense_1"), ("dense_1", "dense_2"),
                           ("dense_1", "relu_1"), ("dense_2", "add_1"), ("relu_1", "add_1"),
                           ("add_1", "dense_3"), ("dense_3", "loss_1")):
        graph = graph.connect(source, target)
    session = Session(graph.with_training(Training(batch=8)))
    session.run_to("dense_1", "backward")
    session.forward_to("layer")
    dsum, w2 = session.values("add_1.dy"), session.values("dense_2.w")
    expected = dsum @ w2 + dsum * (session.values("dense_1.y") > 0)
    np.testing.assert_allclose(session.values("dense_1.dy"), expected, rtol=1e-4, atol=1e-7)


# -- epochs ---------------------------------------------------------------------------------------


def test_finished_epochs_outlive_the_batch_size(tmp_path: Path) -> None:
    small = Session(spiral(dense(4), batch=8))
    small.run(3 * small.program.batches_per_epoch + 5)
    large = Session(spiral(dense(4), batch=16))
    large.restore(small.saved_state())
    assert large.step == small.step
    assert (large.epoch, large.batch_in_epoch) == (3, 0), "the fourth begins anew"
    seen = large.program.batches_per_epoch
    large.forward_to("epoch")
    assert (large.step, large.epoch, large.batch_in_epoch) == (small.step + seen, 4, 0)
    # A document keeps it, and so does the way back.
    store.save(tmp_path / "a.playground", large.graph, large.saved_state())
    loaded = store.load(tmp_path / "a.playground")
    assert not loaded.notes
    assert loaded.state is not None
    again = Session(large.graph)
    again.restore(loaded.state)
    assert (again.step, again.epoch) == (large.step, 4)
    for session in (large, again):
        session.run(5)
    assert again.arena.state.tobytes() == large.arena.state.tobytes()
    back = Session(small.graph)
    back.restore(large.saved_state())
    assert (back.step, back.epoch, back.batch_in_epoch) == (large.step, 4, 0)


def test_each_epoch_sees_every_sample_once_after_another_batch_size() -> None:
    first = Session(spiral(dense(4), batch=8))
    first.run(7)
    session = Session(spiral(dense(4), batch=20))
    session.restore(first.saved_state())
    seen: list[bytes] = []
    for _ in range(session.program.batches_per_epoch):
        session.run_to("dense_1", "forward")
        seen += [row.tobytes() for row in session.values("spiral_1.x")]
        session.forward_to("batch")
    assert len(set(seen)) == len(seen) == 160
    assert set(seen) == {row.tobytes() for row in session.data.x_train}
    assert (session.epoch, session.batch_in_epoch) == (1, 0)
