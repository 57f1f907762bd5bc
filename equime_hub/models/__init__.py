"""Baselines as classifiers of Transformers, registered with its `Auto` classes.

`import equime_hub` is enough: as soon as somebody imports them, or before, `AutoConfig`,
`AutoModelForVideoClassification` and `AutoVideoProcessor` know our models, and
`pipeline("video-classification", ...)` opens them. Another package adds a model by two entry points
of one name, in the groups `equime_hub.models` and `equime_hub.configurations`.
"""

from __future__ import annotations

from equime_hub.registry import Registry

_TITLES = {
    "stcnn": "STCNN",
    "simple3dcnn": "Simple3DCNN",
    "resnet3d": "ResNet3D",
    "mobilenet_hybrid": "MobileNetHybrid",
    "apexme": "ApexME",
    "branches": "Branches",
    "dtscnn": "DTSCNN",
    "ststnet": "STSTNet",
    "evolution": "Evolution",
}

MODELS = Registry(
    "model",
    {
        name: f"equime_hub.models.{name}.modeling_{name}:{title}ForVideoClassification"
        for name, title in _TITLES.items()
    },
    group="equime_hub.models",
)
"""Name → class of the model."""

CONFIGURATIONS = Registry(
    "model",
    {
        name: f"equime_hub.models.{name}.configuration_{name}:{title}Config"
        for name, title in _TITLES.items()
    },
    group="equime_hub.configurations",
)
"""Name → class of its configuration. Transformers asks for these while it is itself half
imported, when no model can be."""
