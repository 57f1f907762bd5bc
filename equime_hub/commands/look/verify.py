"""`equime verify`: is a dataset folder what it claims to be?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from equime_hub.commands.common import json_option, progress_bar, report, talk


@click.command(
    short_help="Check that a dataset is intact.",
    epilog="""\b
Example:
  equime verify equime""",
)
@click.argument("folder", type=click.Path(path_type=Path), default=Path("equime"))
@json_option
@click.pass_context
def verify(ctx: click.Context, folder: Path, as_json: bool) -> None:
    """Check hashes, schema, people per split and all numbers on the card of a dataset FOLDER.

    Exit code 1 if anything is wrong.
    """
    from equime_hub.cards.dataset_card import NAME
    from equime_hub.reports.verify import verify as run

    with progress_bar("files", "files") as progress:
        findings = run(folder, progress)
    if as_json:
        report({"folder": folder, "ok": not findings, "findings": [asdict(f) for f in findings]})
    else:
        for finding in findings:
            click.echo(f"{finding.file}: {finding.problem}")
        if not findings:
            click.echo(f"{folder}: all files are intact, and no person is in two splits.")
    if any(finding.file == NAME for finding in findings):
        talk(f"`equime card {folder}` writes the card anew, if the shards are right.")
    if any(finding.file != NAME for finding in findings):
        talk(f"`equime build PLAN --out {folder}` makes damaged and missing files again.")
    if findings:
        ctx.exit(1)
