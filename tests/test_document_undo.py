"""The document: every edit can be undone, and what the graph refuses changes nothing."""

from __future__ import annotations

from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pytestqt.qtbot import QtBot

from playground.graph import Edge, Graph
from playground.layers.core import Dense
from ui.canvas import editing
from ui.document import Document


def chain(count: int = 3) -> Graph:
    graph = Graph()
    for number in range(count):
        graph = graph.with_node(Dense(units=4), x=200.0 * number)
    for number in range(1, count):
        graph = graph.connect(f"dense_{number}", f"dense_{number + 1}")
    return graph


def test_edit_undo_redo(qtbot: QtBot) -> None:
    document = Document(chain())
    start = document.graph
    with qtbot.waitSignal(document.graph_changed) as told:
        assert document.edit("Remove", start.without(["dense_2"]))
    assert told.args == [start, document.graph]
    document.stack.undo()
    assert document.graph is start
    document.stack.redo()
    assert "dense_2" not in document.graph


def test_an_edit_that_changes_nothing_is_no_entry() -> None:
    document = Document(chain())
    assert not document.edit("Nothing", document.graph.moved({}))
    assert document.stack.count() == 0


def test_a_refused_edit_says_why_and_changes_nothing(qtbot: QtBot) -> None:
    document = Document(chain())
    before = document.graph
    with qtbot.waitSignal(document.refused) as told:
        assert not document.attempt("Cycle", lambda g: g.connect("dense_3", "dense_1"))
    assert "cycle" in told.args[0]
    assert document.graph is before
    assert document.stack.count() == 0


def test_edits_of_one_gesture_are_one_entry() -> None:
    document = Document(chain())
    start = document.graph
    for x in (8, 16, 24):
        document.edit("Move", document.graph.moved({"dense_1": (x, 0)}), merge="nudge")
    assert document.stack.count() == 1
    document.end_gesture()
    document.edit("Move", document.graph.moved({"dense_1": (32, 0)}), merge="nudge")
    assert document.stack.count() == 2
    document.stack.undo()
    document.stack.undo()
    assert document.graph == start


def test_a_gesture_back_to_its_start_leaves_no_entry() -> None:
    document = Document(chain())
    document.edit("Move", document.graph.moved({"dense_1": (8, 0)}), merge="nudge")
    document.edit("Move", document.graph.moved({"dense_1": (0, 0)}), merge="nudge")
    assert document.stack.count() == 0


def test_a_merged_entry_goes_back_to_its_start_and_on_to_its_end() -> None:
    document = Document(chain())
    start = document.graph
    for x in (8, 16, 24):
        document.edit("Move", document.graph.moved({"dense_1": (x, 0)}), merge="nudge")
    end = document.graph
    document.stack.undo()
    assert document.graph == start
    document.stack.redo()
    assert document.graph == end
    assert document.stack.undoText() == "Move"


def test_what_was_saved_inside_a_gesture_can_be_come_back_to(tmp_path: Path) -> None:
    document = Document(chain())
    document.edit("Move", document.graph.moved({"dense_1": (8, 0)}), merge="nudge")
    saved = document.graph
    document.saved(tmp_path / "net.playground")
    document.edit("Move", document.graph.moved({"dense_1": (16, 0)}), merge="nudge")
    assert not document.clean
    document.stack.undo()
    assert document.graph == saved
    assert document.clean


def test_an_edit_of_another_kind_ends_the_merging() -> None:
    document = Document(chain())
    document.edit("Move", document.graph.moved({"dense_1": (8, 0)}), merge="nudge")
    document.edit("Move", document.graph.moved({"dense_1": (50, 0)}))
    document.edit("Move", document.graph.moved({"dense_1": (58, 0)}), merge="nudge")
    assert document.stack.count() == 3


def test_different_gestures_stay_apart() -> None:
    document = Document(chain())
    document.edit("Move", document.graph.moved({"dense_1": (8, 0)}), merge="a")
    document.edit("Move", document.graph.moved({"dense_1": (16, 0)}), merge="b")
    document.edit("Move", document.graph.moved({"dense_1": (24, 0)}))
    document.edit("Move", document.graph.moved({"dense_1": (32, 0)}))
    assert document.stack.count() == 4


def test_title_tells_of_unsaved_changes(tmp_path, qtbot: QtBot) -> None:  # type: ignore[no-untyped-def]
    document = Document(chain())
    assert document.title == "untitled"
    with qtbot.waitSignal(document.title_changed):
        document.edit("Remove", document.graph.without(["dense_2"]))
    assert document.title == "• untitled"
    document.saved(tmp_path / "net.playground")
    assert document.title == "net.playground"
    document.stack.undo()
    assert not document.clean
    document.replace(Graph(), name="empty")
    assert document.clean
    assert document.title == "empty"
    assert not document.stack.canUndo()


