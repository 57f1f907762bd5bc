"""Saved video classifiers of Transformers: configuration, safetensors and processor, no code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equime_hub.errors import ModelError
from equime_hub.schema.taxonomy import EMOTIONS, EMOTIONS_3

LABELS = {"emotion": EMOTIONS, "emotion_3": EMOTIONS_3}
"""Column of a dataset → its classes."""

_FILES = {
    "config.json": ("config.json",),
    "*.safetensors": ("*.safetensors",),
    "video_preprocessor_config.json": (
        "video_preprocessor_config.json",
        "preprocessor_config.json",
        "processor_config.json",
    ),
}
"""File that a folder needs → patterns of which one must be there."""


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A video classifier, ready to predict.

    Attributes:
        name: Its folder or Hub id.
        model: `AutoModelForVideoClassification` in float32, on its device.
        processor: `AutoVideoProcessor`.
        classes: Its C classes, in the order of its outputs.
        column: Column of a dataset that has these classes, "emotion" or "emotion_3".
        num_frames: Frames that it takes; None leaves that to the processor.
    """

    name: str
    model: Any
    processor: Any
    classes: tuple[str, ...]
    column: str
    num_frames: int | None


def load(name: str, device: str | None = None) -> SavedModel:
    """Load a model with its processor.

    Code that came with it is not run, and pickled weights are not read.

    Args:
        name: A folder, as `save_pretrained` of model and processor wrote it, or a Hub id.
        device: Such as "cuda:1"; None is the first GPU, or else the CPU.

    Raises:
        ModelError: A file is missing or damaged, some weights would be random, its classes are
            not those of a dataset, or there is no such device.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForVideoClassification, AutoVideoProcessor

    if Path(name).exists():
        _demand_files(Path(name))
    try:
        model, about = AutoModelForVideoClassification.from_pretrained(
            name,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
        processor = AutoVideoProcessor.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"{name} cannot be loaded as a video classifier: {' '.join(str(error).split())}"
        ) from error
    if absent := sorted(about["missing_keys"]):
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
    frames = (getattr(model.config, key, None) for key in ("num_frames", "frames_per_clip"))
    return SavedModel(name, model, processor, classes, column, next(filter(None, frames), None))


def _demand_files(folder: Path) -> None:
    for file, patterns in _FILES.items():
        if not any(any(folder.glob(pattern)) for pattern in patterns):
            raise ModelError(
                f"{folder} has no {file}; a saved model is a folder with {', '.join(_FILES)}, as "
                "save_pretrained of the model and of its processor write them."
            )


def _classes(name: str, config: Any) -> tuple[tuple[str, ...], str]:
    """The classes by a dataset's names, and the column that has them."""
    written = [str(config.id2label[index]) for index in range(config.num_labels)]
    classes = tuple(label.strip().lower() for label in written)
    if config.problem_type in (None, "single_label_classification"):
        for column, known in LABELS.items():
            if len({*classes} & {*known}) == len(classes):
                return classes, column
    raise ModelError(
        f"{name} has the classes {', '.join(written)} ({config.problem_type or 'one a clip'}). A "
        f"dataset has the emotions {', '.join(EMOTIONS)}, or {', '.join(EMOTIONS_3)}, one a clip. "
        "Write such names into id2label of its config.json, in the order of its outputs."
    )
