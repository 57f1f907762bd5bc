"""Options of a command, made from the fields of the dataclass that they fill in.

The dataclass is the one place that knows what a setting is called, which values it takes, what
it is when nobody says, and what it means. From

    @dataclass(frozen=True)
    class Blur:  # "Attributes:" in its docstring say "radius: Pixels." and "edges: Keep sharp."
        radius: int = 3
        edges: bool = False

comes a command with `--size INTEGER RANGE  Pixels.  [default: 3; x>=0]` and `--edges`:

    @click.command()
    @options_of(
        Blur, into="how", rename={"radius": "size"}, radius={"type": click.IntRange(min=0)}
    )
    def blur(how: Blur) -> None: ...

The metadata of a field may say `help` in place of the docstring, and `min` and `max` of a number.
Where a preset or a file is the base and the command line changes it, `changes_to` makes the same
options and gives a dict of those that were said: `replace(base, **changes)`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from equime_hub.commands.common import Function
from equime_hub.errors import EquimeError

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
OUT_FILE = click.Path(dir_okay=False, path_type=Path)
"""Types of options: a file or folder to read, and a file to write."""
POSITIVE = click.IntRange(min=1)

_ONE_FIELD = re.compile(r"^    (\w+): (.+(?:\n        .+)*)", flags=re.M)


class OneOf(click.Choice[str]):
    """One of some names that are looked up when they are needed: those of a registry, say.

    Reading the entry points of other packages, or importing what has the names, is then no cost
    of commands that do not use them.
    """

    case_sensitive = True

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self._names = names

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        """The names."""
        return tuple(self._names())


class Sections(click.Command):
    """A command whose help has its options under headings.

    Args:
        sections: Heading → names of arguments; those of no section come last.
    """

    def __init__(self, *given: Any, sections: Mapping[str, Sequence[str]], **more: Any) -> None:
        super().__init__(*given, **more)
        self._sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options."""
        left = {p.name: record for p in self.get_params(ctx) if (record := p.get_help_record(ctx))}
        for title, names in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([left.pop(name) for name in names])
        with formatter.section("Options"):
            formatter.write_dl(list(left.values()))


def options_of(
    config: type,
    *names: str,
    into: str = "config",
    exclude: Collection[str] = (),
    rename: Mapping[str, str] | None = None,
    **more: dict[str, Any],
) -> Callable[[Function], Function]:
    """Options for the fields of a dataclass; the command gets it as one argument.

    Args:
        config: The dataclass. What it refuses becomes a usage error.
        names: Its fields, in the order of the help text; none stands for all.
        into: Name of the argument.
        exclude: Fields that are no options.
        rename: Field → what it is called on the command line (`frames` becomes `--frames`).
        more: Field → arguments for `click.option` that win over those of the field.
    """

    def build(said: dict[str, Any]) -> Any:
        try:
            return config(**said)
        except (EquimeError, ValueError) as error:
            raise click.UsageError(str(error)) from error

    chosen = [name for name in names or _fields(config) if name not in exclude]
    return _options(config, chosen, into, rename or {}, more, build)


def changes_to(
    config: type,
    *names: str,
    into: str = "changes",
    rename: Mapping[str, str] | None = None,
    mark: str = "",
    **more: dict[str, Any],
) -> Callable[[Function], Function]:
    """Like `options_of`, but the command gets a dict of only those fields that were said.

    `mark` says to what the options belong, at the head of what each of them means.
    """
    # The preset or file decides what holds if nothing is said, so no default is shown, and a
    # flag can also be taken back.
    for name in names:
        more[name] = {
            "show_default": False, "both_ways": True, "mark": mark, **more.get(name, {})
        }  # fmt: skip
    return _options(config, names, into, rename or {}, more, lambda said: said)


def option(
    config: type, name: str, called: str, *, mark: str = "", both_ways: bool = False, **more: Any
) -> click.Option:
    """The option of one field; `both_ways` gives a flag its `--no-`."""
    field = _fields(config)[name]
    flag = f"--{called.replace('_', '-')}"
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    given = _by_type(typing.get_type_hints(config)[name])
    if default is dataclasses.MISSING:
        given["required"] = True
    else:
        given["default"] = default
        # False and nothing go without saying; 0 does not.
        given["show_default"] = not (default is None or default is False or default in ((), ""))
    if bounds := {end: field.metadata[end] for end in ("min", "max") if end in field.metadata}:
        kind = click.IntRange if given["type"] is int else click.FloatRange
        given["type"] = kind(**bounds)
    given["help"] = field.metadata.get("help") or _meanings(config).get(name)
    if given.get("is_flag") and (both_ways or default is True):
        flag += f"/--no-{flag[2:]}"
    given |= more
    if mark:
        given["help"] = f"{mark}: {given['help']}"
    return click.Option([flag, called], **given)


def _options(
    config: type,
    names: Collection[str],
    into: str,
    rename: Mapping[str, str],
    more: Mapping[str, dict[str, Any]],
    build: Callable[[dict[str, Any]], Any],
) -> Callable[[Function], Function]:
    called = {name: rename.get(name, name) for name in names}
    made = [option(config, name, called[name], **more.get(name, {})) for name in names]

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def with_one_argument(*args: Any, **given: Any) -> Any:
            source = click.get_current_context().get_parameter_source
            values = {name: given.pop(called[name]) for name in names}
            said = {
                name: value
                for name, value in values.items()
                # What was not said is left to the dataclass, unless the command knows better.
                if source(called[name]) is not ParameterSource.DEFAULT
                or more.get(name, {}).get("default") is not None
            }
            return function(*args, **given, **{into: build(said)})

        params = getattr(with_one_argument, "__click_params__", [])
        # Decorators are applied from below, and click turns the list around in the end.
        with_one_argument.__click_params__ = [*params, *reversed(made)]  # type: ignore[attr-defined]
        return typing.cast(Function, with_one_argument)

    return decorate


def _by_type(kind: Any) -> dict[str, Any]:
    """What the annotation of a field says about its option."""
    if isinstance(kind, types.UnionType):
        kind = next(one for one in typing.get_args(kind) if one is not types.NoneType)
    inner = typing.get_args(kind)
    if kind is bool:
        return {"is_flag": True}
    if typing.get_origin(kind) is typing.Literal:
        return {"type": click.Choice(inner)}
    if typing.get_origin(kind) is tuple:
        several = {"multiple": True} if inner[-1] is Ellipsis else {"nargs": len(inner)}
        return {"type": inner[0], **several}
    return {"type": click.Path(path_type=Path) if kind is Path else kind}


def _fields(config: type) -> dict[str, dataclasses.Field[Any]]:
    return {field.name: field for field in dataclasses.fields(config) if field.init}


@functools.cache
def _meanings(config: type) -> dict[str, str]:
    """Field → what the "Attributes:" of the docstring say about it."""
    _, _, section = inspect.getdoc(config).partition("Attributes:\n")  # type: ignore[union-attr]
    section, *_ = re.split(r"^\S", section, maxsplit=1, flags=re.M)
    return {name: " ".join(text.split()) for name, text in _ONE_FIELD.findall(section)}
