"""Saved models together with the clips that they are to be tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from equime_hub.errors import DatasetError, ModelError
from equime_hub.evaluation import log as logs
from equime_hub.evaluation import manifest
from equime_hub.loading_script.real.labels import MAPS
from equime_hub.models import saved as saved_model
from equime_hub.robustness.robustness import Trial
from equime_hub.splits.people import full_name
from equime_hub.training.data.examples import Examples, gather
from equime_hub.training.data.sources import DataSource
from equime_hub.training.fit import run_manifest

if TYPE_CHECKING:
    from equime_hub.models.saved import SavedModel
    from equime_hub.training.fit.recipes import TrainConfig

SPLIT = "test"


def trials(
    name: str,
    data: Sequence[str] = (),
    *,
    split: str | None = None,
    label_map: str | None = None,
    device: str | None = None,
) -> list[Trial]:
    """Open a run or a saved model for tests.

    Args:
        name: Folder of a run as `equime train` writes it, whose models are tested on the clips
            that each of them did not see; or a saved model, a folder or a Hub id.
        data: Datasets to test on instead, written as `DataSource.parse` reads them.
        split: Of these datasets; None is "test".
        label_map: One of `examples.LABEL_MAPS`; None is the run's, or else the column that has
            the model's classes.
        device: Such as "cuda:1"; None is the first GPU, or else the CPU.

    Raises:
        DatasetError: There is nothing to test on, or clips of the run are not there any more.
        ModelError: There is no model, or not just one for `data`.
        EquimeError: What `gather` and `saved_model.load` raise.
    """
    run = _claimed(Path(name))
    if run is None and not data:
        raise DatasetError(
            f"{name} is no run of `equime train`, so it does not say on what to test: name a "
            "dataset with --data."
        )
    found = [(Path(name), Path(name))] if run is None else _models(Path(name))
    if not data:
        assert run is not None
        models = [(saved_model.load(str(model), device), log) for model, log in found]
        return _own(run, models)
    if len(found) > 1:
        raise ModelError(
            f"{name} has {len(found)} models; name one of them to test it on other data, such as "
            f"{found[0][0]}."
        )
    model = saved_model.load(name if run is None else str(found[0][0]), device)
    sources = [replace(DataSource.parse(text), split=split or SPLIT) for text in data]
    chosen = label_map or (run.label_map if run else None) or model.column
    if chosen is None:
        raise ModelError(
            f"{name} has the classes {', '.join(model.classes)}, which no column of a dataset has: "
            f"say how labels become them, --label-map with one of {', '.join(MAPS)}."
        )
    return [
        Trial(model, _known(gather(sources, label_map=chosen, classes=model.classes), found[0][0]))
    ]


def _known(examples: Examples, model: Path) -> Examples:
    """The same, with a note if the model has learnt from people in it, as far as its run says."""
    seen = run_manifest.seen(str(model))
    if seen is None:
        return examples
    names = (seen[name].to_pylist() for name in ("source_dataset", "subject_id"))
    learnt = {full_name(*who) for who in zip(*names, strict=True)}
    people = examples.people()
    if not (known := sum(who in learnt for who in people)):
        return examples
    note = (
        f"{known:,} of {len(people):,} clips show people whom the model has learnt from, or was "
        "chosen by: clean scores are too high."
    )
    return replace(examples, notes=(*examples.notes, note))


def _claimed(folder: Path) -> TrainConfig | None:
    """The recipe of a run; None if the folder is none."""
    from equime_hub.training.fit.run import TRAIN, read_claim

    return read_claim(folder).config if (folder / TRAIN).is_file() else None


def _models(run: Path) -> list[tuple[Path, Path]]:
    """Models, and where the predictions of each are."""
    from equime_hub.training.fit.run import FOLDS, MODEL

    if (run / MODEL).is_dir():
        return [(run / MODEL, run)]
    found = sorted(run.glob(f"{FOLDS}/*/*/{MODEL}"))
    if not found:
        raise ModelError(
            f"{run} has no model: those of single folds are kept by `equime train --keep-models`, "
            "and that of a run that is not finished comes at its end."
        )
    return [(model, model.parent) for model in found]


def _own(run: TrainConfig, models: Sequence[tuple[SavedModel, Path]]) -> list[Trial]:
    """Each model on the clips that its run tested it on."""
    classes = models[0][0].classes
    examples = gather(
        [DataSource.parse(text) for text in run.data], label_map=run.label_map, classes=classes
    )
    place = {name: row for row, name in enumerate(examples.names)}
    return [_trial(model, examples, place, folder) for model, folder in models]


def _trial(model: SavedModel, examples: Examples, place: dict[str, int], folder: Path) -> Trial:
    if not (folder / manifest.PREDICTIONS).is_file():
        raise DatasetError(f"{folder} has no {manifest.PREDICTIONS}: its training is not finished.")
    table = logs.read(folder).table
    seed = min(table["seed"].to_pylist())  # a run's only model is that of its first seed
    rows = [
        row for row in table.select(["clip_id", "fold", "seed"]).to_pylist() if row["seed"] == seed
    ]
    if lost := [row["clip_id"] for row in rows if row["clip_id"] not in place]:
        raise DatasetError(
            f"{len(lost):,} of {len(rows):,} clips that {folder} tested are not in its data any "
            f"more, such as {lost[0]}. Name a dataset to test on: --data."
        )
    own = examples.take([place[row["clip_id"]] for row in rows])
    return Trial(model, own, tuple(row["fold"] for row in rows), seed)
