"""What may not be given to others: clips of licensed datasets."""

from __future__ import annotations

RESTRICTED = "restricted: "
"""Stands before the licence of every row that was imported from a licensed dataset."""

LICENSED_DATASETS = frozenset({
    "4dme", "cas_me2", "cas_me3", "casme", "casme2", "ck_plus", "dfme", "megc2019", "mie_x", "mmew",
    "oulu_casia", "samm", "smic", "smic_e",
})  # fmt: skip
"""Datasets whose licence forbids to pass them on, as `source_dataset` names them."""

_PLAIN = {name.replace("_", "") for name in LICENSED_DATASETS} | {"casmeii"}


def is_restricted(licence: str | None) -> bool:
    """Whether a row's licence says that it was imported from a licensed dataset.

    >>> is_restricted("restricted: SAMM"), is_restricted("CC0-1.0"), is_restricted(None)
    (True, False, False)
    """
    return licence is not None and licence.lower().startswith(RESTRICTED.strip())


def is_licensed(source_dataset: str | None) -> bool:
    """Whether a row is from one of `LICENSED_DATASETS`, however its name is written.

    >>> is_licensed("CAS(ME)^2"), is_licensed("CK+"), is_licensed("celebahq"), is_licensed(None)
    (True, True, False, False)
    """
    name = (source_dataset or "").lower().partition(" (")[0].replace("+", "plus")
    return "".join(filter(str.isalnum, name)) in _PLAIN
