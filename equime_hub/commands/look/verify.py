"""`equime verify`: is a dataset folder what it claims to be?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from click.exceptions import Exit

from equime_hub.commands.common import progress_bar, report, talk
from equime_hub.commands.options import command


@command("Check that a dataset is intact.")
def verify(folder: Path = Path("equime")) -> None:
    """Check hashes, schema, people per split and all numbers on the card of a dataset FOLDER.

    Exit code 1 if anything is wrong.

    Example:
        equime verify equime
    """
    from equime_hub.cards.dataset_card import NAME
    from equime_hub.reports.verify import verify as run

    with progress_bar("files", "files") as progress:
        findings = run(folder, progress)
    whole = f"{folder}: all files are intact, and no person is in two splits."
    report(
        {"folder": folder, "ok": not findings, "findings": [asdict(one) for one in findings]},
        [f"{finding.file}: {finding.problem}" for finding in findings] or whole,
    )
    if any(finding.file == NAME for finding in findings):
        talk(f"`equime card {folder}` writes the card anew, if the shards are right.")
    if any(finding.file != NAME for finding in findings):
        talk(f"`equime build PLAN --out {folder}` makes damaged and missing files again.")
    if findings:
        raise Exit(1)
