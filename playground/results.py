"""What a run without a window tells: as an object, as lines, as a table of several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from playground.numbers import format_number

if TYPE_CHECKING:
    from playground.examples import Example
    from playground.headless import Outcome

DIGITS = 4
"""Of losses and metrics: a loss of 7e-6 is not 0.0000."""


def result_of(what: str, outcome: Outcome) -> dict[str, Any]:
    """The object that --json prints."""
    session = outcome.session
    metric = session.metric_name
    return {
        "example": what, "steps": session.step, "epochs": session.epoch,
        "seed": session.graph.training.weight_seed,
        "parameters": session.program.check.total_parameters,
        "loss": session.measured("loss"),
        "train": {"loss": outcome.train.loss, metric: outcome.train.metric},
        "validation": {"loss": outcome.validation.loss, metric: outcome.validation.metric},
        "gradient_norms": {node: {"before": before, "after": after}
                           for node, (before, after) in outcome.gradient_norms.items()},
        "seconds": round(outcome.seconds, 4),
        "steps_per_second": round(outcome.steps / max(outcome.seconds, 1e-9), 1),
        "state": outcome.state,
    }


def mark_of(example: Example, outcome: Outcome) -> dict[str, Any] | None:
    """The mark of an example and what a run has reached; None for one that did not end, or was not
    as long as the mark says.
    """
    mark = example.mark
    length = mark.steps or (mark.epochs or 0) * outcome.session.program.batches_per_epoch
    if outcome.state != "done" or outcome.steps != length:
        return None
    from playground.examples.measures import MEASURES  # Some train a network of their own.

    reached = MEASURES[mark.metric](outcome)
    return {"metric": mark.metric, "sense": mark.sense, "value": mark.value, "reached": reached,
            "holds": mark.holds(reached), "told": f"{mark}: {mark.show(reached)}"}


def in_words(result: dict[str, Any]) -> str:
    """One run, in some lines."""
    lines = [f"{result['example']}: {result['state']} at step {result['steps']:,} "
             f"(epoch {result['epochs']:,}), seed {result['seed']}, "
             f"{result['parameters']:,} parameters, {result['seconds']:.1f} s, "
             f"{result['steps_per_second']:,.0f} steps/s"]
    for part in ("train", "validation"):
        lines.append(f"{part:<10}  " + "  ".join(
            f"{name} {format_number(value, DIGITS)}" for name, value in result[part].items()))
    wide = max(map(len, result["gradient_norms"]), default=0)
    for node, norms in result["gradient_norms"].items():
        lines.append(f"gradient    {node:<{wide}}  {norms['before']:.3e}  "
                     f"after clipping {norms['after']:.3e}")
    if mark := result.get("mark"):
        lines.append(f"mark        {mark['told']}, {'reached' if mark['holds'] else 'missed'}")
    return "\n".join(lines)


def as_table(results: Sequence[dict[str, Any]]) -> str:
    """A row for each run: how far it is, what it costs, its gradients at both ends of the
    network before clipping.
    """
    metrics = list(dict.fromkeys(name for r in results for name in r["validation"]))
    head = ["", "state", "step", "parameters", "train loss",
            *(f"validation {name}" for name in metrics),
            "first gradient", "last gradient", "seconds"]
    rows = [head]
    for r in results:
        norms = [norm["before"] for norm in r["gradient_norms"].values()] or [math.nan]
        rows.append([r["example"], r["state"], f"{r['steps']:,}",
                     f"{r['parameters']:,}", format_number(r["train"]["loss"], DIGITS),
                     *(format_number(r["validation"][name], DIGITS) if name in r["validation"]
                       else "-" for name in metrics),
                     f"{norms[0]:.2e}", f"{norms[-1]:.2e}", f"{r['seconds']:.1f}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(
        cell.ljust(width) if i < 2 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in rows)
