"""Every layer's forward pass in PyTorch's own words.

Imports PyTorch where it is used: only tests marked `torch` come here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playground.layers.base import size_of
from tests.torch_recurrent import CELLS, is_own, own_steps, recurrent

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


def _last_step(layer: Any, x: Sequence[Any], w: Weights) -> Tensor:
    x, lengths = (*x, None)[:2]
    ends = own_steps(x, lengths)
    last = x[_torch().arange(len(x)), (ends - 1).clamp(min=0)]
    return last * (ends > 0)[:, None]


def _reverse(layer: Any, x: Sequence[Any], w: Weights) -> Tensor:
    """Sample by sample, as unpadded sequences are turned round."""
    x, lengths = (*x, None)[:2]
    return _torch().stack([  # type: ignore[no-any-return]
        _torch().cat([row[:end].flip(0), row[end:]])
        for row, end in zip(x, own_steps(x, lengths).tolist(), strict=True)])


def _mean_over_time(layer: Any, x: Sequence[Any], w: Weights) -> Tensor:
    x, lengths = (*x, None)[:2]
    own = is_own(x, lengths)[:, :, None]
    return (x * own).sum(1) / own.sum(1).clamp(min=1)


def _attention(layer: Any, x: Sequence[Any], w: Weights) -> Tensor:
    from torch.nn import functional as F

    q, k, v, lengths = (*x, None)[:4]
    seen = is_own(k, lengths)[:, None].expand(-1, q.shape[1], -1)
    if layer.causal:
        seen = seen & seen.new_ones(seen.shape).tril()
    return F.scaled_dot_product_attention(q, k, v, attn_mask=seen)


def multi_head_attention(layer: Any, x: Sequence[Any], w: Weights) -> tuple[Tensor, Tensor]:
    """(y, weights) of their layer with our weights."""
    import torch
    from torch import nn
    from torch.func import functional_call

    x, memory, lengths = (*x, None, None)[:3]
    alone = memory is None
    own = is_own(x if alone else memory, lengths)
    memory = (x if alone else memory) * own[:, :, None]  # ours takes padding for 0
    x = memory if alone else x
    module = nn.MultiheadAttention(x.shape[-1], layer.heads, bias=layer.bias, batch_first=True,
                                   device="meta")
    theirs = {"w": "in_proj_weight", "w_out": "out_proj.weight", "b": "in_proj_bias",
              "b_out": "out_proj.bias"}
    weights = {their: w[name] for name, their in theirs.items() if name in w}
    shape, mask = (x.shape[1], memory.shape[1]), None
    if layer.causal:
        mask = torch.ones(shape, dtype=torch.bool).triu(1)  # true: not to be seen
    # Theirs is not a number where no key is to be seen. Ours is b_out.
    empty = ~own.any(1, keepdim=True)
    y, shares = functional_call(
        module, weights, (x, memory, memory),
        {"attn_mask": mask, "key_padding_mask": ~(own | empty), "average_attn_weights": False})
    return torch.where(empty[:, :, None], w.get("b_out", y.new_zeros(())), y), shares


def _positional_encoding(layer: Any, x: Sequence[Tensor], w: Weights) -> Tensor:
    return x[0] + (w["waves"] if layer.encoding == "sinusoidal" else w["w"])


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
    "dropout": lambda layer, x, w: x[0] * w["mask"],
    "spatial_dropout": _spatial_dropout,
    "gaussian_noise": lambda layer, x, w: x[0] + w["noise"],
    "attention": _attention,
    "multi_head_attention": lambda layer, x, w: multi_head_attention(layer, x, w)[0],
    "positional_encoding": _positional_encoding,
    "embedding": _embedding,
    "one_hot": _one_hot,
    "last_step": _last_step,
    "reverse": _reverse,
    "mean_over_time": _mean_over_time,
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
    "gelu": _gelu,
    "silu": lambda layer, x, w: activation("silu", x[0]),
    "softplus": lambda layer, x, w: activation(
        "softplus", x[0], beta=layer.beta, threshold=layer.threshold),
    "hard_tanh": lambda layer, x, w: activation(
        "hard_tanh", x[0], min_val=layer.min_val, max_val=layer.max_val),
    "exponential": lambda layer, x, w: x[0].exp(),
    "prelu": _prelu,
    "maxout": _maxout,
    "log_softmax": lambda layer, x, w: x[0].log_softmax(dim=-1),
    "softmax": lambda layer, x, w: x[0].softmax(dim=-1),
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
    "shift": lambda layer, x, w: x[0] + w["w"],
    "constant": lambda layer, x, w: w["y"],
    "random_normal": lambda layer, x, w: w["y"],
    **dict.fromkeys(CELLS, recurrent),
    "feed": _feed,
}


DRAWN = {"dropout": "mask", "spatial_dropout": "mask", "gaussian_noise": "noise",
         "fractional_max_pool2d": "draws", "random_normal": "y", "constant": "y"}
"""What comes from nowhere in our own step (random draws, sources): theirs takes it as it is."""
