"""Keys of random numbers."""

from __future__ import annotations

import hashlib

import numpy as np


def random_key(seed: int, purpose: str) -> int:
    """A random-looking odd 63-bit key, different for each seed and purpose."""
    digest = hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=8).digest()
    return int(np.frombuffer(digest, np.int64)[0]) & (2**63 - 1) | 1
