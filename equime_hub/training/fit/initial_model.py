"""The model that a training begins with: at random, or from saved weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equime_hub import seeds
from equime_hub.errors import EquimeError, ModelError
from equime_hub.models import MODELS
from equime_hub.models import saved as saved_model
from equime_hub.training.fit.recipes import TrainConfig

_SIDE, _PATCH = 64, 16
_COMMON = {
    "image_size": _SIDE, "num_frames": 8, "hidden_size": 96, "num_hidden_layers": 4,
    "num_attention_heads": 4, "intermediate_size": 192,
}  # fmt: skip
STOCK: Mapping[str, tuple[str, dict[str, Any]]] = {
    "videomae": ("VideoMAE", {**_COMMON, "patch_size": _PATCH, "tubelet_size": 2}),
    "timesformer": ("Timesformer", {**_COMMON, "patch_size": _PATCH}),
    "vivit": ("Vivit", {**_COMMON, "tubelet_size": [2, _PATCH, _PATCH]}),
}
"""Name → how classes of Transformers begin, and a configuration that a CPU can train."""


def names() -> list[str]:
    """Models that `equime train` knows."""
    return [*MODELS.names(), *STOCK]


@dataclass(frozen=True, eq=False)
class InitialModel:
    """A model before training.

    Attributes:
        model: In float32, on the CPU.
        processor: Its video processor.
        notes: Sentences: what of saved weights was not taken.
    """

    model: Any
    processor: Any
    notes: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """Weights that are trained."""
        return sum(weight.numel() for weight in self.model.parameters() if weight.requires_grad)

    @property
    def digest(self) -> str:
        """Of all weights."""
        found = hashlib.sha256()
        for name, value in self.model.state_dict().items():
            # The name too: two weights of one shape may have changed places.
            found.update(name.encode())
            found.update(value.contiguous().numpy())
        return found.hexdigest()


def begin(config: TrainConfig, classes: Sequence[str], *key: seeds.Key) -> InitialModel:
    """Make the model of a recipe, or load it.

    Args:
        config: The recipe.
        classes: In the order of the outputs.
        *key: What random weights depend on.

    Raises:
        EquimeError: There is no such model or option of it.
        ModelError: The saved model cannot be loaded, or lacks more than the last layer.
    """
    import torch
    import transformers

    from equime_hub.models.processing import MicroExpressionVideoProcessor

    # Whatever makes weights draws from here; the training seeds again.
    torch.manual_seed(seeds.derive("weights", *key))
    if config.init is not None:
        return _loaded(config, classes)
    title, small = STOCK.get(config.model, (None, {}))
    if title:
        kind = getattr(transformers, f"{title}ForVideoClassification")
    elif config.model in MODELS.names():
        kind = MODELS.get(config.model)
    else:
        raise EquimeError(
            f"There is no model {config.model!r}. Choose one of: {', '.join(names())}."
        )
    settings = _settings(kind.config_class, {**small, **config.model_options}, classes)
    try:
        if title:
            side = {"height": settings.image_size, "width": settings.image_size}
            # The whole picture: clips here are faces already.
            whole = {"size": side, "crop_size": side, "do_center_crop": False}
            processor = getattr(transformers, f"{title}VideoProcessor")(
                **{**whole, **config.input_options}
            )
        else:
            processor = MicroExpressionVideoProcessor.for_config(settings, **config.input_options)
        return InitialModel(kind(settings), processor)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{config.model} cannot be made with these options: {error}") from error


def _settings(kind: Any, options: Mapping[str, Any], classes: Sequence[str]) -> Any:
    from transformers import PreTrainedConfig

    known = set(kind().to_dict())
    if unknown := sorted(set(options) - known):
        own = known - set(PreTrainedConfig().to_dict())
        raise ModelError(
            f"{kind.__name__} has no field {', '.join(unknown)}; it has {', '.join(sorted(own))}."
        )
    try:
        made = kind(**options, id2label=dict(enumerate(classes)), num_labels=len(classes))
    except (TypeError, ValueError) as error:
        raise ModelError(f"{kind.__name__} refuses its options: {error}") from error
    # Both directions are saved, and must name the same classes.
    made.label2id = {name: number for number, name in made.id2label.items()}
    return made


def _loaded(config: TrainConfig, classes: Sequence[str]) -> InitialModel:
    """A saved model; its last layer is made anew if it has other classes."""
    name = saved_model.inside(str(config.init))
    hint = "" if Path(name).is_dir() else " (it is no folder, so it was taken for a Hub id)"
    saved, processor, absent = saved_model.opened(
        name, hint, config.model_options, config.input_options
    )
    model, last = _with_classes(saved, classes)
    if lost := sorted({*absent} - last):
        raise ModelError(
            f"The weights of {name} lack {', '.join(lost[:3])} ({len(lost)} in all) besides the "
            "last layer; is it a video model?"
        )
    before = [str(saved.config.id2label[index]) for index in range(saved.config.num_labels)]
    if before == list(classes) and not absent:
        return InitialModel(saved, processor)
    why = "it was never trained" if absent else f"it told apart {', '.join(before[:9])}"
    told = f"{why}{' and more' if not absent and len(before) > 9 else ''}"
    note = f"The last layer of {name} is replaced: {told}, here {', '.join(classes)}."
    return InitialModel(model, processor, (note,))


def _with_classes(saved: Any, classes: Sequence[str]) -> tuple[Any, set[str]]:
    """A copy for other classes, and the names of the weights that are new in it.

    These are the weights whose shape depends on how many classes there are.
    """
    import torch

    kind, settings = type(saved), deepcopy(saved.config)
    settings.id2label = dict(enumerate(classes))
    settings.label2id = {name: number for number, name in enumerate(classes)}
    model = kind(settings)
    # Made on no memory, only to see which shapes follow the number of classes.
    wider = deepcopy(settings)
    wider.id2label = dict(enumerate([*classes, "one more"]))
    with torch.device("meta"):
        sizes = {name: value.shape for name, value in kind(wider).state_dict().items()}
    fresh = model.state_dict()
    last = {name for name, value in fresh.items() if sizes[name] != value.shape}
    kept = {name: value for name, value in saved.state_dict().items() if name not in last}
    model.load_state_dict(kept, strict=False)
    return model, last
