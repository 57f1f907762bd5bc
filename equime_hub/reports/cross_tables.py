"""A cross-evaluation as tables of words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from equime_hub.evaluation.cross.matrix import Bounded, Cell, Cross, Matrix, TestSet
from equime_hub.reports.evaluation_tables import HEADS, baseline_rows, interval_json, marked
from equime_hub.tables import MISSING, Table, fixed, interval

SHOWN = ("accuracy", "weighted_f1", "uf1", "uar")
"""Scores of a table, in the order of EquiME's Table 2; JSON has the others too."""


def remark(cell: Cell) -> str:
    """What a reader must know of a cell: that it is constant, leaky, or within one dataset.

    >>> cell = Cell("m", "a", "b", False, None, None, (0,), {}, None, None, "negative", (0,))
    >>> remark(cell)
    'always negative'
    """
    parts = []
    if cell.constant is not None:
        parts.append(f"always {cell.constant}")
    elif cell.constant_seeds:
        parts.append(f"constant with {len(cell.constant_seeds)} of {len(cell.seeds)} seeds")
    if cell.leaky:
        parts.append("leaky")
    if cell.within or cell.protocol not in (None, "train-test"):
        parts.append(str(cell.protocol))
    return "; ".join(parts)


def tables(found: Cross, score: str = "uf1") -> list[Table]:
    """One table a test set, then the consistency of a score, then one score by set of classes."""
    listed = []
    for matrix in found.matrices:
        listed += [_test(found, matrix, test) for test in matrix.tests]
        if matrix.steadiness:
            listed.append(_steadiness(found, matrix, score))
    if found.shared():
        listed.append(_class_sets(found))
    return listed


def as_json(found: Cross) -> dict[str, Any]:
    """The cross-evaluation for programs; null where a number is not known or not defined."""
    return {
        "leaky": found.leaky,
        "aggregation": "pooled",
        "interval": interval_json(found.level, found.draws),
        "matrices": [asdict(matrix) for matrix in found.matrices],
    }


def _test(found: Cross, matrix: Matrix, test: TestSet) -> Table:
    rows: list[tuple[str, ...]] = []
    for model, train in matrix.rows():
        cell = matrix.cell(model, train, test.name)
        if cell is None:
            rows.append((f"{model}: {train}", *[MISSING] * (len(SHOWN) + 2), "missing"))
            continue
        error = fixed(cell.calibration_error)
        rows.append((f"{model}: {train}", *_scores(cell), error, remark(cell)))
    for guess in baseline_rows(test.baselines, test.constant_class, SHOWN):
        rows.append((*guess, *[""] * 3))
    header = (
        "model: trained on", *(HEADS[name] for name in SHOWN), "mean confidence",
        "calibration error", "remark",
    )  # fmt: skip
    return Table(
        marked(f"Tested on {test.name}, {found.title(matrix)}", matrix.leaky),
        header,
        tuple(rows),
        tuple(_notes(found, matrix, test)),
    )


def _scores(cell: Cell) -> list[str]:
    scores = (cell.scores[name] for name in SHOWN)
    return [*map(str, scores), str(cell.mean_confidence or MISSING)]


def _notes(found: Cross, matrix: Matrix, test: TestSet) -> Iterator[str]:
    held = ", ".join(f"{name} {count:,}" for name, count in test.references.items())
    yield f"{test.clips:,} clips of {test.people:,} people: {held}."
    cells = [cell for cell in matrix.cells if cell.test == test.name]
    if any(cell.scores["uf1"].low is not None for cell in cells):
        level = 100 * (found.level or 0)
        yield f"[{level:g} % bootstrap intervals over people]."
    if any(len(cell.seeds) > 1 for cell in cells):
        yield "± is the sample standard deviation over seeds."
    if any(cell.within for cell in cells):
        yield "Rows with a protocol test a dataset that they were trained on, on other people."
    unknown = [cell for cell in cells if cell.protocol is None]
    if unknown:
        yield f"The protocol of {len(unknown)} of {len(cells)} rows is not stated."
    absent = [name for name, count in test.references.items() if not count]
    if absent:
        yield f"{', '.join(absent)} has no clips; UF1 counts it with F1 = 0, UAR leaves it out."


def _steadiness(found: Cross, matrix: Matrix, score: str) -> Table:
    steady = matrix.steadiness[score]
    rows = [_spread(f"trained on {name}", each) for name, each in steady.training_sets.items()]
    rows += [_spread(name, each) for name, each in steady.conditions.items()]
    rows.append(("mean over models and tests", "", "", str(steady.sd), "", ""))
    notes = [
        "Of a training set, the spread over models and test sets; of a model and test set, the "
        "spread over training sets. Cells within one dataset are left out.",
        "A small spread is no merit by itself: a constant predictor has none.",
    ]
    if steady.left_out:
        notes.append(f"One training set alone, so no spread: {', '.join(steady.left_out)}.")
    if steady.sd.low is not None:
        notes.append(f"[{100 * (found.level or 0):g} % bootstrap intervals over people].")
    return Table(
        marked(f"Consistency of {HEADS[score]}, {found.title(matrix)}", matrix.leaky),
        ("", "scores", "mean", "standard deviation", "range", "above constant"),
        tuple(rows),
        tuple(notes),
    )


def _spread(name: str, found: Bounded) -> tuple[str, ...]:
    spread = found.spread
    sd = fixed(spread.sd) + interval(found.low, found.high)
    above = f"{spread.above_constant} of {spread.scores}"
    return (name, str(spread.scores), fixed(spread.mean), sd, fixed(spread.range), above)


def _class_sets(found: Cross) -> Table:
    rows: list[tuple[str, ...]] = []
    for model, train, test in found.shared():
        for matrix in found.matrices:
            cell = matrix.cell(model, train, test)
            if cell is not None:
                name = f"{model}: {train} → {test}"
                rows.append((name, found.title(matrix), *_scores(cell), remark(cell)))
    return Table(
        marked("Sets of classes", found.leaky),
        ("", "classes", *(HEADS[name] for name in SHOWN), "mean confidence", "remark"),
        tuple(rows),
        ("Chance differs with the number of classes: compare with the rows of the same set.",),
    )
