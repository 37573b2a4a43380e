"""The command line called in this process, and a small network for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from playground import document
from playground.cli import main
from playground.examples.base import chain, seeded
from playground.graph import Graph
from playground.layers.core import Dense
from playground.layers.data import Spiral
from playground.layers.loss import SoftmaxCrossEntropy
from playground.training import SGD

ROOT = Path(__file__).parents[1]
Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *arguments: object) -> tuple[int, str, str]:
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as stop:  # --help
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def one_line(capsys: Capture, *arguments: object) -> str:
    """The line in which a command is refused, with exit code 2."""
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == err.count("\n") == 1
    return err


def result(capsys: Capture, *arguments: object) -> dict[str, Any]:
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    value = json.loads(out)
    assert isinstance(value, dict)
    return value


def small(learning_rate: float = 0.1) -> Graph:
    return chain(Spiral(points=60), Dense(units=4, activation="tanh"), Dense(units=2),
                 SoftmaxCrossEntropy(), notes="",
                 training=seeded(1, batch=16, optimizer=SGD(learning_rate=learning_rate)))


def saved(folder: Path) -> Path:
    """The small network as a document."""
    document.save(folder / "small.playground", small())
    return folder / "small.playground"
