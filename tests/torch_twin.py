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
from playground.schedules import Constant, Exponential, Factor, StepDecay
from playground.session import Session
from playground.shapes import targets
from playground.training import SGD, Training

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Tensor = Any

DRAWN = {"dropout": "mask", "spatial_dropout": "mask", "gaussian_noise": "noise"}
"""Layers that draw random numbers, and where they keep them: the twin takes what we have drawn."""

Weights = Mapping[str, Tensor]
Forward = Callable[[Any, Sequence[Tensor], Weights], Tensor]


def activation(name: str, x: Tensor, **constants: float) -> Tensor:
    from torch.nn import functional as F

    functions: dict[str, Callable[..., Tensor]] = {
        "identity": lambda x: x, "sigmoid": F.sigmoid, "tanh": F.tanh, "relu": F.relu,
        "leaky_relu": lambda x, slope=0.01: F.leaky_relu(x, slope), "elu": F.elu}
    return functions[name](x, **constants)


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


def _batch_norm(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    """Changes the running statistics in place, as their layer does."""
    from torch.nn import functional as F

    turned = x[0].ndim == 3 and layer.axes == "time_features"
    image = x[0].transpose(1, 2) if turned else x[0]
    mean, var, measures = w["running_mean"], w["running_var"], layer.statistics == "batch"
    if measures and layer.convention == "keras":
        others = [axis for axis in range(image.ndim) if axis != 1]
        for running, new in ((mean, image.mean(others)),
                             (var, image.var(others, correction=0))):
            running.mul_(layer.momentum).add_(new.detach() * (1 - layer.momentum))
        mean = var = None  # type: ignore[assignment]
    y = F.batch_norm(image, mean, var, w.get("w"), w.get("b"), measures, layer.momentum,
                     layer.epsilon)
    return y.transpose(1, 2) if turned else y


def _layer_norm(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    shape = x[0].shape[-1:] if layer.axes == "last" else x[0].shape[1:]
    given = (w[name].reshape(shape) if name in w else None for name in ("w", "b"))
    return F.layer_norm(x[0], shape, *given, layer.epsilon)


def _group_norm(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    return F.group_norm(x[0], layer.groups, w.get("w"), w.get("b"), layer.epsilon)


def _lrn(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    image = x[0].unsqueeze(2)  # theirs takes no flat input
    return F.local_response_norm(image, layer.size, layer.alpha, layer.beta, layer.k).squeeze(2)


def _l2_normalise(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    rows = x[0] if layer.axes == "last" else x[0].flatten(1)
    return F.normalize(rows, dim=-1, eps=layer.epsilon).reshape(x[0].shape)


def _spatial_dropout(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    if x[0].ndim == 3 and layer.axes == "time_features":
        return x[0] * w["mask"][:, None]
    return x[0] * w["mask"].reshape(*w["mask"].shape, *[1] * (x[0].ndim - 2))


def _embedding(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    return F.embedding(x[0].long(), w["w"])


def _one_hot(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    return F.one_hot(x[0].long(), int(w["width"])).to(x[0])


def _attention(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    return F.scaled_dot_product_attention(*x, is_causal=layer.causal)


def multi_head_attention(layer: Any, x: Sequence[Tensor], w: Weights) -> tuple[Tensor, Tensor]:
    """(y, weights) of their layer with our weights."""
    import torch
    from torch import nn
    from torch.func import functional_call

    module = nn.MultiheadAttention(x[0].shape[-1], layer.heads, bias=layer.bias, batch_first=True,
                                   device="meta")
    theirs = {"w": "in_proj_weight", "w_out": "out_proj.weight", "b": "in_proj_bias",
              "b_out": "out_proj.bias"}
    weights = {their: w[name] for name, their in theirs.items() if name in w}
    shape, mask = (x[0].shape[1], x[-1].shape[1]), None
    if layer.causal:
        mask = torch.ones(shape, dtype=torch.bool).triu(1)  # true: not to be seen
    y: tuple[Tensor, Tensor] = functional_call(
        module, weights, (x[0], x[-1], x[-1]),
        {"attn_mask": mask, "average_attn_weights": False})
    return y


def _positional_encoding(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    return x[0] + (w["waves"] if layer.encoding == "sinusoidal" else w["w"])


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
    "dropout": lambda layer, x, w: x[0] * w["mask"],
    "spatial_dropout": _spatial_dropout,
    "gaussian_noise": lambda layer, x, w: x[0] + w["noise"],
    "attention": _attention,
    "multi_head_attention": lambda layer, x, w: multi_head_attention(layer, x, w)[0],
    "positional_encoding": _positional_encoding,
    "embedding": _embedding,
    "one_hot": _one_hot,
    "last_step": lambda layer, x, w: x[0][:, -1],
    "reverse": lambda layer, x, w: x[0].flip(1),
    "mean_over_time": lambda layer, x, w: x[0].mean(dim=1),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "lrn": _lrn,
    "l2_normalise": _l2_normalise,
    "sigmoid": lambda layer, x, w: activation("sigmoid", x[0]),
    "tanh": lambda layer, x, w: activation("tanh", x[0]),
    "relu": lambda layer, x, w: activation("relu", x[0]),
    "leaky_relu": lambda layer, x, w: activation("leaky_relu", x[0], slope=layer.slope),
    "elu": lambda layer, x, w: activation("elu", x[0], alpha=layer.alpha),
    "softmax": lambda layer, x, w: x[0].softmax(dim=-1),
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
        self.running = {name: self._tensor(session.values(name))
                        for name in session.program.running}

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
        w = {name.removeprefix(f"{id}."): t for name, t in (self.w | self.running).items()
             if name.startswith(f"{id}.")}
        if drawn := DRAWN.get(layer.kind):
            parts = [name for name in self.session.program.tensors
                     if name.partition("@")[0] == f"{id}.{drawn}"]
            w[drawn] = self.torch.cat([self._tensor(self.session.values(p)) for p in parts])
        if layer.kind == "one_hot":
            w["width"] = self.torch.tensor(self.session.values(f"{id}.y").shape[-1])
        return FORWARD[layer.kind](layer, x, w)


class TorchTraining:
    """Trains a twin as the graph says, with PyTorch's optimizers, schedules and clipping."""

    def __init__(self, twin: Twin) -> None:
        self.twin, self.training = twin, twin.graph.training
        self.optimizer = _optimizer(self.training, list(twin.w.values()))
        self.schedule, self.each_step = _schedule(self.training, self.optimizer)
        self.steps = 0

    def step(self) -> float:
        """One step on the session's present batch; gives the loss."""
        self.optimizer.zero_grad()
        loss = self.twin.loss()
        loss.backward()
        self._clip()
        self.optimizer.step()
        self.steps += 1
        if self.each_step or self.steps % self.twin.session.program.batches_per_epoch == 0:
            self.schedule.step()
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
    if isinstance(o, SGD):
        return optim.SGD(parameters, lr=o.learning_rate, momentum=o.momentum,
                         weight_decay=o.weight_decay)
    return optim.Adam(parameters, lr=o.learning_rate, betas=(o.beta1, o.beta2), eps=o.epsilon,
                      weight_decay=o.weight_decay)


def _schedule(training: Training, optimizer: torch.optim.Optimizer) -> tuple[Any, bool]:
    """PyTorch's scheduler, and whether it counts steps (else epochs)."""
    from torch.optim import lr_scheduler

    match training.schedule:
        case Constant():
            return lr_scheduler.ConstantLR(optimizer, factor=1.0), True
        case Factor(factor_per_epoch=factor):
            return lr_scheduler.ExponentialLR(optimizer, factor), False
        case StepDecay(every=every, gamma=gamma):
            return lr_scheduler.StepLR(optimizer, every, gamma), False
        case Exponential(rate=rate):
            return lr_scheduler.ExponentialLR(optimizer, math.exp(-rate)), True


def train_both(graph: Graph, steps: int, threads: int = 1) -> tuple[Session, Twin]:
    """Ours and theirs from the same weights on the same batches; the losses must agree."""
    session = Session(graph, threads=threads)
    twin = Twin(session)
    theirs = TorchTraining(twin)
    for _ in range(steps):
        session.run(1)
        np.testing.assert_allclose(session.measured("loss"), theirs.step(), rtol=1e-4, atol=1e-6)
    return session, twin
