"""The machine and its instructions; knows NumPy and Numba, and nothing of networks.

The contract of a kernel (see `kernels.jit.kernel`):

1. It is a function of one row of int64 operands: sizes, addresses of arrays, bits of floats.
2. Operands stand in the order inputs -> outputs; sizes come first; all are read before the loop,
   so that LLVM knows that the stores do not change them.
3. Arrays are C-contiguous float32, samples first, images (channels, height, width).
4. It allocates nothing, raises nothing, and checks nothing: shapes were checked before.
5. Backward kernels overwrite their gradients; the program sums where there are several readers.
6. Randomness is a pure function of a key, the step and the element: replay gives the same bits.
7. One docstring line holds the formula and one the shapes, with the source where there is one.

The modules are loaded when one is first used, as `kernels.dense.dense_forward`: importing Numba
takes longer than painting a window, which needs no kernel yet.
"""

from __future__ import annotations

import importlib
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"kernels.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"kernels.{name}":
            raise  # Something that the kernels need is not installed.
        raise AttributeError(f"there are no kernels called {name!r}") from error
