"""The clip phase: the norm of all gradients, the guard, and what clipping leaves of them."""

from __future__ import annotations

from collections.abc import Callable

from kernels import clip, elementwise, statistics
from playground.layout import Layout
from playground.node_tensors import NodeTensors, Pass
from playground.program import NODE_STATISTICS
from playground.tensor import Tensor

STRIDE = len(NODE_STATISTICS)
"""From one node's cell to that of the next."""
Emit = Callable[..., None]
"""emit(kernel, node=None, **operands) appends an instruction."""


def emit_clipping(layout: Layout, one: Pass, emit: Emit, share: Emit) -> None:
    """Measure the gradients of a pass, stop on what is not finite, and clip them.

    share: as emit, for what lanes may share out.

    Pascanu et al. 2013. The norm of each node, before clipping, is measured already.
    """
    mode, threshold = layout.graph.training.clipping.mode, layout.hyper["threshold"]
    measured = layout.measured(one)
    before, after = layout.norm_of(one, "grad_norm_before"), layout.norm_of(one, "grad_norm")
    _norm(layout, emit, measured, "grad_norm_before", before)
    emit(statistics.guard, loss=one.total, norm=before, halt=layout.halt)
    if mode == "off":
        emit(elementwise.copy, n=1, x=before, y=after)
    if mode == "global_norm":
        _clipped_norms(emit, threshold, before, 0, before, after)
    for node in one.owners:
        _clip_node(layout, emit, share, node, before)
    if mode in ("global_norm", "layer_norm"):
        norms = layout.cells_of(measured, "grad_norm_before")
        references, each = (before, 0) if mode == "global_norm" else (norms, STRIDE)
        _clipped_norms(emit, threshold, references, each, norms,
                       layout.cells_of(measured, "grad_norm"), len(measured))
    if mode in ("value", "layer_norm"):
        _norm(layout, emit, measured, "grad_norm", after)
    if one.number < len(layout.passes) - 1:
        return
    if one.number > 0:
        # With several passes, the step's own norms are over all of them.
        before, after = layout.cell("grad_norm_before"), layout.cell("grad_norm")
        _norm(layout, emit, layout.measured(), "grad_norm_before", before)
        _norm(layout, emit, layout.measured(), "grad_norm", after)
    if mode != "off":
        emit(clip.clipped, before=before, after=after, flag=layout.cell("clipped"))


def _clip_node(layout: Layout, emit: Emit, share: Emit, node: NodeTensors, norm_of_all: Tensor
               ) -> None:
    mode, threshold = layout.graph.training.clipping.mode, layout.hyper["threshold"]
    g, norm = node.gradients[0], layout.cell(f"{node.id}.grad_norm_before")
    after = layout.cell(f"{node.id}.grad_norm")
    if mode == "off":
        emit(elementwise.copy, node=node.id, n=1, x=norm, y=after)
    elif mode == "value":
        share(clip.clip_by_value, node=node.id, n=g.size, threshold=threshold, gradient=g)
        emit(statistics.vector_norm, node=node.id, n=g.size, x=g, norm=after)
    else:
        reference = norm_of_all if mode == "global_norm" else norm
        share(clip.clip_by_norm, node=node.id, n=g.size, threshold=threshold, norm=reference,
              gradient=g)


def _clipped_norms(emit: Emit, threshold: Tensor, references: Tensor, each: int, norms: Tensor,
                   after: Tensor, n: int = 1) -> None:
    emit(clip.clipped_norms, n=n, stride=STRIDE, each=each, threshold=threshold,
         references=references, norms=norms, clipped_norms=after)


def _norm(layout: Layout, emit: Emit, nodes: list[NodeTensors], statistic: str, norm: Tensor
          ) -> None:
    """norm = √(Σ the squares of one statistic of these nodes)."""
    emit(clip.global_norm, n=len(nodes), stride=STRIDE,
         norms=layout.cells_of(nodes, statistic), norm=norm)
