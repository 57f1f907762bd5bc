"""The roles of clips in folds, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

REQUIRED = ("fold", "role", "clip_id", "subject_id")
CLIP = (
    "source_dataset", "source_image", "source_sha256", "au_source_subject", "counterfactual_of",
    "expression",
)  # fmt: skip
"""Optional columns that describe the clip, text."""
EXPRESSIONS = ("micro", "macro")
ROLES = ("train", "validation", "test", "pretrain", "unused")
TRAIN, VALIDATION, TEST, PRETRAIN = 1, 2, 4, 8

Mask = npt.NDArray[np.bool_]
"""One value a clip, in the order of `Rows.clips`."""
Codes = npt.NDArray[np.int32]
"""Numbers that stand for values; -1 for null."""

BITS = np.array([TRAIN, VALIDATION, TEST, PRETRAIN, 0], np.uint8)
"""Of the roles, in their order."""


@dataclass(frozen=True, eq=False)
class Fold:
    """What the clips were used for in one fold.

    Attributes:
        name: Name of the fold.
        seed: Seed for which it was drawn; None if all seeds have the same folds.
        roles: One uint8 a clip, the sum of `TRAIN`, `VALIDATION`, `TEST` and `PRETRAIN`.
    """

    name: str
    seed: int | None
    roles: npt.NDArray[np.uint8]

    @property
    def title(self) -> str:
        """Name and seed, for people."""
        return self.name if self.seed is None else f"{self.name} (seed {self.seed})"

    def has(self, roles: int) -> Mask:
        """Clips that have any of these roles, whose numbers are added."""
        found: Mask = (self.roles & np.uint8(roles)) != 0
        return found


@dataclass(frozen=True, eq=False)
class Rows:
    """All roles of a run; iterating makes one `Fold` after the other.

    Attributes:
        clips: One row a clip: clip_id, subject_id and the columns of `CLIP` that there are, text.
        folds: Name and seed of every fold.
        default: Role of every clip in folds that do not name it.
        always: Role of every clip in all folds.
        clip: Clips that folds name, sorted by fold.
        role: Number of the role of each of these, in the order of `ROLES`.
        start: Where each fold begins in these, and where the last one ends.
    """

    clips: pa.Table
    folds: tuple[tuple[str, int | None], ...]
    default: npt.NDArray[np.uint8]
    always: npt.NDArray[np.uint8]
    clip: Codes
    role: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.folds)

    def __iter__(self) -> Iterator[Fold]:
        for number, (name, seed) in enumerate(self.folds):
            own = slice(self.start[number], self.start[number + 1])
            clip, bits = self.clip[own], BITS[self.role[own]]
            roles = self.default.copy()
            roles[clip[bits != PRETRAIN]] = 0
            np.bitwise_or.at(roles, clip, bits)
            yield Fold(name, seed, roles | self.always)
