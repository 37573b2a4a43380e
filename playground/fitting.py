"""Layers made as large as data want them: what stands first and last in a network of symbols."""

from __future__ import annotations

from playground.graph import Graph
from playground.layers.base import Layer
from playground.layers.core import Dense
from playground.layers.loss_layer import ClassLoss
from playground.layers.sequence import Embedding
from playground.shapes import Check, check, sources_of


def fitted(graph: Graph, data: str) -> Graph:
    """The graph with what the data of a node makes too small, or of another size: Embeddings know
    all of its symbols, and last Dense layers have an output for each of its classes.

    What is no error stays as it is, and so do layers that use the weights of others.
    """
    for find in (_small_embeddings, _other_outputs):
        found = check(graph)
        for id, name, size in find(graph, data, found):
            layer = graph.node(id).layer
            assert isinstance(layer, Layer)
            graph = graph.with_layer(id, layer.with_settings(**{name: size}))
    return graph


def _small_embeddings(graph: Graph, data: str, found: Check) -> list[tuple[str, str, int]]:
    """Node ids, settings, and what they should be."""
    wanted = []
    for node in graph.nodes:
        source = next(iter(sources_of(graph, node.id)), None)
        if (isinstance(node.layer, Embedding) and node.id in found.errors and not node.shares
                and source and source[0] in found.signals
                and data in graph.ancestors(node.id)):
            classes = found.signals[source[0]][source[1]].classes
            if classes > node.layer.vocabulary:
                wanted.append((node.id, "vocabulary", classes))
    return wanted


def _other_outputs(graph: Graph, data: str, found: Check) -> list[tuple[str, str, int]]:
    wanted = []
    for node in graph.nodes:
        if not isinstance(node.layer, ClassLoss) or node.id not in found.errors:
            continue
        prediction, target = (*sources_of(graph, node.id), None, None)[:2]
        if (prediction and target and target[0] == data and data in found.signals
                and (last := _last_dense(graph, prediction[0], found))):
            classes = found.signals[data][target[1]].classes
            dense = graph.node(last).layer
            if isinstance(dense, Dense) and classes not in (0, dense.units):
                wanted.append((last, "units", classes))
    return wanted


def _last_dense(graph: Graph, id: str, found: Check) -> str:
    """The Dense layer whose outputs come through to a node unchanged in number; empty: none."""
    while id in found.signals and not isinstance(graph.node(id).layer, Dense):
        sources = sources_of(graph, id)
        if len(sources) != 1 or not sources[0] or sources[0][0] not in found.signals or (
                found.signals[sources[0][0]][sources[0][1]].shape != found.signals[id][0].shape):
            return ""
        id = sources[0][0]
    return id if id in found.signals and not graph.node(id).shares else ""
