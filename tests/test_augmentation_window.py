"""Augmentation in the window: settings where they apply, and samples before and after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel

from playground.compiler import compile_program
from playground.layers.augmentation import FOR_IMAGES, Augmentation
from playground.layers.data import Digits, Moons
from playground.snapshot import AugmentationProbe, Snapshot
from tests.sketch import chain
from ui.document import Document
from ui.inspector.form import GroupEditor
from ui.inspector.panel import Inspector
from ui.views.augmentation import COUNT, AugmentationView


@pytest.fixture
def document(qtbot: Any) -> Document:
    document = Document()
    graph = chain("digits", "flatten", ("dense", {"units": 10}), "softmax_cross_entropy")
    document.replace(graph.with_node(Moons()))
    return document


@pytest.fixture
def inspector(qtbot: Any, document: Document) -> Inspector:
    inspector = Inspector(document)
    qtbot.addWidget(inspector)
    inspector.resize(320, 900)
    inspector.show()
    return inspector


def group(inspector: Inspector) -> GroupEditor:
    form = inspector.node_page.form
    assert form is not None
    editor = form.rows["augmentation"].editor
    assert isinstance(editor, GroupEditor)
    return editor


def test_images_have_all_settings_and_points_have_noise(
        document: Document, inspector: Inspector) -> None:
    for node, shown in (("digits_1", {*FOR_IMAGES, "noise"}), ("moons_1", {"noise"})):
        document.select({node})
        rows = group(inspector).form.rows
        assert {name for name, row in rows.items() if row.editor.isVisible()} == shown
        assert {name for name, row in rows.items() if row.title.isVisible()} == shown
    captions = [label.text() for label in group(inspector).findChildren(QLabel)]
    assert "AUGMENTATION" in captions


def test_an_edit_is_one_undo_and_changes_only_itself(
        document: Document, inspector: Inspector) -> None:
    document.select({"digits_1"})
    group(inspector).form.rows["flip_horizontal"].editor.edited.emit(True)
    group(inspector).form.rows["rotate"].editor.edited.emit(15.0)
    layer = document.graph.node("digits_1").layer
    assert layer == Digits(augmentation=Augmentation(flip_horizontal=True, rotate=15))
    while document.stack.canUndo():
        document.stack.undo()
    assert document.graph.node("digits_1").layer == Digits()


def test_the_preview_is_there_when_something_changes(
        document: Document, inspector: Inspector) -> None:
    view = AugmentationView()
    inspector.node_page.embed_preview(view)
    document.select({"digits_1"})
    assert not view.isVisible()
    assert view.probes() == frozenset()
    document.edit("Flip", document.graph.with_layer(
        "digits_1", Digits(augmentation=Augmentation(flip_horizontal=True))))
    assert view.isVisible()
    assert view.probes() == {AugmentationProbe(COUNT, 0)}
    view.again.click()
    assert view.probes() == {AugmentationProbe(COUNT, 1)}
    document.select({"dense_1"})
    assert not view.isVisible()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (2,)])
def test_before_stands_over_after(qtbot: Any, shape: tuple[int, ...]) -> None:
    view = AugmentationView()
    qtbot.addWidget(view)
    view.resize(320, 240)
    view.show()
    view.select("digits_1")
    program = compile_program(chain("digits", "flatten", ("dense", {"units": 10}),
                                    "softmax_cross_entropy"))
    moment = Snapshot(state="paused", program=program)
    view.show_snapshot(moment)
    assert view.empty_text == ""
    both = np.random.default_rng(0).random((2, COUNT, *shape)).astype(np.float32)
    view.show_snapshot(replace(moment, values={AugmentationProbe(COUNT, 0): both}))
    expected = 2 * COUNT if len(shape) == 3 else 2
    assert len(view.pictures.values) == expected
    if len(shape) == 3:
        rects = view.pictures.rects()
        assert len(rects) == expected
        assert rects[COUNT].top() > rects[0].top()
        assert rects[COUNT].left() == rects[0].left()
    names, rows = view.table()
    assert len(rows) == 2 * COUNT
    assert len(names) == len(next(iter(rows)))
    view.select("moons_1")
    assert "train nothing yet" in view.empty_text


def test_the_inspector_tells_of_the_data(document: Document, inspector: Inspector) -> None:
    document.replace(chain(("look_ahead", {"steps": 7}), "flatten"))
    document.select({"look_ahead_1"})
    facts, *samples = inspector.node_page.samples.text().split("\n\n")
    assert facts.startswith("2,000 samples: 1,600 train, 400 validate.\nGenerated")
    assert [len(line) for line in samples] == [7 + len(" → ") + 7] * 3
    form = inspector.node_page.form
    assert form is not None
    assert not form.rows["augmentation"].editor.isVisible()
    assert not form.rows["standardise"].title.isVisible()
    document.select({"flatten_1"})
    assert not inspector.node_page.samples.isVisible()
