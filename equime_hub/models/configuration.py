"""What the configurations of all our models share."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedConfig

from equime_hub.schema.taxonomy import EMOTION_PRESETS, EMOTIONS_3

_CLASSES = {
    len(names): names
    for names in (EMOTIONS_3, EMOTION_PRESETS["equime-paper"], EMOTION_PRESETS["basic-7"])
}
"""Number of classes → the classes, if none are named."""


class MicroExpressionConfig(PreTrainedConfig):
    """Configuration of a classifier of micro-expression clips.

    Without `id2label` the classes are those of `schema.taxonomy`: MEGC's for `num_labels=3`, the
    EquiME paper's for 5, which is the default, and the basic ones for 7.

    Attributes:
        num_frames: T, frames that the model is given; None is any number of them, with a mask.
        num_channels: C of an input frame: 1 gray, 3 RGB, or the channels of optical flow.
        image_size: Height and width of an input frame in pixels.
    """

    num_frames: int | None = None
    num_channels: int = 3
    image_size: int = 64

    def __post_init__(self, **kwargs: Any) -> None:
        count = kwargs.get("num_labels") or 5
        if self.id2label is None and count in _CLASSES:
            self.id2label = dict(enumerate(_CLASSES[count]))
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]
        self.label2id = {str(name): int(index) for index, name in (self.id2label or {}).items()}

    @property
    def inputs(self) -> dict[str, Any]:
        """What its video processor does for it, where that differs from the default.

        They are arguments of `MicroExpressionVideoProcessor`, which takes number, channels and size
        of the frames from the fields above. A model whose inputs never change has a constant.
        """
        return {}
