"""Where `equime evaluate` has predictions from: a log, or a saved model that makes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from equime_hub.commands.common import progress_bar

if TYPE_CHECKING:
    from equime_hub.evaluation.log import PredictionLog

FORMS = {".parquet": "parquet", ".csv": "csv", ".txt": "megc"}
"""Ending → form of a prediction log."""

SPLIT = "test"
_BATCH = 8


@dataclass(frozen=True)
class Source:
    """What was asked for.

    Attributes:
        path: Run, prediction log or, with `data`, saved model.
        form: One of `FORMS`; None goes by the ending.
        columns: For CSV, as in `log.CsvMapping`, and so the next four.
        classes: All classes.
        dataset: Dataset of rows that name none.
        clips_by_subject: Clip names are unique within a subject.
        prediction_first: For the form megc.
        data: Dataset that the saved model is to predict; None reads a log.
        split: Its split.
        batch_size: Clips at a time.
        device: Where the model runs.
    """

    path: str
    form: str | None
    columns: dict[str, str]
    classes: tuple[str, ...] | None
    dataset: str | None
    clips_by_subject: bool
    prediction_first: bool
    data: str | None
    split: str | None
    batch_size: int | None
    device: str | None


@dataclass(frozen=True)
class Given:
    """Predictions, what their run states, and sentences that belong to every score."""

    log: PredictionLog
    protocol: str | None = None
    selection: str | None = None
    remarks: tuple[str, ...] = ()


def read(source: Source) -> Given:
    """The predictions that are to be scored.

    Raises:
        UsageError: There is no such file, or an option does nothing here.
        EquimeError: The log, the model or the dataset cannot be used.
    """
    path = Path(source.path)
    if source.data is not None:
        _refuse_idle(source, "model")
        return _predicted(source, source.data)
    if not path.exists():
        raise click.BadParameter(
            f"{source.path!r} does not exist. A model on the Hub needs --data.", param_hint="PATH"
        )
    form = source.form or FORMS.get(path.suffix.lower(), "parquet")
    _refuse_idle(source, "parquet" if path.is_dir() else form)
    return _stored(source, path, form)


def _stored(source: Source, path: Path, form: str) -> Given:
    from equime_hub.evaluation import log, manifest
    from equime_hub.schema.taxonomy import EMOTIONS_3

    if (path / "config.json").is_file() and not (path / manifest.PREDICTIONS).is_file():
        raise click.UsageError(
            f"{path} is a saved model; name the dataset that it is to predict: --data equime"
        )
    stated = manifest.Manifest()
    if (path / manifest.MANIFEST).is_file():
        stated = manifest.read(path)
    if form == "csv" and path.is_file():
        how = log.CsvMapping(
            source.columns, source.classes, source.dataset, source.clips_by_subject
        )
        found = log.from_csv(path, how)
    elif form == "megc" and path.is_file():
        order: log.Order = "prediction-first" if source.prediction_first else "reference-first"
        found = log.from_megc(path, source.classes or EMOTIONS_3, order)
    else:
        found = log.read(path, source.classes)
    return Given(found, stated.protocol, stated.selection)


def _predicted(source: Source, data: str) -> Given:
    import equime_hub
    from equime_hub.models import saved as saved_model
    from equime_hub.prediction import clips as predicting

    model = saved_model.load(source.path, source.device)
    split = source.split or SPLIT
    rows = equime_hub.load(data, split=split, columns=predicting.columns(model))
    with progress_bar("predict", "clips") as progress:
        found = predicting.predict(
            model, rows, batch_size=source.batch_size or _BATCH, progress=progress
        )
    asked = f"Predicted by {source.path} on {data}, split {split}."
    return Given(found.log, remarks=(asked, *found.remarks()))


def _refuse_idle(source: Source, kind: str) -> None:
    """Refuse options that do nothing here, as one may rely on them."""
    logs = ("parquet", "csv", "megc")
    for name, value, kinds in (
        ("--form", source.form, logs),
        ("--classes", source.classes, logs),
        ("--column", source.columns, ("csv",)),
        ("--dataset", source.dataset, ("csv",)),
        ("--clips-by-subject", source.clips_by_subject, ("csv",)),
        ("--prediction-first", source.prediction_first, ("megc",)),
        ("--split", source.split, ("model",)),
        ("--batch-size", source.batch_size, ("model",)),
        ("--device", source.device, ("model",)),
    ):
        if not value or kind in kinds:
            continue
        if kind == "model" or kinds == ("model",):
            of = "a saved model" if kinds == ("model",) else "a prediction log"
            rest = "leave it out, or leave out --data" if kind == "model" else "say --data too"
            raise click.UsageError(f"{name} is for {of}; {rest}.")
        raise click.UsageError(
            f"{name} is for the form {kinds[0]}, and {source.path} is read as {kind}; "
            "leave it out, or say --form."
        )
