"""Short ways to write down networks for tests."""

from __future__ import annotations

import numpy as np

from playground.graph import Graph
from playground.layers.base import Parameter, make_layer
from playground.training import SGD, Clipping, Training

Step = tuple[str, dict[str, object]]


def chain(*steps: str | Step, training: Training | None = None) -> Graph:
    """Nodes connected one after the other: chain("spiral", ("dense", {"units": 3}), ...)."""
    graph, last = Graph(), None
    for step in steps:
        kind, settings = (step, {}) if isinstance(step, str) else step
        graph = graph.with_node(make_layer(kind, settings), x=200.0 * len(graph.nodes))
        new = graph.nodes[-1].id
        if last is not None:
            graph = graph.connect(last, new)
        last = new
    return graph.with_training(training or Training())


def spiral(*hidden: str | Step, classes: int = 2, **training: object) -> Graph:
    """Spiral data through the given hidden nodes to a softmax loss."""
    settings = {"optimizer": SGD(learning_rate=0.05, momentum=0.9),
                "clipping": Clipping(mode="global_norm", threshold=1.0), **training}
    return chain(("spiral", {"points": 200, "arms": classes}), *hidden,
                 ("dense", {"units": classes}), "softmax_cross_entropy",
                 training=Training(**settings))  # type: ignore[arg-type]


def dense(units: int, activation: str = "tanh") -> Step:
    return ("dense", {"units": units, "activation": activation})


def drawn(parameter: Parameter, random: np.random.Generator) -> np.ndarray:
    """Its initial values (float32)."""
    return np.concatenate([*parameter.pieces(random)]).reshape(parameter.shape)
