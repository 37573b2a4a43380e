"""The same training steps elsewhere: PyTorch eager, torch.compile, and JAX where it is installed.

Each peer gives a function that does one step on one batch, ready in memory, and has finished when
it returns. They start from weights of their own: only their time is compared.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from playground.graph import Graph
from playground.session import Session
from playground.shapes import check

LEARNING_RATE, MOMENTUM, MOST_NORM = 0.01, 0.9, 1.0
Work = Callable[[], object]

# -- PyTorch ---------------------------------------------------------------------------------------

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}


RECURRENT: dict[str, type[nn.RNNBase]] = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class States(nn.Module):
    """A recurrent module that gives its output at the last step, or at all."""

    def __init__(self, module: nn.RNNBase, returns: str) -> None:
        super().__init__()
        self.module, self.returns = module, returns

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.module(x)[0]
        return y if self.returns == "sequence" else y[:, -1]


def as_module(graph: Graph) -> nn.Module:
    """A row of layers as one would write it in PyTorch."""
    checked, modules = check(graph), []
    for node in graph.order():
        layer: Any = node.layer
        inputs = [signal.shape for signal in checked.inputs.get(node.id, ())]
        match layer.kind:
            case "dense":
                modules.append(nn.Linear(inputs[0][-1], layer.units))
            case "conv2d":
                modules.append(nn.Conv2d(inputs[0][0], layer.channels, layer.kernel,
                                         padding=layer.border(inputs[0][1:])[:2]))
            case "max_pool2d":
                modules.append(nn.MaxPool2d(layer.kernel, layer.stride))
            case "avg_pool2d":
                modules.append(nn.AvgPool2d(layer.kernel, layer.stride))
            case "flatten":
                modules.append(nn.Flatten())
            case "embedding":
                modules.append(nn.Embedding(layer.vocabulary, layer.dimension))
            case "elman" | "lstm" | "gru":
                modules.append(States(RECURRENT[layer.kind](
                    inputs[0][1], layer.units, batch_first=True), layer.returns))
        if layer.kind not in RECURRENT and getattr(layer, "activation", "identity") != "identity":
            modules.append(ACTIVATIONS[layer.activation]())
    return nn.Sequential(*modules)


def pytorch_step(graph: Graph, session: Session) -> Work:
    """PyTorch as one writes it."""
    return _pytorch_step(graph, session, lambda module: module)


def compiled_step(graph: Graph, session: Session) -> Work:
    """The network through torch.compile; loss, clipping and optimizer as they are."""
    return _pytorch_step(graph, session, torch.compile)


def _pytorch_step(graph: Graph, session: Session, prepare: Callable[[nn.Module], Any]) -> Work:
    module = as_module(graph)
    ours = sum(parameter.numel() for parameter in module.parameters())
    assert ours == check(graph).total_parameters
    optimizer = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    loss, run = nn.CrossEntropyLoss(), prepare(module)
    batch = graph.training.batch
    x = torch.tensor(session.data.x_train[:batch])
    x = x.long() if isinstance(module[0], nn.Embedding) else x
    y = torch.tensor(session.data.target_train[:batch]).long().flatten()

    def step() -> None:
        optimizer.zero_grad()
        loss(run(x).flatten(0, -2), y).backward()
        nn.utils.clip_grad_norm_(module.parameters(), MOST_NORM)
        optimizer.step()

    return step


# -- JAX -------------------------------------------------------------------------------------------


def _unrolled(layer: Any, w: Any, x: Any) -> Any:
    """A recurrent layer as a scan over time; the gates stand as in PyTorch."""
    import jax
    from jax import numpy as jnp

    w_ih, w_hh, b_ih, b_hh = (w[name] for name in (
        "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"))
    inputs = jnp.swapaxes(x @ w_ih.T + b_ih, 0, 1)
    zeros = jnp.zeros((len(x), layer.units))

    def elman(h: Any, x: Any) -> Any:
        h = jnp.tanh(x + h @ w_hh.T + b_hh)
        return h, h

    def lstm(state: Any, x: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(x + h @ w_hh.T + b_hh, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def gru(h: Any, x: Any) -> Any:
        rx, zx, nx = jnp.split(x, 3, axis=1)
        rh, zh, nh = jnp.split(h @ w_hh.T + b_hh, 3, axis=1)
        z = jax.nn.sigmoid(zx + zh)
        h = (1 - z) * jnp.tanh(nx + jax.nn.sigmoid(rx + rh) * nh) + z * h
        return h, h

    step = {"elman": elman, "lstm": lstm, "gru": gru}[layer.kind]
    _, y = jax.lax.scan(step, (zeros, zeros) if layer.kind == "lstm" else zeros, inputs)
    return jnp.swapaxes(y, 0, 1) if layer.returns == "sequence" else y[-1]


def _as_function(graph: Graph) -> Callable[[Any, Any], Any]:
    """A row of layers as f(parameters by node, x)."""
    import jax
    from jax import numpy as jnp

    activations = {"tanh": jnp.tanh, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid,
                   "identity": lambda x: x}
    checked = check(graph)

    def pool(x: Any, layer: Any, start: float, join: Any) -> Any:
        return jax.lax.reduce_window(x, start, join, (1, 1, *layer.kernel), (1, 1, *layer.stride),
                                     "VALID")

    def run(parameters: Any, x: Any) -> Any:
        for node in graph.order():
            layer: Any = node.layer
            w = parameters.get(node.id)
            match layer.kind:
                case "embedding":
                    x = w["w"][x.astype(jnp.int32)]
                case "elman" | "lstm" | "gru":
                    x = _unrolled(layer, w, x)
                case "dense":
                    x = x @ w["w"].T + w["b"]
                case "conv2d":
                    top, left, bottom, right = layer.border(checked.inputs[node.id][0].shape[1:])
                    x = jax.lax.conv_general_dilated(
                        x, w["w"], layer.stride, ((top, bottom), (left, right)),
                        dimension_numbers=("NCHW", "OIHW", "NCHW")) + w["b"][:, None, None]
                case "max_pool2d":
                    x = pool(x, layer, -jnp.inf, jax.lax.max)
                case "avg_pool2d":
                    x = pool(x, layer, 0.0, jax.lax.add) / (layer.kernel[0] * layer.kernel[1])
                case "flatten":
                    x = x.reshape(len(x), -1)
            if layer.kind not in RECURRENT:
                x = activations[getattr(layer, "activation", "identity")](x)
        return x

    return run


def jax_step(graph: Graph, session: Session) -> Work:
    """The whole step, from loss to new weights, as one compiled function."""
    import jax
    from jax import numpy as jnp

    run = _as_function(graph)
    parameters: dict[str, dict[str, Any]] = {}
    for name in session.program.parameters:
        node, _, parameter = name.partition(".")
        parameters.setdefault(node, {})[parameter] = jnp.array(session.values(name))
    batch = graph.training.batch
    x = jnp.array(session.data.x_train[:batch])
    y = jnp.array(session.data.target_train[:batch].astype(np.int32)).reshape(-1)

    def loss(parameters: Any) -> Any:
        logits = run(parameters, x)
        logits = logits.reshape(-1, logits.shape[-1])
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(logits)), y])

    @jax.jit
    def update(parameters: Any, velocity: Any) -> Any:
        value, gradient = jax.value_and_grad(loss)(parameters)
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(gradient)))
        scale = jnp.minimum(1.0, MOST_NORM / (norm + 1e-6))
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + scale * g, velocity, gradient)
        parameters = jax.tree.map(lambda p, v: p - LEARNING_RATE * v, parameters, velocity)
        return parameters, velocity, value

    state = [parameters, jax.tree.map(jnp.zeros_like, parameters), None]

    def step() -> None:
        state[:] = update(*state[:2])
        state[2].block_until_ready()  # type: ignore[attr-defined]

    return step


PEERS: dict[str, Callable[[Graph, Session], Work]] = {
    "eager": pytorch_step, "compile": compiled_step, "jax": jax_step}


def available(name: str) -> bool:
    """Whether a peer can run here."""
    return name != "jax" or importlib.util.find_spec("jax") is not None
