"""Random networks with branches and merges: every gradient against PyTorch's."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from playground.activations import ActivationName
from playground.graph import Graph
from playground.layers.base import Shape, make_layer, show_shape
from playground.session import Session
from playground.shapes import check
from playground.training import SGD, Training
from tests.networks import Samples
from tests.torch_twin import Twin

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]
LARGEST = 60
"""Values per sample of a node: concatenation does not grow without end."""
BROADCASTING = ("add", "multiply", "subtract", "average", "maximum")
FUNCTIONS = get_args(ActivationName)
LAYERS = (*(name for name in FUNCTIONS if name != "gelu_tanh"), "prelu")


class Builder:
    """Adds nodes to a graph and knows the shape that comes out of each."""

    def __init__(self, draw: Any, start: Shape) -> None:
        self.draw = draw
        self.graph = Graph().with_node(Samples(shape=start, target=(3,)))
        self.shapes: dict[str, Shape] = {"samples_1": start}

    def add(self, kind: str, *sources: str, **options: object) -> str:
        self.graph = self.graph.with_node(make_layer(kind, options))
        id = self.graph.nodes[-1].id
        for source in sources:
            self.graph = self.graph.connect(source, id)
        signals = check(self.graph).signals
        if signals.get(id):
            self.shapes[id] = signals[id][0].shape
        return id

    def grow(self) -> None:
        """Add one node that reads a random one (or several) of those before it."""
        source = self.draw(st.sampled_from(list(self.shapes)))
        shape = self.shapes[source]
        kinds = ["function", "add", "multiply", "concat", "average", "maximum", "subtract", "move"]
        kinds += ["dense"] if len(shape) == 1 else ["conv2d", "pool", "flatten"]
        kind = self.draw(st.sampled_from(kinds))
        if kind == "function":
            self.add(self.draw(st.sampled_from(LAYERS)), source)
        elif kind == "dense":
            self.add("dense", source, units=self.draw(st.integers(1, 6)),
                     activation=self.draw(st.sampled_from(FUNCTIONS)),
                     bias=self.draw(st.booleans()))
        elif kind == "conv2d":
            self.add("conv2d", source, channels=self.draw(st.integers(1, 3)), kernel=[3, 2],
                     padding="same", activation=self.draw(st.sampled_from(FUNCTIONS)))
        elif kind == "pool":
            self.add(self.draw(st.sampled_from(["max_pool2d", "avg_pool2d"])), source,
                     kernel=[1, 2], stride=[1, 1])
        elif kind == "flatten":
            self.add("flatten", source)
        elif kind == "move":
            self.move(source)
        else:
            self.merge(kind, source)

    def move(self, source: str) -> None:
        """Put values elsewhere: parts of them, or all in another order."""
        axes = len(self.shapes[source])
        axis = self.draw(st.integers(1, axes))
        size = self.shapes[source][axis - 1]
        kinds = ["slice", "permute", "reshape", "pad"] + (["split"] if size > 1 else [])
        match self.draw(st.sampled_from(kinds)):
            case "slice":
                self.add("slice", source, axis=axis, start=self.draw(st.integers(0, size - 1)),
                         step=self.draw(st.integers(1, 2)))
            case "permute":
                self.add("permute", source,
                         axes=self.draw(st.permutations(list(range(1, axes + 1)))))
            case "reshape":
                self.add("reshape", source, shape=self.draw(st.sampled_from([[-1], [1, -1, 1]])))
            case "pad":
                self.add("pad", source, rows=[0, 0], columns=[1, 0], mode="replicate")
            case _:
                cut = self.draw(st.integers(1, size - 1))
                id = self.add("split", source, axis=axis, sizes=[cut, size - cut])
                del self.shapes[id]
                # One part, or both: the other has no reader then.
                for part in self.draw(st.sampled_from([[0], [1], [0, 1]])):
                    self.graph = self.graph.with_node(make_layer("identity", {}))
                    reader = self.graph.nodes[-1].id
                    self.graph = self.graph.connect(id, reader, part)
                    self.shapes[reader] = check(self.graph).signals[reader][0].shape

    def merge(self, kind: str, source: str) -> None:
        if kind in BROADCASTING:
            self.broadcast(kind, source)
            return
        shape = self.shapes[source]
        alike = [id for id, other in self.shapes.items()
                 if (other[1:] if kind == "concat" else other) == shape[kind == "concat":]
                 and len(other) == len(shape)]
        # The same node may come more than once.
        others = self.draw(st.lists(st.sampled_from(alike), min_size=1, max_size=3))
        if kind != "concat" or sum(np.prod(self.shapes[o]) for o in others) < LARGEST:
            self.add(kind, source, *others)

    def broadcast(self, kind: str, source: str) -> None:
        """Join a node with others that NumPy's rule lets it go with, in any order."""
        shape, fitting = self.shapes[source], []
        for id, other in self.shapes.items():
            try:
                whole = np.broadcast_shapes(shape, other)
            except ValueError:
                continue
            if whole in (shape, other) and np.prod(whole) < LARGEST:
                fitting.append(id)
        if fitting:
            joined = [source, self.draw(st.sampled_from(fitting))]
            self.add(kind, *self.draw(st.permutations(joined)))

    def finish(self) -> Graph:
        """All loose ends as one vector, then values to predict."""
        read = {edge.source for edge in self.graph.edges}
        ends = [id for id in self.shapes if id not in read]
        vectors = [id if len(self.shapes[id]) == 1 else self.add("flatten", id) for id in ends]
        whole = vectors[0] if len(vectors) == 1 else self.add("concat", *vectors)
        self.add("mean_squared_error", self.add("dense", whole, units=3))
        return self.graph.with_training(Training(batch=5, optimizer=SGD(learning_rate=0)))


