"""Editors of settings: what can be typed, what it becomes, and what is explained."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from playground.initializers import Constant, Initializer, Normal
from playground.layers.base import Pair, about
from playground.layers.conv import Conv1D
from playground.layers.recurrent import LSTM
from playground.layers.shape import Pad, Reshape
from playground.training import SGD, Adam, Training
from tests.hand import typed
from ui.inspector.choice_editors import ChoiceOrOwnEditor
from ui.inspector.fields import Limits, fields_of, readable, sentence, show_number, with_field
from ui.inspector.form import Form
from ui.inspector.number import NumberField, stepped_125
from ui.inspector.number_editors import LogSlider
from ui.inspector.text_editors import NumbersEditor


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


@pytest.mark.parametrize(("name", "part"), [
    ("count", "number"), ("rate", "slider"), ("kind", "combo")])
def test_a_wheel_without_focus_changes_nothing(qtbot, form, name, part):
    widget, seen = getattr(form.rows[name].editor, part), []
    form.edited.connect(lambda value, name: seen.append(name))
    form.setFocus()
    assert widget.focusPolicy() == Qt.FocusPolicy.StrongFocus
    assert not widget.hasFocus()
    assert not _wheel(widget).isAccepted()
    assert not seen
    widget.setFocus()
    _wheel(widget)
    assert seen == [name]


def _wheel(widget: QWidget) -> QWheelEvent:
    """One notch down over the middle of it."""
    middle = QPointF(widget.rect().center())
    event = QWheelEvent(
        middle, QPointF(widget.mapToGlobal(middle)), QPoint(), QPoint(0, -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase,
        False)
    QApplication.sendEvent(widget, event)
    return event


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


def test_ones_own_number_begins_at_zero_where_there_are_negative_ones(qtbot):
    form = Form(LSTM)
    qtbot.addWidget(form)
    form.set_value(LSTM())
    editor = form.rows["forget_bias"].editor
    assert editor.combo.currentText() == "usual"
    with qtbot.waitSignal(form.edited) as caught:
        editor.combo.setCurrentIndex(1)
    assert caught.args == [LSTM(forget_bias=0.0), "forget_bias"]
    with qtbot.waitSignal(form.edited) as caught:
        typed(qtbot, editor.own.number, "-2.5")
    assert caught.args == [LSTM(forget_bias=-2.5), "forget_bias"]


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
