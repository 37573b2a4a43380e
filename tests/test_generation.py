"""Which node is a code, where a decoder begins, what it draws; and films of what is made."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from playground import film
from playground.examples import EXAMPLES
from playground.generation import (
    Decoder,
    find_decoder,
    find_generator,
    find_noise,
    find_rebuilt,
    hidden_node,
)
from playground.graph import Graph
from playground.layers.merge import Add
from playground.probes import answer
from playground.session import Session
from playground.shapes import check
from playground.snapshot import (
    Boundary,
    BoundaryProbe,
    DecodedProbe,
    Film,
    FilmProbe,
    PredictionsProbe,
)


def of(find: Any, graph: Graph) -> Any:
    found = check(graph)
    return find(graph, found, found.losses[0])


# -- which node is what ---------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "wanted"), [
    ("autoencoder", Decoder("code", "code", "rebuilt")),
    ("vae", Decoder("code", "mean", "rebuilt")),  # Not log_variance, nor what has noise in it.
    ("denoising-autoencoder", None),  # 32 numbers are no place in the plane.
    ("mlp-spiral", None), ("gan", None), ("vqa", None)])
def test_decoders_are_found(name: str, wanted: Decoder | None) -> None:
    assert of(find_decoder, EXAMPLES[name].graph) == wanted


def test_a_code_that_something_goes_past_is_none() -> None:
    graph = EXAMPLES["autoencoder"].graph
    past = msgspec.structs.replace(graph.node("decoder_1").layer)
    graph = graph.with_node(past, id="past").connect("flatten_1", "past")
    edge = next(edge for edge in graph.edges if edge.source == "decoder_1")
    graph = graph.without_edges([edge]).with_node(Add(), id="both")
    graph = graph.connect("decoder_1", "both").connect("past", "both", 0, 1)
    graph = graph.connect("both", "decoder_2")
    assert check(graph).trainable
    assert of(find_decoder, graph) is None
    assert of(find_rebuilt, graph) == "rebuilt"


def test_generators_rebuilders_and_noise_are_found() -> None:
    graphs = {name: EXAMPLES[name].graph for name in (
        "gan", "vae", "autoencoder", "denoising-autoencoder", "cnn-digits")}
    assert [find_generator(g, check(g)) for g in graphs.values()] == [
        "made", None, None, None, None]
    assert [of(find_rebuilt, g) for g in graphs.values()] == [
        None, "rebuilt", "rebuilt", "rebuilt", None]
    noises = [find_noise(g, check(g)) for g in graphs.values()]
    assert [noise and noise[0] for noise in noises] == [None, None, None, "noise_1", None]


@pytest.mark.parametrize(("name", "node"), [
    ("mlp-digits", "dense_1"), ("mlp-spiral", "dense_2"), ("cnn-digits", "dropout_1"),
    ("elman", "elman_1"), ("denoising-autoencoder", "code")])
def test_the_output_layer_removed_leaves_the_last_hidden_one(name: str, node: str) -> None:
    assert of(hidden_node, EXAMPLES[name].graph) == node


# -- what a decoder draws -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
def test_a_grid_of_places_is_decoded_place_by_place(name: str) -> None:
    session = Session(EXAMPLES[name].graph)
    session.run(20)
    drawn = answer(session, DecodedProbe((-1.0, 0.0, 2.0), (1.5, -0.5)))
    assert drawn.shape == (2, 3, 1, 8, 8)
    places = np.array([[x, y] for y in (1.5, -0.5) for x in (-1, 0, 2)], np.float32)
    wanted = session.evaluator.outputs_from("code", places)
    np.testing.assert_allclose(drawn.reshape(6, 1, 8, 8), wanted, rtol=1e-4, atol=1e-5)
    assert np.abs(drawn[0, 0] - drawn[1, 2]).max() > 1e-3
    assert answer(session, DecodedProbe((), (1.0,))) is None


def test_without_a_decoder_nothing_is_drawn() -> None:
    assert answer(Session(EXAMPLES["mlp-digits"].graph), DecodedProbe((0.0,), (0.0,))) is None


# -- films ----------------------------------------------------------------------------------------


def shot(session: Session) -> Film:
    found = answer(session, FilmProbe())
    assert isinstance(found, Film)
    return found


def test_a_film_has_the_whole_past_in_few_frames() -> None:
    session = Session(EXAMPLES["gan"].graph)
    session.run(9)
    assert [frame.step for frame in shot(session).frames] == [0, 1, 4, 9]
    session.run(1194)
    steps = [frame.step for frame in shot(session).frames]
    assert len(steps) <= film.MOST + 1
    assert steps == [0, 16, 64, 144, 256, 400, 576, 784, 1024, 1203]
    last = shot(session).frames[-1]
    np.testing.assert_array_equal(last.samples, session.evaluator.drawn("made", film.POINTS))


def test_each_frame_is_of_its_own_step_and_of_the_same_noise() -> None:
    graph = EXAMPLES["gan"].graph
    session, other = Session(graph), Session(graph)
    session.run(96)  # in calls of the machine that end where frames are taken
    for frame in shot(session).frames:
        other.run(frame.step - other.step)
        np.testing.assert_array_equal(frame.samples, other.evaluator.drawn("made", film.POINTS))


def test_filming_does_not_disturb_training(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = EXAMPLES["vae"].graph
    filmed = Session(graph)
    filmed.run(100)
    monkeypatch.setattr("playground.film.find_made", lambda *_: None)
    blind = Session(graph)
    blind.run(100)
    assert answer(blind, FilmProbe()) is None
    assert filmed.values("mean.w").tobytes() == blind.values("mean.w").tobytes()


def test_stepping_back_forgets_the_future() -> None:
    session = Session(EXAMPLES["vae"].graph)
    session.run(10)
    session.back("batch")
    session.back("batch")
    assert [frame.step for frame in shot(session).frames] == [0, 1, 4, 8]
    session.run(2)
    assert [frame.step for frame in shot(session).frames] == [0, 1, 4, 9, 10]
    session.reset()
    assert [frame.step for frame in shot(session).frames] == [0]


def test_an_instruction_at_a_time_takes_the_same_frames() -> None:
    graph = EXAMPLES["gan"].graph
    slow, fast = Session(graph), Session(graph)
    slow.run(2)
    while slow.step < 3:
        slow.advance(1)
    fast.run(3)
    for a, b in zip(shot(slow).frames, shot(fast).frames, strict=True):
        assert a.step == b.step
        np.testing.assert_array_equal(a.samples, b.samples)


def test_a_vae_is_filmed_drawing_and_an_autoencoder_rebuilding() -> None:
    for name, kind in (("vae", "drawn"), ("autoencoder", "rebuilt")):
        session = Session(EXAMPLES[name].graph)
        session.run(2)
        found = shot(session)
        assert found.kind == kind
        assert found.node == "rebuilt"
        assert found.originals.shape == found.frames[0].samples.shape == (film.PICTURES, 1, 8, 8)
    np.testing.assert_allclose(found.frames[-1].samples, session.evaluator.predict(
        session.data.x_validation[:film.PICTURES]), rtol=1e-5)
    assert answer(Session(EXAMPLES["mlp-digits"].graph), FilmProbe()) is None


def test_films_of_large_pictures_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.film.MOST_BYTES", 4 * 64 * film.MOST * 3)
    session = Session(EXAMPLES["autoencoder"].graph)
    assert len(shot(session).originals) == 3


def test_a_network_renamed_keeps_its_film() -> None:
    graph = EXAMPLES["gan"].graph
    session = Session(graph)
    session.run(5)
    again = Session(graph.renamed("made", "painted"))
    assert again.inherit(session)
    assert [frame.step for frame in shot(again).frames] == [0, 1, 4, 5]
    assert shot(again).node == "painted"


def test_noise_in_front_of_a_generator_counts_for_nothing() -> None:
    """Noise of the samples' own shape is not what was made of it."""
    graph = EXAMPLES["gan"].graph
    noise = msgspec.structs.replace(graph.node("noise_1").layer, shape=(2,))
    graph = graph.with_layer("noise_1", noise)
    assert find_generator(graph, check(graph)) == "made"


