"""What a model is shown of a clip, in two steps, whichever processor it has.

`prepare` is expensive and always the same: it decodes and crops, and may compute flow. What it
gives can be kept (`cache`). `finish` is cheap: it makes the batch. Augmentation comes between.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from equime_hub import seeds
from equime_hub.errors import ModelError
from equime_hub.models.processing_config import FINISHING
from equime_hub.video import sampling
from equime_hub.video.clip import Clip
from equime_hub.video.decoder import AvDecoder
from equime_hub.video.moments import Moments

if TYPE_CHECKING:
    from torch import Tensor

    from equime_hub.models.processing import Prepared

Values = npt.NDArray[Any]
"""One clip as `prepare` gives it: T×H×W×C, uint8 for pictures, float16 for optical flow."""

Kind = Literal["frames", "difference", "flow"]


@dataclass(frozen=True, eq=False)
class Inputs:
    """How clips become inputs of a model. It can be pickled.

    This is for processors of Transformers: frames are sampled as in its pipeline, decoded by PyAV.
    A clip with fewer frames than the model takes shows each as often as evenly spaced places fall
    on it.

    Attributes:
        processor: The video processor.
        num_frames: Frames that the model takes; None is any number.
        kind: What the values are; differences are taken by `finish`.
    """

    processor: Any
    num_frames: int | None
    kind: Kind = "frames"

    @cached_property
    def key(self) -> str:
        """Digest of all that `prepare` depends on besides the clip."""
        said = json.loads(self.processor.to_json_string())
        kept = {name: value for name, value in said.items() if name not in FINISHING}
        return seeds.digest(kept, self.num_frames)

    def prepare(self, video: AvDecoder | Clip, moments: Moments | None = None) -> Prepared:
        """The frames that the model is shown.

        Args:
            video: The clip; no frame after the last one shown is decoded.
            moments: Where its expression is; None is not known.

        Raises:
            VideoError: It cannot be decoded.
            ModelError: The processor cannot take such a clip.
        """
        from equime_hub.models.processing import Prepared

        shown = self._sampled(video)
        frames = video.clip(shown).frames if isinstance(video, AvDecoder) else video.frames[shown]
        resized = self._called([frames], do_rescale=False, do_normalize=False)
        (pixels,) = next(iter(resized.values())).numpy()
        values = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        return Prepared(values, True, tuple(shown), moments or Moments())

    def finish(self, values: Sequence[Values]) -> dict[str, Tensor]:
        """What the model is called with; the first axis of each tensor is the clips.

        Raises:
            ModelError: The processor cannot take these clips together.
        """
        done = dict.fromkeys(("do_convert_rgb", "do_resize", "do_center_crop"), False)
        # torch wants arrays that may be written to.
        return self._called([np.array(clip) for clip in values], **done)

    def _called(self, videos: list[Values], **steps: bool) -> dict[str, Tensor]:
        form = {"input_data_format": "channels_last", "return_tensors": "pt"}
        try:
            return dict(self.processor(videos, do_sample_frames=False, **form, **steps))
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{type(self.processor).__name__} refuses a clip: {error}") from error

    def _sampled(self, video: AvDecoder | Clip) -> list[int]:
        """The frames of a clip that the model is shown."""
        from transformers.video_utils import VideoMetadata

        count, wanted = len(video), self.num_frames
        if wanted is not None and count < wanted:
            return list(map(int, sampling.uniform(count, wanted)))
        about: Any
        if isinstance(video, Clip):
            about, fps = video, video.fps
        else:
            about, fps = video.metadata, video.metadata.average_fps
        known = VideoMetadata(
            count, fps=fps, width=about.width, height=about.height, duration=count / fps
        )
        try:
            found = self.processor.sample_frames(metadata=known, num_frames=wanted)
        except ValueError as error:
            raise ModelError(
                f"{type(self.processor).__name__} cannot sample a clip of {count} frames: {error}"
            ) from error
        return [int(index) for index in found]


class OurInputs(Inputs):
    """Those of our own video processor, which does both steps itself."""

    @cached_property
    def key(self) -> str:  # noqa: D102
        return seeds.digest(self.processor.key(), self.num_frames)

    def prepare(self, video: AvDecoder | Clip, moments: Moments | None = None) -> Prepared:  # noqa: D102
        prepared: Prepared = self.processor.prepare(video, moments, num_frames=self.num_frames)
        return prepared

    def finish(self, values: Sequence[Values]) -> dict[str, Tensor]:  # noqa: D102
        return dict(self.processor.finish(values, num_frames=self.num_frames))


def inputs_of(processor: Any, config: Any) -> Inputs:
    """The inputs of a model.

    Args:
        processor: Our video processor or one of Transformers, as `AutoVideoProcessor` opens it.
        config: The model's configuration, which says how many frames it takes.
    """
    from equime_hub.models.processing import MicroExpressionVideoProcessor

    frames = frames_of(config)
    if isinstance(processor, MicroExpressionVideoProcessor):
        return OurInputs(processor, frames or processor.num_frames, processor.input_kind)
    return Inputs(processor, frames)


def frames_of(config: Any) -> int | None:
    """Frames that a model takes, by its configuration; None if it does not say."""
    given = (getattr(config, name, None) for name in ("num_frames", "frames_per_clip"))
    return next(filter(None, given), None)