def test_what_is_deleted_is_no_longer_selected() -> None:
    document = Document(chain())
    edge = document.graph.edges[0]
    document.select(["dense_1", "dense_2", "nobody"], [edge])
    assert document.selection == {"dense_1", "dense_2"}
    told: list[object] = []
    document.selection_changed.connect(told.append)
    document.edit("Remove", document.graph.without(["dense_2"]))
    assert document.selection == {"dense_1"}
    assert document.selected_edges == frozenset()
    assert document.selected_node == document.graph.node("dense_1")
    assert told == [frozenset({"dense_1"})]


def test_check_follows_the_graph() -> None:
    document = Document(chain())
    assert "dense_1" in document.check.errors
    document.edit("Clear", Graph())
    assert not document.check.errors


class Editing(RuleBasedStateMachine):
    """Any sequence of edits, undone, leads back to the start; redone, to the end."""

    @initialize()
    def begin(self) -> None:
        self.document = Document(chain())
        self.start = self.document.graph
        self.said: list[str] = []
        self.document.refused.connect(self.said.append)

    def _some(self, number: int) -> str | None:
        nodes = self.document.graph.nodes
        return nodes[number % len(nodes)].id if nodes else None

    @rule(after=st.integers(0, 9), kind=st.sampled_from(["dense", "flatten", "add"]))
    def add(self, after: int, kind: str) -> None:
        editing.add_layer(self.document, kind, 0, 0, after=self._some(after))

    @rule(a=st.integers(0, 9), b=st.integers(0, 9), port=st.integers(0, 1))
    def connect(self, a: int, b: int, port: int) -> None:
        source, target = self._some(a), self._some(b)
        if source and target:
            before, count = self.document.graph, len(self.said)
            edge = Edge(source, 0, target, port)
            if editing.connect(self.document, edge):
                assert len(self.document.graph.inputs_of(target)) in (
                    len(before.inputs_of(target)), len(before.inputs_of(target)) + 1)
                assert editing.taken(self.document.graph, edge) == edge
            else:
                assert self.document.graph is before
                assert len(self.said) == count + (edge not in before.edges)

    @rule(a=st.integers(0, 9), b=st.integers(0, 9))
    def move_between(self, a: int, b: int) -> None:
        id, before = self._some(a), self.document.graph
        free = [e for e in before.edges if id not in (e.source, e.target)]
        if not id or not free or not editing.goes_between(before, id):
            return
        edge, count = free[b % len(free)], self.document.stack.count()
        assert editing.move_between(self.document, id, edge)
        after = self.document.graph
        assert len(after.edges) - len(before.edges) == (0 if before.inputs_of(id) else 1)
        assert [e.source for e in after.inputs_of(id)] == [edge.source]
        assert [e.target for e in after.outputs_of(id)] == [edge.target]
        assert self.document.stack.count() <= count + 1

    @rule(a=st.integers(0, 9), b=st.integers(0, 9))
    def remove(self, a: int, b: int) -> None:
        self.document.select(filter(None, [self._some(a), self._some(b)]))
        editing.delete_selection(self.document)

    @rule(a=st.integers(0, 9), b=st.integers(0, 9))
    def duplicate(self, a: int, b: int) -> None:
        self.document.select(filter(None, [self._some(a), self._some(b)]))
        if len(self.document.graph.nodes) < 12:
            editing.duplicate(self.document)

    @rule(a=st.integers(0, 9), x=st.integers(-5, 5), merge=st.booleans())
    def move(self, a: int, x: int, merge: bool) -> None:
        if id := self._some(a):
            editing.move(self.document, {id: (8.0 * x, 0.0)}, "nudge" if merge else None)

    @rule(a=st.integers(0, 9), name=st.sampled_from(["one", "two", "not a name", "dense_1"]))
    def rename(self, a: int, name: str) -> None:
        if id := self._some(a):
            editing.rename(self.document, id, name)

    @rule(steps=st.integers(1, 4))
    def undo(self, steps: int) -> None:
        for _ in range(steps):
            self.document.stack.undo()

    @rule()
    def redo(self) -> None:
        self.document.stack.redo()

    @invariant()
    def whole(self) -> None:
        document = self.document
        ids = {node.id for node in document.graph.nodes}
        assert len(ids) == len(document.graph.nodes)
        assert all({e.source, e.target} <= ids for e in document.graph.edges)
        assert document.selection <= ids

    def teardown(self) -> None:
        stack = self.document.stack
        end = stack.index()
        after = self.document.graph
        while stack.canUndo():
            stack.undo()
        assert self.document.graph == self.start
        while stack.index() < end:
            stack.redo()
        assert self.document.graph == after


Editing.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestEditing = Editing.TestCase
