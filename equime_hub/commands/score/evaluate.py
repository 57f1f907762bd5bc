"""`equime evaluate`: the scores of a prediction log or a saved model, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click

from equime_hub.commands.common import counted, talk
from equime_hub.commands.figures import Figure
from equime_hub.commands.options import command, ending, options_of
from equime_hub.commands.score.predictions import FORMS, Source, read
from equime_hub.commands.score.score_options import LEAKY, Resampled, Tables, talk_of
from equime_hub.evaluation import evaluate as evaluation
from equime_hub.evaluation import log, selection
from equime_hub.evaluation.protocols import PROTOCOLS
from equime_hub.reports import evaluation_tables
from equime_hub.reports.confusion_figure import draw

_WRITERS = {"parquet": log.write, "csv": log.to_csv, "megc": log.to_megc}


@dataclass(frozen=True)
class Scoring:
    """How predictions are scored.

    Attributes:
        protocol: What the folds must keep to; without it they are summed as they are.
        selection: How the epoch was chosen.
        leaky: Accept best-on-test; every output then says that it is leaky.
        by: Score each dataset of a composite too, from the same predictions.
        fold_averaged: Also average scores over folds, in a table of their own.
    """

    protocol: str | None = None
    selection: str | None = None
    leaky: bool = False
    by: str = "dataset"
    fold_averaged: bool = False


@command(
    "Score predictions or a saved model, pooled over folds.",
    json="output",
    scoring=options_of(
        Scoring,
        protocol={"type": click.Choice([*PROTOCOLS]), "show_default": "that of the run's manifest"},
        selection={
            "type": click.Choice(selection.RULES),
            "show_default": "that of the run's manifest",
        },
        by={"type": click.Choice(["dataset", "none"])},
    ),
    export={"also": "--save-log", **ending(FORMS)},
)
def evaluate(
    path: str,
    *,
    scoring: Scoring,
    resampling: Resampled,
    source: Source,
    output: Tables,
    figure: Figure | None = None,
    export: Path | None = None,
) -> None:
    """Score the predictions in PATH: a run's folder, a prediction log, or a saved model's.

    Counts are summed over folds before any score is computed. Beside every score stand those of
    a constant predictor, of guessing by the classes' frequency, and of guessing blindly.

    With --data, PATH is a video classifier of Transformers, a folder with safetensors or a Hub
    id, which predicts the clips first; code that came with it is not run.

    Options:
        figure: Draw the confusion matrices: PNG, SVG or PDF.
        export: Write the predictions as .parquet, .csv or, in the megc form, .txt.

    Examples:
        equime evaluate runs/ststnet
        equime evaluate predictions.parquet --protocol loso --latex table.tex --figure confusion.pdf
        equime evaluate theirs.csv --column reference=label --column clip_id=video --classes neg,pos,sur
        equime evaluate megc2019.txt --protocol loso --json
        equime evaluate models/videomae --data equime --split test --save-log videomae.parquet
    """  # noqa: E501
    given = read(path, source)
    if export:  # it may be refused, and then nothing else is written
        _WRITERS[FORMS[export.suffix]](given.log, export)
    found = evaluation.evaluate(
        given.log,
        scoring.protocol or given.protocol,
        selected=scoring.selection or given.selection,
        leaky=scoring.leaky,
        by_dataset=scoring.by == "dataset",
        fold_averaged=scoring.fold_averaged,
        **resampling.plain(),
    )
    first, *rest = evaluation_tables.tables(found)
    tables = [replace(first, notes=(*given.remarks, *first.notes)), *rest]
    plain = {**evaluation_tables.as_json(found), "remarks": given.remarks}
    files = output.show(tables, plain)
    if figure:
        leaky = " (leaky)" if found.leaky else ""
        matrices = [(f"{part.name}{leaky}", part.report.confusion) for part in found.parts]
        draw(matrices, list(found.classes), figure)
    for remark in given.remarks:
        talk(remark)
    if found.leaky:
        talk(LEAKY)
    talk_of((*files, figure, export))
    talk(f"{counted(len(given.log), 'prediction', 'predictions')} of {path}.")
