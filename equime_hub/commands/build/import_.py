"""`equime import`: a licensed dataset from a lab's folder, in our columns."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.exceptions import Exit

from equime_hub.commands.common import cores, counted, progress_bar, report, talk
from equime_hub.commands.options import Workers, changes_to, command
from equime_hub.loading_script.real import REAL
from equime_hub.loading_script.real.clip import SPANS, Options
from equime_hub.loading_script.real.dataset import RealDataset, declared, listed

_LISTED = 10


@command(
    "Bring a licensed dataset into our columns, locally.",
    changes=changes_to(
        Options,
        *("part", "span", "cropped", "fixes", "label_map", "normalize_fps"),
        rename={"fixes": "no_fixes"},
        part={"help": "Only this part, such as hs of smic."},
        span={
            "type": click.Choice(SPANS),
            "show_default": True,
            "help": "Onset to offset, or all frames of the recording.",
        },
        cropped={"both_ways": False, "help": "Read the release's folder of cropped faces."},
        fixes={  # the option --no-fixes says the opposite of the field
            "default": False,
            "both_ways": False,
            "callback": lambda ctx, param, left: not left,
            "help": "Leave known errors of the annotation as they are.",
        },
        label_map={"metavar": "MAP", "help": "Map that gives emotion_3, such as he3."},
        normalize_fps={
            "type": click.FloatRange(min=0, min_open=True),
            "metavar": "FPS",
            "help": "Choose frames of faster clips at this rate; slower ones stay.",
        },
    ),
)
def import_(
    name: str | None = None,
    *,
    root: Path | None = None,
    out: Path | None = None,
    changes: dict[str, Any],
    check: bool = False,
    list_: bool = False,
    workers: Workers | None = None,
) -> None:
    """Import the licensed dataset NAME from the folder --root into the folder --out.

    Nothing leaves this machine, and the result is marked: no push takes it. Stop it at any time
    and start it again: what is finished is kept.

    Options:
        root: Your copy of the release.
        out: Folder of the dataset: new or empty.
        check: Say what is there against the release; write nothing.
        list_: Say which datasets there are.

    Examples:
        equime import --list
        equime import samm --root /data/SAMM --check
        equime import samm --root /data/SAMM --out samm --workers 4
        equime import smic --part hs --cropped --root /data/SMIC --out smic
    """
    if list_:
        known = declared()
        report(
            {d.name: {"title": d.title, "licence": d.licence, "needs": d.needs} for d in known},
            [f"{d.name:<16} {d.title}\n{'':<16} {d.needs}" for d in known],
        )
        return
    if name is None or root is None:
        raise click.UsageError("Give NAME and --root, or --list to see the names.")
    root = root.absolute()  # what datasets find below it is then absolute, too
    dataset: RealDataset = REAL.get(name)()
    options = Options(**changes)
    if check:
        _check(dataset, root, options)
    elif out is None:
        raise click.UsageError("Give --out, the folder to write, or --check to look only.")
    else:
        _import(dataset, root, out, options, workers or cores())


def _import(dataset: RealDataset, root: Path, out: Path, options: Options, workers: int) -> None:
    from equime_hub.cards import dataset_card
    from equime_hub.jobs import import_ as job
    from equime_hub.loading_script.real import notes, pixels
    from equime_hub.loading_script.real.frames import normalized

    with notes.collected() as remarks:
        found = listed(dataset, root, options)
    for remark in remarks:
        talk(remark)
    clips = [normalized(clip, options.normalize_fps) for clip in found]
    source = job.ImportSource(
        dataset.name,
        dataset.title,
        dataset.licence,
        dataset.citation,
        clips,
        partial(pixels.read, root),
        {"options": asdict(options), "encoding": pixels.ENCODER.describe()},
    )
    with progress_bar("clips", "clips") as progress:
        done = job.import_clips(
            source, out, card=dataset_card.write, workers=workers, progress=progress
        )
    report(
        asdict(done),
        f"{done.folder}: {counted(done.clips, 'clip', 'clips')} of {dataset.title} "
        f"({done.made} read now)",
    )
    for problem in sorted(done.problems, key=lambda problem: not problem.lost)[:_LISTED]:
        talk(f"{problem.clip_id}: {problem.file}: {problem.problem}")
    if len(done.problems) > _LISTED:
        talk(f"and {len(done.problems) - _LISTED} more in {done.folder / job.PROBLEMS}.")
    if done.lost:
        talk(f"{counted(done.lost, 'clip was', 'clips were')} left out.")
    talk(f"Licence: {dataset.licence}. Do not pass {done.folder} on.")


def _check(dataset: RealDataset, root: Path, options: Options) -> None:
    from equime_hub.loading_script.real import check

    found = check.inspect(dataset.name, root, options)
    report(found.to_json(), found.text())
    if not found.ok:
        raise Exit(1)
