"""An LSTM whose weights are set by hand, after Hung-yi Lee's lectures on recurrent networks."""

from __future__ import annotations

import numpy as np

from playground.examples.base import Example, Mark, chain, seeded
from playground.layers.loss import MeanSquaredError
from playground.layers.recurrent import LSTM
from playground.layers.sequence_data import MemoryOnCommand
from playground.state import SavedState
from playground.training import SGD


def _weights(cell: str) -> SavedState:
    """Rows are the gates i, f, g, o; columns the number, the command to write, that to tell.

    A gate is σ(100 x ∓ 10): as good as shut at x = 0 where the bias is -10, as good as open where
    it is 10; ±1 decides.
    """
    write = [0, 100, 0]
    keep = [0, 100, 0]
    candidate = [1, 0, 0]
    tell = [0, 0, 100]
    arrays = {"weight_ih_l0": [write, keep, candidate, tell], "weight_hh_l0": [[0]] * 4,
              "bias_ih_l0": [-10, 10, 0, -10], "bias_hh_l0": [0] * 4}
    return SavedState(step=0, parameters={
        f"{cell}.{name}": np.array(values, np.float32) for name, values in arrays.items()})


LSTM_BY_HAND = Example(
    "lstm-by-hand", "An LSTM set by hand",
    "one cell whose weights one can read: write, keep, clear, tell",
    chain(
        MemoryOnCommand(),
        LSTM(units=1, returns="sequence", activation="identity", output_activation="identity"),
        MeanSquaredError(),
        training=seeded(7, batch=1, optimizer=SGD(learning_rate=0.001)),
        notes="""
# An LSTM set by hand

The first input is a number, the second says what to do with it (1: add it to the memory, -1: clear
the memory), the third lets the memory out. For the numbers 1, 3, 2, 4, 2, with *write* at the
second and fourth step and *tell* at the fifth, the answer is 0, 0, 0, 0, **7**.

Nothing was trained: each gate is σ(100 x ± 10), shut or open by the sign of its bias as long as
its command is 0, and decided by the command otherwise. Candidate and output go through the
identity, so that the memory holds the plain sum.

**Look at *Through time* and press F11** again and again: one time step after another. The rows i,
f, g and o are the gates (write, keep, the number, tell), c is the memory: 0, 3, 3, 7, 7. The output
h stays at 0 until the last gate opens.

**Press Space**: the loss is as good as 0 from the first step on, and stays there. There is nothing
left to learn.

**Try.** Press Ctrl+R: now the weights are drawn at random, as always. Run again, without a limit
of speed: after some ten thousand steps this sequence is answered almost right. The validation
curve is about another one, where the memory is cleared, and rises: from a single sequence training
learns that sequence, not what the commands mean.
"""),
    Mark("largest_error", "<=", 1e-3, steps=100), speed=30.0, state=_weights("lstm_1"),
    panels=("through_time",), selected="lstm_1")
