"""`equime plan`: faces × emotions → a table of every clip that will be made."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

import click

from equime_hub.builder import plan as plans
from equime_hub.builder.backends.ltx.config import PRESETS
from equime_hub.builder.causal import SAMPLERS
from equime_hub.builder.plan import Plan, PlanConfig
from equime_hub.builder.plan.choice import Quota
from equime_hub.builder.prompts import VERSIONS
from equime_hub.commands.build import faces, plan_options
from equime_hub.commands.build.plan_options import PlanOptions
from equime_hub.commands.common import counted, json_option, report, talk
from equime_hub.schema.taxonomy import EMOTION_PRESETS

_DEFAULT = PlanConfig()
_SECTIONS = {
    "Faces": ("folder", "people", "aligned", "subjects", "license"),
    "Clips": ("config", "emotions", "repeats", "seed", "preset", "size", "frames", "fps"),
    "Causes": ("sampler", "counterfactual", "do", "wording"),
    "Balance": ("balance", "clips", "max_clips_per_person"),
    "Ablations": ("limit_people", "limit_vectors", "limit_clips"),
}


class _Sections(click.Command):
    """Help with the options under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of no section last."""
        left = {p.name: record for p in self.get_params(ctx) if (record := p.get_help_record(ctx))}
        for title, names in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([left.pop(name) for name in names])
        with formatter.section("Options"):
            formatter.write_dl(list(left.values()))


_existing = click.Path(exists=True, dir_okay=False, path_type=Path)
_positive = click.IntRange(min=1)


@click.command(
    cls=_Sections,
    short_help="Decide every clip before any is made.",
    epilog="""\b
Examples:
  equime plan --people 100 --out plan.parquet
  equime plan --faces photos/ --emotions equime-readme --out plan.parquet
  equime plan --faces faces.parquet --balance uniform --clips 5000 --max-clips-per-person 20
  equime plan --emotions happiness --counterfactual emotion=anger --do AU12=0,AU4=0.3
  equime plan --faces photos/ --extend plan.parquet --out bigger.parquet""",
)
@faces.options
@click.option("--aligned", is_flag=True, help="Images are CelebA-HQ crops: skip the detector.")
@click.option(
    "--subjects",
    type=_existing,
    help="CSV with columns file, subject_id and optionally gender, age, race, license.",
)
@click.option("--license", help="Licence of the images.")
@click.option(
    "--config",
    type=_existing,
    help="JSON file with the fields of PlanConfig; options below override it.",
)
@click.option(
    "--emotions",
    help=f"Preset ({', '.join(EMOTION_PRESETS)}) or names separated by commas, with weights if "
    "some are wanted more often: happiness=2,anger.",
)
@click.option("--repeats", type=int, help=f"Clips per face and emotion [{_DEFAULT.repeats}].")
@click.option("--seed", type=int, help=f"[{_DEFAULT.seed}]")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="Size and frames of a preset of the backend ltx; --size and --frames override it.",
)
@click.option("--size", type=int, help=f"Width and height in pixels [{_DEFAULT.width}].")
@click.option("--frames", type=int, help=f"[{_DEFAULT.num_frames}]")
@click.option("--fps", type=float, help=f"[{_DEFAULT.fps:g}]")
@click.option(
    "--sampler",
    metavar="NAME|JSON",
    default="expert",
    show_default=True,
    help=f"What draws the action units ({', '.join(SAMPLERS.names())}), or a JSON file with its "
    'options, such as {"name": "micro", "index": "clips.csv"}.',
)
@click.option(
    "--counterfactual",
    metavar="emotion=NAME",
    multiple=True,
    help="Each clip once more with the AUs of another emotion; repeatable.",
)
@click.option(
    "--do",
    metavar="AU4=0.3,...",
    multiple=True,
    help="Each clip once more with these AUs set at the apex; repeatable.",
)
@click.option(
    "--wording",
    type=click.Choice(tuple(VERSIONS)),
    help=f"Style of the prompts [{_DEFAULT.wording}].",
)
@click.option(
    "--balance",
    metavar="as-is|uniform|CSV",
    help="Shares of gender × race × age group: those of the faces, equal ones, or those of a CSV "
    "file with columns among gender, race, age_group, and share [as-is].",
)
@click.option("--clips", type=_positive, help="Clips wanted in all [what all groups can give].")
@click.option(
    "--max-clips-per-person",
    type=_positive,
    help="Most clips of a person [one a face, emotion and repeat].",
)
@click.option("--limit-people", type=_positive, help="Take so many of the people.")
@click.option("--limit-vectors", type=_positive, help="Draw so many AU vectors, and share them.")
@click.option("--limit-clips", type=_positive, help="Take so many of the clips.")
@click.option(
    "--extend",
    type=_existing,
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
    sampler: str,
    extend: Path | None,
    out: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Plan every clip: who, which emotion and action units, when, and in which split.

    The plan is a Parquet file, one row a clip, that any table tool opens; nothing is rendered
    yet. Build it with `equime build`.
    """
    config = plan_options.config(PlanOptions(**options))
    draws = plan_options.sampler(sampler)
    previous = extend or (out if out.exists() else None)
    kept = plans.read(previous).memory() if previous else {}
    if kept:
        talk(f"The {len(kept)} people of {previous} keep their split.")
    source, found = faces.load(
        folder, people=people, aligned=aligned, subjects=subjects, license=license
    )
    made = plans.make(found, source, config, kept, draws)
    plans.write(made, out)
    if as_json:
        report({"plan": out, **_counts(made)})
    else:
        _print(made, out)
    _tell(made)
    if not as_json:
        talk(f"Next: equime build {quote(str(out))} --out equime")


