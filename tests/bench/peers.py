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


def as_module(graph: Graph) -> nn.Module:
    """A row of layers as one would write it in PyTorch."""
    checked, modules = check(graph), []
    for node in graph.order():
        layer: Any = node.layer
        inputs = [signal.shape for signal in checked.inputs.get(node.id, ())]
        match layer.kind:
            case "dense":
                modules.append(nn.Linear(inputs[0][0], layer.units))
            case "conv2d":
                modules.append(nn.Conv2d(inputs[0][0], layer.channels, layer.kernel,
                                         padding=layer.border(inputs[0][1:])[:2]))
            case "max_pool2d":
                modules.append(nn.MaxPool2d(layer.kernel, layer.stride))
            case "avg_pool2d":
                modules.append(nn.AvgPool2d(layer.kernel, layer.stride))
            case "flatten":
                modules.append(nn.Flatten())
        if getattr(layer, "activation", "identity") != "identity":
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
    y = torch.tensor(session.data.target_train[:batch]).long()

    def step() -> None:
        optimizer.zero_grad()
        loss(run(x), y).backward()
        nn.utils.clip_grad_norm_(module.parameters(), MOST_NORM)
        optimizer.step()

    return step


# -- JAX -------------------------------------------------------------------------------------------


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
    y = jnp.array(session.data.target_train[:batch].astype(np.int32))

    def loss(parameters: Any) -> Any:
        return -jnp.mean(jax.nn.log_softmax(run(parameters, x))[jnp.arange(batch), y])

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
