"""The options that say what makes the clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from equime_hub import configs
from equime_hub.builder.backends import BACKENDS
from equime_hub.builder.backends.ltx.config import PRESETS
from equime_hub.builder.spec import Backend

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class LtxOptions:
    """What was said on the command line about LTX-Video; None leaves it to the preset."""

    model: str | None = None
    revision: str | None = None
    device: str | None = None
    batch_size: int | None = None
    embeddings: Path | None = None
    conditioning_crf: int | None = None


def ltx_options(function: Function) -> Function:
    """Options of the model that are asked for most; the others are in `--backend-config`."""
    existing = click.Path(exists=True, dir_okay=False, path_type=Path)
    for option in (
        click.option("--conditioning-crf", type=click.IntRange(0, 51),
                     help="ltx: compress the face first, against frozen clips."),
        click.option("--embeddings", type=existing, help="ltx: prompts encoded elsewhere."),
        click.option("--batch-size", type=click.IntRange(min=1), help="ltx: clips at a time."),
        click.option("--device", help="ltx: cuda, cuda:1 or cpu."),
        click.option("--revision", help="ltx: branch, tag or commit of the model."),
        click.option("--model", help="ltx: Hub id or folder of the model."),
        click.option("--preset", type=click.Choice(list(PRESETS)), help="ltx: named settings."),
    ):  # fmt: skip
        function = option(function)
    return function


def backend(name: str, config: Path | None, preset: str | None, options: LtxOptions) -> Backend:
    """A backend as the command line describes it.

    Args:
        name: Name in `BACKENDS`.
        config: JSON file with its settings.
        preset: Name in `PRESETS`, for LTX-Video.
        options: Override both.

    Raises:
        UsageError: Options of another backend.
        EquimeError: Settings that make no sense.
    """
    kind = BACKENDS.get(name)
    made: Any = configs.from_file(kind, config) if config else kind()
    given = {f.name: getattr(options, f.name) for f in fields(options)}
    given = {field: value for field, value in given.items() if value is not None}
    if name != "ltx":
        if preset or given:
            raise click.UsageError(
                f"--preset and the options marked ltx are for --backend ltx, not {name}."
            )
        return made  # type: ignore[no-any-return]
    base = PRESETS[preset].config if preset else made.config
    return replace(made, config=replace(base, **given))  # type: ignore[no-any-return]
