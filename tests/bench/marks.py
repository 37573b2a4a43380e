"""The gallery's marks with several seeds: `python -m tests.bench.marks [NAME ...] --seeds 7 1 2`.

One row for each example, as it is ready: what it must reach, what it reached with each seed (one
for weights, order, dropout and augmentation), and the seconds that the first took. Weights that an
example brings are kept. Exit code 1 when a mark is missed.
"""

from __future__ import annotations

import argparse
import math
import sys

from playground.examples import EXAMPLES
from playground.examples.base import Example
from playground.examples.measures import MEASURES
from playground.headless import train

SEEDS = (7, 1, 2)


def reached(example: Example, seed: int, threads: int) -> tuple[float, float]:
    """The mark's metric at the end of the training, NaN if that diverged; and seconds."""
    graph = example.graph.with_training(example.graph.training.seeded(seed))
    mark = example.mark
    outcome = train(graph, steps=mark.steps, epochs=mark.epochs, threads=threads,
                    saved=example.state)
    value = MEASURES[mark.metric](outcome) if outcome.state == "done" else math.nan
    return value, outcome.seconds


def shown(example: Example, value: float) -> str:
    """As the mark is told; what misses it is marked."""
    text = example.mark.show(value)
    return text if example.mark.holds(value) else f"{text} MISSED"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="examples; all by default")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in EXAMPLES]:
        parser.error(f"no such example: {', '.join(unknown)}")
    print("| example | mark |", " | ".join(f"seed {seed}" for seed in options.seeds), "| seconds |")
    print("|---|---|" + "---|" * (len(options.seeds) + 1))
    missed = False
    for name in options.names or EXAMPLES:
        example = EXAMPLES[name]
        results = [reached(example, seed, options.threads) for seed in options.seeds]
        missed |= any(not example.mark.holds(value) for value, _ in results)
        cells = " | ".join(shown(example, value) for value, _ in results)
        print(f"| `{name}` | {example.mark} | {cells} | {results[0][1]:.1f} |", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
