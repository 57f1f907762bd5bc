"""`equime build`: a plan → a dataset folder that `load_dataset` opens."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from equime_hub.builder import build as builds
from equime_hub.builder import plan as plans
from equime_hub.builder.backends import BACKENDS
from equime_hub.builder.build import BuildConfig, BuildReport
from equime_hub.builder.plan import Plan
from equime_hub.builder.render import RenderConfig
from equime_hub.cards import dataset_card
from equime_hub.cards.statistics import Statistics
from equime_hub.commands.common import (
    counted,
    json_option,
    progress_bar,
    report,
    talk,
    workers_option,
)
from equime_hub.video.codec import EncoderConfig

_MEGABYTE = 1_000_000


def build_with_card(
    plan: Plan, out: Path, config: BuildConfig, *, license: str, title: str, workers: int
) -> tuple[BuildReport, Statistics]:
    """Build a plan with a progress bar, then write the card."""
    with progress_bar("clips", "clips") as progress:
        built = builds.build(plan, out, config, workers=workers, progress=progress)
    return built, dataset_card.write(out, license=license, title=title)


@click.command(
    short_help="Make the clips of a plan, and shards of them.",
    epilog="""\b
Examples:
  equime build plan.parquet --out equime
  equime build plan.parquet --out equime --workers 8 --json""",
)
@click.argument("plan", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("equime"),
    show_default=True,
    help="Folder of the dataset: new, empty, or an interrupted build of the same plan.",
)
@click.option(
    "--backend",
    type=click.Choice(BACKENDS.names()),
    default="warp",
    show_default=True,
    help="What makes the clips.",
)
@click.option(
    "--crf",
    type=click.IntRange(0, 51),
    help="x264's rate factor, smaller is finer; by default what keeps the backend's motion.",
)
@click.option(
    "--shard-size",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="Wanted size of a shard, megabytes.",
)
@click.option(
    "--license",
    default=dataset_card.DEFAULT_LICENSE,
    show_default=True,
    help="Licence of the dataset, on its card.",
)
@click.option("--title", default="EquiME", show_default=True, help="Name on the card.")
@workers_option
@json_option
def build(
    plan: Path,
    out: Path,
    backend: str,
    crf: int | None,
    shard_size: int,
    license: str,
    title: str,
    workers: int,
    as_json: bool,
) -> None:
    """Make every clip of a PLAN and shard them into a dataset folder.

    Stop it at any time and start it again: only what is missing or damaged is made, and the
    result has the same bytes as an uninterrupted build.
    """
    encoder = None if crf is None else EncoderConfig(crf=crf)
    config = BuildConfig(RenderConfig(BACKENDS.get(backend)(), encoder), shard_size * _MEGABYTE)
    built, statistics = build_with_card(
        plans.read(plan), out, config, license=license, title=title, workers=workers
    )
    if as_json:
        report({**asdict(built), "splits": {k: asdict(v) for k, v in statistics.splits.items()}})
        return
    click.echo(f"{out}: {built.clips} clips ({built.made} made now, {built.rejected} rejected)")
    for split, size in statistics.splits.items():
        click.echo(
            f"  {split:<10} {size.clips:>7} clips of {counted(size.subjects, 'person', 'people')}"
        )
    talk(f'Next: python -c "import equime_hub; print(equime_hub.load({str(out)!r}))"')
