"""Recurrent layers against PyTorch's own modules, and against numbers worked out by hand."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import numpy as np
import pytest

from playground.compiler import compile_program
from playground.graph import Edge, Graph
from playground.layers import unrolled
from playground.layers.base import Signal, make_layer, size_of
from playground.layers.unrolled import RecurrentLayer
from playground.session import Session
from playground.shapes import check
from playground.training import SGD, Training
from tests.networks import Feed, Probe, Samples, row
from tests.torch_training import train_both

BATCH, TIME, FEATURES, UNITS = 7, 6, 5, 4
LENGTHS = np.array([6, 1, 3, 6, 2, 5, 4])


class Rig:
    """A recurrent layer with all or some of its inputs, on chosen numbers."""

    def __init__(self, kind: str, settings: dict[str, Any] | None = None, *,
                 lengths: bool = False, state: bool = False, threads: int = 1,
                 shape: tuple[int, int] = (TIME, FEATURES), batch: int = BATCH) -> None:
        layer = make_layer(kind, {"units": UNITS, **(settings or {})})
        assert isinstance(layer, RecurrentLayer)
        shapes = {0: shape, **({1: ()} if lengths else {}),
                  **({2: (layer.state_size,)} if state else {})}
        total = sum(map(size_of, shapes.values()))
        graph = Graph().with_node(layer, id="cell")
        start = 0
        for port, feed in shapes.items():
            graph = graph.with_node(Feed(shape=feed, start=start), id=f"feed_{port}")
            graph = graph.connect(f"feed_{port}", "cell", target_port=port)
            start += size_of(feed)
        y = layer.output_shape(*(shapes.get(port) for port in range(max(shapes) + 1)))
        graph = graph.with_node(Samples(shape=(total,), target=y, count=max(40, batch)))
        for port in shapes:
            graph = graph.connect("samples_1", f"feed_{port}")
        graph = graph.with_node(Probe()).connect("cell", "probe_1")
        graph = graph.with_training(Training(batch=batch, optimizer=SGD(learning_rate=0)))
        self.layer, self.ports = layer, tuple(shapes)
        self.session = Session(graph, threads=threads)
        random = np.random.default_rng(3)
        self.w = {name.removeprefix("cell."): self.session.values(name)
                  for name in self.session.program.parameters if name.startswith("cell.")}
        for values in self.w.values():
            values[...] = random.normal(0, 0.5, values.shape)
        self.x = [random.normal(size=(batch, *shape)).astype(np.float32)
                  for shape in shapes.values()]
        if lengths:
            self.x[1] = LENGTHS.astype(np.float32)
        self.dy = random.normal(size=(batch, *y)).astype(np.float32)

    def play(self) -> np.ndarray:
        """One step; gives the output."""
        session = self.session
        weights = {name: values.copy() for name, values in self.w.items()}
        assert session.go_to(0)
        session.forward_to("layer")
        for name, values in weights.items():
            self.w[name][...] = values
        flat = [x.reshape(len(x), -1) for x in self.x]
        session.values("samples_1.x")[...] = np.concatenate(flat, axis=1)
        session.values("samples_1.target")[...] = self.dy
        session.forward_to("batch")
        return self.values("y")

    def values(self, name: str) -> np.ndarray:
        return self.session.values(f"cell.{name}").copy()

    def dx(self, port: int) -> np.ndarray:
        return self.session.values(f"feed_{port}.dy").copy()


def close(actual: np.ndarray, expected: Any, tolerance: float = 1e-5) -> None:
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    scale = max(float(np.abs(expected).max(initial=0)), 1e-30)
    np.testing.assert_allclose(actual / scale, expected / scale, rtol=0, atol=tolerance)


# -- PyTorch's modules ----------------------------------------------------------------------------

MODULES = {"elman": "RNN", "lstm": "LSTM", "gru": "GRU"}


@pytest.mark.torch
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("returns", ["last", "sequence", "states"])
@pytest.mark.parametrize("packed", [False, True], ids=["whole", "packed"])
@pytest.mark.parametrize("state", [False, True], ids=["zeros", "state"])
@pytest.mark.parametrize(("layers", "bidirectional"),
                         [(1, False), (3, False), (1, True), (2, True)])
@pytest.mark.parametrize("kind", MODULES)
def test_the_same_as_the_module_of_pytorch(
        torch: Any, kind: str, layers: int, bidirectional: bool, state: bool, packed: bool,
        returns: str, threads: int) -> None:
    rig = Rig(kind, {"layers": layers, "bidirectional": bidirectional, "returns": returns},
              lengths=packed, state=state, threads=threads)
    module = getattr(torch.nn, MODULES[kind])(
        FEATURES, UNITS, layers, bidirectional=bidirectional, batch_first=True).double()
    assert {name for name, _ in module.named_parameters()} == set(rig.w)
    with torch.no_grad():
        for name, w in module.named_parameters():
            w[...] = torch.tensor(rig.w[name])
    x = [torch.tensor(values, dtype=torch.float64, requires_grad=True) for values in rig.x]
    sequence: Any = x[0]
    if packed:
        sequence = torch.nn.utils.rnn.pack_padded_sequence(
            sequence, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    states: Any = None
    if state:
        parts = x[-1].reshape(BATCH, -1, UNITS).transpose(0, 1).contiguous()
        states = parts.chunk(2) if kind == "lstm" else parts
    out, final = module(sequence, states)
    if packed:
        out, _ = torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=TIME)
    h, c = final if kind == "lstm" else (final, None)
    directions = 1 + bidirectional
    if returns == "sequence":
        y = out
    elif returns == "last":
        y = torch.cat(list(h[-directions:]), dim=1)
    else:
        y = torch.cat([*h, *(c if c is not None else [])], dim=1)
    y.backward(torch.tensor(rig.dy, dtype=torch.float64))
    close(rig.play(), y.detach())
    for port, theirs in zip(rig.ports, x, strict=True):
        wanted = torch.zeros_like(theirs) if theirs.grad is None else theirs.grad
        close(rig.dx(port), wanted.reshape(rig.dx(port).shape))
    for name, w in module.named_parameters():
        close(rig.values(f"d{name}"), w.grad)


@pytest.mark.torch
@pytest.mark.parametrize("kind", MODULES)
def test_pytorch_rules_start_like_the_module(torch: Any, kind: str) -> None:
    rules = {"initializer": "pytorch", "recurrent_initializer": "pytorch"}
    plain = {"forget_bias": 0.0} if kind == "lstm" else {}
    graph = Rig(kind, {"units": 50, **rules, **plain}).session
    graph.reset()
    bound = 1 / 50**0.5
    module = getattr(torch.nn, MODULES[kind])(FEATURES, 50)
    for name, theirs in module.named_parameters():
        ours = graph.values(f"cell.{name}")
        assert ours.shape == tuple(theirs.shape)
        assert np.abs(ours).max() <= bound
        # Of 50 numbers alone, as in a bias, the deviation is only roughly that of the rule.
        close_to = pytest.approx(bound / 3**0.5, rel=0.15 if ours.ndim > 1 else 0.4)
        assert ours.std() == close_to
        assert float(theirs.detach().std()) == close_to


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", [*MODULES, "jordan"])
def test_a_padded_batch_gives_what_each_sample_gives_alone(kind: str, threads: int) -> None:
    together = Rig(kind, {"layers": 2, "bidirectional": True}, lengths=True, threads=threads)
    y = together.play()
    dx = together.dx(0)
    for sample, length in enumerate(LENGTHS):
        alone = Rig(kind, {"layers": 2, "bidirectional": True}, shape=(int(length), FEATURES),
                    batch=1)
        for name, values in together.w.items():
            alone.w[name][...] = values
        alone.x = [together.x[0][sample:sample + 1, :length]]
        alone.dy = together.dy[sample:sample + 1]
        close(alone.play(), y[sample:sample + 1])
        close(alone.dx(0), dx[sample:sample + 1, :length])
        assert not dx[sample, length:].any()


@pytest.mark.parametrize("kind", [*MODULES, "jordan"])
def test_what_stands_beyond_the_length_changes_nothing(kind: str) -> None:
    rig = Rig(kind, {"returns": "sequence"}, lengths=True)
    first = rig.play()
    for sample, length in enumerate(LENGTHS):
        assert not first[sample, length:].any()
        rig.x[0][sample, length:] = 1e6
    assert rig.play().tobytes() == first.tobytes()


def test_lengths_are_rounded_and_kept_within_the_sequence() -> None:
    rig = Rig("elman", lengths=True)
    expected = rig.play()
    rig.x[1] = (LENGTHS + np.array([9, .4, -.4, 1e9, .2, -.3, .49])).astype(np.float32)
    assert rig.play().tobytes() == expected.tobytes()
    rig.x[1][:] = -3
    assert not rig.play().any()
    rig.x[1][2] = np.nan
    y = rig.play()
    assert np.isnan(y[2]).all()
    assert not y[:2].any()


# -- by hand --------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_lstm_set_by_hand(threads: int) -> None:
    # x2 = 1 writes x1 into the memory, x2 = -1 would clear it, x3 = 1 lets it out: the weights
    # of H.-Y. Lee's lecture, gates sigmoid(±100 x ± 10), candidate and output as they are.
    rig = Rig("lstm", {"units": 1, "activation": "identity", "output_activation": "identity",
                       "returns": "sequence"}, shape=(5, 3), batch=2, threads=threads)
    for values in rig.w.values():
        values[...] = 0
    rig.w["weight_ih_l0"][...] = [[0, 100, 0], [0, 100, 0], [1, 0, 0], [0, 0, 100]]
    rig.w["bias_ih_l0"][...] = [-10, 10, 0, -10]
    x1, x2, x3 = [1, 3, 2, 4, 2], [0, 1, 0, 1, 0], [0, 0, 0, 0, 1]
    rig.x = [np.array([[x1, x2, x3], [x1, [0, 1, 0, -1, 0], [0, 1, 0, 1, 1]]],
                      np.float32).transpose(0, 2, 1)]
    np.testing.assert_allclose(rig.play()[:, :, 0], [[0, 0, 0, 0, 7], [0, 3, 0, 0, 0]], atol=2e-3)
    np.testing.assert_allclose(rig.session.values("cell.c")[1:, 0, 0], [0, 3, 3, 7, 7], atol=2e-3)


def test_elman_by_hand() -> None:
    rig = Rig("elman", {"units": 1, "activation": "identity", "bias": False}, shape=(3, 1), batch=1)
    rig.w["weight_ih_l0"][...], rig.w["weight_hh_l0"][...] = 2, 0.5
    rig.x, rig.dy = [np.array([[[1], [2], [3]]], np.float32)], np.ones((1, 1), np.float32)
    assert rig.play()[0, 0] == 2 * (1 / 4 + 2 / 2 + 3)
    np.testing.assert_array_equal(rig.dx(0)[0, :, 0], [2 / 4, 2 / 2, 2])
    # d/du of x1 u² + x2 u + x3, all times 2, at u = 1/2.
    assert rig.values("dweight_hh_l0")[0, 0] == 2 * (1 * 2 * 0.5 + 2)
    np.testing.assert_array_equal(rig.values("h_grad_norm"), [0.25, 0.5, 1])


def test_jordan_reads_its_output_again() -> None:
    rig = Rig("jordan", {"units": 1, "output_units": 1, "activation": "identity",
                         "returns": "sequence"}, shape=(3, 1), batch=1)
    for name, value in {"weight_ih_l0": 1, "weight_yh_l0": 3, "weight_hy_l0": 2, "bias_ih_l0": 0,
                        "bias_hy_l0": 1}.items():
        rig.w[name][...] = value
    rig.x = [np.array([[[1], [0], [0]]], np.float32)]
    assert rig.play()[0, :, 0].tolist() == [3, 19, 115]  # y = 2 (x + 3 y_before) + 1


def test_gradients_vanish_and_explode_as_the_recurrent_weight_says() -> None:
    rig = Rig("elman", {"units": 1, "activation": "identity", "bias": False}, shape=(9, 1), batch=1)
    rig.dy[...] = 1
    for weight in (0.5, 2.0):
        rig.w["weight_hh_l0"][...] = weight
        rig.play()
        np.testing.assert_allclose(rig.values("h_grad_norm"), weight ** np.arange(8, -1, -1))


# -- gradients through time -----------------------------------------------------------------------


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", [*MODULES, "jordan"])
def test_truncation_cuts_gradients_every_k_steps(kind: str, reverse: bool) -> None:
    rig = Rig(kind, {"truncate": 4, "bidirectional": reverse}, shape=(10, FEATURES), state=True)
    if reverse:
        half = rig.dy.shape[1] // 2
        rig.dy[:, :half] = 0
    rig.play()
    dx = rig.dx(0)
    # Steps are done in blocks 0-3, 4-7, 8-9; what comes from the end stays in the last block.
    reached = [0, 1] if reverse else [8, 9]
    for t in range(10):
        assert dx[:, t].any() == (t in reached), t
    assert not rig.dx(2).any()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", [*MODULES, "jordan"])
def test_the_norm_of_every_gradient_through_time_is_recorded(kind: str, threads: int) -> None:
    rig = Rig(kind, {"layers": 2, "bidirectional": True, "returns": "sequence"}, lengths=True,
              threads=threads)
    rig.play()
    tensors = rig.session.program.tensors
    for suffix in ("", "_reverse", "_l1", "_l1_reverse"):
        for state in rig.layer.kept:
            lanes = ["", "@1"][:threads]
            d = np.concatenate([rig.values(f"d{state}{suffix}{lane}") for lane in lanes], axis=1)
            if state in rig.layer.states:
                d = d[:-1] if suffix.endswith("reverse") else d[1:]
            norm = rig.values(f"{state}_grad_norm{suffix}")
            assert tensors[f"cell.{state}_grad_norm{suffix}"].shape == (TIME,)
            assert norm.all()
            np.testing.assert_allclose(norm, np.sqrt((d.astype(float)**2).sum(axis=(1, 2))),
                                       rtol=1e-5)


@pytest.mark.parametrize("settings", [
    {"kind": "elman"}, {"kind": "jordan"}, {"kind": "lstm"}, {"kind": "gru"},
    {"kind": "gru", "reset_after": False}], ids=str)
def test_gradients_are_the_same_in_blocks_of_any_length(
        monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    def gradients() -> tuple[dict[str, np.ndarray], int]:
        more = {name: value for name, value in settings.items() if name != "kind"}
        rig = Rig(settings["kind"], {"layers": 2, "bidirectional": True, "returns": "sequence",
                                     **more}, lengths=True, state=True)
        rig.play()
        found = {name: rig.values(f"d{name}") for name in rig.w}
        return found | {"x": rig.dx(0), "state": rig.dx(2)}, len(rig.session.program.instructions)

    whole, fewer = gradients()
    monkeypatch.setattr(unrolled, "block_steps", lambda batch, width: 4)
    blocks, more = gradients()
    assert more > fewer
    for name, expected in whole.items():
        assert expected.any()
        close(blocks[name], expected, 1e-6)


def test_dh_is_the_slope_by_the_state() -> None:
    rig = Rig("lstm", {"returns": "sequence"}, state=True)
    rig.play()
    dh, dc = rig.values("dh")[0], rig.values("dc")[0]
    np.testing.assert_array_equal(rig.dx(2), np.concatenate([dh, dc], axis=1))


# -- in a network ---------------------------------------------------------------------------------


def sequences(*steps: tuple[str, dict[str, Any]], shape: tuple[int, int] = (TIME, FEATURES),
              **training: Any) -> Graph:
    graph = Graph().with_node(Samples(shape=shape, target=(2,), count=40))
    for kind, settings in (*steps, ("dense", {"units": 2}), ("mean_squared_error", {})):
        last = graph.nodes[-1].id
        graph = graph.with_node(make_layer(kind, settings))
        graph = graph.connect(last, graph.nodes[-1].id)
    return graph.with_training(Training(batch=8, **training))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", [*MODULES, "jordan"])
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
