"""`equime build`: a plan → a dataset folder that `load_dataset` opens."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from shlex import quote
from typing import Any

import click
from click.core import ParameterSource

from equime_hub.builder import plan as plans
from equime_hub.builder.measure.gates import Gates
from equime_hub.builder.measure.meter import CHOICES
from equime_hub.builder.plan import Plan
from equime_hub.builder.render import RenderConfig
from equime_hub.builder.spec import Backend
from equime_hub.cards import dataset_card
from equime_hub.cards.statistics import Statistics, count
from equime_hub.commands.build.backends import BackendCommand, fit
from equime_hub.commands.build.faces import moved
from equime_hub.commands.build.measure import GATES_HELP, chosen, weights_options
from equime_hub.commands.common import (
    cores,
    counted,
    json_option,
    progress_bar,
    report,
    talk,
    workers_option,
)
from equime_hub.commands.options import FOLDER, OUT_FILE, POSITIVE, OneOf, changes_to
from equime_hub.jobs import build as builds
from equime_hub.jobs.build import DEFAULT_LICENSE, DEFAULT_TITLE, BuildConfig, BuildReport
from equime_hub.jobs.engines import ENGINES
from equime_hub.video.codec import EncoderConfig


def build_with_card(
    plan: Plan,
    out: Path,
    config: BuildConfig,
    workers: int | None,
    engine: str = "local",
    address: str | None = None,
) -> tuple[BuildReport, Statistics]:
    """Build a plan and its card, with a progress bar."""
    workers = workers or (1 if config.render.backend.wants_gpu else cores())
    prompts = progress_bar("prompts", "prompts")
    with prompts as preparing, progress_bar("clips", "clips") as progress:
        built = builds.build(
            plan,
            out,
            config,
            engine=engine,
            workers=workers,
            address=address,
            progress=progress,
            preparing=preparing,
            card=dataset_card.write,
        )
    return built, count(out)


@click.command(
    cls=BackendCommand,
    backend="warp",
    short_help="Make the clips of a plan, and shards of them.",
    epilog="""\b
Examples:
  equime build plan.parquet --out equime
  equime build plan.parquet --out equime --workers 8 --json
  equime build plan.parquet --no-pairs
  equime build plan.parquet --gates static,exaggerated
  equime build plan.parquet --backend ltx --preset equime-paper""",
)
@click.argument("plan", type=OUT_FILE)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("equime"),
    help="Folder of the dataset: new, empty, or an interrupted build of the same plan.",
)  # fmt: skip
@click.option(
    "--engine", type=OneOf(ENGINES.names), default="local",
    help="Who does the work: this machine, or a Ray cluster (docs/clusters.md).",
)  # fmt: skip
@click.option(
    "--address", envvar="RAY_ADDRESS", show_envvar=True,
    help="host:port of a running Ray cluster; by default one of this machine.",
)  # fmt: skip
@click.option(
    "--measure", "what", type=click.Choice(["none", *CHOICES, "all"]), default="motion",
    help="What is measured on every clip. Of 64 frames of 256 × 256, a core measures the motion of "
    "about 30 clips a second, and makes 10 with warp; quality can be added by `equime measure`.",
)  # fmt: skip
@click.option("--gates", default="none", help=GATES_HELP)
@weights_options
@changes_to(
    RenderConfig, "retry", "pairs", into="render",
    retry={"both_ways": False, "help": "Make a broken clip (not finite, black, constant) once "
           "more, with another seed."},
    pairs={"show_default": True, "help": "Keep onset and apex of every clip as lossless images, "
           "too: the config onset_apex. They take two to three times the room of the videos, in "
           "files of their own."},
)  # fmt: skip
@changes_to(
    EncoderConfig, "crf", into="encoder",
    crf={"type": click.IntRange(0, 51), "help": "x264's rate factor, smaller is "
         "finer; by default what keeps the backend's motion."},
)  # fmt: skip
@changes_to(
    BuildConfig, "shard_bytes", "license", "title", rename={"shard_bytes": "shard_size"},
    shard_bytes={"type": POSITIVE, "default": 500, "show_default": True,
                 "callback": lambda ctx, param, value: value * 1_000_000,
                 "help": "Wanted size of the videos of a shard, megabytes."},
    license={"show_default": f"what the folder says, or {DEFAULT_LICENSE}",
             "help": "Licence of the dataset, on its card."},
    title={"show_default": f"what the folder says, or {DEFAULT_TITLE}",
           "help": "Name on the card."},
)  # fmt: skip
@click.option(
    "--faces", type=FOLDER, help="Where the photographs of the plan lie now, if they were moved."
)
@workers_option
@json_option
def build(
    plan: Path,
    out: Path,
    backend: Backend,
    auto: bool,
    engine: str,
    address: str | None,
    what: str,
    gates: str,
    weights: Path | None,
    download: bool,
    render: dict[str, Any],
    encoder: dict[str, Any],
    changes: dict[str, Any],
    faces: Path | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Make every clip of a PLAN and shard them into a dataset folder.

    Stop it at any time and start it again: only what is missing or damaged is made, and the
    result has the same bytes as an uninterrupted build.
    """
    address = _address(engine, address)
    device = getattr(backend.config, "device", None) or ""
    if engine == "ray" and ":" in device:
        raise click.UsageError(
            f"--device {device} is not for --engine ray, whose workers see one GPU each."
        )
    names = {"none": (), "all": tuple(CHOICES)}.get(what, (what,))
    measures = chosen(names, weights, download)
    judge = Gates.parse(gates)
    if engine == "local" and not auto:
        backend.warm_up()  # loads while the plan is read
    todo = plans.read(plan)
    if faces:
        todo = replace(todo, source=moved(todo.source, faces))
    if auto:
        backend = fit(backend, todo, out)
    finer = EncoderConfig(**encoder) if encoder else None
    made = RenderConfig(backend, finer, measures=measures, gates=judge, **render)
    config = BuildConfig(made, **changes)
    built, statistics = build_with_card(todo, out, config, workers, engine, address)
    if as_json:
        report({**asdict(built), "splits": {k: asdict(v) for k, v in statistics.splits.items()}})
        return
    click.echo(f"{out}: {built.clips} clips ({built.made} made now, {built.rejected} rejected)")
    for split, size in statistics.splits.items():
        click.echo(
            f"  {split:<10} {size.clips:>7} clips of {counted(size.subjects, 'person', 'people')}"
        )
    code = f"import equime_hub; print(equime_hub.load({str(out)!r}))"
    talk(f"Next: python -c {quote(code)}")


def _address(engine: str, address: str | None) -> str | None:
    """What was said; RAY_ADDRESS in the environment is nothing to the other engines."""
    source = click.get_current_context().get_parameter_source("address")
    if engine == "local" and source is ParameterSource.COMMANDLINE:
        raise click.UsageError("--address is for --engine ray; leave it out.")
    return None if engine == "local" else address
