"""Short ways to write down networks for tests, and to tell whether two runs are the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.graph import Graph
from playground.layers.base import Parameter, make_layer
from playground.schedules import Factor
from playground.session import Session
from playground.training import SGD, Adam, Clipping, Training

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


def noisy(**training: object) -> Graph:
    """Everything random: dropout, shuffling, and a learning rate that changes."""
    return spiral(dense(7), ("dropout", {"rate": 0.3}), dense(5, "relu"),
                  optimizer=Adam(learning_rate=0.01), schedule=Factor(factor_per_epoch=0.9),
                  **training)


def dense(units: int, activation: str = "tanh") -> Step:
    return ("dense", {"units": units, "activation": activation})


def drawn(parameter: Parameter, random: np.random.Generator) -> np.ndarray:
    """Its initial values (float32)."""
    return np.concatenate([*parameter.pieces(random)]).reshape(parameter.shape)


def state(session: Session) -> bytes:
    """All that training goes on from: equal where two runs are bit for bit the same."""
    return session.arena.state.tobytes()


def both_ways(graph: Graph, steps: int, wander: Callable[[Session], None], threads: int = 1
              ) -> tuple[Session, Session]:
    """A session that has run straight to a step, and one that has wandered about before.

    Both end bit for bit the same.
    """
    straight, wandering = (Session(graph, threads=threads) for _ in range(2))
    straight.run(steps)
    wander(wandering)
    wandering.run(steps - wandering.step)
    assert state(straight) == state(wandering)
    return straight, wandering
