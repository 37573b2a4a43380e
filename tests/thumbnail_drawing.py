"""What the gallery's pictures are made of: one drawing for each kind of thing a network gives.

Each covers a whole picture, in the theme's colours, with what the panels show in detail.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen, QPolygonF

from playground.excitation import Excitation, units_of
from playground.generation import find_decoder, hidden_node
from playground.layers.attention import Attention, MultiHeadAttention
from playground.layers.loss_layer import LossLayer
from playground.layers.noise import GaussianNoise
from playground.layers.unrolled import RecurrentLayer
from playground.session import Session
from playground.snapshot import (
    Boundary,
    BoundaryProbe,
    ConfusionProbe,
    DecodedProbe,
    Predictions,
    PredictionsProbe,
    Probe,
    Representation,
    RepresentationProbe,
    Snapshot,
    TensorProbe,
    WeightsProbe,
    WorkspaceProbe,
)
from playground.snapshot_maker import SnapshotMaker
from ui.colormaps import magnitude_image, signed_image
from ui.theme import mix, theme, ui_font
from ui.views.boundary import class_pixels, value_pixels
from ui.views.forecasts import is_forecast
from ui.views.pictures import grey_levels, largest
from ui.views.predictions import Judged, caption, judge
from ui.views.token_rows import words_of

Floats = NDArray[np.float32]
GAP = 4.0
SAMPLES = 24
STEPS = 100
"""That a pattern climbs."""
MADE = 600
"""Points of a generator."""


def draw(painter: QPainter, area: QRectF, session: Session, panel: str, node: str | None) -> bool:
    """Draw what `panel` shows of the session; False when there is no drawing for that panel."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    drawings = {"output": output, "gradients": gradients, "loss": loss,
                "feature_maps": feature_maps, "through_time": through_time,
                "excitation": excitation, "representation": representation}
    if panel not in drawings:
        return False
    drawings[panel](painter, area, session, node)
    return True


def ask(session: Session, probe: Probe) -> Any:
    """What a panel would get; None where there is no answer."""
    return SnapshotMaker(session).make(Snapshot(state="paused"), [probe]).values.get(probe)


# -- output ---------------------------------------------------------------------------------------


def output(painter: QPainter, area: QRectF, session: Session, node: str | None) -> None:
    # Networks of different widths show different samples of the same data.
    first = SAMPLES * (session.program.check.total_parameters % 5)
    ids = {n.id for n in session.graph.nodes}
    data = session.data.x_train
    if "made" in ids:
        made(painter, area, session)
        return
    if data.ndim == 2 and data.shape[1] <= 2:
        plane(painter, area, ask(session, BoundaryProbe(96)))
        return
    p: Predictions = ask(session, PredictionsProbe(start=first, count=SAMPLES))
    if p.rebuilt:
        rebuilt(painter, area, session)
    elif p.x.ndim == 4:
        samples(painter, area, p)
    elif p.steps is not None:
        words(painter, area, p)
    elif is_forecast(p):
        forecasts(painter, area, p)
    else:
        counts = ask(session, ConfusionProbe())
        side = area.height() - 4 * GAP
        image = magnitude_image(counts.astype(np.float32))
        square = QRectF(area.center().x() - side / 2, area.top() + 2 * GAP, side, side)
        painter.drawImage(square, image, QRectF(image.rect()))


def plane(painter: QPainter, area: QRectF, boundary: Boundary) -> None:
    """Every point of the plane in the colour of the network's answer, and the data on it."""
    target = boundary.target
    reach = float(np.abs(target).max()) or 1.0
    x0, x1, y0, y1 = boundary.extent
    if boundary.values.ndim == 1:
        y0, y1 = float(target.min()) - 0.1, float(target.max()) + 0.1

    def place(x: float, y: float) -> QPointF:
        return QPointF(area.left() + (x - x0) / (x1 - x0) * area.width(),
                       area.bottom() - (y - y0) / (y1 - y0) * area.height())

    if boundary.values.ndim == 2:
        pixels = (class_pixels(boundary.values, boundary.margin, len(boundary.classes))
                  if boundary.classes else value_pixels(boundary.values, reach))
        painter.drawImage(area, picture(pixels[::-1]))
    painter.setPen(QPen(theme().color("panel"), 0.8))
    for point, value in zip(boundary.points[:400], target[:400], strict=True):
        if boundary.classes:
            color = theme().series(int(value))
        elif boundary.values.ndim == 1:
            color = theme().color("warning")
        else:
            color = signed_image([[value]], reach).pixelColor(0, 0)
        painter.setBrush(color)
        height = float(value) if boundary.values.ndim == 1 else float(point[1])
        painter.drawEllipse(place(float(point[0]), height), 3, 3)
    if boundary.values.ndim == 1:
        x = np.linspace(x0, x1, boundary.values.size)
        painter.setPen(QPen(theme().color("accent"), 2))
        painter.drawPolyline(QPolygonF([place(float(a), float(b))
                                        for a, b in zip(x, boundary.values, strict=True)]))


