"""Every loss against its formula in float64; its gradient against the slope of that formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground.graph import Graph
from playground.layers import LAYERS
from playground.layers.base import Shape, ShapeError, Signal, make_layer, size_of
from playground.layers.lengths import LENGTHS
from playground.session import Session
from playground.training import SGD, Training
from tests.cases import single_changes
from tests.closeness import close
from tests.loss_cases import BATCH, CASES, ENDS, EVERY, Array, Formula, Loss, mean
from tests.networks import Feed, Samples
from tests.torch_losses import LOSS


class LossBench:
    """A loss at work on chosen predictions and targets."""

    def __init__(self, case: Loss, threads: int = 1) -> None:
        self.case = case
        size = size_of(case.shape)
        graph = Graph().with_node(Samples(
            shape=(case.inputs * size + case.padded,), target=case.shape, classes=case.classes,
            steps=case.steps))
        self.feeds = [f"feed_{i + 1}" for i in range(case.inputs)]
        for i in range(case.inputs):
            graph = graph.with_node(Feed(shape=case.shape, start=i * size))
        graph = graph.with_node(make_layer(case.kind, case.settings))
        self.id = graph.nodes[-1].id
        for feed in self.feeds:
            graph = graph.connect("samples_1", feed).connect(feed, self.id)
        if case.padded:
            graph = graph.with_node(Feed(shape=(), start=case.inputs * size), id="lengths")
            graph = graph.connect("samples_1", "lengths").connect("lengths", self.id, 0, 2)
        self.session = Session(
            graph.with_training(Training(batch=BATCH, optimizer=SGD(learning_rate=0))),
            threads=threads)

    def draw(self, seed: int) -> tuple[Array, Array]:
        """Predictions and targets, of values that float32 holds."""
        case, random = self.case, np.random.default_rng(seed)
        p = random.uniform(*case.within, (BATCH, *case.whole))
        t = (random.integers(-1, case.classes, (BATCH, case.steps)) if case.steps
             else random.integers(0, case.classes, BATCH) if case.classes
             else random.uniform(max(case.within[0], -3), min(case.within[1], 3),
                                 (BATCH, *case.shape)))
        return p.astype(np.float32).astype(np.float64), t.astype(np.float32).astype(np.float64)

    def flat(self, p: Array) -> NDArray[np.float32]:
        """The samples: predictions, and lengths where there are any."""
        samples = p.reshape(BATCH, -1)
        if self.case.padded:
            samples = np.concatenate([samples, ENDS[:, None]], axis=1)
        return samples.astype(np.float32)

    def play(self, p: Array, t: Array) -> tuple[float, float, NDArray[np.float32]]:
        """The loss, the metric and the gradient of the predictions."""
        session = self.session
        assert session.go_to(0)
        session.forward_to("layer")
        session.values("samples_1.x")[...] = self.flat(p)
        session.values("samples_1.target")[...] = t
        session.run_to(self.id, "backward")
        session.forward_to("layer")
        gradients = [session.values(f"{feed}.dy") for feed in self.feeds]
        gradient = np.stack(gradients, axis=1).reshape(p.shape)
        loss = float(session.values(f"{self.id}.loss")[0])
        metric = float(session.values(f"{self.id}.metric")[0])
        return loss, metric, gradient


def slope(loss: Formula, p: Array, t: Array) -> Array:
    """The gradient of a formula in float64 by central differences."""
    gradient = np.empty_like(p)
    for index in np.ndindex(p.shape):
        step = np.zeros_like(p)
        step[index] = 1e-5
        gradient[index] = (loss(p + step, t) - loss(p - step, t)) / 2e-5
    return gradient


@EVERY
@pytest.mark.parametrize("threads", [1, 2])
def test_loss_metric_and_gradient_are_the_formulas(case: Loss, threads: int) -> None:
    bench = LossBench(case, threads)
    for seed in range(3):
        p, t = bench.draw(seed)
        loss, metric, gradient = bench.play(p, t)
        assert loss == pytest.approx(case.loss(p, t), rel=2e-6, abs=1e-7)
        assert metric == pytest.approx(case.metric(p, t), rel=2e-6)
        expected = slope(case.loss, p, t)
        np.testing.assert_allclose(gradient, expected, rtol=1e-4,
                                   atol=2e-6 * np.abs(expected).max())


@EVERY
def test_validation_computes_the_same_loss(case: Loss) -> None:
    bench = LossBench(case)
    p, t = bench.draw(0)
    result = bench.session.evaluator.evaluate(
        bench.flat(p), t.astype(np.float32), keep_outputs=True)
    assert result.loss == pytest.approx(case.loss(p, t), rel=2e-6)
    assert result.metric == pytest.approx(case.metric(p, t), rel=2e-6)
    assert result.outputs is not None
    assert result.outputs.shape == (BATCH, *case.shape)


@EVERY
@pytest.mark.parametrize("value", [0.0, 1.0, -1e4, 1e4])
def test_extreme_predictions_give_a_finite_loss_and_gradient(case: Loss, value: float) -> None:
    bench = LossBench(case)
    p, t = bench.draw(0)
    p[::2] = np.clip(value, *case.extremes)
    loss, _, gradient = bench.play(p, t)
    assert loss == pytest.approx(case.loss(p, t), rel=1e-5)
    assert np.isfinite(gradient).all()


@EVERY
def test_what_is_not_a_number_is_not_hidden(case: Loss) -> None:
    bench = LossBench(case)
    p, t = bench.draw(0)
    p[3], t[3] = np.nan, np.abs(t[3])
    loss, _, gradient = bench.play(p, t)
    assert np.isnan(loss)
    assert np.isnan(gradient[3]).any() == case.tells


@pytest.mark.parametrize("case", [case for case in CASES if case.best], ids=str)
def test_the_best_prediction_costs_nothing(case: Loss) -> None:
    """The minimax maker is best where the judge is sure that its samples are made: flat there."""
    assert case.best is not None
    bench = LossBench(case)
    p, t = bench.draw(0)
    t = np.round(t) if case.kind == "binary_cross_entropy" else t
    loss, _, gradient = bench.play(case.best(p, t), t)
    assert loss == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(gradient, 0, atol=1e-6)


def at_limits() -> list[Loss]:
    """Each setting of each loss at its limits, on its cases in turn."""
    found = []
    for kind in dict.fromkeys(case.kind for case in CASES):
        own = [case for case in CASES if case.kind == kind and not case.padded]
        for i, (name, layer) in enumerate(single_changes(kind)):
            case = own[i % len(own)]
            found.append(replace(
                case, settings={**case.settings, name: layer.settings()[name]}))
    return found


@pytest.mark.torch
@pytest.mark.parametrize("case", at_limits(), ids=str)
def test_each_setting_at_its_limits_is_pytorchs(torch: Any, case: Loss) -> None:
    p, t = LossBench(case).draw(0)
    loss, _, gradient = LossBench(case).play(p, t)
    layer: Any = make_layer(case.kind, case.settings)
    x = torch.tensor(p, requires_grad=True)
    theirs = LOSS[case.kind](layer, [x] if case.inputs == 1 else [x[:, 0], x[:, 1]],
                             torch.tensor(t))
    (layer.weight * theirs).backward()
    assert loss == pytest.approx(float(theirs.detach()), rel=1e-5, abs=1e-7)
    close(gradient, x.grad, 1e-4)


# -- numbers from elsewhere ------------------------------------------------------------------------


def _with(kind: str, shape: Shape, classes: int, inputs: int = 1, **settings: Any) -> LossBench:
    """A loss without a formula of ours."""
    return LossBench(Loss(kind, shape, classes, mean, mean, settings=settings, inputs=inputs))


def test_multi_margin_of_pytorchs_page() -> None:
    """x = (0.1, 0.2, 0.4, 0.8), class 3: ¼ (0.3 + 0.4 + 0.6) = 0.325."""
    loss, metric, _ = _with("hinge", (4,), 4).play(
        np.tile([0.1, 0.2, 0.4, 0.8], (BATCH, 1)), np.full(BATCH, 3.0))
    assert loss == pytest.approx(0.325)
    assert metric == 1


def test_divergence_of_gaussians_by_hand() -> None:
    """N(1, 2²) from N(0, 1): ½ (1 + 4 - 1 - log 4), for each of three dimensions."""
    p = np.stack([np.ones((BATCH, 3)), np.full((BATCH, 3), np.log(4.0))], axis=1)
    loss, metric, gradient = _with("gaussian_kl", (3,), 0, inputs=2).play(p, np.zeros((BATCH, 3)))
    assert loss == pytest.approx(1.5 * (4 - np.log(4)))
    assert metric == 1
    np.testing.assert_allclose(gradient[:, 1] * BATCH, 1.5, rtol=1e-6)


def test_a_judge_that_cannot_tell_costs_log_4() -> None:
    """Goodfellow et al. 2014, theorem 1: at the optimum both halves are log 2."""
    zeros = np.zeros((BATCH, 1))
    halves = [_with("adversarial", (1,), 0, game="minimax", role=role).play(zeros, zeros)[0]
              for role in ("judge_on_real", "judge_on_made")]
    assert sum(halves) == pytest.approx(np.log(4))


def test_smoothing_by_hand() -> None:
    """Even logits of 4 classes cost log 4 however much they are smoothed."""
    loss, _, gradient = _with("softmax_cross_entropy", (4,), 4, label_smoothing=0.4).play(
        np.zeros((BATCH, 4)), np.zeros(BATCH))
    assert loss == pytest.approx(np.log(4))
    np.testing.assert_allclose(gradient * BATCH, [[-0.45, 0.15, 0.15, 0.15]] * BATCH, rtol=1e-6)


# -- what does not fit -----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "settings", "signals", "words"), [
    ("softmax_cross_entropy", {"class_weights": (1, 2)}, [((3,), 0), ((), 3)],
     "3 classes and 2 class weights"),
    ("softmax_cross_entropy", {"class_weights": (0, 0)}, [((2,), 0), ((), 2)], "are 0"),
    ("hinge", {}, [((1,), 0), ((), 3)], "3 classes need 3 logits, got 1"),
    ("hinge", {}, [((3,), 0), ((3,), 0)], "needs class numbers"),
    ("mean_absolute_error", {}, [((4,), 0), ((), 4)], "one of 4 classes"),
    ("huber", {}, [((2,), 0), ((3,), 0)], "the prediction is 2, the target 3"),
    ("binary_cross_entropy_with_logits", {}, [((2,), 0), ((), 2)], "1 unit without activation"),
    ("gaussian_kl", {}, [((2,), 0), ((3,), 0)], "the same units"),
])
def test_what_cannot_be_compared_is_told(
        kind: str, settings: dict[str, Any], signals: list[tuple[Shape, int]], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        make_layer(kind, settings).infer(*(Signal(*signal) for signal in signals))


def test_every_loss_is_here() -> None:
    assert {case.kind for case in CASES} == {
        kind for kind, cls in LAYERS.items() if cls.category == "loss"}
    assert {case.kind for case in CASES if case.padded} == {
        kind for kind, cls in LAYERS.items()
        if cls.category == "loss" and LENGTHS in cls.inputs}
