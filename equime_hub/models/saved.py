"""Saved video classifiers of Transformers: configuration, safetensors and processor, no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from equime_hub.errors import ModelError
from equime_hub.models.inputs import Inputs, frames_of, inputs_of
from equime_hub.schema.taxonomy import EMOTIONS, EMOTIONS_3

LABELS = {"emotion": EMOTIONS, "emotion_3": EMOTIONS_3}
"""Column of a dataset → its classes."""

_FILES = {
    "config.json": "config.json",
    "*.safetensors": "*.safetensors",
    "video_preprocessor_config.json": "*processor_config.json",  # older ones have shorter names
}
"""File that a folder needs → pattern of it."""


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A video classifier, ready to predict.

    Attributes:
        name: Its folder or Hub id.
        model: `AutoModelForVideoClassification` in float32, on its device.
        processor: `AutoVideoProcessor`.
        classes: Its C classes, in the order of its outputs.
        column: Column of a dataset that has these classes, "emotion" or "emotion_3"; None if
            they are others, such as those of a label map.
        num_frames: Frames that it takes; None is any number, or leaves that to the processor.
    """

    name: str
    model: Any
    processor: Any
    classes: tuple[str, ...]
    column: str | None
    num_frames: int | None

    @cached_property
    def inputs(self) -> Inputs:
        """What it is shown of a clip."""
        return inputs_of(self.processor, self.model.config)


def inside(name: str) -> str:
    """The model of a run, if that is its folder; else the name as it is."""
    model = Path(name) / "model"
    return str(model) if model.is_dir() else name


def load(name: str, device: str | None = None) -> SavedModel:
    """Load a model with its processor.

    Code that came with it is not run, and pickled weights are not read.

    Args:
        name: A folder, as `save_pretrained` of model and processor wrote it, or a Hub id; a run
            is the model in it.
        device: Such as "cuda:1"; None is the first GPU, or else the CPU.

    Raises:
        ModelError: A file is missing or damaged, some weights would be random, it does not give
            one of several classes a clip, or there is no such device.
    """
    import torch

    name = inside(name)
    if Path(name).exists():
        _demand_files(Path(name))
    model, processor, absent = opened(name)
    if absent:
        raise ModelError(
            f"The weights of {name} lack {', '.join(absent[:3])} ({len(absent)} in all), which "
            "would be random. Is it a model that was never trained to classify?"
        )
    classes, column = _classes(name, model.config)
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        model = model.to(where).eval()
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"{name} cannot run on the device {where!r}: {error}") from error
    return SavedModel(name, model, processor, classes, column, frames_of(model.config))


def opened(
    name: str,
    hint: str = "",
    model_options: Mapping[str, Any] | None = None,
    input_options: Mapping[str, Any] | None = None,
) -> tuple[Any, Any, list[str]]:
    """A saved classifier in float32, its processor, and the names of weights that it lacks.

    Code that came with it is not run, and pickled weights are not read.

    Args:
        name: Folder or Hub id.
        hint: What may have gone wrong, for the error, behind the name.
        model_options: Fields of its configuration that are to be others.
        input_options: The same of its processor.

    Raises:
        ModelError: It cannot be loaded.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForVideoClassification, AutoVideoProcessor

    try:
        options = {"dtype": torch.float32, "output_loading_info": True, **(model_options or {})}
        model, about = AutoModelForVideoClassification.from_pretrained(
            name, use_safetensors=True, trust_remote_code=False, **options
        )
        processor = AutoVideoProcessor.from_pretrained(name, trust_remote_code=False)
        if input_options:
            processor = type(processor).from_dict({**processor.to_dict(), **input_options})
    except (
        OSError, ValueError, TypeError, KeyError, ImportError, RuntimeError, SafetensorError
    ) as error:  # fmt: skip
        raise ModelError(
            f"{name}{hint} cannot be loaded as a video classifier: {' '.join(str(error).split())}"
        ) from error
    return model, processor, sorted(about["missing_keys"])


def _demand_files(folder: Path) -> None:
    for file, pattern in _FILES.items():
        if not any(folder.glob(pattern)):
            raise ModelError(
                f"{folder} has no {file}; a saved model is a folder with {', '.join(_FILES)}, as "
                "save_pretrained of the model and of its processor write them."
            )


def demand_column(model: SavedModel) -> str:
    """The column of a dataset that has a model's classes.

    Raises:
        ModelError: None has.
    """
    if model.column is None:
        raise ModelError(
            f"{model.name} has the classes {', '.join(model.classes)}. A dataset has the emotions "
            f"{', '.join(EMOTIONS)}, or {', '.join(EMOTIONS_3)}. If it means them, write such "
            "names into id2label of its config.json, in the order of its outputs."
        )
    return model.column


def _classes(name: str, config: Any) -> tuple[tuple[str, ...], str | None]:
    """The classes, by a dataset's names if a column has them all, and that column."""
    written = tuple(str(config.id2label[index]).strip() for index in range(config.num_labels))
    kind = config.problem_type or "single_label_classification"
    if kind != "single_label_classification" or len({*written}) < len(written):
        raise ModelError(
            f"{name} has the classes {', '.join(written)} ({kind}); expected different ones, of "
            "which a clip has one."
        )
    classes = tuple(label.lower() for label in written)
    for column, known in LABELS.items():
        if len({*classes} & {*known}) == len(classes):
            return classes, column
    return written, None
