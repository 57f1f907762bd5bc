"""`equime cross-eval`: models × training sets × test sets."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan
from pathlib import Path
from typing import Literal

import click

from equime_hub.commands.common import counted, talk
from equime_hub.commands.options import OutFolder, command
from equime_hub.commands.score.score_options import Resampled, Score, Tables, talk_of
from equime_hub.evaluation.cross import runs as cross_runs
from equime_hub.evaluation.cross.compare import compare
from equime_hub.evaluation.cross.matrix import Cell, Cross, Matrix, TestSet
from equime_hub.reports import cross_tables
from equime_hub.reports.cross_figure import ScoreBar, ScoreDot, class_sets, consistency, heat_map
from equime_hub.reports.cross_tables import SHOWN
from equime_hub.reports.evaluation_tables import HEADS

_GUESSES = ("constant", "prior", "chance")


@command(
    "Compare models and training sets over test sets.",
    json="output",
    runs={"type": click.Path(exists=True, path_type=Path), "metavar": "RUN..."},
)
def cross_eval(
    runs: tuple[Path, ...],
    *,
    leaky: bool = False,
    score: Score = "uf1",
    resampling: Resampled,
    output: Tables,
    figures: OutFolder | None = None,
    form: Literal["png", "svg", "pdf"] = "png",
) -> None:
    """Score every RUN on every test set, beside predictors that look at no clip.

    RUN is the folder of a run, its prediction log, or a list of runs. Runs of one model, training
    set and test set with other seeds are averaged. Cells that only ever say one class are named.

    Options:
        leaky: Accept runs selected on the test; their cells then say leaky.
        score: Score whose consistency over training sets is shown.
        figures: Folder for heat map, consistency, and, with several sets of classes, their
            comparison.
        form: Form of the figures.

    Examples:
        equime cross-eval runs/*
        equime cross-eval cross.yaml --figures figures/ --latex tables.tex
        equime cross-eval cross.yaml --score weighted_f1 --json

    cross.yaml is a list of runs; a CSV file has the same columns:
        - {model: st_cnn, train: casme2, test: samm, log: st_cnn/predictions.parquet}
        - {model: st_cnn, train: mie_x+smic, log: theirs.parquet, protocol: train-test}
    """
    found = compare(cross_runs.read(runs), leaky=leaky, **resampling.plain())
    files = output.show(cross_tables.tables(found, score), cross_tables.as_json(found))
    if figures:
        files += _draw(found, score, figures, form)
    if found.leaky:
        talk("Some of this is leaky: the test chose what is reported on it.")
    talk_of(files)
    cells = sum(len(matrix.cells) for matrix in found.matrices)
    constant = sum(c.constant is not None for matrix in found.matrices for c in matrix.cells)
    named = f", {constant} of them constant" if constant else ""
    talk(f"{counted(cells, 'cell', 'cells')}{named}.")


def _draw(found: Cross, score: str, folder: Path, form: str) -> Iterator[Path]:
    """Draw what there is; the files, as they are written."""
    sizes = [len(matrix.classes) for matrix in found.matrices]
    for index, matrix in enumerate(found.matrices):
        # Two sets of classes may be equally large; the second's files are then numbered.
        again = sizes[:index].count(sizes[index])
        end = f"{sizes[index]}-classes{f'-{again + 1}' if again else ''}.{form}"
        yield _heat_map(matrix, folder / f"heat-map-{end}")
        if matrix.steadiness:
            yield _consistency(matrix, score, folder / f"consistency-{end}")
    if found.shared():
        yield _class_sets(found, folder / f"classes.{form}")


def _heat_map(matrix: Matrix, path: Path) -> Path:
    pairs, tests = matrix.rows(), matrix.tests
    cells = [[matrix.cell(*pair, test.name) for test in tests] for pair in pairs]
    # Below the models stand the predictors that look at no clip; only the first is constant.
    guessed = [[guess == _GUESSES[0]] * len(tests) for guess in _GUESSES]
    constant = [[cell is not None and cell.constant is not None for cell in row] for row in cells]
    remarks = [[_word(cell) for cell in row] for row in cells]
    titles = {name: HEADS[name] for name in SHOWN}
    if any(cell.mean_confidence for cell in matrix.cells):
        titles["confidence"] = "mean confidence"
    panels = {
        title: [[_value(cell, name) for cell in row] for row in cells]
        + [[_floor(test, guess, name) for test in tests] for guess in _GUESSES]
        for name, title in titles.items()
    }
    always = {test.constant_class for test in tests}
    names = (f"always {always.pop()}" if len(always) == 1 else "constant", *_GUESSES[1:])
    heat_map(
        [*pairs, *(("no model", name) for name in names)],
        [test.name for test in tests],
        panels,
        path,
        constant=[*constant, *guessed],
        remarks=[*remarks, *[[""] * len(tests)] * len(_GUESSES)],
        grey={"mean confidence"},
    )
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
    tests = {test.name: test for test in matrix.tests}
    left_out = matrix.steadiness[score].left_out
    dots = [
        ScoreDot(
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
    shared = found.shared()
    # Where all bars are of one training set and one test set, the model's name says enough.
    alike = len({pair[1:] for pair in shared}) == 1

    def bars(name: str) -> Iterator[ScoreBar]:
        for model, train, test in shared:
            for matrix in found.matrices:
                cell = matrix.cell(model, train, test)
                if cell is None:
                    continue
                value = cell.mean_confidence if name == "confidence" else cell.scores[name]
                (tested,) = (each for each in matrix.tests if each.name == test)
                yield ScoreBar(
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
