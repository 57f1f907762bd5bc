"""What a run says of itself: a folder, and in it `run.json`.

::

    RUN/run.json              the manifest, `Manifest`
    RUN/rows.parquet          which clip had which role in which fold, `rows.RunRows`
    RUN/predictions.parquet   what was predicted, `log.PredictionLog`

What is not known stays None; the linter then says what it could not check.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from equime_hub import configs
from equime_hub.errors import DatasetError, EquimeError

MANIFEST = "run.json"
ROWS = "rows.parquet"
PREDICTIONS = "predictions.parquet"

Where = Literal["inside-fold", "before-split", "none"]
"""Done to the training part of each fold alone, to everything before it was split, not done."""


@dataclass(frozen=True)
class Preprocessing:
    """What was done to the clips; None is unknown.

    Attributes:
        normalisation: On which clips its statistics were fitted: those of training, or all of
            them, test included. "none" where each clip is treated by itself.
        oversampling: Where rare classes were repeated.
        augmentation: Where altered copies were made.
        padding: How clips that are too short were filled up: frames that the model is told to
            ignore, zeros that it takes for pictures, or not at all.
        num_frames: Frames that the model is given; None also where it takes all of them.
    """

    normalisation: Literal["train", "all", "none"] | None = None
    oversampling: Where | None = None
    augmentation: Where | None = None
    padding: Literal["mask", "zero", "none"] | None = None
    num_frames: int | None = None


@dataclass(frozen=True)
class Manifest:
    """How a run came about; None is unknown, an empty tuple is none.

    Attributes:
        model: Name of the model.
        protocol: Name of the protocol, as in `protocols.PROTOCOLS`.
        selection: How the epoch or the settings were chosen, as in `selection`.
        classes: The classes in the order of the probabilities.
        label_map: Dataset → label as the dataset writes it → class, None if left out.
        seeds: Seeds of training.
        train_sets: Datasets trained on.
        test_sets: Datasets tested on.
        pretraining: Datasets or checkpoints that the weights come from; empty if from scratch.
        preprocessing: What was done to the clips.
        aggregation: Scores from the counts of all folds, or the mean of the scores of each.
        config_hash: Hash of the configuration, as in the prediction log.
        software: Package → version.
    """

    model: str | None = None
    protocol: str | None = None
    selection: str | None = None
    classes: tuple[str, ...] | None = None
    label_map: dict[str, dict[str, str | None]] | None = None
    seeds: tuple[int, ...] | None = None
    train_sets: tuple[str, ...] | None = None
    test_sets: tuple[str, ...] | None = None
    pretraining: tuple[str, ...] | None = None
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    aggregation: Literal["pooled", "fold-averaged"] | None = None
    config_hash: str | None = None
    software: dict[str, str] | None = None


def read(run: Path) -> Manifest:
    """The manifest of a run's folder.

    Raises:
        DatasetError: It is not there, no JSON, or has a field that does not fit.
    """
    path = run / MANIFEST
    if not path.is_file():
        raise DatasetError(
            f"There is no {path}. A run is a folder with {MANIFEST} and {ROWS}; "
            "`equime_hub.evaluation.manifest.write` writes the former, what is unknown left out."
        )
    try:
        return configs.from_file(Manifest, path)
    except EquimeError as error:
        raise DatasetError(f"{path} is no manifest: {error}") from error


def write(manifest: Manifest, run: Path) -> None:
    """Write the manifest into a run's folder, which is made if need be."""
    configs.to_file(manifest, run / MANIFEST)
