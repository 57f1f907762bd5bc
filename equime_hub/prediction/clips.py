"""Predictions of a saved model for the clips of a dataset, which it is shown as in training.

Onset, apex and offset of a row are given to the processor; PyAV decodes the frames that it shows.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from equime_hub.errors import DatasetError, ModelError, VideoError
from equime_hub.evaluation import log as logs
from equime_hub.evaluation.log import PredictionLog
from equime_hub.models.inputs import Values
from equime_hub.models.saved import LABELS, SavedModel, demand_column
from equime_hub.progress import Progress
from equime_hub.video.moments import Moments

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

_MOMENTS = ("onset_frame", "apex_frame", "offset_frame")
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
            said.append(left_out(self.broken))
        if self.short:
            said.append(
                f"Clips with fewer frames than the model takes, which repeat: {self.short:,}."
            )
        return said


def left_out(broken: Mapping[str, str]) -> str:
    """A sentence that names all clips which cannot be decoded, the first ones with the reason."""
    return f"Left out, as they cannot be decoded: {len(broken):,} clips: {reasons(broken)}."


def reasons(broken: Mapping[str, str]) -> str:
    """Names of clips, and why the first ones cannot be decoded."""
    told = "; ".join(f"{clip} ({broken[clip]})" for clip in [*broken][:_SHOWN])
    return ", ".join([told, *[*broken][_SHOWN:]])


def columns(model: SavedModel) -> list[str]:
    """The columns of a dataset that `predict` reads; ModelError if none has its classes."""
    return ["clip_id", "subject_id", "source_dataset", demand_column(model), *_MOMENTS, "video"]


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
        ModelError: The model or its processor cannot take these clips, or no column of a dataset
            has its classes.
    """
    column = demand_column(model)
    names = LABELS[column]
    plain = data.select_columns(columns(model)[:-1]).to_dict()
    # `datasets` writes -1 for a class that is not known.
    labels = [names[code] if code not in (None, -1) else None for code in plain[column]]
    rows = [row for row, label in enumerate(labels) if label in model.classes]
    moments = [Moments(*frames) for frames in zip(*(plain[name] for name in _MOMENTS), strict=True)]
    videos = data.select_columns(["video"])
    done: list[int] = []
    found: list[npt.NDArray[np.float32]] = []
    broken: dict[str, str] = {}
    short = 0
    for start in range(0, len(rows), batch_size):
        if progress:
            progress(start, len(rows))
        batch = {}
        for row in rows[start : start + batch_size]:
            try:
                if (video := videos[row]["video"]) is None:
                    raise VideoError("there is no video")
                batch[row] = model.inputs.prepare(video, moments[row]).values
            except VideoError as error:
                broken[plain["clip_id"][row]] = str(error)
            else:
                short += len(video) < (model.inputs.num_frames or 0)
        if batch:
            found.append(probabilities(model, [*batch.values()]))
            done += batch
    if progress:
        progress(len(rows), len(rows))
    lost = Counter(label for label in labels if label and label not in model.classes)
    if not found:
        raise DatasetError(
            f"{model.name} can be scored on no clip: {labels.count(None):,} have no "
            f"{column}, {lost.total():,} a label that is none of "
            f"{', '.join(model.classes)}, and {len(broken):,} cannot be decoded."
        )
    chances = np.concatenate(found)
    datasets = [plain["source_dataset"][row] for row in done]
    cells = {
        "clip_id": [plain["clip_id"][row] for row in done],
        "subject_id": [plain["subject_id"][row] for row in done],
        "dataset": datasets,
        "fold": [name or "test" for name in datasets],
        "reference": [labels[row] for row in done],
        "prediction": chances.argmax(axis=1),
        "probabilities": chances,
    }
    return Predicted(
        log=logs.of(cells, model.classes),
        unlabelled=labels.count(None),
        unknown=dict(lost),
        short=short,
        broken=broken,
    )


def probabilities(model: SavedModel, batch: Sequence[Values]) -> npt.NDArray[np.float32]:
    """Softmax of the model's outputs for prepared clips, clips × C.

    Raises:
        ModelError: It cannot take them, or memory is short.
    """
    inputs = model.inputs.finish(batch)
    try:
        with enough_memory(model, len(batch)):
            return softmax(model, inputs)
    except (TypeError, ValueError, RuntimeError) as error:
        shapes = ", ".join(f"{key} {tuple(value[:1].shape)}" for key, value in inputs.items())
        raise ModelError(
            f"{model.name} refuses clips that its processor made ({shapes}): {error}"
        ) from error


def softmax(model: SavedModel, inputs: Mapping[str, Tensor]) -> npt.NDArray[np.float32]:
    """Probabilities of inputs that may lie on any device, clips × C."""
    import torch

    there = {key: value.to(model.model.device) for key, value in inputs.items()}
    with torch.inference_mode():
        found: npt.NDArray[np.float32] = (
            model.model(**there).logits.float().softmax(-1).cpu().numpy()
        )
    return found


@contextlib.contextmanager
def enough_memory(model: SavedModel, clips: int) -> Iterator[None]:
    """Say as a ModelError what to do where a GPU has no room for so many clips."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"{model.name} has no room for {clips} clips at a time ({error}). Give it fewer "
            "(batch_size, --batch-size)."
        ) from error
