"""The sampler `micro`: AUs of annotated micro-expressions, MiE-X's z_MiE (paper §4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from equime_hub.builder.causal.donors import Donation, DonorSampler, moving
from equime_hub.builder.causal.openface import Track
from equime_hub.builder.causal.table import Row
from equime_hub.errors import PlanError


@dataclass(frozen=True)
class MicroSampler(DonorSampler):
    """Onset and apex of a real micro-expression, at the frames that its annotators named.

    The index has two more columns, `onset_frame` and `apex_frame`: frame numbers as the OpenFace
    file has them, so 1 is the first frame of what OpenFace was given. A pair without any
    difference between the two is refused, as is a frame in which the face was not tracked.
    """

    source: ClassVar[str] = "micro"
    columns: ClassVar[tuple[str, ...]] = ("onset_frame", "apex_frame")

    def donation(self, row: Row, track: Track) -> Donation:
        """The pair.

        Raises:
            PlanError: A frame is no number, not there or not tracked, the apex does not come
                after the onset, or nothing moves between them.
        """
        texts = [row[column] for column in self.columns]
        if not all(text.isdecimal() for text in texts) or not int(texts[0]) < int(texts[1]):
            raise PlanError(
                f"{track.path}: onset_frame and apex_frame must be whole numbers, the first "
                f"below the second, got {texts[0]!r} and {texts[1]!r}."
            )
        onset, apex = (track.at(int(text)) for text in texts)
        apexes = moving(onset, apex[None])
        if not len(apexes):
            raise PlanError(
                f"{track.path}: the AUs of frames {texts[0]} and {texts[1]} are the same."
            )
        return Donation(f"{row['dataset']}/{row['subject']}", onset, apexes)
