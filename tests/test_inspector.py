"""The inspector: forms from structs, edits through the document, nothing typed is lost."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QListView, QWidget

from playground.graph import Graph
from playground.initializers import Constant, Initializer, Normal
from playground.layers import LAYERS
from playground.layers.base import Pair, about, make_layer
from playground.layers.conv import Conv1D
from playground.layers.recurrent import LSTM
from playground.layers.shape import Pad, Reshape
from playground.second_order import LeastSquares, Newton
from playground.shapes import check
from playground.training import SGD, Adam, Training
from ui.canvas.face import faces
from ui.document import Document
from ui.inspector.choice_editors import BoolEditor, ChoiceEditor, ChoiceOrOwnEditor
from ui.inspector.editor import Editor
from ui.inspector.fields import Limits, fields_of, readable, sentence, show_number, with_field
from ui.inspector.form import Form, GroupEditor, VariantEditor
from ui.inspector.number import NumberField, stepped_125
from ui.inspector.number_editors import LogSlider, NumberEditor, PairEditor
from ui.inspector.panel import MARGIN, Inspector
from ui.inspector.rule import RuleEditor
from ui.inspector.text_editors import NumbersEditor, TextEditor
from ui.theme import apply
from ui.training_bar import TrainingForm


class Everything(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    count: Annotated[int, about("How many.", ge=1, le=9, unit="pieces")] = 3
    rate: Annotated[float, about("How fast.", gt=0, le=10, log=True)] = 0.01
    on: bool = True
    kind: Annotated[Literal["zeta", "alpha"], about("Which.")] = "zeta"
    kernel: Annotated[tuple[Annotated[int, about("", ge=1)], Annotated[int, about("", ge=1)]],
                      about("Size.")] = (3, 3)
    padding: Annotated[Literal["valid", "same"] | Pair, about("Edge.")] = "valid"
    rule: Annotated[Initializer, about("Start.")] = "zeros"
    path: str = ""
    training: Training = Training()
    shape: Annotated[tuple[int, ...], about("Sizes.")] = (1, 2)
    other: Annotated[tuple[str, ...], about("Rare.")] = ("a",)


@pytest.fixture
def form(qtbot) -> Form:
    form = Form(Everything)
    qtbot.addWidget(form)
    form.set_value(Everything())
    form.show()
    return form


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


def typed(qtbot, number: NumberField, text: str) -> None:
    number.selectAll()
    qtbot.keyClicks(number, text)
    qtbot.keyClick(number, Qt.Key.Key_Return)


def test_every_kind_of_field_has_an_editor_of_its_own(form):
    names = {name: type(row.editor).__name__ for name, row in form.rows.items()}
    assert names == {
        "count": "NumberEditor", "rate": "NumberEditor", "on": "BoolEditor",
        "kind": "ChoiceEditor", "kernel": "PairEditor", "padding": "ChoiceOrOwnEditor",
        "rule": "RuleEditor", "path": "TextEditor", "training": "GroupEditor",
        "shape": "NumbersEditor",
        "other": "JsonEditor"}


def test_choices_stand_in_the_order_in_which_they_were_written():
    kind = next(field for field in fields_of(Everything) if field.name == "kind")
    assert kind.choices == ("zeta", "alpha")


def test_an_edit_hands_out_a_changed_struct(qtbot, form):
    with qtbot.waitSignal(form.edited) as caught:
        typed(qtbot, form.rows["count"].editor.number, "7")
    assert caught.args == [Everything(count=7), "count"]


@pytest.mark.parametrize(("text", "why"), [
    ("12", "Must be at most 9."), ("0", "Must be at least 1."), ("2.5", "whole number"),
    ("many", "not a number"), ("", "not a number")])
def test_bad_input_stays_and_is_explained(qtbot, form, text, why):
    number = form.rows["count"].editor.number
    number.selectAll()
    qtbot.keyClick(number, Qt.Key.Key_Delete)
    with qtbot.assertNotEmitted(form.edited):
        typed(qtbot, number, text)
    assert number.lineEdit().text() == text
    assert why in form.rows["count"].problem.text()
    assert form.rows["count"].problem.isVisible()
    assert number.value() == 3
    # Another field's change must not wipe it out.
    form.set_value(Everything(on=False))
    assert number.lineEdit().text() == text
    typed(qtbot, number, "5")
    assert not form.rows["count"].problem.isVisible()


def test_numbers_are_read_as_people_write_them(qtbot):
    number = NumberField(Limits(), integer=False)
    qtbot.addWidget(number)
    for text, value in (("1e-3", 0.001), ("0,5", 0.5), ("2_000", 2000.0)):
        typed(qtbot, number, text)
        assert number.value() == pytest.approx(value)
    whole = NumberField(Limits(), integer=True)
    qtbot.addWidget(whole)
    typed(qtbot, whole, "1,024")
    assert whole.value() == 1024
    typed(qtbot, whole, str(10**12))
    assert whole.value() == 10**12


@pytest.mark.parametrize("text", ["1.000,5", "1,000", "-12,345", "1.000.000,5"])
def test_a_number_that_reads_in_two_ways_is_not_guessed(qtbot, text):
    number = NumberField(Limits(), integer=False)
    qtbot.addWidget(number)
    with qtbot.assertNotEmitted(number.edited):
        typed(qtbot, number, text)
    assert "two ways" in number.problem
    assert number.value() == 0


def test_logarithmic_steps_walk_1_2_5():
    values, value = [], 0.001
    for _ in range(4):
        value = stepped_125(value, 1)
        values.append(value)
    assert values == [0.002, 0.005, 0.01, 0.02]
    assert stepped_125(0.03, 1) == 0.05
    assert stepped_125(0.03, -1) == 0.02
    assert stepped_125(1.0, -1) == 0.5
    assert stepped_125(0.0, 1) == 1e-6


def test_steps_stop_at_the_limits(qtbot):
    number = NumberField(Limits(ge=1, le=9), integer=True)
    qtbot.addWidget(number)
    number.set_value(8)
    number.stepBy(10)
    assert number.value() == 9
    number.stepBy(-20)
    assert number.value() == 1


def test_a_wheel_without_focus_changes_nothing(qtbot, form):
    number = form.rows["count"].editor.number
    form.setFocus()
    assert number.focusPolicy() == Qt.FocusPolicy.StrongFocus
    assert not number.hasFocus()


def test_linked_sides_of_a_pair_change_together(qtbot, form):
    editor = form.rows["kernel"].editor
    assert editor.link.isChecked()
    with qtbot.waitSignal(form.edited) as caught:
        typed(qtbot, editor.numbers[0], "5")
    assert caught.args[0].kernel == (5, 5)
    editor.link.setChecked(False)
    with qtbot.waitSignal(form.edited) as caught:
        typed(qtbot, editor.numbers[1], "1")
    assert caught.args[0].kernel == (5, 1)


def test_padding_is_a_word_or_a_pair(qtbot, form):
    editor = form.rows["padding"].editor
    assert not editor.own.isVisible()
    with qtbot.waitSignal(form.edited) as caught:
        editor.combo.setCurrentIndex(2)
    assert caught.args[0].padding == (0, 0)
    form.set_value(caught.args[0])
    assert editor.own.isVisible()
    with qtbot.waitSignal(form.edited) as caught:
        editor.combo.setCurrentIndex(1)
    assert caught.args[0].padding == "same"


def test_a_rule_has_its_numbers_beside_it(qtbot, form):
    editor, seen = form.rows["rule"].editor, []
    form.edited.connect(lambda value, name: seen.append(value.rule))
    assert not editor.numbers
    editor.combo.setCurrentIndex(editor.rules.index(Normal))
    typed(qtbot, editor.numbers["deviation"], "0.02")
    editor.combo.setCurrentIndex(editor.rules.index(Constant))
    typed(qtbot, editor.numbers["value"], "5000")
    assert "at most 1000" in form.rows["rule"].problem.text()
    editor.combo.setCurrentIndex(editor.rules.index("glorot_normal"))
    assert not editor.numbers
    assert not form.rows["rule"].problem.isVisible()
    editor.combo.setCurrentIndex(editor.rules.index(Normal))
    assert seen == [Normal(), Normal(deviation=0.02), Constant(), "glorot_normal",
                    Normal(deviation=0.02)]
    form.set_value(Everything())
    assert editor.combo.currentText() == "zeros"


@pytest.mark.parametrize(("text", "shape"), [
    ("3, 8, 8", (3, 8, 8)), ("16 × 49", (16, 49)), (" 2x-1 ", (2, -1)), ("7", (7,))])
def test_a_shape_is_written_as_people_do(qtbot, text, shape):
    form = Form(Reshape)
    qtbot.addWidget(form)
    form.set_value(Reshape())
    editor = form.rows["shape"].editor
    assert isinstance(editor, NumbersEditor)
    assert editor.line.text() == "-1"
    editor.line.setText(text)
    with qtbot.waitSignal(form.edited) as caught:
        editor.line.editingFinished.emit()
    assert caught.args == [Reshape(shape=shape), "shape"]


def test_what_is_no_shape_is_explained(qtbot):
    form = Form(Reshape)
    qtbot.addWidget(form)
    form.set_value(Reshape())
    row = form.rows["shape"]
    for text, why in (("3, wide", "whole numbers with commas"), ("2.5", "whole numbers"),
                      ("-3", ">= -1"), ("", "length >= 1")):
        row.editor.line.setText(text)
        with qtbot.assertNotEmitted(form.edited):
            row.editor.line.editingFinished.emit()
        assert why in row.problem.text()


def test_a_pair_says_what_its_numbers_are(qtbot):
    form = Form(Pad)
    qtbot.addWidget(form)
    names = [number.accessibleName() for number in form.rows["columns"].editor.numbers]
    assert names == ["Columns, left", "Columns, right"]


def test_a_named_value_or_a_number(qtbot):
    form = Form(Conv1D)
    qtbot.addWidget(form)
    form.set_value(Conv1D())
    editor = form.rows["padding"].editor
    assert isinstance(editor, ChoiceOrOwnEditor)
    with qtbot.waitSignal(form.edited) as caught:
        editor.combo.setCurrentIndex(editor.combo.count() - 1)
    assert caught.args == [Conv1D(padding=0), "padding"]
    with qtbot.waitSignal(form.edited) as caught:
        typed(qtbot, editor.own.number, "4")
    assert caught.args == [Conv1D(padding=4), "padding"]
    form.set_value(Conv1D(padding="causal"))
    assert editor.own.isHidden()


def test_the_slider_tells_values_apart_far_from_the_usual_ones(qtbot):
    slider = LogSlider(Limits(ge=0.0), 0.01)
    qtbot.addWidget(slider)
    usual = slider.maximum()
    places = {}
    for value in (0.01, 50.0, 1000.0, 1e-9, 50.0, 0.01):
        slider.show_value(value)
        places.setdefault(value, slider.value() / slider.maximum())
        assert places[value] == slider.value() / slider.maximum(), "wherever it comes from"
        assert 0 < slider.value() < slider.maximum(), "one can go on from there"
        assert slider._value(slider.value()) == pytest.approx(value, rel=0.05)
    assert len(set(places.values())) == 4
    assert slider.maximum() == usual
    capped = LogSlider(Limits(gt=0.0, le=1.0), 0.1)
    qtbot.addWidget(capped)
    capped.show_value(1.0)
    assert capped.value() == capped.maximum()


def test_the_slider_moves_with_the_number(qtbot, form):
    editor = form.rows["rate"].editor
    before = editor.slider.value()
    typed(qtbot, editor.number, "0.1")
    assert editor.slider.value() > before
    with qtbot.waitSignal(form.edited) as caught:
        editor.slider.setValue(before)
    assert caught.args[0].rate == pytest.approx(0.01, rel=0.05)


def test_a_variant_keeps_what_was_set_for_the_other(qtbot):
    form = Form(Training)
    qtbot.addWidget(form)
    form.set_value(Training(optimizer=SGD(momentum=0.9)))
    editor = form.rows["optimizer"].editor
    seen = []
    form.edited.connect(lambda training, name: seen.append(training.optimizer))
    editor.combo.setCurrentIndex(editor.variants.index(Adam))
    editor.combo.setCurrentIndex(editor.variants.index(SGD))
    assert [type(optimizer) for optimizer in seen] == [Adam, SGD]
    assert seen[-1].momentum == 0.9


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


def change(editor: Editor) -> None:
    """Do to a row what a hand can do, so that it holds another value."""
    match editor:
        case NumberEditor():
            before = editor.number.value()
            editor.number.stepBy(1)
            if editor.number.value() == before:  # At its upper limit.
                editor.number.stepBy(-1)
        case BoolEditor():
            editor.box.click()
        case ChoiceEditor() | ChoiceOrOwnEditor() | VariantEditor() | RuleEditor():
            combo = editor.combo
            combo.setCurrentIndex((combo.currentIndex() + 1) % combo.count())
        case PairEditor():
            editor.numbers[0].stepBy(1)
        case NumbersEditor():
            written(editor.line, "2" if editor.line.text() != "2" else "3")
        case TextEditor():
            written(editor.line, "elsewhere")
        case GroupEditor():
            change(next(iter(editor.form.rows.values())).editor)
        case _:
            raise AssertionError(f"no hand knows a {type(editor).__name__}")


def written(line: QLineEdit, text: str) -> None:
    line.selectAll()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)


def test_words():
    assert readable("glorot_uniform") == "glorot uniform"
    assert readable("StepDecay") == "Step decay"
    assert readable("SGD") == "SGD"
    assert show_number(0.03) == "0.03"
    assert show_number(1e-8) == "1e-8"
    assert show_number(1_000_000) == "1,000,000"
    assert sentence("Expected `int` >= 1 - at `$.units`") == "Expected int >= 1."
    assert str(Limits(gt=0, le=10)) == "above 0 to 10"
    with pytest.raises(ValueError, match="Expected"):
        with_field(Everything(), "count", 99)


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


def test_the_number_of_a_rule_stands_beside_it_where_there_is_room(qtbot):
    form = Form(LSTM)
    qtbot.addWidget(form)
    form.set_value(LSTM())
    form.show()
    rule = form.rows["recurrent_initializer"].editor
    for width, beside in ((400, True), (246, False)):
        form.resize(width, 900)
        QApplication.processEvents()
        number = rule.numbers["gain"]
        assert (number.x() >= rule.combo.geometry().right()) == beside
        assert (number.y() >= rule.combo.geometry().bottom()) == (not beside)
        assert number.geometry().right() < rule.width()