# -- the judge's plane ----------------------------------------------------------------------------


def seen(session: Session) -> Boundary:
    found = answer(session, BoundaryProbe(32))
    assert isinstance(found, Boundary)
    return found


def test_the_judge_says_everywhere_what_it_takes_for_real() -> None:
    session = Session(EXAMPLES["gan"].graph)
    assert seen(session).pulls is None  # No step has been made yet.
    session.run(600)
    found = seen(session)
    assert found.judged
    assert found.classes == ("real", "made")
    real, made = (found.points[found.target == i] for i in (0, 1))
    np.testing.assert_allclose(real, session.data.x_train[:len(real)], rtol=1e-5)
    np.testing.assert_allclose(made, session.evaluator.drawn("made", len(made), 1), rtol=1e-5)
    # Row 3, column 20 of the picture is what the judge scores there; rows go up.
    x0, x1, y0, y1 = found.extent
    place = np.array([[x0 + 20.5 / 32 * (x1 - x0), y0 + 3.5 / 32 * (y1 - y0)]], np.float32)
    probability = 1 / (1 + np.exp(-session.evaluator.predict(place)[0, 0]))
    assert found.values[3, 20] == (probability < 0.5)
    assert found.margin[3, 20] == pytest.approx(max(probability, 1 - probability), abs=1e-4)


