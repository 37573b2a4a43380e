"""Augmentation: each change against NumPy, drawn alike everywhere, nothing when off."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from scipy import ndimage, special

from kernels import augment
from playground import graph_json
from playground.compiler import compile_program
from playground.graph import Graph
from playground.layers.augmentation import Augmentation
from playground.layers.base import make_layer
from playground.layers.data import Digits, Moons
from playground.layers.file_data import File
from playground.probes import answer
from playground.session import Session
from playground.shapes import check
from playground.snapshot import AugmentationProbe
from playground.training import SGD, Training
from tests.networks import Samples, row
from tests.sketch import both_ways
from tests.test_random import _squares as squares

EVERYTHING = Augmentation(flip_horizontal=True, flip_vertical=True, rotate=20, shift=2, crop=1,
                          cutout=3, noise=0.2)
KEY, STEP = 77, 5


def images(count: int = 60, channels: int = 2, height: int = 7, width: int = 5) -> np.ndarray:
    return np.random.default_rng(3).uniform(0.5, 1, (count, channels, height, width)).astype(
        np.float32)


def changed(kernel: Any, x: np.ndarray, first: int = 0, step: int = STEP, **settings: Any
            ) -> np.ndarray:
    """Images after a kernel."""
    y = x.copy()
    if "image" in kernel.outputs:
        settings["image"] = np.full(x.shape[2:], np.nan, np.float32)
    kernel(first=first, batch=len(x), channels=x.shape[1], height=x.shape[2], width=x.shape[3],
           key=KEY, counters=np.array([step]), x=y, **settings)
    return y


def below(n: int, index: int) -> int:
    """What the kernels draw: a whole number below n."""
    return squares((STEP << 32) + index, KEY) * n >> 32


def all_kernels() -> list[tuple[Any, dict[str, Any]]]:
    return [
        (augment.flip_images, {"across": 1, "down": 1}),
        (augment.rotate_images, {"degrees": 40.0}),
        (augment.shift_images, {"most": 2, "mirrored": 0}),
        (augment.shift_images, {"most": 3, "mirrored": 1}),
        (augment.cut_out, {"side": 3}),
    ]


# -- against NumPy --------------------------------------------------------------------------------


@pytest.mark.parametrize(("across", "down"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_flips(across: int, down: int) -> None:
    x = images()
    y = changed(augment.flip_images, x, across=across, down=down)
    for i, (before, after) in enumerate(zip(x, y, strict=True)):
        if across and below(2, 2 * i):
            before = before[:, :, ::-1]
        if down and below(2, 2 * i + 1):
            before = before[:, ::-1]
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("most", [0, 1, 4, 12])
@pytest.mark.parametrize("mirrored", [0, 1])
def test_shifts_and_crops(most: int, mirrored: int) -> None:
    x = images()
    y = changed(augment.shift_images, x, most=most, mirrored=mirrored)
    sides = ((0, 0), (most, most), (most, most))
    seen = set()
    for i, (before, after) in enumerate(zip(x, y, strict=True)):
        down, right = below(2 * most + 1, 2 * i), below(2 * most + 1, 2 * i + 1)
        padded = np.pad(before, sides, mode="reflect" if mirrored else "constant")
        np.testing.assert_array_equal(after, padded[:, down:down + 7, right:right + 5])
        seen.add((down, right))
    assert len(seen) > min(8, (2 * most + 1) ** 2 - 2)


def test_an_image_of_one_pixel_can_be_mirrored() -> None:
    x = images(5, 3, 1, 1)
    np.testing.assert_array_equal(changed(augment.shift_images, x, most=3, mirrored=1), x)


@pytest.mark.parametrize("degrees", [0.0, 15.0, 180.0])
def test_rotations(degrees: float) -> None:
    x = images(20, 2, 9, 6)
    y = changed(augment.rotate_images, x, degrees=degrees)
    for i, (before, after) in enumerate(zip(x, y, strict=True)):
        angle = np.deg2rad(-degrees + 2 * degrees * squares((STEP << 32) + i, KEY) / 2**32)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        middle = np.array([4.0, 2.5])
        for one, other in zip(before, after, strict=True):
            # grid-constant: pixels at the border fade into the black outside, as here.
            wanted = ndimage.affine_transform(one.astype(np.float64), turn, middle - turn @ middle,
                                              order=1, mode="grid-constant")
            np.testing.assert_allclose(other, wanted, atol=2e-5)


@pytest.mark.parametrize("side", [1, 2, 3, 40])
def test_cutout(side: int) -> None:
    x = images()
    y = changed(augment.cut_out, x, side=side)
    for i, (before, after) in enumerate(zip(x, y, strict=True)):
        wanted = before.copy()
        top, left = below(7, 2 * i) - side // 2, below(5, 2 * i + 1) - side // 2
        wanted[:, max(0, top):max(0, top + side), max(0, left):max(0, left + side)] = 0
        np.testing.assert_array_equal(after, wanted)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_noise_is_drawn_for_each_value(size: int) -> None:
    y = noise(np.zeros((6, size), np.float32))
    bits = np.array([squares((STEP << 32) + i, KEY) for i in range(6 * size)])
    # 23 bits, in the middle of their step, through the inverse of the normal distribution.
    wanted = 0.5 * special.ndtri(((bits >> 9) + 0.5) / 2**23)
    np.testing.assert_allclose(y.ravel(), wanted, rtol=1e-5, atol=1e-6)


def noise(x: np.ndarray, first: int = 0, deviation: float = 0.5) -> np.ndarray:
    y = x.copy()
    augment.jitter(first=first, batch=len(x), size=x[0].size, deviation=deviation, key=KEY,
                   counters=np.array([STEP]), x=y)
    return y


def test_noise_is_normal_and_independent() -> None:
    n = noise(np.zeros((1000, 301), np.float32), deviation=1.0).astype(np.float64)
    assert abs(n.mean()) < 4 / np.sqrt(n.size)
    assert abs(n.std() - 1) < 4 / np.sqrt(2 * n.size)
    shares = [(np.abs(n) < z).mean() for z in (0.5, 1.0, 2.0, 3.0)]
    np.testing.assert_allclose(shares, [0.38292, 0.68269, 0.95450, 0.99730], atol=4e-3)
    for a, b in ((n[:, :-1], n[:, 1:]), (n[:-1], n[1:])):
        assert abs((a * b).mean()) < 4 / np.sqrt(a.size)
    assert np.isfinite(n).all()


def test_what_is_not_finite_stays_in_sight() -> None:
    x = np.array([[np.nan, np.inf, -np.inf, 0]], np.float32)
    y = noise(x)
    assert np.isnan(y[0, 0])
    np.testing.assert_array_equal(y[0, 1:3], x[0, 1:3])


# -- what is drawn --------------------------------------------------------------------------------


@pytest.mark.parametrize(("kernel", "settings"), all_kernels(),
                         ids=["flip", "rotate", "shift", "crop", "cutout"])
def test_a_sample_is_changed_alike_wherever_it_is_computed(
        kernel: Any, settings: dict[str, Any]) -> None:
    x = images(9)
    whole = changed(kernel, x, **settings)
    parts = [changed(kernel, x[:4], **settings), changed(kernel, x[4:], first=4, **settings)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert changed(kernel, x, **settings).tobytes() == whole.tobytes()
    assert changed(kernel, x, step=STEP + 1, **settings).tobytes() != whole.tobytes()


def test_noise_is_drawn_alike_wherever_it_is_computed() -> None:
    x = images(9)
    parts = [noise(x[:4]), noise(x[4:], first=4)]
    assert np.concatenate(parts).tobytes() == noise(x).tobytes()


# -- in a program ---------------------------------------------------------------------------------


def digits(augmentation: Augmentation, seed: int = 7, **settings: Any) -> Graph:
    return row(Digits(augmentation=augmentation, **settings), ("flatten", {}),
               ("dense", {"units": 10}), ("softmax_cross_entropy", {}),
               training=Training(batch=17, optimizer=SGD(learning_rate=0.05),
                                 augmentation_seed=seed))


def test_when_off_the_program_is_what_it_was() -> None:
    plain = compile_program(digits(Augmentation()))
    assert [i.kernel.name for i in plain.instructions if i.phase == "load"] == [
        "shuffle_samples", "load_batch"]
    assert "digits_1.image" not in plain.tensors
    # The seed of nothing changes nothing.
    sessions = [Session(digits(Augmentation(), seed)) for seed in (1, 2)]
    for session in sessions:
        session.run(20)
    assert sessions[0].arena.state.tobytes() == sessions[1].arena.state.tobytes()


def test_it_is_part_of_training_alone() -> None:
    graph = digits(EVERYTHING)
    training, use = compile_program(graph), compile_program(graph, training=False)
    changes = [i for i in training.instructions if i.kernel.name in dir(augment)]
    assert [i.kernel.name for i in changes] == [
        "flip_images", "rotate_images", "shift_images", "shift_images", "cut_out", "jitter"]
    assert {(i.phase, i.node) for i in changes} == {("load", "digits_1")}
    assert all("=" in i.kernel.formula for i in changes)
    assert not [i for i in use.instructions if i.phase == "load"]


def test_the_batch_is_what_the_settings_say() -> None:
    session = Session(digits(Augmentation(flip_horizontal=True)))
    session.advance(3)
    x, order = session.values("digits_1.x"), session.values("order").view(np.int32)
    flipped = 0
    for i, sample in enumerate(session.data.x_train[order[:17]]):
        mirror = sample[:, :, ::-1]
        assert np.array_equal(x[i], sample) or np.array_equal(x[i], mirror)
        flipped += np.array_equal(x[i], mirror) and not np.array_equal(sample, mirror)
    assert 2 <= flipped <= 15


@pytest.mark.parametrize("standardise", ["feature", "global"])
def test_black_is_black_whatever_the_scale(standardise: str) -> None:
    plain, scaled = (
        Session(digits(Augmentation(cutout=4, shift=2, rotate=30), standardise=mode))
        for mode in ("none", standardise))
    for session in (plain, scaled):
        session.run_to("flatten_1")
        session.forward_to("phase")
    back = scaled.values("digits_1.x") * scaled.data.std + scaled.data.mean
    np.testing.assert_allclose(back, plain.values("digits_1.x"), atol=2e-6)


@pytest.mark.parametrize("threads", [1, 2])
def test_stepping_and_going_back_draw_the_same(threads: int) -> None:
    def wander(session: Session) -> None:
        session.run(30)
        session.forward_to("instruction")
        for unit in ("instruction", "batch", "phase", "epoch"):
            session.back(unit)  # type: ignore[arg-type]
        session.forward_to("layer")

    both_ways(digits(EVERYTHING), 40, wander, threads)


def test_two_lanes_draw_what_one_draws() -> None:
    one, two = (Session(digits(EVERYTHING), threads=threads) for threads in (1, 2))
    for step in range(3):
        for session in (one, two):
            session.run(step)
            session.run_to("flatten_1")
            session.forward_to("phase")
        assert one.values("digits_1.x").tobytes() == two.values("digits_1.x").tobytes()


def test_the_seed_draws_and_nothing_else_does() -> None:
    first, same, other = (Session(digits(EVERYTHING, seed)) for seed in (1, 1, 2))
    for session in (first, same, other):
        session.run(5)
    assert first.arena.state.tobytes() == same.arena.state.tobytes()
    assert first.arena.state.tobytes() != other.arena.state.tobytes()
    # A new seed is a new program.
    assert not first.set_training(
        msgspec.structs.replace(first.graph.training, augmentation_seed=3))


def test_noise_is_for_any_sample() -> None:
    graph = row(Moons(points=50, augmentation=Augmentation(noise=0.3)), ("dense", {"units": 2}),
                ("softmax_cross_entropy", {}), training=Training(batch=40))
    session = Session(graph)
    session.run_to("dense_1")
    order = session.values("order").view(np.int32)
    added = session.values("moons_1.x") - session.data.x_train[order[:40]]
    assert 0.2 < added.std() < 0.4
    before = session.validate().loss
    assert session.validate().loss == before


def test_what_is_for_images_does_nothing_else_and_says_so() -> None:
    augmentation = Augmentation(flip_horizontal=True, shift=3)
    graph = row(Moons(points=50, augmentation=augmentation), ("dense", {"units": 2}),
                ("softmax_cross_entropy", {}), training=Training(batch=40))
    assert check(graph).notes["moons_1"] == (
        "Augmentation by flip horizontal and shift changes nothing here: these samples are not "
        "images.",)
    assert len(compile_program(graph).instructions) == len(compile_program(
        graph.with_layer("moons_1", Moons(points=50))).instructions)
    assert Moons().idle_settings() == {
        f"augmentation.{name}" for name in (
            "flip_horizontal", "flip_vertical", "rotate", "shift", "crop", "cutout")}
    assert not Digits().idle_settings()
    assert "augmentation" in File().idle_settings()  # nothing is known of it yet


def test_many_channels_of_odd_size_in_lanes_of_unequal_size() -> None:
    data = Samples(shape=(3, 4, 5), count=30, augmentation=EVERYTHING, standardise="feature")
    graph = row(data, ("flatten", {}), ("dense", {"units": 1}), ("mean_squared_error", {}),
                training=Training(batch=7, optimizer=SGD(learning_rate=0.01)))
    session = Session(graph, threads=2)
    session.run(9)
    assert np.isfinite(session.values("samples_1.x")).all()
    assert session.trouble is None


# -- documents and pictures -----------------------------------------------------------------------


def test_documents_keep_it_and_older_ones_have_none() -> None:
    graph = digits(EVERYTHING, seed=99)
    assert graph_json.decode(graph_json.encode(graph)).graph == graph
    assert make_layer("digits", {"seed": 3}).settings()["augmentation"] == msgspec.to_builtins(
        Augmentation())
    with pytest.raises(ValueError, match="Digits"):
        make_layer("digits", {"augmentation": {"rotate": 300}})


def test_the_preview_shows_before_and_after_in_the_datas_own_units() -> None:
    session = Session(digits(EVERYTHING, standardise="feature"))
    both = answer(session, AugmentationProbe(count=5))
    assert both.shape == (2, 5, 1, 8, 8)
    raw = session.data.x_train[:5] * session.data.std + session.data.mean
    np.testing.assert_allclose(both[0], raw, atol=1e-6)
    assert (np.abs(both[1] - both[0]).max(axis=(1, 2, 3)) > 0.2).all()
    again = answer(session, AugmentationProbe(count=5))
    np.testing.assert_array_equal(both, again)
    other = answer(session, AugmentationProbe(count=5, draw=1))
    np.testing.assert_array_equal(both[0], other[0])
    assert not np.array_equal(both[1], other[1])
    np.testing.assert_allclose(session.data.x_train[:5] * session.data.std + session.data.mean, raw)


def test_where_nothing_changes_there_is_no_preview() -> None:
    assert answer(Session(digits(Augmentation())), AugmentationProbe()) is None