def made(painter: QPainter, area: QRectF, session: Session) -> None:
    """What the node `made` makes: pictures, or points on the real ones."""
    found = session.evaluator.drawn("made", MADE, draw=1)
    if found[0].size > 2:
        shape = session.data.x_train.shape[1:]
        for image, cell in zip(found.reshape(-1, *shape), cells(area, 6, 3), strict=False):
            side = min(cell.width(), cell.height())
            painter.drawImage(
                QRectF(cell.center().x() - side / 2, cell.top(), side, side),
                picture(grey_levels(image[None])[0]))
        return
    reach = area.height() * 0.46 / 1.2
    for points, color, size in ((session.data.x_train[:MADE], theme().color("faint", 0.7), 1.6),
                                (found, theme().color("accent"), 1.9)):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        for x, y in points.astype(float):
            painter.drawEllipse(
                area.center() + QPointF(1.5 * x * reach, -y * reach), size, size)


def samples(painter: QPainter, area: QRectF, p: Predictions) -> None:
    """Pictures with what the network takes them for, red where it is wrong; of numbers, the true
    one and the network's."""
    judged = judge(p)
    if p.words:
        questions(painter, area, judged)
        return
    names = [caption(judged, i).removeprefix("✗ ") for i in range(len(p.x))]
    columns = 3 if not p.classes else 5 if max(map(len, names)) < 5 else 4
    font = ui_font(11, QFont.Weight.DemiBold)
    painter.setFont(font)
    line = 15.0
    for i, cell in enumerate(cells(area, columns, 2)):
        side = min(cell.width(), cell.height() - line)
        square = QRectF(cell.center().x() - side / 2, cell.top(), side, side)
        painter.drawImage(square, picture(grey_levels(p.x[i:i + 1])[0]))
        wrong = bool(judged.wrong[i])
        painter.setPen(theme().text("error" if wrong else "healthy"))
        text = painter.fontMetrics().elidedText(
            f"{'✗ ' * wrong}{names[i]}", Qt.TextElideMode.ElideRight, int(cell.width()))
        painter.drawText(QRectF(cell.left(), cell.bottom() - line + 1, cell.width(), line),
                         Qt.AlignmentFlag.AlignCenter, text)


def questions(painter: QPainter, area: QRectF, judged: Judged) -> None:
    """Pictures, each with what is asked about it and what the network answers."""
    p = judged.predictions
    for i, cell in enumerate(cells(area, 1, 3)):
        square = QRectF(cell.left(), cell.top(), cell.height(), cell.height())
        painter.drawImage(square, picture(grey_levels(p.x[i:i + 1])[0]))
        half = cell.height() / 2
        beside = cell.adjusted(cell.height() + 2 * GAP, 0, 0, -half)
        painter.setFont(ui_font(11))
        painter.setPen(theme().color("text"))
        painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, p.words[i])
        painter.setFont(ui_font(11, QFont.Weight.DemiBold))
        painter.setPen(theme().text("error" if judged.wrong[i] else "healthy"))
        painter.drawText(beside.translated(0, half), Qt.AlignmentFlag.AlignVCenter,
                         caption(judged, i))


