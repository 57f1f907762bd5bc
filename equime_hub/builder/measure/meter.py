"""The columns that are measured if they are asked for, and the tools that measure them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from equime_hub._version import __version__
from equime_hub.builder.measure import weights
from equime_hub.builder.measure.quality import SMALLEST, Scorers, measure_quality
from equime_hub.builder.measure.weights import WeightFile
from equime_hub.errors import BuildError, VideoError
from equime_hub.files import sha256
from equime_hub.schema.records import Landmarks
from equime_hub.video.clip import Clip
from equime_hub.video.motion import estimate

TOOLS: dict[str, tuple[str, ...]] = {
    "motion": ("motion_amplitude", "motion_fwhm_ms", "motion_return", "head_motion"),
    "pixels": ("psnr", "ssim", "tv"),
    "brisque": ("brisque",),
    "clip_iqa": ("clip_iqa",),
}
"""Tool → its columns."""
WEIGHTS: dict[str, tuple[WeightFile, ...]] = {
    "brisque": (weights.BRISQUE,),
    "clip_iqa": (weights.RN50, weights.TOKENS),
}
_PACKAGES = {"clip_iqa": ("torch", "piq")}
CHOICES: dict[str, tuple[str, ...]] = {
    "motion": ("motion",),
    "quality": ("pixels", "brisque", "clip_iqa"),
}
"""What can be asked for → tools."""

Values = dict[str, Any]
"""Column → number, or None if it cannot be told."""


@dataclass(frozen=True)
class Measures:
    """What is measured on every clip that is not broken.

    Attributes:
        tools: Names in `TOOLS`.
        weights: Folder with the weights of BRISQUE and CLIP-IQA; None is where piq keeps them.
        sums: (file name, SHA-256) of the weights in use.
    """

    tools: tuple[str, ...] = ("motion",)
    weights: Path | None = None
    sums: tuple[tuple[str, str], ...] = ()

    @classmethod
    def choose(
        cls, what: Collection[str], folder: Path | None = None, *, download: bool = False
    ) -> tuple[Measures, Mapping[str, str]]:
        """What can be measured here of what is asked for.

        Args:
            what: Names in `CHOICES`.
            folder: Where the weights are; None is where piq keeps them.
            download: Fetch those that are absent.

        Returns:
            The tools whose weights are there, and tool → sentence for the others.

        Raises:
            BuildError: A name that is none of them.
        """
        unknown = [name for name in what if name not in CHOICES]
        if unknown:
            raise BuildError(
                f"There is nothing called {unknown[0]!r} to measure. Choose among: "
                f"{', '.join(CHOICES)}."
            )
        tools = [tool for name in CHOICES if name in what for tool in CHOICES[name]]
        needy = any(tool in WEIGHTS for tool in tools)
        missing = Scorers.load(folder, download=download).missing if needy else {}
        tools = [tool for tool in tools if tool not in missing]
        files = [file for tool in tools for file in WEIGHTS.get(tool, ())]
        sums = tuple((file.name, sha256(file.find(folder))) for file in files)
        return cls(tuple(tools), folder, sums), missing

    def describe(self) -> dict[str, str]:
        """Tool → all that its figures depend on: packages with their versions, and weights."""
        own = f"equime_hub {__version__}; opencv {cv2.__version__}; numpy {np.__version__}"
        sums = dict(self.sums)
        found = {}
        for tool in self.tools:
            packages = [f"{name} {version(name)}" for name in _PACKAGES.get(tool, ())]
            files = [f"{file.name} {sums[file.name][:16]}" for file in WEIGHTS.get(tool, ())]
            found[tool] = "; ".join([own, *packages, *files])
        return found


class Meter:
    """Measures any number of clips, in any thread; models are loaded when first needed."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures
        self._loading = threading.Lock()
        self._scorers: Scorers | None = None

    def measure(
        self,
        clip: Clip,
        face: Callable[[], Landmarks],
        tools: Sequence[str] | None = None,
    ) -> Values:
        """The columns of some tools.

        Args:
            clip: Decoded.
            face: Gives the landmarks in the first frame; called only to measure motion.
            tools: Some of those of the `Measures`; None for all.
        """
        tools = self._measures.tools if tools is None else tools
        measured: Values = {}
        if "motion" in tools:
            measured |= _motion(clip, face())
        if any(tool != "motion" for tool in tools) and min(clip.width, clip.height) >= SMALLEST:
            models = self._models() if any(tool in WEIGHTS for tool in tools) else Scorers()
            wanted = Scorers(
                models.brisque if "brisque" in tools else None,
                models.clip_iqa if "clip_iqa" in tools else None,
            )
            measured |= asdict(measure_quality(clip.frames, wanted))
        # As they will be stored, so that gates decide the same with and without the pixels.
        return {
            column: None if (value := measured.get(column)) is None else float(np.float32(value))
            for tool in tools
            for column in TOOLS[tool]
        }

    def _models(self) -> Scorers:
        with self._loading:
            if self._scorers is None:
                loaded = Scorers.load(self._measures.weights)
                for tool in self._measures.tools:
                    # They were there when the run began.
                    if tool in loaded.missing:
                        raise BuildError(f"{tool} cannot be measured: {loaded.missing[tool]}")
                self._scorers = loaded
            return self._scorers


def _motion(clip: Clip, landmarks: Landmarks) -> Values:
    """The motion columns of a clip, by the landmarks of the face in its first frame.

    Nothing is told if the face is too small to see motion by, or the clip is a single frame.
    """
    try:
        motion = estimate(clip.frames, clip.fps, landmarks)
    except VideoError:
        return {}
    values = (motion.amplitude, motion.fwhm_ms, motion.returned, motion.head_motion)
    return dict(zip(TOOLS["motion"], values, strict=True))
