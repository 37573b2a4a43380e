"""Questions about pictures: two encoders that meet, and what each can do alone."""

from __future__ import annotations

from playground.data.scenes import VOCABULARY
from playground.examples.base import Example, Mark, seeded
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.lane import Lane
from playground.layers.activation import Tanh
from playground.layers.conv import Conv2D
from playground.layers.core import Dense
from playground.layers.data import DataLayer
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.merge import Concat
from playground.layers.pool import GlobalAvgPool2D, MaxPool2D
from playground.layers.recurrent import LSTM
from playground.layers.sequence import Embedding
from playground.layers.sequence_data import Scenes
from playground.training import Adam

SCENES = Scenes(count=5000, train_fraction=0.9)
X, QUESTION = 0, 2
"""Outputs of the data node."""
EPOCHS = 35


def _start(notes: str, row: float, scenes: DataLayer = SCENES) -> Wired:
    net = Wired(seeded(7, batch=32, optimizer=Adam(learning_rate=0.003)), notes)
    net.add("scenes_1", scenes, 0, row)
    return net


def _image(net: Wired, column: int) -> str:
    """VGG in small: 3×3 convolutions and pooling, down to the 3×3 cells of the board. It ends in
    the second row, from this column on."""
    before: str = "scenes_1"
    for number, channels in enumerate((16, 32, 32), 1):
        before = net.add(f"conv_{number}", Conv2D(
            channels=channels, kernel=(3, 3), padding="same", activation="relu"),
            2 * number - 1, 0, before)
        before = net.add(f"pool_{number}", MaxPool2D(kernel=(2, 2)), 2 * number, 0, before)
    net.add("pool_4", GlobalAvgPool2D(), column, 1, before)
    return net.add("image", Dense(units=64, activation="tanh"), column + 1, 1, "pool_4")


def _question(net: Wired, column: int, row: float) -> str:
    net.add("embedding_1", Embedding(vocabulary=len(VOCABULARY), dimension=16), column, row,
            ("scenes_1", QUESTION))
    net.add("tanh_1", Tanh(), column + 1, row, "embedding_1")
    net.add("lstm_1", LSTM(units=16, layers=2, returns="states"), column + 2, row, "tanh_1")
    net.add("tanh_2", Tanh(), column + 3, row, "lstm_1")
    return net.add("question", Dense(units=64), column + 4, row, "tanh_2")


def _answer(net: Wired, before: str, column: int, row: float) -> Graph:
    """Three more nodes in a row."""
    net.add("hidden", Dense(units=64, activation="relu"), column, row, before)
    net.add("answer", Dense(units=12), column + 1, row, "hidden")
    net.add("loss_1", SoftmaxCrossEntropy(), column + 2, row, "answer")
    return net.graph


def _both(notes: str) -> Graph:
    net = _start(notes, 1)
    image, question = _image(net, 5), _question(net, 2, 2)
    return _answer(net, net.add("join", Concat(), 1, 3, image, question), 2, 3)


def _image_alone(notes: str) -> Graph:
    net = _start(notes, 0)
    return _answer(net, _image(net, 1), 3, 1)


def _question_alone(notes: str) -> Graph:
    net = _start(notes, 0)
    return _answer(net, _question(net, 1, 0), 1, 1)


VQA = Example(
    "vqa", "Questions about pictures",
    "one network sees the scene, one reads the question, and together they answer",
    _both("""
# Visual question answering

*What colour is the circle? How many squares are there?* The picture alone does not say what is
asked, the question alone not what is there.

**Two encoders.** Above, a small VGG without its last layer: 3×3 convolutions and pooling, until
each of the nine cells of the board is one pixel. Below, the words: embedding, tanh, an LSTM of two
layers, all its last states h and c side by side, tanh, dense. *join* puts both together, and two
dense layers find one of twelve answers.

**Press Space.** The accuracy stands for some epochs where the kind of question alone leads to: a
colour is asked for, so one of three colours. Then it climbs, as the network learns to look.

**Look at the panel *Output*:** scenes that it has not seen, what was asked about each, and its
answer; the wrong ones are red. *worst first* brings those to the top.

**Compare with `vqa-image-alone` and `vqa-question-alone`**, which are below this note, too: they
have one encoder each and the same time to learn. Neither gets half of the answers right, on scenes
that none of them has seen.

**Try.** Put *Multiply* in the place of *Concat*. Or lower the number of scenes to 500: many of them
are learned by heart, and new ones are not understood.
"""),
    Mark("accuracy", ">=", 0.95, epochs=EPOCHS), variations=(
        Lane("image alone", _image_alone(""), help="It sees all, and does not know the question."),
        Lane("question alone", _question_alone(""), help="It knows the question, and is blind.")),
    panels=("output",))

VQA_IMAGE_ALONE = Example(
    "vqa-image-alone", "Pictures without the question",
    "the same scenes and answers, but nobody says what is asked",
    _image_alone("""
# The picture alone

The convolutional half of `vqa`: it sees all that is there, and has to answer a question that it
does not know.

**Press Space.** Training gets better and better, since scenes of the training part can be learned
by heart, with their answers. **Look at the validation curve**: it does not follow. **Look at the
panel *Output***: the questions stand there for you alone.

**Compare with `vqa`**, which reads them: press Ctrl+E and choose it.
"""),
    Mark("accuracy", "<=", 0.65, epochs=EPOCHS), panels=("output",))

VQA_QUESTION_ALONE = Example(
    "vqa-question-alone", "Questions without the picture",
    "the same questions and answers, with the eyes shut",
    _question_alone("""
# The question alone

The reading half of `vqa`. It knows that *what colour* wants a colour, and that *how many* is mostly
answered by *none* or *one*; that is worth more than guessing, and no more can be known.

**Press Space**: after an epoch it is as good as it gets. **Look at the panel *Output***: asked for
a colour it names one, and is right in one of three.

**Compare with `vqa`**, which sees the pictures: press Ctrl+E and choose it.
"""),
    Mark("accuracy", "<=", 0.65, epochs=EPOCHS), panels=("output",))
