"""Five training steps with each setting of every layer, beside PyTorch's in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from playground.optimizers import SGD
from playground.session import Session
from playground.training import Clipping, Training
from tests.cases import CASES, Case
from tests.networks import learning
from tests.test_parity import SLOWLY, check_training
from tests.torch_training import TorchTraining
from tests.torch_twin import Twin

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]


def graph_of(case: Case) -> Any:
    # Clipped, because some settings at their limits give gradients of any size.
    return learning(case.layer, case.shapes, Training(
        batch=7, optimizer=SGD(learning_rate=SLOWLY.get(case.layer.kind, 0.05), momentum=0.9),
        clipping=Clipping(mode="global_norm", threshold=1.0)))


def explodes(case: Case) -> bool:
    """States that grow a hundredfold at every step, as nothing bounds them."""
    return (case.layer.kind == "lstm" and case.layer.settings()["forget_bias"] == 100
            and case.layer.settings()["forget_gate"] == "leaky_relu"
            and case.layer.settings()["input_gate"] == "elu")


BOUNDED, EXPLODING = ([case for case in CASES if explodes(case) is wanted]
                      for wanted in (False, True))


@pytest.mark.parametrize(("case", "threads"), [
    (case, 1 + number % 2) for number, case in enumerate(BOUNDED)], ids=str)
def test_five_steps(torch: Any, case: Case, threads: int) -> None:
    check_training(graph_of(case), threads=threads, steps=5)


@pytest.mark.parametrize("case", EXPLODING, ids=str)
def test_what_explodes_there_is_not_finite_here(torch: Any, case: Case) -> None:
    session = Session(graph_of(case))
    theirs = TorchTraining(Twin(session))
    session.run(1)
    loss = theirs.step()
    if abs(loss) < np.finfo(np.float32).max:
        np.testing.assert_allclose(session.measured("loss"), loss, rtol=1e-4)
    else:
        assert not np.isfinite(session.measured("loss"))
