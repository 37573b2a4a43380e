"""Two networks against each other: one makes samples, the other tells them from real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import msgspec

from playground.examples.base import Example, Mark, seeded, set_otherwise
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.lane import Lane
from playground.layers.core import Dense, Dropout, Flatten
from playground.layers.data import Digits
from playground.layers.generative_loss import Adversarial
from playground.layers.sequence_data import RingsAndLines
from playground.layers.shape import Reshape
from playground.layers.source import RandomNormal
from playground.learning import Learning
from playground.optimizers import Adam, RMSProp

MAKER, JUDGE = "maker", "judge"
"""The two groups."""


def _gan(notes: str) -> Graph:
    net = Wired(seeded(7, batch=128, optimizer=Adam(learning_rate=0.001, beta1=0.5)), notes)
    wide = Dense(units=64, activation="leaky_relu")
    net.add("points_1", RingsAndLines(figure="eight clouds", points=4000), 3, 0)
    net.add("judge_1", wide, 4, 0, "points_1", group=JUDGE)
    net.add("judge_2", wide, 5, 0, "judge_1", group=JUDGE)
    net.add("score_real", Dense(units=1), 6, 0, "judge_2", group=JUDGE)
    net.add("noise_1", RandomNormal(shape=(8,)), 0, 1)
    net.add("maker_1", Dense(units=64, activation="relu"), 1, 1, "noise_1", group=MAKER)
    net.add("maker_2", Dense(units=64, activation="relu"), 2, 1, "maker_1", group=MAKER)
    net.add("made", Dense(units=2), 3, 1, "maker_2", group=MAKER)
    net.add("again_1", wide, 4, 1, "made", group=JUDGE, shares="judge_1")
    net.add("again_2", wide, 5, 1, "again_1", group=JUDGE, shares="judge_2")
    net.add("score_made", Dense(units=1), 6, 1, "again_2", group=JUDGE, shares="score_real")
    net.add("loss_real", Adversarial(role="judge_on_real", trains=JUDGE), 7, 0, "score_real")
    net.add("loss_made", Adversarial(role="judge_on_made", trains=JUDGE), 7, 1, "score_made")
    net.add("loss_maker", Adversarial(role="maker", trains=MAKER), 7, 2, "score_made")
    return net.graph


def _slow_judge(graph: Graph) -> Lane:
    """The same two players, one of them ten times as slow."""
    for node in graph.nodes:
        if node.learning.group == JUDGE:
            graph = graph.with_learning(node.id, Learning(group=JUDGE, rate=0.1))
    return Lane("slow judge", graph, instead=True, help=(
        "Mode collapse: a judge at a tenth of the learning rate lets one cloud pass at a time."))


def _wasserstein(graph: Graph) -> Lane:
    """A critic within limits that has five turns to the maker's one, as in Arjovsky et al. 2017."""
    for node in graph.nodes:
        if isinstance(node.layer, Adversarial):
            turns = 5 if node.layer.trains == JUDGE else 1
            graph = graph.with_layer(
                node.id, node.layer.with_settings(game="wasserstein", turns=turns))
        elif node.learning.group == JUDGE:
            graph = graph.with_learning(node.id, Learning(group=JUDGE, clip_weights=0.3))
    training = msgspec.structs.replace(graph.training, optimizer=RMSProp(learning_rate=0.001))
    return Lane("Wasserstein", graph.with_training(training), instead=True, help=(
        "A critic with five turns to each of the maker's: how far it tells real and made points "
        "apart falls as they get better."))


def _of_figure(graph: Graph, figure: Literal["ring", "line"]) -> Lane:
    return replace(
        set_otherwise(figure, graph, "points_1", figure=figure), instead=True,
        help=f"The same players before a {figure}: the maker's points come to lie along it.")


_CLOUDS = _gan("""
# Two players

The **maker** turns noise into points of the plane and never sees a real one. The **judge** sees
real points (row above) and made ones (row below; *again_1* has the weights of *judge_1*), and gives
high scores to what it takes for real. Each step trains the judge first, on both losses, and then
the maker, on one alone: that the judge be wrong about what it made (Goodfellow et al. 2014).

**Press Space and look at Output**: discs are real points, diamonds made ones; the ground is what
the judge says everywhere, and each line shows where it pulls a made point. At first those lie in
one heap; they spread, and gather where the judge lets them; at the end all eight clouds are there,
and about as often. Nobody told the maker that there are eight. *over time* keeps how it came about.

**Look at the losses.** Neither falls to zero, and that is how it should be: when one player gets
better, the other one's task gets harder. At the draw the judge's are log 2 = 0.693 each.

**Step through it**: forward, backward and update come twice in each step. *Reset*, choose *pass*
beside the Step button and press *Step* (or Shift+F11): first the judge has learned, and its nodes
alone have moved, then the maker.

**Choose *slow judge*** below this note and **press Space**: the judge learns at a tenth of the
maker's rate. The maker puts everything on one cloud; by the time the judge has seen through it, all
of it has moved on to the next. That is *mode collapse*: each point made passes, and together they
say nothing of the data. The cure: choose *loss_real* and set *Turns* to 5. The judge then learns
five times in each step, on five batches, before the maker does once, and finds all eight clouds.

**Choose *Wasserstein***: a critic in place of the judge, whose scores are no probabilities. Its
weights are kept within ±0.3, and it has five turns in each step (Arjovsky et al. 2017). Now the
losses do tell something: how far the scores of real and made points are apart, the negative sum of
the first two, falls as the points get better.

**Choose *ring* or *line*** instead: other shapes to imitate, without gaps to cross. The
ends of the line are the edge of what the judge knows: the maker draws back from one and comes
again.

**Try.** Set β₁ to 0.9 and the learning rate to 0.005 and start again: too much momentum makes the
maker jump from cloud to cloud too.
""")

