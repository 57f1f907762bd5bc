"""What all our models share: how they are called, and what they answer."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import ImageClassifierOutput

from equime_hub.errors import ModelError
from equime_hub.models.configuration import MicroExpressionConfig


class MicroExpressionModel(PreTrainedModel):
    """A classifier of clips; a subclass implements `logits`."""

    config_class = MicroExpressionConfig
    config: MicroExpressionConfig
    base_model_prefix = ""
    main_input_name = "pixel_values_videos"
    input_modalities = "video"
    accepts_loss_kwargs = False
    """The loss is a mean over the batch at hand; `Trainer` divides it when it adds up batches."""

    def logits(self, videos: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Scores of the classes before softmax.

        Args:
            videos: B×T×C×H×W, of the shape that the configuration says.
            mask: B×T, true where a frame is one of the clip; None if all are.

        Returns:
            B×K.
        """
        raise NotImplementedError

    def forward(
        self,
        pixel_values_videos: torch.Tensor,
        frame_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> ImageClassifierOutput:
        """Classify clips.

        Args:
            pixel_values_videos: B×T×C×H×W float, as the video processor makes it.
            frame_mask: B×T bool, true where a frame is one of the clip; None if all are.
            labels: B int64, the true classes; then the loss is their mean cross-entropy.
            **kwargs: Ignored; Transformers passes some.

        Raises:
            ModelError: Clips of another shape than the configuration says, or a mask of another
                shape than theirs.
        """
        self._check(pixel_values_videos.shape)
        if frame_mask is not None:
            if frame_mask.shape != (wanted := pixel_values_videos.shape[:2]):
                raise ModelError(
                    f"frame_mask must be B×T = {'×'.join(map(str, wanted))}, "
                    f"got {'×'.join(map(str, frame_mask.shape))}."
                )
            frame_mask = frame_mask.bool()
        logits = self.logits(pixel_values_videos, frame_mask)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return ImageClassifierOutput(loss=loss, logits=logits)

    def last_layer(self, width: int) -> nn.Linear:
        """A layer from `width` features to the scores of the classes."""
        assert self.config.num_labels is not None
        return nn.Linear(width, self.config.num_labels)

    def _check(self, shape: torch.Size) -> None:
        config = self.config
        wanted = (config.num_frames, config.num_channels, *[config.image_size] * 2)
        if len(shape) != 5 or any(
            w not in (None, s) for w, s in zip(wanted, shape[1:], strict=True)
        ):
            form = "×".join(str(size or "T") for size in wanted)
            raise ModelError(
                f"{type(self).__name__} takes clips B×{form} (frames × channels × height × width), "
                f"got {'×'.join(map(str, shape))}. Make them with its own video processor."
            )
