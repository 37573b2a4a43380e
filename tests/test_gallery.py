"""The gallery: a picture of a real run for each example, what it is held to, search and keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QBuffer, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QListWidgetItem
from pytestqt.qtbot import QtBot

from playground import document as store
from playground.cli import main
from playground.examples import EXAMPLES
from playground.examples.themes import THEMES, by_theme
from ui import theme as themes
from ui.dialogs.cards import FACTS, NAME, show_time
from ui.dialogs.gallery import Gallery
from ui.dialogs.pictures import FOLDER, HEIGHT, SCALE, WIDTH, picture, picture_file, runs
from ui.main_window import MainWindow

MOST_BYTES = 1_500_000


@pytest.fixture
def gallery(qtbot: QtBot) -> Gallery:
    made = Gallery(EXAMPLES.values())
    qtbot.addWidget(made)
    made.resize(1120, 780)
    made.show()
    return made


def test_every_example_stands_in_one_theme() -> None:
    listed = [name for names in THEMES.values() for name in names]
    missing = [name for name in EXAMPLES if name not in listed]
    assert missing == [], "Give these a theme in playground/examples/themes.py."
    assert [name for name in listed if name not in EXAMPLES] == []
    assert len(set(listed)) == len(listed)
    assert by_theme(["gan", "mine", "perceptron"]) == {
        next(iter(THEMES)): ["perceptron"], "Codes, and things made up": ["gan"], "More": ["mine"]}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_has_its_pictures(name: str) -> None:
    command = f"Take its picture with: python -m tests.thumbnails {name}"
    assert name in runs(), command
    mark, run = EXAMPLES[name].mark, runs()[name]
    assert mark.steps in (None, run.steps), f"It trains otherwise now. {command}"
    assert run.reached is None or mark.holds(run.reached), command
    for dark in (True, False):
        image = QImage(str(picture_file(name, dark)))
        assert (image.width(), image.height()) == (SCALE * WIDTH, SCALE * HEIGHT), command
        tones = {image.pixel(x, y) for x in range(0, image.width(), 9)
                 for y in range(0, image.height(), 9)}
        assert len(tones) > 8, f"The picture is empty. {command}"


def test_the_pictures_are_few_and_small() -> None:
    files = sorted(FOLDER.glob("*.webp"))
    known = {picture_file(name, dark) for name in EXAMPLES for dark in (True, False)}
    assert [file.name for file in files if file not in known] == []
    assert sum(file.stat().st_size for file in files) < MOST_BYTES


def test_the_cards_tell_mark_data_seed_steps_and_time(gallery: Gallery) -> None:
    cards = [gallery.list.item(row) for row in range(gallery.list.count())]
    by_name = {card.data(NAME): card for card in cards if card.data(NAME)}
    assert list(by_name) == [name for names in by_theme(EXAMPLES).values() for name in names]
    for name, card in ((n, c) for n, c in by_name.items() if n in runs()):
        example, run = EXAMPLES[name], runs()[name]
        goal, start, length = card.data(FACTS)
        assert example.mark.show(example.mark.value) in goal
        assert start.endswith(f" · seed {example.graph.training.weight_seed}")
        assert len(start.split(" · ")[0]) > 2
        assert length == (f"{run.steps:,} step{'s' * (run.steps != 1)} · "
                          f"{show_time(run.seconds)}")
        assert all(fact in card.toolTip() for fact in (goal, start, length))


def test_a_card_shows_the_picture_of_its_theme(gallery: Gallery, qapp: object) -> None:
    middles = []
    for mode in ("dark", "light"):
        themes.apply(qapp, mode)  # type: ignore[arg-type]
        place = gallery.list.visualItemRect(gallery.list.currentItem())
        shown = gallery.list.viewport().grab(place).toImage()
        pixel = shown.pixelColor(shown.width() // 2, 12)
        image = picture("perceptron", mode == "dark").toImage()
        there = image.pixelColor(image.width() // 2, round(6 / place.width() * image.width()))
        assert abs(pixel.lightness() - there.lightness()) < 40
        middles.append(pixel.lightness())
    themes.apply(qapp, "dark")  # type: ignore[arg-type]
    assert middles[0] < middles[1]


def test_arrows_choose_a_card_and_enter_opens_it(gallery: Gallery) -> None:
    first = gallery.chosen()
    assert first is not None
    gallery.search.setFocus()
    QTest.keyClick(gallery.search, Qt.Key.Key_Down)
    below = gallery.chosen()
    assert below is not None
    assert below.name != first.name
    QTest.keyClick(gallery.list, Qt.Key.Key_Up)
    QTest.keyClick(gallery.list, Qt.Key.Key_Right)
    beside = gallery.chosen()
    assert beside is not None
    assert beside.name == THEMES["One neuron, and a few more"][1]
    QTest.keyClick(gallery.list, Qt.Key.Key_Return)
    assert gallery.result() == Gallery.DialogCode.Accepted


def test_search_finds_data_and_themes_and_hides_empty_captions(gallery: Gallery) -> None:
    gallery.search.setText("forecasts")
    shown = [gallery.list.item(row).text() for row in range(gallery.list.count())
             if not gallery.list.item(row).isHidden()]
    assert shown[0] == "Forecasts"
    assert len(shown) == 1 + len(THEMES["Forecasts"])
    gallery.search.setText("fashion lenet")
    chosen = gallery.chosen()
    assert chosen is not None
    assert chosen.name == "lenet5"
    for name in EXAMPLES:
        gallery.search.setText(name)
        chosen = gallery.chosen()
        assert chosen is not None
        assert name in f"{chosen.name} {chosen.title}", "not one whose note mentions it"
    gallery.search.setText("zebra crossing")
    assert gallery.chosen() is None
    assert not gallery._open.isEnabled()


# -- one's own networks ---------------------------------------------------------------------------


def png(color: str) -> bytes:
    image = QImage(480, 200, QImage.Format.Format_RGB32)
    image.fill(color)
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


@pytest.fixture
def mine(tmp_path: Path) -> list[Path]:
    """Documents as they were opened last: with a picture, without, damaged, and many."""
    paths = [tmp_path / name for name in (
        "red roses.playground", "plain.json", "bad.playground",
        *(f"{letter}.playground" for letter in "defg"))]
    graph = EXAMPLES["perceptron"].graph.with_notes("About **tulips**.")
    for path in paths:
        store.save(path, graph, thumbnail=png("red"))
    paths[2].write_bytes(b"PK nonsense")
    return paths


def test_the_networks_opened_last_come_first_with_their_pictures(
        qtbot: QtBot, mine: list[Path]) -> None:
    gallery = Gallery(EXAMPLES.values(), None, mine)
    qtbot.addWidget(gallery)
    gallery.show()
    cards = [gallery.list.item(row) for row in range(4)]
    assert [card.text() for card in cards] == ["Your networks", "red roses", "plain", "d"]
    assert str(mine[0].parent) in cards[1].data(FACTS)
    assert gallery.chosen_file() == mine[0]
    assert gallery.chosen() is None
    assert gallery._open.isEnabled()
    assert "tulips" in gallery.note.toPlainText()

    def middle(card: QListWidgetItem) -> QColor:
        place = gallery.list.visualItemRect(card)
        return gallery.list.viewport().grab(place).toImage().pixelColor(place.width() // 2, 40)

    assert middle(cards[1]) == QColor("red")
    assert middle(cards[2]) != QColor("red")
    gallery.search.setText("roses")
    assert gallery.chosen_file() == mine[0]
    gallery.search.setText("lenet5")
    assert gallery.chosen_file() is None
    assert gallery.chosen() is EXAMPLES["lenet5"]
    gallery.search.setText("zebra crossing")
    assert gallery.chosen_file() is None
    assert not gallery._open.isEnabled()


def test_all_networks_opened_last_can_be_seen(qtbot: QtBot, mine: list[Path]) -> None:
    gallery = Gallery(EXAMPLES.values(), None, mine)
    qtbot.addWidget(gallery)
    gallery.show()

    def seen() -> list[str]:
        rows = (gallery.list.item(row) for row in range(8))
        return [item.text() for item in rows if not item.isHidden()]

    first = ["Your networks", "red roses", "plain", "d", "e"]
    assert seen() == [*first, "Show 2 more"]
    gallery.search.setText("g.playground")
    assert gallery.chosen_file() == mine[-1], "whether it is shown or not"
    assert seen() == ["Your networks", "g"]
    gallery.search.clear()
    assert seen() == [*first, "Show 2 more"]
    gallery.list.setCurrentRow(7)
    assert not gallery._open.isEnabled()
    gallery.list.setFocus()
    qtbot.keyClick(gallery.list, Qt.Key.Key_Return)
    assert seen() == [*first, "f", "g"]
    assert gallery.chosen_file() == mine[-2]


def test_a_network_of_one_s_own_opens_from_the_gallery(
        window: MainWindow, mine: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    window.preferences.add_recent(mine[0])
    monkeypatch.setattr(Gallery, "exec", lambda self: True)
    window.open_gallery()
    assert window.document.path == mine[0]


def test_a_damaged_picture_does_not_hide_its_document(mine: list[Path]) -> None:
    whole, stored = mine[0].read_bytes(), store.glimpse(mine[0]).thumbnail
    assert stored is not None
    mine[0].write_bytes(whole.replace(stored, bytes(len(stored))))
    assert store.glimpse(mine[0]).graph == store.load(mine[0]).graph
    assert store.glimpse(mine[0]).thumbnail is None


def test_the_picture_of_a_document_survives_the_command_line(mine: list[Path]) -> None:
    out = mine[0].with_name("trained.playground")
    for more in ([], ["--seed", "3", "--replace"]):
        assert main(["train", str(mine[0]), "--steps", "2", "--save", str(out), *more]) == 0
        assert store.glimpse(out).thumbnail == png("red")
    assert store.glimpse(out).state is None, "only what a card shows"
    assert store.load(out).state is not None


@pytest.mark.parametrize(("seconds", "text"), [
    (0.02, "under 1 s"), (1.4, "1 s"), (48.2, "48 s"), (150.0, "2 min")])
def test_times_are_told_as_people_do(seconds: float, text: str) -> None:
    assert show_time(seconds) == text


def test_an_example_is_loaded_once(window: object, engine: object) -> None:
    engine.calls.clear()  # type: ignore[attr-defined]
    window.files.show_example(EXAMPLES["perceptron"])  # type: ignore[attr-defined]
    assert [name for name in engine.names() if "load" in name] == [  # type: ignore[attr-defined]
        "unload", "load"]


@pytest.mark.parametrize("name", ["alexnet", "mlp-digits", "transformer"])
def test_an_exact_name_is_marked_first(gallery: Gallery, name: str) -> None:
    gallery.search.setText(name)
    chosen = gallery.chosen()
    assert chosen is not None
    assert chosen.name == name
