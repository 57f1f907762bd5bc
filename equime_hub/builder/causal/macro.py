"""The sampler `macro`: early frames of macro-expressions, MiE-X's z_MaE (paper §4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from equime_hub.builder.causal.donors import Donation, DonorSampler, moving
from equime_hub.builder.causal.openface import Track
from equime_hub.builder.causal.table import Row
from equime_hub.errors import PlanError


@dataclass(frozen=True)
class MacroSampler(DonorSampler):
    """First frame of a macro-expression as onset, and as apex a frame before it is strong.

    The apex is uniform over the frames ⌊α·n⌋ to ⌊β·n⌋ of the n of a clip, both included,
    counted from 0. (The paper prints the lower end alone; its §5.3 names both.) Frames in which
    the face was not tracked, and such as do not differ from the onset, are not drawn; a clip
    without any other, or with an untracked first frame, is refused.

    Attributes:
        interval: (α, β), 0 <= α <= β <= 1; MiE-X uses (0.3, 0.5).
    """

    source: ClassVar[str] = "macro"

    interval: tuple[float, float] = (0.3, 0.5)

    def __post_init__(self) -> None:
        low, high = self.interval
        if not 0 <= low <= high <= 1:
            raise PlanError(f"interval must satisfy 0 <= low <= high <= 1, got ({low}, {high}).")
        super().__post_init__()

    def donation(self, row: Row, track: Track) -> Donation:
        """The first frame and all that may be the apex.

        Raises:
            PlanError: The face was not tracked in the first frame, or in no frame of the
                interval, or nothing moves until then.
        """
        onset = track.at(int(track.frames[0]))
        # Rounded first: 0.29 · 100 is 28.999… in floating point.
        low, high = (int(np.floor(round(share * len(track.frames), 9))) for share in self.interval)
        early = slice(low, high + 1)
        apexes = moving(onset, track.aus[early][track.tracked[early]])
        if not len(apexes):
            raise PlanError(
                f"{track.path}: of its {len(track.frames)} frames none from {low} to {high} "
                "(counted from 0) is tracked and differs from the first."
            )
        return Donation(f"{row['dataset']}/{row['subject']}", onset, apexes)
