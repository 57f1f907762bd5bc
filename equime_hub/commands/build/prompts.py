"""`equime prompts`: the words that a plan gives to a video model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

import click

from equime_hub.builder import plan as plans
from equime_hub.builder import prompts as wording
from equime_hub.builder.spec import Backend
from equime_hub.commands.build.backends import BackendOptions
from equime_hub.commands.common import counted, progress_bar, report
from equime_hub.commands.options import OutFile, command, group
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS, EMOTIONS

_SIDES = {"L": "left", "R": "right"}
_Movement = tuple[float, str | None]
"""Intensity and side."""


@group("See the words for a video model.")
def prompts() -> None:
    """The words that a plan gives to a video model: print them, or encode them.

    Examples:
        equime prompts show plan.parquet
        equime prompts encode plan.parquet --out prompts.safetensors
    """


def _movements(
    ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> dict[int, _Movement]:
    """Units with intensity and, as FACS writes it, side: 6=0.2, L14=0.3."""
    movements: dict[int, _Movement] = {}
    for value in values:
        found = re.fullmatch(r"([LR]?)(\d+)=(\d*\.?\d+)", value)
        if not found:
            raise click.BadParameter(f"{value!r} is not like 6=0.2 or L14=0.3.")
        number, intensity = int(found[2]), float(found[3])
        if number not in AU_INDEX:
            known = ", ".join(map(str, AU_NUMBERS))
            raise click.BadParameter(f"AU {number} is none of {known}.")
        if intensity > 1:
            raise click.BadParameter(f"AU {number} is at {intensity:g}; at most 1 is expected.")
        if number in movements:
            raise click.BadParameter(f"AU {number} is given more than once.")
        movements[number] = intensity, _SIDES.get(found[1])
    return movements


@command(
    "Print prompts with their length in tokens.",
    of=prompts,
    emotion={"type": click.Choice(EMOTIONS)},
    movements={"called": "au", "metavar": "AU=INTENSITY", "multiple": True,
               "required": False, "callback": _movements},
    style={"type": click.Choice(tuple(wording.VERSIONS))},
)  # fmt: skip
def show(
    plan: Path | None = None,
    *,
    emotion: str | None = None,
    movements: dict[int, _Movement],
    style: str | None = None,
    negative: bool = False,
) -> None:
    """Print the distinct prompts of PLAN, or the one for an emotion and action units.

    Each has the number of clips and an estimate of its T5 tokens before it. The estimate is from
    above; the text encoder counts for real.

    Options:
        emotion: Instead of a plan.
        movements: With --emotion: an AU and its intensity in [0, 1], L or R before it for one
            side.
        style: With --emotion: sentences about units, or EquiME's published templates.
            [default: facs]
        negative: Print what to avoid instead.

    Examples:
        equime prompts show plan.parquet
        equime prompts show --emotion happiness --au 6=0.2 --au 12=0.3
        equime prompts show --emotion contempt --au L14=0.3 --negative
    """
    if (plan is None) == (emotion is None):
        raise click.UsageError("Give either a PLAN or --emotion.")
    if plan is not None:
        if movements or style:
            raise click.UsageError("--au and --style are for --emotion; a plan has its own words.")
        specs = plans.read(plan).specs
        texts = Counter(spec.negative_prompt if negative else spec.prompt for spec in specs)
    else:
        assert emotion is not None
        texts = Counter([_worded(emotion, movements, style or "facs", negative)])
    rows = sorted(texts.items(), key=lambda row: (-row[1], row[0]))
    longest = max(map(wording.tokens, texts), default=0)
    each = [{"clips": clips, "tokens": wording.tokens(text), "text": text} for text, clips in rows]
    counts = {"clips": texts.total(), "distinct": len(texts), "longest": longest}
    report(
        {**counts, "limit": wording.MAX_TOKENS, "prompts": each},
        [f"{one['clips']:>7} {one['tokens']:>4}  {one['text']}" for one in each],
        f"{counted(len(texts), 'distinct text', 'distinct texts')} for "
        f"{counted(texts.total(), 'clip', 'clips')}; the longest has at most about {longest} of "
        f"{wording.MAX_TOKENS} tokens.",
    )


def _worded(emotion: str, movements: dict[int, _Movement], style: str, negative: bool) -> str:
    au_apex = [movements.get(number, (0.0, None))[0] for number in AU_NUMBERS]
    if negative:
        return wording.negative_prompt(au_apex)
    side = {number: name for number, (_, name) in movements.items() if name}
    return wording.prompt(emotion, au_apex, style=style, side=side)


@command(of=prompts, backend=BackendOptions("ltx", ("model", "revision", "device")))
def encode(
    plan: OutFile, *, out: OutFile = Path("prompts.safetensors"), backend: tuple[Backend, bool]
) -> None:
    """Encode the prompts of a PLAN, so that a build with --embeddings never loads T5.

    T5-XXL takes 9.5 GB. Give the same --model, --revision and --preset here and to the build,
    which refuses embeddings of another model. `--device cpu` encodes without a GPU.

    Options:
        out: File of embeddings, about half a megabyte a prompt.

    Example:
        equime prompts encode plan.parquet --out prompts.safetensors
        equime build plan.parquet --backend ltx --embeddings prompts.safetensors
    """
    with progress_bar("prompts", "prompts") as progress:
        count = backend[0].encode_prompts(plans.read(plan).specs, out, progress)
    size = out.stat().st_size
    report(
        {"file": out, "prompts": count, "bytes": size},
        f"{out}: {counted(count, 'prompt', 'prompts')}, {size / 1e6:.1f} MB",
        f"Next: equime build {quote(str(plan))} --backend ltx --embeddings {quote(str(out))}",
    )
