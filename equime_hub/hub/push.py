"""`push`: a dataset folder becomes a gated repository on the Hub."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from equime_hub.errors import HubError, NotFoundError
from equime_hub.hub.client import api, call, check_name
from equime_hub.hub.repository import OF_AN_EMPTY_REPOSITORY, Head, read_head, read_history
from equime_hub.hub.sending import (
    Parcel,
    PushReport,
    Wanted,
    look,
    publish,
    published_release,
    refuse_open,
)
from equime_hub.hub.source import Check, FinishedDataset, described, read_source
from equime_hub.progress import Progress
from equime_hub.schema.releases import FIRST, Release, check_tag


def push(
    folder: Path,
    wanted: Wanted,
    *,
    check: Check,
    public: bool = False,
    progress: Progress | None = None,
) -> PushReport:
    """Publish a dataset in a repository of its own.

    The repository is private and gated before the first clip is sent. One commit brings all clips,
    the card and the sums. A repository that is to be public is opened last. After a crash the same
    call goes on: what was uploaded is not sent again, and a commit that was made lacks at most its
    tag and the opening.

    Args:
        folder: A dataset that `equime build` finished. It is not changed.
        wanted: Where to, and how. A pull request needs a repository that is gated already.
        check: Says what is wrong with the folder; anything is a refusal.
        public: Let everybody see the page in the end. Reading stays gated.
        progress: Called with bytes sent and bytes in all.

    Raises:
        DatasetError: The folder may not be published (`read_source`), or is not sound.
        HubError: The repository holds something else, or the Hub refuses or fails.
    """
    check_name(wanted.repository)
    check_tag(wanted.tag or FIRST)
    source, head = read_source(folder), _look(wanted)

    pack = partial(_packed, source, wanted)
    prepare = None if wanted.pr else partial(_make, wanted.repository, head)
    report = publish(source, wanted, head, pack, check=check, prepare=prepare, progress=progress)
    if public and not (wanted.dry_run or wanted.pr):
        _open(wanted.repository)
    return report


def _look(wanted: Wanted) -> Head | None:
    """The repository; None if there is none yet."""
    try:
        head = look(wanted)
    except NotFoundError:
        if wanted.pr:
            raise
        return None
    if wanted.pr:
        refuse_open(head)
    return head


def _packed(
    source: FinishedDataset, wanted: Wanted, head: Head | None, work: Path
) -> Parcel | Release:
    """What to commit, or the release that has brought it already.

    Raises:
        HubError: The repository is not free for it.
    """
    tag = wanted.tag or FIRST
    if head and not head.is_empty:
        if release := published_release(source, wanted, *read_history(head, work)):
            return release
        other = next(name for name in head.files if name not in OF_AN_EMPTY_REPOSITORY)
        raise HubError(
            f"{wanted.repository} holds something else already, such as {other}. Give the name of "
            "a new repository; `equime append` adds clips to a dataset that is there."
        )
    if head and tag in head.tags:
        raise HubError(f"{wanted.repository} is empty but has a tag {tag}; delete that tag first.")
    release = source.release(tag, wanted.note)
    told = described(work, source.statistics, source.origin, [release], source.sums)
    return Parcel(head.commit if head else None, release, (*source.pieces(first=True), *told))


def _make(repository: str, head: Head | None) -> None:
    """A repository that is closed before anything is in it, and private if it is new."""
    if head is None:
        create = api().create_repo
        call(repository, "make the repository", create, private=True, exist_ok=True)
    _close(repository)


def _close(repository: str) -> Head:
    call(repository, "turn the gate on", api().update_repo_settings, gated="manual")
    head = read_head(repository)
    if head.gated != "manual":
        raise HubError(
            f"{repository} does not become gated (the Hub says {head.gated}), and nothing was "
            "sent. Turn on manual approval on the page of its settings, then run the same again."
        )
    return head


def _open(repository: str) -> None:
    """Show the page to everybody, with the gate closed."""
    if _close(repository).private:
        call(repository, "make the page public", api().update_repo_settings, private=False)
