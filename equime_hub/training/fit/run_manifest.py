"""What a finished run says of itself: its manifest, and which clip had which role."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from equime_hub.errors import EquimeError
from equime_hub.evaluation import log as logs
from equime_hub.evaluation import manifest, rows, selection
from equime_hub.evaluation.manifest import Manifest, Preprocessing, Where
from equime_hub.models import saved as saved_model
from equime_hub.splits.folds import Rows
from equime_hub.training.fit.plan import TrainingPlan

_PACKAGES = ("equime-hub", "torch", "transformers", "accelerate", "av", "numpy")
_DESCRIBED = ("clip_id", "subject_id", *rows.CLIP)


def of(plan: TrainingPlan) -> Manifest:
    """The manifest of a finished run."""
    config, examples = plan.config, plan.examples
    inside: Where = "inside-fold" if config.balance == "sampling" else "none"
    return Manifest(
        model=getattr(plan.start.model.config, "model_type", config.model),
        protocol=config.protocol,
        selection=selection.stored_name(config.selection),
        classes=examples.classes,
        label_map={name: dict(labels) for name, labels in examples.label_map.items()},
        seeds=config.seeds,
        train_sets=_datasets(plan, [each.train for each in plan.trainings]),
        test_sets=_datasets(plan, [each.tested for each in plan.trainings]),
        pretraining=pretraining(config.init),
        preprocessing=Preprocessing(
            normalisation="none",
            oversampling=inside,
            augmentation="inside-fold" if config.augment else "none",
            padding=_padding(plan),
            num_frames=plan.inputs.num_frames,
        ),
        aggregation="pooled",
        config_hash=plan.hash,
        software={name: version(name) for name in _PACKAGES},
    )


def roles(plan: TrainingPlan) -> pa.Table:
    """Which clip had which role in which fold, and which ones the weights had seen before.

    The latter are known if training began with a model that lies in the folder of a run.
    """
    clips = plan.examples.table.select(_DESCRIBED)
    before = seen(plan.config.init)
    known = {name: row for row, name in enumerate(plan.examples.names)}
    known_before: Rows | None = None
    if before is not None:
        # Clips of the earlier run that are in this one too have their row already.
        new = [row for row, name in enumerate(before["clip_id"].to_pylist()) if name not in known]
        extra = before.take(pa.array(new, pa.int64()))
        clips = pa.concat_tables([clips, extra], promote_options="permissive")
        old = [known[name] for name in before["clip_id"].to_pylist() if name in known]
        known_before = np.array(sorted([*old, *range(len(known), len(clips))]), np.int64)
    folds = [fold for each in plan.trainings for fold in each.folds()]
    held = {name: each.validation for each in plan.trainings for name in each.tests}
    return rows.table(clips, folds, validation=held, pretrain=known_before)


def run_of(model: str | None) -> Path | None:
    """The folder of the run that a saved model lies in, or in one of its folds; None if none."""
    if model is None or not Path(model).is_dir():
        return None
    above = Path(saved_model.inside(model)).resolve().parents
    return next((path for path in above[:4] if (path / manifest.MANIFEST).is_file()), None)


def pretraining(init: str | None) -> tuple[str, ...]:
    """Datasets that saved weights were trained on; their name, if they are of no run."""
    run = run_of(init)
    if run is None:
        return () if init is None else (init,)
    before = manifest.read(run)
    return tuple(dict.fromkeys([*(before.pretraining or ()), *(before.train_sets or ())]))


def seen(init: str | None) -> pa.Table | None:
    """Clips that saved weights were trained or chosen on, as text; None if that is not known."""
    run = run_of(init)
    if run is None:
        return None
    unit = Path(saved_model.inside(str(init))).resolve().parent
    try:
        found = rows.read(run)
        place = unit if (unit / manifest.PREDICTIONS).is_file() else run
        # A model of one fold has seen its own fold; the model of a whole run, all of them.
        own = set(logs.read(place).table["fold"].to_pylist())
    except EquimeError:
        return None
    used = np.zeros(len(found.clips), bool)
    for fold in found:
        if fold.name in own:
            used |= fold.has(rows.TRAIN | rows.VALIDATION | rows.PRETRAIN)
    table = found.clips.filter(pa.array(used))
    known = {name: table[name].cast(pa.string()) for name in table.column_names}
    lacking = pa.nulls(len(table), pa.string())
    return pa.table({name: known.get(name, lacking) for name in _DESCRIBED})


def _datasets(plan: TrainingPlan, parts: list[Rows]) -> tuple[str, ...]:
    names = plan.examples.datasets[np.concatenate(parts)].tolist()
    return tuple(sorted({name or "unknown" for name in names}))


def _padding(plan: TrainingPlan) -> Literal["mask", "zero", "none"]:
    """What the model takes for frames where a clip has fewer: `repeat` shows real ones again."""
    found = getattr(plan.start.processor, "pad", "none")
    return "mask" if found == "mask" else "zero" if found == "zero" else "none"
