"""How a node learns, in the window: the inspector's section, locks and links, freezing by key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QCheckBox
from pytestqt.qtbot import QtBot

from playground.graph import Graph
from playground.layers.base import make_layer
from playground.learning import Learning
from tests.drive import opened, spin
from tests.on_canvas import open_canvas
from tests.sketch import dense, spiral
from ui import theme as themes
from ui.canvas.view import CanvasView
from ui.document import Document
from ui.inspector.learning import special
from ui.inspector.panel import Inspector, NodePage
from ui.main_window import MainWindow
from ui.outline import Outline


def towers() -> Graph:
    """spiral_1, dense_1, dense_2, dense_3 (of the same shape), dropout_1, dense_4, loss_1."""
    return spiral(dense(8), dense(8), dense(8), "dropout")


@pytest.fixture
def document(qtbot: QtBot) -> Document:
    return Document(towers())


@pytest.fixture
def inspector(qtbot: QtBot, document: Document) -> Inspector:
    inspector = Inspector(document)
    qtbot.addWidget(inspector)
    inspector.resize(320, 700)
    inspector.show()
    qtbot.waitExposed(inspector)
    return inspector


@pytest.fixture
def page(inspector: Inspector) -> NodePage:
    return inspector.node_page


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> CanvasView:
    return open_canvas(qtbot, qapp, towers())


# -- the inspector --------------------------------------------------------------------------------


def test_it_is_closed_and_costs_nothing_until_wanted(page: NodePage, document: Document) -> None:
    document.select(["dense_1"])
    section = page.learning
    assert section.isVisible()
    assert not section.head.isChecked()
    assert section.body is None
    section.head.click()
    assert section.body is not None
    assert section.body.isVisible()
    document.select(["dense_2"])
    assert section.body.isVisible()  # Who looks at one wants to see the next as well.


def test_it_opens_for_a_node_that_is_special_and_says_how(
        page: NodePage, document: Document) -> None:
    document.edit("Change", document.graph.with_learning(
        "dense_2", Learning(frozen=True, rate=0.1)).with_shared("dense_3", "dense_2"))
    section = page.learning
    document.select(["dense_2"])
    assert section.head.isChecked()
    assert section.summary.whole == "frozen, rate × 0.1"
    assert section.head.accessibleName() == "Learning: frozen, rate × 0.1"
    document.select(["dense_3"])
    assert section.summary.whole == "weights of dense_2"
    document.select(["dense_1"])
    assert not section.head.isChecked()
    assert section.summary.whole == ""


@pytest.mark.parametrize(("id", "rows"), [
    ("dense_2", {"frozen", "rate", "l1", "l2", "clip_weights", "group", "activity_l1",
                 "activity_l2"}),
    ("dropout_1", {"activity_l1", "activity_l2"}),
    ("dense_3", {"activity_l1", "activity_l2"}),  # learns as dense_2 does
])
def test_only_what_has_an_effect_is_offered(page: NodePage, document: Document, id: str,
                                            rows: set[str]) -> None:
    document.edit("Share", document.graph.with_shared("dense_3", "dense_2"))
    document.select([id])
    section = page.learning
    if not section.head.isChecked():
        section.head.click()
    assert section.body is not None
    assert {name for name, row in section.body.form.rows.items() if row.editor.isVisible()} == rows


def test_penalties_are_not_offered_where_no_weights_count(
        page: NodePage, document: Document) -> None:
    usual = {"frozen", "rate", "clip_weights", "group", "activity_l1", "activity_l2"}
    graph = spiral(dense(8), "batch_norm", "prelu").with_learning("prelu_1", Learning(l2=0.1))
    document.edit("Other", graph)
    for id, rows in (("batch_norm_1", usual), ("prelu_1", usual | {"l2"})):  # to be taken back
        document.select([id])
        section = page.learning
        if not section.head.isChecked():
            section.head.click()
        assert section.body is not None
        assert {name for name, row in section.body.form.rows.items()
                if row.editor.isVisible()} == rows


@pytest.mark.parametrize("id", ["spiral_1", "loss_1"])
def test_data_and_losses_do_not_learn(page: NodePage, document: Document, id: str) -> None:
    document.select([id])
    assert not page.learning.isVisible()


def test_settings_are_edits_that_can_be_undone(qtbot: QtBot, page: NodePage, document: Document
                                               ) -> None:
    document.select(["dense_1"])
    page.learning.head.click()
    assert page.learning.body is not None
    box = page.learning.body.form.rows["frozen"].editor.focusProxy()
    assert isinstance(box, QCheckBox)
    box.click()
    assert document.graph.node("dense_1").learning == Learning(frozen=True)
    assert page.learning.summary.whole == "frozen"
    assert page.header._state.text() == "frozen"
    document.stack.undo()
    assert document.graph == towers()
    assert page.learning.summary.whole == ""
    assert page.header._state.text() == "trainable"


def test_weights_of_another_node_of_the_same_shapes(page: NodePage, document: Document) -> None:
    document.select(["dense_3"])
    page.learning.head.click()
    assert page.learning.body is not None
    owner = page.learning.body.owner
    assert [owner.itemData(i) for i in range(owner.count())] == ["", "dense_2"]
    owner.setCurrentIndex(1)
    assert document.graph.node("dense_3").shares == "dense_2"
    assert page.header._state.text() == "trainable"
    document.select(["dense_2"])
    assert owner.count() == 1  # The other one has none of its own to give.
    document.select(["dense_3"])
    owner.setCurrentIndex(0)
    assert document.graph == towers()
    document.stack.undo()
    assert owner.currentData() == "dense_2"


def test_weights_that_do_not_fit_any_more_can_be_given_back(
        page: NodePage, document: Document) -> None:
    graph = document.graph.with_shared("dense_3", "dense_2")
    document.edit("Grow", graph.with_layer("dense_3", make_layer("dense", {"units": 9})))
    document.select(["dense_3"])
    assert "Needs weights of" in page.error.text()
    assert page.learning.body is not None
    owner = page.learning.body.owner
    assert owner.currentData() == "dense_2"
    owner.setCurrentIndex(owner.findData(""))
    assert document.graph.node("dense_3").shares == ""
    assert not document.check.errors


def test_special_words() -> None:
    graph = towers().with_learning("dense_1", Learning(
        l1=0.01, l2=1e-4, activity_l1=0.5, activity_l2=0.25, group="G"))
    assert special(graph.node("dense_1")) == [
        "L1 0.01", "L2 0.0001", "L1 of outputs 0.5", "L2 of outputs 0.25", "group G"]
    assert special(graph.node("dense_2")) == []


# -- the canvas -----------------------------------------------------------------------------------


def test_a_key_freezes_and_unfreezes_the_selection(view: CanvasView, qtbot: QtBot) -> None:
    document = view.document
    document.select(["dense_1", "dense_2", "dropout_1"])
    qtbot.keyClick(view, Qt.Key.Key_L)
    frozen = {node.id for node in document.graph.nodes if node.learning.frozen}
    assert frozen == {"dense_1", "dense_2"}
    assert document.stack.count() == 1
    qtbot.keyClick(view, Qt.Key.Key_L)
    assert document.graph == towers()
    document.stack.undo()
    document.select(["dense_1", "dense_3"])  # One of the two is: now both.
    qtbot.keyClick(view, Qt.Key.Key_L)
    assert document.graph.node("dense_3").learning.frozen
    assert document.graph.node("dense_1").learning.frozen


def test_shared_weights_are_frozen_where_they_belong(view: CanvasView) -> None:
    document = view.document
    document.edit("Share", document.graph.with_shared("dense_3", "dense_2"))
    document.select(["dense_3"])
    view.actions_.freeze.trigger()
    assert document.graph.node("dense_2").learning.frozen
    assert not document.graph.node("dense_3").learning.frozen
    assert view.canvas.nodes["dense_3"].face.marks == {
        "lock": "frozen", "link-variant": "weights of dense_2"}


def test_what_has_no_weights_cannot_be_frozen(view: CanvasView, qtbot: QtBot) -> None:
    view.document.select(["dropout_1", "loss_1"])
    with qtbot.waitSignal(view.document.refused) as told:
        view.actions_.freeze.trigger()
    assert "no" in told.args[0].lower()
    assert view.document.graph == towers()


def test_marks_are_told_in_words(view: CanvasView, qtbot: QtBot) -> None:
    outline = Outline(view.document)
    qtbot.addWidget(outline)
    view.document.edit("Change", view.document.graph.with_learning(
        "dense_2", Learning(frozen=True)).with_shared("dense_3", "dense_2"))
    item = view.canvas.nodes["dense_3"]
    assert item.describe().endswith("frozen, weights of dense_2")
    assert "Uses the weights of dense_2." in item._tooltip()
    assert "Frozen: training leaves its weights as they are." in item._tooltip()
    assert outline.model().index(2, 0).data().endswith("frozen")
    dropout = view.document.graph.with_learning("dropout_1", Learning(frozen=True))
    view.document.edit("Change", dropout)
    assert not view.canvas.nodes["dropout_1"].face.frozen  # There is nothing that could learn.


def test_marks_are_painted_in_both_themes(view: CanvasView, qapp: QApplication) -> None:
    item = view.canvas.nodes["dense_2"]
    for mode in ("light", "dark"):
        themes.apply(qapp, mode)  # type: ignore[arg-type]
        plain = view.grab().toImage()
        view.document.edit("Freeze", view.document.graph.with_learning(
            "dense_2", Learning(frozen=True)))
        locked = view.grab().toImage()
        view.document.stack.undo()
        spot = item.box()
        changed = [
            (x, y) for x in range(locked.width()) for y in range(locked.height())
            if plain.pixel(x, y) != locked.pixel(x, y)]
        assert changed
        near = [view.mapToScene(x, y) for x, y in changed]
        assert all(spot.contains(at) and at.y() < spot.top() + 32 for at in near)
        ink = min(abs(QColor(locked.pixel(x, y)).lightness()
                      - themes.theme().color("secondary").lightness()) for x, y in changed)
        assert ink < 40


# -- training -------------------------------------------------------------------------------------


@pytest.fixture
def window(qapp: QApplication, tmp_path: Path) -> Iterator[MainWindow]:
    with opened("mlp-spiral", tmp_path) as made:
        yield made


def parameters(window: MainWindow) -> dict[str, np.ndarray]:
    saved = window.bridge.asked_state().wait(10)
    assert saved is not None
    return dict(saved[0].parameters)


def go_on(window: MainWindow, steps: int) -> None:
    goal = window.bridge.snapshot.step + steps
    window.bridge.run_until(step=goal)
    assert spin(lambda: window.bridge.snapshot.step == goal
                and window.bridge.snapshot.state == "paused", 30), window.bridge.snapshot


def edited(window: MainWindow, act: object) -> None:
    """An edit, and the engine has the new program."""
    program = window.bridge.snapshot.program
    act()  # type: ignore[operator]
    assert spin(lambda: window.bridge.snapshot.program not in (None, program)
                and window.bridge.snapshot.state == "paused", 30)


def test_freezing_while_training_goes_on_from_the_same_weights(window: MainWindow) -> None:
    go_on(window, 100)
    before = parameters(window)
    window.document.select(["dense_1"])
    edited(window, window.canvas.freeze)
    for name, values in parameters(window).items():
        np.testing.assert_array_equal(values, before[name])
    assert window.bridge.snapshot.step == 100
    go_on(window, 50)
    frozen = parameters(window)
    np.testing.assert_array_equal(frozen["dense_1.w"], before["dense_1.w"])
    assert (frozen["dense_2.w"] != before["dense_2.w"]).any()
    edited(window, window.document.stack.undo)
    for name, values in parameters(window).items():
        np.testing.assert_array_equal(values, frozen[name])
    go_on(window, 50)
    assert (parameters(window)["dense_1.w"] != before["dense_1.w"]).all()


def test_sharing_while_training_and_taking_it_back(window: MainWindow) -> None:
    graph = window.document.graph
    last = next(n for n in graph.nodes if n.id == "dense_2")
    twin = graph.with_node(last.layer, last.x, last.y + 200)  # type: ignore[arg-type]
    new = twin.nodes[-1].id
    edge = twin.outputs_of("dense_2")[0]
    twin = (twin.without_edges([edge]).connect("dense_2", new)
            .connect(new, edge.target, 0, edge.target_port))
    edited(window, lambda: window.document.edit("Twin", twin))
    go_on(window, 30)
    before = parameters(window)
    edited(window, lambda: window.document.edit("Share", twin.with_shared(new, "dense_2")))
    go_on(window, 30)
    assert (parameters(window)["dense_2.w"] != before["dense_2.w"]).any()
    edited(window, window.document.stack.undo)
    # Its own weights have waited: an undone edit costs no training.
    np.testing.assert_array_equal(parameters(window)[f"{new}.w"], before[f"{new}.w"])


def test_keys_are_listed(window: MainWindow) -> None:
    keys = {what: key for _, rows in window.menus.shortcuts() for key, what in rows}
    assert keys["Freeze / Unfreeze"] == "L"
    assert keys["Fold"] == "Ctrl+G"
    assert keys["Unfold"] == "Ctrl+Shift+G"
