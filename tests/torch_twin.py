"""A graph as a PyTorch module: the same network and weights, written with their layers.

Imports PyTorch where it is used: only tests marked `torch` come here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.layers.base import Layer
from playground.learning import Learning
from playground.session import Session
from playground.shapes import sources_of, targets
from tests.torch_layers import DRAWN, FORWARD
from tests.torch_losses import LOSS

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any


class Twin:
    """The network of a session in PyTorch, in float64, with the session's present weights.

    In float64, so that what differs is our rounding alone.
    """

    def __init__(self, session: Session) -> None:
        import torch

        self.session, self.graph, self.torch = session, session.graph, torch
        self.used = session.program.check.used
        self.w = {name: self._tensor(session.values(name), learns=not self._node(name).frozen)
                  for name in session.program.parameters}
        self.running = {name: self._tensor(session.values(name))
                        for name in session.program.running}

    def _node(self, parameter: str) -> Learning:
        return self.graph.node(parameter.partition(".")[0]).learning

    def trained(self, group: str) -> dict[str, dict[str, Tensor]]:
        """The parameters that losses of this group train, by node."""
        nodes: dict[str, dict[str, Tensor]] = {}
        for name, w in self.w.items():
            if w.requires_grad and group in ("", self._node(name).group):
                nodes.setdefault(name.partition(".")[0], {})[name] = w
        return nodes

    def _tensor(self, values: np.ndarray, learns: bool = False) -> Tensor:
        return self.torch.tensor(values, dtype=self.torch.float64, requires_grad=learns)

    def groups(self) -> list[str]:
        """What the losses train, in the order of the passes."""
        return list(dict.fromkeys(
            self.graph.node(loss).layer.trains  # type: ignore[union-attr]
            for loss in self.session.program.check.losses))

    def loss(self, group: str | None = None) -> Tensor:
        """The loss of the session's present batch; of the first group unless given."""
        data = self.session.program.data_node
        group = self.groups()[0] if group is None else group
        ports = self.graph.node(data).layer.outputs  # type: ignore[union-attr]
        outputs: dict[tuple[str, int], Tensor] = {
            (data, i): self._tensor(self.session.values(f"{data}.{port}"))
            for i, port in enumerate(ports)}
        losses = [id for id in self.session.program.check.losses
                  if self.graph.node(id).layer.trains == group]  # type: ignore[union-attr]
        for id in self.used:
            if id != data and id not in self.session.program.check.losses:
                y = self._forward(id, outputs)
                outputs |= {(id, port): part for port, part in
                            enumerate(y if isinstance(y, tuple) else (y,))}
        summed = sum(self._weighted(id, outputs) for id in losses)
        for id, parameters in self.trained(group).items():
            learning = self.graph.node(id).learning
            for w in parameters.values():
                if w.ndim > 1:
                    summed = summed + learning.l1 * w.abs().sum() + learning.l2 * (w ** 2).sum()
        for id in self._ancestors(losses):
            learning = self.graph.node(id).learning
            if learning.penalises_outputs:
                y = outputs[id, 0].flatten(1)
                summed = summed + learning.activity_l1 * y.abs().sum(1).mean() + (
                    learning.activity_l2 * (y ** 2).sum(1).mean())
        return summed  # type: ignore[return-value]

    def _weighted(self, loss: str, outputs: Mapping[tuple[str, int], Tensor]) -> Tensor:
        layer: Any = self.graph.node(loss).layer
        target = targets(self.graph, loss)
        x = [outputs[e.source, e.source_port] for e in self.graph.inputs_of(loss)
             if e.target_port != layer.target_port]
        value = LOSS[layer.kind](layer, x, None if target is None else outputs[target])
        return layer.weight * value

    def _ancestors(self, losses: list[str]) -> list[str]:
        found = set().union(*(self.graph.ancestors(loss) for loss in losses))
        return [id for id in self.used if id in found]

    def _forward(self, id: str, outputs: Mapping[tuple[str, int], Tensor]
                 ) -> Tensor | tuple[Tensor, ...]:
        layer = self.graph.node(id).layer
        assert isinstance(layer, Layer)
        x: list[Any] = [source and outputs[source] for source in sources_of(self.graph, id)]
        owner = self.graph.node(id).shares or id
        w = {name.removeprefix(f"{owner}."): t for name, t in self.w.items()
             if name.startswith(f"{owner}.")}
        w |= {name.removeprefix(f"{id}."): t for name, t in self.running.items()
              if name.startswith(f"{id}.")}
        if drawn := DRAWN.get(layer.kind):
            parts = [name for name in self.session.program.tensors
                     if name.partition("@")[0] == f"{id}.{drawn}"]
            w[drawn] = self.torch.cat([self._tensor(self.session.values(p)) for p in parts])
        if layer.kind == "one_hot":
            w["width"] = self.torch.tensor(self.session.values(f"{id}.y").shape[-1])
        return FORWARD[layer.kind](layer, x, w)
