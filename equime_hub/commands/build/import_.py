"""`equime import`: a licensed dataset from a lab's folder, in our columns."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from equime_hub.commands.common import (
    cores,
    counted,
    json_option,
    progress_bar,
    report,
    talk,
    workers_option,
)
from equime_hub.loading_script.real import REAL
from equime_hub.loading_script.real.clip import SPANS, Options, RealDataset

_LISTED = 10


@click.command(
    "import",
    short_help="Bring a licensed dataset into our columns, locally.",
    epilog="""\b
Examples:
  equime import --list
  equime import samm --root /data/SAMM --check
  equime import samm --root /data/SAMM --out samm --workers 4
  equime import smic --part hs --cropped --root /data/SMIC --out smic""",
)
@click.argument("name", required=False)
@click.option("--root", type=click.Path(path_type=Path), help="Your copy of the release.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the dataset: new or empty.")
@click.option("--part", help="Only this part, such as hs of smic.")
@click.option(
    "--span",
    type=click.Choice(SPANS),
    default=SPANS[0],
    show_default=True,
    help="Onset to offset, or all frames of the recording.",
)
@click.option("--cropped", is_flag=True, help="Read the release's folder of cropped faces.")
@click.option("--no-fixes", is_flag=True, help="Leave known errors of the annotation as they are.")
@click.option("--label-map", metavar="MAP", help="Map that gives emotion_3, such as he3.")
@click.option(
    "--normalize-fps",
    type=click.FloatRange(min=0, min_open=True),
    metavar="FPS",
    help="Choose frames of faster clips at this rate; slower ones stay.",
)
@click.option("--check", is_flag=True, help="Say what is there against the release; write nothing.")
@click.option("--list", "list_", is_flag=True, help="Say which datasets there are.")
@workers_option
@json_option
def import_(
    name: str | None,
    root: Path | None,
    out: Path | None,
    part: str | None,
    span: str,
    cropped: bool,
    no_fixes: bool,
    label_map: str | None,
    normalize_fps: float | None,
    check: bool,
    list_: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """Import the licensed dataset NAME from the folder --root into the folder --out.

    Nothing leaves this machine, and the result is marked: no push takes it. Stop it at any time
    and start it again: what is finished is kept.
    """  # fmt: skip
    if list_:
        _list(as_json)
        return
    if name is None or root is None:
        raise click.UsageError("Give NAME and --root, or --list to see the names.")
    root = root.absolute()  # what datasets find below it is then absolute, too
    dataset: RealDataset = REAL.get(name)()
    options = Options(span, cropped, not no_fixes, part, label_map, normalize_fps)
    if check:
        _check(dataset, root, options, as_json)
    elif out is None:
        raise click.UsageError("Give --out, the folder to write, or --check to look only.")
    else:
        _import(dataset, root, out, options, workers or cores(), as_json)


def _import(
    dataset: RealDataset, root: Path, out: Path, options: Options, workers: int, as_json: bool
) -> None:
    from equime_hub.cards import dataset_card
    from equime_hub.jobs import import_ as job
    from equime_hub.loading_script.real import notes, pixels
    from equime_hub.loading_script.real.clip import listed
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
    if as_json:
        report(asdict(done))
    else:
        click.echo(
            f"{done.folder}: {counted(done.clips, 'clip', 'clips')} of {dataset.title} "
            f"({done.made} read now)"
        )
    for problem in sorted(done.problems, key=lambda problem: not problem.lost)[:_LISTED]:
        talk(f"{problem.clip_id}: {problem.file}: {problem.problem}")
    if len(done.problems) > _LISTED:
        talk(f"and {len(done.problems) - _LISTED} more in {done.folder / job.PROBLEMS}.")
    if done.lost:
        talk(f"{counted(done.lost, 'clip was', 'clips were')} left out.")
    talk(f"Licence: {dataset.licence}. Do not pass {done.folder} on.")


def _check(dataset: RealDataset, root: Path, options: Options, as_json: bool) -> None:
    from equime_hub.loading_script.real import check

    found = check.inspect(dataset.name, root, options)
    if as_json:
        report(found.to_json())
    else:
        click.echo(found.text())
    if not found.ok:
        click.get_current_context().exit(1)


def _list(as_json: bool) -> None:
    known = [REAL.get(name)() for name in REAL.names()]
    if as_json:
        report({d.name: {"title": d.title, "licence": d.licence, "needs": d.needs} for d in known})
        return
    for dataset in known:
        click.echo(f"{dataset.name:<16} {dataset.title}")
        click.echo(f"{'':<16} {dataset.needs}")
