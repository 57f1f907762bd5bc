"""What all commands share: errors as sentences, progress on stderr, data on stdout."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from equime_hub.builder.spec import Progress
from equime_hub.errors import EquimeError

Function = TypeVar("Function", bound=Callable[..., Any])

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells use it."""


class Program(click.Group):
    """A group that turns exceptions into one sentence on stderr.

    Exit codes: 2 for a wrong call, 1 for a failure, 130 after Ctrl-C.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except EquimeError as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"equime: {error}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo(
                "\nequime: stopped. What is finished is kept; the same command goes on from there.",
                err=True,
            )
            ctx.exit(INTERRUPTED)


def json_option(function: Function) -> Function:
    """`--json`: the report as one JSON object on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Report as JSON.")(function)


def workers_option(function: Function) -> Function:
    """`--workers N`: processes, one core each."""
    return click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=os.cpu_count() or 1,
        show_default="all cores",
        help="Processes, one core each.",
    )(function)


def talk(message: str) -> None:
    """Say something to the person, on stderr."""
    click.echo(message, err=True)


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun.

    >>> counted(1, "person", "people"), counted(1200, "clip", "clips")
    ('1 person', '1,200 clips')
    """
    return f"{number:,} {one if number == 1 else many}"


def report(values: dict[str, Any]) -> None:
    """Print a report as JSON on stdout."""
    click.echo(json.dumps(values, indent=2, default=str))


@contextlib.contextmanager
def progress_bar(what: str, unit: str) -> Iterator[Progress]:
    """A progress bar on stderr with rate and time left; gives the function that moves it."""
    from tqdm import tqdm

    bar: Any = None

    def move(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(
                total=total, initial=done, desc=what, unit=f" {unit}", file=sys.stderr,
                dynamic_ncols=True, smoothing=0.1,
            )  # fmt: skip
        bar.update(done - bar.n)

    try:
        yield move
    finally:
        if bar is not None:
            bar.close()
