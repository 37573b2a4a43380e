"""Trains `transfer-source` and writes its trunk beside this file, for `transfer`.

Run it after a change of that example: python -m playground.examples.make_trunk
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from playground.examples.transfer import TRANSFER_SOURCE, TRUNK, WEIGHTS
from playground.headless import train
from playground.state import node_of


def trained_trunk() -> dict[str, NDArray[np.float32]]:
    """The weights of the trunk after the first half, by name."""
    outcome = train(TRANSFER_SOURCE.graph, epochs=TRANSFER_SOURCE.mark.epochs)
    return {name: values for name, values in outcome.session.saved_state().parameters.items()
            if node_of(name) in TRUNK}


if __name__ == "__main__":
    save_file(trained_trunk(), Path(__file__).with_name(WEIGHTS))
