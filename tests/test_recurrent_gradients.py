"""The way back through time: how large gradients are, where they are cut, what is recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from playground.layers import recurrent_shape
from tests.closeness import close
from tests.recurrent_rig import FEATURES, KINDS, TIME, Rig


def test_gradients_vanish_and_explode_as_the_recurrent_weight_says() -> None:
    rig = Rig("elman", {"units": 1, "activation": "identity", "bias": False}, shape=(9, 1), batch=1)
    rig.dy[...] = 1
    for weight in (0.5, 2.0):
        rig.w["weight_hh_l0"][...] = weight
        rig.play()
        np.testing.assert_allclose(rig.values("h_grad_norm"), weight ** np.arange(8, -1, -1))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
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
@pytest.mark.parametrize("kind", KINDS)
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
    monkeypatch.setattr(recurrent_shape, "block_steps", lambda batch, width: 4)
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
