"""`equime cross-eval`: models × training sets × test sets."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from equime_hub.commands.common import counted, json_option, report, talk
from equime_hub.commands.score.score_options import (
    SCORES,
    bootstrap_options,
    text_options,
)
from equime_hub.files import write_text
from equime_hub.tables import in_latex, in_markdown

if TYPE_CHECKING:
    from equime_hub.evaluation.cross.cross import Cell, Cross, Matrix, TestSet

_GUESSES = ("constant", "prior", "chance")


@click.command(
    "cross-eval",
    short_help="Compare models and training sets over test sets.",
    epilog="""\b
Examples:
  equime cross-eval runs/*
  equime cross-eval cross.yaml --figures figures/ --latex tables.tex
  equime cross-eval cross.yaml --score weighted_f1 --json
\b
cross.yaml is a list of runs; a CSV file has the same columns:
  - {model: st_cnn, train: casme2, test: samm, log: st_cnn/predictions.parquet}
  - {model: st_cnn, train: mie_x+smic, log: theirs.parquet, protocol: train-test}""",
)
@click.argument(
    "runs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="RUN..."
)
@click.option(
    "--leaky", is_flag=True, help="Accept runs selected on the test; their cells then say leaky."
)
@click.option(
    "--score",
    type=click.Choice(SCORES),
    default="uf1",
    show_default=True,
    help="Score whose consistency over training sets is shown.",
)
@bootstrap_options
@json_option
@text_options
@click.option(
    "--figures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for heat map, consistency, and, with several sets of classes, their comparison.",
)
@click.option(
    "--form",
    type=click.Choice(["png", "svg", "pdf"]),
    default="png",
    show_default=True,
    help="Form of the figures.",
)
def cross_eval(
    runs: tuple[Path, ...],
    leaky: bool,
    score: str,
    interval: float,
    draws: int,
    seed: int,
    as_json: bool,
    markdown: Path | None,
    latex: Path | None,
    figures: Path | None,
    form: str,
) -> None:
    """Score every RUN on every test set, beside predictors that look at no clip.

    RUN is the folder of a run, its prediction log, or a list of runs. Runs of one model, training
    set and test set with other seeds are averaged. Cells that only ever say one class are named.
    """
    from equime_hub.evaluation.cross import cross
    from equime_hub.evaluation.cross import runs as cross_runs
    from equime_hub.reports import cross_tables

    found = cross.compare(
        cross_runs.read(runs), leaky=leaky, level=interval or None, draws=draws, seed=seed
    )
    tables = cross_tables.tables(found, score)
    text = in_markdown(tables)
    if as_json:
        report(cross_tables.as_json(found))
    else:
        click.echo(text)
    files = [file for file in (markdown, latex) if file]
    if markdown:
        write_text(markdown, text + "\n")
    if latex:
        write_text(latex, in_latex(tables) + "\n")
    if figures:
        files += _draw(found, score, figures, form)
    if found.leaky:
        talk("Some of this is leaky: the test chose what is reported on it.")
    for file in files:
        talk(f"Written: {file}")
    cells = sum(len(matrix.cells) for matrix in found.matrices)
    constant = sum(c.constant is not None for matrix in found.matrices for c in matrix.cells)
    named = f", {constant} of them constant" if constant else ""
    talk(f"{counted(cells, 'cell', 'cells')}{named}.")


def _draw(found: Cross, score: str, folder: Path, form: str) -> Iterator[Path]:
    """Draw what there is; the files, as they are written."""
    sizes = [len(matrix.classes) for matrix in found.matrices]
    for index, matrix in enumerate(found.matrices):
        again = sizes[:index].count(sizes[index])
        end = f"{sizes[index]}-classes{f'-{again + 1}' if again else ''}.{form}"
        yield _heat_map(matrix, folder / f"heat-map-{end}")
        if matrix.steadiness:
            yield _consistency(matrix, score, folder / f"consistency-{end}")
    if found.shared():
        yield _class_sets(found, folder / f"classes.{form}")


def _heat_map(matrix: Matrix, path: Path) -> Path:
    from equime_hub.reports.cross_figure import Panel, heat_map
    from equime_hub.reports.cross_tables import SHOWN
    from equime_hub.reports.evaluation_tables import HEADS

    pairs = matrix.rows()
    cells = [[matrix.cell(*pair, test.name) for test in matrix.tests] for pair in pairs]
    blank = [[False] * len(matrix.tests)] * 2
    constant = [[cell is not None and cell.constant is not None for cell in row] for row in cells]
    remarks = [[_word(cell) for cell in row] for row in cells]
    remarks += [[""] * len(matrix.tests)] * 3

    def panel(title: str, name: str) -> Panel:
        values = [[_value(cell, name) for cell in row] for row in cells]
        values += [[_floor(test, guess, name) for test in matrix.tests] for guess in _GUESSES]
        own = [[name in SHOWN] * len(matrix.tests), *blank]
        return Panel(title, values, [*constant, *own], remarks, merit=name in SHOWN)

    panels = [panel(HEADS[name], name) for name in SHOWN]
    if any(cell.mean_confidence for cell in matrix.cells):
        panels.append(panel("mean confidence", "confidence"))
    always = {test.constant_class for test in matrix.tests}
    names = (f"always {always.pop()}" if len(always) == 1 else "constant", *_GUESSES[1:])
    rows = [*pairs, *(("no model", name) for name in names)]
    heat_map(rows, [test.name for test in matrix.tests], panels, path)
    return path


def _word(cell: Cell | None) -> str:
    """What a number must not be seen without."""
    if cell is None:
        return ""
    within = cell.protocol if cell.within else None
    return " ".join(filter(None, (within, "leaky" if cell.leaky else None)))


def _value(cell: Cell | None, name: str) -> float | None:
    if cell is None:
        return None
    found = cell.mean_confidence if name == "confidence" else cell.scores[name]
    return None if found is None else found.mean


def _floor(test: TestSet, guess: str, name: str) -> float:
    """A predictor that looks at no clip has a score, and no confidence: NaN."""
    return nan if name == "confidence" else float(getattr(test.baselines[guess], name))


def _consistency(matrix: Matrix, score: str, path: Path) -> Path:
    from equime_hub.reports.cross_figure import Dot, consistency
    from equime_hub.reports.evaluation_tables import HEADS

    tests = {test.name: test for test in matrix.tests}
    left_out = matrix.steadiness[score].left_out
    dots = [
        Dot(
            cell.train, cell.model, cell.test, cell.scores[score].mean,
            getattr(tests[cell.test].baselines["constant"], score), cell.constant is not None,
        )
        for cell in matrix.cells
        if not cell.within and cell.condition not in left_out
    ]  # fmt: skip
    leaky = " (partly leaky)" if matrix.leaky else ""
    consistency(dots, f"{HEADS[score]}{leaky}", path)
    return path


def _class_sets(found: Cross, path: Path) -> Path:
    from equime_hub.reports.cross_figure import Bar, class_sets

    shared = found.shared()
    alike = len({pair[1:] for pair in shared}) == 1

    def bars(name: str) -> Iterator[Bar]:
        for model, train, test in shared:
            for matrix in found.matrices:
                cell = matrix.cell(model, train, test)
                if cell is None:
                    continue
                value = cell.mean_confidence if name == "confidence" else cell.scores[name]
                (tested,) = (each for each in matrix.tests if each.name == test)
                yield Bar(
                    model if alike else f"{model}: {train} → {test}",
                    found.title(matrix),
                    None if value is None else value.mean,
                    None if value is None else value.low,
                    None if value is None else value.high,
                    None if name == "confidence" else _floor(tested, "constant", name),
                    cell.constant is not None,
                )

    names = {
        "weighted_f1": "weighted F1", "accuracy": "accuracy", "uf1": "UF1",
        "confidence": "mean confidence",
    }  # fmt: skip
    leaky = " (partly leaky)" if found.leaky else ""
    panels = [(f"{title}{leaky}", list(bars(name))) for name, title in names.items()]
    class_sets([panel for panel in panels if any(b.value is not None for b in panel[1])], path)
    return path
