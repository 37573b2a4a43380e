"""Training steps against PyTorch and JAX on the same work: `python -m tests.bench.vs_pytorch`.

The same network, batch, loss, SGD with momentum 0.9 and clipping of the global norm at 1. All take
turns within one run, so that a noisy machine disturbs them alike; a ratio is the median over the
turns of a peer's time / our time: above 1 we are faster.

Peers get one batch, ready in memory. Ours shuffles and gathers a batch in every step, and measures
its gradients and activations while it does (--plain leaves the measuring out).

GFLOP/s counts the multiplications and additions of the plain formulas, so that Winograd's
convolution, which needs fewer, can come out above the peak: that of a loop of multiply-adds, in
registers, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from kernels.peak import peak_flops
from playground.effort import operations, useful_threads
from playground.graph import Graph
from playground.session import Session
from playground.shapes import check
from tests.bench.networks import NETWORKS
from tests.bench.peers import PEERS, available

SECONDS_PER_TURN = 0.1


def peak(threads: int) -> float:
    """Operations per second of so many threads, side by side."""
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(peak_flops, [0.5] * threads))


def seconds(work: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def compare(graph: Graph, threads: int, duration: float, instrument: bool,
            peers: list[str]) -> dict[str, Any]:
    """Median microseconds per step of all, and the median ratios of the turns."""
    session = Session(graph, threads=useful_threads(graph, threads), instrument=instrument)
    steps = {name: PEERS[name](graph, session) for name in peers}

    def our_steps(count: int) -> float:
        start = time.perf_counter()
        session.run(count)
        assert session.trouble is None
        return (time.perf_counter() - start) / count

    our_steps(5)
    count = max(1, int(SECONDS_PER_TURN / our_steps(5)))
    counts = {}
    for name, step in steps.items():
        seconds(step, 5)
        counts[name] = max(1, int(SECONDS_PER_TURN / seconds(step, 5)))
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in steps}
    end = time.perf_counter() + duration
    while len(ours) < 5 or time.perf_counter() < end:
        ours.append(our_steps(count))
        for name, step in steps.items():
            theirs[name].append(seconds(step, counts[name]))
    return {
        "our_us": 1e6 * statistics.median(ours), "turns": len(ours),
        "our_gflops": operations(graph, check(graph)) / statistics.median(ours) / 1e9,
        "peers": {name: {
            "us": 1e6 * statistics.median(times),
            "ratio": statistics.median(b / a for a, b in zip(ours, times, strict=True))}
            for name, times in theirs.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only networks whose name has one of these")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each network")
    parser.add_argument("--peers", nargs="+", choices=[*PEERS, "all"], default=["eager"],
                        help="all: those that are installed")
    parser.add_argument("--plain", action="store_true", help="do not measure gradient norms etc.")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    arguments = parser.parse_args()
    missing = [name for name in PEERS if not available(name)]
    if asked := [name for name in missing if name in arguments.peers]:
        parser.error(f"{', '.join(asked)} is not installed: pip install -e '.[bench]'")
    if missing and "all" in arguments.peers:
        print(f"{', '.join(missing)} is not installed and left out.", file=sys.stderr)
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    if arguments.threads == 1:
        # Read by JAX when it is first imported.
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    peers = [name for name in PEERS
             if name in arguments.peers or ("all" in arguments.peers and available(name))]
    most = peak(arguments.threads) / 1e9
    results = {}
    if not arguments.json:
        columns = "".join(f"{name:>11} us {'ratio':>7}" for name in peers)
        print(f"{arguments.threads} threads; multiply-adds reach {most:.0f} GFLOP/s\n"
              f"{'network':22}{'ours us':>10}{columns}{'GFLOP/s':>9}{'of peak':>9}")
    for name, make in NETWORKS.items():
        if arguments.words and not any(word in name for word in arguments.words):
            continue
        found = compare(make(), arguments.threads, arguments.seconds, not arguments.plain, peers)
        results[name] = {**found, "share_of_peak": found["our_gflops"] / most}
        if not arguments.json:
            columns = "".join(f"{p['us']:14.1f} {p['ratio']:7.2f}"
                              for p in found["peers"].values())
            print(f"{name:22}{found['our_us']:10.1f}{columns}{found['our_gflops']:9.1f}"
                  f"{found['our_gflops'] / most:9.0%}", flush=True)
    if arguments.json:
        print(json.dumps({"threads": arguments.threads, "torch": torch.__version__,
                          "peak_gflops": most, "networks": results}))


if __name__ == "__main__":
    main()