def rebuilt(painter: QPainter, area: QRectF, session: Session) -> None:
    """What goes in (with its noise, if it gets some), and below that what comes out."""
    graph, count = session.graph, 5
    losses = [n.id for n in graph.nodes if isinstance(n.layer, LossLayer)]
    given = next((n.id for n in graph.nodes if isinstance(n.layer, GaussianNoise)), None)
    rows = [f"{given}.y" if given else session.program.samples.name,
            f"{graph.inputs_of(losses[0])[0].source}.y"]
    places = iter(cells(area, count, 2))
    for name in rows:
        for values in ask(session, TensorProbe(name, limit=count))[:count]:
            cell = next(places)
            side = min(cell.width(), cell.height())
            square = QRectF(cell.center().x() - side / 2, cell.center().y() - side / 2, side, side)
            painter.drawImage(square, picture(grey_levels(values[None].clip(0, None))[0]))


def words(painter: QPainter, area: QRectF, p: Predictions) -> None:
    """Steps of a sequence with what the network says of them."""
    metrics_gap, x, y = 7.0, area.left() + 10, area.top() + 8
    rows = [words_of(p, i) for i in range(len(p.x))]
    by_character = p.vocabulary and max(map(len, p.vocabulary)) <= 2
    painter.setFont(ui_font(15 if by_character else 12))
    metrics = painter.fontMetrics()
    line = metrics.height() * (1.15 if by_character else 2.5)
    for row in rows:
        for word in row:
            width = max(metrics.horizontalAdvance(word.text),
                        0 if by_character else metrics.horizontalAdvance(word.said))
            if x + width > area.right() - 8:
                x, y = area.left() + 10, y + line
            if y + line > area.bottom():
                return
            color = theme().color("text") if not word.said or not by_character else (
                theme().text("error") if word.wrong else theme().text("healthy"))
            painter.setPen(color)
            painter.drawText(QPointF(x, y + metrics.ascent()), word.text)
            if word.said and not by_character:
                plain = not word.wrong and word.said == p.classes[0]  # most words are of no slot
                painter.setPen(theme().text("error" if word.wrong else
                                            "secondary" if plain else "healthy"))
                painter.drawText(QPointF(x, y + metrics.ascent() + metrics.height() * 0.95),
                                 word.said)
            x += width + (0 if by_character else metrics_gap)
        x, y = area.left() + 10, y + line


def forecasts(painter: QPainter, area: QRectF, p: Predictions) -> None:
    """Two samples: what came as a line, what the network says dashed."""
    each = p.target.ndim == 3 and p.target.shape[1] > 1
    for row, cell in enumerate(cells(area, 1, 2)):
        came = p.target[row, :, 0] if each else np.append(p.x[row, :, 0], p.target[row].ravel()[:1])
        said = p.output[row].reshape(len(came) if each else 1, -1)[:, 0]
        both = np.concatenate([came, said])
        low, high = float(both.min()), float(both.max())
        step = cell.width() / max(1, len(came) - 1)

        def points(values: Iterable[float], first: int = 0, cell: QRectF = cell, low: float = low,
                   high: float = high, step: float = step) -> QPolygonF:
            return QPolygonF([QPointF(
                cell.left() + (first + i) * step,
                cell.bottom() - 4 - (v - low) / ((high - low) or 1) * (cell.height() - 8))
                for i, v in enumerate(values)])

        painter.setPen(QPen(theme().series(0), 1.6))
        painter.drawPolyline(points(came.tolist()))
        painter.setPen(QPen(theme().series(1), 1.8, Qt.PenStyle.DashLine))
        if each:
            painter.drawPolyline(points(said.tolist()))
        else:
            at = points(said[:1].tolist(), len(came) - 1)[0]
            for x, y in ((3, 3), (3, -3)):
                painter.drawLine(at - QPointF(x, y), at + QPointF(x, y))


# -- curves, maps and time ------------------------------------------------------------------------


def gradients(painter: QPainter, area: QRectF, session: Session, node: str | None) -> None:
    """The gradient norm of each layer over the steps, first layer blue, last one orange."""
    history = session.history.view()
    names = [id for id in session.program.learners if f"{id}.grad_norm_before" in history]
    lines = [history.mean(f"{id}.grad_norm_before") for id in names]
    colors = [mix(theme().series(0), theme().series(1), i / max(1, len(names) - 1))
              for i in range(len(names))]
    curves(painter, area, lines, colors)


