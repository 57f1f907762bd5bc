"""`equime plan`: faces × emotions → a table of every clip that will be made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

import click

from equime_hub.builder import plan as plans
from equime_hub.builder.causal import SAMPLERS
from equime_hub.builder.plan import Plan, PlanConfig
from equime_hub.builder.plan.balance import PlanBalance
from equime_hub.builder.plan.choice import Quota
from equime_hub.builder.prompts import VERSIONS
from equime_hub.commands.build import faces, plan_options
from equime_hub.commands.build.backends import presets
from equime_hub.commands.common import counted, json_wanted, report, talk
from equime_hub.commands.options import POSITIVE, File, OneOf, OutFile, changes_to, command
from equime_hub.schema.taxonomy import EMOTION_PRESETS

_SECTIONS = {
    "Faces": ("folder", "people", "aligned", "subjects", "license"),
    "Clips": ("config", "emotions", "repeats", "seed", "preset", "size", "frames", "fps"),
    "Causes": ("sampler", "counterfactual", "do", "wording"),
    "Balance": ("balance", "clips", "max_clips_per_person"),
    "Ablations": ("limit_people", "limit_vectors", "limit_clips"),
}
_SHOWN: dict[str, Any] = {"show_default": True}


_CONFIG = changes_to(
    PlanConfig, "emotions", "repeats", "seed", "width", "num_frames", "fps", "wording",
    "limit_people", "limit_vectors", "limit_clips",
    rename={"width": "size", "num_frames": "frames"},
    emotions={"type": str, "multiple": False,
              "help": f"Preset ({', '.join(EMOTION_PRESETS)}) or names separated by commas, with "
              "weights if some are wanted more often: happiness=2,anger."},
    repeats=_SHOWN, seed=_SHOWN, num_frames=_SHOWN, fps=_SHOWN,
    width={**_SHOWN, "help": "Width and height in pixels."},
    wording={**_SHOWN, "type": click.Choice(tuple(VERSIONS)), "help": "Style of the prompts."},
    limit_people={"type": POSITIVE}, limit_vectors={"type": POSITIVE},
    limit_clips={"type": POSITIVE},
)  # fmt: skip
_BALANCE = changes_to(
    PlanBalance, "rule", "clips", "max_clips_per_person", rename={"rule": "balance"},
    rule={"show_default": True, "metavar": "as-is|uniform|CSV",
          "help": "Shares of gender × race × age group: those of the faces, equal ones, or those "
          "of a CSV file with columns among gender, race, age_group, and share."},
    clips={"type": POSITIVE, "show_default": "what all groups can give",
           "help": "Clips wanted in all."},
    max_clips_per_person={"type": POSITIVE, "show_default": "one a face, emotion and repeat",
                          "help": "Most clips of a person."},
)  # fmt: skip


@command(
    "Decide every clip before any is made.",
    sections=_SECTIONS,
    photos=faces.photo_options(),
    preset={"type": OneOf(presets)},
    changes=_CONFIG,
    sampler={
        "metavar": "NAME|JSON",
        "help": f"What draws the action units ({', '.join(SAMPLERS.names())}), or a JSON file "
        'with its options, such as {"name": "micro", "index": "clips.csv"}.',
    },
    counterfactual={"metavar": "emotion=NAME"},
    do={"metavar": "AU4=0.3,..."},
    balance=_BALANCE,
)
def plan(
    *,
    folder: faces.Faces | None = None,
    people: faces.People | None = None,
    photos: dict[str, Any],
    config: File | None = None,
    preset: str | None = None,
    changes: dict[str, Any],
    sampler: str = "expert",
    counterfactual: tuple[str, ...] = (),
    do: tuple[str, ...] = (),
    balance: dict[str, Any],
    extend: File | None = None,
    out: OutFile = Path("plan.parquet"),
) -> None:
    """Plan every clip: who, which emotion and action units, when, and in which split.

    The plan is a Parquet file, one row a clip, that any table tool opens; nothing is rendered
    yet. Build it with `equime build`.

    Options:
        config: JSON file with the fields of PlanConfig; options below override it.
        preset: Size and frames of a preset of a backend; --size and --frames override it.
        counterfactual: Each clip once more with the AUs of another emotion; repeatable.
        do: Each clip once more with these AUs set at the apex; repeatable.
        extend: Earlier plan whose people keep their split. An existing --out is extended by
            itself.
        out: The plan.

    Examples:
        equime plan --people 100 --out plan.parquet
        equime plan --faces photos/ --emotions equime-readme --out plan.parquet
        equime plan --faces faces.parquet --balance uniform --clips 5000 --max-clips-per-person 20
        equime plan --emotions happiness --counterfactual emotion=anger --do AU12=0,AU4=0.3
        equime plan --faces photos/ --extend plan.parquet --out bigger.parquet
    """
    if counterfactual or do:
        changes["counterfactuals"] = (*counterfactual, *do)
    wanted = plan_options.config(config, preset, changes, balance)
    draws = plan_options.sampler(sampler)
    previous = extend or (out if out.exists() else None)
    kept = plans.read(previous).memory() if previous else {}
    if kept:
        talk(f"The {len(kept)} people of {previous} keep their split.")
    source, found = faces.load(folder, people, **photos)
    made = plans.make(found, source, wanted, kept, draws)
    plans.write(made, out)
    counts = _counts(made)
    report({"plan": out, **counts}, _lines(made, counts, out))
    _tell(made)
    if not json_wanted():
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


def _lines(made: Plan, counts: dict[str, Any], out: Path) -> Iterator[str]:
    yield f"{out}: {len(made.table)} clips, fingerprint {made.fingerprint}"
    for split, clips in counts["clips"].items():
        people = counted(counts["people"][split], "person", "people")
        yield f"  {split:<10} {clips:>7} clips of {people}"
    for intervention, clips in counts["counterfactuals"].items():
        yield f"  {clips} of them are counterfactuals: {intervention}"
    if made.config.limit_vectors is not None:
        yield f"  {counts['vectors']} different AU vectors"


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