GAN = Example(
    "gan", "GAN on eight clouds",
    "a maker and a judge: points made of noise come to lie where real ones do", _CLOUDS,
    Mark("samples_on_modes", ">=", 0.8, steps=4000), 300.0, panels=("output",),
    variations=(_slow_judge(_CLOUDS), _wasserstein(_CLOUDS), _of_figure(_CLOUDS, "ring"),
                _of_figure(_CLOUDS, "line")))


def _gan_digits(notes: str) -> Graph:
    net = Wired(seeded(7, batch=64, optimizer=Adam(learning_rate=0.002, beta1=0.5)), notes)
    wide, half = Dense(units=128, activation="leaky_relu"), Dropout(rate=0.3)
    net.add("digits_1", Digits(), 0, 0)
    net.add("flatten_1", Flatten(), 1, 0, "digits_1")
    net.add("judge_1", wide, 2, 0, "flatten_1", group=JUDGE)
    net.add("dropout_1", half, 3, 0, "judge_1")
    net.add("judge_2", wide, 4, 0, "dropout_1", group=JUDGE)
    net.add("score_real", Dense(units=1), 5, 0, "judge_2", group=JUDGE)
    net.add("noise_1", RandomNormal(shape=(16,)), 0, 1)
    net.add("maker_1", Dense(units=128, activation="relu"), 1, 1, "noise_1", group=MAKER)
    net.add("maker_2", Dense(units=128, activation="relu"), 2, 1, "maker_1", group=MAKER)
    net.add("pixels", Dense(units=64, activation="sigmoid"), 3, 1, "maker_2", group=MAKER)
    net.add("made", Reshape(shape=(1, 8, 8)), 4, 1, "pixels")
    net.add("flatten_2", Flatten(), 1, 2, "made")
    net.add("again_1", wide, 2, 2, "flatten_2", group=JUDGE, shares="judge_1")
    net.add("dropout_2", half, 3, 2, "again_1")
    net.add("again_2", wide, 4, 2, "dropout_2", group=JUDGE, shares="judge_2")
    net.add("score_made", Dense(units=1), 5, 2, "again_2", group=JUDGE, shares="score_real")
    net.add("loss_real", Adversarial(role="judge_on_real", trains=JUDGE), 6, 0, "score_real")
    net.add("loss_made", Adversarial(role="judge_on_made", trains=JUDGE), 6, 2, "score_made")
    net.add("loss_maker", Adversarial(role="maker", trains=MAKER), 6, 3, "score_made")
    return net.graph


GAN_DIGITS = Example(
    "gan-digits", "GAN on digits",
    "a maker that never saw a digit learns to write all ten",
    _gan_digits("""
# Digits out of noise

Sixteen random numbers go in, and an image of 8×8 pixels comes out. The **maker** (row below) never
sees a real digit; all that it is told is how to change its pixels so that the **judge** (row above)
takes them for real. The judge sees both kinds, and *again_1* and *again_2* are the same judge with
the same weights.

**Press Space and look at *Output***: eight times the same noise, after 1, 4, 9, 16, ... steps. Grey
clouds become strokes, and after some seconds digits. In each step the judge moves first, on two
losses, then the maker, on one.

**Look at the losses.** They do not fall: at a draw each of the judge's would be log 2 = 0.693. It
stays a little ahead of that, and so the maker always has something to learn.

**How good are they?** Losses do not tell. `playground train gan-digits` asks a third network,
trained on real digits alone, and tells the share that it names with a certainty above 90 %: after
8,000 steps about eight in ten (of real ones that it has not seen nine in ten). All ten digits are
among them.

**Try.** Set β₁ to 0.9 and the learning rate to 0.005 and reset. The maker finds one image that
passes, then makes nothing else, whatever the noise: *mode collapse*, eight times the same picture
in *Output*. Or set the rates of dropout to 0: the judge gets sharper, and what it lets through less
varied.
"""),
    Mark("digits_recognised", ">=", 0.75, steps=8000), panels=("output",))
