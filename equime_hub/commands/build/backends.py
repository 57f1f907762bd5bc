"""The options that say what makes the clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from equime_hub import configs
from equime_hub.builder.backends import BACKENDS
from equime_hub.builder.backends.ltx.config import PRESETS, LtxConfig
from equime_hub.builder.plan import Plan
from equime_hub.builder.spec import Backend
from equime_hub.commands.common import talk
from equime_hub.errors import DatasetError
from equime_hub.schema.stamp import read_origin

Function = TypeVar("Function", bound=Callable[..., Any])


AUTO = "auto"
"""Batch size that is decided from the memory that is free."""


@dataclass(frozen=True)
class LtxOptions:
    """What was said on the command line about LTX-Video; None leaves it to the preset."""

    model: str | None = None
    revision: str | None = None
    device: str | None = None
    batch_size: int | str | None = None
    compile: bool | None = None
    attention: str | None = None
    embeddings: Path | None = None
    conditioning_crf: int | None = None

    def over(self, preset: str | None, config: LtxConfig) -> LtxConfig:
        """A preset, or else a configuration, with what was said here."""
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        said = {name: value for name, value in said.items() if value not in (None, AUTO)}
        return replace(PRESETS[preset].config if preset else config, **said)


def _batch_size(value: str) -> int | str:
    if value != AUTO and not (value.isdecimal() and int(value)):
        raise click.BadParameter(f"{value!r} is neither a number of at least 1 nor {AUTO!r}.")
    return AUTO if value == AUTO else int(value)


def model_options(function: Function) -> Function:
    """Which model, and where it runs."""
    for option in (
        click.option("--device", help="ltx: cuda, cuda:1 or cpu."),
        click.option("--revision", help="ltx: branch, tag or commit of the model."),
        click.option("--model", help="ltx: Hub id or folder of the model."),
        click.option("--preset", type=click.Choice(list(PRESETS)), help="ltx: named settings."),
    ):
        function = option(function)
    return function


def ltx_options(function: Function) -> Function:
    """Options of the model that are asked for most; the others are in `--backend-config`."""
    existing = click.Path(exists=True, dir_okay=False, path_type=Path)
    for option in (
        click.option("--conditioning-crf", type=click.IntRange(0, 51),
                     help="ltx: compress the face first, against frozen clips."),
        click.option("--embeddings", type=existing,
                     help="ltx: prompts encoded elsewhere (equime prompts encode)."),
        click.option("--attention", help="ltx: attention backend of diffusers."),
        click.option("--compile/--no-compile", default=None,
                     help="ltx: compile the transformer's blocks, minutes at the start."),
        click.option("--batch-size", type=_batch_size, metavar="N|auto",
                     help="ltx: clips at a time; auto takes what fits into the GPU's memory."),
        model_options,
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
    if name == "ltx":
        made = replace(made, config=options.over(preset, made.config))
    elif preset or options != LtxOptions():
        raise click.UsageError(
            f"--preset and the options marked ltx are for --backend ltx, not {name}."
        )
    return made  # type: ignore[no-any-return]


def fit(backend: Backend, plan: Plan, out: Path) -> Backend:
    """LTX-Video with the batch size for its memory, or with that of the build in a folder.

    Args:
        backend: The backend of LTX-Video.
        plan: The clips.
        out: Folder of the dataset. The batch size is part of a build, so a resumed one keeps it.
    """
    from equime_hub.builder.backends.ltx.pipeline import auto_batch_size

    ltx: Any = backend
    config: LtxConfig = ltx.config
    try:
        there = read_origin(out)
    except DatasetError:
        there = None
    size = there.made_with.get("generation", {}).get("batch_size") if there else None
    if size is None:
        spec = plan.specs[0]
        size = auto_batch_size(config, spec.width, spec.height, spec.num_frames)
    talk(f"Batch size {size}.")
    return replace(ltx, config=replace(config, batch_size=size))  # type: ignore[no-any-return]
