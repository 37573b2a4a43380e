"""Where the data of a document is: a project folder, document and data, can move as one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from playground.graph import Graph
from playground.layers.data import DataLayer


def stored(graph: Graph, folder: Path) -> Graph:
    """The graph as it is saved in `folder`: data that lies in it is named as seen from there."""
    def name(path: str) -> str:
        below = os.path.isabs(path) and Path(path).is_relative_to(folder)
        return Path(path).relative_to(folder).as_posix() if below else path

    return _with_paths(graph, name)


def found(graph: Graph, folder: Path) -> Graph:
    """The graph as it is used: a relative path is one from `folder`, also where nothing is there
    (it may be put back), unless there is something where this runs alone.
    """
    def name(path: str) -> str:
        if not path or os.path.isabs(path):
            return path
        beside = folder / path
        return str(beside) if beside.exists() or not Path(path).exists() else path

    return _with_paths(graph, name)


def _with_paths(graph: Graph, name: Callable[[str], str]) -> Graph:
    for node in graph.nodes:
        if isinstance(node.layer, DataLayer) and node.layer.paths:
            layer = msgspec.structs.replace(node.layer, **{
                path: name(getattr(node.layer, path)) for path in node.layer.paths})
            graph = graph.with_layer(node.id, layer)
    return graph
