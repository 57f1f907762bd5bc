"""Weights that torchvision trained on ImageNet, as a start for backbones."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn

from equime_hub.errors import ModelError

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum


def start_from(backbones: Mapping[str, nn.Module], weights: WeightsEnum) -> None:
    """Give backbones torchvision's weights, which are downloaded once; call it after `post_init`.

    Does nothing while `from_pretrained` lays out a model that has no memory yet: its weights come
    from the checkpoint.

    Args:
        backbones: Name for messages → network with torchvision's own parameter names. It may lack
            the classifier.
        weights: Such as `ResNet18_Weights.IMAGENET1K_V1`.

    Raises:
        ModelError: The weights cannot be downloaded, or a backbone is made otherwise.
    """
    waiting = {
        name: backbone
        for name, backbone in backbones.items()
        if not any(parameter.is_meta for parameter in backbone.parameters())
    }
    state = _downloaded(weights) if waiting else {}
    for name, backbone in waiting.items():
        try:
            missing, _ = backbone.load_state_dict(state, strict=False)
        except RuntimeError as error:
            raise ModelError(
                f"{weights} do not fit the {name}: {' '.join(str(error).split())}. They are for "
                "RGB frames: use num_channels=3, or pretrained_backbone=False."
            ) from error
        if missing:
            raise ModelError(f"{weights} lack {', '.join(missing[:3])} of the {name}.")


def _downloaded(weights: WeightsEnum) -> dict[str, torch.Tensor]:
    try:
        # torchvision says on stdout that it downloads, and stdout is for data.
        with contextlib.redirect_stdout(sys.stderr):
            how = {"progress": False, "check_hash": True, "weights_only": True}
            return dict(weights.get_state_dict(**how, map_location="cpu"))
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"{weights} cannot be downloaded from {weights.url} ({error}). Use "
            f"pretrained_backbone=False, or put that file into {torch.hub.get_dir()}/checkpoints."
        ) from error
