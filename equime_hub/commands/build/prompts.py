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
from equime_hub.commands.build.backends import BackendCommand
from equime_hub.commands.common import counted, json_option, progress_bar, report, talk
from equime_hub.commands.options import OUT_FILE
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS, EMOTIONS

_SIDES = {"L": "left", "R": "right"}
_Movement = tuple[float, str | None]
"""Intensity and side."""


@click.group(
    short_help="See the words for a video model.",
    epilog="""\b
Examples:
  equime prompts show plan.parquet
  equime prompts encode plan.parquet --out prompts.safetensors""",
)
def prompts() -> None:
    """The words that a plan gives to a video model: print them, or encode them."""


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


@prompts.command(
    short_help="Print prompts with their length in tokens.",
    epilog="""\b
Examples:
  equime prompts show plan.parquet
  equime prompts show --emotion happiness --au 6=0.2 --au 12=0.3
  equime prompts show --emotion contempt --au L14=0.3 --negative""",
)
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option("--emotion", type=click.Choice(EMOTIONS), help="Instead of a plan.")
@click.option(
    "--au", "movements", metavar="AU=INTENSITY", multiple=True, callback=_movements,
    help="With --emotion: an AU and its intensity in [0, 1], L or R before it for one side.",
)  # fmt: skip
@click.option(
    "--style", type=click.Choice(tuple(wording.VERSIONS)), show_default="facs",
    help="With --emotion: sentences about units, or EquiME's published templates.",
)  # fmt: skip
@click.option("--negative", is_flag=True, help="Print what to avoid instead.")
@json_option
def show(
    plan: Path | None,
    emotion: str | None,
    movements: dict[int, _Movement],
    style: str | None,
    negative: bool,
    as_json: bool,
) -> None:
    """Print the distinct prompts of PLAN, or the one for an emotion and action units.

    Each has the number of clips and an estimate of its T5 tokens before it. The estimate is from
    above; the text encoder counts for real.
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
    _tell(texts, as_json)


def _worded(emotion: str, movements: dict[int, _Movement], style: str, negative: bool) -> str:
    au_apex = [movements.get(number, (0.0, None))[0] for number in AU_NUMBERS]
    if negative:
        return wording.negative_prompt(au_apex)
    side = {number: name for number, (_, name) in movements.items() if name}
    return wording.prompt(emotion, au_apex, style=style, side=side)


def _tell(texts: Counter[str], as_json: bool) -> None:
    rows = sorted(texts.items(), key=lambda row: (-row[1], row[0]))
    longest = max(map(wording.tokens, texts), default=0)
    if as_json:
        each = [
            {"clips": clips, "tokens": wording.tokens(text), "text": text} for text, clips in rows
        ]
        counts = {"clips": texts.total(), "distinct": len(texts), "longest": longest}
        report({**counts, "limit": wording.MAX_TOKENS, "prompts": each})
        return
    for text, clips in rows:
        click.echo(f"{clips:>7} {wording.tokens(text):>4}  {text}")
    talk(
        f"{counted(len(texts), 'distinct text', 'distinct texts')} for "
        f"{counted(texts.total(), 'clip', 'clips')}; the longest has at most about {longest} of "
        f"{wording.MAX_TOKENS} tokens."
    )


@prompts.command(
    cls=BackendCommand,
    backend="ltx",
    settings=("model", "revision", "device"),
    epilog="""\b
Example:
  equime prompts encode plan.parquet --out prompts.safetensors
  equime build plan.parquet --backend ltx --embeddings prompts.safetensors""",
)
@click.argument("plan", type=OUT_FILE)
@click.option(
    "--out", type=OUT_FILE, default=Path("prompts.safetensors"),
    help="File of embeddings, about half a megabyte a prompt.",
)  # fmt: skip
@json_option
def encode(plan: Path, out: Path, backend: Backend, as_json: bool) -> None:
    """Encode the prompts of a PLAN, so that a build with --embeddings never loads T5.

    T5-XXL takes 9.5 GB. Give the same --model, --revision and --preset here and to the build,
    which refuses embeddings of another model. `--device cpu` encodes without a GPU.
    """
    with progress_bar("prompts", "prompts") as progress:
        count = backend.encode_prompts(plans.read(plan).specs, out, progress)
    size = out.stat().st_size
    if as_json:
        report({"file": out, "prompts": count, "bytes": size})
        return
    click.echo(f"{out}: {counted(count, 'prompt', 'prompts')}, {size / 1e6:.1f} MB")
    talk(f"Next: equime build {quote(str(plan))} --backend ltx --embeddings {quote(str(out))}")
