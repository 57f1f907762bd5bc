"""Where `equime evaluate` has predictions from: a log, or a saved model that makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NamedTuple

import click

from equime_hub.commands.common import progress_bar
from equime_hub.commands.options import NAMES, POSITIVE, Device, options_of
from equime_hub.evaluation import log, manifest
from equime_hub.evaluation.log import PredictionLog
from equime_hub.schema.taxonomy import EMOTIONS_3

FORMS = {".parquet": "parquet", ".csv": "csv", ".txt": "megc"}
"""Ending → form of a prediction log."""

SPLIT = "test"
_BATCH = 8


@dataclass(frozen=True)
class PredictionSource:
    """How predictions are read, or made.

    Attributes:
        form: Form of the file; megc is the text log of MEGC 2019.
        columns: Column of a CSV that is called otherwise: clip_id, subject_id, dataset, fold,
            seed, reference, prediction, config_hash or p(CLASS); may be repeated.
        classes: All classes, in the order of their numbers.
        dataset: Dataset of CSV rows that name none.
        clips_by_subject: Clip names of the CSV are unique within a subject.
        prediction_first: Lines of the megc form have the reference last.
        data: Folder or Hub id of a dataset for the saved model in PATH.
        split: Its split to predict.
        batch_size: Clips predicted at a time.
    """

    form: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    dataset: str | None = None
    clips_by_subject: bool = False
    prediction_first: bool = False
    data: str | None = None
    split: str | None = None
    batch_size: int | None = None
    device: Device | None = None


def _columns(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """`OURS=THEIRS`, several times."""
    found = {}
    for text in texts:
        ours, _, theirs = text.partition("=")
        if not ours or not theirs:
            raise click.BadParameter(f"{text!r} is not OURS=THEIRS, such as reference=label.")
        found[ours] = theirs
    return found


Source = Annotated[PredictionSource, options_of(
    PredictionSource,
    rename={"columns": "column"},
    form={
        "type": click.Choice([*FORMS.values()]),
        "show_default": "by the ending .parquet, .csv or .txt",
    },
    columns={
        "type": str, "multiple": True, "default": (), "show_default": False,
        "metavar": "OURS=THEIRS", "callback": _columns,
    },
    classes=NAMES,
    dataset={"metavar": "NAME"},
    data={"metavar": "DATASET"},
    split={"metavar": "NAME", "show_default": SPLIT},
    batch_size={"type": POSITIVE, "show_default": str(_BATCH)},
)]  # fmt: skip


class GivenPredictions(NamedTuple):
    """Predictions, what their run states, and sentences that belong to every score."""

    log: PredictionLog
    protocol: str | None = None
    selection: str | None = None
    remarks: tuple[str, ...] = ()


def read(text: str, source: PredictionSource) -> GivenPredictions:
    """The predictions that are to be scored.

    Args:
        text: A run, a prediction log or, with `source.data`, a saved model.
        source: How to read it.

    Raises:
        UsageError: There is no such file, or an option does nothing here.
        EquimeError: The log, the model or the dataset cannot be used.
    """
    path = Path(text)
    if source.data is not None:
        _refuse_idle(text, source, "model")
        return _predicted(text, source, source.data)
    if not path.exists():
        raise click.BadParameter(
            f"{text!r} does not exist. A model on the Hub needs --data.", param_hint="PATH"
        )
    form = source.form or FORMS.get(path.suffix.lower(), "parquet")
    _refuse_idle(text, source, "parquet" if path.is_dir() else form)
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
    return GivenPredictions(found, stated.protocol, stated.selection)


def _predicted(path: str, source: PredictionSource, data: str) -> GivenPredictions:
    import equime_hub
    from equime_hub.models import saved as saved_model
    from equime_hub.prediction import clips as predicting

    model = saved_model.load(path, source.device)
    split = source.split or SPLIT
    rows = equime_hub.load(data, split=split, columns=predicting.columns(model))
    with progress_bar("predict", "clips") as progress:
        found = predicting.predict(
            model, rows, batch_size=source.batch_size or _BATCH, progress=progress
        )
    asked = f"Predicted by {path} on {data}, split {split}."
    return GivenPredictions(found.log, remarks=(asked, *found.remarks()))


def _refuse_idle(path: str, source: PredictionSource, kind: str) -> None:
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
            f"{name} is for the form {kinds[0]}, and {path} is read as {kind}; "
            "leave it out, or say --form."
        )
