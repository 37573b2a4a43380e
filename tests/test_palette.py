"""The palette: everything is found, dragged and added by mouse and by keys."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from playground.layers import LAYERS
from ui.palette import CATEGORY, KIND, LAYER_MIME, Palette


def make(qtbot: QtBot) -> Palette:
    palette = Palette()
    qtbot.addWidget(palette)
    palette.resize(212, 500)
    palette.show()
    return palette


def test_it_lists_every_layer_under_its_group(qtbot: QtBot) -> None:
    palette = make(qtbot)
    assert sorted(palette.kinds()) == sorted(LAYERS)
    model = palette.list.layers
    first = model.index(0, 0)
    assert first.data(KIND) is None
    assert not first.flags() & Qt.ItemFlag.ItemIsSelectable
    entry = model.index(1, 0)
    assert entry.data(CATEGORY) == LAYERS[entry.data(KIND)].category
    assert LAYERS[entry.data(KIND)].label in entry.data(Qt.ItemDataRole.ToolTipRole)
    assert not palette.grab().isNull()


def test_search_narrows_and_enter_adds(qtbot: QtBot) -> None:
    palette = make(qtbot)
    palette.focus_search()
    qtbot.keyClicks(palette.search.field, "dense")
    assert "dense" in palette.kinds()
    assert len(palette.kinds()) < len(LAYERS)
    with qtbot.waitSignal(palette.layer_chosen) as told:
        qtbot.keyClick(palette.search.field, Qt.Key.Key_Return)
    assert told.args == [palette.kinds()[0]]
    qtbot.keyClick(palette.search.field, Qt.Key.Key_Escape)
    assert len(palette.kinds()) == len(LAYERS)


def test_a_search_without_result_says_so(qtbot: QtBot) -> None:
    palette = make(qtbot)
    palette.search.field.setText("no such layer")
    assert palette.kinds() == []
    assert palette._none.isVisible()
    qtbot.keyClick(palette.search.field, Qt.Key.Key_Return)  # Adds nothing, breaks nothing.


def test_arrows_in_the_search_field_walk_over_captions(qtbot: QtBot) -> None:
    palette = make(qtbot)
    seen = []
    for _ in range(len(LAYERS) + 3):
        qtbot.keyClick(palette.search.field, Qt.Key.Key_Down)
        seen.append(palette.list.currentIndex().data(KIND))
    assert list(dict.fromkeys(seen)) == palette.kinds()
    qtbot.keyClick(palette.search.field, Qt.Key.Key_Up)
    assert palette.list.currentIndex().data(KIND) == palette.kinds()[-2]


def test_a_drag_carries_the_kind(qtbot: QtBot) -> None:
    palette = make(qtbot)
    data = palette.list.mime("dense")
    assert bytes(data.data(LAYER_MIME).data()) == b"dense"
    index = palette.list.layers.index(1, 0)
    assert index.flags() & Qt.ItemFlag.ItemIsDragEnabled
    assert not palette.list._picture(index).isNull()


def test_everything_has_a_name_and_a_tooltip(qtbot: QtBot) -> None:
    palette = make(qtbot)
    for widget in (palette, palette.search.field, palette.list):
        assert widget.accessibleName()
    assert palette.search.field.toolTip()
