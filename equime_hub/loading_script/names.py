"""What `load_dataset("equime")` opens, and how that name comes to mean it.

`datasets` has no plug-in for names, and a bare name is no Hub repository. So its
`dataset_module_factory`, through which every load goes, is wrapped.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wrapt

from equime_hub import hooks
from equime_hub.errors import DatasetError
from equime_hub.loading_script.pyav import with_pyav
from equime_hub.schema.features import check_features

if TYPE_CHECKING:
    from collections.abc import Callable

    from datasets import Features

NAME = "equime"
VARIABLE = "EQUIME_DATASET"
_READER = "equime_hub.loading_script.reader"
_CACHED = "equime_hub.loading_script.cached"
_CONCATENATE = "_concatenate_map_style_datasets"


def resolve() -> str:
    """Folder or Hub repository that the name "equime" stands for.

    `./equime` if it holds a dataset, else what `EQUIME_DATASET` names.

    Raises:
        DatasetError: Neither is there, or the variable names a folder that holds no dataset.
    """
    if holds_dataset(Path(NAME)):
        return NAME
    value = os.environ.get(VARIABLE, "")
    if not value:
        raise DatasetError(
            f'load_dataset("{NAME}") found nothing: {Path.cwd()} has no folder {NAME} with a '
            f"dataset in it, and {VARIABLE} is not set. Build one here with `equime demo`, or "
            f"set {VARIABLE} to a dataset folder or to a Hub repository such as ORG/{NAME}."
        )
    folder = Path(value).expanduser()
    if holds_dataset(folder):
        return str(folder)
    is_repository = value.count("/") == 1 and not value.startswith((".", "~", "/"))
    if folder.exists() or not is_repository:
        raise DatasetError(
            f"{VARIABLE} is {value!r}, which is no folder with a README.md and data/*.parquet, "
            f"and no Hub repository such as ORG/{NAME}."
        )
    return value


def holds_dataset(folder: Path) -> bool:
    """Whether a folder holds a built dataset: its card and at least one shard."""
    return (folder / "README.md").is_file() and any(folder.glob(shards_of("default")))


def shards_of(config: str) -> str:
    """Pattern of the shards of a config, relative to the dataset's folder."""
    return f"{'data' if config == 'default' else config}/*.parquet"


def install() -> None:
    """Make the name known to `datasets`, now or when it is imported."""
    # inspect.py holds a reference of its own, so both are wrapped.
    for module, purpose in {
        "datasets.load": f'load_dataset("{NAME}") and decoding by PyAV',
        "datasets.inspect": f'get_dataset_config_names("{NAME}")',
    }.items():
        hooks.wrap(module, "dataset_module_factory", _factory, purpose)
    # Likewise: each of these modules holds a reference of its own.
    for module in ("datasets.arrow_dataset", "datasets.combine"):
        hooks.wrap(module, _CONCATENATE, _concatenate, "decoding of concatenated datasets by PyAV")
    wrapt.when_imported("fsspec")(_teach_fsspec)


def _concatenate(
    wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Keep the first one's decoder: of datasets with other cards, the columns are read anew."""
    from equime_hub.video.feature import AvVideo

    def call(dsets: list[Any], *rest: Any, **named: Any) -> Any:
        found = wrapped(dsets, *rest, **named)
        ours = any(isinstance(feature, AvVideo) for feature in dsets[0].features.values())
        return with_pyav(found) if ours else found

    return call(*args, **kwargs)


def _teach_fsspec(fsspec: Any) -> None:
    """Clips of licensed folders are opened through `fsspec` (`real.lazy`)."""
    fsspec.register_implementation("equime-real", f"{__package__}.real.lazy.RealFileSystem")


def _factory(
    wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    def call(path: str, *rest: Any, **named: Any) -> Any:
        found = wrapped(resolve() if str(path) == NAME else path, *rest, **named)
        reader = _reader(found)
        return dataclasses.replace(found, module_path=reader) if reader else found

    return call(*args, **kwargs)


def _reader(found: Any) -> str | None:
    """Our module that reads what a `DatasetModule` describes, None if that is not ours."""
    if found.module_path.endswith(".cache.cache"):
        return _CACHED  # which knows the columns only when it has found the files
    infos = (found.dataset_infos or {}).values()
    is_parquet = found.module_path.endswith(".parquet.parquet")
    return _READER if is_parquet and infos and all(is_ours(i.features) for i in infos) else None


def is_ours(features: Features | None) -> bool:
    """Whether these are all columns of one of our configs."""
    try:
        check_features(features)
    except (DatasetError, AttributeError):
        return False
    return True
