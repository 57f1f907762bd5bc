"""The smallest run there is: 4 frames of 16×16 pixels, and data in the order of the fixtures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from equime_hub.training.fit import recipes
from equime_hub.training.fit.recipes import TrainConfig

MODEL = {"layout": "conv3d", "num_frames": 4, "image_size": 16, "filters": 4, "hidden_size": 8}
INPUTS = {"face_crop": "none", "input_kind": "difference", "standardize": True}


def config(data: Path | str, **changes: Any) -> TrainConfig:
    """A recipe of three epochs over three folds by person."""
    settings: dict[str, Any] = {
        "data": (str(data),),
        "model_options": MODEL,
        "input_options": INPUTS,
        "protocol": "k-fold",
        "folds": 3,
        "epochs": 3,
        "batch_size": 8,
        "learning_rate": 3e-3,
    }
    return recipes.preset("small-cpu", **{**settings, **changes})
