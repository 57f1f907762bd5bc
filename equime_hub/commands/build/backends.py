"""The options that say what makes the clips: those of every backend that is installed."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from equime_hub import configs
from equime_hub.builder.backends import BACKENDS
from equime_hub.builder.plan import Plan
from equime_hub.builder.spec import Backend, Preset
from equime_hub.commands.common import talk
from equime_hub.commands.options import FILE, OneOf, OptionGroup, option
from equime_hub.errors import DatasetError
from equime_hub.schema.stamp import read_origin

AUTO = "auto"
"""Batch size that is decided from the memory that is free."""
_PATH = click.Path(exists=True, path_type=Path)
"""Backends write nothing but clips, so a path among their settings is one to read."""


def presets() -> dict[str, Preset]:
    """The presets of all backends."""
    return {name: preset for kind in _kinds().values() for name, preset in kind.presets.items()}


class BackendOptions(OptionGroup):
    """`--backend`, `--backend-config`, `--preset` and the options of all backends, as a backend.

    A setting becomes an option if its field has a `help`; see `builder.spec.Backend`. That is
    looked up when the command is called or asked for its own help, so that no other command
    imports a backend. The argument is the backend as it was said, and whether its batch size is
    to be `auto`.

    Args:
        backend: Name of the backend if none is given.
        settings: Only these become options; None is all.
    """

    def __init__(self, backend: str, settings: Collection[str] | None = None) -> None:
        super().__init__({}, lambda said: said)
        self._default, self._only = backend, settings

    def options(self, taken: Collection[str]) -> Collection[click.Option]:
        """The options; a setting that is called as another option is can be given in the file."""
        if not self.made:
            self.made = {str(one.name): one for one in self._general()}
            self.made |= self._settings({*taken, *self.made})
        return self.made.values()

    def value(self, ctx: click.Context) -> tuple[Backend, bool]:
        """The backend, and whether its batch size is `auto`."""
        said = {name: ctx.params.pop(name) for name in self.made}
        name, config = said.pop("backend"), said.pop("backend_config")
        told = {name: value for name, value in said.items() if value is not None}
        return backend(name, config, told), said.get("batch_size") == AUTO

    def _general(self) -> list[click.Option]:
        having = ", ".join(name for name, kind in _kinds().items() if kind.presets)
        return [
            click.Option(["--backend"], type=OneOf(BACKENDS.names), default=self._default,
                         help="What makes the clips."),
            click.Option(["--backend-config"], type=FILE, help="JSON file with the backend's "
                         'settings, such as {"config": {"noise": 0}}.'),
            click.Option(["--preset"], type=OneOf(presets), help=f"{having}: named settings."),
        ]  # fmt: skip

    def _settings(self, taken: Collection[str]) -> dict[str, click.Option]:
        kinds = _kinds()
        made: dict[str, click.Option] = {}
        for kind in kinds.values():
            config = type(kind().config)
            for field in fields(config):
                name = field.name
                wanted = self._only is None or name in self._only
                if wanted and "help" in field.metadata and name not in {*taken, *made}:
                    auto = {"type": _number_or_auto, "metavar": "N|auto"}
                    more = auto if field.metadata.get(AUTO) else {}
                    owners = ", ".join(owner for owner in kinds if _takes(kinds[owner], name))
                    one = option(config, name, name, mark=owners, both_ways=True,
                                 default=None, show_default=False, **more)  # fmt: skip
                    if isinstance(one.type, click.Path):
                        one.type = _PATH
                    made[name] = one
        return made


def _number_or_auto(value: str) -> int | str:
    if value != AUTO and not (value.isdecimal() and int(value)):
        raise click.BadParameter(f"{value!r} is neither a number of at least 1 nor {AUTO!r}.")
    return AUTO if value == AUTO else int(value)


def backend(name: str, config: Path | None, said: dict[str, Any]) -> Backend:
    """A backend as the command line describes it.

    Args:
        name: Name in `BACKENDS`.
        config: JSON file with its settings.
        said: `preset` and settings; both override the file.

    Raises:
        UsageError: Options of another backend.
        EquimeError: Settings that make no sense.
    """
    kind = BACKENDS.get(name)
    for key, value in said.items():
        if not _takes(kind, key, value):
            owners = [name for name, other in _kinds().items() if _takes(other, key, value)]
            theirs = ", ".join(owners)
            raise click.UsageError(
                f"--preset and the options marked {theirs} are for --backend {theirs}, not {name}."
            )
    made: Backend = configs.from_file(kind, config) if config else kind()
    settings = {key: value for key, value in said.items() if key != "preset" and value != AUTO}
    # A preset takes the place of the file's settings; what was said changes either.
    base = kind.presets[said["preset"]].config if "preset" in said else made.config
    return _with(made, replace(base, **settings))


def fit(backend: Backend, plan: Plan, out: Path) -> Backend:
    """A backend with the batch size for the memory there is, or with that of the build in a folder.

    Args:
        backend: What makes the clips.
        plan: The clips.
        out: Folder of the dataset. The batch size is part of a build, so a resumed one keeps it.
    """
    size = None
    with contextlib.suppress(DatasetError):
        if there := read_origin(out):
            size = there.made_with.get("generation", {}).get("batch_size")
    if size is None:
        backend = backend.fitted(plan.specs[0])
    else:
        backend = _with(backend, replace(backend.config, batch_size=size))
    talk(f"Batch size {backend.batch_size}.")
    return backend


def _with(backend: Backend, config: Any) -> Backend:
    # A backend is a dataclass, which its abstract class cannot say.
    return replace(backend, config=config)  # type: ignore[type-var]


def _kinds() -> dict[str, type[Backend]]:
    """All backends that can be imported; another one is refused when it is asked for."""
    found = {}
    for name in BACKENDS.names():
        with contextlib.suppress(ImportError):
            found[name] = BACKENDS.get(name)
    return found


def _takes(kind: type[Backend], option: str, value: Any = None) -> bool:
    """Whether an option that was said is one of this backend's."""
    if option == "preset":
        return value in kind.presets
    return option in {field.name for field in fields(kind().config)}
