"""Sequences, texts, scenes and points: what is asked can be known, and by the rule that is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playground import document
from playground.data import NO_TARGET, DataError, Dataset, digits
from playground.data.bundled import el_nino, pride_and_prejudice
from playground.data.scenes import ANSWERS, COLOURS, SHAPES, scenes
from playground.data.scenes import VOCABULARY as QUESTION_WORDS
from playground.data.sentences import CITIES, END, SLOTS, STEPS, slot_filling
from playground.data.sequences import adding, copy_memory, look_ahead, sines
from playground.data.unlabelled import rings_and_lines
from playground.data.windows import read_text, series_windows, text_windows
from playground.data.wording import facts, wordings
from playground.graph import Graph
from playground.layers import LAYERS
from playground.layers.base import make_layer
from playground.layers.data import DataLayer
from playground.layers.sequence_data import Characters, ElNino

KINDS = ("adding", "copy_memory", "sines", "look_ahead", "memory_on_command", "digit_rows",
         "characters", "el_nino", "slot_filling", "scenes", "rings_and_lines")
DRAWN = {"adding", "copy_memory", "sines", "look_ahead", "slot_filling", "scenes",
         "rings_and_lines"}


def layer_of(kind: str, **settings: Any) -> DataLayer:
    layer = make_layer(kind, settings)
    assert isinstance(layer, DataLayer)
    return layer


# -- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_draws_the_same_and_another_other_samples(kind: str) -> None:
    one, same, other = (layer_of(kind, seed=seed).dataset() for seed in (1, 1, 2))
    assert one.x.tobytes() == same.x.tobytes()
    assert one.target.tobytes() == same.target.tobytes()
    assert (one.x.tobytes() != other.x.tobytes()) == (kind in DRAWN)
    assert one.source


@pytest.mark.parametrize("kind", KINDS)
def test_signals_are_what_the_data_hold(kind: str) -> None:
    layer = layer_of(kind)
    data, signals = layer.load(), dict(zip(layer.outputs, layer.infer(), strict=True))
    parts = {port.name: port.of(data.x_train) for port in data.dataset.ports} or {
        "x": data.x_train}
    for name, values in {**parts, "target": data.target_train}.items():
        assert signals[name].shape == values.shape[1:]
        if classes := signals[name].classes:
            assert values.max() < classes
    assert not layer.notes()
    assert layer.subtitle()


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_limited(kind: str) -> None:
    for name, huge in (("count", 10**6), ("steps", 10**6), ("points", 10**9), ("size", 4000)):
        if name in LAYERS[kind].__struct_fields__:
            with pytest.raises(ValueError, match="Expected `int` <="):
                make_layer(kind, {name: huge})


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_tells_of_its_data(kind: str) -> None:
    data = layer_of(kind).load()
    assert f"{len(data.x_train):,} train" in facts(data)
    assert data.dataset.source in facts(data)
    assert bool(wordings(data)) == bool(data.dataset.vocabulary)


def test_settings_that_change_nothing_are_idle() -> None:
    idle = {kind: {name for name in layer_of(kind).idle_settings() if "." not in name}
            for kind in KINDS}
    assert idle["characters"] == {"augmentation", "standardise", "seed"}
    assert idle["el_nino"] == {"seed"}
    assert idle["look_ahead"] == {"augmentation", "standardise"}
    assert idle["slot_filling"] == {"augmentation", "standardise"}
    assert idle["scenes"] == {"augmentation"}
    assert idle["adding"] == idle["digit_rows"] == set()


# -- by rule --------------------------------------------------------------------------------------


def test_adding_asks_for_the_sum_of_the_two_marked_numbers() -> None:
    data = adding(500, 11, seed=3)
    marked = data.x[:, :, 1] == 1
    assert (marked.sum(axis=1) == 2).all()
    assert (marked[:, :5].sum(axis=1) == 1).all()
    np.testing.assert_allclose(data.target[:, 0], (data.x[:, :, 0] * marked).sum(axis=1),
                               rtol=1e-6)
    assert set(np.flatnonzero(marked.any(axis=0))) == set(range(11))
    assert np.mean((data.target - 1) ** 2) == pytest.approx(1 / 6, rel=0.15)


def test_copy_memory_asks_for_the_symbols_after_the_delay() -> None:
    data = copy_memory(100, items=4, delay=6, seed=5)
    names = np.array(data.vocabulary)[data.x.astype(int)]
    for words, wanted in zip(names, data.target.astype(int), strict=True):
        assert "".join(words[4:]) == "·····?····"
        assert (wanted[:10] == NO_TARGET).all()
        assert [data.classes[number] for number in wanted[10:]] == list(words[:4])
    assert np.bincount(data.target[:, 10:].astype(int).ravel()).min() > 20


@pytest.mark.parametrize("answers", ["last", "each"])
def test_sines_ask_for_the_next_value(answers: Any) -> None:
    data = sines(50, 30, 2, 0.0, answers, seed=2)
    if answers == "last":
        assert data.target.shape == (50, 1)
        longer = sines(50, 30, 2, 0.0, "each", seed=2)
        np.testing.assert_array_equal(longer.target[:, -1], data.target)
    else:
        np.testing.assert_array_equal(data.target[:, :-1], data.x[:, 1:])
    assert np.abs(data.x).max() <= 1
    # One wave obeys its recurrence: y(t+1) = 2 cos(w) y(t) - y(t-1), with one w for all t.
    wave = sines(20, 30, 1, 0.0, "each", seed=4).x[:, :, 0].astype(np.float64)
    middle, sides = wave[:, 1:-1], wave[:, 2:] + wave[:, :-2]
    slope = (middle * sides).sum(axis=1) / (middle**2).sum(axis=1)
    np.testing.assert_allclose(sides, slope[:, None] * middle, atol=1e-5)
    periods = 2 * np.pi / np.arccos(slope / 2)
    assert periods.min() > 5.9
    assert periods.max() < 30.1


def test_noise_is_on_what_is_seen_and_not_on_what_is_asked() -> None:
    pure, noisy = (sines(200, 20, 2, noise, "each", seed=1) for noise in (0.0, 0.3))
    np.testing.assert_array_equal(pure.target, noisy.target)
    assert (noisy.x - pure.x).std() == pytest.approx(0.3, rel=0.05)


def test_look_ahead_asks_for_what_comes_later() -> None:
    data = look_ahead(50, 9, ahead=2, symbols=3, seed=1)
    np.testing.assert_array_equal(data.target[:, :7], data.x[:, 2:])
    assert (data.target[:, 7:] == NO_TARGET).all()
    assert set(np.unique(data.x)) == {0, 1, 2}
    with pytest.raises(DataError, match="9 steps ahead were asked for; choose 1 to 8"):
        look_ahead(50, 9, ahead=9)


def test_digit_rows_are_the_digits_turned_into_time() -> None:
    data = layer_of("digit_rows").dataset()
    np.testing.assert_array_equal(data.x, digits().x[:, 0])
    np.testing.assert_array_equal(data.target, digits().target)


# -- words ----------------------------------------------------------------------------------------


def sentences(data: Dataset) -> list[list[str]]:
    words = data.ports[0].of(data.x).astype(int)
    return [[data.vocabulary[number] for number in row] for row in words]


def test_slots_follow_from_the_words_before() -> None:
    data = slot_filling(1000, seed=2)
    lengths = data.ports[1].of(data.x)[:, 0].astype(int)
    seen: dict[str, set[str]] = {}
    for words, slots, length in zip(sentences(data), data.target.astype(int), lengths, strict=True):
        assert words[length:] == [END] * (STEPS - length)
        assert END not in words[:length]
        assert (slots[length:] == NO_TARGET).all()
        assert (slots[:length] >= 0).all()
        for step in range(length):
            slot = SLOTS[slots[step]]
            if words[step] in CITIES:
                before = words[step - 2:step] if words[step - 1] in ("to", "from") else (
                    words[step - 1:step])
                leaving = before[0] == "leave" or before[-1] == "from"
                assert slot == ("departure" if leaving else "destination")
                seen.setdefault(words[step], set()).add(slot)
            else:
                wanted = "time" if words[step].endswith("day") or words[step] in (
                    "morning", "noon", "evening") else "other"
                assert slot == wanted
    # The word alone does not tell: each city is now one, now the other.
    assert seen == {city: {"destination", "departure"} for city in CITIES}
    assert lengths.max() == STEPS
    assert lengths.min() < 5


def things_in(image: np.ndarray) -> list[tuple[str, str]]:
    """What stands on the board, told from the pixels: colour by channel, shape by outline."""
    found, side = [], image.shape[1] // 3
    for row in range(3):
        for column in range(3):
            cell = image[:, row * side:(row + 1) * side, column * side:(column + 1) * side]
            for colour, pixels in zip(COLOURS, cell, strict=True):
                if pixels.any():
                    widths = pixels.sum(axis=1)
                    widths = widths[widths > 0]
                    flat = widths.min() == widths.max()
                    round_ = widths[0] == widths[-1]
                    found.append((colour, "square" if flat else "circle" if round_ else "triangle"))
    return found


def test_answers_follow_from_the_picture_and_the_question() -> None:
    data = scenes(400, 24, seed=6)
    image, question = (port.of(data.x) for port in data.ports)
    given: list[str] = []
    for i in range(400):
        things = things_in(image[i])
        words = [QUESTION_WORDS[int(number)] for number in question[i]]
        match words:
            case ["what", "colour", "is", "the", shape]:
                (wanted,) = [colour for colour, other in things if other == shape]
            case ["what", "shape", "has", "colour", colour]:
                (wanted,) = [shape for other, shape in things if other == colour]
            case ["how", "many", shapes, "are", "there"]:
                count = sum(shape == shapes[:-1] for _, shape in things)
                wanted = ("none", "one", "two", "three")[count]
            case ["is", "there", "a", colour, shape]:
                wanted = "yes" if (colour, shape) in things else "no"
        assert ANSWERS[int(data.target[i])] == wanted
        given.append(wanted)
    assert set(given) == set(ANSWERS)
    assert abs(given.count("yes") - given.count("no")) < 40
    assert set(SHAPES) <= set(QUESTION_WORDS)


def test_samples_are_told_in_words() -> None:
    said = {kind: wordings(layer_of(kind, seed=1).load(), 1)[0] for kind in (
        "copy_memory", "look_ahead", "characters", "slot_filling", "scenes")}
    left, right = said["copy_memory"].split(" → ")
    assert right == "·" * 25 + left[:5]
    left, right = said["look_ahead"].split(" → ")
    assert right == left[3:] + "···"
    left, right = said["slot_filling"].split(" → ")
    assert len(left.split()) == len(right.split())
    assert END not in left
    assert said["scenes"].split(" → ")[1] in ANSWERS
    assert len(said["characters"].split(" → ")[1]) == 1


# -- texts and series -----------------------------------------------------------------------------


def test_windows_of_a_text() -> None:
    data = text_windows("Tiny", "abracadabra", steps=4, stride=2)
    assert data.vocabulary == data.classes == tuple("abcdr")
    told = ["".join(data.vocabulary[int(n)] for n in row) for row in data.x]
    assert told == ["abra", "raca", "cada", "dabr"]
    assert [data.classes[int(n)] for n in data.target] == ["c", "d", "b", "a"]
    each = text_windows("Tiny", "abracadabra", steps=4, stride=2, answers="each")
    assert ["".join(data.classes[int(n)] for n in row) for row in each.target] == [
        "brac", "acad", "adab", "abra"]
    assert (data.ordered, data.overlap) == (True, 2)


def test_no_character_that_validates_was_trained_on() -> None:
    for stride in (1, 3, 7):
        layer = Characters(steps=20, stride=stride, train_fraction=0.5)
        data = layer.load()
        first_unseen = (len(data.x_train) - 1) * stride + 20 + 1
        start = (len(data.dataset) - len(data.x_validation)) * stride
        assert first_unseen <= start < first_unseen + stride
        text = pride_and_prejudice()
        told = "".join(data.dataset.vocabulary[int(n)] for n in data.x_validation[0])
        assert told == text[start:start + 20]


def test_the_bundled_text() -> None:
    text = pride_and_prejudice()
    assert text.startswith("Chapter 1\n\nIt is a truth universally acknowledged, that a single man")
    assert (len(text), len(set(text))) == (42_589, 67)
    assert [f"Chapter {n}\n" in text for n in range(1, 8)] == [True] * 6 + [False]
    assert len(Characters(lower_case=True).dataset().vocabulary) < 50


def test_a_text_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes("\ufeffÄpfel\r\nund Birnen, ".encode() * 10)
    assert read_text(path).startswith("Äpfel\nund")
    layer = Characters(path=str(path), steps=5, stride=1)
    assert "Ä" in layer.load().dataset.vocabulary
    assert layer.subtitle() == "mine.txt, 5 characters"
    path.write_text("another text, and longer than the one before it. " * 9)
    assert "Ä" not in layer.load().dataset.vocabulary
    # A document and its text move together.
    document.save(tmp_path / "net.json", Graph().with_node(layer))
    assert '"path": "mine.txt"' in (tmp_path / "net.json").read_text()
    assert document.load(tmp_path / "net.json").graph.nodes[0].layer == layer


@pytest.mark.parametrize(("content", "words"), [
    (b"", "is empty"),
    (b"short", "not enough for two windows of 40"),
    (b"aaaaaaaaaa" * 20, "1 different characters"),
    (b"ab\xff\xfe" * 50, "no text in UTF-8: byte 2 is wrong"),
    ("".join(map(chr, range(200, 1400))).encode(), "1,200 different characters; 2 to 1,000"),
    (b"a b" * 2**21, "at most 4,194,304"),
])
def test_a_text_that_cannot_be_used_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        Characters(path=str(path)).load()


def test_windows_that_would_not_fit_are_refused_before_they_are_made(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("ab" * 2_000_000)
    with pytest.raises(DataError, match="more than the 512 MiB"):
        Characters(path=str(path), steps=1000, stride=1).load()


def test_el_nino_is_the_measured_series() -> None:
    series = el_nino()
    assert len(series) == 61 * 12
    # January 1950 and December 2010, and the two strongest events of the century: 1982/83, 1997/98.
    assert (series[0], series[-1]) == (np.float32(23.11), np.float32(22.07))
    years = series.reshape(61, 12)
    assert set(np.argsort(years.max(axis=1))[-3:] + 1950) >= {1983, 1998}
    assert 22.5 < series.mean() < 23.5
    assert years.mean(axis=0).argmax() == 2  # The sea off Peru is warmest in March.
    assert years.mean(axis=0).argmin() == 8


def test_the_next_month_is_asked_for_and_the_last_years_validate() -> None:
    data = ElNino(months=12).load()
    series = el_nino() - 23
    np.testing.assert_array_equal(data.dataset.x[5, :, 0], series[5:17])
    np.testing.assert_array_equal(data.dataset.target[5], series[17:18])
    np.testing.assert_array_equal(data.x_validation[-1, :, 0], series[-13:-1])
    trained = len(data.x_train) + 12
    np.testing.assert_array_equal(data.x_validation[0, :, 0], series[trained:trained + 12])
    each = series_windows("El Niño", series, 12, "each")
    np.testing.assert_array_equal(each.target[5, :, 0], series[6:18])


# -- points ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("figure", ["ring", "two rings", "line", "cross", "eight clouds"])
def test_points_lie_on_their_figure_and_are_their_own_target(figure: Any) -> None:
    data = rings_and_lines(figure, 2000, noise=0.0, seed=1)
    np.testing.assert_array_equal(data.x, data.target)
    assert not data.classes
    x, y = data.x.T
    radius = np.hypot(x, y)
    if figure == "line":
        np.testing.assert_allclose(y, x / 2, atol=1e-6)
    elif figure == "cross":
        np.testing.assert_allclose(np.abs(x), np.abs(y), atol=1e-6)
        assert 0.4 < (x * y > 0).mean() < 0.6
    elif figure == "two rings":
        inner = np.isclose(radius, 0.5, atol=1e-5)
        assert (inner | np.isclose(radius, 1, atol=1e-5)).all()
        assert inner.mean() == pytest.approx(1 / 3, abs=0.05)
    else:
        np.testing.assert_allclose(radius, 1, atol=1e-5)
        clouds = len(np.unique(np.round(data.x, 4), axis=0))
        assert clouds == 8 if figure == "eight clouds" else clouds > 1000
    noisy = rings_and_lines(figure, 2000, noise=0.1, seed=1)
    assert (noisy.x - data.x).std() == pytest.approx(0.1, rel=0.1)


def test_an_unknown_figure_is_told() -> None:
    with pytest.raises(DataError, match="no figure 'knot'"):
        rings_and_lines("knot")  # type: ignore[arg-type]
