"""What a prediction log must be: each fault is a sentence with the rows that have it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from equime_hub.errors import DatasetError
from equime_hub.evaluation.log.record import REQUIRED, Codes, PredictionLog

_SHOWN = 5
"""Rows that a message names; it counts the rest."""
_SLACK = 0.01
"""How far probabilities may be from 1 in sum: half-precision softmax is off by some thousandths."""


def check(log: PredictionLog) -> None:
    """Refuse what is no prediction log.

    Args:
        log: Its table has the columns and types of `record.SCHEMA`.

    Raises:
        DatasetError: No rows; an empty cell in a column that needs a value; a class that is not
            in `classes`; probabilities that are NaN, outside [0, 1], not C in number or do not
            sum to 1 within 0.01; a clip of two people or datasets, with two references, twice in
            a fold, or in two folds of one seed.
    """
    table, classes = log.table, log.classes
    if not table.num_rows:
        raise DatasetError("There is no prediction; a log needs at least one row.")
    for name in REQUIRED:
        _filled(name, table[name])
    if len(rows := _true(pc.fill_null(pc.equal(table["dataset"], ""), False))):
        raise DatasetError(f"The dataset is an empty text in {rows_named(rows)}; null is unknown.")
    if not classes or len(set(classes)) < len(classes) or not all(classes):
        raise DatasetError(f"Classes must be different names, at least one, got {list(classes)}.")
    for name in ("reference", "prediction"):
        _known(table[name], name, classes)
    _probabilities(log)
    _clips(log)


def rows_named(rows: Codes) -> str:
    """Some rows for a message.

    >>> rows_named(np.arange(3, 12))
    'rows 3, 4, 5, 6, 7 and 4 more (counted from 0)'
    """
    first = ", ".join(map(str, rows[:_SHOWN].tolist()))
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {first}{more} (counted from 0)"


def _filled(name: str, column: pa.ChunkedArray) -> None:
    empty = pc.is_null(column)
    if pa.types.is_string(column.type):
        empty = pc.or_(empty, pc.equal(pc.fill_null(column, ""), ""))
    if len(rows := _true(empty)):
        raise DatasetError(f"There is no {name} in {rows_named(rows)}; every row needs one.")


def _known(column: pa.ChunkedArray, name: str, classes: Sequence[str]) -> None:
    known = pc.is_in(column, value_set=pa.array(classes, column.type))
    if len(rows := _true(pc.invert(known))):
        raise DatasetError(
            f"The {name} {column[rows[0]].as_py()!r} in {rows_named(rows)} is none of the classes "
            f"{', '.join(classes)}; name all classes, or correct the rows."
        )


def _probabilities(log: PredictionLog) -> None:
    column, classes = log.table["probabilities"], log.classes
    given = _true(pc.is_valid(column))
    if not len(given):
        return
    lengths = pc.list_value_length(column.drop_null()).to_numpy()
    if (wrong := given[lengths != len(classes)]).size:
        raise DatasetError(
            f"There are {len(column[wrong[0]])} probabilities in {rows_named(wrong)}; "
            f"the classes {', '.join(classes)} need {len(classes)}."
        )
    values = log.probabilities()
    if (wrong := given[~((values >= 0) & (values <= 1)).all(axis=1)]).size:
        raise DatasetError(
            f"A probability is NaN or not in [0, 1] in {rows_named(wrong)}: "
            f"{column[wrong[0]].as_py()}. Apply softmax to logits, and find out where NaN is from."
        )
    sums = values.sum(axis=1)
    if (wrong := np.flatnonzero(abs(sums - 1) > _SLACK)).size:
        raise DatasetError(
            f"The probabilities do not sum to 1 in {rows_named(given[wrong])}: "
            f"{sums[wrong[0]]:.4g}. Give the softmax over all classes."
        )


def _clips(log: PredictionLog) -> None:
    clip, names = log.codes("clip_id")
    by_subject = (
        ". If names of clips are unique only within a subject, put dataset and subject before "
        "them (clips_by_subject, --clips-by-subject)."
    )
    advice = {"subject_id": by_subject, "dataset": by_subject, "reference": "; a clip has one."}
    for column, then in advice.items():
        values, words = log.codes(column)
        for row, first in _two(clip, values):
            raise DatasetError(
                f"The clip {names[clip[row]]!r} has the {column} {words[values[first]]!r} in row "
                f"{first} and {words[values[row]]!r} in row {row} (counted from 0){then}"
            )
    (fold, folds), (seed, seeds) = log.codes("fold"), log.codes("seed")
    trained = np.unique(clip * len(seeds) + seed, return_inverse=True)[1]
    for row, first in _two(trained, fold):
        raise DatasetError(
            f"The clip {names[clip[row]]!r} is tested with the seed {seeds[seed[row]]} in the fold "
            f"{folds[fold[first]]!r} (row {first}) and in {folds[fold[row]]!r} (row {row}, counted "
            "from 0); a clip is tested once a seed."
        )
    again = np.ones(len(clip), bool)
    again[_first(trained)] = False
    if len(rows := np.flatnonzero(again)):
        row = rows[0]
        raise DatasetError(
            f"The clip {names[clip[row]]!r} occurs again with the same fold "
            f"{folds[fold[row]]!r} and seed {seeds[seed[row]]} in {rows_named(rows)}; "
            "keep one row of each clip, fold and seed."
        )


def _two(groups: Codes, values: Codes) -> list[tuple[int, int]]:
    """The first row whose value is not that of its group's first row, and that row; or none."""
    first = _first(groups)[groups]
    wrong = np.flatnonzero(values != values[first])
    return [(int(wrong[0]), int(first[wrong[0]]))] if len(wrong) else []


def _first(groups: Codes) -> Codes:
    """The first row of each group."""
    rows = np.empty(int(groups.max()) + 1, np.int64)
    # The last of several assignments to one place stays, so they are made from the end.
    rows[groups[::-1]] = np.arange(len(groups))[::-1]
    return rows


def _true(mask: pa.ChunkedArray) -> Codes:
    return np.flatnonzero(mask.to_numpy())
