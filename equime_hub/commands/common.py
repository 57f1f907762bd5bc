"""What all commands share: errors as sentences, progress on stderr, data on stdout."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from equime_hub.errors import EquimeError
from equime_hub.progress import Progress
from equime_hub.tables import columns as columns
from equime_hub.tables import counted as counted

_BAR = (
    "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} "
    "[{elapsed}<{remaining}, {rate_noinv_fmt}]"
)

AS_JSON = "as_json"
"""Name of the option `--json`, whose value is kept in the context of a command."""
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


def cores() -> int:
    """Cores that this process may use, which can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):  # Linux alone can tell
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def talk(message: str) -> None:
    """Say something to the person, on stderr."""
    click.echo(message, err=True)


def json_wanted() -> bool:
    """Whether the command was called with `--json`."""
    return bool(click.get_current_context().meta[AS_JSON])


def report(values: Mapping[str, Any], text: str | Iterable[str] = (), *hints: str) -> None:
    """Print what was found: with `--json` as one object, else as text with hints on stderr.

    Args:
        values: Everything, for programs.
        text: The same for people: a text or its lines, made only if they are wanted.
        hints: What people are told besides, such as what to do next.
    """
    if json_wanted():
        click.echo(json.dumps(values, indent=2, default=str))
        return
    for line in [text] if isinstance(text, str) else text:
        click.echo(line)
    for hint in hints:
        talk(hint)


@contextlib.contextmanager
def progress_bar(what: str, unit: str) -> Iterator[Progress]:
    """A progress bar on stderr with rate and time left; gives the function that moves it."""
    from tqdm import tqdm

    bar: Any = None

    def move(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:  # a job that goes on begins with what is done, so the rate is its own
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
