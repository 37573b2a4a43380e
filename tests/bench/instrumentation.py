"""What measuring costs: `python -m tests.bench.instrumentation`.

The same network with and without gradient norms, activation statistics and update ratios. Both
take turns within one run; the cost is the median over the turns of one time / the other, less 1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

from playground.examples import EXAMPLES
from playground.session import Session

NAMES = ("mlp-spiral", "mlp-digits", "cnn-digits", "lenet5")
SECONDS_PER_TURN = 0.01
"""Short: what else the machine does then weighs on both sides alike."""


def seconds_per_step(session: Session, steps: int) -> float:
    start = time.perf_counter()
    session.run(steps)
    return (time.perf_counter() - start) / steps


def cost(name: str, duration: float, threads: int) -> dict[str, float]:
    """The share of time that measuring adds to a step, and microseconds per step."""
    graph = EXAMPLES[name].graph
    measured, plain = (Session(graph, threads=threads, instrument=on) for on in (True, False))
    for session in (measured, plain):
        session.run(20)
    steps = max(1, int(SECONDS_PER_TURN / seconds_per_step(plain, 20)))
    times: list[tuple[float, float]] = []
    end = time.perf_counter() + duration
    while len(times) < 11 or time.perf_counter() < end:
        # Each goes first in every other turn.
        order = (measured, plain) if len(times) % 2 else (plain, measured)
        found = {id(session): seconds_per_step(session, steps) for session in order}
        times.append((found[id(measured)], found[id(plain)]))
    with_, without = (1e6 * statistics.median(column) for column in zip(*times, strict=True))
    return {"cost": statistics.median(a / b for a, b in times) - 1, "measured_us": with_,
            "plain_us": without, "own_account": measured.instrumentation(), "turns": len(times)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, help="examples")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each network")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    arguments = parser.parse_args()
    results = {name: cost(name, arguments.seconds, arguments.threads)
               for name in arguments.names}
    if arguments.json:
        print(json.dumps({"threads": arguments.threads, "networks": results}))
        return
    print(f"{'network':12} {'cost':>7} {'with us':>9} {'without':>9} {'sum of the timings':>19}")
    for name, found in results.items():
        print(f"{name:12} {found['cost']:7.1%} {found['measured_us']:9.1f}"
              f" {found['plain_us']:9.1f} {found['own_account']:19.1%}")


if __name__ == "__main__":
    main()
