"""Small networks that work through time, for tests and pictures of the views."""

from __future__ import annotations

from playground.graph import Graph
from playground.layers.base import Layer, make_layer
from playground.training import Adam, Training


def chain(data: str, settings: dict[str, object], *steps: tuple[str, dict[str, object]],
          batch: int = 16) -> Graph:
    """Data, layers one after the other, the last of them the loss; lengths where there are any."""
    graph = Graph().with_training(Training(
        batch=batch, optimizer=Adam(learning_rate=0.005))).with_node(make_layer(data, settings))
    source = last = graph.nodes[-1].id
    for number, (kind, chosen) in enumerate(steps):
        graph = graph.with_node(make_layer(kind, chosen), x=280 * (number + 1), y=0)
        graph = graph.connect(last, graph.nodes[-1].id)
        last = graph.nodes[-1].id
        layer = graph.nodes[-1].layer
        ports = _outputs(graph, source)
        if isinstance(layer, Layer) and "lengths" in layer.inputs and "lengths" in ports:
            graph = graph.connect(source, last, ports.index("lengths"),
                                  layer.inputs.index("lengths"))
    return graph.connect(source, last, _outputs(graph, source).index("target"), 1)


def _outputs(graph: Graph, id: str) -> tuple[str, ...]:
    layer = graph.node(id).layer
    assert isinstance(layer, Layer)
    return layer.outputs


def adding(kind: str = "lstm", steps: int = 30, **settings: object) -> Graph:
    """x (steps, 2) -> a recurrent layer -> their sum."""
    return chain("adding", {"count": 200, "steps": steps}, (kind, {"units": 12, **settings}),
                 ("dense", {"units": 1}), ("mean_squared_error", {}))


def slots(units: int = 12) -> Graph:
    """Words -> a slot for each."""
    return chain("slot_filling", {"count": 400}, ("embedding", {"vocabulary": 64}),
                 ("gru", {"units": units, "returns": "sequence", "bidirectional": True}),
                 ("dense", {"units": 4}), ("softmax_cross_entropy", {}))


def waves(predict: str = "each") -> Graph:
    """x (40, 1) -> the next value of every step, or of the last."""
    returns = "sequence" if predict == "each" else "last"
    return chain("sines", {"count": 200, "predict": predict},
                 ("elman", {"units": 16, "returns": returns, "truncate": 10}),
                 ("dense", {"units": 1}), ("mean_squared_error", {}))


def attending(heads: int = 2) -> Graph:
    """Symbols that attend to each other: each asks for the one three steps later."""
    return chain("look_ahead", {"count": 200}, ("embedding", {}),
                 ("positional_encoding", {}), ("multi_head_attention", {"heads": heads}),
                 ("dense", {"units": 4}), ("softmax_cross_entropy", {}))
