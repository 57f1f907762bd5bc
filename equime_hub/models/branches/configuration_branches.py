"""Configuration of Branches."""

from __future__ import annotations

from typing import Any, ClassVar

from equime_hub.models.apexme.configuration_apexme import ApexMEConfig
from equime_hub.models.configuration_fixed import IMAGENET


class BranchesConfig(ApexMEConfig):
    """Branches of MiE-X (Liu et al. 2022), as `GAN_npic` of their release.

    ApexME with a second ResNet-18 for the onset frame, which comes first: 22,488,451 parameters for
    three classes. Its options are those of `ApexMEConfig`.
    """

    model_type: ClassVar[str] = "equime_branches"
    inputs: ClassVar[dict[str, Any]] = {"sampling": "onset_apex", **IMAGENET}

    num_frames: int | None = 2
