"""PySide6 6.12.0 before Python 3.12 loses a reference to None at each call that returns nothing.

After some thousand calls the process dies. This tells it from a good one in 300 calls.
"""

from __future__ import annotations

import sys

from PySide6.QtGui import QImage, QPainter


def test_calls_that_return_nothing_keep_their_reference_to_none() -> None:
    image = QImage(16, 16, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.drawRect(0, 0, 5, 5)
    before = sys.getrefcount(None)
    for _ in range(300):
        painter.drawRect(0, 0, 5, 5)
    lost = before - sys.getrefcount(None)
    painter.end()
    assert lost < 50, "this PySide6 will crash; install another version of PySide6-Essentials"
