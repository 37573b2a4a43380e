"""A generator of points and its judge, as the plane shows them: real, made, and the verdict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.generation import find_generator
from playground.layers.generative_loss import Adversarial
from playground.session import Session
from playground.snapshot import Boundary

Floats = NDArray[np.float32]
Corners = tuple[Floats, Floats]

REAL, MADE = 300, 300
"""Points that are shown; more of them would hide what lies below."""
PULLS = 60
"""Made points that show where they are pulled."""
REACH = 0.12
"""How long the longest pull is drawn, as a share of the picture."""


def judged(session: Session, resolution: int, corners: Corners, grid: Floats) -> Boundary | None:
    """What the judge says of the plane, with real and made points; None where there is no judge.

    grid (resolution², 2): places of the plane as the network takes them, bottom row first.
    """
    program, data = session.program, session.data
    loss = program.graph.node(program.loss_node).layer
    generator = find_generator(program.graph, program.check)
    if generator is None or not isinstance(loss, Adversarial):
        return None
    size = (resolution, resolution)
    real = data.x_train[:REAL]
    made = session.evaluator.drawn(generator, MADE, draw=1)
    use = session.evaluator
    share = _share_for_real(loss, use.predict(grid)[:, 0], use.predict(real)[:, 0],
                            use.predict(made)[:, 0]).reshape(size)
    low, high = corners
    points = data.raw(np.concatenate([real, made]))
    which = np.repeat(np.arange(2, dtype=np.float32), [len(real), len(made)])
    nothing = np.zeros((0, 2), np.float32)
    return Boundary(
        (share < 0.5).astype(np.float32), np.maximum(share, 1 - share),
        (float(low[0]), float(high[0]), float(low[1]), float(high[1])), points, which,
        nothing, which[:0], ("real", "made"),
        True, _pulls(session, generator, float(np.max(high - low)) * REACH))


def _share_for_real(loss: Adversarial, scores: Floats, real: Floats, made: Floats) -> Floats:
    """The probability that the judge gives to places for being real, (n,) as `scores`.

    A critic gives none: halfway between what it says of real and of made points counts as 1/2.
    """
    if loss.game == "least_squares":
        return scores.clip(0, 1)
    if loss.game == "wasserstein":
        middle = (real.mean() + made.mean()) / 2
        scores = (scores - middle) * 4 / max(1e-6, float(abs(real.mean() - made.mean())))
    probability: Floats = 1 / (1 + np.exp(-scores.clip(-60, 60)))
    return probability


def _pulls(session: Session, generator: str, longest: float) -> Floats | None:
    """Points of the last step's batch, and where the gradient of the generator's loss pulls them:
    (n, 2, 2)."""
    # Where players take turns, the generator's is the last pass.
    gradients = [name for name in session.program.tensors
                 if name == f"{generator}.dy" or name.startswith(f"{generator}.dy of pass")]
    if not session.has_run or not gradients:
        return None
    y, dy = (np.array(session.values(name)[:PULLS]) for name in (f"{generator}.y", gradients[-1]))
    norms = np.linalg.norm(dy, axis=1)
    largest = norms[np.isfinite(norms)].max(initial=0)
    if not largest > 0:
        return None
    data = session.data
    start = data.raw(y)
    return np.stack([start, start - dy / largest * longest], axis=1).astype(np.float32)
