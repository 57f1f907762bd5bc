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
from equime_hub.commands.build.backends import BackendOptions, fit
from equime_hub.commands.build.faces import moved
from equime_hub.commands.build.measure import Measuring
from equime_hub.commands.common import cores, counted, progress_bar, report
from equime_hub.commands.options import (
    POSITIVE,
    Folder,
    OneOf,
    OutFile,
    Workers,
    changes_to,
    command,
    options_of,
)
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
    # Only a backend that reads prompts shows the first bar: none appears before it is moved.
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


@command(
    "Make the clips of a plan, and shards of them.",
    backend=BackendOptions("warp"),
    engine={"type": OneOf(ENGINES.names)},
    address={"envvar": "RAY_ADDRESS", "show_envvar": True},
    measuring=options_of(
        Measuring, rename={"what": "measure"},
        what={"type": click.Choice(["none", *CHOICES, "all"]), "default": "motion",
              "callback": lambda ctx, param, what: ",".join(CHOICES) if what == "all" else what,
              "help": "What is measured on every clip. Of 64 frames of 256 × 256, a core measures "
              "the motion of about 30 clips a second, and makes 10 with warp; quality can be "
              "added by `equime measure`."},
        gates={"default": "none", "show_default": True},
    ),
    render=changes_to(
        RenderConfig, "retry", "pairs",
        retry={"both_ways": False, "help": "Make a broken clip (not finite, black, constant) "
               "once more, with another seed."},
        pairs={"show_default": True, "help": "Keep onset and apex of every clip as lossless "
               "images, too: the config onset_apex. They take two to three times the room of the "
               "videos, in files of their own."},
    ),
    encoder=changes_to(
        EncoderConfig, "crf",
        crf={"type": click.IntRange(0, 51), "help": "x264's rate factor, smaller is "
             "finer; by default what keeps the backend's motion."},
    ),
    changes=changes_to(
        BuildConfig, "shard_bytes", "license", "title", rename={"shard_bytes": "shard_size"},
        shard_bytes={"type": POSITIVE, "default": 500, "show_default": True,
                     "callback": lambda ctx, param, value: value * 1_000_000,
                     "help": "Wanted size of the videos of a shard, megabytes."},
        license={"show_default": f"what the folder says, or {DEFAULT_LICENSE}",
                 "help": "Licence of the dataset, on its card."},
        title={"show_default": f"what the folder says, or {DEFAULT_TITLE}",
               "help": "Name on the card."},
    ),
)  # fmt: skip
def build(
    plan: OutFile,
    *,
    out: Path = Path("equime"),
    backend: tuple[Backend, bool],
    engine: str = "local",
    address: str | None = None,
    measuring: Measuring,
    render: dict[str, Any],
    encoder: dict[str, Any],
    changes: dict[str, Any],
    faces: Folder | None = None,
    workers: Workers | None = None,
) -> None:
    """Make every clip of a PLAN and shard them into a dataset folder.

    Stop it at any time and start it again: only what is missing or damaged is made, and the
    result has the same bytes as an uninterrupted build.

    Options:
        out: Folder of the dataset: new, empty, or an interrupted build of the same plan.
        engine: Who does the work: this machine, or a Ray cluster (docs/clusters.md).
        address: host:port of a running Ray cluster; by default one of this machine.
        faces: Where the photographs of the plan lie now, if they were moved.

    Examples:
        equime build plan.parquet --out equime
        equime build plan.parquet --out equime --workers 8 --json
        equime build plan.parquet --no-pairs
        equime build plan.parquet --gates static,exaggerated
        equime build plan.parquet --backend ltx --preset equime-paper
    """
    maker, auto = backend
    address = _address(engine, address)
    device = getattr(maker.config, "device", None) or ""
    if engine == "ray" and ":" in device:
        raise click.UsageError(
            f"--device {device} is not for --engine ray, whose workers see one GPU each."
        )
    measures = measuring.measures()
    judge = Gates.parse(str(measuring.gates))
    if engine == "local" and not auto:
        maker.warm_up()  # loads while the plan is read
    todo = plans.read(plan)
    if faces:
        todo = replace(todo, source=moved(todo.source, faces))
    if auto:
        maker = fit(maker, todo, out)
    finer = EncoderConfig(**encoder) if encoder else None
    made = RenderConfig(maker, finer, measures=measures, gates=judge, **render)
    config = BuildConfig(made, **changes)
    built, statistics = build_with_card(todo, out, config, workers, engine, address)
    splits = statistics.splits
    code = f"import equime_hub; print(equime_hub.load({str(out)!r}))"
    report(
        {**asdict(built), "splits": {name: asdict(size) for name, size in splits.items()}},
        [
            f"{out}: {built.clips} clips ({built.made} made now, {built.rejected} rejected)",
            *(
                f"  {split:<10} {size.clips:>7} clips of "
                f"{counted(size.subjects, 'person', 'people')}"
                for split, size in splits.items()
            ),
        ],
        f"Next: python -c {quote(code)}",
    )


def _address(engine: str, address: str | None) -> str | None:
    """What was said; RAY_ADDRESS in the environment is nothing to the other engines."""
    source = click.get_current_context().get_parameter_source("address")
    if engine == "local" and source is ParameterSource.COMMANDLINE:
        raise click.UsageError("--address is for --engine ray; leave it out.")
    return None if engine == "local" else address
