"""The prediction log: its columns, and a table of them as numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equime_hub.splits.people import full_name

Codes = npt.NDArray[np.int64]

SCHEMA = pa.schema(
    {
        "clip_id": pa.string(),
        "subject_id": pa.string(),
        "dataset": pa.string(),
        "fold": pa.string(),
        "seed": pa.int64(),
        "reference": pa.string(),
        "prediction": pa.string(),
        "probabilities": pa.list_(pa.float32()),
        "config_hash": pa.string(),
    }
)
REQUIRED = ("clip_id", "subject_id", "fold", "seed", "reference", "prediction")
"""Columns without null."""


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

    def probable(self) -> npt.NDArray[np.bool_]:
        """Whether each row has probabilities."""
        return np.asarray(self.table["probabilities"].is_valid().to_numpy(), bool)

    def probabilities(self) -> npt.NDArray[np.float64]:
        """Those of the rows that have them, × C."""
        flat = self.table["probabilities"].combine_chunks().flatten()
        values = np.asarray(flat.to_numpy(zero_copy_only=False), np.float64)
        return values.reshape(-1, len(self.classes))

    def only(self, rows: npt.NDArray[np.bool_]) -> PredictionLog:
        """The log of some rows."""
        return PredictionLog(self.table.filter(pa.array(rows)), self.classes)

    def equals(self, other: PredictionLog) -> bool:
        """Whether both hold the same classes and the same rows in the same order."""
        return self.classes == other.classes and bool(self.table.equals(other.table))
