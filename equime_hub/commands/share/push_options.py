"""What the commands that send something to the Hub share: options, checks, the report."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equime_hub.commands.common import (
    Function,
    counted,
    json_option,
    progress_bar,
    report,
    talk,
)

if TYPE_CHECKING:
    from equime_hub.hub.artifact import Sent
    from equime_hub.hub.sending import PushReport
    from equime_hub.hub.source import Check

_DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be sent; send nothing.")


def publishes(tag: str) -> Callable[[Callable[..., PushReport]], Callable[..., None]]:
    """Arguments and options of a command that publishes a dataset, and its report.

    The command gets `folder`, `wanted`, `check` and `progress`, as `hub.push.push` takes them, and
    its own options.

    Args:
        tag: Which tag the release gets if none is named, for the help text.
    """

    def decorate(publish: Callable[..., PushReport]) -> Callable[..., None]:
        @functools.wraps(publish)
        def command(
            repository: str,
            tag: str | None,
            note: str,
            pr: bool,
            dry_run: bool,
            no_images: bool,
            as_json: bool,
            **own: Any,
        ) -> None:
            from equime_hub.hub.sending import Wanted

            wanted = Wanted(repository, tag, note, pr, dry_run)
            with progress_bar("sent", "bytes") as progress:
                done = publish(wanted=wanted, check=_checker(no_images), progress=progress, **own)
            _show(done, repository, as_json)

        for option in (
            json_option,
            click.option(
                "--no-images",
                is_flag=True,
                help="Do not look for photographs that look the same before sending.",
            ),
            _DRY_RUN,
            click.option("--pr", is_flag=True, help="Open a pull request instead."),
            click.option(
                "--note",
                default="",
                show_default=False,
                help="What the changelog says about these clips.",
            ),
            click.option("--tag", show_default=tag, help="Name of the release."),
            click.argument("repository", metavar="ORG/NAME"),
            click.argument("folder", metavar="DATASET", type=click.Path(path_type=Path)),
        ):
            command = option(command)
        return command

    return decorate


def artifact_options(function: Function) -> Function:
    """`--public/--private`, which the command gets as `private`, and `--dry-run`."""
    return click.option(
        "--public/--private",
        "private",
        default=None,
        callback=lambda context, option, public: None if public is None else not public,
        help="Who sees it.  [default: a new one is private, others stay as they are]",
    )(_DRY_RUN(function))


def values(done: Sent, dry_run: bool) -> dict[str, Any]:
    """What was sent of a model or metric as plain values."""
    return {**asdict(done), "dry_run": dry_run}


def show(done: Sent, dry_run: bool) -> None:
    """Print what was sent of a model or metric, or would be."""
    for name in done.sent:
        click.echo(f"{'would send' if dry_run else 'sent'}  {name}")
    for name in done.removed:
        click.echo(f"{'would remove' if dry_run else 'removed'}  {name}")
    if not (done.sent or done.removed):
        talk(f"{done.repository} holds all of this already.")
    elif dry_run:
        files = counted(len(done.sent), "file", "files")
        new = " new" if done.created else ""
        talk(f"{files} of {done.num_bytes:,} bytes for the{new} repository {done.repository}.")
    else:
        talk(f"{done.repository}: {done.page}")


def _checker(no_images: bool) -> Check:
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


def _show(done: PushReport, repository: str, as_json: bool) -> None:
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
