"""What may not be given to others: clips of licensed datasets."""

from __future__ import annotations

RESTRICTED = "restricted: "
"""Stands before the licence of every row that was imported from a licensed dataset."""


def is_restricted(licence: str | None) -> bool:
    """Whether a row's licence says that it was imported from a licensed dataset.

    >>> is_restricted("restricted: SAMM"), is_restricted("CC0-1.0"), is_restricted(None)
    (True, False, False)
    """
    return licence is not None and licence.lower().startswith(RESTRICTED.strip())
