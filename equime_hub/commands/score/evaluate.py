"""`equime evaluate`: the scores of a prediction log or a saved model, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equime_hub.commands.common import counted, json_option, report, talk
from equime_hub.commands.score.predictions import FORMS, SPLIT, Source, read
from equime_hub.commands.score.score_options import (
    OUT,
    bootstrap_options,
    text_options,
)
from equime_hub.files import write_text
from equime_hub.tables import in_latex, in_markdown

if TYPE_CHECKING:
    from equime_hub.evaluation.evaluate import Evaluation
    from equime_hub.evaluation.log import PredictionLog

PROTOCOLS = ("loso", "k-fold", "lodo", "train-test", "dfme", "splits")
SELECTIONS = ("last", "inner-validation", "best-on-test")
"""Those of `equime_hub.training`, which is not imported for a help text."""

Check = Callable[[click.Context, click.Parameter, Any], Any]


def _ending(*suffixes: str) -> Check:
    """Refuse files of another kind before any work is done."""

    def check(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
        if path and path.suffix not in suffixes:
            raise click.BadParameter(f"{path.name!r} does not end in {', '.join(suffixes)}.")
        return path

    return check


def _columns(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """`OURS=THEIRS`, several times."""
    found = {}
    for text in texts:
        ours, _, theirs = text.partition("=")
        if not ours or not theirs:
            raise click.BadParameter(f"{text!r} is not OURS=THEIRS, such as reference=label.")
        found[ours] = theirs
    return found


def _names(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(","))


@click.command(
    short_help="Score predictions or a saved model, pooled over folds.",
    epilog="""\b
Examples:
  equime evaluate runs/ststnet
  equime evaluate predictions.parquet --protocol loso --latex table.tex --figure confusion.pdf
  equime evaluate theirs.csv --column reference=label --column clip_id=video --classes neg,pos,sur
  equime evaluate megc2019.txt --protocol loso --json
  equime evaluate models/videomae --data equime --split test --save-log videomae.parquet""",
)
@click.argument("path")
@click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    show_default="that of the run's manifest",
    help="What the folds must keep to; without it they are summed as they are.",
)
@click.option(
    "--selection",
    type=click.Choice(SELECTIONS),
    show_default="that of the run's manifest",
    help="How the epoch was chosen.",
)
@click.option(
    "--leaky", is_flag=True, help="Accept best-on-test; every output then says that it is leaky."
)
@click.option(
    "--by",
    type=click.Choice(["dataset", "none"]),
    default="dataset",
    show_default=True,
    help="Score each dataset of a composite too, from the same predictions.",
)
@click.option(
    "--fold-averaged", is_flag=True, help="Also average scores over folds, in a table of their own."
)
@bootstrap_options
@click.option(
    "--form",
    type=click.Choice([*FORMS.values()]),
    show_default="by the ending .parquet, .csv or .txt",
    help="Form of the file; megc is the text log of MEGC 2019.",
)
@click.option(
    "--column",
    "columns",
    metavar="OURS=THEIRS",
    multiple=True,
    callback=_columns,
    help="Column of a CSV that is called otherwise: clip_id, subject_id, dataset, fold, seed, "
    "reference, prediction, config_hash or p(CLASS); may be repeated.",
)
@click.option(
    "--classes",
    metavar="A,B,...",
    callback=_names,
    help="All classes, in the order of their numbers.",
)
@click.option("--dataset", metavar="NAME", help="Dataset of CSV rows that name none.")
@click.option(
    "--clips-by-subject", is_flag=True, help="Clip names of the CSV are unique within a subject."
)
@click.option(
    "--prediction-first", is_flag=True, help="Lines of the megc form have the reference last."
)
@click.option(
    "--data", metavar="DATASET", help="Folder or Hub id of a dataset for the saved model in PATH."
)
@click.option("--split", metavar="NAME", show_default=SPLIT, help="Its split to predict.")
@click.option(
    "--batch-size", type=click.IntRange(min=1), show_default="8", help="Clips predicted at a time."
)
@click.option("--device", show_default="the first GPU, or cpu", help="Such as cuda:1.")
@json_option
@text_options
@click.option(
    "--figure",
    type=OUT,
    callback=_ending(".png", ".svg", ".pdf"),
    help="Draw the confusion matrices: PNG, SVG or PDF.",
)
@click.option(
    "--export",
    "--save-log",
    "export",
    type=OUT,
    callback=_ending(*FORMS),
    help="Write the predictions as .parquet, .csv or, in the megc form, .txt.",
)
def evaluate(
    path: str,
    protocol: str | None,
    selection: str | None,
    leaky: bool,
    by: str,
    fold_averaged: bool,
    interval: float,
    draws: int,
    seed: int,
    form: str | None,
    columns: dict[str, str],
    classes: tuple[str, ...] | None,
    dataset: str | None,
    clips_by_subject: bool,
    prediction_first: bool,
    data: str | None,
    split: str | None,
    batch_size: int | None,
    device: str | None,
    as_json: bool,
    markdown: Path | None,
    latex: Path | None,
    figure: Path | None,
    export: Path | None,
) -> None:
    """Score the predictions in PATH: a run's folder, a prediction log, or a saved model's.

    Counts are summed over folds before any score is computed. Beside every score stand those of
    a constant predictor, of guessing by the classes' frequency, and of guessing blindly.

    With --data, PATH is a video classifier of Transformers, a folder with safetensors or a Hub
    id, which predicts the clips first; code that came with it is not run.
    """
    from equime_hub.evaluation import evaluate as evaluation
    from equime_hub.reports import evaluation_tables

    given = read(
        Source(
            path, form, columns, classes, dataset, clips_by_subject, prediction_first,
            data, split, batch_size, device,
        )
    )  # fmt: skip
    if export:  # it may be refused, and then nothing else is written
        _write(given.log, export)
    found = evaluation.evaluate(
        given.log,
        protocol or given.protocol,
        selected=selection or given.selection,
        leaky=leaky,
        by_dataset=by == "dataset",
        fold_averaged=fold_averaged,
        level=interval or None,
        draws=draws,
        seed=seed,
    )
    first, *rest = evaluation_tables.tables(found)
    tables = [replace(first, notes=(*given.remarks, *first.notes)), *rest]
    text = in_markdown(tables)
    if as_json:
        report({**evaluation_tables.as_json(found), "remarks": given.remarks})
    else:
        click.echo(text)
    if markdown:
        write_text(markdown, text + "\n")
    if latex:
        write_text(latex, in_latex(tables) + "\n")
    if figure:
        _draw(found, figure)
    for remark in given.remarks:
        talk(remark)
    if found.leaky:
        talk("This result is leaky: the test chose what is reported on it.")
    for file in (markdown, latex, figure, export):
        if file:
            talk(f"Written: {file}")
    talk(f"{counted(len(given.log), 'prediction', 'predictions')} of {path}.")


def _write(found: PredictionLog, path: Path) -> None:
    from equime_hub.evaluation import log

    writers = {"parquet": log.write, "csv": log.to_csv, "megc": log.to_megc}
    writers[FORMS[path.suffix]](found, path)


def _draw(found: Evaluation, path: Path) -> None:
    from equime_hub.reports.confusion_figure import Panel, draw

    leaky = " (leaky)" if found.leaky else ""
    draw(
        [
            Panel(
                f"{part.name}{leaky}", [str(name) for name in found.classes], part.report.confusion
            )
            for part in found.parts
        ],
        path,
    )
