"""The video processor of all our models: PyAV decodes, and only what is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import BatchFeature
from transformers.video_processing_utils import BaseVideoProcessor

from equime_hub import seeds
from equime_hub.errors import ModelError
from equime_hub.models import processing_finish, processing_prepare
from equime_hub.models.configuration import MicroExpressionConfig
from equime_hub.models.processing_config import FINISHING, InputConfig
from equime_hub.models.processing_prepare import Prepared
from equime_hub.video.moments import Moments

__all__ = ["InputConfig", "MicroExpressionVideoProcessor", "Prepared"]

_REVISION = 2
"""Raised when `prepare` makes other values of the same settings: kept ones are made again."""
_FINISHED = FINISHING | {"standardize", "pad"}
"""Settings that `prepare` does not look at."""
_OF_TRANSFORMERS = ("video_processor_type", "processor_class", "_commit_hash")
"""What else a saved processor holds."""


class MicroExpressionVideoProcessor(BaseVideoProcessor):
    """Makes the input of a model from videos, alike in training, evaluation and `pipeline`.

    Args:
        **settings: Those of `InputConfig`, which are attributes of the processor too.

    Raises:
        ModelError: A setting that is none, or that contradicts another one.
    """

    model_input_names = ["pixel_values_videos", "frame_mask"]  # noqa: RUF012
    valid_kwargs = InputConfig  # type: ignore[assignment]  # what `from_pretrained(..., num_frames=3)` may override

    def __init__(self, **settings: Any) -> None:
        known = [field.name for field in fields(InputConfig)]
        if unknown := [name for name in settings if name not in (*known, *_OF_TRANSFORMERS)]:
            raise ModelError(
                f"The video processor has no setting {', '.join(unknown)}: it has "
                f"{', '.join(known)}"
            )
        # The base class would only set attributes, and most of its own do not apply here.
        given = {name: value for name, value in settings.items() if name in known}
        vars(self).update(asdict(InputConfig(**given)))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    @classmethod
    def for_config(
        cls, config: MicroExpressionConfig, **overrides: Any
    ) -> MicroExpressionVideoProcessor:
        """The processor that a model wants.

        Args:
            config: Of the model.
            **overrides: Settings that win over the model's.

        Raises:
            ModelError: There is no such setting, or it contradicts another one.
        """
        frames = {"num_frames": config.num_frames, "num_channels": config.num_channels}
        return cls(**{**frames, "size": config.image_size, **config.inputs, **overrides})

    @property
    def settings(self) -> InputConfig:
        """The attributes, checked."""
        return self._for(None)

    def to_dict(self) -> dict[str, Any]:
        """What is saved."""
        return {**asdict(self.settings), "video_processor_type": type(self).__name__}

    def key(self) -> str:
        """A digest of all that `prepare` depends on besides the video."""
        settings = {k: v for k, v in asdict(self.settings).items() if k not in _FINISHED}
        if self.input_kind == "difference" and not self.settings.one_difference:
            settings["input_kind"] = "frames"  # it is `finish` that subtracts
        return seeds.digest("processing", _REVISION, settings)

    def prepare(
        self, video: Any, moments: Moments | None = None, *, num_frames: int | None = None
    ) -> Prepared:
        """Do all that is slow and does not depend on other clips; this is what may be kept.

        Args:
            video: `AvDecoder`, `Clip`, the bytes of a file or its path, or T×H×W×3 uint8.
            moments: Onset, apex and offset as frames of the file, as far as they are annotated.
                What is missing is measured where the sampling needs it.
            num_frames: Instead of the setting; None is the setting.

        Raises:
            VideoError: The video cannot be read, or has no such frames.
        """
        return processing_prepare.prepare(self._for(num_frames), video, moments)

    def finish(
        self, values: Sequence[npt.NDArray[Any]], *, num_frames: int | None = None
    ) -> BatchFeature:
        """Make a batch of prepared clips: subtract, scale, pad.

        Args:
            values: `Prepared.values`, also memory-mapped.
            num_frames: As for `prepare`.

        Returns:
            `pixel_values_videos`, B×T×C×H×W float32; and `frame_mask`, B×T bool, where clips may
            be shorter than their batch. On the CPU.

        Raises:
            ModelError: Clips of another form than the settings give.
        """
        made = processing_finish.finish(self._for(num_frames), values)
        return BatchFeature({name: torch.from_numpy(array) for name, array in made.items()})

    def __call__(  # type: ignore[override]
        self, videos: Any, *args: Any, **kwargs: Any
    ) -> BatchFeature:
        """`preprocess`."""
        return self.preprocess(videos, *args, **kwargs)

    def preprocess(
        self,
        videos: Any,
        moments: Moments | Sequence[Moments | None] | None = None,
        num_frames: int | None = None,
        do_sample_frames: bool = True,
        return_tensors: str = "pt",
        **ignored: Any,
    ) -> BatchFeature:
        """Prepare and finish one video, or a list of them.

        Args:
            videos: What `prepare` takes, or a list of it.
            moments: Of each video; None is unknown.
            num_frames: Instead of the setting; None is the setting.
            do_sample_frames: False shows all frames: they were chosen before.
            return_tensors: "pt" or "np".
            **ignored: What Transformers passes to processors of other kinds.

        Raises:
            VideoError: A video cannot be read, or has no such frames.
            ModelError: Settings that contradict each other.
        """
        config = self._for(num_frames)
        batch = videos if _is_batch(videos) else [videos]
        known = moments if isinstance(moments, list | tuple) else [moments] * len(batch)
        if len(known) != len(batch):
            raise ModelError(f"Got {len(known)} moments for {len(batch)} videos: give one a video")
        values = [
            processing_prepare.prepare(config, video, when, sample=do_sample_frames).values
            for video, when in zip(batch, known, strict=True)
        ]
        made = processing_finish.finish(config, values)
        return BatchFeature(made, tensor_type=return_tensors)

    def _for(self, num_frames: int | None) -> InputConfig:
        settings = {field.name: getattr(self, field.name) for field in fields(InputConfig)}
        return InputConfig(**settings | ({} if num_frames is None else {"num_frames": num_frames}))


def _is_batch(videos: Any) -> bool:
    """Whether this is several videos: a list, but not one of frames; or frames of 5 axes."""
    if isinstance(videos, list | tuple):
        return not (videos and not isinstance(videos[0], str | bytes) and np.ndim(videos[0]) == 3)
    return getattr(videos, "ndim", 0) == 5
