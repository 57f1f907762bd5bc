"""All randomness and all names come from stable hashes: same inputs, same numbers, anywhere.

Python's own `hash` differs between processes, and a running counter differs between orders of
work. Here a number depends on nothing but its key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Key = str | int | float | bool | None | Sequence["Key"] | Mapping[str, "Key"]


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(*key: Key) -> str:
    """SHA-256 of a key as 64 hexadecimal digits.

    The key is written as canonical JSON, so `("a", 1)` and `("a1",)` differ.
    """
    return hashlib.sha256(_CANONICAL.encode(key).encode()).hexdigest()


def derive(*key: Key) -> int:
    """Seed in [0, 2**63) that depends on the key alone."""
    return int(digest(*key)[:16], 16) >> 1


def generator(*key: Key) -> np.random.Generator:
    """NumPy generator (PCG64) seeded by the key alone."""
    import numpy as np

    return np.random.Generator(np.random.PCG64(derive(*key)))
