"""Configuration dataclasses as JSON: read, written and refused in one way."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from equime_hub.errors import EquimeError
from equime_hub.files import write_text

Config = TypeVar("Config")


def to_json(config: object) -> dict[str, Any]:
    """A frozen dataclass as plain JSON values; tuples become lists, paths strings."""
    assert dataclasses.is_dataclass(config) and not isinstance(config, type)
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config), default=str))
    return plain


def from_json(cls: type[Config], values: dict[str, Any]) -> Config:
    """Inverse of `to_json`; fields left out keep their defaults.

    Raises:
        EquimeError: An unknown or wrongly typed field; the message lists the known ones.
    """
    hints = get_type_hints(cls)
    unknown = [name for name in values if name not in hints]
    if unknown:
        raise EquimeError(
            f"{cls.__name__} has no field {', '.join(unknown)}; its fields are {', '.join(hints)}."
        )
    converted: dict[str, Any] = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(hints[name]) and isinstance(value, dict):
            value = from_json(hints[name], value)
        elif get_origin(hints[name]) is tuple and isinstance(value, list):
            value = tuple(value)
        elif isinstance(value, str) and Path in (hints[name], *get_args(hints[name])):
            value = Path(value)
        converted[name] = value
    try:
        return cls(**converted)
    except TypeError as error:
        raise EquimeError(f"{cls.__name__}: {error}.") from error


def to_file(config: object, path: Path) -> None:
    """Write a configuration as indented JSON."""
    write_text(path, json.dumps(to_json(config), indent=2) + "\n")


def from_file(cls: type[Config], path: Path) -> Config:
    """Read a configuration that `to_file` wrote, or one written by hand.

    Raises:
        EquimeError: The file is missing, no JSON object, or holds unknown fields.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EquimeError(f"{path} cannot be read as a JSON configuration: {error}.") from error
    if not isinstance(values, dict):
        raise EquimeError(f"{path} must hold one JSON object, got {type(values).__name__}.")
    return from_json(cls, values)
