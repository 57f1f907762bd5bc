"""A training run before anything is written: its clips, its trainings and its model, checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub import configs, seeds
from equime_hub.errors import DatasetError, ModelError, PlanError
from equime_hub.evaluation.ablation import settings as ablations
from equime_hub.evaluation.ablation.settings import TrainingRun
from equime_hub.models import MODELS
from equime_hub.models.inputs import Inputs, inputs_of
from equime_hub.schema.taxonomy import EMOTIONS_3
from equime_hub.training.data.examples import EMOTION_3, Examples, gather
from equime_hub.training.data.sources import DataSource
from equime_hub.training.fit.folds import Training, lacking, trainings
from equime_hub.training.fit.initial_model import InitialModel, begin
from equime_hub.training.fit.recipes import TrainConfig


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """What will be trained.

    Attributes:
        config: The recipe.
        examples: All clips.
        trainings: Each is done with every seed.
        start: The model of the first training, and the processor of all.
        inputs: What the model is shown of clips.
        hash: Of the recipe, the clips, the inputs, and the weights that it starts from.
    """

    config: TrainConfig
    examples: Examples
    trainings: list[Training]
    start: InitialModel
    inputs: Inputs
    hash: str

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that belong to the results."""
        absent = lacking(self.examples, self.trainings)
        return (*self.start.notes, *self.examples.notes, *absent)

    def without(self, broken: dict[int, str]) -> TrainingPlan:
        """The same without clips that cannot be decoded.

        Raises:
            PlanError: As `folds.trainings`.
        """
        if not broken:
            return self
        left = self.examples.without(broken)
        return replace(self, examples=left, trainings=trainings(left, self.config))

    def summary(self) -> dict[str, Any]:
        """What will be trained, as plain values."""
        examples, classes = self.examples, self.examples.classes
        people = examples.people()

        def part(rows: Any) -> dict[str, Any]:
            counts = np.bincount(examples.labels[rows], minlength=len(classes))
            return {
                "clips": len(rows),
                "people": len({people[row] for row in rows.tolist()}),
                "by_class": dict(zip(classes, counts.tolist(), strict=True)),
            }

        return {
            "model": type(self.start.model).__name__,
            "parameters": self.start.parameters,
            "frames": self.inputs.num_frames,
            "classes": list(classes),
            "clips": len(examples),
            "people": len(set(people)),
            "notes": [*self.notes],
            "seeds": list(self.config.seeds),
            "trainings": [
                {
                    "name": each.name,
                    "train": part(each.train),
                    "validation": part(each.validation),
                    "test": {name: part(rows) for name, rows in each.tests.items()},
                }
                for each in self.trainings
            ],
            "config": configs.to_json(self.config),
            "config_hash": self.hash,
        }


def training_plan(config: TrainConfig, only: frozenset[str] | None = None) -> TrainingPlan:
    """Read labels, make folds, and make the model; no video is decoded, nothing is written.

    Args:
        config: The recipe.
        only: Clips that a plan names; of datasets that have any of them, no other is taken.

    Raises:
        EquimeError: What cannot be trained, as a sentence.
    """
    if not config.data:
        raise DatasetError("There is nothing to train on; name a dataset with --data.")
    examples = gather(
        [DataSource.parse(text) for text in config.data],
        label_map=config.label_map,
        classes=config.classes,
    )
    if len(examples.classes) < 2:
        raise PlanError(
            f"All clips are {', '.join(examples.classes)}: there is nothing to tell apart."
        )
    if only is not None:
        examples = _restricted(examples, only)
    found = trainings(examples, config)
    start = begin(config, examples.classes, config.seeds[0], found[0].name)
    inputs = inputs_of(start.processor, start.model.config)
    # A path may hold other weights tomorrow.
    weights = None if config.init is None else start.digest
    key = seeds.digest(configs.to_json(config), examples.fingerprint, inputs.key, weights)
    return TrainingPlan(config, examples, found, start, inputs, key)


def of_ablation(folder: Path, config: TrainConfig) -> tuple[TrainConfig, frozenset[str] | None]:
    """A recipe with what a cell of an ablation fixes, and the clips of its plan.

    Args:
        folder: Holds `ablation.json`.
        config: All else.

    Raises:
        EquimeError: The file is missing or damaged, the plan is missing, or the model cannot take
            as many frames.
    """
    cell = ablations.read(folder)
    options = dict(config.model_options)
    if cell.num_frames is not None:
        options["num_frames"] = cell.num_frames
    elif _varies_frames(cell):
        known = config.model in MODELS.names()
        if not known or MODELS.get(config.model).config_class().num_frames is not None:
            raise ModelError(
                f"The setting {cell.setting!r} of {cell.ablation} takes all frames, and "
                f"{config.model} a fixed number; evolution takes any."
            )
    # Without a map the labels are those of the column `emotion`, which has other classes.
    three = cell.classes == EMOTIONS_3
    changed = replace(
        config,
        seeds=(cell.seed,),
        classes=cell.classes,
        label_map=config.label_map or (EMOTION_3 if three else None),
        model_options=options,
    )
    return changed, None if cell.plan is None else _clips(folder / cell.plan)


def _varies_frames(cell: TrainingRun) -> bool:
    known = ablations.ABLATIONS.get(cell.ablation)
    return known is not None and any(s.num_frames is not None for s in known.settings)


def _clips(plan: Path) -> frozenset[str]:
    try:
        names = pq.read_table(plan, columns=["clip_id"])["clip_id"].to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"{plan} cannot be read as a plan ({error}); the command that makes it was printed by "
            "`equime ablate plan`."
        ) from error
    return frozenset(names)


def _restricted(examples: Examples, only: frozenset[str]) -> Examples:
    of = examples.datasets
    named = np.array([name in only for name in examples.names])
    # Other datasets, such as real clips beside those of the plan, stay whole.
    kept = named | ~np.isin(of, np.unique(of[named]))
    if not named.any():
        raise DatasetError(
            "None of the clips is in the plan of this ablation: build it with `equime build "
            "PLAN --out FOLDER`, and give --data FOLDER."
        )
    return examples.take(np.flatnonzero(kept))
