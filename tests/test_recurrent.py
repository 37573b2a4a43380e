"""Recurrent layers against PyTorch's own modules, and against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.closeness import close
from tests.recurrent_rig import BATCH, FEATURES, KINDS, LENGTHS, MODULES, TIME, UNITS, Rig

# -- PyTorch's modules ----------------------------------------------------------------------------

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
    graph = Rig(kind, {"units": 50, **rules}).session
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


@pytest.mark.parametrize(("rule", "own", "bias"), [
    ("pytorch", {}, 0), ("pytorch", {"forget_bias": 1.0}, 1), ("keras", {}, 1),
    ("glorot_uniform", {}, 1), ("glorot_uniform", {"forget_bias": 0}, 0)])
def test_the_usual_forget_bias_of_an_lstm_is_its_frameworks(
        rule: str, own: dict[str, Any], bias: float) -> None:
    rules = {"initializer": rule, "recurrent_initializer": rule}
    session = Rig("lstm", {"units": 50, **rules, **own}).session
    session.reset()
    forget = session.values("cell.bias_ih_l0")[50:100]
    drawn = 50**-0.5 if rule == "pytorch" else 0
    assert np.abs(forget - bias).max() <= drawn + 1e-6


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
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


@pytest.mark.parametrize("kind", KINDS)
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
