"""Two numbers on a surface: what the examples' notes claim of each optimizer, and the picture."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from playground.comparison import compare
from playground.compiler import compile_program
from playground.engine import Engine
from playground.examples import EXAMPLES
from playground.examples.measures import exact, weights
from playground.lane import Lane
from playground.layers.base import ShapeError
from playground.layers.surface import MINIMA, Shift, Surface
from playground.probes import answer
from playground.session import Session
from playground.snapshot import Snapshot, SurfaceProbe, TensorProbe
from playground.training import SGD
from tests.fake_engine import FakeEngine
from tests.shown_views import shown
from tests.waiting import wait
from ui.main_window import MainWindow
from ui.views.surface import SurfaceView, height_pixels

NAMES = ("gradient-descent", "rosenbrock", "saddle", "himmelblau", "beale",
         "shallow-minimum")
BOWL = EXAMPLES["gradient-descent"].graph


@cache
def paths(name: str, steps: int) -> dict[str, np.ndarray]:
    """Where each optimizer of an example was in each step, (steps, 2)."""
    example = EXAMPLES[name]
    lanes = [Lane("descent", example.graph), *example.variations]
    outcomes = compare(lanes, steps=steps)
    return {lane.name: path(outcome.session) for lane, outcome in zip(lanes, outcomes, strict=True)}


def path(session: Session) -> np.ndarray:
    history = session.history.view()
    return np.column_stack([history.mean(column) for column in session.program.followed])


def nearest(places: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """How far each place is from the nearest minimum, and which one that is."""
    layer = EXAMPLES[name].graph.node("surface_1").layer
    assert isinstance(layer, Surface)
    distances = np.linalg.norm(places[:, None] - np.array(MINIMA[layer.surface]), axis=2)
    return distances.min(axis=1), distances.argmin(axis=1)


def arrival(name: str, lane: str, steps: int, within: float = 0.1) -> int:
    """The first step that begins so close to a minimum; `steps` where none does."""
    found = np.flatnonzero(nearest(paths(name, steps)[lane], name)[0] < within)
    return int(found[0]) if len(found) else steps


# -- the notes, in numbers ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_all_begin_at_the_same_place(name: str) -> None:
    shift = EXAMPLES[name].graph.node("place").layer
    assert isinstance(shift, Shift)
    for places in paths(name, 150).values():
        np.testing.assert_allclose(places[0], shift.start, rtol=1e-6)


def test_newton_is_at_the_bottom_of_a_bowl_after_one_step() -> None:
    assert arrival("gradient-descent", "Newton", 150, 0.02) == 1


def test_momentum_and_nesterov_hurry_along_the_floor() -> None:
    descent = arrival("gradient-descent", "descent", 150)
    assert arrival("gradient-descent", "momentum", 150) < descent
    assert arrival("gradient-descent", "Nesterov", 150) < descent / 2


def test_descent_goes_from_side_to_side() -> None:
    y = paths("gradient-descent", 150)["descent"][:6, 1]
    assert (np.sign(y[1:]) == -np.sign(y[:-1])).all()


def test_adam_takes_steps_of_one_length_along_both_axes() -> None:
    first = np.abs(np.diff(paths("gradient-descent", 150)["Adam"][:2], axis=0)[0])
    np.testing.assert_allclose(first, 0.3, rtol=1e-3)


def test_small_batches_go_astray_and_do_not_settle() -> None:
    late = {name: np.ptp(places[-50:], axis=0).max()
            for name, places in paths("gradient-descent", 150).items()}
    assert late["SGD"] > 20 * max(late["descent"], late["Newton"])


@pytest.mark.parametrize("rate", [0.079, 0.081])
def test_the_bowl_throws_out_who_steps_too_far(rate: float) -> None:
    """2 over the largest curvature, 25, is 0.08."""
    training = msgspec.structs.replace(BOWL.training, optimizer=SGD(learning_rate=rate), batch=250)
    session = Session(BOWL.with_training(training))
    session.run(100)
    y = np.abs(path(session)[:, 1] - exact_minimum()[1])
    assert (y[-1] > y[0]) == (rate > 0.08)


def exact_minimum() -> np.ndarray:
    """Of the bowl over the training samples: where their mean is moved to 0."""
    return -Session(BOWL).data.x_train.mean(axis=0)


@pytest.mark.parametrize(("momentum", "rate"), [(0.0, 2 / 101), (9 / 11, 4 / 121)])
def test_condition_100_at_the_best_rates(momentum: float, rate: float) -> None:
    """Per step descent leaves 99/101 of the distance, heavy ball 9/11 (Polyak 1964): with
    curvatures 1 and 100 at the best rates, 4 / (1 + 10)² and momentum (9/11)² for the latter.
    """
    graph = BOWL.with_layer("surface_1", Surface(condition=100))
    training = msgspec.structs.replace(graph.training, batch=250, optimizer=SGD(
        learning_rate=rate, momentum=momentum**2))
    session = Session(graph.with_training(training))
    session.run(100)
    left = np.linalg.norm(path(session)[-1] - exact_minimum()) / np.linalg.norm(
        path(session)[0] - exact_minimum())
    assert (left < 1e-4) == (momentum > 0)
    if not momentum:
        assert left == pytest.approx((99 / 101)**99, rel=0.05)


def test_newton_follows_a_bent_valley_in_twenty_steps() -> None:
    assert arrival("rosenbrock", "Newton", 2000) < 20
    assert arrival("rosenbrock", "descent", 2000) == 2000
    far = {name: nearest(places[-1:], "rosenbrock")[0][0]
           for name, places in paths("rosenbrock", 2000).items()}
    assert far["momentum"] < far["descent"] / 2
    assert far["Adam"] < 0.1


def test_noise_adam_and_newton_leave_a_saddle_before_descent_does() -> None:
    descent = arrival("saddle", "descent", 150)
    for name in ("SGD", "Adam", "Newton"):
        assert arrival("saddle", name, 150) < descent
    near = np.abs(paths("saddle", 150)["descent"][30:50, 1])
    assert near.max() < 0.02


def test_from_one_start_not_all_end_in_the_same_valley() -> None:
    ends = {name: nearest(places[-1:], "himmelblau") for name, places in paths(
        "himmelblau", 150).items()}
    assert all(distance[0] < 0.2 for distance, _ in ends.values())
    assert len({int(which[0]) for _, which in ends.values()}) > 1


def test_on_the_plain_momentum_takes_less_than_half_of_the_steps() -> None:
    descent = arrival("beale", "descent", 600)
    assert descent < 600
    assert max(arrival("beale", name, 600) for name in ("momentum", "Nesterov")) < descent / 2
    assert arrival("beale", "Newton", 600) <= 6


def test_from_the_other_side_nobody_arrives_and_newton_goes_farthest() -> None:
    example, elsewhere = EXAMPLES["beale"], Shift(start=(-1.0, 1.5))
    lanes = [Lane(lane.name, lane.graph.with_layer("place", elsewhere))
             for lane in (Lane("descent", example.graph), *example.variations)]
    left = {lane.name: nearest(path(outcome.session)[-1:], "beale")[0][0]
            for lane, outcome in zip(lanes, compare(lanes, steps=600), strict=True)}
    assert min(left.values()) > 4
    assert max(left, key=lambda name: left[name]) == "Newton"


SHALLOW, DEEP = (-1.0, 0.0), (1.25, 0.0)


def ends(start: tuple[float, float]) -> dict[str, tuple[float, np.ndarray]]:
    """The loss after 150 steps from there, and the place, by optimizer."""
    example = EXAMPLES["shallow-minimum"]
    lanes = [Lane(lane.name, lane.graph.with_layer("place", Shift(start=start)))
             for lane in (Lane("descent", example.graph), *example.variations)]
    return {lane.name: (outcome.train.loss, outcome.session.values("place.w"))
            for lane, outcome in zip(lanes, compare(lanes, steps=150), strict=True)}


def near(places: dict[str, tuple[float, np.ndarray]], minimum: tuple[float, float]) -> set[str]:
    return {name for name, (_, place) in places.items()
            if np.linalg.norm(place - np.array(minimum)) < 0.1}


def test_momentum_passes_a_shallow_minimum_where_the_others_stay() -> None:
    found = ends((-2.2, 1.5))
    assert near(found, SHALLOW) == {"descent", "SGD", "Adam", "Newton"}
    assert near(found, DEEP) == {"momentum", "Nesterov"}
    losses = {name: loss for name, (loss, _) in found.items()}
    assert losses["descent"] == pytest.approx(0.254, abs=0.001)
    assert [losses["momentum"], losses["Nesterov"]] == pytest.approx([0.020] * 2, abs=0.001)


def test_a_short_way_down_gives_no_speed_and_behind_the_ridge_all_arrive() -> None:
    assert len(near(ends((-1.5, 1.5)), SHALLOW)) == len(near(ends((0.3, 1.5)), DEEP)) == 6


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lane", range(5))
def test_each_optimizer_is_another_one_on_the_same_surface(name: str, lane: int) -> None:
    example = EXAMPLES[name]
    variation = example.variations[lane].graph
    assert variation.training.optimizer != example.graph.training.optimizer
    assert variation.with_training(example.graph.training) == example.graph


# -- the surface, by the network itself -----------------------------------------------------------


def test_heights_are_the_loss_of_the_training_part() -> None:
    session = Session(BOWL)
    heights = answer(session, SurfaceProbe((-2, 2, -1, 1), resolution=5))
    x, y = np.meshgrid(np.linspace(-2, 2, 5), np.linspace(-1, 1, 5))
    samples = session.data.x_train.astype(float)
    expected = np.mean([((x + a)**2 + 25 * (y + b)**2) / 2 for a, b in samples], axis=0)
    np.testing.assert_allclose(heights, expected, rtol=1e-4)
    np.testing.assert_array_equal(session.values("place.w"), np.float32([-8.0, 1.5]))


def test_a_linear_model_has_its_lowest_point_where_least_squares_says() -> None:
    session = Session(EXAMPLES["gradient-descent-linear"].graph)
    session.run(200)
    best = exact(session)
    assert np.abs(weights(session) - best).max() < 1e-4
    assert session.program.followed == ("dense_1.w[0]", "dense_1.w[1]", "dense_1.b[0]")
    heights = answer(session, SurfaceProbe(
        (best[0] - 1, best[0] + 1, best[1] - 1, best[1] + 1), resolution=9))
    assert np.unravel_index(heights.argmin(), heights.shape) == (4, 4)
    np.testing.assert_allclose(path(session)[-1], weights(session), atol=1e-4)


def test_networks_of_many_weights_have_no_surface() -> None:
    session = Session(EXAMPLES["mlp-spiral"].graph)
    assert session.program.followed == ()
    assert answer(session, SurfaceProbe((0, 1, 0, 1))) is None


def test_weights_are_followed_from_before_each_update() -> None:
    session = Session(BOWL)
    places = []
    for _ in range(5):
        places.append(session.values("place.w").copy())
        session.run(1)
    np.testing.assert_array_equal(path(session), np.array(places))


def test_a_start_has_one_number_or_as_many_as_a_sample() -> None:
    assert Shift(start=(1.0, 2.0)).output_shape((2,)) == (2,)
    with pytest.raises(ShapeError, match="starts at 3"):
        Shift(start=(1.0, 2.0, 3.0)).output_shape((2,))


# -- the panel ------------------------------------------------------------------------------------


def moment(graph: Any = BOWL, steps: int = 20, extent: Any = None) -> Snapshot:
    session = Session(graph)
    session.run(steps)
    probes: list[Any] = [TensorProbe("place.w")] + ([SurfaceProbe(extent)] if extent else [])
    return Snapshot(state="paused", program=session.program, step=steps,
                    history=session.history.view(),
                    values={probe: answer(session, probe) for probe in probes})


def test_the_panel_asks_for_the_surface_around_the_path(qtbot: QtBot) -> None:
    view: Any = shown(qtbot, SurfaceView(), moment())
    (probe,) = (p for p in view.probes() if isinstance(p, SurfaceProbe))
    x0, x1, y0, y1 = probe.extent
    assert x0 < -8 < -2 < x1
    assert y0 < -1.5 < 1.5 < y1
    view.show_snapshot(moment(extent=probe.extent))
    assert view.image.image is not None
    (curve,) = view.paths.values()
    # The start, a point for each step, and where it is by now.
    assert len(curve.step) == 22
    assert (curve.step[0], curve.values[0]) == (-8, 1.5)
    assert view.extent == probe.extent
    rows = view.table()[1]
    assert rows[0] == ["this network", -8.0, 1.5]


def test_a_network_of_many_weights_is_told_so(qtbot: QtBot) -> None:
    program = compile_program(EXAMPLES["mlp-spiral"].graph)
    view: Any = shown(qtbot, SurfaceView(), Snapshot(state="paused", program=program))
    assert "two to four weights" in view.empty_text


def test_bands_tell_heights_apart_and_hide_nothing(qtbot: QtBot) -> None:
    heights = np.geomspace(1e-3, 1e3, 64, dtype=np.float32).reshape(8, 8)
    pixels = height_pixels(heights)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 8
    heights[0, 0] = np.nan
    assert (height_pixels(heights)[0, 0] == pixels[-1, -1]).all()
    assert height_pixels(np.full((3, 3), np.inf, np.float32)).max() == 0


def test_a_dragged_start_is_that_of_all(window: MainWindow, engine: FakeEngine) -> None:
    window.files.open_example(EXAMPLES["gradient-descent"])
    assert not window.docks.all["surface"].isHidden()
    window.variations.chips[0].click()
    view = window.views["surface"]
    assert isinstance(view, SurfaceView)
    engine.calls.clear()
    view.start_moved.emit("place", 3.0, -1.0)
    assert window.document.graph.node("place").layer == Shift(start=(3.0, -1.0))
    (lane,) = next(call[1] for call in engine.calls if call[0] == "set_lanes")
    assert lane.graph.node("place").layer == Shift(start=(3.0, -1.0))
    assert window.lanes.offered[1].graph.node("place").layer == Shift(start=(3.0, -1.0))
    assert window.variations.chips[0].isChecked()
    assert "reset" in engine.names()
    # Taken back, all begin anew from the old place.
    engine.calls.clear()
    window.document.stack.undo()
    assert window.document.graph.node("place").layer == Shift(start=(-8.0, 1.5))
    (lane,) = next(call[1] for call in engine.calls if call[0] == "set_lanes")
    assert lane.graph.node("place").layer == Shift(start=(-8.0, 1.5))
    assert window.lanes.offered[1].graph.node("place").layer == Shift(start=(-8.0, 1.5))
    assert engine.names().index("load") < engine.names().index("reset")


def test_another_example_is_no_moved_start(window: MainWindow, engine: FakeEngine) -> None:
    window.files.open_example(EXAMPLES["gradient-descent"])
    engine.calls.clear()
    window.files.open_example(EXAMPLES["rosenbrock"])
    assert not {"reset", "set_lanes"} & set(engine.names())
    assert window.lanes.offered == EXAMPLES["rosenbrock"].variations


def test_the_network_itself_begins_anew_where_the_start_was() -> None:
    engine = Engine()
    engine.start()
    try:
        for start in (Shift(start=(3.0, -1.0)), Shift(start=(-8.0, 1.5))):
            engine.load(BOWL.with_layer("place", start))
            engine.reset()
            engine.run_until(step=5)
            wait(engine, lambda s: s.state == "paused" and s.step == 5)
            way = engine.ask(path)
            assert way is not None
            np.testing.assert_allclose(way[0], start.start)
    finally:
        engine.quit()
