"""A graph as a PyTorch module: the same network, weights and training, written with their layers.

Imports PyTorch where it is used: only tests marked `torch` come here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.graph import Graph
from playground.layers.base import Layer, size_of
from playground.optimizers import (
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    GradientDescent,
    RMSProp,
)
from playground.schedules import Constant, Cosine, Exponential, Factor, Plateau, StepDecay
from playground.session import Session
from playground.shapes import targets
from playground.training import Training

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Tensor = Any

Weights = Mapping[str, Tensor]
Forward = Callable[[Any, Sequence[Tensor], Weights], Tensor]


def activation(name: str, x: Tensor, **constants: float) -> Tensor:
    from torch.nn import functional as F

    functions: dict[str, Callable[..., Tensor]] = {
        "identity": lambda x: x, "sigmoid": F.sigmoid, "tanh": F.tanh, "relu": F.relu,
        "leaky_relu": lambda x, slope=0.01: F.leaky_relu(x, slope), "elu": F.elu,
        "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu,
        "softplus": F.softplus, "hard_tanh": F.hardtanh}
    return functions[name](x, **constants)


def _gelu(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    return F.gelu(x[0], approximate=layer.approximate)


def _prelu(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    return F.prelu(x[0], w["w"])


def _maxout(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    return x[0].unflatten(1, (-1, layer.pieces)).max(dim=2).values


def _dense(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    return activation(layer.activation, F.linear(x[0], w["w"], w.get("b")))


def _conv2d(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch import nn
    from torch.func import functional_call

    image, padding = x[0], layer.padding
    reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel, strict=True)]
    if padding == "valid":
        padding = 0
    elif padding == "full":
        padding = reach
    elif padding == "same" and layer.stride != (1, 1):
        # PyTorch has no "same" with a stride; this is TensorFlow's rule, ceil(in / stride).
        image, padding = _pad(image, _same(image, layer.stride, reach), layer.padding_mode), 0
    module = nn.Conv2d(
        image.shape[1], layer.channels, layer.kernel, layer.stride, padding, layer.dilation,
        layer.groups, layer.bias, layer.padding_mode, device="meta")
    weights = {"weight": w["w"], **({"bias": w["b"]} if layer.bias else {})}
    return activation(layer.activation, functional_call(module, weights, (image,)))


def _same(image: Tensor, stride: Sequence[int], reach: Sequence[int]) -> list[int]:
    """Padding in the order of torch's pad: left, right, top, bottom."""
    pads: list[int] = []
    for size, step, more in zip(image.shape[2:], stride, reach, strict=True):
        total = max((math.ceil(size / step) - 1) * step + more + 1 - size, 0)
        pads = [total // 2, total - total // 2, *pads]
    return pads


def _pad(image: Tensor, pads: list[int], mode: str) -> Tensor:
    from torch.nn import functional as F

    return F.pad(image, pads, mode="constant" if mode == "zeros" else mode)


def _max_pool2d(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    return F.max_pool2d(x[0], layer.kernel, layer.stride, layer.padding,
                        ceil_mode=layer.ceil_mode)


def _avg_pool2d(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    return F.avg_pool2d(x[0], layer.kernel, layer.stride, layer.padding, layer.ceil_mode,
                        layer.count_include_pad)


def _concat(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    import torch

    return torch.cat(list(x), dim=1)


def _feed(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    part = x[0][:, layer.start:layer.start + size_of(layer.shape)]
    return part.reshape(-1, *layer.shape)


FORWARD: dict[str, Forward] = {
    "dense": _dense,
    "conv2d": _conv2d,
    "max_pool2d": _max_pool2d,
    "avg_pool2d": _avg_pool2d,
    "global_avg_pool2d": lambda layer, x, w: x[0].mean(dim=(2, 3)),
    "flatten": lambda layer, x, w: x[0].flatten(1),
    "identity": lambda layer, x, w: x[0],
    "dropout": lambda layer, x, w: x[0] * w["mask"],  # what our own step has drawn
    "sigmoid": lambda layer, x, w: activation("sigmoid", x[0]),
    "tanh": lambda layer, x, w: activation("tanh", x[0]),
    "relu": lambda layer, x, w: activation("relu", x[0]),
    "leaky_relu": lambda layer, x, w: activation("leaky_relu", x[0], slope=layer.slope),
    "elu": lambda layer, x, w: activation("elu", x[0], alpha=layer.alpha),
    "gelu": _gelu,
    "silu": lambda layer, x, w: activation("silu", x[0]),
    "softplus": lambda layer, x, w: activation(
        "softplus", x[0], beta=layer.beta, threshold=layer.threshold),
    "hard_tanh": lambda layer, x, w: activation(
        "hard_tanh", x[0], min_val=layer.min_val, max_val=layer.max_val),
    "prelu": _prelu,
    "maxout": _maxout,
    "log_softmax": lambda layer, x, w: x[0].log_softmax(dim=1),
    "softmax": lambda layer, x, w: x[0].softmax(dim=1),
    "concat": _concat,
    "add": lambda layer, x, w: sum(x[1:], start=x[0]),
    "multiply": lambda layer, x, w: math.prod(x[1:], start=x[0]),
    "feed": _feed,
}


def _softmax_cross_entropy(p: Tensor, t: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.cross_entropy(p, t.long())


def _binary_cross_entropy(p: Tensor, t: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.binary_cross_entropy(p, t.view_as(p))


def _mean_squared_error(p: Tensor, t: Tensor) -> Tensor:
    from torch.nn import functional as F

    is_class = t.ndim == 1 and p.shape[1] > 1
    return F.mse_loss(p, F.one_hot(t.long(), p.shape[1]).to(p) if is_class else t.view_as(p))


LOSS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "softmax_cross_entropy": _softmax_cross_entropy,
    "binary_cross_entropy": _binary_cross_entropy,
    "mean_squared_error": _mean_squared_error,
}


class Twin:
    """The network of a session in PyTorch, in float64, with the session's present weights.

    In float64, so that what differs is our rounding alone.
    """

    def __init__(self, session: Session) -> None:
        import torch

        self.session, self.graph, self.torch = session, session.graph, torch
        self.used = session.program.check.used
        self.w = {name: self._tensor(session.values(name), learns=True)
                  for name in session.program.parameters}

    def _tensor(self, values: np.ndarray, learns: bool = False) -> Tensor:
        return self.torch.tensor(values, dtype=self.torch.float64, requires_grad=learns)

    def batch(self) -> tuple[Tensor, Tensor]:
        """The samples and targets of the session's present step."""
        data = self.session.program.data_node
        return tuple(self._tensor(self.session.values(f"{data}.{port}"))  # type: ignore[return-value]
                     for port in ("x", "target"))

    def loss(self) -> Tensor:
        """The loss of the session's present batch."""
        *others, loss = self.used
        data = self.session.program.data_node
        outputs: dict[tuple[str, int], Tensor] = dict(
            zip(((data, 0), (data, 1)), self.batch(), strict=True))
        for id in others:
            if id != data:
                outputs[id, 0] = self._forward(id, outputs)
        prediction = next(e for e in self.graph.inputs_of(loss) if e.target_port == 0)
        target = targets(self.graph, loss)
        assert target is not None
        return LOSS[self.graph.node(loss).layer.kind](
            outputs[prediction.source, prediction.source_port], outputs[target])

    def _forward(self, id: str, outputs: Mapping[tuple[str, int], Tensor]) -> Tensor:
        layer = self.graph.node(id).layer
        assert isinstance(layer, Layer)
        x = [outputs[e.source, e.source_port] for e in self.graph.inputs_of(id)]
        w = {name.removeprefix(f"{id}."): t for name, t in self.w.items()
             if name.startswith(f"{id}.")}
        if layer.kind == "dropout":
            masks = [name for name in self.session.program.tensors
                     if name.partition("@")[0] == f"{id}.mask"]
            w["mask"] = self.torch.cat([self._tensor(self.session.values(m)) for m in masks])
        return FORWARD[layer.kind](layer, x, w)


class TorchTraining:
    """Trains a twin as the graph says, with PyTorch's optimizers, schedules and clipping."""

    def __init__(self, twin: Twin) -> None:
        self.twin, self.training = twin, twin.graph.training
        self.optimizer = _optimizer(self.training, list(twin.w.values()))
        self.schedule = _Schedule(twin, self.optimizer)

    def step(self) -> float:
        """One step on the session's present batch; gives the loss."""
        self.optimizer.zero_grad()
        loss = self.twin.loss()
        loss.backward()
        self._clip()
        self.optimizer.step()
        self.schedule.after_step(float(loss.detach()))
        return float(loss.detach())

    def _clip(self) -> None:
        from torch.nn import utils

        clipping, w = self.training.clipping, self.twin.w
        if clipping.mode == "value":
            utils.clip_grad_value_(w.values(), clipping.threshold)
        elif clipping.mode == "global_norm":
            utils.clip_grad_norm_(w.values(), clipping.threshold)
        elif clipping.mode == "layer_norm":
            for node in self.twin.session.program.learners:
                own = [t for name, t in w.items() if name.startswith(f"{node}.")]
                utils.clip_grad_norm_(own, clipping.threshold)


def _optimizer(training: Training, parameters: list[Tensor]) -> torch.optim.Optimizer:
    from torch import optim

    o = training.optimizer
    usual = {"lr": o.learning_rate, "weight_decay": getattr(o, "weight_decay", 0.0)}
    match o:
        case GradientDescent():
            return optim.SGD(parameters, **usual)
        case SGD():
            return optim.SGD(parameters, momentum=o.momentum, nesterov=o.nesterov, **usual)
        case AdaGrad():
            return optim.Adagrad(
                parameters, lr_decay=o.lr_decay, eps=o.epsilon,
                initial_accumulator_value=o.initial_accumulator_value, **usual)
        case AdaDelta():
            return optim.Adadelta(parameters, rho=o.rho, eps=o.epsilon, **usual)
        case RMSProp():
            return optim.RMSprop(parameters, alpha=o.alpha, eps=o.epsilon, momentum=o.momentum,
                                 centered=o.centered, **usual)
        case Adam() | AdamW():
            kind = optim.Adam if isinstance(o, Adam) else optim.AdamW
            return kind(parameters, betas=(o.beta1, o.beta2), eps=o.epsilon, amsgrad=o.amsgrad,
                        **usual)
    raise AssertionError(o)


class _Schedule:
    """PyTorch's linear warm-up, and then the schedule, which counts steps, epochs or losses."""

    def __init__(self, twin: Twin, optimizer: torch.optim.Optimizer) -> None:
        from torch.optim import lr_scheduler

        schedule = twin.graph.training.schedule
        self.per_epoch = twin.session.program.batches_per_epoch
        self.steps, self.losses, self.last = 0, [], math.inf  # type: ignore[var-annotated]
        self.every = 1
        self.main: Any
        match schedule:
            case Constant():
                self.main = lr_scheduler.ConstantLR(optimizer, factor=1.0)
            case Factor(factor_per_epoch=factor):
                self.main = lr_scheduler.ExponentialLR(optimizer, factor)
                self.every = self.per_epoch
            case StepDecay(every=every, gamma=gamma):
                self.main = lr_scheduler.StepLR(optimizer, every, gamma)
                self.every = self.per_epoch
            case Exponential(rate=rate):
                self.main = lr_scheduler.ExponentialLR(optimizer, math.exp(-rate))
            case Cosine(restarts=False):
                self.last = schedule.period * self.per_epoch  # theirs would rise again
                self.main = lr_scheduler.CosineAnnealingLR(optimizer, int(self.last),
                                                           schedule.minimum)
            case Cosine():
                self.main = lr_scheduler.CosineAnnealingWarmRestarts(
                    optimizer, schedule.period * self.per_epoch, schedule.growth, schedule.minimum)
            case Plateau():
                self.every = self.per_epoch
                self.main = lr_scheduler.ReduceLROnPlateau(
                    optimizer, factor=schedule.factor, patience=schedule.patience,
                    threshold=schedule.threshold, cooldown=schedule.cooldown,
                    min_lr=schedule.minimum, eps=0)
        self.warmup = schedule.warmup
        self.linear = lr_scheduler.LinearLR(
            optimizer, 1 / (self.warmup + 1), total_iters=self.warmup)

    def after_step(self, loss: float) -> None:
        from torch.optim import lr_scheduler

        self.steps += 1
        self.losses.append(loss)
        since = self.steps - self.warmup
        if since <= 0:
            self.linear.step()
            self.losses.clear()
        elif since % self.every == 0 and since <= self.last:
            if isinstance(self.main, lr_scheduler.ReduceLROnPlateau):
                self.main.step(sum(self.losses) / len(self.losses))
            else:
                self.main.step()
            self.losses.clear()


def train_both(graph: Graph, steps: int, threads: int = 1) -> tuple[Session, Twin]:
    """Ours and theirs from the same weights on the same batches; the losses must agree."""
    session = Session(graph, threads=threads)
    twin = Twin(session)
    theirs = TorchTraining(twin)
    for _ in range(steps):
        session.run(1)
        np.testing.assert_allclose(session.measured("loss"), theirs.step(), rtol=1e-4, atol=1e-6)
    return session, twin
