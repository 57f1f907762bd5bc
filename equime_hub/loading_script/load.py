"""`equime_hub.load`: a dataset in our schema, or a sentence that says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from equime_hub.errors import DatasetError
from equime_hub.loading_script.names import NAME, holds_dataset
from equime_hub.schema.features import check_features, columns

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict


def load(
    path: str | Path = NAME,
    *,
    config: str = "default",
    split: str | None = None,
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
        streaming: Read rows as they are needed, without a copy in the cache.
        revision: Tag or commit of a Hub repository.

    Raises:
        DatasetError: The folder holds no dataset, the config is unknown, or the columns are not
            ours.
    """
    import datasets

    columns(config)  # refuses an unknown config
    folder = Path(path).expanduser()
    if str(path) != NAME and folder.exists() and not holds_dataset(folder):
        raise DatasetError(
            f"{folder} holds no dataset (README.md and data/*.parquet). Build one there with: "
            f"equime build PLAN --out {folder}"
        )
    opened: Any = datasets.load_dataset(
        str(folder if folder.exists() else path),
        name=config,
        split=split,
        streaming=streaming,
        revision=revision,
    )
    first = next(iter(opened.values())) if isinstance(opened, dict) else opened
    check_features(first.features)
    return opened