def loss(painter: QPainter, area: QRectF, session: Session, node: str | None) -> None:
    """Of training blue, of validation orange."""
    history = session.history.view()
    curves(painter, area, [history.mean("loss"), history.validation_loss],
           [theme().series(0), theme().series(1)])


def curves(painter: QPainter, area: QRectF, lines: list[NDArray[np.float64]],
           colors: list[QColor]) -> None:
    """From side to side, on one logarithmic axis with a faint line for each power of ten."""
    logs = [np.log10(np.where(np.isfinite(v) & (v > 0), v, np.nan)) for v in lines]
    known = np.concatenate([v[np.isfinite(v)] for v in logs])
    low, high = float(known.min()), max(float(known.max()), float(known.min()) + 1)
    inner = area.adjusted(34, 10, -10, -10)

    def height(value: float) -> float:
        return inner.bottom() - (value - low) / (high - low) * inner.height()

    painter.setFont(ui_font(11))
    every = max(1, math.ceil((high - low) / 6))
    for power in range(math.ceil(low), math.floor(high) + 1, every):
        painter.setPen(QPen(theme().color("line"), 1))
        y = height(power)
        painter.drawLine(QPointF(inner.left(), y), QPointF(inner.right(), y))
        painter.setPen(theme().color("secondary"))
        text = f"{10.0**power:g}" if -2 <= power <= 3 else f"1e{power}"
        painter.drawText(QRectF(area.left(), y - 8, 30, 16),
                         Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
    for values, color in zip(logs, colors, strict=True):
        thinned = values[::max(1, len(values) // 150)]
        step = inner.width() / max(1, len(thinned) - 1)
        painter.setPen(QPen(color, 1.4))
        painter.drawPolyline(QPolygonF([
            QPointF(inner.left() + i * step, height(float(v)))
            for i, v in enumerate(thinned) if np.isfinite(v)]))


def feature_maps(painter: QPainter, area: QRectF, session: Session, node: str | None) -> None:
    """What the channels of a convolution give for one sample."""
    assert node is not None
    values = ask(session, TensorProbe(f"{node}.y", sample=1, source="validation"))
    if values is None:
        values = ask(session, TensorProbe(f"{node}.y", sample=0))
    columns = min(6, max(3, round(math.sqrt(len(values) * area.width() / area.height()))))
    rows = min(-(-len(values) // columns), 3)
    for i, cell in zip(range(len(values)), cells(area, columns, rows), strict=False):
        side = min(cell.width(), cell.height())
        square = QRectF(cell.center().x() - side / 2, cell.center().y() - side / 2, side, side)
        image = signed_image(values[i], largest(values[i]))
        painter.drawImage(square, image, QRectF(image.rect()))


def excitation(painter: QPainter, area: QRectF, session: Session, node: str | None) -> None:
    """The patterns that units answer most to."""
    assert node is not None
    weights = ask(session, WeightsProbe())
    made = Excitation(weights, node, range(min(18, units_of(session.program, node))))
    for _ in range(STEPS):
        made.step()
    for values, cell in zip(made.patterns, cells(area, 6, 3), strict=False):
        side = min(cell.width(), cell.height())
        square = QRectF(cell.center().x() - side / 2, cell.center().y() - side / 2, side, side)
        shown = values[(0, *made.field)]
        image = signed_image(shown, largest(shown))
        painter.drawImage(square, image, QRectF(image.rect()))


def through_time(painter: QPainter, area: QRectF, session: Session, node: str | None) -> None:
    """The norm of the gradient at each time step; below it gates and states of one sample."""
    found = [n for n in session.graph.order() if node in (None, n.id)]
    attention = [n.id for n in found if isinstance(n.layer, Attention | MultiHeadAttention)]
    recurrent = [n for n in found if isinstance(n.layer, RecurrentLayer)]
    if not recurrent:
        weights = ask(session, WorkspaceProbe(f"{attention[0]}.weights", 0))
        heads = weights.reshape(-1, *weights.shape[-2:])[:2]
        for values, cell in zip(heads, cells(area, len(heads), 1), strict=True):
            image = magnitude_image(values, largest(values))
            side = min(cell.width(), cell.height())
            painter.drawImage(QRectF(cell.center().x() - side / 2, cell.top(), side, side), image)
        return
    layer, id = recurrent[0].layer, recurrent[0].id
    assert isinstance(layer, RecurrentLayer)
    top = QRectF(area.left(), area.top(), area.width(), area.height() * 0.4)
    norms = [ask(session, TensorProbe(f"{id}.{name}_grad_norm")) for name in layer.kept]
    curves(painter, top, [np.asarray(v, float) for v in norms],
           [theme().series(i) for i in range(len(norms))])
    tracks = layer.tracks()
    below = QRectF(area.left() + 34, top.bottom(), area.width() - 44, area.bottom() - top.bottom())
    painter.setFont(ui_font(11))
    height = (below.height() - 8) / len(tracks)
    for i, track in enumerate(tracks):
        values = ask(session, WorkspaceProbe(f"{id}.{track.array}", 0, axis=1))
        is_state = track.name in layer.states
        values = values[track.first:len(values) - is_state + track.first,
                        track.start:track.start + track.units]
        gate = not is_state and not bool((values < 0).any())
        image = (magnitude_image(values.T, 1.0) if gate
                 else signed_image(values.T, largest(values)))
        place = QRectF(below.left(), below.top() + i * height, below.width(), height - 3)
        painter.drawImage(place, image, QRectF(image.rect()))
        painter.setPen(theme().color("secondary"))
        painter.drawText(QRectF(area.left(), place.top() - 4, 28, place.height() + 8),
                         Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, track.name)


def representation(painter: QPainter, area: QRectF, session: Session, node: str | None) -> None:
    """Samples where the code, or else the last hidden layer, puts them; what the decoder draws of
    the plane behind them."""
    program = session.program
    decoder = find_decoder(program.graph, program.check, program.loss_node)
    shown = node or (decoder.code if decoder is not None else
                     hidden_node(program.graph, program.check, program.loss_node))
    assert shown is not None
    found: Representation = ask(session, RepresentationProbe(shown, limit=300))
    # A few samples far out would leave no room for the others.
    (x0, y0), (x1, y1) = (np.quantile(found.values, share, axis=0) for share in (0.02, 0.98))
    reach_x, reach_y = 0.12 * (x1 - x0), 0.12 * (y1 - y0)
    x0, x1, y0, y1 = x0 - reach_x, x1 + reach_x, y0 - reach_y, y1 + reach_y
    if decoder is not None:
        columns, rows = 9, 6
        x = tuple(float(x0 + (i + 0.5) / columns * (x1 - x0)) for i in range(columns))
        y = tuple(float(y1 - (i + 0.5) / rows * (y1 - y0)) for i in range(rows))
        pixels = grey_levels(ask(session, DecodedProbe(x, y)).reshape(
            columns * rows, *found.x.shape[1:]))
        painter.setOpacity(0.75)
        for image, cell in zip(pixels, cells(area, columns, rows, margin=0), strict=True):
            painter.drawImage(cell, picture(image))
        painter.setOpacity(1)
    painter.setPen(QPen(theme().color("panel"), 0.8))
    numbers = np.zeros(len(found.values), int) if found.labels is None else found.labels
    for (a, b), number in zip(found.values.astype(float), numbers, strict=True):
        painter.setBrush(theme().class_color(int(number)))
        painter.drawEllipse(QPointF(area.left() + (a - x0) / (x1 - x0) * area.width(),
                                    area.bottom() - (b - y0) / (y1 - y0) * area.height()),
                            *(3.0, 3.0) if decoder is None else (2.2, 2.2))


# -- parts ----------------------------------------------------------------------------------------


def cells(area: QRectF, columns: int, rows: int, margin: float = 10.0) -> list[QRectF]:
    """Places of one size, row by row."""
    width = (area.width() - 2 * margin - GAP * (columns - 1)) / columns
    height = (area.height() - 2 * margin - GAP * (rows - 1)) / rows
    left, top = area.left() + margin, area.top() + margin
    return [QRectF(left + c * (width + GAP), top + r * (height + GAP), width, height)
            for r in range(rows) for c in range(columns)]


def picture(pixels: NDArray[np.uint8]) -> QImage:
    """Colours (height, width, 3) as an image of its own."""
    made = np.ascontiguousarray(pixels, np.uint8)
    height, width = made.shape[:2]
    return QImage(made.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
