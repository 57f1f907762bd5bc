"""`equime measure`: the quality columns and gates of a dataset that is there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

from equime_hub.builder.measure.gates import GATES, Gates
from equime_hub.builder.measure.meter import CHOICES, Measures
from equime_hub.cards import dataset_card
from equime_hub.commands.common import (
    cores,
    counted,
    json_option,
    progress_bar,
    report,
    talk,
    workers_option,
)
from equime_hub.jobs import measure as job

GATES_HELP = (
    f"Gates that reject clips: all, none, names with commas ({', '.join(GATES)}), or a JSON file "
    "with names and thresholds. Broken clips are always rejected."
)

Function = TypeVar("Function", bound=Callable[..., Any])


def weights_options(function: Function) -> Function:
    """Where the weights of BRISQUE and CLIP-IQA come from."""
    folder = click.Path(exists=True, file_okay=False, path_type=Path)
    for option in (
        click.option("--download", is_flag=True, help="Fetch weights that are not there."),
        click.option("--weights", type=folder, show_default="where piq keeps them",
                     help="Folder with the weights of BRISQUE and CLIP-IQA."),
    ):  # fmt: skip
        function = option(function)
    return function


def chosen(what: Collection[str], weights: Path | None, download: bool) -> Measures:
    """What can be measured of what is asked for; says what cannot, and why."""
    measures, missing = Measures.choose(what, weights, download=download)
    for tool, reason in missing.items():
        talk(f"{tool} is not measured. {reason}")
    return measures


@click.command(
    short_help="Measure the clips of a dataset, and reject some.",
    epilog="""\b
Examples:
  equime measure equime
  equime measure equime --what motion --gates all --json
  equime measure equime --what none --gates static,exaggerated""",
)
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--what",
    default=",".join(CHOICES),
    show_default=True,
    help=f"Names with commas ({', '.join(CHOICES)}), or none: only the gates decide anew.",
)
@click.option("--gates", show_default="those of the build or the last run", help=GATES_HELP)
@weights_options
@click.option("--refresh", is_flag=True, help="Measure clips that have values, too.")
@workers_option
@json_option
def measure(
    dataset: Path,
    what: str,
    gates: str | None,
    weights: Path | None,
    download: bool,
    refresh: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """Fill in the quality columns of the folder DATASET and decide which clips are accepted.

    All else stays as it is. Stop it at any time and start it again: what was measured is kept,
    and the old files stay until all new ones are whole, which takes as much room again. A dataset
    on the Hub is for downloading first.
    """
    names = () if what == "none" else tuple(name.strip() for name in what.split(","))
    measures = chosen(names, weights, download)
    judge = None if gates is None else Gates.parse(gates)
    with progress_bar("files", "files") as checking, progress_bar("clips", "clips") as progress:
        found = job.measure(
            dataset,
            measures,
            judge,
            card=dataset_card.write,
            refresh=refresh,
            workers=workers or cores(),
            progress=progress,
            checking=checking,
        )
    if as_json:
        report(asdict(found))
    else:
        _print(found)
    for gate, clips in found.undecided.items():
        talk(f"The gate {gate!r} let {counted(clips, 'clip', 'clips')} pass unmeasured.")


def _print(found: job.MeasureReport) -> None:
    click.echo(
        f"{found.folder}: {counted(found.clips, 'clip', 'clips')} ({found.measured} measured now, "
        f"{counted(found.shards, 'shard', 'shards')} replaced)"
    )
    for reason in dict.fromkeys([*found.after, *found.before]):
        after, before = found.after.get(reason, 0), found.before.get(reason, 0)
        click.echo(f"  {reason:<20} {after:>7} clips, {before} before")
