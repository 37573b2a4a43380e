"""Text that a network writes: temperature, the window that moves on, and what it has learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.examples.sequence_measures import bits_per_character
from playground.headless import Outcome, train
from playground.layers.sequence_data import Characters
from playground.sampling import continued, draw, numbers_of, opening_of, vocabulary_of, write
from playground.session import Session

ORDER = 3
PROBABILITIES = np.array([0.5, 0.25, 0.25, 0.0], np.float32)


# -- drawing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("temperature", "wanted"), [
    (1.0, [0.5, 0.25, 0.25, 0]),
    (0.5, [4 / 6, 1 / 6, 1 / 6, 0]),
    (2.0, [0.4142, 0.2929, 0.2929, 0]),
    (0.0, [1, 0, 0, 0])])
def test_the_temperature_sharpens_or_flattens(temperature: float, wanted: list[float]) -> None:
    random = np.random.default_rng(1)
    drawn = [draw(PROBABILITIES, temperature, random) for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 4000, wanted, atol=0.03)


def test_a_very_low_temperature_does_not_overflow() -> None:
    assert draw(np.array([1e-30, 1], np.float32), 1e-3, np.random.default_rng(0)) == 1


# -- the text -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained() -> Outcome:
    example = EXAMPLES["char-lstm"]
    return train(example.graph, epochs=example.mark.epochs)


def written(session: Session, count: int, temperature: float, seed: int = 0) -> str:
    data = session.data
    symbols = write(session.evaluator, data.x_validation[0], count, temperature, seed)
    return "".join(data.dataset.vocabulary[symbol] for symbol in symbols)


def markov_bits(text: str, train_end: int, order: int) -> float:
    """Bits per character of text[train_end:] for a Markov model counted on what comes before.

    Where a context has n characters after it, t different ones, the next lower order has a weight
    of t / (n + t). Witten & Bell 1991.
    """
    counts: list[dict[str, Counter[str]]] = [{} for _ in range(order + 1)]
    for length, table in enumerate(counts):
        for i in range(length, train_end):
            table.setdefault(text[i - length:i], Counter())[text[i]] += 1

    def probability(i: int, length: int) -> float:
        if length < 0:
            return 1 / len(set(text))
        lower = probability(i, length - 1)
        follows = counts[length].get(text[i - length:i])
        if follows is None:
            return lower
        return (follows[text[i]] + len(follows) * lower) / (follows.total() + len(follows))

    return float(np.mean([-np.log2(probability(i, order)) for i in range(train_end, len(text))]))


def whole_text(windows: Characters) -> str:
    """The text that the windows are cut from, but for what is left over at its end."""
    data = windows.load().dataset
    one = msgspec.structs.replace(windows, predict="each").raw()
    x, target = one.x.astype(int), one.target.astype(int)
    numbers: Sequence[int] = [*x[0, :1], *target[0], *target[1:, -windows.stride:].ravel()]
    return "".join(data.vocabulary[n] for n in numbers)


def test_the_windows_are_the_text() -> None:
    text = whole_text(Characters(steps=20, stride=7, lower_case=True))
    assert text.startswith("chapter 1\n\nit is a truth universally acknowledged, that a single man")
    assert len(text) > 40_000


def test_it_needs_fewer_bits_than_a_markov_model_of_order_three(trained: Outcome) -> None:
    layer = trained.session.graph.node("text_1").layer
    assert isinstance(layer, Characters)
    data = trained.session.data
    text = whole_text(layer)
    # Training ends with the last answer of its last window; validation begins with the first one.
    end = (len(data.x_train) - 1) * layer.stride + layer.steps + 1
    first = len(data.dataset) - len(data.x_validation)
    assert end <= first * layer.stride + 1
    markov = markov_bits(text, end, ORDER)
    assert 2 < markov < markov_bits(text, end, ORDER - 1) < markov_bits(text, end, 1) < 4
    assert bits_per_character(trained) < markov


def test_it_writes_words_of_the_book(trained: Outcome) -> None:
    text = written(trained.session, 400, 0.5)
    assert len(text) == 400
    known = set(whole_text(Characters(lower_case=True)).split())
    words = text.split()[1:-1]
    assert np.mean([word in known for word in words]) > 0.8


def test_a_higher_temperature_writes_what_is_less_likely(trained: Outcome) -> None:
    known = set(whole_text(Characters(lower_case=True)).split())
    shares = [np.mean([word in known for word in written(trained.session, 300, t).split()])
              for t in (0.5, 2.0)]
    assert shares[0] > shares[1] + 0.2


def test_the_same_seed_writes_the_same(trained: Outcome) -> None:
    session = trained.session
    assert written(session, 50, 1.0, 3) == written(session, 50, 1.0, 3)
    assert written(session, 50, 1.0, 3) != written(session, 50, 1.0, 4)


def test_one_answer_after_the_window_will_do() -> None:
    """A network that gives the next symbol after the last step alone writes as well."""
    graph = EXAMPLES["char-lstm"].graph
    graph = graph.with_layer("text_1", graph.node("text_1").layer.with_settings(predict="last"))
    graph = graph.with_layer("lstm_1", graph.node("lstm_1").layer.with_settings(returns="last"))
    assert len(written(Session(graph), 20, 1.0)) == 20


# -- prompts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 7, 49, 50, 80])
def test_a_prompt_of_any_length_is_answered_as_the_network_does(
        trained: Outcome, length: int) -> None:
    """What comes after a prompt is what the network says after its last character; of one that is
    longer than the window, after the part that fits.
    """
    session = trained.session
    text = session.data.x_validation[::5].ravel()[:length]
    before = session.data.x_validation[0]
    first = next(continued(session.evaluator, text, 1, before=before))
    window = np.zeros((1, len(before)), np.float32)
    seen = text[-len(before):]
    window[0, :len(seen)] = seen
    wanted = session.evaluator.predict(window)[0, len(seen) - 1]
    np.testing.assert_allclose(first.probabilities, wanted, atol=1e-6)
    assert first.probability == pytest.approx(wanted[first.symbol])
    assert first.likeliest(2)[0] == (int(wanted.argmax()), pytest.approx(float(wanted.max())))


def test_a_question_is_followed_by_what_follows_questions(trained: Outcome) -> None:
    """Of "mr", the network has learned what comes next, however short the prompt."""
    session = trained.session
    vocabulary = vocabulary_of(session.program)
    numbers, _ = numbers_of("and mr", vocabulary)
    (first, _), *_ = next(continued(
        session.evaluator, numbers, 1, before=session.data.x_validation[0])).likeliest(3)
    assert vocabulary[first] in ".s"


def test_only_texts_have_a_vocabulary_to_write_in() -> None:
    for name, size in (("char-lstm", 44), ("copy-memory", 0), ("slot-filling", 0), ("vqa", 0)):
        assert len(vocabulary_of(Session(EXAMPLES[name].graph).program)) == size


def test_an_opening_is_made_of_whole_words(trained: Outcome) -> None:
    assert opening_of(trained.session.program) == "it is a truth universally "
    assert opening_of(trained.session.program, 10) == "it is a "


def test_what_the_network_cannot_read_is_told() -> None:
    numbers, unknown = numbers_of("Ab!c!", ("a", "b", "c"))
    assert (numbers.tolist(), unknown) == ([0, 1, 2], "!")
