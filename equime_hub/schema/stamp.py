"""What a dataset says about its origin: `build.json`, and a stamp in every shard."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from equime_hub.errors import DatasetError
from equime_hub.files import write_text
from equime_hub.schema.features import SCHEMA_VERSION

ORIGIN = "build.json"
"""File in a dataset folder that holds its `Origin`; a folder without it is not ours."""

ORIGINS = "build*.json"
"""Those of the first build, and of builds that were appended to it (`generation_name`)."""

KEY = "equime.shard"
"""Key in the Parquet file's metadata."""


@dataclass(frozen=True)
class Stamp:
    """Origin of a shard.

    Attributes:
        build: Fingerprint of plan and configuration.
        plan: Fingerprint of the plan.
        name: The file's name inside the dataset folder.
        schema_version: Schema of its columns.
    """

    build: str
    plan: str
    name: str
    schema_version: str = SCHEMA_VERSION

    def metadata(self) -> dict[str, str]:
        """Key and value for the Parquet footer."""
        return {KEY: json.dumps(asdict(self), sort_keys=True)}


def read_stamp(path: Path) -> Stamp:
    """Read a shard's stamp.

    Raises:
        DatasetError: The file is damaged, or was not built by this package.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path).metadata or {}
        return Stamp(**json.loads(metadata[KEY.encode()]))
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise DatasetError(
            f"{path.name} is damaged or was not built by equime ({error})."
        ) from error


def generation_name(name: str, fingerprint: str) -> str:
    """Name on the Hub of a file that was appended to a dataset there.

    Names of the first generation are those of its folder. Later ones carry their fingerprint, so
    that no two are ever called the same, and sort behind it; the stamp in the file keeps its name.

    Args:
        name: `build.json`, or a shard such as `data/train-00000-of-00002.parquet`.
        fingerprint: Of the generation (`Origin.fingerprint`).

    >>> generation_name("data/train-00000-of-00002.parquet", "3fa8c21d90")
    'data/train-g3fa8c21d-00000-of-00002.parquet'
    >>> generation_name("build.json", "3fa8c21d90")
    'build-g3fa8c21d.json'
    """
    generation = f"g{fingerprint[:8]}"
    if name == ORIGIN:
        return ORIGIN.replace(".", f"-{generation}.")
    folder, _, file = name.rpartition("/")
    split, _, rest = file.partition("-")
    return f"{folder}/{split}-{generation}-{rest}"


@dataclass(frozen=True)
class Origin:
    """What a dataset folder was built from.

    Attributes:
        fingerprint: Of the plan and `made_with`.
        plan: Fingerprint of the plan.
        made_with: Backend, encoder, software and layout; the bytes depend on nothing else.
        license: Of the dataset, for its card.
        title: Name on its card.
        schema_version: Schema of its columns.
    """

    fingerprint: str
    plan: str
    made_with: dict[str, Any]
    license: str
    title: str
    schema_version: str = SCHEMA_VERSION

    def write(self, folder: Path) -> None:
        """Write `build.json`."""
        write_text(folder / ORIGIN, json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")


def read_origin(folder: Path) -> Origin | None:
    """What a folder says it was built from; None if it says nothing.

    Raises:
        DatasetError: `build.json` is there and damaged.
    """
    path = folder / ORIGIN
    return _origin(path) if path.is_file() else None


def read_origins(folder: Path) -> dict[str, Origin]:
    """Fingerprint → origin of the first build, and of those that were appended to it.

    Raises:
        DatasetError: One of `build.json` and `build-g….json` is damaged.
    """
    paths = sorted(folder.glob(ORIGINS), key=lambda path: (path.name != ORIGIN, path.name))
    return {origin.fingerprint: origin for origin in map(_origin, paths)}


def _origin(path: Path) -> Origin:
    try:
        return Origin(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path} is damaged ({error}).") from error
