"""What the notes of the autoencoders claim, and a network used from an inner node on."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from playground.examples import EXAMPLES
from playground.examples.measures import MEASURES
from playground.graph import Graph
from playground.headless import Outcome, train
from playground.layers.core import Dense
from playground.session import Session

GRAPH = EXAMPLES["autoencoder"].graph


def changed(graph: Graph, id: str, **settings: object) -> Graph:
    return graph.with_layer(id, msgspec.structs.replace(graph.node(id).layer, **settings))


@pytest.fixture(scope="module")
def trained() -> Outcome:
    return train(GRAPH, epochs=40)


def neighbours_agree(code: NDArray[np.float32], labels: NDArray[np.float32]) -> float:
    """How often the nearest other point is of the same class."""
    distance = np.square(code[:, None] - code[None]).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    return float(np.mean(labels == labels[distance.argmin(axis=1)]))


def test_digits_of_one_kind_lie_together_in_the_code(trained: Outcome) -> None:
    """More so than in the plane of the two principal components. No label was ever used."""
    session = trained.session
    x, labels = session.data.x_validation, session.data.target_validation
    flat = x.reshape(len(x), -1)
    components = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)[2][:2]
    linear = neighbours_agree((flat - flat.mean(axis=0)) @ components.T, labels)
    assert neighbours_agree(session.evaluator.values_of("code", x), labels) > linear + 0.05


def test_a_linear_autoencoder_is_no_better_than_principal_components() -> None:
    graph = GRAPH
    for node in graph.nodes:
        if isinstance(node.layer, Dense):
            graph = changed(graph, node.id, activation="identity")
    ratio = MEASURES["error_over_pca"](train(graph, epochs=40))
    assert 0.99 < ratio < 1.1


def test_a_wider_code_keeps_more(trained: Outcome) -> None:
    wide = train(changed(GRAPH, "code", units=8), epochs=40)
    assert wide.validation.loss < 0.6 * trained.validation.loss


# -- from an inner node on ------------------------------------------------------------------------


def test_decoding_the_codes_is_rebuilding(trained: Outcome, monkeypatch: pytest.MonkeyPatch
                                          ) -> None:
    use, x = trained.session.evaluator, trained.session.data.x_validation
    codes = use.values_of("code", x)
    assert codes.shape == (len(x), 2)
    rebuilt = use.predict(x)
    np.testing.assert_allclose(use.outputs_from("code", codes), rebuilt, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(use.outputs_from("code", codes, at="pixels"),
                               rebuilt.reshape(len(x), 64), rtol=1e-4, atol=1e-5)
    # A code that no sample has, by hand: the decoder alone.
    values = trained.session.values
    y = np.array([[1.5, -2.0]], np.float32)
    wanted = y
    for id in ("decoder_1", "decoder_2", "pixels"):
        z = wanted @ values(f"{id}.w").T + values(f"{id}.b")
        wanted = np.maximum(z, 0) if id != "pixels" else 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(use.outputs_from("code", y)[0].ravel(), wanted[0], rtol=1e-4)
    monkeypatch.setattr("playground.evaluator.MOST_BYTES", 40_000)
    few = type(use)(trained.session.program, trained.session.arena)
    assert few.batch < 50
    np.testing.assert_allclose(few.values_of("code", x), codes, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(few.outputs_from("code", codes), rebuilt, rtol=1e-4, atol=1e-5)


def test_asking_does_not_disturb_training() -> None:
    asked, left_alone = Session(GRAPH), Session(GRAPH)
    for session in (asked, left_alone):
        session.run(3)
    asked.evaluator.outputs_from("code", np.zeros((4, 2), np.float32))
    asked.evaluator.values_of("code", asked.data.x_train)
    for session in (asked, left_alone):
        session.run(3)
    assert asked.values("code.w").tobytes() == left_alone.values("code.w").tobytes()


def test_views_have_values_too(trained: Outcome) -> None:
    use, x = trained.session.evaluator, trained.session.data.x_validation[:5]
    np.testing.assert_array_equal(use.values_of("flatten_1", x), x.reshape(5, 64))
    np.testing.assert_allclose(use.outputs_from("pixels", x.reshape(5, 64)), x)


# -- with convolutions ----------------------------------------------------------------------------


@pytest.mark.parametrize(("kernel", "output_padding", "even"), [(4, 0, True), (3, 1, False)])
def test_a_kernel_that_the_stride_does_not_divide_shows_a_chessboard(
        kernel: int, output_padding: int, even: bool) -> None:
    """Equal maps through equal weights, away from the border."""
    graph = changed(EXAMPLES["autoencoder-conv"].graph, "rebuilt", kernel=(kernel, kernel),
                    output_padding=(output_padding, output_padding))
    session = Session(graph)
    session.values("rebuilt.w")[...] = 0.02
    out = session.evaluator.outputs_from("up_1", np.ones((1, 8, 14, 14), np.float32))
    assert out.shape == (1, 1, 28, 28)
    assert (np.ptp(out[0, 0, 4:24, 4:24]) < 1e-6) == even
