"""Run, step and back: what the buttons tell the engine, and when they can be pressed."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget

from playground.compiler import compile_program
from playground.examples import EXAMPLES
from playground.layers.base import make_layer
from playground.snapshot import BoundaryProbe, Snapshot
from playground.state import SavedState
from tests.fake_engine import FakeEngine
from ui.document import Document
from ui.engine_bridge import EngineBridge, network
from ui.menus import name_of
from ui.status_bar import StatusBar
from ui.training_bar import SpeedSlider, TrainingBar
from ui.transport import RunActions, Transport


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def document(qtbot) -> Document:
    document = Document()
    graph = document.graph
    for kind, settings in (("spiral", {}), ("dense", {"units": 2}),
                           ("softmax_cross_entropy", {})):
        graph = graph.with_node(make_layer(kind, settings))
        if len(graph.nodes) > 1:
            graph = graph.connect(graph.nodes[-2].id, graph.nodes[-1].id)
    document.replace(graph)
    return document


@pytest.fixture
def bridge(qtbot, document, engine):
    bridge = EngineBridge(document, lambda: engine)
    bridge.start()
    qtbot.waitUntil(lambda: bridge._engine is engine)
    yield bridge
    bridge.shutdown()


@pytest.fixture
def window(qtbot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    return window


@pytest.fixture
def actions(bridge, document, window) -> RunActions:
    return RunActions(bridge, document, window)


def show(qtbot, bridge, engine, **fields) -> Snapshot:
    engine.next = snapshot = Snapshot(**{"state": "paused", **fields})
    qtbot.waitUntil(lambda: bridge.snapshot is snapshot)
    return snapshot


# -- the bridge -------------------------------------------------------------------------------


def test_it_loads_the_graph_and_quits(qtbot, document, engine):
    bridge = EngineBridge(document, lambda: engine)
    bridge.start()
    qtbot.waitUntil(lambda: engine.graph == document.graph)
    bridge.shutdown()
    assert engine.names()[0] == "start"
    assert engine.names()[-1] == "quit"


def test_only_what_is_computed_costs_a_compilation(bridge, document, engine):
    engine.calls.clear()
    document.edit("Move", document.graph.moved({"dense_1": (50, 50)}))
    assert engine.names() == []
    dense = document.graph.node("dense_1").layer
    document.edit("Change", document.graph.with_layer("dense_1", dense.with_settings(bias=False)))
    assert engine.names() == ["load"]
    document.stack.undo()
    assert engine.names() == ["load", "load"]


def test_a_learning_rate_changes_without_a_compilation(bridge, document, engine):
    engine.calls.clear()
    training = document.graph.training
    import msgspec

    changed = msgspec.structs.replace(
        training, optimizer=msgspec.structs.replace(training.optimizer, learning_rate=0.5))
    document.edit("Rate", document.graph.with_training(changed))
    assert engine.names() == ["set_training"]


def test_a_broken_network_pauses_and_comes_back(bridge, document, engine):
    engine.calls.clear()
    document.edit("Cut", document.graph.without_edges(document.graph.edges))
    assert engine.names() == ["pause"]
    document.stack.undo()
    assert "load" not in engine.names(), "nothing has changed in the end"


def test_only_visible_views_are_asked(qtbot, bridge, engine):
    class View(QWidget):
        seen: tuple[Snapshot, ...] = ()

        def probes(self):
            return frozenset({BoundaryProbe()})

        def show_snapshot(self, snapshot):
            self.seen += (snapshot,)

    view = View()
    qtbot.addWidget(view)
    bridge.add_view(view)
    show(qtbot, bridge, engine, step=1)
    assert engine.watched == frozenset()
    view.show()
    qtbot.waitUntil(lambda: engine.watched == {BoundaryProbe()})
    shown = show(qtbot, bridge, engine, step=2)
    assert view.seen[-1] is shown
    view.hide()
    qtbot.waitUntil(lambda: engine.watched == frozenset())


def test_an_engine_that_cannot_start_is_told(qtbot, document):
    def fail() -> FakeEngine:
        raise RuntimeError("no compiler")

    bridge = EngineBridge(document, fail)
    with qtbot.waitSignal(bridge.failed) as caught:
        bridge.start()
    assert "no compiler" in caught.args[0]
    assert bridge.snapshot.state == "failed"
    bridge.shutdown()


def test_commands_wait_for_the_engine(qtbot, document, engine):
    bridge = EngineBridge(document, lambda: engine)
    bridge.run()
    bridge.start()
    qtbot.waitUntil(lambda: "run" in engine.names())
    bridge.shutdown()


def test_positions_do_not_belong_to_the_network(document):
    graph = document.graph
    assert network(graph) == network(graph.moved({"dense_1": (9, 9)}))


# -- the actions ------------------------------------------------------------------------------


def test_a_step_by_pass_is_offered_where_players_learn_in_turn(
        qtbot, bridge, engine, actions, window):
    transport = Transport(actions, window)
    button = transport.unit_buttons["pass"]
    alone, two = (compile_program(EXAMPLES[name].graph) for name in ("perceptron", "gan"))
    show(qtbot, bridge, engine, step=5, program=alone)
    assert button.isHidden()
    assert not actions.step_pass.isVisible()
    show(qtbot, bridge, engine, step=5, program=two, can_step_back=True)
    assert not button.isHidden()
    assert "(judge, then maker)" in button.toolTip()
    turns = next(v.graph for v in EXAMPLES["gan"].variations if v.key == "wasserstein")
    show(qtbot, bridge, engine, step=5, program=compile_program(turns))
    assert "(judge 5 times, then maker)" in button.toolTip()
    show(qtbot, bridge, engine, step=5, program=two, can_step_back=True)
    button.click()
    engine.calls.clear()
    transport.buttons["step"].click()
    transport.buttons["back"].click()
    actions.step_pass.trigger()
    assert [call for call in engine.calls if call[0] != "watch"] == [
        ("step", "pass"), ("back", "pass"), ("step", "pass")]
    # Another network, with one player: the unit falls back to what a pass is there.
    show(qtbot, bridge, engine, step=5, program=alone)
    assert button.isHidden()
    assert actions.unit == "batch"
    assert transport.unit_buttons["batch"].isChecked()


def test_keys_and_buttons_do_the_same(qtbot, bridge, engine, actions, window):
    transport = Transport(actions, window)
    show(qtbot, bridge, engine, step=5, can_step_back=True)
    engine.calls.clear()
    transport.buttons["step"].click()
    transport.buttons["back"].click()
    transport.buttons["run"].click()
    actions.step_instruction.trigger()
    actions.step_layer.trigger()
    assert [call for call in engine.calls if call[0] != "watch"] == [
        ("step", "layer"), ("back", "layer"), ("run",), ("step", "instruction"),
        ("step", "layer")]
    keys = {action.shortcut().toString() for action in actions.all}
    assert keys >= {"Space", "F10", "F11", "Shift+F10", "Ctrl+R"}


@pytest.mark.parametrize("unit", ["instruction", "layer", "phase", "batch", "epoch"])
def test_the_unit_is_what_step_and_back_do(qtbot, bridge, engine, actions, window, unit):
    transport = Transport(actions, window)
    show(qtbot, bridge, engine, step=5, can_step_back=True)
    transport.unit_buttons[unit].click()
    engine.calls.clear()
    transport.buttons["step"].click()
    transport.buttons["back"].click()
    assert [call for call in engine.calls if call[0] != "watch"] == [
        ("step", unit), ("back", unit)]
    assert [u for u, button in transport.unit_buttons.items() if button.isChecked()] == [unit]
    assert actions.back.text() == f"Step Back One {unit.title()}"
    assert f"Back by one {unit}, as far as Step goes forward" in actions.back.toolTip()
    assert name_of(actions.back) == "Step Back by the Step Unit", "in the list of all keys"


def test_running_shows_pause_and_forbids_steps(qtbot, bridge, engine, actions, window):
    transport = Transport(actions, window)
    show(qtbot, bridge, engine, state="running", step=5, can_step_back=True)
    assert transport.buttons["run"].text() == "Pause"
    assert not actions.step.isEnabled()
    assert "Pause first." in actions.step.toolTip()
    engine.calls.clear()
    actions.run.trigger()
    assert ("pause",) in engine.calls


def test_a_step_that_takes_long_can_be_stopped_and_is_no_run(
        qtbot, bridge, engine, actions, window):
    transport = Transport(actions, window)
    show(qtbot, bridge, engine, state="stepping", progress="Step 1: forward of conv_1")
    assert transport.buttons["run"].text() == "Stop"
    assert transport.buttons["run"].accessibleName() == "Stop"
    assert not bridge.running
    for action in (actions.step, actions.step_layer, actions.back):
        assert not action.isEnabled()
        assert "The step is not done yet." in action.toolTip()
    engine.calls.clear()
    actions.run.trigger()
    assert ("pause",) in engine.calls
    show(qtbot, bridge, engine, position=9)
    assert transport.buttons["run"].text() == "Run"


def test_what_is_being_prepared_says_that_it_will_run(qtbot, bridge, engine, actions, window):
    transport, status = Transport(actions, window), StatusBar()
    qtbot.addWidget(status)
    bridge.snapshot_ready.connect(status.show_snapshot)
    show(qtbot, bridge, engine, state="compiling", progress="Preparing layers (2 of 9)")
    assert transport.buttons["run"].text() == "Run"
    assert "as soon as it is ready" in actions.run.toolTip()
    for action in (actions.run_epoch, actions.until_step, actions.step):
        assert not action.isEnabled()
        assert "Preparing layers (2 of 9)" in action.toolTip()
    engine.calls.clear()
    actions.run.trigger()
    assert ("run",) in engine.calls
    assert transport.buttons["run"].text() == "Pause"
    assert status._state.whole == "Preparing layers (2 of 9); runs when ready"
    engine.next = Snapshot(state="compiling", progress="Preparing layers (3 of 9)")
    qtbot.waitUntil(lambda: "3 of 9); runs" in status._state.whole)
    actions.run.trigger()
    assert ("pause",) in engine.calls
    assert transport.buttons["run"].text() == "Run"
    assert status._state.whole == "Preparing layers (3 of 9)"
    show(qtbot, bridge, engine, state="running", step=7)
    engine.next = Snapshot(state="compiling", step=7)
    qtbot.waitUntil(lambda: bridge.will_run)
    assert transport.buttons["run"].text() == "Pause", "an edit does not end the run"
    actions.reset.trigger()
    show(qtbot, bridge, engine)
    assert not bridge.will_run


def test_what_cannot_run_says_why(qtbot, bridge, engine, actions, document):
    show(qtbot, bridge, engine)
    assert actions.run.isEnabled()
    document.edit("Cut", document.graph.without_edges(document.graph.edges))
    assert not actions.run.isEnabled()
    assert document.check.graph_error in actions.run.toolTip()
    document.stack.undo()
    show(qtbot, bridge, engine, state="diverged", message="The loss is NaN.", step=9)
    assert not actions.run.isEnabled()
    assert "NaN" in actions.run.toolTip()
    assert actions.reset.isEnabled()


def test_run_to_needs_one_node(qtbot, bridge, engine, actions, document):
    show(qtbot, bridge, engine)
    assert not actions.run_to.isEnabled()
    document.select({"dense_1"})
    assert actions.run_to.isEnabled()
    actions.run_to.trigger()
    assert ("run_to", "dense_1", None) in engine.calls
    document.edit("Add", document.graph.with_node(make_layer("flatten", {}), 0, 400))
    document.select({"flatten_1"})
    assert not actions.run_to.isEnabled()
    assert "computes nothing" in actions.run_to.toolTip()


def test_reset_asks_only_when_much_is_lost(qtbot, bridge, engine, actions, monkeypatch):
    show(qtbot, bridge, engine, step=500)
    asked = []

    def question(*args):
        asked.append(args)
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "question", question)
    actions.reset.trigger()
    assert ("reset",) in engine.calls
    assert not asked
    engine.calls.clear()
    bridge.training_seconds = 100.0
    actions.reset.trigger()
    assert asked[0][-1] == QMessageBox.StandardButton.Cancel, "what Enter does"
    assert ("reset",) not in engine.calls


# -- chips and status -------------------------------------------------------------------------


def test_chips_follow_the_document(qtbot, bridge, document, engine):
    bar = TrainingBar(document, bridge)
    qtbot.addWidget(bar)
    assert bar.rate.accessibleName() == "lr 0.03"
    assert bar.clip.accessibleName() == "clip off"
    bar._next_seed()
    assert bar.seed.accessibleName() == "seed 8"
    document.stack.undo()
    assert bar.seed.accessibleName() == "seed 7"
    bar.rate.click()
    assert bar.rate.popover.isVisible()
    qtbot.keyClick(bar.rate.popover, Qt.Key.Key_Escape)
    assert not bar.rate.popover.isVisible()


def test_speed_is_logarithmic_and_ends_without_limit(qtbot):
    speed = SpeedSlider()
    qtbot.addWidget(speed)
    seen = []
    speed.changed.connect(seen.append)
    speed.slider.setValue(0)
    speed.slider.setValue(40)
    speed.slider.setValue(speed.slider.maximum())
    assert seen == [1.0, 100.0, None]
    speed.set_speed(300.0)
    assert speed.speed() == 300.0
    assert speed.number.value() == 300.0


def test_a_chip_gives_its_own_field_the_focus(qtbot, bridge, document):
    bar = TrainingBar(document, bridge)
    qtbot.addWidget(bar)
    bar.show()
    bar.rate.click()
    field = bar.rate.popover.own()
    qtbot.waitUntil(field.hasFocus)
    qtbot.keyClicks(field, "0.5")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert document.graph.training.optimizer.learning_rate == 0.5
    bar.rate.popover.close()
    assert bar.speed.popover.own() is bar.speed_slider.number


def test_a_typed_rate_is_shown_before_the_next_step(qtbot, bridge, engine, document):
    bar = TrainingBar(document, bridge)
    qtbot.addWidget(bar)
    show(qtbot, bridge, engine, step=5, learning_rate=0.03)
    training = document.graph.training
    document.edit("Rate", document.graph.with_training(msgspec.structs.replace(
        training, optimizer=msgspec.structs.replace(training.optimizer, learning_rate=0.5))))
    show(qtbot, bridge, engine, step=5, learning_rate=0.03)
    assert bar.rate.accessibleName() == "lr 0.5"
    show(qtbot, bridge, engine, step=6, learning_rate=0.25)
    assert bar.rate.accessibleName() == "lr 0.25"


def test_what_lacks_its_data_says_how_far_it_was(qtbot, bridge, engine, document):
    status = StatusBar()
    qtbot.addWidget(status)
    bridge.snapshot_ready.connect(status.show_snapshot)
    bridge.close()
    document.replace(document.graph.with_layer("spiral_1", make_layer("file", {"path": "/gone"})))
    bridge.open(SavedState(step=420, batches_per_epoch=40))
    engine.next = Snapshot(state="empty")
    qtbot.waitUntil(lambda: status._step.text() == "step 420")
    assert bridge.snapshot.epoch == 10
    document.edit("Clear", document.graph.without([node.id for node in document.graph.nodes]))
    engine.next = Snapshot(state="empty")
    qtbot.waitUntil(lambda: status._step.text() == "step 0")
    bridge.close()
    document.replace(document.graph)
    bridge.open()
    engine.next = Snapshot(state="empty")
    qtbot.waitUntil(lambda: status._step.text() == "step 0")


def test_the_status_bar_tells_state_and_place(qtbot):
    status = StatusBar()
    qtbot.addWidget(status)
    status.show_snapshot(Snapshot(
        state="running", step=1204, epoch=15, batch_in_epoch=32, batches_per_epoch=79,
        metric_name="accuracy", validation_metric=0.846, steps_per_second=141.2,
        instrumentation=0.031))
    texts = {label.accessibleName() for label in status.findChildren(QLabel)}
    assert texts >= {"running", "step 1,204", "epoch 15 · 32/79", "val accuracy 84.6 %",
                     "141 steps/s", "instruments 3.1 %"}
    status.show_snapshot(Snapshot(state="diverged", node="dense_1", message="The loss is NaN."))
    assert "diverged at dense_1: The loss is NaN." in status._state.accessibleName()
    status.show_snapshot(Snapshot(state="paused"))
    status.show_reason("There is no loss yet.")
    assert status._state.accessibleName() == "There is no loss yet."


def test_back_says_why_it_cannot(qtbot, bridge, engine, actions, document):
    show(qtbot, bridge, engine, step=40, can_step_back=False)
    actions.refresh()
    assert "taken up here" in actions.back.toolTip()
    node = document.graph.nodes[1].id
    document.edit("Rename", document.graph.renamed(node, "hidden"))
    show(qtbot, bridge, engine, step=40, can_step_back=False)
    assert not actions.back.isEnabled()
    assert ("The network was changed; training goes on from here, and one can go back from the "
            "next step on.") in actions.back.toolTip()
    show(qtbot, bridge, engine, step=41, can_step_back=True)
    assert actions.back.isEnabled()
    assert "changed" not in actions.back.toolTip()


def test_holding_space_does_not_run_and_pause_by_turns(actions):
    assert not actions.run.autoRepeat()
