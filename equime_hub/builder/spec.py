"""What the parts of a build agree on: face sources, backends, and their configurations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from equime_hub.errors import BackendError
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
    """Where faces come from.

    Each is a frozen dataclass that can be pickled and written as JSON, registered by an entry
    point in the group `equime_hub.faces`. One that reads a folder has it as its field `root`, a
    `Path`; so the photographs of a plan can be moved (`--faces`).
    """

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

    def check(self) -> None:
        """Refuse an image of another size than the clip.

        Raises:
            BackendError: With both sizes.
        """
        spec = self.spec
        if self.image.shape != (spec.height, spec.width, 3):
            raise BackendError(
                f"The image of clip {spec.clip_id} must be {spec.height}×{spec.width}×3, got "
                f"shape {self.image.shape}. Align it to the size of the clip."
            )


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


@dataclass(frozen=True)
class Preset:
    """A named set of a backend's settings, with the clips that it is meant for.

    Attributes:
        config: The settings, of the class of the backend's `config`.
        width: Pixels.
        height: Pixels.
        num_frames: Frames in a clip.
        note: One sentence on where they come from.
    """

    config: Any
    width: int
    height: int
    num_frames: int
    note: str


def setting(default: Any, help: str, **more: Any) -> Any:
    """A field of a backend's `config` that is an option of `equime build`; see `Backend`."""
    return field(default=default, metadata={"help": help, **more})


class Backend(ABC):
    """What turns jobs into clips: same job, same pixels, whatever its neighbours.

    A backend is a frozen dataclass of one field, `config`, which is a frozen dataclass in turn and
    has a default. Making one is cheap and it can be pickled; a model is loaded by the first
    `render`, which is never called by two threads at once. `generation` and `render` must be
    written; the rest has defaults. It becomes `equime build --backend NAME` by an entry point NAME
    in the group `equime_hub.backends`.

    What stands in the metadata of a field of `config` (see `setting`) tells how to treat it:
        `help`: It is an option of `equime build`, described by this sentence.
        `min`, `max`: Range of that option.
        `auto`: The option also takes "auto", which calls `fitted`.
        `location`: Where something lies or runs; it changes no byte and is written nowhere.

    Attributes:
        config: Settings.
        presets: Named settings, for `--preset`.
        encoder: Settings of the video encoder that keep the motion of its clips, unless others
            are asked for.
        bytes_per_pixel: Of a typical clip under those settings; chooses how many make a shard.
    """

    config: Any
    presets: ClassVar[Mapping[str, Preset]] = MappingProxyType({})
    encoder: ClassVar[EncoderConfig] = EncoderConfig()
    bytes_per_pixel: ClassVar[float] = 0.01

    @property
    def batch_size(self) -> int:
        """Jobs that are best given together."""
        return 1

    @property
    def wants_gpu(self) -> bool:
        """Whether each worker needs a GPU of its own."""
        return False

    @property
    @abstractmethod
    def generation(self) -> Generation:
        """What the rows say about how their clips were made."""

    def check(self, spec: ClipSpec) -> None:  # noqa: B027 - a backend may refuse nothing
        """Refuse a clip that cannot be made, before any is.

        Raises:
            BackendError: The message says what to ask for instead.
        """

    def warm_up(self) -> None:  # noqa: B027 - a backend may have nothing to load
        """Begin to load in the background what `render` will need; nothing depends on it."""

    def fitted(self, spec: ClipSpec) -> Self:
        """With the batch size that the free memory has room for, of clips like this one.

        Raises:
            BackendError: There is not even room for one.
        """
        return self

    def encode_prompts(
        self, specs: Sequence[ClipSpec], out: Path, progress: Progress | None = None
    ) -> int:
        """Encode the prompts of clips into a file, for a build on another machine.

        Args:
            specs: The clips.
            out: File to write, whole or not at all.
            progress: Called after each prompt.

        Returns:
            The number of distinct prompts.

        Raises:
            BackendError: It reads no prompts, or cannot encode these.
        """
        raise BackendError(f"{type(self).__name__} has no prompts to encode.")

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
        return self

    @abstractmethod
    def render(self, jobs: Sequence[RenderJob]) -> list[Clip]:
        """One clip a job, in order: `spec.num_frames` frames of `spec.width`×`spec.height`."""
