"""The prediction log: its columns, how it is made, read and written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.evaluation.log import checks
from equime_hub.evaluation.manifest import PREDICTIONS
from equime_hub.files import written
from equime_hub.splits.people import full_name

Codes = npt.NDArray[np.int64]

SCHEMA = pa.schema(
    [
        pa.field("clip_id", pa.string()),
        pa.field("subject_id", pa.string()),
        pa.field("dataset", pa.string()),
        pa.field("fold", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("reference", pa.string()),
        pa.field("prediction", pa.string()),
        pa.field("probabilities", pa.list_(pa.float32())),
        pa.field("config_hash", pa.string()),
    ]
)
"""The columns; those of `checks.REQUIRED` have no null."""

_CLASSES = b"equime.classes"
"""Key of the Parquet file's metadata under which the classes stand, as a JSON list."""


@dataclass(frozen=True, eq=False)
class PredictionLog:
    """Predictions of one run, checked.

    Attributes:
        table: One row a prediction, with the columns of `SCHEMA`.
        classes: All C classes that could have been predicted, in the order of the probabilities.
            UF1 divides by their number.
    """

    table: pa.Table
    classes: tuple[str, ...]
    _codes: dict[str, tuple[Codes, list[Any]]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def codes(self, column: str) -> tuple[Codes, list[Any]]:
        """For each row the number of its value, and the values as they first occur.

        Null is a value. Nothing is counted twice, so asking again costs nothing.
        """
        if column not in self._codes:
            encoded = self.table[column].combine_chunks().dictionary_encode(null_encoding="encode")
            numbers = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
            self._codes[column] = numbers, encoded.dictionary.to_pylist()
        return self._codes[column]

    def people(self) -> tuple[Codes, list[str]]:
        """For each row the number of its person, and the full names of all people, sorted."""
        (dataset, datasets), (subject, subjects) = self.codes("dataset"), self.codes("subject_id")
        pairs, place = np.unique(dataset * len(subjects) + subject, return_inverse=True)
        names = [
            full_name(datasets[pair // len(subjects)], subjects[pair % len(subjects)])
            for pair in pairs.tolist()
        ]
        order = sorted(set(names))
        number = {name: index for index, name in enumerate(order)}
        return np.array([number[name] for name in names], np.int64)[place], order

    def equals(self, other: PredictionLog) -> bool:
        """Whether both hold the same classes and the same rows in the same order."""
        return self.classes == other.classes and bool(self.table.equals(other.table))


def of(
    clips: Iterable[str],
    subjects: Iterable[str],
    references: Iterable[Any],
    predictions: Iterable[Any],
    *,
    classes: Sequence[str] | None = None,
    datasets: Iterable[str | None] | str | None = None,
    folds: Iterable[str] | str | None = None,
    seeds: Iterable[int] | int = 0,
    probabilities: Any = None,
    config_hash: Iterable[str | None] | str | None = None,
) -> PredictionLog:
    """A log of columns with one value a row; one value in place of a column is that of all rows.

    Args:
        clips: Name of every clip, different for different clips.
        subjects: Person of every clip.
        references: True classes, by name or by their number in `classes`.
        predictions: Predicted classes, likewise.
        classes: All classes, in the order of `probabilities`; by default the names that occur,
            sorted.
        datasets: Dataset of every clip.
        folds: Fold in which it was tested; by default all rows are of the fold "test".
        seeds: Seed of the training that predicted it.
        probabilities: Rows × C, softmax; a null row has none.
        config_hash: Hash of the configuration.

    Raises:
        DatasetError: Columns of unequal length, or what `checks.check` refuses.
    """
    first = list(clips)
    true, predicted = (named(values, classes) for values in (references, predictions))

    def column(values: Any) -> list[Any]:
        if values is None or isinstance(values, str | int):
            return [values] * len(first)
        return list(values)

    columns = {
        "clip_id": first,
        "subject_id": list(subjects),
        "dataset": column(datasets),
        "fold": column("test" if folds is None else folds),
        "seed": column(seeds),
        "reference": true,
        "prediction": predicted,
        "probabilities": _lists(probabilities) if probabilities is not None else column(None),
        "config_hash": column(config_hash),
    }
    for name, values in columns.items():
        if len(values) != len(first):
            raise DatasetError(
                f"There are {len(first)} clips and {len(values)} values of {name}; "
                "give one for every row."
            )
    try:
        table = pa.table(columns, schema=SCHEMA)
    except (pa.ArrowException, TypeError) as error:
        raise DatasetError(f"The columns are no prediction log: {error}.") from error
    return checked(table, classes)


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
        return checked(conformed(table), classes if classes is not None else stored)
    except DatasetError as error:
        raise DatasetError(f"{file}: {error}") from error


def write(log: PredictionLog, path: Path) -> None:
    """Write a log whole or not at all; into a folder as `predictions.parquet`."""
    file = path / PREDICTIONS if path.is_dir() else path
    metadata = {_CLASSES: json.dumps(log.classes)}
    with written(file) as temporary:
        pq.write_table(log.table.replace_schema_metadata(metadata), temporary, compression="zstd")


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
    checks.check(log)
    return log


def conformed(table: pa.Table) -> pa.Table:
    """A table with the columns of `SCHEMA` and their types; optional ones may have been absent.

    Raises:
        DatasetError: A column is missing, or cannot be turned into its type.
    """
    missing = [name for name in checks.REQUIRED if name not in table.column_names]
    if missing:
        raise DatasetError(
            f"The table has no column {', '.join(missing)}; a prediction log has the columns "
            f"{', '.join(SCHEMA.names)}, and needs {', '.join(checks.REQUIRED)}."
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


def named(values: Iterable[Any], classes: Sequence[str] | None) -> list[Any]:
    """Classes by name; numbers are looked up in `classes`.

    Raises:
        DatasetError: A number without `classes`, or outside them.
    """
    found = values.tolist() if hasattr(values, "tolist") else list(values)
    found = [value.item() if hasattr(value, "item") else value for value in found]
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


def _lists(probabilities: Any) -> list[Any]:
    rows = probabilities.tolist() if hasattr(probabilities, "tolist") else probabilities
    return [row.tolist() if hasattr(row, "tolist") else row for row in rows]
