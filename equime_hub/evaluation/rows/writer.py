"""Rows of a run, made of folds and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.evaluation.manifest import ROWS
from equime_hub.evaluation.rows.roles import CLIP, REQUIRED
from equime_hub.files import written
from equime_hub.splits import folds


def table(
    clips: pa.Table,
    made: Iterable[folds.Fold],
    *,
    validation: Mapping[str, folds.Rows] | None = None,
    pretrain: folds.Rows | None = None,
) -> pa.Table:
    """Rows of a run in their short form.

    Args:
        clips: One row a clip: clip_id, subject_id, and as many columns of `CLIP` as are known.
            A column that is left out is unknown; a null says that there is nothing.
        made: Folds of these rows, as `splits.folds` makes them.
        validation: Fold → rows of its training that are kept for validation.
        pretrain: Rows that the weights were pretrained on, whatever the fold.

    Raises:
        DatasetError: `validation` names a fold that is not made.
    """
    validation = dict(validation or {})
    parts: list[tuple[str | None, str, folds.Rows]] = []
    bits: list[tuple[str, npt.NDArray[np.uint8]]] = []
    votes = np.zeros(len(clips), np.int64)
    for fold in made:
        kept = validation.pop(fold.name, np.zeros(0, np.int64))
        train, other = (np.zeros(len(clips), bool) for _ in range(2))
        train[fold.train] = True
        train[kept] = False
        other[fold.test] = other[kept] = True
        parts += [
            (fold.name, "test", fold.test),
            (fold.name, "validation", kept),
            (fold.name, "train", np.flatnonzero(train & other)),
        ]
        states = np.stack([train & ~other, ~train & ~other])
        votes += states[0].astype(np.int64) - states[1]
        bits.append((fold.name, np.packbits(states, axis=1)))
    if validation:
        raise DatasetError(f"There is no fold {next(iter(validation))!r} to validate in.")
    usual = votes > 0  # clips that are more often in training than left out
    for name, packed in bits:
        alone, unused = np.unpackbits(packed, axis=1, count=len(clips)).astype(bool)
        parts.append((name, "train", np.flatnonzero(alone & ~usual)))
        parts.append((name, "unused", np.flatnonzero(unused & usual)))
    parts.append((None, "train", np.flatnonzero(usual)))
    if pretrain is not None:
        parts.append((None, "pretrain", pretrain))
    return _joined(clips, parts)


def _joined(clips: pa.Table, parts: list[tuple[str | None, str, folds.Rows]]) -> pa.Table:
    sizes = [len(rows) for _, _, rows in parts]

    def repeated(values: list[str | None]) -> pa.Array:
        encoded = pa.array(values, pa.string()).dictionary_encode()
        return encoded.take(pa.array(np.repeat(np.arange(len(values)), sizes)))

    described = [name for name in ("clip_id", "subject_id", *CLIP) if name in clips.column_names]
    texts = pa.table(
        {name: clips[name].cast(pa.string()).dictionary_encode() for name in described}
    )
    places = np.concatenate([rows for _, _, rows in parts])
    found = texts.take(pa.array(places)).add_column(0, "role", repeated([r for _, r, _ in parts]))
    return found.add_column(0, "fold", repeated([name for name, _, _ in parts]))


def write(rows: pa.Table, run: Path) -> None:
    """Write `rows.parquet` into a run's folder, whole or not at all.

    Raises:
        DatasetError: A column of `REQUIRED` is missing.
    """
    if missing := [name for name in REQUIRED if name not in rows.column_names]:
        raise DatasetError(
            f"The rows have no column {', '.join(missing)}; a run needs {', '.join(REQUIRED)}."
        )
    with written(run / ROWS) as temporary:
        pq.write_table(rows, temporary, compression="zstd")
