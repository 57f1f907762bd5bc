"""Predictions of a saved model for the clips of a dataset.

The processor samples the frames of each clip, as in Transformers' own pipeline, and PyAV decodes
these alone; the processors' own decoder, torchcodec, is not used. A clip with fewer frames than
the model takes shows each as often as evenly spaced places fall on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equime_hub.errors import DatasetError, ModelError, VideoError
from equime_hub.progress import Progress
from equime_hub.training import log as logs
from equime_hub.training.log import PredictionLog
from equime_hub.training.saved_model import LABELS, SavedModel
from equime_hub.video import sampling
from equime_hub.video.decoder import AvDecoder

if TYPE_CHECKING:
    from datasets import Dataset

Inputs = dict[str, Any]
"""What a model is called with: tensors whose first axis is the clips."""

_SHOWN = 5
"""Broken clips that a remark gives the reason of; it names all of them."""


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a model said, and of what it could say nothing.

    Attributes:
        log: The predictions; each fold has the name of its dataset, as in `train-test`.
        unlabelled: Clips without label.
        unknown: Label that is none of the model's classes → clips.
        short: Clips in the log with fewer frames than the model takes.
        broken: Clip that cannot be decoded → why.
    """

    log: PredictionLog
    unlabelled: int
    unknown: dict[str, int]
    short: int
    broken: dict[str, str]

    def remarks(self) -> list[str]:
        """Sentences that belong to every score of the log."""
        said = []
        if self.unlabelled:
            said.append(f"Left out, as they have no label: {self.unlabelled:,} clips.")
        if self.unknown:
            counts = ", ".join(f"{label} {count:,}" for label, count in self.unknown.items())
            said.append(f"Left out, as the model has no such class: {counts} clips.")
        if self.broken:
            why = "; ".join(f"{clip} ({self.broken[clip]})" for clip in [*self.broken][:_SHOWN])
            rest = ", ".join([*self.broken][_SHOWN:])
            said.append(
                f"Left out, as they cannot be decoded: {len(self.broken):,} clips: "
                f"{why}{', ' + rest if rest else ''}."
            )
        if self.short:
            said.append(
                f"Clips with fewer frames than the model takes, which repeat: {self.short:,}."
            )
        return said


def columns(model: SavedModel) -> list[str]:
    """The columns of a dataset that `predict` reads."""
    return ["clip_id", "subject_id", "source_dataset", model.column, "video"]


def predict(
    model: SavedModel, data: Dataset, *, batch_size: int = 8, progress: Progress | None = None
) -> Predicted:
    """Run a model over a dataset.

    Args:
        model: The model.
        data: One split, as `equime_hub.load` opens it, with the columns `columns(model)`.
        batch_size: Clips at a time.
        progress: Called with clips done and clips to do.

    Raises:
        DatasetError: No clip can be scored, or the model gives what is no probability.
        ModelError: The model or its processor cannot take these clips.
    """
    names = LABELS[model.column]
    plain = data.select_columns(columns(model)[:-1]).to_dict()
    # `datasets` writes -1 for a class that is not known.
    labels = [names[code] if code not in (None, -1) else None for code in plain[model.column]]
    rows = [row for row, label in enumerate(labels) if label in model.classes]
    clips = _Clips(model, data.select_columns(["video"]), plain["clip_id"])
    done: list[int] = []
    found: list[npt.NDArray[np.float32]] = []
    for start in range(0, len(rows), batch_size):
        if progress:
            progress(start, len(rows))
        if batch := dict(clips.readable(rows[start : start + batch_size])):
            found.append(_probabilities(model, [*batch.values()]))
            done += batch
    if progress:
        progress(len(rows), len(rows))
    lost = Counter(label for label in labels if label and label not in model.classes)
    if not found:
        raise DatasetError(
            f"{model.name} can be scored on no clip: {labels.count(None):,} have no "
            f"{model.column}, {lost.total():,} a label that is none of "
            f"{', '.join(model.classes)}, and {len(clips.broken):,} cannot be decoded."
        )
    probabilities = np.concatenate(found)
    datasets = [plain["source_dataset"][row] for row in done]
    return Predicted(
        log=logs.of(
            [plain["clip_id"][row] for row in done],
            [plain["subject_id"][row] for row in done],
            [labels[row] for row in done],
            probabilities.argmax(axis=1),
            classes=model.classes,
            datasets=datasets,
            folds=[name or "test" for name in datasets],
            probabilities=probabilities,
        ),
        unlabelled=labels.count(None),
        unknown=dict(lost),
        short=clips.short,
        broken=clips.broken,
    )


@dataclass(eq=False)
class _Clips:
    """The clips of a dataset as inputs of a model; what is found out about them is kept."""

    model: SavedModel
    videos: Dataset
    names: Sequence[str]
    broken: dict[str, str] = field(default_factory=dict)
    short: int = 0

    def readable(self, rows: Sequence[int]) -> Iterator[tuple[int, Inputs]]:
        """Inputs of the clips that can be decoded."""
        for row in rows:
            try:
                video = self.videos[row]["video"]
                if video is None:
                    raise VideoError("there is no video")
                frames = video.clip(_sampled(self.model, video)).frames
            except VideoError as error:
                self.broken[self.names[row]] = str(error)
            else:
                self.short += len(video) < (self.model.num_frames or 0)
                yield row, _processed(self.model, frames)


def _sampled(model: SavedModel, video: AvDecoder) -> list[int]:
    """The frames of a clip that the model is shown."""
    from transformers.video_utils import VideoMetadata

    about, wanted = video.metadata, model.num_frames
    if wanted is not None and about.num_frames < wanted:
        return list(map(int, sampling.uniform(about.num_frames, wanted)))
    known = VideoMetadata(
        total_num_frames=about.num_frames,
        fps=about.average_fps,
        width=about.width,
        height=about.height,
        duration=about.duration_seconds,
    )
    try:
        return [int(i) for i in model.processor.sample_frames(metadata=known, num_frames=wanted)]
    except ValueError as error:
        raise ModelError(f"The processor of {model.name} cannot sample a clip: {error}") from error


def _processed(model: SavedModel, frames: npt.NDArray[np.uint8]) -> Inputs:
    """T×H×W×3 frames as the input of one clip."""
    try:
        return dict(
            model.processor(
                [frames],
                do_sample_frames=False,
                input_data_format="channels_last",
                return_tensors="pt",
            )
        )
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"The processor of {model.name} refuses a clip: {error}") from error


def _probabilities(model: SavedModel, batch: Sequence[Inputs]) -> npt.NDArray[np.float32]:
    """Softmax of the model's outputs, clips × C."""
    import torch

    try:
        inputs = {
            key: torch.cat([clip[key] for clip in batch]).to(model.model.device) for key in batch[0]
        }
        with torch.inference_mode():
            logits = model.model(**inputs).logits
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"{model.name} has no room for {len(batch)} clips at a time ({error}). Give it fewer "
            "(batch_size, --batch-size)."
        ) from error
    except (TypeError, ValueError, RuntimeError) as error:
        shapes = ", ".join(f"{key} {tuple(value.shape)}" for key, value in batch[0].items())
        raise ModelError(
            f"{model.name} refuses clips that its processor made ({shapes}): {error}"
        ) from error
    found: npt.NDArray[np.float32] = logits.float().softmax(-1).cpu().numpy()
    return found
