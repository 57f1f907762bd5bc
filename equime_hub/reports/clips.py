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

ClipLabels = dict[str, Any]
"""Column → value of one clip; classes are names."""


def tables(folder: Path, columns: Sequence[str]) -> dict[str, pa.Table]:
    """Some columns of every clip by split, classes as numbers.

    Raises:
        DatasetError: No dataset there, a column is missing, or a file is damaged.
    """
    found: dict[str, list[pa.Table]] = {}
    try:
        for split in SPLITS:
            for path in sorted(folder.glob(f"metadata/{split}-*.parquet")):
                there = pq.read_schema(path).names
                if missing := [name for name in columns if name not in there]:
                    raise DatasetError(
                        f"{path} lacks {', '.join(missing)}: it is of another schema. Build the "
                        "dataset again with this version."
                    )
                found.setdefault(split, []).append(pq.read_table(path, columns=list(columns)))
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"The labels in {folder} cannot be read ({error}).") from error
    if not found:
        raise DatasetError(f"{folder} has no metadata/*.parquet: it holds no built dataset.")
    return {split: pa.concat_tables(parts) for split, parts in found.items()}


def labels(folder: Path, columns: Sequence[str]) -> list[ClipLabels]:
    """Some columns of every clip, in the order of the splits; raises what `tables` does."""
    values = named(pa.concat_tables(tables(folder, columns).values()).to_pydict())
    return [dict(zip(values, cells, strict=True)) for cells in zip(*values.values(), strict=True)]


def named(values: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Columns with the names of their classes for the numbers that files hold."""
    classes = {column.name: dict(enumerate(column.names)) for column in COLUMNS if column.names}
    return {
        name: [classes[name].get(cell) for cell in cells] if name in classes else cells
        for name, cells in values.items()
    }


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
