"""Two numbers on a surface: what each optimizer makes of the same slope."""

from __future__ import annotations

from playground.examples.base import Example, Mark, seeded, trained_otherwise
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.lane import Lane
from playground.layers.sequence_data import RingsAndLines
from playground.layers.surface import Shift, Surface, SurfaceName
from playground.optimizers import SGD, Adam, GradientDescent
from playground.second_order import Newton

SAMPLES = 250
"""Each sees the surface a little shifted, so that small batches lead astray; 4 in 5 train."""
NOISE = 0.1
WATCHED = 15.0
"""Steps per second."""
PANELS = ("surface",)


def _surface(surface: SurfaceName, start: tuple[float, float], rate: float, notes: str,
             noise: float = NOISE) -> Graph:
    net = Wired(seeded(7, batch=SAMPLES, optimizer=GradientDescent(learning_rate=rate)), notes)
    net.add("samples_1", RingsAndLines(figure="point", points=SAMPLES, noise=noise), 0, 0)
    net.add("place", Shift(start=start), 1, 0, "samples_1")
    net.add("surface_1", Surface(surface=surface), 2, 0, "place")
    return net.graph


def _optimizers(graph: Graph, rate: float, adam: float, sgd: float) -> tuple[Lane, ...]:
    """The others, from the same start. With momentum steps add up, so a fifth of the rate does."""
    pushed = rate / 5
    return (
        trained_otherwise("SGD", graph, optimizer=SGD(learning_rate=sgd), batch=2,
                          help="Two samples at a time: it goes astray, and arrives nowhere quite."),
        trained_otherwise("momentum", graph, batch=SAMPLES,
                          optimizer=SGD(learning_rate=pushed, momentum=0.9),
                          help="What points to and fro cancels, what points ahead adds up."),
        trained_otherwise("Nesterov", graph, batch=SAMPLES,
                          optimizer=SGD(learning_rate=pushed, momentum=0.9, nesterov=True),
                          help="It looks ahead along its own way, and swings less."),
        trained_otherwise("Adam", graph, batch=SAMPLES, optimizer=Adam(learning_rate=adam),
                          help="Steps of the same length along both axes, whatever the slope."),
        trained_otherwise("Newton", graph, batch=SAMPLES, optimizer=Newton(damping=0.0),
                          help="It knows the curvature, too: straight at the answer."))


_BOWL = _surface("bowl", (-8.0, 1.5), 0.07, """
# Gradient descent, seen from above

Two numbers are all that this network learns: the place of a point over a valley, 25 times as steep
across as along. *surface_1* is the height, and so the loss; its lines of equal height are in the
panel *Surface*.

**Choose all five optimizers** below this note. **Press Space and look at the surface.** All of them
start at the same place and see the same samples:

- *this network*, gradient descent, goes from side to side and creeps along the floor;
- *SGD* does the same, drunk: two samples at a time do not agree on where down is;
- *momentum* and *Nesterov* swing, and hurry along the floor;
- *Adam* takes steps of one length along both axes;
- *Newton* knows the curvature and is there after one step. A bowl is all that it can know: on other
  surfaces it needs several.

**Drag the start** in the panel to somewhere else, and all begin anew from there. In *Compare* each
has a learning rate of its own.

**Try.** Raise the learning rate (*lr* in the bar above) to 0.09: above 2 / 25 = 0.08 each jump is
longer than the last. Set the *condition* of surface_1 to 1: on a round bowl the slope points
straight at the lowest point, and plain descent is as good as any.
""")

GRADIENT_DESCENT = Example(
    "gradient-descent", "Gradient descent on a surface",
    "descent, SGD, momentum, Nesterov, Adam and Newton, side by side from one start", _BOWL,
    Mark("distance_to_minimum", "<=", 0.02, steps=150), WATCHED, panels=PANELS,
    variations=_optimizers(_BOWL, 0.07, 0.3, 0.04))

_ROSENBROCK = _surface("rosenbrock", (-1.2, 1.0), 0.001, """
# A bent valley

Rosenbrock's function of 1960: a narrow valley in the shape of a parabola. To find the valley is
easy; to follow its floor to the lowest point at 1, 1 is not, as the slope points across it nearly
everywhere.

**Choose all five optimizers** below this note. **Press Space and look at the surface.** Plain
descent falls into the valley within a few steps and then hardly moves: a larger step would throw it
out on the other side. Momentum gathers speed along the floor. Newton follows the bend in less than
twenty steps.

**Compare with `gradient-descent`**, a straight valley.
""", noise=0.002)

ROSENBROCK = Example(
    "rosenbrock", "A bent valley",
    "Rosenbrock's function: descent creeps where Newton takes twenty steps", _ROSENBROCK,
    Mark("distance_to_minimum", ">=", 0.1, steps=2000), WATCHED * 4, panels=PANELS,
    variations=_optimizers(_ROSENBROCK, 0.001, 0.05, 0.001))

