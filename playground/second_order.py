"""Optimizers that know how the gradient changes: Newton's method and linear least squares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

import kernels
from playground.emitter import Operand
from playground.layers.base import Layer
from playground.layers.lengths import knows_lengths
from playground.layers.loss_layer import LossLayer
from playground.learning import Learning
from playground.tensor import Tensor
from playground.update_rule import Kept, LearningRate, Optimizer, Step

if TYPE_CHECKING:
    from playground.graph import Graph
    from playground.layout import Layout
    from playground.node_tensors import NodeTensors
    from playground.shapes import Check

MOST_PARAMETERS = 400
"""Of a network for Newton's method: a step runs the network twice for each."""
TRIALS = 10
"""Lengths that a line search tries: the last one is 1/512 of the first."""
MOST_INPUTS = 500
"""Of a layer for least squares: a step costs their square for every sample."""


class _SecondOrder(Optimizer, frozen=True, kw_only=True):
    """Moves the weights against a direction that `prepare` finds."""

    hyper = ("learning_rate", "damping")
    full_batch = True

    @property
    def kernel(self) -> str:
        return "newton_update"


class Newton(_SecondOrder, frozen=True, kw_only=True, tag="newton"):
    """Newton's method on all samples: w = w - lr (H + λ I)⁻¹ g. Nocedal & Wright 2006, chapter 3.

    H, the second derivatives, is measured: each weight is moved a little up and down, and the
    network runs again. That takes two runs for each weight, so it is for small networks.
    """

    label = "Newton"

    learning_rate: LearningRate = 1.0
    damping: Annotated[float, Meta(
        ge=0, le=1e6, title="Damping",
        description="λ, which is added to the curvature: more of it makes steps shorter and "
        "surer. Where it takes more for a step downhill, more is taken.",
        extra={"log": True})] = 1e-3
    line_search: Annotated[bool, Meta(
        title="Line search",
        description="Try shorter steps too, ½, ¼, ... of lr, and take the one with the lowest "
        "loss; none when all make it worse.")] = True

    def keeps(self, layout: Layout) -> Mapping[str, Kept]:
        n, span = len(_elements(layout)), layout.tensors.sizes["gradients"]
        return {
            "gradient": Kept((span,), "workspace"), "direction": Kept((span,), "workspace"),
            "start": Kept((span,), "workspace"), "best": Kept((2,), "workspace"),
            "probe": Kept((2,), "workspace"), "places": Kept((n,), "workspace", "int32"),
            "hessian": Kept((n, n), "workspace"),
            "factors": Kept((2 * (2 * n * n + n),), "workspace", "float64")}

    def obstacle(self, graph: Graph, check: Check) -> str:
        if why := _not_plain(graph, check):
            return why
        count = sum(check.parameters[id] for id in check.used)
        return "" if count <= MOST_PARAMETERS else (
            f"Newton's method runs the network twice for each of its parameters, and {count:,} "
            f"are too many: at most {MOST_PARAMETERS}. Choose fewer units or another optimizer.")

    def prepare(self, step: Step) -> Mapping[str, Tensor]:
        layout, emit, kept = step.layout, step.emit, step.kept
        elements = _elements(layout)
        n, span = len(elements), layout.tensors.sizes["gradients"]
        gradients = Tensor("all gradients", "gradients", 0, (span,))
        probe, places, hessian = kept["probe"], kept["places"], kept["hessian"]
        emit(kernels.elementwise.copy, n=span, x=gradients, y=kept["gradient"])
        first = 0
        for node in layout.nodes.values():
            for name, w in node.w.items():
                emit(kernels.newton.list_places, node=node.id, first=first, count=w.size,
                     start=node.dw[0][name].offset, places=places)
                first += w.size
        for row, element in enumerate(elements):
            def move(direction: int, element: Tensor = element) -> None:
                emit(kernels.newton.move_weight, node=element.node, direction=direction,
                     weight=element, probe=probe)

            move(1)
            step.forward()
            step.backward()
            emit(kernels.newton.keep_gradient, node=element.node, row=row, n=n,
                 gradient=gradients, places=places, hessian=hessian)
            move(-1)
            step.forward()
            step.backward()
            emit(kernels.newton.difference_gradient, node=element.node, row=row, n=n,
                 probe=probe, gradient=gradients, places=places, hessian=hessian)
            move(0)
        emit(kernels.elementwise.copy, n=span, x=kept["gradient"], y=gradients)
        emit(kernels.newton.newton_direction, n=n, damping=step.hyper["damping"],
             hessian=hessian, gradient=gradients, places=places, direction=kept["direction"],
             factors=kept["factors"])
        if self.line_search:
            self._search(step, span)
        return {"all directions": kept["direction"]}

    def _search(self, step: Step, span: int) -> None:
        """Shorten the direction to what gives the lowest loss."""
        emit, kept = step.emit, step.kept
        weights = Tensor("all parameters", "parameters", 0, (span,))
        loss = step.layout.passes[0].total
        emit(kernels.newton.keep_best, share=0.0, loss=step.layout.cell("loss"), best=kept["best"])
        emit(kernels.elementwise.copy, n=span, x=weights, y=kept["start"])
        for trial in range(TRIALS):
            emit(kernels.newton.try_step, n=span, share=0.5**trial,
                 learning_rate=step.hyper["learning_rate"], start=kept["start"],
                 direction=kept["direction"], weights=weights)
            step.forward()
            emit(kernels.newton.keep_best, share=0.5**trial, loss=loss, best=kept["best"])
        emit(kernels.elementwise.copy, n=span, x=kept["start"], y=weights)
        emit(kernels.newton.take_best, n=span, best=kept["best"], direction=kept["direction"])

    def emit(self, emit: Callable[..., None], *, squares: Tensor | None,
             **known: Operand) -> None:
        gradient, directions = known["gradient"], known["all directions"]
        assert isinstance(gradient, Tensor)
        assert isinstance(directions, Tensor)
        known["direction"] = directions.part(
            gradient.offset, gradient.shape, f"{gradient.node} direction")
        super().emit(emit, squares=squares, **known)


