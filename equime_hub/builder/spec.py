"""What the parts of a build agree on: face sources, backends, and their configurations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from equime_hub.progress import Progress
from equime_hub.schema.records import ClipSpec, Face, Generation, Landmarks
from equime_hub.video.clip import Clip
from equime_hub.video.codec import EncoderConfig

Image = npt.NDArray[np.uint8]
"""H×W×3, RGB."""


@dataclass(frozen=True)
class Refused:
    """An image that cannot be used, and one sentence why."""

    source_image: str
    reason: str


@dataclass(frozen=True)
class FaceScan:
    """What a source holds."""

    faces: tuple[Face, ...]
    refused: tuple[Refused, ...] = ()


class FaceSource(Protocol):
    """Where faces come from."""

    def scan(self, progress: Progress | None = None) -> FaceScan:
        """All faces in a stable order, and the images refused.

        Raises:
            FaceError: Nothing usable; the message says what was found instead.
        """

    def pixels(self, face: Face) -> Image:
        """The image in which `face.landmarks` are measured.

        Raises:
            FaceError: The image is gone, or its SHA-256 is not `face.source_sha256`.
        """


@dataclass(frozen=True)
class RenderJob:
    """A clip to render and the aligned face to start from.

    Attributes:
        spec: What to make.
        image: The face, aligned, `spec.height`×`spec.width`×3.
        landmarks: Where its parts are in `image`.
    """

    spec: ClipSpec
    image: Image
    landmarks: Landmarks


@dataclass(frozen=True, eq=False)
class BrokenClip(Clip):
    """What a backend returns in place of a clip that it failed to make: black, and rejected.

    Attributes:
        reason: One of `measure.basic.BROKEN`.
    """

    reason: str = "not finite"

    @classmethod
    def of(cls, spec: ClipSpec, reason: str) -> Self:
        """Black frames in place of the clip that was asked for."""
        frames = np.zeros((spec.num_frames, spec.height, spec.width, 3), np.uint8)
        return cls(frames, spec.fps, reason)


class Backend(Protocol):
    """What turns jobs into clips: same job, same pixels, whatever its neighbours.

    Making one is cheap and it can be pickled; a model is loaded by the first `render`, which is
    never called by two threads at once.
    """

    @property
    def batch_size(self) -> int:
        """Jobs that are best given together."""

    @property
    def generation(self) -> Generation:
        """What the rows say about how their clips were made."""

    @property
    def wants_gpu(self) -> bool:
        """Whether each worker needs a GPU of its own."""

    @property
    def encoder(self) -> EncoderConfig:
        """Settings that keep the motion of its clips, unless others are asked for."""

    @property
    def bytes_per_pixel(self) -> float:
        """Of a typical clip under those settings; chooses how many make a shard."""

    def check(self, spec: ClipSpec) -> None:
        """Refuse a clip that cannot be made, before any is.

        Raises:
            BackendError: The message says what to ask for instead.
        """

    def warm_up(self) -> None:
        """Begin to load in the background what `render` will need; nothing depends on it."""

    def prepared(
        self, specs: Sequence[ClipSpec], folder: Path, progress: Progress | None = None
    ) -> Backend:
        """Do once what serves all clips, such as encoding their prompts.

        Args:
            specs: All clips that will be asked for.
            folder: Where files for the workers go; what an earlier call left there is used.
            progress: Called if it takes long.

        Returns:
            The backend that workers get; it makes the same clips.

        Raises:
            BackendError: It cannot be done.
        """

    def render(self, jobs: Sequence[RenderJob]) -> list[Clip]:
        """One clip a job, in order: `spec.num_frames` frames of `spec.width`×`spec.height`."""
