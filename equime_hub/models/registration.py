"""Make Transformers' `Auto` classes know our models, now or when somebody imports them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import wrapt

from equime_hub.errors import ModelError
from equime_hub.models import MODELS, configuration_of

_AUTO = "transformers.models.auto"


def install() -> None:
    """Register with every module of Transformers as it is imported; calling again does nothing.

    Raises:
        ModelError: Another package adds a model whose `model_type` is taken, or one without a
            configuration. It may be raised later, where Transformers is imported.
    """
    # Transformers is imported late or not at all, and must not be for a help text.
    for module, register in _REGISTER.items():
        wrapt.when_imported(f"{_AUTO}.{module}")(register)


def _configurations(auto: ModuleType) -> None:
    for name in MODELS.names():
        config = configuration_of(name)
        kind = config.model_type
        if kind in auto.CONFIG_MAPPING and auto.CONFIG_MAPPING[kind] is not config:
            raise ModelError(
                f"The model {name!r} calls its model_type {kind!r}, which is taken by "
                f"{auto.CONFIG_MAPPING[kind].__name__}. It needs another; until then, uninstall "
                f"the package of {config.__module__}."
            )
        auto.AutoConfig.register(kind, config, exist_ok=True)


def _models(auto: ModuleType) -> None:
    for name in MODELS.names():
        model = MODELS.get(name)
        auto.AutoModelForVideoClassification.register(model.config_class, model, exist_ok=True)


def _processors(auto: ModuleType) -> None:
    from equime_hub.models.processing import MicroExpressionVideoProcessor

    for name in MODELS.names():
        auto.AutoVideoProcessor.register(
            configuration_of(name), MicroExpressionVideoProcessor, exist_ok=True
        )


_REGISTER: dict[str, Callable[[ModuleType], None]] = {
    "configuration_auto": _configurations,
    "modeling_auto": _models,
    "video_processing_auto": _processors,
}
