"""Prediction logs from columns, tables, Parquet files and other logs; each is checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.evaluation.log.checks import check
from equime_hub.evaluation.log.record import REQUIRED, SCHEMA, PredictionLog
from equime_hub.evaluation.manifest import PREDICTIONS
from equime_hub.files import written

_USUAL: dict[str, Any] = {
    "dataset": None,
    "fold": "test",
    "seed": 0,
    "probabilities": None,
    "config_hash": None,
}
"""What columns are that may be left out."""

_CLASSES = b"equime.classes"
"""Key of the Parquet file's metadata under which the classes stand, as a JSON list."""


def of(columns: Mapping[str, Any], classes: Sequence[str] | None = None) -> PredictionLog:
    """A log of columns.

    Args:
        columns: Column of `SCHEMA` → one value a row, or one text or number for all rows.

            - clip_id: different for different clips.
            - reference, prediction: classes, by name or by their number in `classes`.
            - dataset, config_hash: may be left out.
            - fold: in which the clip was tested; by default "test".
            - seed: of the training that predicted it; by default 0.
            - probabilities: rows × C, softmax; a null row has none.
        classes: All classes, in the order of the probabilities; by default the names that occur,
            sorted.

    Raises:
        DatasetError: Columns of unequal length, or what `checks.check` refuses.
    """
    given = {**_USUAL, **columns}
    if wrong := set(given) ^ set(SCHEMA.names):
        raise DatasetError(
            f"A log has the columns {', '.join(SCHEMA.names)}; missing or too many: "
            f"{', '.join(sorted(wrong))}."
        )
    size = len(given["clip_id"])
    found = {}
    for name in SCHEMA.names:
        values = _plain(given[name])
        for_all = name in _USUAL and isinstance(values, str | int | None)
        found[name] = [values] * size if for_all else list(values)
        if len(found[name]) != size:
            raise DatasetError(
                f"There are {size} clips and {len(found[name])} values of {name}; "
                "give one for every row."
            )
    for name in ("reference", "prediction"):
        found[name] = _named(found[name], classes)
    found["probabilities"] = [_plain(row) for row in found["probabilities"]]
    try:
        table = pa.table(found, schema=SCHEMA)
    except (pa.ArrowException, TypeError) as error:
        raise DatasetError(f"The columns are no prediction log: {error}.") from error
    return checked(table, classes)


def joined(parts: Sequence[tuple[Path, PredictionLog]]) -> PredictionLog:
    """Logs of one setting with different seeds as one log.

    Args:
        parts: Where each is from, for messages, and the log; at least one.

    Raises:
        DatasetError: A seed is there twice, the classes differ or stand in another order, or the
            logs contradict each other.
    """
    (first, log), *others = parts
    if not others:
        return log
    seen: dict[int, Path] = {}
    for path, part in parts:
        for seed in part.codes("seed")[1]:
            if seed in seen:
                raise DatasetError(
                    f"{seen[seed]} and {path} both have predictions of one setting with the seed "
                    f"{seed}; give one of them, or name the settings apart."
                )
            seen[seed] = path
        if part.classes != log.classes:
            raise DatasetError(
                f"{first} has the classes {', '.join(log.classes)}, and {path} "
                f"{', '.join(part.classes)}; seeds of one setting have the same, in one order."
            )
    return checked(pa.concat_tables([part.table for _, part in parts]), log.classes)


def checked(table: pa.Table, classes: Sequence[str] | None) -> PredictionLog:
    """A table with the columns of `SCHEMA` as a log.

    Raises:
        DatasetError: What `checks.check` refuses.
    """
    if classes is None:
        values = pa.chunked_array([*table["reference"].chunks, *table["prediction"].chunks])
        if table["probabilities"].null_count < len(table):
            raise DatasetError(
                "There are probabilities and no list of classes, so that nobody knows which class "
                "each belongs to; name the classes in their order."
            )
        classes = sorted(set(pc.unique(values).drop_null().to_pylist()))
    log = PredictionLog(table, tuple(classes))
    check(log)
    return log


def read(path: Path, classes: Sequence[str] | None = None) -> PredictionLog:
    """The log of a Parquet file, or of a run's folder.

    Args:
        path: The file, or the folder that holds `predictions.parquet`.
        classes: All classes; by default those that the file names, or else those that occur.

    Raises:
        DatasetError: It is not there or no Parquet, or what `checks.check` refuses.
    """
    file = path / PREDICTIONS if path.is_dir() else path
    if not file.is_file():
        raise DatasetError(
            f"There is no {file}; a prediction log is a Parquet file with the columns "
            f"{', '.join(SCHEMA.names)}, named {PREDICTIONS} in a run's folder."
        )
    try:
        present = pq.read_schema(file)
        table = pq.read_table(file, columns=[n for n in SCHEMA.names if n in present.names])
        stored = json.loads((present.metadata or {}).get(_CLASSES, b"null"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DatasetError(f"{file} cannot be read as a prediction log: {error}.") from error
    try:
        return checked(_conformed(table), classes if classes is not None else stored)
    except DatasetError as error:
        raise DatasetError(f"{file}: {error}") from error


def write(log: PredictionLog, path: Path) -> None:
    """Write a log whole or not at all; into a folder as `predictions.parquet`."""
    file = path / PREDICTIONS if path.is_dir() else path
    metadata = {_CLASSES: json.dumps(log.classes)}
    with written(file) as temporary:
        pq.write_table(log.table.replace_schema_metadata(metadata), temporary, compression="zstd")


def _conformed(table: pa.Table) -> pa.Table:
    """A table with the columns of `SCHEMA` and their types; optional ones may have been absent.

    Raises:
        DatasetError: A column is missing, or cannot be turned into its type.
    """
    missing = [name for name in REQUIRED if name not in table.column_names]
    if missing:
        raise DatasetError(
            f"The table has no column {', '.join(missing)}; a prediction log has the columns "
            f"{', '.join(SCHEMA.names)}, and needs {', '.join(REQUIRED)}."
        )
    columns = []
    for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True):
        if name not in table.column_names:
            columns.append(pa.nulls(len(table), kind))
            continue
        try:
            columns.append(table[name].cast(kind))
        except pa.ArrowException as error:
            raise DatasetError(f"The column {name} is no {kind}: {error}.") from error
    return pa.table(columns, schema=SCHEMA)


def _named(values: Iterable[Any], classes: Sequence[str] | None) -> list[Any]:
    """Classes by name; numbers are looked up in `classes`.

    Raises:
        DatasetError: A number without `classes`, or outside them.
    """
    found = [_plain(value) for value in values]
    if not any(isinstance(value, int) for value in found):
        return found
    if classes is None:
        raise DatasetError(
            "Classes are given as numbers; name the classes too, in the order of the numbers."
        )
    for row, value in enumerate(found):
        if isinstance(value, int) and not 0 <= value < len(classes):
            raise DatasetError(
                f"The class of row {row} is {value}; the classes {', '.join(classes)} have the "
                f"numbers 0 to {len(classes) - 1}."
            )
    return [classes[value] if isinstance(value, int) else value for value in found]


def _plain(values: Any) -> Any:
    """Arrays and numbers of NumPy as lists and numbers of Python."""
    return values.tolist() if hasattr(values, "tolist") else values
