"""What the notes of the Transformer and of the question answering claim."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from playground.data import NO_TARGET
from playground.examples import EXAMPLES
from playground.examples.measures import MEASURES
from playground.headless import train
from playground.layers.data import DataLayer
from playground.session import Session
from playground.shapes import check

TRANSFORMER = EXAMPLES["transformer"]
Windows = NDArray[np.float32]


def markov_bits(text: list[int], x: Windows, target: Windows, order: int, symbols: int) -> float:
    """Bits per character of a table of what follows the last `order` characters, fitted on text.

    Seldom contexts fall back on shorter ones: Witten and Bell 1991, method C.
    """
    tables: list[defaultdict[tuple[int, ...], Counter[int]]] = [
        defaultdict(Counter) for _ in range(order + 1)]
    for i, symbol in enumerate(text):
        for length in range(min(i, order) + 1):
            tables[length][tuple(text[i - length:i])][symbol] += 1
    bits: list[float] = []
    for row, wanted in zip(x.astype(int).tolist(), target.astype(int).tolist(), strict=True):
        for place, symbol in enumerate(wanted):
            p = 1 / symbols
            for length in range(min(order, place + 1) + 1):
                seen = tables[length].get(tuple(row[place + 1 - length:place + 1]))
                if seen is None:
                    break
                p = (seen[symbol] + len(seen) * p) / (seen.total() + len(seen))
            bits.append(-np.log2(p))
    return float(np.mean(bits))


def test_a_table_of_two_characters_needs_more_bits_than_the_mark() -> None:
    layer = TRANSFORMER.graph.node("text_1").layer
    assert isinstance(layer, DataLayer)
    data = layer.load()
    # Windows follow each other one character apart.
    text = [*data.x_train[:, 0].astype(int).tolist(), *data.x_train[-1, 1:].astype(int).tolist()]
    bits = markov_bits(text, data.x_validation[::40], data.target_validation[::40], 2,
                       len(data.dataset.vocabulary))
    assert 2.78 < bits < 2.95
    assert TRANSFORMER.mark.value < bits


def test_without_causality_the_answer_is_read_off() -> None:
    graph = TRANSFORMER.graph
    for id in ("attention_1", "attention_2"):
        layer = msgspec.structs.replace(graph.node(id).layer, causal=False)
        graph = graph.with_layer(id, layer)
    assert MEASURES["bits_per_character"](train(graph, steps=500)) < 0.5


def test_nothing_ahead_is_seen() -> None:
    session = Session(TRANSFORMER.graph)
    x = session.data.x_validation[:3].copy()
    before = session.evaluator.predict(x)
    x[:, 20:] = (x[:, 20:] + 1) % 10
    after = session.evaluator.predict(x)
    np.testing.assert_allclose(after[:, :20], before[:, :20], rtol=1e-4, atol=1e-6)
    assert np.abs(after[:, 20:] - before[:, 20:]).max() > 1e-3
    weights = session.evaluator.activations(x)["attention_1.weights"]
    assert np.triu(weights, 1).max() == 0
    assert NO_TARGET not in session.data.target_validation


def test_the_question_is_all_states_of_both_layers() -> None:
    """As in the article: hidden and cell states of two layers of 16 units side by side."""
    shapes = check(EXAMPLES["vqa"].graph).signals
    assert shapes["lstm_1"][0].shape == (2 * 2 * 16,)
    assert shapes["join"][0].shape == (128,)


@pytest.mark.parametrize("name", ["vqa-image-alone", "vqa-question-alone"])
def test_the_twins_differ_from_the_whole_by_one_encoder_alone(name: str) -> None:
    whole, twin = EXAMPLES["vqa"].graph, EXAMPLES[name].graph
    assert twin.training == whole.training
    assert EXAMPLES[name].mark.epochs == EXAMPLES["vqa"].mark.epochs
    for node in twin.nodes:
        assert node.layer == whole.node(node.id).layer
    assert {n.id for n in whole.nodes} - {n.id for n in twin.nodes} >= {"join"}
