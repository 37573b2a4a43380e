"""The gallery's pictures, taken from real runs: python -m tests.thumbnails [NAME ...]

Trains each example up to its mark, or for --seconds at most, and draws the panel that shows what
it is about, light and dark, into ui/pictures/examples/. runs.json
beside them tells how long the training takes and what it reaches. Without names: all examples
that have no picture yet; --all: all.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import msgspec
from PIL import Image
from PySide6.QtCore import QBuffer, QPoint, QRectF
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QComboBox, QSpinBox, QWidget

from playground.examples import EXAMPLES, Example
from playground.examples.measures import MEASURES
from playground.headless import train
from playground.session import Session
from playground.snapshot import Snapshot
from playground.snapshot_maker import SnapshotMaker
from tests.thumbnail_drawing import draw
from ui.dialogs.pictures import FOLDER, HEIGHT, RUNS, SCALE, WIDTH, Run, picture_file, runs
from ui.panels import PANELS
from ui.theme import apply, theme
from ui.views.base import View

QUALITY = 82
SECONDS = 12.0
"""Of training, at most: enough for a picture."""
ROUNDS = 3
"""What a view asks for may depend on what it has been shown."""
OTHERWISE: dict[str, tuple[str, str | None]] = {
    "maxout-digits": ("output", None), "lenet5": ("feature_maps", "conv_2"),
    "alexnet": ("feature_maps", "conv_1"), "vgg16": ("feature_maps", "conv_1"),
    "vgg-small": ("feature_maps", "conv_3"), "alexnet-small": ("output", None),
    "inception": ("output", None), "sequential-digits": ("output", None),
    "transfer-source": ("feature_maps", "conv_2"), "jordan": ("output", None),
    "deep-sigmoid": ("gradients", None), "deep-relu": ("gradients", None),
    "plain-deep": ("gradients", None), "resnet": ("gradients", None),
    "exploding": ("gradients", None), "gradient-descent-linear": ("surface", None),
    "over-fitting": ("output", None), "what-excites": ("excitation", "conv_2"),
    "transformer": ("through_time", None), "autoencoder": ("output", None),
    "autoencoder-conv": ("output", None), "vae": ("output", None),
    "char-lstm": ("output", None),
}
"""Panel and node of the picture, where it is not the first panel that comes with the example (or
Output): many of one kind would look all alike."""
SIDE_BY_SIDE = {"local-minima"}
"""Examples that are about how their variations differ."""
GAP = 4
"""Between small pictures, on either side."""
PARTS = {"matrix": "picture"}
"""The widget of a panel that is its picture, where that is not all of it."""


def subject(example: Example) -> tuple[str, str | None]:
    """The panel that is drawn, and the node that is selected in it."""
    first = example.panels[0] if example.panels else "output"
    return OTHERWISE.get(example.name, (first, example.selected or None))


def run(example: Example, seconds: float) -> tuple[Session, Run]:
    """Train; where time is up before the end, the seconds of the whole training are reckoned."""
    start, share = 0.0, 1.0

    def begin() -> None:
        nonlocal start
        start = time.perf_counter()

    def enough(session: Session, done: float) -> None:
        nonlocal share
        share = done
        if done < 1 and time.perf_counter() - start > seconds:
            raise KeyboardInterrupt  # ends the run early, not badly

    mark = example.mark
    outcome = train(example.graph, steps=mark.steps, epochs=mark.epochs, saved=example.state,
                    ready=begin, progress=enough)
    total = round(outcome.steps / share)
    reached = MEASURES[mark.metric](outcome) if outcome.state == "done" else None
    return outcome.session, Run(
        steps=total, seconds=round(outcome.seconds * total / max(1, outcome.steps), 3),
        reached=reached)


def picture(session: Session, example: Example) -> QPixmap:
    """What the example's panel shows: drawn for the size of a picture, or else as it is."""
    pixmap = QPixmap(round(SCALE * WIDTH), round(SCALE * HEIGHT))
    pixmap.setDevicePixelRatio(SCALE)
    pixmap.fill(theme().color("canvas"))
    panel, node = subject(example)
    painter = QPainter(pixmap)
    if example.name in SIDE_BY_SIDE:
        drawn = side_by_side(painter, session, example)
    else:
        drawn = draw(painter, QRectF(0, 0, WIDTH, HEIGHT), session, panel, node)
    painter.end()
    if not drawn:
        render_panel(pixmap, session, example)
    return pixmap


def side_by_side(painter: QPainter, session: Session, example: Example) -> bool:
    """Four small pictures: of the network, and of its first variations after as many steps."""
    others = [Session(lane.graph) for lane in example.variations[:3]]
    for other in others:
        other.run(session.step)
    panel, node = subject(example)
    painter.scale(0.5, 0.5)
    drawn = True
    for i, shown in enumerate((session, *others)):
        row, column = divmod(i, 2)
        area = QRectF(column * (WIDTH + GAP), row * (HEIGHT + GAP), WIDTH - GAP, HEIGHT - GAP)
        drawn &= draw(painter, area, shown, panel, node)
    return drawn


def render_panel(pixmap: QPixmap, session: Session, example: Example) -> None:
    """The panel itself, without its header and controls."""
    name, node = subject(example)
    view: View = PANELS[name].make()
    controls = view.body.findChildren(QComboBox) + view.body.findChildren(QSpinBox)
    view.resize(WIDTH, HEIGHT + view.header.sizeHint().height())
    view.show()
    view.select(node)
    maker = SnapshotMaker(session)
    for _ in range(ROUNDS):
        view.show_snapshot(maker.make(Snapshot(state="paused"), view.probes()))
        QApplication.processEvents()
    if view.empty_text:
        raise SystemExit(f"{example.name}: the panel {name} says {view.empty_text!r}. Choose "
                         "another one, here in OTHERWISE.")
    part: QWidget = getattr(view, PARTS.get(name, "body"))
    for control in controls:
        control.hide()
    part.setParent(None)  # out of the layout, which has a size of its own for it
    part.resize(WIDTH, HEIGHT)
    QApplication.processEvents()
    part.render(pixmap, QPoint())
    view.close()
    view.deleteLater()


def write(pixmap: QPixmap, name: str, dark: bool) -> int:
    """As WebP; gives the number of bytes."""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    pixmap.save(buffer, "PNG")
    image = Image.open(io.BytesIO(bytes(buffer.data().data()))).convert("RGB")
    file = picture_file(name, dark)
    image.save(file, "WEBP", quality=QUALITY, method=6)
    return file.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="examples")
    parser.add_argument("--all", action="store_true", help="also those that have their pictures")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of training, at most")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in EXAMPLES]:
        parser.error(f"no such example: {', '.join(unknown)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    names = options.names or [name for name in EXAMPLES if options.all or name not in runs()]
    for name in names:
        session, done = run(EXAMPLES[name], options.seconds)
        sizes = []
        for dark in (True, False):
            apply(app, "dark" if dark else "light")
            sizes.append(write(picture(session, EXAMPLES[name]), name, dark))
        known = {**runs(), name: done}
        ordered = {name: known[name] for name in EXAMPLES if name in known}
        RUNS.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n")
        print(f"{name:28} step {session.step:7,} of {done.steps:7,}  {done.seconds:8.1f} s  "
              f"{sizes[0]:6,} + {sizes[1]:6,} bytes", flush=True)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
