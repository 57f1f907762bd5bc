"""`equime_hub.load`: a dataset in our schema, or a sentence that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from equime_hub.errors import DatasetError
from equime_hub.loading_script.names import NAME, holds_dataset
from equime_hub.schema.features import check_features, features

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict

Data = TypeVar("Data", bound="Dataset | DatasetDict | IterableDataset | IterableDatasetDict")


def load(
    path: str | Path = NAME,
    *,
    config: str = "default",
    split: str | None = None,
    columns: Sequence[str] | None = None,
    streaming: bool = False,
    revision: str | None = None,
) -> Dataset | DatasetDict | IterableDataset | IterableDatasetDict:
    """Open a dataset in our schema, videos decoded by PyAV.

    `datasets.load_dataset` opens the same; this one checks the columns and says more when
    something is missing.

    Args:
        path: "equime", a folder, or a Hub repository.
        config: "default", or "metadata" for everything but the video.
        split: "train", "validation", "test", "train[:10%]", ...; None gives all.
        columns: Read only these; None reads all.
        streaming: Read rows as they are needed, without a copy in the cache.
        revision: Tag or commit of a Hub repository.

    Raises:
        DatasetError: The folder holds no dataset, the config, split or a column is unknown, or
            the columns are not ours. What the Hub refuses stays an error of `datasets`.
    """
    import datasets

    expected = features(config)  # refuses an unknown config
    if unknown := set(columns or ()) - set(expected):
        raise DatasetError(
            f"The config {config!r} has no columns {', '.join(sorted(unknown))}. "
            f"Choose from: {', '.join(expected)}."
        )
    source = _source(path)
    try:
        opened: Any = datasets.load_dataset(
            source,
            name=config,
            split=split,
            streaming=streaming,
            revision=revision,
            **({} if columns is None else {"columns": list(columns)}),
        )
    except ValueError as error:
        raise DatasetError(f"Cannot open {source}: {error}") from error
    first = next(iter(opened.values())) if isinstance(opened, dict) else opened
    unread = {} if columns is None else expected
    check_features(datasets.Features({**unread, **first.features}))
    return opened


def _source(path: str | Path) -> str:
    """What `load_dataset` takes; a folder that holds no dataset is refused."""
    folder = Path(path).expanduser()
    is_folder = folder.exists() or folder.is_absolute() or str(path).startswith(".")
    if str(path) == NAME or not is_folder:
        return str(path)
    if not holds_dataset(folder):
        raise DatasetError(
            f"{folder} holds no dataset (README.md and data/*.parquet). Build one there with: "
            f"equime build PLAN --out {folder}"
        )
    return str(folder)


def with_pyav(data: Data) -> Data:
    """The same dataset, videos decoded by PyAV.

    For datasets that lost the decoder on their way through a file: `load_from_disk`,
    `Dataset.from_parquet`, `load_dataset("parquet", ...)`. No video is decoded.

    Args:
        data: A dataset or a stream, or a dictionary of them by split.

    Raises:
        DatasetError: A stream that does not know its columns, as after `map`.
    """
    from equime_hub.video.feature import pyav_features

    if isinstance(data, dict):
        return type(data)({split: with_pyav(rows) for split, rows in data.items()})
    before = data.features
    if before is None:
        raise DatasetError("This stream does not know its columns: use with_pyav before map.")
    for name, feature in pyav_features(before).items():
        if repr(feature) != repr(before[name]):  # equal they are, whatever decodes them
            data = data.cast_column(name, feature)
    return data
