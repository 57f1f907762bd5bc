"""What `push` and `append` share: options, the check before anything is sent, the report."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from equime_hub.commands.common import Function, counted, progress_bar, report, talk

if TYPE_CHECKING:
    from equime_hub.hub.sending import Report
    from equime_hub.hub.source import Check


def push_options(function: Function) -> Function:
    """`--note`, `--pr`, `--dry-run` and `--no-images`."""
    for option in (
        click.option(
            "--no-images",
            is_flag=True,
            help="Do not look for photographs that look the same before sending.",
        ),
        click.option("--dry-run", is_flag=True, help="Show what would be sent; send nothing."),
        click.option("--pr", is_flag=True, help="Open a pull request instead."),
        click.option(
            "--note",
            default="",
            show_default=False,
            help="What the changelog says about these clips.",
        ),
    ):
        function = option(function)
    return function


def checker(no_images: bool) -> Check:
    """Runs `equime verify` and `equime audit` on a folder and gives what they find."""
    from equime_hub.commands.look.audit import first_frames
    from equime_hub.reports.verify import verify
    from equime_hub.splits import rows
    from equime_hub.splits.audit import audit

    def check(folder: Path) -> list[str]:
        with progress_bar("files checked", "files") as progress:
            findings = verify(folder, progress)
        if findings:
            return [f"{finding.file}: {finding.problem}" for finding in findings]
        pixels = None if no_images else first_frames(folder)
        with progress_bar("photographs compared", "photographs") as progress:
            found = audit(rows.read(folder), pixels=pixels, progress=progress)
        return [leak.sentence for leak in found.leaks]

    return check


def show(done: Report, repository: str, as_json: bool) -> None:
    """Print what was published, or would be."""
    from equime_hub.loading_script.access import page

    release, size = done.release, sum(piece.size for piece in done.files)
    if as_json:
        files = [{"name": p.name, "bytes": p.size, "sha256": p.sha256} for p in done.files]
        report({
            "repository": repository, "page": page(repository), "outcome": done.outcome,
            "pull_request": done.pull_request, "release": asdict(release), "bytes": size,
            "files": files,
        })  # fmt: skip
        return
    if done.outcome == "planned":
        for piece in done.files:
            click.echo(f"{piece.size:>15,}  {piece.name}")
        talk(
            f"{counted(len(done.files), 'file', 'files')} of {size / 1e6:,.1f} MB would be sent to "
            f"{repository} as {release.tag}."
        )
    elif done.outcome == "proposed":
        click.echo(done.pull_request)
        talk(f"When it is merged, the same command without --pr sets the tag {release.tag}.")
    else:
        clips = counted(sum(release.clips.values()), "clip", "clips")
        people = counted(release.people, "person", "people")
        split = next(iter(release.clips))
        was = "is there already" if done.outcome == "there already" else "is published"
        click.echo(page(repository))
        talk(
            f"{release.tag} with {clips} of {people} {was}. Whom its keepers let in loads it with\n"
            f'  load_dataset("{repository}", split="{split}", revision="{release.tag}")'
        )
