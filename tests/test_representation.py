"""Principal components, t-SNE, and what the window asks of a node's values."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from playground.codes import MOST_BATCHES
from playground.examples import EXAMPLES
from playground.headless import train
from playground.layers.data import Digits
from playground.probes import answer
from playground.representation import (
    Floats,
    neighbours_agree,
    principal_components,
    tsne,
    turned_like,
)
from playground.session import Session
from playground.snapshot import Representation, RepresentationProbe

RANDOM = np.random.default_rng(5)


# -- principal components -------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(200, 12), (30, 4, 5, 6), (50, 50), (9, 3)])
def test_components_are_those_of_a_singular_value_decomposition(shape: tuple[int, ...]) -> None:
    x = (RANDOM.standard_normal(shape) * np.linspace(1, 3, shape[-1])).astype(np.float32)
    found = principal_components(x, 3)
    flat = x.reshape(len(x), -1) - x.reshape(len(x), -1).mean(axis=0)
    u, s, _ = np.linalg.svd(flat.astype(float), full_matrices=False)
    np.testing.assert_allclose(np.abs(found.points), np.abs(u[:, :3] * s[:3]), atol=1e-4)
    np.testing.assert_allclose(found.shares, (s**2 / (s**2).sum())[:3], rtol=1e-5)


def test_equal_values_give_equal_pictures_and_signs_do_not_flip() -> None:
    x = RANDOM.standard_normal((40, 6)).astype(np.float32)
    first = principal_components(x).points
    np.testing.assert_array_equal(first, principal_components(x.copy()).points)
    assert (first.max(axis=0) > -first.min(axis=0)).all()
    np.testing.assert_array_equal(turned_like(-first, first), first)
    np.testing.assert_array_equal(turned_like(first * [1, -1], first), first)
    np.testing.assert_array_equal(turned_like(first, first[:7]), first)  # other samples


def test_what_is_not_finite_is_left_out_and_stays_visible() -> None:
    x = RANDOM.standard_normal((20, 5)).astype(np.float32)
    x[3, 2], x[8, 0] = np.nan, np.inf
    found = principal_components(x)
    assert np.isnan(found.points).any(axis=1).nonzero()[0].tolist() == [3, 8]
    rest = np.delete(np.arange(20), [3, 8])
    np.testing.assert_allclose(found.points[rest], principal_components(x[rest]).points)
    nothing = principal_components(np.full((4, 3), np.nan, np.float32))
    assert np.isnan(nothing.points).all()
    assert nothing.shares.tolist() == [0, 0]


def test_few_samples_or_values_give_what_there_is() -> None:
    one = principal_components(np.ones((1, 6), np.float32))
    assert one.points.tolist() == [[0, 0]]
    flat = principal_components(np.arange(5, dtype=np.float32)[:, None])
    assert flat.points.shape == (5, 1)
    assert flat.shares.tolist() == [1]


def test_neighbours_are_counted_as_scikit_learn_does() -> None:
    from sklearn.model_selection import LeaveOneOut, cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    data = Digits().load()
    x, y = data.x_validation[:150].reshape(150, 64), data.target_validation[:150]
    wanted = cross_val_score(KNeighborsClassifier(5), x, y, cv=LeaveOneOut()).mean()
    assert neighbours_agree(x, y) == pytest.approx(wanted, abs=0.01)  # ties fall otherwise


# -- t-SNE ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> tuple[Floats, Floats]:
    data = Digits().load()
    return data.x_validation, data.target_validation


@pytest.fixture(scope="module")
def embedded(digits: tuple[Floats, Floats]) -> tuple[Floats, list[float]]:
    shares: list[float] = []

    def report(share: float, points: Floats) -> bool:
        assert points.shape == (len(digits[0]), 2)
        shares.append(share)
        return True

    points = tsne(digits[0], report)
    assert points is not None
    return points, shares


def test_tsne_parts_the_digits_without_their_labels(
        digits: tuple[Floats, Floats], embedded: tuple[Floats, list[float]]) -> None:
    x, labels = digits
    assert neighbours_agree(embedded[0], labels) > 0.9
    assert neighbours_agree(principal_components(x).points, labels) < 0.7


def test_tsne_tells_how_far_it_is(embedded: tuple[Floats, list[float]]) -> None:
    shares = embedded[1]
    assert shares == sorted(shares)
    assert len(shares) > 50
    assert shares[-1] == pytest.approx(1)


def test_tsne_stops_when_told_to(digits: tuple[Floats, Floats]) -> None:
    shares: list[float] = []

    def report(share: float, points: Floats) -> bool:
        shares.append(share)
        return len(shares) < 3

    assert tsne(digits[0][:60], report) is None
    assert len(shares) == 3


def test_tsne_is_the_same_for_the_same_seed_and_takes_few_or_equal_samples() -> None:
    x = RANDOM.standard_normal((20, 4)).astype(np.float32)
    x[5:9] = x[4]
    first, again = tsne(x), tsne(x)
    assert first is not None
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    same = tsne(np.ones((12, 3), np.float32))
    assert same is not None
    assert np.isfinite(same).all()


def test_tsne_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="at least 8 samples"):
        tsne(np.zeros((7, 3), np.float32))
    with pytest.raises(ValueError, match="not finite"):
        tsne(np.full((20, 3), np.inf, np.float32))


def test_its_libraries_are_not_loaded_before_they_are_needed() -> None:
    """Half a second of imports would be a tenth of the start."""
    code = ("import sys, ui.main_window, playground.representation; "
            "print([n for n in ('openTSNE', 'sklearn') if n in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- what a node makes of samples -----------------------------------------------------------------


@pytest.fixture(scope="module")
def trained() -> Session:
    return train(EXAMPLES["mlp-digits"].graph, epochs=10).session


def asked(session: Session, node: str, components: int = 2, limit: int = 500) -> Representation:
    found = answer(session, RepresentationProbe(node, components, limit))
    assert isinstance(found, Representation)
    return found


def test_a_hidden_layer_is_shown_by_its_components(trained: Session) -> None:
    found = asked(trained, "dense_1")
    values = trained.evaluator.values_of("dense_1", trained.data.x_validation)
    np.testing.assert_allclose(found.values, principal_components(values).points, rtol=1e-4,
                               atol=1e-4)
    assert found.shares is not None
    assert found.shares.shape == (2,)
    assert found.units == 64
    assert found.classes == tuple("0123456789")
    assert found.labels is not None
    np.testing.assert_array_equal(found.labels, trained.data.target_validation)
    # The pictures are the data's own grey values again.
    assert found.x.shape == (len(values), 1, 8, 8)
    assert found.x.min() == pytest.approx(0, abs=1e-5)
    few = asked(trained, "dense_1", components=50, limit=30)
    assert few.values.shape == (30, 50)


def test_two_values_are_shown_as_they_are() -> None:
    session = Session(EXAMPLES["autoencoder"].graph)
    found = asked(session, "code")
    assert found.shares is None
    assert found.units == 2
    np.testing.assert_array_equal(
        found.values, session.evaluator.values_of("code", session.data.x_validation))


def test_a_number_to_predict_is_told_by_ranges() -> None:
    session = Session(EXAMPLES["lstm"].graph)
    found = asked(session, "lstm_1", limit=50)
    assert found.ordered
    assert len(found.classes) == 5
    assert found.labels is not None
    assert (found.labels.min(), found.labels.max()) == (0, 4)
    target = session.data.target_validation[:50].ravel()
    order = np.argsort(target)
    assert (np.diff(found.labels[order]) >= 0).all()
    low, high = (float(end) for end in found.classes[2].split(" to "))
    middle = target[found.labels == 2]
    assert low - 0.01 <= middle.min() <= middle.max() <= high + 0.01


def test_data_without_classes_have_no_labels() -> None:
    found = asked(Session(EXAMPLES["gan"].graph), "made")
    assert found.labels is None
    assert found.classes == ()
    assert found.values.shape == (500, 2)


@pytest.mark.parametrize("node", ["loss_1", "nobody"])
def test_what_gives_nothing_has_no_representation(trained: Session, node: str) -> None:
    id = trained.program.loss_node if node == "loss_1" else node
    assert answer(trained, RepresentationProbe(id)) is None


def test_large_layers_show_fewer_samples(trained: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.codes.MOST_VALUES", 640)
    found = asked(trained, "dense_1")
    assert len(found.values) == len(found.x) == 10
    assert found.labels is not None
    assert len(found.labels) == 10
    monkeypatch.setattr("playground.codes.MOST_VALUES", 10**9)
    monkeypatch.setattr(trained.evaluator, "batch", 4)
    assert len(asked(trained, "dense_1").values) == 4 * MOST_BATCHES


def test_asking_does_not_disturb_training() -> None:
    graph = EXAMPLES["mlp-digits"].graph
    one, other = Session(graph), Session(graph)
    one.run(3)
    asked(one, "dense_1")
    one.run(3)
    other.run(6)
    assert one.values("dense_1.w").tobytes() == other.values("dense_1.w").tobytes()


def silhouette(points: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(points, labels))


@pytest.mark.parametrize(("name", "node", "epochs"), [
    ("representation", "dense_2", 20), ("mlp-digits", "dense_1", 20),
    ("cnn-digits", "flatten_1", 10)])
def test_classes_lie_further_apart_in_the_hidden_layer_than_in_the_pixels(
        name: str, node: str, epochs: int) -> None:
    """P9, in the plane of the components and in all values, of digits it never trained on."""
    session = train(EXAMPLES[name].graph, epochs=epochs).session
    x, labels = session.data.x_validation, session.data.target_validation
    hidden, pixels = (session.evaluator.values_of(id, x).reshape(len(x), -1)
                      for id in (node, session.program.data_node))
    plane, plane_of_pixels = (principal_components(v).points for v in (hidden, pixels))
    assert neighbours_agree(plane, labels) > neighbours_agree(plane_of_pixels, labels) + 0.05
    assert silhouette(plane, labels) > silhouette(plane_of_pixels, labels) + 0.05
    assert silhouette(hidden, labels) > silhouette(pixels, labels) + 0.1


def test_what_the_note_says_of_neighbours() -> None:
    graph = EXAMPLES["representation"].graph
    session = train(graph, epochs=20).session

    def agreement(of: Session, node: str) -> float:
        x = of.data.x_validation
        return neighbours_agree(principal_components(of.evaluator.values_of(node, x)).points,
                                of.data.target_validation)

    pixels, first, second = (agreement(session, id) for id in ("flatten_1", "dense_1", "dense_2"))
    assert pixels == pytest.approx(0.6, abs=0.05)
    assert pixels < first < second
    assert second == pytest.approx(0.75, abs=0.08)
    assert agreement(Session(graph), "dense_2") < pixels  # before the first step


def test_islands_of_the_hidden_layer_have_fewer_strangers() -> None:
    session = train(EXAMPLES["representation"].graph, epochs=20).session
    x, labels = session.data.x_validation, session.data.target_validation
    islands = [tsne(values) for values in (session.evaluator.values_of("dense_2", x), x)]
    hidden, pixels = (silhouette(points, labels) for points in islands if points is not None)
    assert hidden > pixels + 0.05
