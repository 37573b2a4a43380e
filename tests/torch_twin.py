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

Weights = Mapping[str, Tensor]
Forward = Callable[[Any, Sequence[Tensor], Weights], Tensor | tuple[Tensor, ...]]


def activation(name: str, x: Tensor, **constants: float) -> Tensor:
    from torch.nn import functional as F

    functions: dict[str, Callable[..., Tensor]] = {
        "identity": lambda x: x, "sigmoid": F.sigmoid, "tanh": F.tanh, "relu": F.relu,
        "leaky_relu": lambda x, slope=0.01: F.leaky_relu(x, slope), "elu": F.elu}
    return functions[name](x, **constants)


def _dense(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    return activation(layer.activation, F.linear(x[0], w["w"], w.get("b")))


def _conv(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    """Conv1d or Conv2d: both have the same settings, for one axis or two."""
    from torch import nn
    from torch.func import functional_call

    image, padding = x[0], layer.padding
    kernel, stride, dilation = (_each(value) for value in (
        layer.kernel, layer.stride, layer.dilation))
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if padding == "valid":
        padding = 0
    elif padding == "full":
        padding = reach
    elif padding == "causal":
        image, padding = _pad(image, [reach[0], 0], layer.padding_mode), 0
    elif padding == "same" and set(stride) != {1}:
        # PyTorch has no "same" with a stride; this is TensorFlow's rule, ceil(in / stride).
        image, padding = _pad(image, _same(image, stride, reach), layer.padding_mode), 0
    module = (nn.Conv1d if len(kernel) == 1 else nn.Conv2d)(
        image.shape[1], layer.channels, kernel, stride, padding, dilation,
        layer.groups, layer.bias, layer.padding_mode, device="meta")
    weights = {"weight": w["w"], **({"bias": w["b"]} if layer.bias else {})}
    return activation(layer.activation, functional_call(module, weights, (image,)))


def _each(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else value


def _conv_transpose2d(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    def run(padding: Any, output_padding: Any) -> Tensor:
        return F.conv_transpose2d(x[0], w["w"], w.get("b"), layer.stride, padding, output_padding,
                                  layer.groups, layer.dilation)

    if layer.padding != "same":
        padding = 0 if layer.padding == "valid" else layer.padding
        return activation(layer.activation, run(padding, layer.output_padding))
    # Keras: what is too much is cut off, half on each side; what is missing gets no stamp.
    y = run(0, 0)
    bias = w["b"] if layer.bias else w["w"].new_zeros(layer.channels)
    for axis, stride in zip((2, 3), layer.stride, strict=True):
        size = x[0].shape[axis] * stride
        if y.shape[axis] < size:
            missing = [*y.shape]
            missing[axis] = size - y.shape[axis]
            y = _torch().cat([y, bias.view(1, -1, 1, 1).expand(missing)], dim=axis)
        y = y.narrow(axis, (y.shape[axis] - size) // 2, size)
    return activation(layer.activation, y)


def _upsample2d(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    corners = layer.align_corners if layer.mode == "bilinear" else None
    return F.interpolate(x[0], scale_factor=layer.scale_factor, mode=layer.mode,
                         align_corners=corners)


def _torch() -> Any:
    import torch

    return torch


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


def _max_pool(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    image, padding = _pool_padding(layer, x[0], -math.inf)
    return _pool("max", layer)(image, layer.kernel, layer.stride, padding,
                               ceil_mode=layer.ceil_mode)


def _avg_pool(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    image, padding = _pool_padding(layer, x[0], 0.0)
    pool, settings = _pool("avg", layer), (layer.kernel, layer.stride, padding, layer.ceil_mode)
    if layer.padding != "same" or layer.count_include_pad:
        return pool(image, *settings, layer.count_include_pad)
    # TensorFlow: the mean of what is not border.
    inside, _ = _pool_padding(layer, x[0] * 0 + 1, 0.0)
    return pool(image, *settings) / pool(inside, *settings)


def _pool(name: str, layer: Any) -> Callable[..., Tensor]:
    from torch.nn import functional as F

    return getattr(F, f"{name}_pool{len(_each(layer.kernel))}d")  # type: ignore[no-any-return]


def _pool_padding(layer: Any, image: Tensor, value: float) -> tuple[Tensor, Any]:
    """PyTorch's padding; for "same", which it does not have, an image with its border."""
    from torch.nn import functional as F

    if layer.padding != "same":
        return image, 0 if layer.padding == "valid" else layer.padding
    reach = [k - 1 for k in _each(layer.kernel)]
    return F.pad(image, _same(image, _each(layer.stride), reach), value=value), 0


def _fractional_max_pool2d(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    size = layer.output_shape(tuple(x[0].shape[1:]))[1:]
    return F.fractional_max_pool2d(  # type: ignore[no-any-return]
        x[0], layer.kernel, output_size=size, _random_samples=w["draws"].detach())


def _aligned(x: Sequence[Tensor]) -> list[Tensor]:
    """Samples with as many axes each: NumPy's rule knows nothing of a batch axis."""
    axes = max(t.ndim for t in x)
    return [t.reshape(len(t), *[1] * (axes - t.ndim), *t.shape[1:]) for t in x]


def _together(x: Sequence[Tensor]) -> Tensor:
    """All inputs of one shape, stacked."""
    torch = _torch()
    return torch.stack(torch.broadcast_tensors(*_aligned(x)))  # type: ignore[no-any-return]


def _slice(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    stop = None if layer.stop == "end" else layer.stop
    places = slice(layer.start, stop, layer.step)
    return x[0][(slice(None),) * layer.axis + (places,)]


def _pad_layer(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    from torch.nn import functional as F

    pads = [*layer.columns, *layer.rows] if x[0].ndim > 3 else [*layer.columns]
    # Only images and sequences have PyTorch's modes: a vector is a sequence of one channel.
    image = x[0].unsqueeze(1) if x[0].ndim == 2 else x[0]
    constant = {"value": layer.value} if layer.mode == "constant" else {}
    y = F.pad(image, pads, mode=layer.mode, **constant)
    return y.squeeze(1) if x[0].ndim == 2 else y


def _crop(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    def kept(size: int, cut: tuple[int, int]) -> slice:
        return slice(cut[0], size - cut[1])

    if x[0].ndim < 4:
        return x[0][..., kept(x[0].shape[-1], layer.columns)]
    return x[0][..., kept(x[0].shape[-2], layer.rows), kept(x[0].shape[-1], layer.columns)]


def _feed(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    part = x[0][:, layer.start:layer.start + size_of(layer.shape)]
    return part.reshape(-1, *layer.shape)


FORWARD: dict[str, Forward] = {
    "dense": _dense,
    "conv1d": _conv,
    "conv2d": _conv,
    "conv_transpose2d": _conv_transpose2d,
    "upsample2d": _upsample2d,
    "max_pool1d": _max_pool,
    "max_pool2d": _max_pool,
    "avg_pool1d": _avg_pool,
    "avg_pool2d": _avg_pool,
    "fractional_max_pool2d": _fractional_max_pool2d,
    "global_avg_pool1d": lambda layer, x, w: x[0].mean(dim=2),
    "global_avg_pool2d": lambda layer, x, w: x[0].mean(dim=(2, 3)),
    "global_max_pool1d": lambda layer, x, w: x[0].amax(dim=2),
    "global_max_pool2d": lambda layer, x, w: x[0].amax(dim=(2, 3)),
    "flatten": lambda layer, x, w: x[0].flatten(1),
    "identity": lambda layer, x, w: x[0],
    "dropout": lambda layer, x, w: x[0] * w["mask"],  # what our own step has drawn
    "sigmoid": lambda layer, x, w: activation("sigmoid", x[0]),
    "tanh": lambda layer, x, w: activation("tanh", x[0]),
    "relu": lambda layer, x, w: activation("relu", x[0]),
    "leaky_relu": lambda layer, x, w: activation("leaky_relu", x[0], slope=layer.slope),
    "elu": lambda layer, x, w: activation("elu", x[0], alpha=layer.alpha),
    "softmax": lambda layer, x, w: x[0].softmax(dim=1),
    "concat": lambda layer, x, w: _torch().cat(list(x), dim=layer.axis),
    "add": lambda layer, x, w: _together(x).sum(0),
    "subtract": lambda layer, x, w: _aligned(x)[0] - _aligned(x)[1],
    "average": lambda layer, x, w: _together(x).mean(0),
    "multiply": lambda layer, x, w: _together(x).prod(0),
    "maximum": lambda layer, x, w: _together(x).max(0).values,
    "reshape": lambda layer, x, w: x[0].reshape(len(x[0]), *layer.shape),
    "permute": lambda layer, x, w: x[0].permute(0, *layer.axes),
    "split": lambda layer, x, w: x[0].split(
        list(layer.sizes) or x[0].shape[layer.axis] // layer.parts, dim=layer.axis),
    "slice": _slice,
    "pad": _pad_layer,
    "crop": _crop,
    "constant": lambda layer, x, w: w["y"],
    "random_normal": lambda layer, x, w: w["y"],
    "feed": _feed,
}


DRAWN = {"dropout": "mask", "fractional_max_pool2d": "draws",
         "random_normal": "y", "constant": "y"}
"""What comes from nowhere in our own step (random draws, sources): theirs takes it as it is."""


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
                y = self._forward(id, outputs)
                outputs |= {(id, port): part for port, part in
                            enumerate(y if isinstance(y, tuple) else (y,))}
        prediction = next(e for e in self.graph.inputs_of(loss) if e.target_port == 0)
        target = targets(self.graph, loss)
        assert target is not None
        return LOSS[self.graph.node(loss).layer.kind](
            outputs[prediction.source, prediction.source_port], outputs[target])

    def _forward(self, id: str, outputs: Mapping[tuple[str, int], Tensor]
                 ) -> Tensor | tuple[Tensor, ...]:
        layer = self.graph.node(id).layer
        assert isinstance(layer, Layer)
        x = [outputs[e.source, e.source_port] for e in self.graph.inputs_of(id)]
        w = {name.removeprefix(f"{id}."): t for name, t in self.w.items()
             if name.startswith(f"{id}.")}
        if drawn := DRAWN.get(layer.kind):
            lanes = [name for name in self.session.program.tensors
                     if name.partition("@")[0] == f"{id}.{drawn}"]
            w[drawn] = self.torch.cat([self._tensor(self.session.values(m)) for m in lanes])
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
