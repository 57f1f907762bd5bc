"""What `load_dataset("equime")` opens, and how that name comes to mean it.

`datasets` has no plug-in for names, and a bare name is no Hub repository. So its
`dataset_module_factory`, through which every load goes, is wrapped when `datasets` is imported.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wrapt

from equime_hub.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

NAME = "equime"
VARIABLE = "EQUIME_DATASET"
_READER = "equime_hub.loading_script.reader"


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
    return (folder / "README.md").is_file() and any(folder.glob("data/*.parquet"))


def install() -> None:
    """Make the name known to `datasets`, now or when it is imported."""
    wrapt.when_imported("datasets")(_teach)


def _teach(module: ModuleType) -> None:
    # inspect.py holds a reference of its own, so both are wrapped.
    for name in ("datasets.load", "datasets.inspect"):
        wrapt.wrap_function_wrapper(name, "dataset_module_factory", _factory)


def _factory(
    wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    def call(path: str, *rest: Any, **named: Any) -> Any:
        found = wrapped(resolve() if str(path) == NAME else path, *rest, **named)
        if _in_our_schema(found):
            return dataclasses.replace(found, module_path=_READER)
        return found

    return call(*args, **kwargs)


def _in_our_schema(found: Any) -> bool:
    """Whether a `DatasetModule` describes Parquet files with our columns."""
    from equime_hub.schema.features import check_features

    if not found.module_path.endswith(".parquet.parquet") or not found.dataset_infos:
        return False
    try:
        for info in found.dataset_infos.values():
            check_features(info.features)
    except (DatasetError, AttributeError):
        return False
    return True
