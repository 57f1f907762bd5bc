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
    import numpy.typing as npt

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


def words(keys: Sequence[int] | npt.NDArray[np.uint64], count: int) -> npt.NDArray[np.uint64]:
    """The first numbers of many small streams at once: SplitMix64 (Steele, Lea & Flood 2014).

    A generator for each of 200,000 keys takes seconds; this takes none.

    Args:
        keys: N seeds in [0, 2**64), as `derive` gives them.
        count: Numbers a stream.

    Returns:
        N×count numbers in [0, 2**64); each row depends on its own key alone.
    """
    import numpy as np

    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed: npt.NDArray[np.uint64] = np.asarray(keys, dtype=np.uint64)[:, None] + steps
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def uniform(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Words as numbers in [0, 1), in steps of 2**-53."""
    import numpy as np

    drawn: npt.NDArray[np.float64] = (numbers >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return drawn
