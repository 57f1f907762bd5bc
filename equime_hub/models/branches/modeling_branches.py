"""Branches."""

from __future__ import annotations

from equime_hub.models.apexme.modeling_apexme import ApexMEForVideoClassification
from equime_hub.models.branches.configuration_branches import BranchesConfig


class BranchesForVideoClassification(ApexMEForVideoClassification):
    """ApexME with a second ResNet-18 for the onset: 1,024 features in front of the classifier."""

    config_class = BranchesConfig
    config: BranchesConfig
