"""Interventions: do(AU4=0.3) sets AU 4 at the apex, whatever caused it, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from equime_hub.builder.causal.draw import Draw, Vectors
from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS

Do = Mapping[int, float]
"""FACS number → intensity in [0, 1] at the apex."""


def intervene(draw: Draw, do: Do) -> Draw:
    """The draw with some AUs of its apex set, to four digits.

    Every other AU, the onset, the source and the donor stay: the rest of the vector is still
    somebody's.

    Raises:
        PlanError: Nothing is set, an AU is not one of the 17, or a value is not in [0, 1].
    """
    apex = set_units(np.array([draw.au_apex]), do)
    return replace(draw, au_apex=tuple(apex[0].tolist()))


def set_units(au_apex: Vectors, do: Do) -> Vectors:
    """N×17 apexes with some AUs set, to four digits; errors as `intervene`."""
    apex = au_apex.copy()
    for number, value in _checked(do).items():
        apex[:, AU_INDEX[number]] = value
    return apex


def parse_do(text: str) -> dict[int, float]:
    """Read "AU4=0.3,AU12=0", with or without "do( )" around it.

    >>> parse_do("AU4=0.3, AU12=0")
    {4: 0.3, 12: 0.0}

    Raises:
        PlanError: It does not read so, names an AU twice, or `intervene` would refuse it.
    """
    inner = text.strip()
    if inner.startswith("do(") and inner.endswith(")"):
        inner = inner[3:-1]
    do: dict[int, float] = {}
    for part in inner.split(","):
        found = re.fullmatch(r"\s*AU0?(\d{1,2})\s*=\s*(\d*\.?\d+)\s*", part, re.ASCII)
        if found is None:
            raise PlanError(
                f"{text!r} is no intervention; write AUs and intensities in [0, 1] such as "
                "AU4=0.3,AU12=0."
            )
        number = int(found[1])
        if number in do:
            raise PlanError(f"{text!r} sets AU {number} twice; set it once.")
        do[number] = float(found[2])
    return _checked(do)


def describe(do: Do) -> str:
    """An intervention as text, in the order of the FACS numbers.

    >>> describe({12: 0, 4: 0.3})
    'do(AU4=0.3,AU12=0)'

    Raises:
        PlanError: As `intervene`.
    """
    return f"do({','.join(f'AU{number}={value:g}' for number, value in _checked(do).items())})"


def _checked(do: Do) -> dict[int, float]:
    """Sorted by number, values as they are set."""
    if not do:
        raise PlanError("An intervention must set at least one AU, such as AU4=0.3; got none.")
    for number, value in do.items():
        if number not in AU_INDEX:
            raise PlanError(
                f"AU {number} cannot be set; choose among {', '.join(map(str, AU_NUMBERS))}."
            )
        if not 0 <= value <= 1:
            raise PlanError(f"AU {number} must be set to a number in [0, 1], got {value}.")
    return {number: round(float(do[number]), 4) for number in sorted(do)}
