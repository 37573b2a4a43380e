"""Documents for tests: a small trained one, and ways to mangle it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playground import document, graph_json
from playground.document import DocumentError
from playground.graph import Graph
from playground.history import History
from playground.layers.core import Dense
from playground.layers.data import Spiral
from playground.layers.loss import SoftmaxCrossEntropy
from playground.state import SavedState
from playground.training import Adam, Training

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[1]


def network() -> Graph:
    graph = Graph(notes="# Notes\nwith ∂ and 中文").with_training(
        Training(batch=16, optimizer=Adam(learning_rate=0.01)))
    for i, layer in enumerate((Spiral(points=50), Dense(units=3, activation="tanh"),
                               Dense(units=2), SoftmaxCrossEntropy())):
        graph = graph.with_node(layer, 200.0 * i, -8.5)
    for a, b in (("spiral_1", "dense_1"), ("dense_1", "dense_2"),
                 ("dense_2", "loss_1")):
        graph = graph.connect(a, b)
    return graph


def state() -> SavedState:
    random = np.random.default_rng(0)
    shapes = {"dense_1.w": (3, 2), "dense_1.b": (3,), "dense_2.w": (2, 3), "dense_2.b": (2,)}
    parameters = {name: random.normal(size=shape).astype(np.float32)
                  for name, shape in shapes.items()}
    parameters["dense_2.b"][0] = np.nan  # A diverged network is saved as it is.
    return SavedState(
        step=1234, position=5, parameters=parameters,
        optimizer={f"{name}.m": np.float32(0.1) * values for name, values in parameters.items()},
        running={"noise": np.arange(6, dtype=np.float32)})


def history() -> History:
    made = History(("loss", "dense_1.grad_norm"), capacity=32)
    random = np.random.default_rng(1)
    for step in range(1, 21):
        row = random.random((1, 2)).astype(np.float32)
        if step == 7:
            row[0, 0] = np.inf
        made.extend(np.concatenate([[[1]], row, row, row], axis=1), np.array([step]))
        if step % 5 == 0:
            made.append_validation(step, 0.5 / step, 0.9)
    made.merge()
    return made


def saved(path: Path) -> Path:
    document.save(path, network(), state(), history().view(), b"\x89PNG not looked into")
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rezipped(path: Path, changes: dict[str, bytes | None]) -> Path:
    """The same document with some members changed, added or (None) taken out."""
    kept = {k: v for k, v in {**members(path), **changes}.items() if v is not None}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in kept.items():
            archive.writestr(name, data)
    return path


def refused(path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        document.load(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert text.endswith("."), text
    assert "\n" not in text
    return text


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(graph_json.encode(network())), **changes}).encode()