_SADDLE = _surface("saddle", (2.0, 0.0012), 0.1, """
# A saddle

Down along the one axis, and flat on the top of a ridge along the other: where the slope is zero
there is no minimum. On either side of the ridge there is one.

**Choose all five optimizers** below this note. **Press Space and look at the surface.** Plain
descent goes to the saddle and stays there for a long while, as next to it there is hardly any
slope. The noise of *SGD* is of use here: it falls off the ridge sooner. *Adam* does not mind how
small a slope is. *Newton* wants to go to where the slope is zero, and a saddle is such a place;
this one adds to the curvature until its step leads downhill.

**Compare with `gradient-descent`. Drag the start** across the ridge: the side decides.
""")

SADDLE = Example(
    "saddle", "A saddle", "no slope and no minimum: who gets away from it, and when", _SADDLE,
    Mark("distance_to_minimum", "<=", 0.05, steps=150), WATCHED, panels=PANELS,
    variations=_optimizers(_SADDLE, 0.1, 0.1, 0.1))

_HIMMELBLAU = _surface("himmelblau", (0.41, -0.69), 0.01, """
# Several minima

Himmelblau's function has four minima, all equally deep. Which one is found depends on the start,
and on the optimizer.

**Choose all five optimizers** below this note. **Press Space and look at the surface**: from one
start they do not all end in the same valley. **Drag the start**: on the ridges between the valleys
a hair's breadth decides.

**Compare with `gradient-descent`**, where there is but one answer. The losses of networks are like
this one: many minima, mostly about as good as each other.
""")

HIMMELBLAU = Example(
    "himmelblau", "Four minima", "which valley it is depends on the start, and on who walks",
    _HIMMELBLAU, Mark("distance_to_minimum", "<=", 0.05, steps=100), WATCHED, panels=PANELS,
    variations=_optimizers(_HIMMELBLAU, 0.01, 0.3, 0.01))

_BEALE = _surface("beale", (1.0, 1.5), 0.01, """
# A plain between walls

Beale's function of 1958: walls in the corners, and between them a plain that hardly slopes, with
one lowest point at 3, ½. What is a careful step at the walls is next to nothing on the plain.

**Choose all five optimizers** below this note. **Press Space and look at the surface.** All of them
arrive. *Newton* takes six steps; *momentum* and *Nesterov* gather speed on the plain, where each
slope points the same way as the one before, and take less than half of the steps that plain descent
takes.

**Drag the start** to -1, 1.5, on the other side, and **press Space**: the slope leads into an arm
that falls for ever and ends nowhere. Not one of the six finds its way back, and Newton goes
farthest astray. Ctrl+Z brings the start back.

**Compare with `rosenbrock`**, where the one valley leads to the one answer.
""", noise=0.02)

BEALE = Example(
    "beale", "A plain between walls",
    "Beale's function: the start decides whether anyone arrives", _BEALE,
    Mark("distance_to_minimum", "<=", 0.12, steps=600), WATCHED * 4, panels=PANELS,
    variations=_optimizers(_BEALE, 0.01, 0.1, 0.01))

_WELLS = _surface("wells", (-2.2, 1.5), 0.08, """
# A shallow minimum before a deep one

Two hollows behind each other: a shallow one at -1, 0, and behind a low ridge the lowest place of
all, at 1¼, 0. At the bottom of either the slope is zero, and no step tells them apart: the one is a
*local* minimum, the other the *global* one.

**Choose all five optimizers** below this note. **Press Space and look at the surface.** The start
is high up, in front of the shallow hollow:

- *this network*, gradient descent, rolls into the shallow hollow and stays. It has no memory: at
  the bottom there is no slope, so there is no step.
- *SGD*, *Adam* and *Newton* stay there, too. Adam's average of old gradients carries it up on the
  other side, but not over the ridge;
- *momentum* and *Nesterov* arrive at the bottom with the speed of the whole way down. That carries
  them over the ridge, into the deep hollow.

The losses tell the difference: 0.25 in the shallow hollow, 0.02 in the deep one.

**Drag the start** to -1.5, 1.5 and **press Space**: from there not even momentum gathers the speed.
Ctrl+Z brings the start back. **Drag it** to 0.3, 1.5, behind the ridge: all six arrive.

**Compare with `local-minima`**: networks have hollows like these.
""")

SHALLOW_MINIMUM = Example(
    "shallow-minimum", "A shallow minimum before a deep one",
    "descent stays in the first hollow, momentum passes it", _WELLS,
    Mark("distance_to_minimum", ">=", 2, steps=150), WATCHED, panels=PANELS,
    variations=_optimizers(_WELLS, 0.08, 0.1, 0.08))
