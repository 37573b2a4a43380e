"""The inspector: forms from structs, edits through the document, nothing typed is lost."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QListView, QWidget

from playground.graph import Graph
from playground.layers import LAYERS
from playground.layers.base import make_layer, tooltip
from playground.second_order import LeastSquares, Newton
from playground.shapes import check
from tests.hand import change, typed
from ui.canvas.face import faces
from ui.document import Document
from ui.inspector.form import Form
from ui.inspector.number import NumberField
from ui.inspector.panel import MARGIN, Inspector
from ui.theme import apply
from ui.training_bar import TrainingForm


@pytest.fixture
def document(qtbot) -> Document:
    document = Document()
    graph = document.graph
    for kind, settings in (("spiral", {}), ("dense", {"units": 4}), ("dense", {"units": 2}),
                           ("softmax_cross_entropy", {})):
        graph = graph.with_node(make_layer(kind, settings))
        if len(graph.nodes) > 1:
            graph = graph.connect(graph.nodes[-2].id, graph.nodes[-1].id)
    document.replace(graph)
    return document


def shown(qtbot, document):
    inspector = Inspector(document)
    qtbot.addWidget(inspector)
    inspector.show()
    return inspector


def test_a_run_of_steps_is_one_undo_entry(qtbot, document):
    inspector = shown(qtbot, document)
    document.select({"dense_1"})
    number = inspector.node_page.form.rows["units"].editor.number
    for _ in range(5):
        number.stepBy(1)
    assert document.graph.node("dense_1").layer.units == 9
    assert document.stack.count() == 1
    number.editingFinished.emit()
    number.stepBy(1)
    assert document.stack.count() == 2
    document.stack.undo()
    document.stack.undo()
    assert document.graph.node("dense_1").layer.units == 4
    assert number.value() == 4


def test_undo_shows_in_the_form_without_an_edit(qtbot, document):
    inspector = shown(qtbot, document)
    document.select({"dense_1"})
    editor = inspector.node_page.form.rows["activation"].editor
    editor.combo.setCurrentIndex(editor.field.choices.index("relu"))
    assert document.graph.node("dense_1").layer.activation == "relu"
    document.stack.undo()
    assert editor.combo.currentData() == "identity"
    assert document.stack.count() == 1
    assert document.stack.canRedo()


def test_the_page_follows_the_selection(qtbot, document):
    inspector = shown(qtbot, document)
    assert inspector.training_page.isVisible()
    document.select({"dense_1"})
    assert inspector.node_page.isVisible()
    assert "(32,2) → (32,4) · 12 params" in inspector.node_page.header._shapes.text()
    document.select({"dense_1", "dense_2"})
    assert inspector.list_page.isVisible()
    assert inspector.list_page.list.count() == 2
    document.select(())
    assert inspector.training_page.isVisible()


@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_says_in_words_what_it_does(qtbot, kind):
    document = Document()
    document.replace(document.graph.with_node(make_layer(kind, {})))
    inspector = shown(qtbot, document)
    document.select({document.graph.nodes[0].id})
    inspector.resize(300, 500)
    inspector.grab()  # Now everything has its place.
    header = inspector.node_page.header
    labels = [label for label in header.findChildren(QLabel) if label.isVisible()]
    told = next(label for label in labels if label.text() == tooltip(LAYERS[kind]))
    assert told.wordWrap()
    assert told.height() >= told.heightForWidth(told.width())


def test_renaming_keeps_the_selection(qtbot, document):
    inspector = shown(qtbot, document)
    document.select({"dense_1"})
    inspector.node_page.header.renamed.emit("hidden")
    assert document.selection == {"hidden"}
    inspector.node_page.header.renamed.emit("dense_2")
    assert "hidden" in document.graph
    assert document.stack.count() == 1


def test_a_wrong_node_says_so(qtbot, document):
    inspector = shown(qtbot, document)
    document.select({"dense_2"})
    assert not inspector.node_page.error.isVisible()
    document.edit("Break", document.graph.with_layer("dense_2", make_layer("conv2d", {})))
    assert inspector.node_page.error.text() == document.check.errors["dense_2"]
    assert inspector.node_page.error.isVisible()
    # What only waits for its connection is told what it waits for, and not blamed.
    document.edit("Cut", document.graph.without_edges(document.graph.inputs_of("dense_2")))
    assert not inspector.node_page.error.isVisible()
    assert "Nothing is connected" in inspector.node_page.notes.text()
    assert inspector.node_page.notes.isVisible()


def test_training_settings_edit_the_document(qtbot, document):
    form = TrainingForm(document, ("batch",))
    qtbot.addWidget(form)
    typed(qtbot, form.form.rows["batch"].editor.number, "64")
    assert document.graph.training.batch == 64
    document.stack.undo()
    assert form.form.rows["batch"].editor.number.value() == 32


def test_an_optimizer_that_cannot_train_the_network_says_why(qtbot, document):
    form = TrainingForm(document, ("optimizer", "schedule"))
    qtbot.addWidget(form)
    form.show()
    row = form.form.rows["optimizer"]
    for cls in (LeastSquares, Newton):
        row.editor.combo.setCurrentIndex(row.editor.variants.index(cls))
        assert document.check.trainable == (cls is Newton)
        assert row.problem.isVisible() == (cls is LeastSquares)
    document.edit("More", document.graph.with_layer("dense_1", make_layer("dense", {"units": 99})))
    assert "at most 400" in row.problem.text()
    document.stack.undo()
    assert not row.problem.isVisible()


@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_has_a_form_that_shows_edits_and_undoes(qtbot, kind):
    document = Document()
    document.replace(document.graph.with_node(make_layer(kind, {})))
    inspector = shown(qtbot, document)
    id = document.graph.nodes[0].id
    document.select({id})
    form = inspector.node_page.form
    assert set(form.rows) == set(LAYERS[kind].__struct_fields__)
    for widget in form.findChildren(QWidget):
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.focusProxy() is None:
            parent = widget.parent()
            named = widget.accessibleName() or isinstance(parent, NumberField)
            inner = isinstance(widget, QListView) or "Container" in type(widget).__name__
            assert named or inner, f"{kind}: {widget} has no name"
    for row in form.rows.values():
        assert type(row.editor).__name__ != "JsonEditor", row.field.name
    for name in form.rows:
        before = document.graph
        change(form.rows[name].editor)
        assert document.graph != before, f"{kind}: nothing came of the row {name}"
        changed = document.graph.nodes[0].layer.settings()
        assert [key for key, value in before.nodes[0].layer.settings().items()
                if changed[key] != value] == [name]
        while document.stack.canUndo():
            document.stack.undo()
        assert document.graph == before, name


def test_a_wrong_value_is_let_go_with_its_node(qtbot, document):
    inspector = shown(qtbot, document)
    for elsewhere in (set(), {"dense_2"}):
        document.select({"dense_1"})
        typed(qtbot, inspector.node_page.form.rows["units"].editor.number, "16re")
        document.select(elsewhere)
        document.select({"dense_1"})
        assert inspector.node_page.form.rows["units"].editor.number.lineEdit().text() == "4"


def test_a_short_form_after_a_long_one_does_not_scroll(qtbot, document):
    inspector = shown(qtbot, document)
    inspector.resize(300, 330)
    document.select({"spiral_1"})
    qtbot.wait(20)
    document.select({"softmax_cross_entropy_1"} & {n.id for n in document.graph.nodes}
                    or {document.graph.nodes[-1].id})
    qtbot.waitUntil(lambda: inspector.verticalScrollBar().maximum() == 0, timeout=1000)


@pytest.mark.parametrize(("kind", "settings", "word"), [
    ("file", {"path": "/nowhere.csv"}, "data"), ("conv2d", {}, "shape"), ("dense", {}, "")])
def test_an_error_is_tagged_by_what_it_is_about(kind, settings, word):
    graph = Graph().with_node(make_layer("moons", {})).with_node(make_layer(kind, settings))
    if graph.nodes[-1].inputs and word:
        graph = graph.connect("moons_1", graph.nodes[-1].id)
    face = faces(graph, check(graph))[graph.nodes[-1].id]
    assert bool(face.error) == bool(word) != bool(face.waiting)
    assert face.trouble == word


@pytest.mark.parametrize("kind", LAYERS)
def test_no_setting_is_cut_where_the_inspector_is_narrowest(qtbot, kind):
    apply(QApplication.instance())
    form = Form(LAYERS[kind])
    qtbot.addWidget(form)
    form.set_value(LAYERS[kind]())
    form.show()
    narrowest, scroll_bar = 280, 10  # pixels: see Docks.fit and the style sheet
    assert form.minimumSizeHint().width() <= narrowest - scroll_bar - 2 * MARGIN