def _counts(made: Plan) -> dict[str, Any]:
    return {
        "fingerprint": made.fingerprint,
        "clips": dict(Counter(made.table["split"].to_pylist())),
        "people": dict(Counter(made.splits().values())),
        "emotions": dict(Counter(made.table["emotion"].to_pylist())),
        "vectors": made.vectors(),
        "counterfactuals": _counterfactuals(made),
        "balance": [asdict(quota) for quota in made.quotas],
    }


def _counterfactuals(made: Plan) -> dict[str, int]:
    """Intervention → clips, in the order of the configuration."""
    found = Counter(made.table["intervention"].to_pylist())
    return {name: found[name] for name in made.config.counterfactuals}


def _print(made: Plan, out: Path) -> None:
    counts = _counts(made)
    click.echo(f"{out}: {len(made.table)} clips, fingerprint {made.fingerprint}")
    for split, clips in counts["clips"].items():
        people = counted(counts["people"][split], "person", "people")
        click.echo(f"  {split:<10} {clips:>7} clips of {people}")
    for intervention, clips in counts["counterfactuals"].items():
        click.echo(f"  {clips} of them are counterfactuals: {intervention}")
    if made.config.limit_vectors is not None:
        click.echo(f"  {counts['vectors']} different AU vectors")


def _tell(made: Plan) -> None:
    """Say what is not as one might think: on stderr, whatever the report."""
    counterfactuals = _counterfactuals(made)
    originals = len(made.table) - sum(counterfactuals.values())
    for intervention, clips in counterfactuals.items():
        if clips < originals:
            talk(f"{intervention} changes nothing in {originals - clips} clips; left out there.")
    short = [quota for quota in made.quotas if quota.reason and quota.people]
    nobody = sum(not quota.people for quota in made.quotas)
    if nobody:
        talk(f"{nobody} of {len(made.quotas)} groups have nobody, and so no clips.")
    if short:
        talk(_table(short))
    missing = sum(quota.wanted - quota.got for quota in made.quotas)
    if missing:
        talk(
            f"{missing} of the clips wanted are missing. People may be used more often with "
            "--max-clips-per-person."
        )


def _table(quotas: list[Quota]) -> str:
    width = max(len("group"), *(len(quota.group) for quota in quotas))
    lines = [
        "Groups below their share, or without one:",
        f"  {'group':<{width}}  wanted     got  people  reason",
    ]
    lines += [
        f"  {quota.group:<{width}} {quota.wanted:>7} {quota.got:>7} {quota.people:>7}  "
        f"{quota.reason}"
        for quota in quotas
    ]
    return "\n".join(lines)
