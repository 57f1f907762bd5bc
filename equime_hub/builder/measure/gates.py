"""Gates: what makes a clip one that should not be used. It stays in the dataset, marked.

A gate looks at the columns of a clip and never at its pixels, so that other gates can be tried
on a dataset without decoding it. Broken clips (`basic.BROKEN`) are rejected whatever is chosen.

There is no gate for an identity that drifts. Without a model that knows faces, another person and
a strong expression cannot be told apart by what the columns hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from equime_hub import configs
from equime_hub.errors import EquimeError
from equime_hub.schema.records import Quality
from equime_hub.video.motion import Thresholds
from equime_hub.video.timing import milliseconds

_MOTION = Thresholds()


@dataclass(frozen=True)
class Gates:
    """Which gates are on, and their thresholds.

    Attributes:
        names: Names in `GATES`.
        head: Inter-ocular distances from which a head that moves alone is "head only" rather than
            "static" (`motion.Thresholds`).
        exaggerated: Largest amplitude of a subtle expression, inter-ocular distances
            (`motion.Thresholds`).
        shortest: Least measured over planned duration; chosen here. Clips by `warp` lie between
            0.9 and 1.15 at 256×256, and up to 1.4 at 64×64.
        longest: Largest; chosen here.
        psnr: Least PSNR of consecutive frames, dB; chosen here. Published sets have means of 39
            to 42 (EquiME, Table 2); below 25 the picture jumps or flickers.
        brisque: Largest; chosen here, above all means of that table (8 to 34) by as much again.
        clip_iqa: Least; chosen here, below all means of that table (0.25 to 0.79) by more than
            half.
        first_frame_psnr: Least PSNR of the first frame against the face it starts from, dB;
            chosen here. Coding and a video model's own compression leave more.
    """

    names: tuple[str, ...] = ()
    head: float = _MOTION.head
    exaggerated: float = _MOTION.exaggerated
    shortest: float = 0.67
    longest: float = 1.5
    psnr: float = 25.0
    brisque: float = 70.0
    clip_iqa: float = 0.1
    first_frame_psnr: float = 20.0

    def __post_init__(self) -> None:
        for name in self.names:
            if name not in GATES:
                raise EquimeError(f"There is no gate {name!r}. Choose among: {', '.join(GATES)}.")
        if not 0 <= self.shortest < self.longest:
            raise EquimeError(
                "A gate for durations needs 0 <= shortest < longest, got "
                f"shortest {self.shortest} and longest {self.longest}."
            )

    @classmethod
    def parse(cls, text: str) -> Gates:
        """Gates from a command line.

        Args:
            text: "all", "none", names with commas (and hyphens for spaces, if that is easier), or
                a JSON file with the fields of this class.

        Raises:
            EquimeError: An unknown name, or a file that does not fit.
        """
        if text.endswith(".json"):
            return configs.from_file(cls, Path(text))
        if text in ("all", "none"):
            return cls(tuple(GATES) if text == "all" else ())
        return cls(tuple(name.strip().replace("-", " ") for name in text.split(",")))

    def decide(self, quality: Quality, planned_ms: float) -> str | None:
        """Why a clip is rejected; None if it is accepted.

        A reason that is none of `GATES` stands: it was given by what saw the pixels. A gate whose
        columns are not measured lets the clip pass.

        Args:
            quality: What was measured.
            planned_ms: From onset to offset as it was asked for, milliseconds; NaN is unknown.
        """
        given = quality.rejection_reason
        if given is not None and given not in GATES:
            return given
        for name, gate in GATES.items():
            if name in self.names and gate.rejects(self, quality, planned_ms):
                return name
        return None

    def judged(self, quality: Quality, planned_ms: float) -> Quality:
        """The same measurements with what `decide` says."""
        reason = self.decide(quality, planned_ms)
        return replace(quality, accepted=reason is None, rejection_reason=reason)

    def undecided(self, quality: Quality) -> list[str]:
        """Gates that are on and none of whose columns is measured."""
        return [
            name
            for name in self.names
            if all(getattr(quality, column) is None for column in GATES[name].columns)
        ]

    def describe(self) -> dict[str, dict[str, float]]:
        """ClipGate → its thresholds, for those that are on; `restore` reads it."""
        return {
            name: {threshold: getattr(self, threshold) for threshold in gate.thresholds}
            for name, gate in GATES.items()
            if name in self.names
        }

    @classmethod
    def restore(cls, described: dict[str, dict[str, float]]) -> Gates:
        """Inverse of `describe`.

        Raises:
            EquimeError: A gate or threshold that this version does not know.
        """
        values: dict[str, Any] = {"names": tuple(described)}
        for thresholds in described.values():
            values |= thresholds
        return configs.from_json(cls, values)


def planned_ms(onset_frame: int | None, offset_frame: int | None, fps: float | None) -> float:
    """How long an expression was to last, milliseconds; NaN if nobody says (real clips)."""
    if onset_frame is None or offset_frame is None or fps is None:
        return math.nan
    return milliseconds(offset_frame - onset_frame, fps)


@dataclass(frozen=True)
class ClipGate:
    """One gate.

    Attributes:
        rejects: Called with the thresholds, the measurements and the planned duration.
        columns: What it goes by; with none of them it cannot decide.
        thresholds: Fields of `Gates` that it uses.
    """

    rejects: Callable[[Gates, Quality, float], bool]
    columns: tuple[str, ...]
    thresholds: tuple[str, ...]


def _still(quality: Quality) -> bool:
    """Whether no expression was found in a clip whose motion was measured."""
    return quality.motion_amplitude is not None and quality.motion_return is None


def _static(gates: Gates, quality: Quality, planned_ms: float) -> bool:
    return _still(quality) and _below(quality.head_motion, gates.head)


def _head_only(gates: Gates, quality: Quality, planned_ms: float) -> bool:
    return _still(quality) and not _below(quality.head_motion, gates.head)


def _exaggerated(gates: Gates, quality: Quality, planned_ms: float) -> bool:
    return not _still(quality) and _beyond(quality.motion_amplitude, gates.exaggerated)


def _wrong_duration(gates: Gates, quality: Quality, planned_ms: float) -> bool:
    """The full width at half maximum of a raised cosine is half its duration."""
    if quality.motion_return is None or not planned_ms > 0:
        return False
    if quality.motion_fwhm_ms is None:
        return True  # longer than the clip
    ratio = 2 * quality.motion_fwhm_ms / planned_ms
    return not gates.shortest <= ratio <= gates.longest


def _low_quality(gates: Gates, quality: Quality, planned_ms: float) -> bool:
    return (
        _below(quality.psnr, gates.psnr)
        or _beyond(quality.brisque, gates.brisque)
        or _below(quality.clip_iqa, gates.clip_iqa)
    )


def _first_frame_differs(gates: Gates, quality: Quality, planned_ms: float) -> bool:
    return _below(quality.first_frame_psnr, gates.first_frame_psnr)


def _below(value: float | None, least: float) -> bool:
    return value is not None and value < least


def _beyond(value: float | None, largest: float) -> bool:
    return value is not None and value > largest


_SEEN = ("motion_amplitude",)

GATES: dict[str, ClipGate] = {
    "static": ClipGate(_static, _SEEN, ("head",)),
    "head only": ClipGate(_head_only, _SEEN, ("head",)),
    "exaggerated": ClipGate(_exaggerated, _SEEN, ("exaggerated",)),
    "wrong duration": ClipGate(_wrong_duration, _SEEN, ("shortest", "longest")),
    "low quality": ClipGate(
        _low_quality, ("psnr", "brisque", "clip_iqa"), ("psnr", "brisque", "clip_iqa")
    ),
    "first frame differs": ClipGate(
        _first_frame_differs, ("size_bytes",), ("first_frame_psnr",)
    ),  # null: equal
}
"""All that can be chosen, in the order in which they are looked through."""
