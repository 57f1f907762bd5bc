"""Configuration dataclasses as JSON: read, written and refused in one way."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

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
        EquimeError: An unknown, missing or wrongly typed field; the message names it.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        config = TypeAdapter(cls).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or cls.__name__
        raise EquimeError(f"{field}: {first['msg']}, got {first['input']!r}.") from error
    _refuse_unknown(cls.__name__, values, to_json(config))
    return config


def to_file(config: object, path: Path) -> None:
    """Write a configuration as indented JSON."""
    write_text(path, json.dumps(to_json(config), indent=2) + "\n")


def from_file(cls: type[Config], path: Path) -> Config:
    """Read a configuration that `to_file` wrote, or one written by hand.

    Raises:
        EquimeError: The file is missing, no JSON object, or does not fit.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EquimeError(f"{path} cannot be read as a JSON configuration: {error}.") from error
    if not isinstance(values, dict):
        raise EquimeError(f"{path} must hold one JSON object, got {type(values).__name__}.")
    return from_json(cls, values)


def _refuse_unknown(name: str, given: dict[str, Any], known: dict[str, Any]) -> None:
    for field, value in given.items():
        if field not in known:
            raise EquimeError(f"{name} has no field {field}; its fields are {', '.join(known)}.")
        if isinstance(value, dict) and isinstance(known[field], dict):
            _refuse_unknown(f"{name}.{field}", value, known[field])
