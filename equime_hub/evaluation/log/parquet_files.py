"""Prediction logs as Parquet files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.evaluation.log.columns import checked, conformed
from equime_hub.evaluation.log.record import SCHEMA, PredictionLog
from equime_hub.evaluation.manifest import PREDICTIONS
from equime_hub.files import written

_CLASSES = b"equime.classes"
"""Key of the Parquet file's metadata under which the classes stand, as a JSON list."""


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
