"""The palette: everything is found, dragged and added by mouse and by keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from pytestqt.qtbot import QtBot

from playground.layers import LAYERS
from ui.palette import CATEGORY, FOLDED, KIND, LAYER_MIME, Palette
from ui.preferences import Preferences


def make(qtbot: QtBot) -> Palette:
    palette = Palette()
    qtbot.addWidget(palette)
    palette.resize(212, 500)
    palette.show()
    return palette


def test_it_lists_every_layer_under_its_group(qtbot: QtBot) -> None:
    palette = make(qtbot)
    palette.fold([])
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
    assert told.args == ["dense"]
    qtbot.keyClicks(palette.search.field, "/pool")
    assert palette.search.field.text() == "pool", "the next search takes the place of the last"
    qtbot.keyClicks(palette.search.field, "/dense")
    qtbot.keyClick(palette.search.field, Qt.Key.Key_Escape)
    assert set(palette.kinds()) == {k for k, c in LAYERS.items() if c.category not in FOLDED}


@pytest.mark.parametrize(("search", "kind"), [
    ("cross", "softmax_cross_entropy"), ("binary", "binary_cross_entropy"), ("lstm", "lstm"),
    ("relu", "relu"), ("leaky", "leaky_relu"), ("spiral", "spiral"),
    ("mse", "mean_squared_error"), ("conv", "conv1d"), ("average", "average")])
def test_enter_adds_what_is_named_and_not_what_is_said_of_others(
        qtbot: QtBot, search: str, kind: str) -> None:
    palette = make(qtbot)
    palette.search.field.setText(search)
    with qtbot.waitSignal(palette.layer_chosen) as told:
        qtbot.keyClick(palette.search.field, Qt.Key.Key_Return)
    assert told.args == [kind]


@pytest.mark.parametrize(("search", "kind"), [
    ("linear", "dense"), ("fully connected", "dense"), ("time distributed", "dense"),
    ("depthwise", "conv2d"), ("pointwise", "conv2d"), ("1x1", "conv2d"), ("causal", "conv1d"),
    ("transposed", "conv_transpose2d"), ("deconvolution", "conv_transpose2d"),
    ("upsampling", "upsample2d"), ("nearest", "upsample2d"), ("bilinear", "upsample2d"),
    ("average pooling", "avg_pool1d"), ("subsampling", "max_pool1d"),
    ("global average", "global_avg_pool1d"), ("global max", "global_max_pool1d"),
    ("BN", "batch_norm"), ("batch normalization", "batch_norm"), ("lrn", "lrn"),
    ("local response", "lrn"), ("swish", "silu"), ("logistic", "sigmoid"),
    ("simple rnn", "elman"), ("bidirectional", "elman"), ("one-hot", "one_hot"),
    ("onehot", "one_hot"), ("transformer", "multi_head_attention"),
    ("self-attention", "multi_head_attention"), ("positional", "positional_encoding"),
    ("residual", "add"), ("skip", "add"), ("shortcut", "add"), ("noise", "gaussian_noise"),
    ("reparameterization", "random_normal"), ("augmentation", "digits"), ("cutout", "digits"),
    ("mae", "mean_absolute_error"), ("l1 loss", "mean_absolute_error"),
    ("l2 loss", "mean_squared_error"), ("least squares", "mean_squared_error"),
    ("nll", "softmax_cross_entropy"), ("vae", "gaussian_kl"), ("critic", "adversarial"),
    ("wasserstein", "adversarial"), ("non-saturating", "adversarial")])
def test_other_names_mark_the_layer_that_is_meant(
        qtbot: QtBot, search: str, kind: str) -> None:
    palette = make(qtbot)
    palette.search.field.setText(search)
    marked = palette.list.currentIndex()
    assert marked.data(KIND) == kind
    for name in LAYERS[kind].other_names:
        assert name in marked.data(Qt.ItemDataRole.ToolTipRole)


@pytest.mark.parametrize(("search", "kinds"), [
    ("average", {"avg_pool1d", "avg_pool2d", "global_avg_pool2d"}),
    ("subsampling", {"max_pool2d", "avg_pool2d"}), ("bidirectional", {"jordan", "lstm", "gru"}),
    ("causal", {"attention", "multi_head_attention"}), ("least squares", {"adversarial"}),
    ("noise", {"random_normal"}), ("augmentation", {"fashion_mnist", "gratings", "file"}),
    ("logistic", {"binary_cross_entropy_with_logits"})])
def test_other_names_may_be_shared(qtbot: QtBot, search: str, kinds: set[str]) -> None:
    palette = make(qtbot)
    palette.search.field.setText(search)
    assert kinds <= set(palette.kinds())


def test_a_click_on_a_caption_folds_its_group(qtbot: QtBot) -> None:
    palette = make(qtbot)
    view = palette.list

    def click_core() -> None:
        row = next(r for r in range(view.layers.rowCount())
                   if view.layers.index(r, 0).data() == "Core")
        spot = view.visualRect(view.layers.index(row, 0)).center()
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=spot)

    assert "dense" in palette.kinds()
    click_core()
    assert "dense" not in palette.kinds()
    palette.search.field.setText("dense")  # What is searched for is found in folded groups too.
    assert "dense" in palette.kinds()
    palette.search.field.clear()
    assert "dense" not in palette.kinds()
    click_core()
    assert "dense" in palette.kinds()


def test_keys_fold_and_unfold(qtbot: QtBot) -> None:
    palette = make(qtbot)
    palette.fold(["data"])
    palette.list.step(1)
    category = palette.list.currentIndex().data(CATEGORY)
    qtbot.keyClick(palette.list, Qt.Key.Key_Left)
    assert palette.list.folded == {"data", category}
    palette.fold(["data"])
    qtbot.keyClick(palette.list, Qt.Key.Key_Right)
    assert palette.list.folded == frozenset()


def test_the_folds_are_remembered(tmp_path: Path) -> None:
    preferences = Preferences(QSettings(str(tmp_path / "x.ini"), QSettings.Format.IniFormat))
    assert preferences.folded is None
    for groups in ([], ["data"], ["core", "data"]):
        preferences.folded = groups
        assert preferences.folded == groups


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
