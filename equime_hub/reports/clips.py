"""Rows of a built dataset: the labels of all, the videos of some."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.schema.features import COLUMNS
from equime_hub.splits.assign import SPLITS

Row = dict[str, Any]
"""Column → value; classes are names."""


def labels(folder: Path, columns: Sequence[str]) -> list[Row]:
    """Some columns of every clip, in the order of the splits.

    Raises:
        DatasetError: No dataset there, a column is missing, or a file is damaged.
    """
    paths = [p for split in SPLITS for p in sorted(folder.glob(f"metadata/{split}-*.parquet"))]
    if not paths:
        raise DatasetError(f"{folder} has no metadata/*.parquet: it holds no built dataset.")
    tables = []
    try:
        for path in paths:
            there = pq.read_schema(path).names
            if missing := [name for name in columns if name not in there]:
                raise DatasetError(
                    f"{path} lacks {', '.join(missing)}: it is of another schema. Build the "
                    "dataset again with this version."
                )
            tables.append(pq.read_table(path, columns=list(columns)))
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"The labels in {folder} cannot be read ({error}).") from error
    values = pa.concat_tables(tables).to_pydict()
    for column in COLUMNS:
        if column.names and column.name in values:
            names = dict(enumerate(column.names))
            values[column.name] = [names.get(value) for value in values[column.name]]
    return [dict(zip(values, cells, strict=True)) for cells in zip(*values.values(), strict=True)]


def videos(folder: Path, clips: Collection[str]) -> dict[str, bytes]:
    """Videos by clip; row groups without any of the clips are not read.

    Raises:
        DatasetError: One is missing, or a file is damaged.
    """
    wanted, found = set(clips), dict[str, bytes]()
    for path in sorted(folder.glob("data/*.parquet")):
        try:
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    names = file.read_row_group(group, ["clip_id"])["clip_id"].to_pylist()
                    if wanted.isdisjoint(names):
                        continue
                    column = file.read_row_group(group, ["video"])["video"]
                    found |= {
                        name: column[i]["bytes"].as_py()
                        for i, name in enumerate(names)
                        if name in wanted
                    }
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(
                f"{path} cannot be read ({error}). See: equime verify {folder}"
            ) from error
    if missing := wanted - found.keys():
        raise DatasetError(
            f"{folder}/data lacks the videos of clips {', '.join(sorted(missing))}. See what else "
            f"is wrong with: equime verify {folder}"
        )
    return found
