"""`equime prompts`: what a video model is told."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from equime_hub.builder import plan as plans
from equime_hub.commands.backends import LtxOptions, model_options
from equime_hub.commands.common import counted, json_option, progress_bar, report, talk


@click.group(
    short_help="What a video model is told.",
    epilog="""\b
Example:
  equime prompts encode plan.parquet --out prompts.safetensors""",
)
def prompts() -> None:
    """Prompts of a plan: read them, and encode them for machines without room for T5."""


@prompts.command(
    epilog="""\b
Example:
  equime prompts encode plan.parquet --out prompts.safetensors
  equime build plan.parquet --backend ltx --embeddings prompts.safetensors""",
)
@click.argument("plan", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("prompts.safetensors"),
    show_default=True,
    help="File of embeddings, about half a megabyte a prompt.",
)
@model_options
@json_option
def encode(
    plan: Path,
    out: Path,
    preset: str | None,
    model: str | None,
    revision: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Encode the prompts of a PLAN, so that a build with --embeddings never loads T5.

    T5-XXL takes 9.5 GB. Give the same --model, --revision and --preset here and to the build,
    which refuses embeddings of another model. `--device cpu` encodes without a GPU.
    """
    from equime_hub.builder.backends.ltx import LtxBackend, LtxConfig, encode_prompts

    options = LtxOptions(model=model, revision=revision, device=device)
    backend = LtxBackend(options.over(preset, LtxConfig()))
    wanted = (text for spec in plans.read(plan).specs for text in backend.prompts(spec))
    with progress_bar("prompts", "prompts") as progress:
        count = encode_prompts(backend.config, wanted, out, progress)
    size = out.stat().st_size
    if as_json:
        report({"file": out, "prompts": count, "bytes": size})
        return
    click.echo(f"{out}: {counted(count, 'prompt', 'prompts')}, {size / 1e6:.1f} MB")
    talk(f"Next: equime build {quote(str(plan))} --backend ltx --embeddings {quote(str(out))}")
