"""`equime observe`: what tools see in the clips of a dataset, beside what was intended."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from shlex import quote

import click

from equime_hub.builder.observers import AU_OBSERVERS, EMOTION_OBSERVERS
from equime_hub.commands.common import counted, progress_bar, report
from equime_hub.commands.options import Folder, OutFolder, command
from equime_hub.jobs import observe as job


@command(
    "Let tools name the emotions and AUs they see.",
    emotion={"type": click.Choice(EMOTION_OBSERVERS.names())},
    aus={"type": click.Choice(AU_OBSERVERS.names())},
    folder={"called": "csv"},
)
def observe(
    dataset: OutFolder = Path("equime"),
    *,
    emotion: str | None = None,
    aus: str | None = None,
    folder: Folder | None = None,
    download: bool = False,
) -> None:
    """Write what tools see at the apex of each clip into the observed columns of a DATASET.

    No label is changed. Stop it at any time: the dataset is as it was until all is seen, and the
    same command goes on from there. Compare with what was intended: equime report agreement

    Options:
        emotion: Who names emotions.
        aus: Who measures AUs.
        folder: Where the AUs are: CLIP_ID.csv, one file a clip.
        download: Let it fetch weights that are missing, without a checksum.

    Examples:
        equime observe equime --emotion deepface
        equime observe equime --aus openface --csv openface-results/
    """
    from equime_hub.cards import dataset_card

    if not (emotion or aus):
        raise click.UsageError("Say who shall observe: --emotion deepface, --aus openface.")
    if folder and not aus:
        raise click.UsageError("--csv holds AUs: say whose, such as --aus openface.")
    who = EMOTION_OBSERVERS.get(emotion)(download=download) if emotion else None
    what = AU_OBSERVERS.get(aus)(folder=folder) if aus else None
    with progress_bar("checking", "files") as checking, progress_bar("looking", "clips") as seen:
        done = job.observe(
            dataset,
            who,
            what,
            card=dataset_card.write,
            progress=seen,
            checking=checking,
        )
    report(
        asdict(done),
        [
            f"{what} observed in {clips:,} of {counted(done.clips, 'clip', 'clips')}"
            for what, clips in (("emotion", done.emotions), ("AUs", done.units))
            if clips is not None
        ],
        f"Next: equime report agreement {quote(str(dataset))}",
    )
