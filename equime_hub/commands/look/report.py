"""`equime report`: what can be said about a dataset in tables and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equime_hub.commands.common import json_option, progress_bar, talk
from equime_hub.commands.common import report as print_json
from equime_hub.commands.figures import FIGURE
from equime_hub.commands.options import options_of
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
    if not path or Path(text).expanduser().exists():
        name, path = "", text
    if not Path(path).expanduser().exists():
        raise click.BadParameter(f"{path!r} does not exist.")
    return name or None, Path(path)


dataset_argument = click.argument(
    "dataset", type=click.Path(file_okay=False, path_type=Path), default=Path("equime")
)


@click.group(
    short_help="Tables and figures about datasets.",
    epilog="""\b
Examples:
  equime report fidelity --real samm.csv --synthetic equime
  equime report demographics equime""",
)
def report() -> None:
    """Tables and figures about datasets."""


@report.command(
    epilog="""\b
Examples:
  equime report fidelity --real SAMM=samm.csv --synthetic equime --synthetic MiE-X=miex.csv
  equime report fidelity --real samm.csv --synthetic equime --out fidelity""",
)
@click.option(
    "--real",
    metavar="[NAME=]PATH",
    required=True,
    callback=lambda ctx, param, text: _labelled(text),
    help="The real clips.",
)
@click.option(
    "--synthetic",
    metavar="[NAME=]PATH",
    required=True,
    multiple=True,
    callback=lambda ctx, param, texts: [_labelled(text) for text in texts],
    help="Clips to compare with them; give it again for each further set.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report.md, report.json and figures as PNG and SVG.",
)
@click.option("--rejected", is_flag=True, help="Keep clips that failed a gate.")
@options_of(
    Bootstrap,
    into="bootstrap",
    draws={"type": click.IntRange(min=0)},
    level={"type": click.FloatRange(0, 1, min_open=True, max_open=True)},
)
@json_option
def fidelity(
    real: Labelled,
    synthetic: list[Labelled],
    out: Path | None,
    rejected: bool,
    bootstrap: Bootstrap,
    as_json: bool,
) -> None:
    """Compare the quality of synthetic clips with that of real ones, metric by metric.

    A set is a dataset folder, a CSV with one line a clip and columns such as psnr_mean or
    avg_psnr, or a folder of video files, which are measured now. NAME=PATH names it.
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
    _print(found, text, as_json=as_json)
    if out:
        talk(f"\nThe report and its figures are in {out}/.")


@report.command(
    epilog="""\b
Example:
  equime report grid equime --out grid.svg""",
)
@dataset_argument
@click.option("--subject", show_default="first of those with the most emotions", help="Whose.")
@click.option(
    "--frames",
    type=click.IntRange(min=2),
    default=7,
    show_default=True,
    help="Frames a row, evenly spaced from onset to offset.",
)
@click.option(
    "--out",
    type=FIGURE,
    default=Path("grid.png"),
    show_default=True,
    help="PNG, SVG or PDF.",
)
def grid(dataset: Path, subject: str | None, frames: int, out: Path) -> None:
    """Draw the expression-transfer grid of one person of a DATASET: a row an emotion."""
    from equime_hub.reports.grid import grid_rows, transfer_grid

    person, rows = grid_rows(dataset, subject)
    transfer_grid(rows, out, columns=frames, title=f"{person}: from onset to offset")
    click.echo(out)


@report.command(
    epilog="""\b
Example:
  equime report demographics equime --out demographics.svg""",
)
@dataset_argument
@click.option("--out", type=FIGURE, help="Figure too: PNG, SVG or PDF.")
@json_option
def demographics(dataset: Path, out: Path | None, as_json: bool) -> None:
    """Count people and clips of a DATASET by gender, race and age, of all and by split."""
    from equime_hub.reports import demographics as counts

    found = counts.demographics(dataset)
    if out:
        counts.draw(found, out)
    _print(found, counts.as_markdown(found), as_json=as_json)
    if out:
        talk(f"\nThe figure is {out}.")


@report.command(
    epilog="""\b
Examples:
  equime report motion equime
  equime report motion equime --clip 2f6d0c1b7a5e9384 --clip 90ab34cd56ef7812 --out motion.svg""",
)
@dataset_argument
@click.option("--clip", "clips", metavar="ID", multiple=True, help="A clip; may be repeated.")
@click.option(
    "--number",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    help="Clips of different emotions and people, if none is named.",
)
@click.option(
    "--out",
    type=FIGURE,
    default=Path("motion.png"),
    show_default=True,
    help="PNG, SVG or PDF.",
)
@json_option
def motion(dataset: Path, clips: tuple[str, ...], number: int, out: Path, as_json: bool) -> None:
    """Measure how the faces of some clips of a DATASET move, and draw it.

    Curves of brow, eye, mouth and head in inter-ocular distances (IOD), with onset, apex and
    offset as the dataset tells them and as they are estimated from the frames. Faces lie where
    alignment puts them in generated clips, and are looked for in others.
    """
    from equime_hub.reports import motion as curves

    with progress_bar("measuring", "clips") as progress:
        found = curves.courses(dataset, _face, clips=clips, number=number, progress=progress)
    curves.draw(found, out)
    _print(curves.as_json(found), curves.as_markdown(found), as_json=as_json)
    talk(f"\nThe figure is {out}.")


@report.command(
    epilog="""\b
Examples:
  equime report agreement equime > agreement.md
  equime report agreement equime --threshold 0.4 --json""",
)
@dataset_argument
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.2,
    show_default=True,
    help="Observed intensity from which an AU is on; 0.2 is 1 of OpenFace's 5.",
)
@click.option("--rejected", is_flag=True, help="Keep clips that failed a gate.")
@json_option
def agreement(dataset: Path, threshold: float, rejected: bool, as_json: bool) -> None:
    """Compare intended emotions and AUs of a DATASET with those that observers see.

    Observations come from: equime observe
    """
    from equime_hub.reports import agreement as agreeing

    found = agreeing.agreement(dataset, threshold=threshold, rejected=rejected)
    _print(found, agreeing.as_markdown(found), as_json=as_json)


def _print(values: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(values)
    else:
        click.echo(text)


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
