"""How the time of a step grows: `python -m tests.bench.growth`.

Networks grow along one axis: batch, width, depth, length of the sequence, threads. Work is what a
step has to do: samples, multiply-adds or time steps. `ratio` is time per work beside the cheapest
size so far: a size that is large enough to hide the fixed costs of a step sets the measure, and
whatever is larger should stay within 1.3 of it. The sizes of a row take turns within one run; a
ratio is the median over the turns. A turn begins with steps that do not count: the first finds the
caches full of another network's numbers, and takes up to half as long again as the fourth. Threads
share the work: their ratio is that of the seconds that all of them take together.

Time is that of the processor where one thread works, so that other programs weigh little.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.effort import operations
from playground.graph import Graph
from playground.session import Session
from playground.shapes import check
from tests.bench.networks import POOL, conv, dense, images, network
from tests.networks import Samples

WANTED = 1.3
SECONDS_PER_TURN, STEPS_BEFORE = 0.02, 3
COLOURS = "#1f6feb", "#b45f06", "#1a8a7d"


@dataclass(frozen=True)
class Row:
    """One network along one axis: `make` builds it at each of the sizes."""

    axis: str
    name: str
    sizes: tuple[int, ...]
    make: Callable[[int], Graph]
    work: Callable[[Graph, int], float] = lambda graph, size: size


def mlp(batch: int = 64, width: int = 256, depth: int = 2) -> Graph:
    return network(batch, images(784), *dense(*[width] * depth, 10, activation="relu"))


def cnn(batch: int = 32, width: int = 16, depth: int = 2) -> Graph:
    return network(batch, images(3, 16, 16), *[conv(width)] * depth, POOL, ("flatten", {}),
                   ("dense", {"units": 10}))


def recurrent(kind: str, batch: int = 32, units: int = 64, steps: int = 32) -> Graph:
    return network(batch, Samples(shape=(steps, 16), classes=2, count=640),
                   (kind, {"units": units}), ("dense", {"units": 2}))


def _operations(graph: Graph, size: int) -> float:
    return operations(graph, check(graph))


ROWS = (
    Row("batch", "mlp 784-256-256-10", (8, 16, 32, 64, 128, 256, 512), lambda n: mlp(batch=n)),
    Row("batch", "cnn 16-16", (4, 8, 16, 32, 64, 128), lambda n: cnn(batch=n)),
    Row("batch", "lstm 64, 32 steps", (8, 16, 32, 64, 128),
        lambda n: recurrent("lstm", batch=n)),
    Row("width", "mlp 784-n-n-10", (16, 32, 64, 128, 256, 512, 1024), lambda n: mlp(width=n),
        _operations),
    Row("width", "cnn n-n", (4, 8, 16, 32, 64), lambda n: cnn(width=n), _operations),
    Row("width", "lstm n, 32 steps", (16, 32, 64, 128, 256), lambda n: recurrent("lstm", units=n),
        _operations),
    Row("depth", "mlp of n x 128", (2, 4, 8, 16, 32), lambda n: mlp(width=128, depth=n),
        _operations),
    Row("depth", "cnn of n x 16", (2, 4, 8, 16), lambda n: cnn(depth=n), _operations),
    Row("length", "elman 64, n steps", (8, 16, 32, 64, 128, 256),
        lambda n: recurrent("elman", steps=n)),
    Row("length", "lstm 64, n steps", (8, 16, 32, 64, 128, 256),
        lambda n: recurrent("lstm", steps=n)),
    Row("threads", "mlp 784-256-256-10, batch 256", (1, 2), lambda n: mlp(batch=256)),
    Row("threads", "cnn 32-32, batch 64", (1, 2), lambda n: cnn(batch=64, width=32)),
    Row("threads", "lstm 64, 32 steps, batch 64", (1, 2), lambda n: recurrent("lstm", batch=64)),
)


def measure(row: Row, turns: int) -> list[dict[str, float]]:
    """Of each size: microseconds per step, and the ratio to proportional."""
    is_threads = row.axis == "threads"
    clock = time.perf_counter if is_threads else time.process_time
    graphs = [row.make(size) for size in row.sizes]
    sessions = [Session(graph, threads=size if is_threads else 1)
                for graph, size in zip(graphs, row.sizes, strict=True)]
    work = [1 / size if is_threads else row.work(graph, size)
            for graph, size in zip(graphs, row.sizes, strict=True)]

    def seconds(session: Session, steps: int) -> float:
        session.run(STEPS_BEFORE)
        start = clock()
        session.run(steps)
        assert session.trouble is None
        return (clock() - start) / steps

    steps = [max(1, int(SECONDS_PER_TURN / seconds(session, 3))) for session in sessions]
    times = [[seconds(*pair) for pair in zip(sessions, steps, strict=True)] for _ in range(turns)]
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    found = []
    for i, size in enumerate(row.sizes):
        cheapest = min(range(i + 1), key=lambda k: medians[k] / work[k])
        ratio = statistics.median(
            turn[i] / work[i] / (turn[cheapest] / work[cheapest]) for turn in times)
        found.append({"size": size, "us": 1e6 * medians[i], "work": work[i], "ratio": ratio})
    return found


def draw(results: list[dict[str, Any]], path: Path) -> None:
    """For each axis a plot of time per work beside the least: what is proportional is level."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import pyqtgraph as pg
    from PySide6.QtCore import Qt

    app = pg.mkQApp()
    pg.setConfigOptions(background="w", foreground="#1b2430", antialias=True)
    sheet = pg.GraphicsLayoutWidget(size=(1200, 720))
    limit = pg.mkPen("#c23b3b", style=Qt.PenStyle.DashLine)
    axes = list(dict.fromkeys(result["axis"] for result in results))
    for number, axis in enumerate(axes):
        rows = [result for result in results if result["axis"] == axis]
        plot = sheet.addPlot(row=number // 3, col=number % 3, title=f"time per work, by {axis}")
        plot.addLegend(offset=(-1, 1))
        sizes = sorted({found["size"] for result in rows for found in result["sizes"]})
        plot.getAxis("bottom").setTicks([[(math.log2(n), str(n)) for n in sizes]])
        plot.addItem(pg.InfiniteLine(WANTED, angle=0, pen=limit))
        for colour, symbol, result in zip(COLOURS, "ost", rows, strict=False):
            cost = [found["us"] / found["work"] for found in result["sizes"]]
            plot.plot([math.log2(found["size"]) for found in result["sizes"]],
                      [c / min(cost) for c in cost], name=result["name"], symbol=symbol,
                      symbolSize=7, symbolBrush=colour, pen=pg.mkPen(colour, width=2))
        plot.setYRange(0.9, 3)
    sheet.show()
    app.processEvents()
    sheet.grab().save(str(path))
    sheet.close()


def lines(result: dict[str, Any]) -> Iterator[str]:
    """A row as text, with a mark where growth is more than wanted."""
    yield f"{result['axis']}: {result['name']}"
    for found in result["sizes"]:
        mark = "  more than wanted" if found["ratio"] > WANTED else ""
        yield f"{found['size']:8}{found['us']:12.1f} us{found['ratio']:8.2f}{mark}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="only rows whose axis or name has one of these")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--plot", type=Path, help="draw the growth into this PNG file")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    arguments = parser.parse_args()
    results = []
    for row in ROWS:
        if not arguments.words or any(w in f"{row.axis} {row.name}" for w in arguments.words):
            results.append({"axis": row.axis, "name": row.name,
                            "sizes": measure(row, arguments.turns)})
            if not arguments.json:
                print("\n".join(lines(results[-1])), flush=True)
    if arguments.plot:
        draw(results, arguments.plot)
    if arguments.json:
        print(json.dumps({"wanted": WANTED, "rows": results}))


if __name__ == "__main__":
    main()