class LeastSquares(_SecondOrder, frozen=True, kw_only=True, tag="least_squares"):
    """Linear least squares: the best weights of one dense layer in one step. Gauss 1809.

    For a dense layer without activation under the mean squared error the second derivatives are
    known: H = 2 aᵀ a / n. With lr 1, w = w - H⁻¹ g is the solution from wherever it starts.
    """

    label = "Least squares"

    learning_rate: LearningRate = 1.0
    damping: Annotated[float, Meta(
        ge=0, le=1e6, title="Damping",
        description="λ, which is added to the second derivatives: weights stay smaller (ridge "
        "regression, but for a start at 0). Where inputs depend on each other a little is taken "
        "by itself.", extra={"log": True})] = 0.0

    def keeps(self, layout: Layout) -> Mapping[str, Kept]:
        node = _learner(layout)
        k = node.w["w"].shape[1] + ("b" in node.w)
        return {
            "direction": Kept(node.gradients[0].shape, "workspace"),
            "hessian": Kept((2 * k * k,), "workspace", "float64"),
            "factors": Kept((2 * (k * k + k),), "workspace", "float64")}

    def obstacle(self, graph: Graph, check: Check) -> str:
        if why := _not_plain(graph, check):
            return why
        learners = [id for id in check.used if check.parameters[id]]
        if len(learners) != 1:
            return (f"Least squares finds the weights of one dense layer, and {len(learners)} "
                    "layers learn here. Delete all but one, or choose another optimizer.")
        (id,) = learners
        layer, loss = graph.node(id).layer, graph.node(check.losses[0]).layer
        if layer.kind != "dense" or getattr(layer, "activation", "") != "identity":
            return (f"Least squares needs a Dense layer with the activation identity, and {id} is "
                    "none. Change it, or choose another optimizer.")
        if loss.kind != "mean_squared_error":
            return ("Least squares makes the mean squared error small. Choose that loss, or "
                    "another optimizer.")
        if knows_lengths(graph, check.losses[0]):
            return (f"Least squares counts every time step, and {check.losses[0]} leaves some out. "
                    "Disconnect its lengths, or choose another optimizer.")
        if not _reaches(graph, id, check.losses[0]):
            return (f"Least squares needs {id} to be the last layer before the loss. Connect it to "
                    "the loss, or choose another optimizer.")
        inputs = check.inputs[id][0].shape[-1]
        return "" if inputs <= MOST_INPUTS else (
            f"Least squares solves for all {inputs:,} inputs of {id} at once, and the limit is "
            f"{MOST_INPUTS}. Pool or leave out some, or choose another optimizer.")

    def prepare(self, step: Step) -> Mapping[str, Tensor]:
        node, kept, loss = _learner(step.layout), step.kept, step.layout.loss.layer
        assert isinstance(loss, LossLayer)
        outputs, inputs = node.w["w"].shape
        bias = int("b" in node.w)
        direction, start = kept["direction"], node.gradients[0].offset
        parts: dict[str, Operand] = {
            f"direction_{name}": direction.part(dw.offset - start, dw.shape, f"{name} direction")
            for name, dw in node.dw[0].items()}
        # Every time step of a sequence is a sample of its own.
        step.emit(kernels.newton.least_squares_hessian, node=node.id,
                  batch=node.x[0].size // inputs, inputs=inputs, outputs=outputs, bias=bias,
                  weight=float(loss.weight), x=node.x[0], hessian=kept["hessian"])
        step.emit(kernels.newton.least_squares_direction, node=node.id, inputs=inputs,
                  outputs=outputs, bias=bias, damping=step.hyper["damping"],
                  hessian=kept["hessian"], dw=node.dw[0]["w"], db=node.dw[0].get("b", 0),
                  factors=kept["factors"], **{"direction_b": 0, **parts})
        return {"direction": direction}


