"""Simple3DCNN: one 3-D convolution and two dense layers."""

from __future__ import annotations

from equime_hub.models.simple3dcnn.configuration_simple3dcnn import Simple3DCNNConfig
from equime_hub.models.stcnn.modeling_stcnn import STCNNForVideoClassification


class Simple3DCNNForVideoClassification(STCNNForVideoClassification):
    """Simple3DCNN as a classifier: ST-CNN's network at half its width."""

    config_class = Simple3DCNNConfig
    config: Simple3DCNNConfig