def test_pulls_lead_to_where_the_judge_says_more() -> None:
    session = Session(EXAMPLES["gan"].graph)
    session.run(600)
    pulls = seen(session).pulls
    assert pulls is not None
    start, way = pulls[:, 0], pulls[:, 1] - pulls[:, 0]
    np.testing.assert_array_equal(start, session.values("made.y")[:len(start)])
    score = session.evaluator.predict
    assert np.mean(score(start + 0.02 * way) >= score(start)) > 0.95


@pytest.mark.parametrize("game", ["least_squares", "wasserstein"])
def test_other_games_have_a_plane_too(game: str) -> None:
    graph = EXAMPLES["gan"].graph
    for id in ("loss_real", "loss_made", "loss_maker"):
        graph = graph.with_layer(id, msgspec.structs.replace(graph.node(id).layer, game=game))
    session = Session(graph)
    session.run(50)
    found = seen(session)
    assert found.judged
    assert ((found.margin >= 0.5) & (found.margin <= 1)).all()


def test_data_without_a_generator_have_their_boundary() -> None:
    assert not seen(Session(EXAMPLES["mlp-spiral"].graph)).judged


# -- samples rebuilt ------------------------------------------------------------------------------


def test_samples_come_beside_what_is_made_of_them() -> None:
    session = Session(EXAMPLES["autoencoder"].graph)
    found = answer(session, PredictionsProbe(start=3, count=5))
    assert found.rebuilt
    assert found.noisy is None
    x = session.data.x_validation[3:8]
    np.testing.assert_array_equal(found.x, x)
    np.testing.assert_allclose(found.output, session.evaluator.predict(x), rtol=1e-5)


def test_a_denoiser_is_shown_with_noise_and_cleans_it_up() -> None:
    session = Session(EXAMPLES["denoising-autoencoder"].graph)
    session.run(400)
    probe = PredictionsProbe(count=100)
    found, again = answer(session, probe), answer(session, probe)
    np.testing.assert_array_equal(found.noisy, again.noisy)  # It must not flicker.
    assert (found.noisy - found.x).std() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(found.output, session.evaluator.predict(found.noisy), rtol=1e-5)
    assert np.mean((found.output - found.x)**2) < 0.6 * np.mean((found.noisy - found.x)**2)


def test_classifiers_are_asked_as_before() -> None:
    found = answer(Session(EXAMPLES["cnn-digits"].graph), PredictionsProbe(count=4))
    assert not found.rebuilt
    assert found.output.shape == (4, 10)
