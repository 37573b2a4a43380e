"""Five training steps with each setting of every layer, beside PyTorch's in float64."""

from __future__ import annotations

from typing import Any

import pytest

from playground.optimizers import SGD
from playground.training import Clipping, Training
from tests.cases import CASES, Case
from tests.networks import learning
from tests.test_parity import SLOWLY, check_training

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]


def graph_of(case: Case) -> Any:
    # Clipped, because some settings at their limits give gradients of any size.
    return learning(case.layer, case.shapes, Training(
        batch=7, optimizer=SGD(learning_rate=SLOWLY.get(case.layer.kind, 0.05), momentum=0.9),
        clipping=Clipping(mode="global_norm", threshold=1.0)))


@pytest.mark.parametrize(("case", "threads"), [
    (case, 1 + number % 2) for number, case in enumerate(CASES)], ids=str)
def test_five_steps(torch: Any, case: Case, threads: int) -> None:
    check_training(graph_of(case), threads=threads, steps=5)
