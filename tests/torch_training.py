"""Training of a twin: PyTorch's optimizers, schedules and clipping, told by the graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.graph import Graph
from playground.layers.loss_layer import LossLayer
from playground.optimizers import (
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    GradientDescent,
    RMSProp,
)
from playground.schedules import Constant, Cosine, Exponential, Factor, Plateau, StepDecay
from playground.session import Session
from playground.training import Training
from tests.torch_twin import Twin

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Tensor = Any


class TorchTraining:
    """Trains a twin as the graph says, with PyTorch's optimizers, schedules and clipping."""

    def __init__(self, twin: Twin) -> None:
        self.twin, self.training = twin, twin.graph.training
        self.passes = [_TorchPass(twin, group) for group in twin.groups()]

    def step(self) -> float:
        """One step, turn by turn after the session's, on its batches and with what it draws.

        Gives the loss of the last turn of the first pass.
        """
        losses = [one.step() for one in self.passes]
        for one in self.passes:
            one.schedule.after_step(losses[0])
        return losses[0]


class _TorchPass:
    """Training of one group of nodes, by the losses that train it."""

    def __init__(self, twin: Twin, group: str) -> None:
        self.twin, self.group, self.training = twin, group, twin.graph.training
        self.nodes = twin.trained(group)
        rate = self.training.optimizer.learning_rate
        self.optimizer = _optimizer(self.training, [
            {"params": list(w.values()), "lr": rate * twin.graph.node(id).learning.rate}
            for id, w in self.nodes.items()])
        self.schedule = _Schedule(twin, self.optimizer)
        self.turns = max(layer.turns for node in twin.graph.nodes
                         if isinstance(layer := node.layer, LossLayer) and layer.trains == group)

    def step(self) -> float:
        for _ in range(self.turns):
            self.twin.session.forward_to("pass")
            loss = self._turn()
        return loss

    def _turn(self) -> float:
        for w in self.twin.w.values():
            w.grad = None
        loss = self.twin.loss(self.group)
        loss.backward()
        self._clip()
        self.optimizer.step()
        for id, parameters in self.nodes.items():
            if limit := self.twin.graph.node(id).learning.clip_weights:
                for w in parameters.values():
                    w.data.clamp_(-limit, limit)
        return float(loss.detach())

    def _clip(self) -> None:
        from torch.nn import utils

        clipping = self.training.clipping
        everything = [t for w in self.nodes.values() for t in w.values()]
        if clipping.mode == "value":
            utils.clip_grad_value_(everything, clipping.threshold)
        elif clipping.mode == "global_norm":
            utils.clip_grad_norm_(everything, clipping.threshold)
        elif clipping.mode == "layer_norm":
            for w in self.nodes.values():
                utils.clip_grad_norm_(w.values(), clipping.threshold)


def _optimizer(training: Training, parameters: list[Any]) -> torch.optim.Optimizer:
    from torch import optim

    o = training.optimizer
    usual = {"lr": o.learning_rate, "weight_decay": getattr(o, "weight_decay", 0.0)}
    match o:
        case GradientDescent():
            return optim.SGD(parameters, **usual)
        case SGD():
            return optim.SGD(parameters, momentum=o.momentum, nesterov=o.nesterov, **usual)
        case AdaGrad():
            return optim.Adagrad(
                parameters, lr_decay=o.lr_decay, eps=o.epsilon,
                initial_accumulator_value=o.initial_accumulator_value, **usual)
        case AdaDelta():
            return optim.Adadelta(parameters, rho=o.rho, eps=o.epsilon, **usual)
        case RMSProp():
            return optim.RMSprop(parameters, alpha=o.alpha, eps=o.epsilon, momentum=o.momentum,
                                 centered=o.centered, **usual)
        case Adam() | AdamW():
            kind = optim.Adam if isinstance(o, Adam) else optim.AdamW
            return kind(parameters, betas=(o.beta1, o.beta2), eps=o.epsilon, amsgrad=o.amsgrad,
                        **usual)
    raise AssertionError(o)


class _Schedule:
    """PyTorch's linear warm-up, and then the schedule, which counts steps, epochs or losses."""

    def __init__(self, twin: Twin, optimizer: torch.optim.Optimizer) -> None:
        from torch.optim import lr_scheduler

        schedule = twin.graph.training.schedule
        self.per_epoch = twin.session.program.batches_per_epoch
        self.steps, self.losses, self.last = 0, [], math.inf  # type: ignore[var-annotated]
        self.every = 1
        self.main: Any
        match schedule:
            case Constant():
                self.main = lr_scheduler.ConstantLR(optimizer, factor=1.0)
            case Factor(factor_per_epoch=factor):
                self.main = lr_scheduler.ExponentialLR(optimizer, factor)
                self.every = self.per_epoch
            case StepDecay(every=every, gamma=gamma):
                self.main = lr_scheduler.StepLR(optimizer, every, gamma)
                self.every = self.per_epoch
            case Exponential(rate=rate):
                self.main = lr_scheduler.ExponentialLR(optimizer, math.exp(-rate))
            case Cosine(restarts=False):
                self.last = schedule.period * self.per_epoch  # theirs would rise again
                self.main = lr_scheduler.CosineAnnealingLR(optimizer, int(self.last),
                                                           schedule.minimum)
            case Cosine():
                self.main = lr_scheduler.CosineAnnealingWarmRestarts(
                    optimizer, schedule.period * self.per_epoch, schedule.growth, schedule.minimum)
            case Plateau():
                self.every = self.per_epoch
                self.main = lr_scheduler.ReduceLROnPlateau(
                    optimizer, factor=schedule.factor, patience=schedule.patience,
                    threshold=schedule.threshold, cooldown=schedule.cooldown,
                    min_lr=schedule.minimum, eps=0)
        self.warmup = schedule.warmup
        self.linear = lr_scheduler.LinearLR(
            optimizer, 1 / (self.warmup + 1), total_iters=self.warmup)

    def after_step(self, loss: float) -> None:
        from torch.optim import lr_scheduler

        self.steps += 1
        self.losses.append(loss)
        since = self.steps - self.warmup
        if since <= 0:
            self.linear.step()
            self.losses.clear()
        elif since % self.every == 0 and since <= self.last:
            if isinstance(self.main, lr_scheduler.ReduceLROnPlateau):
                self.main.step(sum(self.losses) / len(self.losses))
            else:
                self.main.step()
            self.losses.clear()


def train_both(graph: Graph, steps: int, threads: int = 1) -> tuple[Session, Twin]:
    """Ours and theirs from the same weights on the same batches; the losses must agree."""
    session = Session(graph, threads=threads)
    twin = Twin(session)
    theirs = TorchTraining(twin)
    for _ in range(steps):
        loss = theirs.step()
        np.testing.assert_allclose(session.measured("loss"), loss, rtol=1e-4, atol=1e-6)
    return session, twin
