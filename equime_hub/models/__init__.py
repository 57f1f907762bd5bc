"""Baselines as classifiers of Transformers, registered with its `Auto` classes.

`import equime_hub` is enough: as soon as somebody imports them, or before, `AutoConfig`,
`AutoModelForVideoClassification` and `AutoVideoProcessor` know our models, and
`pipeline("video-classification", ...)` opens them. Another package adds a model by one entry point
in the group `equime_hub.models`, if it names modules and classes as Transformers does
(`configuration_of`).
"""

from __future__ import annotations

import importlib
from typing import Any

from equime_hub.errors import ModelError
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
_ENTRIES = {
    name: f"equime_hub.models.{name}.modeling_{name}:{title}ForVideoClassification"
    for name, title in _TITLES.items()
}


def _configuration(entry: str) -> str:
    """Where Transformers would have the configuration of a model."""
    module, _, kind = entry.partition(":")
    module = module.replace("modeling_", "configuration_")
    return f"{module}:{kind.removesuffix('ForVideoClassification')}Config"


MODELS = Registry("model", _ENTRIES, group="equime_hub.models")
"""Name → class of the model."""

CONFIGURATIONS = Registry(
    "model",
    {name: _configuration(entry) for name, entry in _ENTRIES.items()},
    group="equime_hub.configurations",
)
"""Name → class of its configuration, for packages that have it somewhere else."""


def configuration_of(name: str) -> Any:
    """The class of a model's configuration, without an import of the model.

    Transformers asks for it while it is itself half imported, when no model can be. That of
    `toy.modeling_toy:ToyForVideoClassification` is `toy.configuration_toy:ToyConfig`, if no entry
    point in the group `equime_hub.configurations` says otherwise.

    Raises:
        ModelError: It is not there.
    """
    if name in CONFIGURATIONS.names():
        return CONFIGURATIONS.get(name)
    module, _, kind = (entry := _configuration(MODELS.target(name))).partition(":")
    try:
        return getattr(importlib.import_module(module), kind)
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"The model {name!r} needs its configuration in {entry} ({error}), or an entry point "
            "of its name in equime_hub.configurations. Repair or uninstall the package that adds "
            "it."
        ) from error