def _not_plain(graph: Graph, check: Check) -> str:
    """Why second derivatives make no sense here, as a sentence; empty where they do."""
    for id in check.used:
        node = graph.node(id)
        if node.shares or node.learning != Learning():
            return (f"Second-order optimizers move all weights alike, and {id} is frozen, shares "
                    "weights or has a rate, penalty or group of its own. Undo that, or choose "
                    "another optimizer.")
        if isinstance(node.layer, Layer) and node.layer.remembers:
            return (f"Second-order optimizers run the network many times in one step, and {id} "
                    "would change what it remembers each time. Remove it, or choose another "
                    "optimizer.")
    if not any(check.parameters[id] for id in check.used):
        return ("Second-order optimizers find weights, and no layer here has any. Add a Dense "
                "layer, or choose another optimizer.")
    if len(check.losses) > 1:
        return ("Second-order optimizers follow one loss, and there are "
                f"{len(check.losses)}. Delete the others, or choose another optimizer.")
    return ""


def _elements(layout: Layout) -> list[Tensor]:
    """Each weight of the network by itself."""
    return [w.part(i, (1,), f"{w.name}[{i}]")
            for node in layout.nodes.values() for w in node.w.values() for i in range(w.size)]


def _learner(layout: Layout) -> NodeTensors:
    (node,) = (node for node in layout.nodes.values() if node.w)
    return node


def _reaches(graph: Graph, id: str, loss: str) -> bool:
    """Whether nothing but views stands between a node and the loss."""
    source = next(e.source for e in graph.inputs_of(loss) if e.target_port == 0)
    while source != id and getattr(graph.node(source).layer, "is_view", False):
        source = graph.inputs_of(source)[0].source
    return source == id
