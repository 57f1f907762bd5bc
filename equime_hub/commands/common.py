"""What all commands share: errors as sentences, progress on stderr, data on stdout."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import click

from equime_hub.errors import EquimeError
from equime_hub.progress import Progress
from equime_hub.tables import counted as counted

Function = TypeVar("Function", bound=Callable[..., Any])

_BAR = (
    "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} "
    "[{elapsed}<{remaining}, {rate_noinv_fmt}]"
)

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells use it."""


class Program(click.Group):
    """A group that turns exceptions into one sentence on stderr.

    Exit codes: 2 for a wrong call, 1 for a failure, 130 after Ctrl-C.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        # What systemd, containers and schedulers send; handled as Ctrl-C is.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return super().invoke(ctx)
        except EquimeError as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"equime: {error}", err=True)
            ctx.exit(1)
        except OSError as error:
            if ctx.params.get("debug") or error.errno == errno.EPIPE:  # click knows broken pipes
                raise
            click.echo(f"equime: {error}. Mend that and run the same command again.", err=True)
            ctx.exit(1)
        except MemoryError:
            click.echo("equime: out of memory; ask for fewer workers or smaller clips.", err=True)
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
        "--workers", type=click.IntRange(min=1), show_default="all cores; 1 with a GPU",
        help="Processes, one core or GPU each.",
    )(function)  # fmt: skip


def cores() -> int:
    """Cores that this process may use, which can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def talk(message: str) -> None:
    """Say something to the person, on stderr."""
    click.echo(message, err=True)


def columns(rows: Iterable[Sequence[object]], width: int) -> str:
    """Rows as text: the first column to the left, the others to the right and `width` wide.

    >>> print(columns([("people", "train"), ("woman", 12)], 7))
    people  train
    woman      12
    """
    texts = [[str(cell) for cell in row] for row in rows]
    first = max(len(text[0]) for text in texts)
    return "\n".join(
        text[0].ljust(first) + "".join(cell.rjust(width) for cell in text[1:]) for text in texts
    )


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
                dynamic_ncols=True, smoothing=0.1, bar_format=_BAR,
            )  # fmt: skip
        bar.update(done - bar.n)

    try:
        yield move
    finally:
        if bar is not None:
            bar.close()
