"""`equime plan`: faces × emotions → a table of every clip that will be made."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

import click

from equime_hub import configs
from equime_hub.builder import plan as plans
from equime_hub.builder.causal import EXPERT_MAP
from equime_hub.builder.plan import Plan, PlanConfig
from equime_hub.commands import faces
from equime_hub.commands.common import counted, json_option, report, talk
from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import EMOTION_PRESETS, EMOTIONS

_DEFAULT = PlanConfig()


@click.command(
    short_help="Decide every clip before any is made.",
    epilog="""\b
Examples:
  equime plan --people 100 --out plan.parquet
  equime plan --faces photos/ --emotions equime-readme --out plan.parquet
  equime plan --faces photos/ --extend plan.parquet --out bigger.parquet""",
)
@faces.options
@click.option("--aligned", is_flag=True, help="Images are CelebA-HQ crops: skip the detector.")
@click.option(
    "--subjects",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV with columns file, subject_id and optionally gender, age, race, license.",
)
@click.option("--license", help="Licence of the images.")
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file with the fields of PlanConfig; options below override it.",
)
@click.option(
    "--emotions",
    help=f"Preset ({', '.join(EMOTION_PRESETS)}) or names separated by commas.",
)
@click.option("--repeats", type=int, help=f"Clips per face and emotion [{_DEFAULT.repeats}].")
@click.option("--seed", type=int, help=f"[{_DEFAULT.seed}]")
@click.option("--size", type=int, help=f"Width and height in pixels [{_DEFAULT.width}].")
@click.option("--frames", "num_frames", type=int, help=f"[{_DEFAULT.num_frames}]")
@click.option("--fps", type=float, help=f"[{_DEFAULT.fps:g}]")
@click.option(
    "--extend",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Earlier plan whose people keep their split. An existing --out is extended by itself.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("plan.parquet"),
    show_default=True,
    help="The plan.",
)
@json_option
def plan(
    folder: Path | None,
    people: int | None,
    aligned: bool,
    subjects: Path | None,
    license: str | None,
    config_file: Path | None,
    emotions: str | None,
    repeats: int | None,
    seed: int | None,
    size: int | None,
    num_frames: int | None,
    fps: float | None,
    extend: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Plan every clip: who, which emotion and action units, when, and in which split.

    The plan is a Parquet file, one row a clip, that any table tool opens; nothing is rendered
    yet. Build it with `equime build`.
    """
    config = configs.from_file(PlanConfig, config_file) if config_file else _DEFAULT
    chosen: dict[str, Any] = {
        "emotions": None if emotions is None else _emotions(emotions),
        "repeats": repeats,
        "seed": seed,
        "width": size,
        "height": size,
        "num_frames": num_frames,
        "fps": fps,
    }
    config = replace(config, **{name: value for name, value in chosen.items() if value is not None})
    previous = extend or (out if out.exists() else None)
    kept = plans.read(previous).memory() if previous else {}
    if kept:
        talk(f"The {len(kept)} people of {previous} keep their split.")
    source = faces.source(
        folder, people=people, aligned=aligned, subjects=subjects, license=license
    )
    made = plans.make(faces.scan(source).faces, source, config, kept)
    plans.write(made, out)
    _tell(made, out, as_json)


def _emotions(text: str) -> tuple[str, ...]:
    if text in EMOTION_PRESETS:
        return EMOTION_PRESETS[text]
    names = tuple(name.strip() for name in text.split(","))
    unknown = [name for name in names if name not in EMOTIONS]
    if unknown:
        raise PlanError(
            f"There is no emotion or preset {', '.join(map(repr, unknown))}. Emotions: "
            f"{', '.join(EXPERT_MAP)}. Presets: {', '.join(EMOTION_PRESETS)}."
        )
    return names


def _tell(made: Plan, out: Path, as_json: bool) -> None:
    clips = Counter(spec.split for spec in made.specs)
    people = Counter(made.splits().values())
    if as_json:
        report(
            {
                "plan": out,
                "fingerprint": made.fingerprint,
                "clips": dict(clips),
                "people": dict(people),
                "emotions": dict(Counter(spec.emotion for spec in made.specs)),
            }
        )
        return
    click.echo(f"{out}: {len(made.specs)} clips, fingerprint {made.fingerprint}")
    for split in clips:
        click.echo(
            f"  {split:<10} {clips[split]:>7} clips of {counted(people[split], 'person', 'people')}"
        )
    talk(f"Next: equime build {quote(str(out))} --out equime")
