"""What a batch norm goes by, as a small picture: each channel's mean in the batch, and in the long
run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QImage, QPainter

from ui.theme import theme, ui_font

FINE = 2
"""Pixels of the picture along each side of one on the node: it is seen enlarged, too."""
WORDS = 46.0
LEAST = 3.0
"""The width of a channel; of more than fit the first are drawn."""
DOT = 1.4


def channel_means(batch: NDArray[np.float32], running: NDArray[np.float32], size: QSizeF
                  ) -> QImage:
    """A dot for each mean of the batch on the line of the running ones, 0 in the middle, and two
    words that tell them apart. batch, running (channels,): what is not finite lies at the edge.
    """
    image = QImage((size * FINE).toSize(), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    color, height = theme().color, size.height()
    shown = min(len(batch), int((size.width() - WORDS) // LEAST))
    both = np.stack([batch[:shown], running[:shown]]).astype(float)
    finite = np.abs(both[np.isfinite(both)])
    limit = float(finite.max(initial=0.0)) or 1.0
    heights = height / 2 - (height / 2 - 2 * DOT) * np.nan_to_num(
        both / limit, nan=1.0, posinf=1.0, neginf=-1.0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(FINE, FINE)
    painter.setFont(ui_font(10))
    for word, name, top in (("batch", "accent", 0.0), ("running", "text", height / 2)):
        painter.setPen(color(name))
        painter.drawText(QRectF(0, top, WORDS, height / 2), Qt.AlignmentFlag.AlignVCenter, word)
    step = (size.width() - WORDS) / max(shown, 1)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.fillRect(QRectF(WORDS, height / 2 - 0.25, size.width() - WORDS, 0.5), color("line"))
    for channel, (dot, line) in enumerate(heights.T.tolist()):
        left = WORDS + channel * step
        painter.fillRect(QRectF(left, line - 0.7, step - 0.5, 1.4), color("text"))
        painter.setBrush(color("accent"))
        painter.drawEllipse(QPointF(left + step / 2, dot), DOT, DOT)
    painter.end()
    return image
