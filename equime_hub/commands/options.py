"""Commands made from functions, and options made from the fields of dataclasses.

What a command takes is said once: in the signature of its function, whose positional arguments
are its arguments and whose keyword-only ones its options, and in the docstring, which is its help:

    @command("Blur pictures.", where={"metavar": "PLACE"})
    def blur(picture: File, *, size: Count = 3, where: str | None = None, how: Drawing) -> None:
        '''Blur PICTURE.

        Options:
            size: Pixels. [default: what fits]
            where: Only there.

        And last, below "Examples:", how it is called.
        '''

An argument may also be a whole dataclass. That is the one place then that knows what a setting is
called, which values it takes, what it is when nobody says, and what it means. From

    @dataclass(frozen=True)
    class Drawing:  # "Attributes:" in its docstring say "radius: Pixels." and "edges: Keep sharp."
        radius: int = 3
        edges: bool = False

`command(..., how=options_of(Drawing, rename={"radius": "size"}))` makes `--size INTEGER  Pixels.
[default: 3]` and `--edges`. The metadata of a field may say `help` in place of the docstring, and
`min` and `max` of a number. Where a preset or a file is the base and the command line changes it,
`changes_to` makes the same options and gives a dict of those that were said:
`replace(base, **changes)`.
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
from typing import Annotated, Any

import click
from click.core import ParameterSource

from equime_hub.commands.common import AS_JSON
from equime_hub.errors import EquimeError

Made = dict[str, Any]
"""Arguments for `click.Option` or `click.Argument`, and the few that `_option` adds."""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
POSITIVE = click.IntRange(min=1)
NAMES: Made = {
    "type": str, "multiple": False, "metavar": "A,B,...",
    "callback": lambda ctx, param, text: (
        None if text is None else tuple(name.strip() for name in text.split(","))
    ),
}  # fmt: skip
"""Of a tuple of names that are told behind commas."""


class Told:
    """What `click` is told of every option of a type that several commands have."""

    def __init__(self, **made: Any) -> None:
        self.made = made


File = Annotated[Path, FILE]
Folder = Annotated[Path, FOLDER]
"""A file and a folder to read."""
OutFile = Annotated[Path, click.Path(dir_okay=False, path_type=Path)]
OutFolder = Annotated[Path, click.Path(file_okay=False, path_type=Path)]
"""A file and a folder to write."""
Count = Annotated[int, POSITIVE]
"""At least 1."""
Workers = Annotated[int, Told(
    type=POSITIVE, help="Processes, one core or GPU each.", show_default="all cores; 1 with a GPU"
)]  # fmt: skip
Device = Annotated[str, Told(help="Such as cuda:1.", show_default="the first GPU, or cpu")]
Repository = Annotated[str, Told(metavar="ORG/NAME")]

_ONE_MEANING = re.compile(r"^    (\w+): (.+(?:\n        .+)*)", flags=re.M)


def ending(suffixes: Collection[str]) -> Made:
    """An option for a file to write that ends in one of these; others are refused at once."""

    def check(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
        if path and path.suffix not in suffixes:
            raise click.BadParameter(f"{path.name!r} does not end in {', '.join(suffixes)}.")
        return path

    return {"type": click.Path(dir_okay=False, path_type=Path), "callback": check}


class OneOf(click.Choice[str]):
    """One of some names that are looked up when they are needed: those of a registry, say.

    Reading the entry points of other packages, or importing what has the names, is then no cost
    of commands that do not use them.
    """

    # Of `click.Choice`, whose __init__ would look the names up.
    case_sensitive = True

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self._names = names

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        """The names."""
        return tuple(self._names())


class OptionGroup:
    """Options that together are one argument of a command.

    Args:
        options: Field → its option.
        build: Makes the argument from the fields that were said.
        always: Fields whose default counts as said.
    """

    def __init__(
        self,
        options: dict[str, click.Option],
        build: Callable[[dict[str, Any]], Any],
        always: Collection[str] = (),
    ) -> None:
        self.made, self._build, self._always = options, build, always

    def options(self, taken: Collection[str]) -> Collection[click.Option]:
        """The options, in the order of the help text, beside others with the names `taken`."""
        return self.made.values()

    def value(self, ctx: click.Context) -> Any:
        """What was said, taken out of the parameters of a command.

        Raises:
            UsageError: The dataclass refuses it.
        """
        said = {}
        for field, option in self.made.items():
            name = str(option.name)
            value = ctx.params.pop(name)
            # What was not said is left to the dataclass, unless the command knows better.
            if field in self._always or ctx.get_parameter_source(name) != ParameterSource.DEFAULT:
                said[field] = value
        try:
            return self._build(said)
        except (EquimeError, ValueError) as error:
            raise click.UsageError(str(error), ctx) from error


class Command(click.Command):
    """A command some of whose arguments are groups of options, and whose help may have headings.

    Args:
        order: Names of the function's arguments, those of groups among them.
        groups: Argument → its options.
        sections: Heading → names of options; those of no section come last.
    """

    def __init__(
        self,
        *given: Any,
        order: Sequence[str],
        groups: Mapping[str, OptionGroup],
        sections: Mapping[str, Sequence[str]],
        **more: Any,
    ) -> None:
        super().__init__(*given, **more)
        self._order, self._groups, self._sections = order, groups, sections

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """All options, in the order of the function's arguments."""
        own = {str(param.name): param for param in super().get_params(ctx)}
        made = [one.name for group in self._groups.values() for one in group.made.values()]
        found: list[click.Parameter] = []
        for name in self._order:
            if name in self._groups:
                found += self._groups[name].options([*own, *map(str, made)])
            else:
                found.append(own[name])
        # Left are `--help` and a `--json` that comes last; neither is an argument of the function.
        return [*found, *(param for name, param in own.items() if name not in self._order)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the function with each group as one argument."""
        ctx.meta[AS_JSON] = ctx.params.pop(AS_JSON, False)
        for name, group in self._groups.items():
            ctx.params[name] = group.value(ctx)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        left = {one.name: record for one in options if (record := one.get_help_record(ctx))}
        for title, names in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([left.pop(name) for name in names])
        with formatter.section("Options"):
            formatter.write_dl(list(left.values()))


def command(
    short: str | None = None,
    *,
    of: click.Group | None = None,
    json: bool | str = True,
    sections: Mapping[str, Sequence[str]] | None = None,
    **more: Made | OptionGroup,
) -> Callable[[Callable[..., None]], Command]:
    """Makes a command of a function; see the head of this module.

    Args:
        short: What it does, for the list of commands; None takes the docstring's first sentence.
        of: The group that it belongs to.
        json: Whether it has `--json`, for `common.report`; or the argument that this comes before.
        sections: Heading of the help → names of options.
        more: Argument → its group of options, unless its annotation names that; or what `click`
            is to be told besides (`_option`).
    """

    def decorate(function: Callable[..., None]) -> Command:
        about, meanings, examples = _parts(function)
        hints = typing.get_type_hints(function, include_extras=True)
        groups: dict[str, OptionGroup] = {}
        order, params = [], []
        for name, argument in inspect.signature(function).parameters.items():
            if name == json:
                order.append(AS_JSON)
            order.append(name)
            told = more.get(name) or _group_of(hints[name]) or {}
            if isinstance(told, OptionGroup):
                groups[name] = told
                continue
            # What a callback makes of the text is what the annotation says, not the option's type.
            kind = {} if "callback" in told else _by_type(hints[name])
            own = kind | meanings.get(name, {}) | told
            if argument.default is not argument.empty:
                own = {"default": argument.default} | own
            optional = argument.kind is argument.KEYWORD_ONLY
            params.append((_option if optional else _argument)(name, own))
        flag = click.Option(["--json", AS_JSON], is_flag=True, help="Report as JSON.")
        made = Command(
            function.__name__.rstrip("_").replace("_", "-"),
            callback=function,
            params=[*params, flag] if json else params,
            help=about,
            epilog=examples,
            short_help=short,
            order=order,
            groups=groups,
            sections=sections or {},
        )
        if of:
            of.add_command(made)
        return made

    return decorate


def group(short: str) -> Callable[[Callable[[], None]], click.Group]:
    """Makes a group of commands; the docstring of the function is its help."""

    def decorate(function: Callable[[], None]) -> click.Group:
        about, _, examples = _parts(function)
        return click.Group(
            function.__name__, callback=function, help=about, epilog=examples, short_help=short
        )

    return decorate


def options_of(
    config: type,
    *names: str,
    rename: Mapping[str, str] | None = None,
    **more: Made,
) -> OptionGroup:
    """Options for the fields of a dataclass; the command gets one.

    Args:
        config: The dataclass. What it refuses becomes a usage error.
        names: Its fields, in the order of the help text; none stands for all.
        rename: Field → what it is called on the command line (`frames` becomes `--frames`).
        more: Field → arguments for `click.Option` that win over those of the field.
    """
    chosen = names or tuple(_fields(config))
    return _group(config, chosen, rename or {}, more, lambda said: config(**said))


def changes_to(
    config: type,
    *names: str,
    rename: Mapping[str, str] | None = None,
    mark: str = "",
    **more: Made,
) -> OptionGroup:
    """Like `options_of`, but the command gets a dict of only those fields that were said.

    `mark` says to what the options belong, at the head of what each of them means.
    """
    # The preset or file decides what holds if nothing is said, so no default is shown, and a
    # flag can also be taken back.
    base = {"show_default": False, "both_ways": True, "mark": mark}
    told = {name: base | more.get(name, {}) for name in names}
    return _group(config, names, rename or {}, told, lambda said: said)


def option(config: type, name: str, called: str, **more: Any) -> click.Option:
    """The option of one field.

    Args:
        config: The dataclass.
        name: The field.
        called: What it is called on the command line.
        more: For `click.Option`; also `mark`, to what it belongs, and `both_ways`, which gives a
            flag its `--no-`.
    """
    field = _fields(config)[name]
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    given = _by_type(typing.get_type_hints(config, include_extras=True)[name])
    given |= _meanings(inspect.getdoc(config) or "", "Attributes").get(name, {})
    if "help" in field.metadata:
        given["help"] = field.metadata["help"]
    if bounds := {end: field.metadata[end] for end in ("min", "max") if end in field.metadata}:
        ranged = click.IntRange if given["type"] is int else click.FloatRange
        given["type"] = ranged(**bounds)
    if default is not dataclasses.MISSING:
        given["default"] = default
    return _option(called, given | more)


def _group(
    config: type,
    names: Collection[str],
    rename: Mapping[str, str],
    more: Mapping[str, Made],
    build: Callable[[dict[str, Any]], Any],
) -> OptionGroup:
    made = {name: option(config, name, rename.get(name, name), **more.get(name, {}))
            for name in names}  # fmt: skip
    return OptionGroup(made, build, [name for name in names if "default" in more.get(name, {})])


def _option(name: str, given: Made) -> click.Option:
    """The option for the argument `name`.

    Args:
        name: Of the argument.
        given: For `click.Option`; besides, `called` is what it is called on the command line,
            `also` another flag, `mark` to what it belongs, `both_ways` gives a flag its `--no-`,
            and `off` another name for that.
    """
    flag = f"--{given.pop('called', name.rstrip('_')).replace('_', '-')}"
    also, mark = given.pop("also", None), given.pop("mark", "")
    off, both_ways = given.pop("off", f"no-{flag[2:]}"), given.pop("both_ways", False)
    default = given.get("default")
    given.setdefault("required", "default" not in given)
    # False and nothing go without saying; 0 does not.
    given.setdefault("show_default", not (default in (None, (), "") or default is False))
    if given.get("is_flag") and (both_ways or default is True):
        flag += f"/--{off}"
    if mark:
        given["help"] = f"{mark}: {given.get('help', '')}"
    return click.Option([flag, *([also] if also else []), name], **given)


def _argument(name: str, given: Made) -> click.Argument:
    if given.pop("multiple", False):
        given["nargs"] = -1
    return click.Argument([name], required="default" not in given, **given)


def _group_of(kind: Any) -> OptionGroup | None:
    """The group that an annotation names."""
    return next((one for one in typing.get_args(kind) if isinstance(one, OptionGroup)), None)


def _by_type(kind: Any) -> Made:
    """What the annotation of an argument or a field says about its option."""
    # "X | None" is an option that need not be said; which type it takes says X.
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        kind = next(one for one in typing.get_args(kind) if one is not types.NoneType)
    inner = typing.get_args(kind)
    if typing.get_origin(kind) is Annotated:
        told = inner[1]
        return _by_type(inner[0]) | (told.made if isinstance(told, Told) else {"type": told})
    if kind is bool:
        return {"is_flag": True}
    if typing.get_origin(kind) is typing.Literal:
        return {"type": click.Choice(inner)}
    if typing.get_origin(kind) is tuple:
        several = {"multiple": True} if inner[-1] is Ellipsis else {"nargs": len(inner)}
        return {**_by_type(inner[0]), **several}
    return {"type": click.Path(path_type=Path) if kind is Path else kind}


def _fields(config: type) -> dict[str, dataclasses.Field[Any]]:
    return {field.name: field for field in dataclasses.fields(config) if field.init}


def _parts(function: Callable[..., Any]) -> tuple[str, dict[str, Made], str]:
    """Help, meanings of options, and examples as `click` prints them, out of a docstring."""
    text = inspect.getdoc(function) or ""
    about, *rest = re.split(r"^(?=(?:Options|Examples?):$)", text, flags=re.M)
    # `python -OO` keeps no docstrings: commands work then, and their help is short.
    examples = re.sub("^    ", "  ", rest[-1] if rest else "", flags=re.M)
    # Behind \b, click leaves the lines of a paragraph as they are.
    examples = examples.replace("\n\n", "\n\n\b\n")
    return about.strip(), _meanings(text, "Options"), f"\b\n{examples}"


@functools.cache
def _meanings(text: str, section: str) -> dict[str, Made]:
    """Name → what one section of a docstring says about it, with the default in its own words."""
    _, _, found = text.partition(f"{section}:\n")
    found, *_ = re.split(r"^\S", found, maxsplit=1, flags=re.M)
    meanings: dict[str, Made] = {}
    for name, told in _ONE_MEANING.findall(found):
        meaning, default, words = " ".join(told.split()).partition(" [default: ")
        meanings[name] = {"help": meaning}
        if default:
            meanings[name]["show_default"] = words.removesuffix("]")
    return meanings
