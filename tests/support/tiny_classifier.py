"""A video classifier with random weights, saved as people save theirs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from equime_hub.schema.taxonomy import EMOTION_PRESETS

FIVE = EMOTION_PRESETS["equime-paper"]


def config(classes: Sequence[str] = FIVE, **changes: Any) -> Any:
    """A VideoMAE with 2 frames of 32×32 pixels, the middle of 64×64."""
    settings = {
        "image_size": 32, "patch_size": 16, "num_frames": 2, "tubelet_size": 2, "hidden_size": 16,
        "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
        "id2label": dict(enumerate(classes)),
    }  # fmt: skip
    return transformers.VideoMAEConfig(**{**settings, **changes})


def save(folder: Path, classes: Sequence[str] = FIVE, **changes: Any) -> Path:
    """Write model and processor; the same weights every time, large enough to tell clips apart."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.VideoMAEForVideoClassification(config(classes, **changes))
        for weight in model.parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(folder)
    whole, middle = ({"height": side, "width": side} for side in (64, 32))
    transformers.VideoMAEVideoProcessor(size=whole, crop_size=middle).save_pretrained(folder)
    return folder
