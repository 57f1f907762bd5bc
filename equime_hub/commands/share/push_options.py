"""What the commands that send something to the Hub share: options, checks, the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from equime_hub.commands.common import counted, progress_bar, report
from equime_hub.commands.options import OptionGroup, Told, changes_to
from equime_hub.hub.sending import Wanted
from equime_hub.loading_script.access import page

if TYPE_CHECKING:
    from equime_hub.hub.artifact import Sent
    from equime_hub.hub.sending import PushReport
    from equime_hub.hub.source import Check

NoImages = Annotated[
    bool, Told(help="Do not look for photographs that look the same before sending.")
]
DryRun = Annotated[bool, Told(help="Show what would be sent; send nothing.")]
Private = Annotated[bool | None, Told(
    called="public", off="private", both_ways=True, default=None,
    callback=lambda ctx, param, public: None if public is None else not public,
    help="Who sees it.  [default: a new one is private, others stay as they are]",
)]  # fmt: skip
"""`--public/--private` of models and metrics."""


def release_options(tag: str) -> OptionGroup:
    """How a dataset is published; `tag` says which one is taken if none is named."""
    return changes_to(
        Wanted, "tag", "note", "pr", "dry_run",
        tag={"show_default": tag, "help": "Name of the release."},
        note={"help": "What the changelog says about these clips."},
        pr={"both_ways": False, "help": "Open a pull request instead."},
        dry_run={"both_ways": False, "help": "Show what would be sent; send nothing."},
    )  # fmt: skip


def publish(
    send: Callable[..., PushReport],
    folder: Path,
    repository: str,
    release: dict[str, Any],
    no_images: bool,
) -> None:
    """Publish a dataset with `hub.push.push` or `hub.append.append`, and say what became of it."""
    wanted = Wanted(repository, **release)
    with progress_bar("sent", "bytes") as progress:
        done = send(folder, wanted, check=_checker(no_images), progress=progress)
    files = [{"name": p.name, "bytes": p.size, "sha256": p.sha256} for p in done.files]
    size = sum(piece.size for piece in done.files)
    values = {
        "repository": repository, "page": page(repository), "outcome": done.outcome,
        "pull_request": done.pull_request, "release": asdict(done.release), "bytes": size,
        "files": files,
    }  # fmt: skip
    tag = done.release.tag
    if done.outcome == "planned":
        report(
            values,
            [f"{piece.size:>15,}  {piece.name}" for piece in done.files],
            f"{counted(len(files), 'file', 'files')} of {size / 1e6:,.1f} MB would be sent to "
            f"{repository} as {tag}.",
        )
    elif done.outcome == "proposed":
        report(
            values,
            str(done.pull_request),
            f"When it is merged, the same command without --pr sets the tag {tag}.",
        )
    else:
        clips = counted(sum(done.release.clips.values()), "clip", "clips")
        people = counted(done.release.people, "person", "people")
        split = next(iter(done.release.clips))
        was = "is there already" if done.outcome == "there already" else "is published"
        report(
            values,
            page(repository),
            f"{tag} with {clips} of {people} {was}. Whom its keepers let in loads it with\n"
            f'  load_dataset("{repository}", split="{split}", revision="{tag}")',
        )


def values(done: Sent, dry_run: bool) -> dict[str, Any]:
    """What was sent of a model or metric as plain values."""
    return {**asdict(done), "dry_run": dry_run}


def show(done: Sent, dry_run: bool) -> None:
    """Print what was sent of a model or metric, or would be."""
    sent, removed = ("would send", "would remove") if dry_run else ("sent", "removed")
    if not (done.sent or done.removed):
        hint = f"{done.repository} holds all of this already."
    elif dry_run:
        files = counted(len(done.sent), "file", "files")
        new = " new" if done.created else ""
        hint = f"{files} of {done.num_bytes:,} bytes for the{new} repository {done.repository}."
    else:
        hint = f"{done.repository}: {done.page}"
    lines = [f"{sent}  {name}" for name in done.sent]
    report(values(done, dry_run), lines + [f"{removed}  {name}" for name in done.removed], hint)


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
