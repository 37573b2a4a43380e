"""While the window is open, the layers that this machine has never used are prepared for use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from playground.snapshot import Snapshot
from ui.engine_bridge import EngineBridge
from ui.status_bar import StatusBar

if TYPE_CHECKING:
    from playground.preparing import Filler

LOOK_MS = 500


class Preparing(QObject):
    """Begins once the first network is ready, which must not wait for others' layers."""

    def __init__(self, bridge: EngineBridge, status: StatusBar, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge, self._status = bridge, status
        self._filler: Filler | None = None
        self._waiting = False
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    def start(self) -> None:
        """From now on. It goes on until all are prepared, or until `stop`."""
        self._waiting = True
        self._bridge.snapshot_ready.connect(self._await_first)

    def stop(self) -> None:
        """End it, and wait for that."""
        self._waiting = False
        self._timer.stop()
        if self._filler is not None:
            self._filler.stop()

    def _await_first(self, snapshot: Snapshot) -> None:
        if self._waiting and snapshot.state not in ("empty", "compiling"):
            self._waiting = False
            from playground.preparing import prepare_all  # loads the machine, as the engine has

            self._filler = prepare_all()
            self._timer.start()

    def _look(self) -> None:
        filler = self._filler
        if filler is not None and filler.busy:
            self._status.show_preparing(filler.number, filler.count)
        else:
            self._status.show_preparing(0, 0)
            self._timer.stop()
