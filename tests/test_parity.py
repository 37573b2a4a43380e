"""Our numbers against PyTorch's, which computes in float64: what differs is our rounding."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import msgspec
import numpy as np
import pytest

from playground import schedules
from playground.examples import EXAMPLES
from playground.initializers import (
    Constant,
    Identity,
    Initializer,
    InitializerName,
    Normal,
    Orthogonal,
    Uniform,
)
from playground.layers import LAYERS
from playground.layers.base import Layer, Shape, make_layer
from playground.layers.conv import Conv2D
from playground.optimizers import (
    OPTIMIZERS,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    GradientDescent,
    RMSProp,
)
from playground.schedules import (
    SCHEDULES,
    Cosine,
    Exponential,
    Factor,
    Plateau,
    Schedule,
    StepDecay,
)
from playground.second_order import LeastSquares, Newton
from playground.session import Session
from playground.training import Clipping, Training
from playground.update_rule import Optimizer
from tests.cases import CASES, Case, defaults, fits
from tests.closeness import close
from tests.gradient_check import Bench
from tests.networks import Samples, Shapes, Step, learning, row
from tests.sketch import drawn
from tests.torch_layers import DRAWN, FORWARD
from tests.torch_losses import LOSS
from tests.torch_training import train_both
from tests.torch_twin import Twin

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]
STEPS = 20

# -- one layer, forward and backward --------------------------------------------------------------


def check_layer(torch: Any, layer: Layer, shapes: Shapes) -> None:
    bench = Bench(layer, shapes)
    given = bench.draw()
    came = bench.play(given)

    def tensor(values: np.ndarray) -> Any:
        return torch.tensor(values, dtype=torch.float64, requires_grad=True)

    x, w = [tensor(x) for x in given.x], {name: tensor(v) for name, v in given.w.items()}
    running = {name: tensor(v).detach() for name, v in given.running.items()}
    w |= running
    if drawn := DRAWN.get(layer.kind):
        w[drawn] = tensor(bench.session.values(f"{bench.id}.{drawn}"))
    w["width"] = torch.tensor(came.y.shape[-1])
    came_in = iter(x)
    y = FORWARD[layer.kind](
        layer, [None if shape is None else next(came_in) for shape in shapes], w)
    if isinstance(y, tuple):
        y = torch.cat([part.flatten(1) for part in y], dim=1)
    if y.requires_grad:
        y.backward(torch.tensor(given.dy, dtype=torch.float64))
    close(came.y, y.detach(), 1e-5)
    for ours, theirs in zip(came.dx, x, strict=True):
        assert ours is not None
        # Lengths count something, symbols are names: they have no gradient.
        # What is 0 in truth comes out of float64 as what rounding has left.
        close(ours, np.zeros_like(ours) if theirs.grad is None else theirs.grad, 1e-5, least=1e-7)
    # A gradient that is small beside the others of its layer is what sums that cancel have left.
    largest = max((float(w[name].grad.abs().max()) for name in came.dw), default=0.0) or 1.0
    for name, ours in came.dw.items():
        close(ours, w[name].grad, 1e-5, least=0.05 * largest)
    for name, theirs in running.items():
        close(bench.session.values(f"{bench.id}.{name}"), theirs, 1e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layer(torch: Any, case: Case) -> None:
    check_layer(torch, case.layer, case.shapes)


@pytest.mark.parametrize(("kind", "settings", "shape"), [
    *((kind, {"layers": 64, "units": 2}, (2, 3)) for kind in ("elman", "lstm", "gru")),
    ("jordan", {"layers": 64, "units": 2, "output_units": 1}, (1, 3)),
    ("split", {"parts": 64}, (64, 2))])
def test_upper_limits(torch: Any, kind: str, settings: dict[str, int], shape: tuple[int, ...]
                      ) -> None:
    check_layer(torch, make_layer(kind, settings), (shape,))


def convolutions() -> list[Conv2D]:
    """Padding, its mode, stride, dilation and groups in all combinations."""
    return [
        Conv2D(channels=6, kernel=kernel, padding=padding, padding_mode=mode, stride=stride,
               dilation=dilation, groups=groups)
        for kernel, padding, mode, stride, dilation, groups in itertools.product(
            [(3, 2)], ["valid", "same", "full", (1, 2)],
            ["zeros", "reflect", "replicate", "circular"], [(1, 1), (2, 3)], [(1, 1), (2, 1)],
            [1, 2])]


CONVOLUTIONS = [layer for layer in convolutions() if fits(layer, ((4, 7, 10),))]


@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=lambda c: str(Case(c, ((4, 7, 10),))))
def test_convolution(torch: Any, layer: Conv2D) -> None:
    check_layer(torch, layer, ((4, 7, 10),))


@pytest.mark.parametrize(("kernel", "size"), [(1, 1), (1, 9), (5, 5), (7, 8), (11, 23)])
@pytest.mark.parametrize(("channels", "out"), [(1, 1), (3, 17), (16, 33)])
def test_convolution_sizes(torch: Any, kernel: int, size: int, channels: int, out: int) -> None:
    check_layer(torch, Conv2D(channels=out, kernel=(kernel, kernel)),
                ((channels, size, size + 3),))


# -- training -------------------------------------------------------------------------------------


def check_training(graph: Any, threads: int = 1, steps: int = STEPS) -> None:
    """After some steps from the same weights on the same batches, the weights are the same."""
    session, twin = train_both(graph, steps, threads)
    assert session.step == steps
    for name, theirs in twin.w.items():
        # Biases whose gradient is 0, as before a batch norm, are nothing but rounding.
        close(session.values(name), theirs.detach(), 1e-4, least=1e-2)
    for name, theirs in twin.running.items():
        close(session.values(name), theirs, 1e-4)


SLOWLY = {"exponential": 0.0005}
"""Learning rates of layers through which the usual one explodes, here and in PyTorch."""


@pytest.mark.parametrize("case", defaults(), ids=str)
@pytest.mark.parametrize("threads", [1, 2])
def test_training_through_each_layer(torch: Any, case: Case, threads: int) -> None:
    rate = SLOWLY.get(case.layer.kind, 0.05)
    training = Training(batch=7, optimizer=SGD(learning_rate=rate, momentum=0.9))
    check_training(learning(case.layer, case.shapes, training), threads=threads)


HIDDEN: list[Step] = [("dense", {"units": 9, "activation": "tanh"}),
                      ("dense", {"units": 6, "activation": "elu"})]


def small(**training: Any) -> Any:
    """A small classifier with 20 training steps to three epochs."""
    data = Samples(shape=(5,), classes=3, count=70)
    return row(data, *HIDDEN, ("dense", {"units": 3}), ("softmax_cross_entropy", {}),
               training=Training(batch=8, **training))


OPTIMIZED: list[Optimizer] = [
    GradientDescent(learning_rate=0.5),
    GradientDescent(learning_rate=0.2, weight_decay=0.1),
    SGD(learning_rate=0.1),
    SGD(learning_rate=0.05, momentum=0.9),
    SGD(learning_rate=0.1, weight_decay=0.1),
    SGD(learning_rate=0.03, momentum=0.5, weight_decay=0.02),
    Adam(learning_rate=0.01),
    Adam(learning_rate=0.003, beta1=0.5, beta2=0.9, epsilon=1e-3),
    Adam(learning_rate=0.01, weight_decay=0.05),
    Adam(learning_rate=0.01, beta1=0.0, beta2=0.0, epsilon=1.0),
    SGD(learning_rate=0.05, momentum=0.9, nesterov=True),
    SGD(learning_rate=0.05, momentum=0.5, nesterov=True, weight_decay=0.02),
    AdaGrad(learning_rate=0.1),
    AdaGrad(learning_rate=0.1, lr_decay=0.1, weight_decay=0.01, initial_accumulator_value=0.1),
    AdaDelta(),
    AdaDelta(learning_rate=10, rho=0.5, epsilon=1e-4, weight_decay=0.01),
    RMSProp(),
    RMSProp(learning_rate=0.003, momentum=0.9, alpha=0.9, weight_decay=0.01),
    RMSProp(learning_rate=0.003, centered=True),
    RMSProp(learning_rate=0.003, momentum=0.5, centered=True, alpha=0.8, epsilon=1e-4),
    Adam(learning_rate=0.02, beta2=0.5, amsgrad=True),
    AdamW(learning_rate=0.01),
    AdamW(learning_rate=0.02, weight_decay=0.5),
    AdamW(learning_rate=0.02, weight_decay=0.5, beta2=0.5, amsgrad=True),
]


@pytest.mark.parametrize("optimizer", OPTIMIZED, ids=str)
def test_optimizer(torch: Any, optimizer: Optimizer) -> None:
    check_training(small(optimizer=optimizer))


SCHEDULED = [schedules.Constant(), Factor(factor_per_epoch=0.7), StepDecay(every=2, gamma=0.3),
             StepDecay(every=1, gamma=0.5), Exponential(rate=0.05), Cosine(period=2, minimum=0.01),
             Cosine(period=1, restarts=True, growth=2), Cosine(period=1, restarts=True),
             Plateau(patience=0, threshold=0.3), Plateau(patience=1, threshold=0.5, cooldown=1),
             *(cls(warmup=5) for cls in SCHEDULES)]


@pytest.mark.parametrize("schedule", SCHEDULED, ids=str)
@pytest.mark.parametrize("optimizer", [SGD(learning_rate=0.1, momentum=0.9),
                                       Adam(learning_rate=0.02)], ids=lambda o: type(o).__name__)
def test_schedule(torch: Any, schedule: Schedule, optimizer: Optimizer) -> None:
    check_training(small(optimizer=optimizer, schedule=schedule))


@pytest.mark.parametrize("threshold", [0.02, 0.3, 1e3])
@pytest.mark.parametrize("mode", ["off", "value", "layer_norm", "global_norm"])
def test_clipping(torch: Any, mode: Any, threshold: float) -> None:
    check_training(small(optimizer=SGD(learning_rate=0.1, momentum=0.9, weight_decay=0.01),
                         clipping=Clipping(mode=mode, threshold=threshold)))


LOSSES: dict[str, tuple[Samples, list[Step]]] = {
    "softmax cross-entropy": (
        Samples(classes=3), [("dense", {"units": 3}), ("softmax_cross_entropy", {})]),
    "binary cross-entropy of two classes": (
        Samples(classes=2),
        [("dense", {"units": 1, "activation": "sigmoid"}), ("binary_cross_entropy", {})]),
    "smoothed cross-entropy": (
        Samples(classes=3), [("dense", {"units": 3}),
                             ("softmax_cross_entropy", {"label_smoothing": 0.1})]),
    "weighted cross-entropy": (
        Samples(classes=3), [("dense", {"units": 3}), ("softmax_cross_entropy", {
            "class_weights": [0.5, 0.0, 4.0], "label_smoothing": 0.3, "weight": 2.0})]),
    "weighted cross-entropy along time": (
        Samples(classes=3, steps=4), [
            ("dense", {"units": 12}), ("reshape", {"shape": [4, 3]}),
            ("softmax_cross_entropy", {"class_weights": [0.5, 1.5, 4.0]})]),
    "hinge": (Samples(classes=3), [("dense", {"units": 3}), ("hinge", {"margin": 0.5})]),
    "hinge along time": (
        Samples(classes=3, steps=4), [
            ("dense", {"units": 12}), ("reshape", {"shape": [4, 3]}), ("hinge", {})]),
    "hinge of two classes": (Samples(classes=2), [("dense", {"units": 1}), ("hinge", {})]),
    "logits of two classes": (
        Samples(classes=2), [("dense", {"units": 1}),
                             ("binary_cross_entropy_with_logits", {"pos_weight": 2.0})]),
    "mean absolute error": (
        Samples(target=(4,)), [("dense", {"units": 4}), ("mean_absolute_error", {})]),
    "Huber": (Samples(target=(2, 3)), [
        ("dense", {"units": 6}), ("reshape", {"shape": [2, 3]}), ("huber", {"delta": 0.7})]),
    "least squares, without a target": (
        Samples(), [("dense", {"units": 4}), ("adversarial", {"game": "least_squares"})]),
    "mean squared error of values": (
        Samples(target=(4,)), [("dense", {"units": 4}), ("mean_squared_error", {})]),
    "mean squared error of one value": (
        Samples(target=(1,)), [("dense", {"units": 1}), ("mean_squared_error", {})]),
    "mean squared error of classes": (
        Samples(classes=3), [("dense", {"units": 3}), ("mean_squared_error", {})]),
    "mean squared error of two classes": (
        Samples(classes=2), [("dense", {"units": 1}), ("mean_squared_error", {})]),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("threads", [1, 2])
def test_loss(torch: Any, name: str, threads: int) -> None:
    data, end = LOSSES[name]
    training = Training(batch=9, optimizer=SGD(learning_rate=0.1, momentum=0.9))
    check_training(row(data, *HIDDEN, *end, training=training), threads=threads)


def twice(name: str) -> bool:
    """Whether an example can be trained here and there.

    Those that are marked after one step are too large to train twice, and once in float64. Where
    gradients explode, so does rounding.
    """
    return name != "exploding" and EXAMPLES[name].mark.steps != 1


@pytest.mark.parametrize("name", list(filter(twice, EXAMPLES)))
def test_example(torch: Any, name: str) -> None:
    """A few steps of descent: Adam makes steps of gradients that are zero but for rounding.

    Small ones: among some ten thousand units there is always one so close to ReLU's kink that
    rounding decides on which side it is, and larger steps would carry that on.
    """
    graph = EXAMPLES[name].graph
    training = graph.training
    if isinstance(training.optimizer, Adam):
        training = msgspec.structs.replace(
            training, optimizer=SGD(learning_rate=0.003, momentum=0.9))
    elif isinstance(training.optimizer, SGD):
        training = msgspec.structs.replace(training, optimizer=msgspec.structs.replace(
            training.optimizer, learning_rate=min(training.optimizer.learning_rate, 0.02)))
    check_training(graph.with_training(training), steps=3)


def test_first_gradients_of_lenet(torch: Any) -> None:
    session = Session(EXAMPLES["lenet5"].graph)
    twin = Twin(session)
    session.run_to("conv_1", "clip")
    twin.loss().backward()
    for name, w in twin.w.items():
        node, _, parameter = name.partition(".")
        close(session.values(f"{node}.d{parameter}"), w.grad, 1e-5)


# -- how weights start ----------------------------------------------------------------------------


INITIALIZERS: list[tuple[Initializer, str, dict[str, Any]]] = [
    ("glorot_uniform", "xavier_uniform_", {}),
    ("glorot_normal", "xavier_normal_", {}),
    ("he_uniform", "kaiming_uniform_", {"nonlinearity": "relu"}),
    ("he_normal", "kaiming_normal_", {"nonlinearity": "relu"}),
    ("pytorch", "kaiming_uniform_", {"a": 5**0.5}),
    ("keras", "xavier_uniform_", {}),
    # LeCun's has no function of its own: the gain of a linear layer is 1.
    ("lecun_uniform", "kaiming_uniform_", {"nonlinearity": "linear"}),
    ("lecun_normal", "kaiming_normal_", {"nonlinearity": "linear"}),
    ("zeros", "zeros_", {}),
    (Uniform(scale=0.3), "uniform_", {"a": -0.3, "b": 0.3}),
    (Normal(deviation=0.02), "normal_", {"std": 0.02}),
    (Orthogonal(gain=1.5), "orthogonal_", {"gain": 1.5}),
    (Constant(value=-0.25), "constant_", {"val": -0.25}),
    (Identity(), "dirac_", {"groups": 2}),
]


@pytest.mark.parametrize(("rule", "init", "options"), INITIALIZERS)
def test_initializer_draws_from_their_distribution(
        torch: Any, rule: Initializer, init: str, options: dict[str, Any]) -> None:
    layer = Conv2D(channels=90, kernel=(3, 5), groups=2, initializer=rule)
    w = layer.parameters((40, 9, 9))[0]
    ours = drawn(w, np.random.default_rng(1))
    torch.manual_seed(1)
    theirs = getattr(torch.nn.init, init)(torch.empty(w.shape), **options).numpy()
    assert ours.shape == theirs.shape
    assert ours.mean() == pytest.approx(theirs.mean(), abs=2e-3)
    # 27,000 numbers: their quantiles agree to a few hundredths of the deviation.
    at = [0.1, 0.3, 0.5, 0.7, 0.9]
    if "uniform" in str(rule).lower():
        at = [0, *at, 1]
    width = float(theirs.std()) or 1.0
    if init == "dirac_":
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(np.quantile(ours, at), np.quantile(theirs, at), atol=0.05 * width)


@pytest.mark.parametrize(("kind", "settings", "shape", "module", "sizes"), [
    ("dense", {"units": 1000}, (40,), "Linear", (40, 1000)),
    ("conv1d", {"channels": 1000, "groups": 2}, (4, 9), "Conv1d", (4, 1000, 3)),
    ("conv2d", {"channels": 1000, "groups": 2}, (4, 9, 9), "Conv2d", (4, 1000, 3)),
    ("conv_transpose2d", {"channels": 1000, "groups": 2}, (4, 9, 9), "ConvTranspose2d",
     (4, 1000, 3))])
def test_pytorch_rule_is_their_default_for_biases_too(
        torch: Any, kind: str, settings: dict[str, int], shape: Shape, module: str,
        sizes: tuple[int, ...]) -> None:
    layer = make_layer(kind, {**settings, "initializer": "pytorch"})
    groups = {"groups": settings["groups"]} if "groups" in settings else {}
    torch.manual_seed(1)
    theirs = getattr(torch.nn, module)(*sizes, **groups)
    for parameter, values in zip(layer.parameters(shape), (theirs.weight, theirs.bias),
                                 strict=True):
        ours = drawn(parameter, np.random.default_rng(2))
        bound = float(values.detach().abs().max())
        assert ours.shape == values.shape
        assert np.abs(ours).max() == pytest.approx(bound, rel=0.02)
        assert ours.std() == pytest.approx(bound / 3**0.5, rel=0.05)


def test_a_transposed_convolution_counts_connections_as_theirs(torch: Any) -> None:
    layer = make_layer("conv_transpose2d", {"channels": 90, "kernel": [3, 5], "groups": 2,
                                            "initializer": "he_uniform"})
    w = layer.parameters((40, 9, 9))[0]
    theirs = torch.nn.init.kaiming_uniform_(torch.empty(w.shape), nonlinearity="relu")
    ours = drawn(w, np.random.default_rng(2))
    assert np.abs(ours).max() == pytest.approx(float(theirs.abs().max()), rel=0.01)


# -- nothing is left out --------------------------------------------------------------------------


def test_everything_has_a_twin() -> None:
    kinds = {kind for kind, cls in LAYERS.items() if cls.category not in ("data", "loss")}
    assert kinds <= set(FORWARD)
    assert {kind for kind, cls in LAYERS.items() if cls.category == "loss"} == set(LOSS)
    assert {type(schedule) for schedule in SCHEDULED} == set(SCHEDULES)
    assert {type(o) for o in OPTIMIZED} | {Newton, LeastSquares} == set(OPTIMIZERS)
    rules = {rule if isinstance(rule, str) else type(rule) for rule, _, _ in INITIALIZERS}
    assert rules == {*get_args(InitializerName), *get_args(Initializer)[1:]}
