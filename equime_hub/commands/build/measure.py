"""`equime measure`: the quality columns and gates of a dataset that is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from equime_hub.builder.measure.gates import GATES, Gates
from equime_hub.builder.measure.meter import CHOICES, Measures
from equime_hub.cards import dataset_card
from equime_hub.commands.common import cores, counted, progress_bar, report, talk
from equime_hub.commands.options import FOLDER, Told, Workers, command
from equime_hub.jobs import measure as job

GATES_HELP = (
    f"Gates that reject clips: all, none, names with commas ({', '.join(GATES)}), or a JSON file "
    "with names and thresholds. Broken clips are always rejected."
)

Weights = Annotated[Path, Told(
    type=FOLDER, help="Folder with the weights of BRISQUE and CLIP-IQA.",
    show_default="where piq keeps them",
)]  # fmt: skip
Download = Annotated[bool, Told(help="Fetch weights that are not there.")]


def chosen(what: Collection[str], weights: Path | None, download: bool) -> Measures:
    """What can be measured of what is asked for; says what cannot, and why."""
    measures, missing = Measures.choose(what, weights, download=download)
    for tool, reason in missing.items():
        talk(f"{tool} is not measured. {reason}")
    return measures


@command(
    "Measure the clips of a dataset, and reject some.",
    what={"help": f"Names with commas ({', '.join(CHOICES)}), or none: only the gates decide "
          "anew."},
    gates={"help": GATES_HELP, "show_default": "those of the build or the last run"},
)  # fmt: skip
def measure(
    dataset: Path,
    *,
    what: str = ",".join(CHOICES),
    gates: str | None = None,
    weights: Weights | None = None,
    download: Download = False,
    refresh: bool = False,
    workers: Workers | None = None,
) -> None:
    """Fill in the quality columns of the folder DATASET and decide which clips are accepted.

    All else stays as it is. Stop it at any time and start it again: what was measured is kept,
    and the old files stay until all new ones are whole, which takes as much room again. A dataset
    on the Hub is for downloading first.

    Options:
        refresh: Measure clips that have values, too.

    Examples:
        equime measure equime
        equime measure equime --what motion --gates all --json
        equime measure equime --what none --gates static,exaggerated
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
    report(asdict(found), _lines(found))
    for gate, clips in found.undecided.items():
        talk(f"The gate {gate!r} let {counted(clips, 'clip', 'clips')} pass unmeasured.")


def _lines(found: job.MeasureReport) -> Iterator[str]:
    yield (
        f"{found.folder}: {counted(found.clips, 'clip', 'clips')} ({found.measured} measured now, "
        f"{counted(found.shards, 'shard', 'shards')} replaced)"
    )
    for reason in dict.fromkeys([*found.after, *found.before]):
        after, before = found.after.get(reason, 0), found.before.get(reason, 0)
        yield f"  {reason:<20} {after:>7} clips, {before} before"
