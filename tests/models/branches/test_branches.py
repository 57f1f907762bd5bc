"""Branches: two networks that share nothing."""

from __future__ import annotations

from typing import Any

import torch

from equime_hub.models.branches.configuration_branches import BranchesConfig
from equime_hub.models.branches.modeling_branches import BranchesForVideoClassification
from tests.support.apexme_written_out import classifier, liven, resnet18

THREE: dict[str, Any] = {"num_labels": 3}


def test_parameters_are_those_of_the_table() -> None:
    with torch.device("meta"):
        model = BranchesForVideoClassification(BranchesConfig(**THREE))
    assert model.num_parameters() == 22_488_451


def test_it_is_what_is_written_out() -> None:
    config = BranchesConfig(**THREE, image_size=32)
    model = BranchesForVideoClassification(config).double().eval()
    liven(model)
    videos = torch.rand(2, 2, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        weights = model.state_dict()
        onset, apex = (resnet18(weights, f"backbones.{i}.", videos[:, i]) for i in (0, 1))
        expected = classifier(weights, torch.cat([onset, apex], 1))
        assert torch.allclose(model(videos).logits, expected, atol=1e-9)
        assert not torch.allclose(model(videos.flip(1)).logits, expected, atol=1e-5)
