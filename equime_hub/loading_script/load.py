"""`equime_hub.load`: a dataset in our schema, or a sentence that says what is wrong with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from equime_hub.errors import DatasetError
from equime_hub.loading_script import remote
from equime_hub.loading_script.names import NAME, holds_dataset, resolve, shards_of
from equime_hub.loading_script.real import REAL
from equime_hub.loading_script.real.clip import Options
from equime_hub.schema.features import check_features, features

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict


def load(
    path: str | Path = NAME,
    *,
    config: str = "default",
    split: str | None = None,
    columns: Sequence[str] | None = None,
    streaming: bool = False,
    revision: str | None = None,
    root: str | Path | None = None,
    options: Options | None = None,
) -> Dataset | DatasetDict | IterableDataset | IterableDatasetDict:
    """Open a dataset in our schema, videos decoded by PyAV.

    `datasets.load_dataset` opens the same; this one checks the columns, asks the Hub first, reads
    nothing outside the repository, and says more when something is missing. Without a network it
    opens what was loaded before.

    Args:
        path: "equime", a folder, or a Hub repository; with `root` the name of a licensed dataset,
            such as "samm" (`equime import --list`).
        config: "default"; "metadata" for everything but the video; "onset_apex" for the labels
            and two images of every clip.
        split: "train", "validation", "test", "train[:10%]", ...; None gives all.
        columns: Read only these; None reads all.
        streaming: Read rows as they are needed, without a copy in the cache.
        revision: Tag, branch or commit of a Hub repository, such as "v1.0.0".
        root: The lab's folder of a licensed dataset. Its annotation is read now, its frames when
            they are asked for.
        options: What is wanted of it (`real.clip.Options`).

    Raises:
        DatasetError: The folder or repository holds no dataset of ours, or the config, split or a
            column is unknown.
        NotSignedInError: The repository is gated and nobody is signed in.
        NotGrantedError: It is gated and access is not granted.
        NotFoundError: There is no such repository, tag, branch or commit.
        OfflineError: The Hub cannot be reached, and the revision was not loaded before.
        HubError: The Hub fails.
    """
    import datasets

    expected = features(config)  # refuses an unknown config
    if unknown := set(columns or ()) - set(expected):
        raise DatasetError(
            f"The config {config!r} has no columns {', '.join(sorted(unknown))}. "
            f"Choose from: {', '.join(expected)}."
        )
    some = {} if columns is None else {"columns": list(columns)}
    opened: Any
    if root is not None:
        from equime_hub.loading_script.real.builder import builder

        made = builder(str(path), Path(root).expanduser(), options or Options(), config)
        with _refusing(path):
            opened = remote.rows(made, split, streaming)
        return opened.select_columns(some["columns"]) if some else opened
    if options is not None:
        raise DatasetError(f"options are for a licensed dataset: give root= as well as {path!r}.")
    source = resolve() if str(path) == NAME else str(path)
    with _refusing(source):
        if _is_folder(source, config):
            folder = str(Path(source).expanduser())
            opened = datasets.load_dataset(folder, config, split=split, streaming=streaming, **some)
        else:
            opened = remote.open_dataset(source, config, split, streaming, revision, some)
    first = next(iter(opened.values())) if isinstance(opened, dict) else opened
    unread = {} if columns is None else expected
    check_features(datasets.Features({**unread, **first.features}))
    return opened


@contextlib.contextmanager
def _refusing(source: str | Path) -> Iterator[None]:
    """Say what could not be opened, of what `datasets` refuses."""
    try:
        yield
    except (ValueError, yaml.YAMLError) as error:
        raise DatasetError(f"Cannot open {source}: {error}") from error


def _is_folder(source: str, config: str) -> bool:
    """Whether it is a folder, not a repository; one that does not hold the config is refused."""
    folder = Path(source).expanduser()
    if not (folder.exists() or folder.is_absolute() or source.startswith(".")):
        if source in REAL.names():
            raise DatasetError(
                f"{source!r} is a licensed dataset, read from your own copy: "
                f'equime_hub.load("{source}", root="FOLDER")'
            )
        if source.count("/") != 1:
            raise DatasetError(f"{source!r} is no folder, and no repository such as ORG/{NAME}.")
        return False
    shards = shards_of(config)
    if not (holds_dataset(folder) or any(folder.glob(shards))):
        raise DatasetError(
            f"{folder} holds no dataset (README.md and {shards}). Build one there with: "
            f"equime build PLAN --out {folder}"
        )
    return True
