"""Rows to audit: who and which image is in which split, out of a dataset, a plan or any table."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equime_hub.errors import DatasetError
from equime_hub.files import read_csv
from equime_hub.schema.features import columns
from equime_hub.splits.assign import SPLITS

REQUIRED = ("clip_id", "split", "subject_id")
OPTIONAL = (
    "source_dataset", "source_image", "source_sha256", "au_source_subject", "counterfactual_of",
    "gender", "race", "age_group",
)  # fmt: skip

_CLASSES = {column.name: column.names for column in columns("metadata") if column.names}


def read(path: Path) -> pa.Table:
    """Rows of a dataset folder or a plan, as `clean` gives them.

    Any Parquet file will do that has the columns of `REQUIRED`.

    Raises:
        DatasetError: Nothing there, no Parquet, or what `clean` refuses.
    """
    if path.is_dir():
        return clean(pa.concat_tables(map(_shard, shards(path)), promote_options="permissive"))
    if not path.is_file():
        raise DatasetError(f"There is no dataset and no plan at {path}.")
    return clean(_read(path))


def shards(folder: Path) -> list[Path]:
    """Parquet files of a dataset folder, those of train first; of its labels if it has no data.

    Raises:
        DatasetError: There is none.
    """
    found = sorted(folder.glob("data/*.parquet")) or sorted(folder.glob("metadata/*.parquet"))
    if not found:
        raise DatasetError(f"{folder} has no data/*.parquet: it holds no built dataset.")
    order = {split: place for place, split in enumerate(SPLITS)}
    return sorted(found, key=lambda file: order.get(_split(file), len(order)))


def clean(table: pa.Table) -> pa.Table:
    """The columns an audit reads, as text: class numbers by name, absent columns null.

    Raises:
        DatasetError: No row, a column of `REQUIRED` is missing or has a null.
    """
    missing = [name for name in REQUIRED if name not in table.column_names]
    if missing:
        raise DatasetError(
            f"The table has no column {', '.join(missing)}; an audit needs {', '.join(REQUIRED)}, "
            f"and checks more with {', '.join(OPTIONAL)}."
        )
    if not len(table):
        raise DatasetError("There is no row to audit.")
    for name in REQUIRED:
        if table[name].null_count:
            row = pc.index(pc.is_null(table[name]), True).as_py()
            raise DatasetError(f"Row {row} has no {name}; an audit needs one in every row.")
    return pa.table({name: _text(table, name) for name in REQUIRED + OPTIONAL})


_IDENTITY = ("source_image", "subject_id")


def read_identities(path: Path) -> dict[str, str]:
    """Source image → person, from a table with the columns source_image and subject_id.

    Args:
        path: CSV file in UTF-8, or Parquet such as the index that `equime faces` writes.

    Raises:
        DatasetError: No such file, another header, an empty cell, one image of two people.
    """
    found: dict[str, str] = {}
    for where, image, person in _pairs(path):
        if not image or not person:
            raise DatasetError(f"{path}, {where}: a cell is empty.")
        if found.setdefault(image, person) != person:
            raise DatasetError(
                f"{path}, {where}: {image} is {person!r} here and {found[image]!r} above; keep one."
            )
    return found


def _pairs(path: Path) -> list[tuple[str, str, str]]:
    """Place in the file, image and person of every row."""
    if path.suffix != ".parquet":
        rows = read_csv(path, DatasetError, _IDENTITY)
        return [(f"line {n}", row["source_image"], row["subject_id"]) for n, row in rows]
    try:
        table = pq.read_table(path)
        columns = [table[name].to_pylist() for name in _IDENTITY]
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} cannot be read as Parquet: {error}.") from error
    except KeyError as error:
        raise DatasetError(f"{path} needs the columns {' and '.join(_IDENTITY)}.") from error
    values = enumerate(zip(*columns, strict=True))
    return [(f"row {number}", image or "", person or "") for number, (image, person) in values]


def _read(file: Path) -> pa.Table:
    try:
        present = pq.read_schema(file).names
        return pq.read_table(file, columns=[n for n in REQUIRED + OPTIONAL if n in present])
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{file} cannot be read as Parquet: {error}.") from error


def _shard(file: Path) -> pa.Table:
    table = _read(file)
    return table.append_column("split", pa.repeat(_split(file), len(table)))


def _split(file: Path) -> str:
    return file.name.split("-", 1)[0]


def _text(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(len(table), pa.string())])
    column, classes = table[name], _CLASSES.get(name)
    if classes and pa.types.is_integer(column.type):
        return pc.take(pa.array(classes), column)
    return column.cast(pa.string())
