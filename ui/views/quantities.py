"""What can be compared between the layers of a network."""

from __future__ import annotations

from dataclasses import dataclass

from playground.diagnosis import LIMITS


@dataclass(frozen=True)
class Quantity:
    """One thing to compare between layers."""

    title: str
    column: str
    tip: str
    log: bool = True
    guides: tuple[float, ...] = ()
    """Dashed lines: the healthy range."""
    clipped_by: tuple[str, ...] = ()
    """The ways of clipping whose threshold is a limit of this quantity."""


QUANTITIES = {
    "norm": Quantity("Gradient norms", "grad_norm_before",
                     "L2 norm of each layer's parameter gradients",
                     clipped_by=("layer_norm", "global_norm")),
    "max": Quantity("Largest gradients", "grad_max",
                    "Largest absolute value of each layer's parameter gradients, before clipping; "
                    "clipping by value cuts it at the threshold", clipped_by=("value",)),
    "zeros": Quantity("Zero gradients", "grad_zeros",
                      "Share of each layer's parameter gradients that are exactly 0, as behind "
                      "dead units", log=False),
    "update": Quantity("Update : weight", "update_ratio",
                       "Norm of the update over the norm of the weights; about 1e-3 is healthy",
                       guides=(LIMITS.update_low, LIMITS.update_high)),
    "mean": Quantity("Activation mean", "mean",
                     "Mean of each layer's outputs; tanh and the like work best around 0",
                     log=False),
    "deviation": Quantity("Activation deviation", "deviation",
                          "Standard deviation of each layer's outputs; 0.5 to 2 is healthy",
                          guides=(LIMITS.deviation_low, LIMITS.deviation_high)),
    "inactive": Quantity("Inactive units", "inactive",
                         "Share of units that are dead or saturated for a whole batch",
                         log=False, guides=(LIMITS.inactive,)),
}


__all__ = ["QUANTITIES", "Quantity"]
