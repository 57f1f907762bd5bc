"""Every column of the dataset, declared once, and its form as `datasets.Features`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from equime_hub.errors import DatasetError
from equime_hub.files import beside
from equime_hub.schema import taxonomy as tx

if TYPE_CHECKING:
    from datasets import Features

SCHEMA_VERSION = "1.3"
"""Written into every shard; the first number changes when old readers would misread."""

FOLDERS = {"default": "data", "metadata": "metadata", "onset_apex": "onset_apex"}
"""Config → folder of its shards in a dataset."""

CONFIGS = tuple(FOLDERS)
"""`metadata` is `default` without the video: labels in kilobytes instead of megabytes.
`onset_apex` is `metadata` with two images of the clip, which a dataset may lack."""

_PIXELS = {"default": "video", "onset_apex": "image"}


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Column name.
        dtype: "string", "bool", "int32", "int64", "float32", "float64", "video" or "image".
        description: Meaning, unit and value range, one sentence.
        names: Class names if the column is a `ClassLabel` (dtype is then "int64").
        length: Length if every value is a list of that many numbers.
    """

    name: str
    dtype: str
    description: str
    names: tuple[str, ...] | None = None
    length: int | None = None


def _column(name: str, kind: str, description: str) -> Column:
    """A line of `columns.json`; its kind is a dtype, "aus", or the name of a list in `taxonomy`."""
    if kind == "aus":
        return Column(name, "float32", description, length=len(tx.ACTION_UNITS))
    if kind.isupper():
        return Column(name, "int64", description, names=getattr(tx, kind))
    return Column(name, kind, description)


GROUPS: dict[str, tuple[Column, ...]] = {
    group: tuple(_column(name, *line) for name, line in lines.items())
    for group, lines in beside(__file__, "columns.json").items()
}
COLUMNS: tuple[Column, ...] = tuple(column for group in GROUPS.values() for column in group)


def columns(config: str | None = "default") -> tuple[Column, ...]:
    """Columns of a config, in order.

    Args:
        config: One of `CONFIGS`; None gives the columns of all of them.

    Raises:
        DatasetError: The config is not one of `CONFIGS`.
    """
    if config is None:
        return COLUMNS
    if config not in CONFIGS:
        raise DatasetError(f"There is no config {config!r}. Choose one of: {', '.join(CONFIGS)}.")
    others = {*_PIXELS.values()} - {_PIXELS.get(config)}
    return tuple(column for column in COLUMNS if column.dtype not in others)


def features(config: str | None = "default") -> Features:
    """The columns of a config (None: of all) as `datasets.Features`."""
    from datasets import Features

    return Features({column.name: _feature(column) for column in columns(config)})


def check_features(found: Features) -> str:
    """Which of our configs a dataset's features are.

    Args:
        found: Features of any dataset; a `Video` that decodes with another package is equal.

    Returns:
        Name of the config.

    Raises:
        DatasetError: None of them; the message lists the columns that differ.
    """
    described = found.to_dict()
    images = "onset" in described or "apex" in described
    config = "default" if "video" in described else "onset_apex" if images else "metadata"
    expected = features(config).to_dict()
    if described == expected:
        return config
    wrong = [
        f"{name}: {described.get(name, 'missing')}, expected {feature}"
        for name, feature in expected.items()
        if described.get(name) != feature
    ]
    wrong += [f"{name}: not in the schema" for name in described if name not in expected]
    raise DatasetError(
        f"These columns are not those of schema {SCHEMA_VERSION}: " + "; ".join(wrong)
    )


def _feature(column: Column) -> Any:
    from datasets import ClassLabel, Image, List, Value, Video

    if column.dtype == "video":
        return Video()
    if column.dtype == "image":
        return Image()
    if column.names is not None:
        return ClassLabel(names=list(column.names))
    if column.length is not None:
        return List(Value(column.dtype), length=column.length)
    return Value(column.dtype)
