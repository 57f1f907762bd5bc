"""`equime measure`: the quality columns and gates of a dataset that is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from equime_hub.builder.measure.gates import GATES, Gates
from equime_hub.builder.measure.meter import CHOICES, Measures
from equime_hub.cards import dataset_card
from equime_hub.commands.common import cores, counted, progress_bar, report, talk
from equime_hub.commands.options import Folder, Workers, command, options_of
from equime_hub.jobs import measure as job

_GATES = (
    f"Gates that reject clips: all, none, names with commas ({', '.join(GATES)}), or a JSON file "
    "with names and thresholds. Broken clips are always rejected."
)


@dataclass(frozen=True)
class Measuring:
    """What is measured, and what is rejected for it.

    Attributes:
        what: What is measured: names with commas, or none.
        gates: Gates that reject clips, as `Gates.parse` reads them; None keeps those there are.
        weights: Folder with the weights of BRISQUE and CLIP-IQA. [default: where piq keeps them]
        download: Fetch weights that are not there.
    """

    what: str = ",".join(CHOICES)
    gates: str | None = field(default=None, metadata={"help": _GATES})
    weights: Folder | None = None
    download: bool = False

    def measures(self) -> Measures:
        """What can be measured of what is asked for; says what cannot, and why."""
        names = () if self.what == "none" else tuple(map(str.strip, self.what.split(",")))
        measures, missing = Measures.choose(names, self.weights, download=self.download)
        for tool, reason in missing.items():
            talk(f"{tool} is not measured. {reason}")
        return measures


@command(
    "Measure the clips of a dataset, and reject some.",
    measuring=options_of(
        Measuring,
        what={
            "show_default": True,
            "help": f"Names with commas ({', '.join(CHOICES)}), or none: only the gates decide "
            "anew.",
        },
        gates={"show_default": "those of the build or the last run"},
    ),
)
def measure(
    dataset: Path,
    *,
    measuring: Measuring,
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
    measures = measuring.measures()
    judge = None if measuring.gates is None else Gates.parse(measuring.gates)
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
