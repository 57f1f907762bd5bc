"""`equime report`: what can be said about a dataset in tables and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from equime_hub.commands.common import progress_bar, talk
from equime_hub.commands.common import report as print_report
from equime_hub.commands.figures import Figure
from equime_hub.commands.options import Count, OutFolder, command, group, options_of
from equime_hub.files import write_text
from equime_hub.reports.distances import Bootstrap

if TYPE_CHECKING:
    from equime_hub.builder.measure.quality import Scorers
    from equime_hub.builder.spec import Image
    from equime_hub.schema.records import Landmarks

Labelled = tuple[str | None, Path]
"""A name, if one is given, and a path."""


def _labelled(text: str) -> Labelled:
    """`PATH` or `NAME=PATH`, for an option."""
    name, _, path = text.partition("=")
    # A path that is there may have an equals sign in it.
    if not path or Path(text).expanduser().exists():
        name, path = "", text
    if not Path(path).expanduser().exists():
        raise click.BadParameter(f"{path!r} does not exist.")
    return name or None, Path(path)


@group("Tables and figures about datasets.")
def report() -> None:
    """Tables and figures about datasets.

    Examples:
        equime report fidelity --real samm.csv --synthetic equime
        equime report demographics equime
    """


@command(
    of=report,
    real={
        "metavar": "[NAME=]PATH",
        "callback": lambda ctx, param, text: _labelled(text),
    },
    synthetic={
        "multiple": True,
        "metavar": "[NAME=]PATH",
        "callback": lambda ctx, param, texts: [_labelled(text) for text in texts],
    },
    bootstrap=options_of(
        Bootstrap,
        draws={"type": click.IntRange(min=0)},
        level={"type": click.FloatRange(0, 1, min_open=True, max_open=True)},
    ),
)
def fidelity(
    *,
    real: Labelled,
    synthetic: list[Labelled],
    out: OutFolder | None = None,
    rejected: bool = False,
    bootstrap: Bootstrap,
) -> None:
    """Compare the quality of synthetic clips with that of real ones, metric by metric.

    A set is a dataset folder, a CSV with one line a clip and columns such as psnr_mean or
    avg_psnr, or a folder of video files, which are measured now. NAME=PATH names it.

    Options:
        real: The real clips.
        synthetic: Clips to compare with them; give it again for each further set.
        out: Folder for report.md, report.json and figures as PNG and SVG.
        rejected: Keep clips that failed a gate.

    Examples:
        equime report fidelity --real SAMM=samm.csv --synthetic equime --synthetic MiE-X=miex.csv
        equime report fidelity --real samm.csv --synthetic equime --out fidelity
    """
    from equime_hub.reports import fidelity as comparing
    from equime_hub.reports import samples
    from equime_hub.reports.histograms import pages

    sets = []
    for name, path in (real, *synthetic):
        with progress_bar(f"measuring {path}", "clips") as progress:
            sets.append(samples.read(path, name, rejected=rejected, measure=_measure,
                                     progress=progress))  # fmt: skip
    with progress_bar("comparing", "metrics") as progress:
        found = comparing.compare(sets[0], sets[1:], bootstrap, progress)
    text = comparing.as_markdown(found)
    if out:
        pages(sets, out)
        write_text(out / "report.json", json.dumps(found, indent=2) + "\n")
        write_text(out / "report.md", text + "\n")
    print_report(found, text)
    if out:
        talk(f"\nThe report and its figures are in {out}/.")


@command(of=report, json=False, frames={"type": click.IntRange(min=2)})
def grid(
    dataset: OutFolder = Path("equime"),
    *,
    subject: str | None = None,
    frames: int = 7,
    out: Figure = Path("grid.png"),
) -> None:
    """Draw the expression-transfer grid of one person of a DATASET: a row an emotion.

    Options:
        subject: Whose. [default: first of those with the most emotions]
        frames: Frames a row, evenly spaced from onset to offset.
        out: PNG, SVG or PDF.

    Example:
        equime report grid equime --out grid.svg
    """
    from equime_hub.reports.grid import grid_rows, transfer_grid

    person, rows = grid_rows(dataset, subject)
    transfer_grid(rows, out, columns=frames, title=f"{person}: from onset to offset")
    click.echo(out)


@command(of=report)
def demographics(dataset: OutFolder = Path("equime"), *, out: Figure | None = None) -> None:
    """Count people and clips of a DATASET by gender, race and age, of all and by split.

    Options:
        out: Figure too: PNG, SVG or PDF.

    Example:
        equime report demographics equime --out demographics.svg
    """
    from equime_hub.reports import demographics as counts

    found = counts.demographics(dataset)
    if out:
        counts.draw(found, out)
    print_report(found, counts.as_markdown(found))
    if out:
        talk(f"\nThe figure is {out}.")


@command(of=report, clips={"called": "clip", "metavar": "ID"})
def motion(
    dataset: OutFolder = Path("equime"),
    *,
    clips: tuple[str, ...] = (),
    number: Count = 6,
    out: Figure = Path("motion.png"),
) -> None:
    """Measure how the faces of some clips of a DATASET move, and draw it.

    Curves of brow, eye, mouth and head in inter-ocular distances (IOD), with onset, apex and
    offset as the dataset tells them and as they are estimated from the frames. Faces lie where
    alignment puts them in generated clips, and are looked for in others.

    Options:
        clips: A clip; may be repeated.
        number: Clips of different emotions and people, if none is named.
        out: PNG, SVG or PDF.

    Examples:
        equime report motion equime
        equime report motion equime --clip 2f6d0c1b7a5e9384 --clip 90ab34cd56ef7812 --out motion.svg
    """
    from equime_hub.reports import motion as curves

    with progress_bar("measuring", "clips") as progress:
        found = curves.courses(dataset, _face, clips=clips, number=number, progress=progress)
    curves.draw(found, out)
    print_report(curves.as_json(found), curves.as_markdown(found))
    talk(f"\nThe figure is {out}.")


@command(of=report, threshold={"type": click.FloatRange(0, 1, min_open=True)})
def agreement(
    dataset: OutFolder = Path("equime"), *, threshold: float = 0.2, rejected: bool = False
) -> None:
    """Compare intended emotions and AUs of a DATASET with those that observers see.

    Observations come from: equime observe

    Options:
        threshold: Observed intensity from which an AU is on; 0.2 is 1 of OpenFace's 5.
        rejected: Keep clips that failed a gate.

    Examples:
        equime report agreement equime > agreement.md
        equime report agreement equime --threshold 0.4 --json
    """
    from equime_hub.reports import agreement as agreeing

    found = agreeing.agreement(dataset, threshold=threshold, rejected=rejected)
    print_report(found, agreeing.as_markdown(found))


def _face(frame: Image, aligned: bool) -> Landmarks | None:
    from equime_hub.video.locate import canonical, locate

    if aligned:
        return canonical(frame.shape[1], frame.shape[0])
    return next(iter(locate(frame)), None)


@cache
def _scorers() -> Scorers:
    from equime_hub.builder.measure.quality import Scorers

    scorers = Scorers.load()
    for sentence in scorers.missing.values():
        talk(sentence)
    return scorers


def _measure(path: Path) -> Mapping[str, float | int | None]:
    from equime_hub.builder.measure.quality import measure_quality
    from equime_hub.video.codec import decode

    clip, size = decode(str(path)), path.stat().st_size
    return {
        **asdict(measure_quality(clip.frames, _scorers())),
        "fps": clip.fps,
        "width": clip.width,
        "height": clip.height,
        "size_bytes": size,
        "bitrate_kbps": 8 * size / clip.duration_ms,
    }