@st.composite
def graphs(draw: Any) -> Graph:
    builder = Builder(draw, draw(st.sampled_from([(4,), (2, 3, 4)])))
    for _ in range(draw(st.integers(1, 12))):
        builder.grow()
    return builder.finish()


def skip_over_itself() -> Graph:
    """One node read four times by one product, through views too."""
    builder = Builder(None, (4,))
    dense = builder.add("dense", "samples_1", units=4, activation="tanh")
    twice = builder.add("multiply", dense, dense, builder.add("identity", dense), dense)
    builder.add("add", twice, dense)
    return builder.finish()


def views_of_views() -> Graph:
    builder = Builder(None, (2, 3, 4))
    conv = builder.add("conv2d", "samples_1", channels=2, padding="same")
    flat = builder.add("flatten", builder.add("identity", conv))
    builder.add("concat", flat, builder.add("flatten", conv), flat)
    builder.add("identity", flat)
    return builder.finish()


@example(graph=skip_over_itself(), threads=1)
@example(graph=skip_over_itself(), threads=2)
@example(graph=views_of_views(), threads=1)
@given(graph=graphs(), threads=st.sampled_from([1, 2]))
@settings(max_examples=150, deadline=None, derandomize=True, print_blob=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_gradient_is_theirs(graph: Graph, threads: int) -> None:
    assert check(graph).trainable, check(graph).graph_error
    session = Session(graph, threads=threads)
    random = np.random.default_rng(len(graph.nodes))
    for name, parameter in session.program.parameters.items():
        session.values(name)[...] = random.normal(0, parameter.fan_in**-0.5, parameter.shape)
    twin = Twin(session)
    session.forward_to("layer")
    # Small samples: products do not explode, and few units saturate, where float32 sees no slope.
    session.values("samples_1.x")[...] *= 0.5
    session.forward_to("batch")
    loss = twin.loss()
    loss.backward()
    assert session.measured("loss") == pytest.approx(float(loss.detach()), rel=1e-5)
    for name, w in twin.w.items():
        node, _, parameter = name.partition(".")
        theirs = np.zeros(w.shape) if w.grad is None else w.grad.numpy()
        scale = max(float(np.abs(theirs).max()), 1e-6)
        np.testing.assert_allclose(session.values(f"{node}.d{parameter}") / scale,
                                   theirs / scale, rtol=0, atol=1e-4, err_msg=describe(graph))


def describe(graph: Graph) -> str:
    """The network in one line per node."""
    signals = check(graph).signals
    return "\n".join(
        f"{node.id} {node.layer.settings()} <- {[e.source for e in graph.inputs_of(node.id)]} "
        f"{' '.join(show_shape(s.shape) for s in signals.get(node.id, ()))}"
        for node in graph.order())
