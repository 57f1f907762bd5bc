"""What `push` and `append` do alike: large files go up one by one, then one commit brings all."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from equime_hub.errors import DatasetError, HubError, OfflineError
from equime_hub.hub.client import PASSING, api, ask, call, check_name, speaking, status
from equime_hub.hub.repository import Head, first_commit, read_head, set_tag
from equime_hub.hub.source import Check, FinishedDataset, Piece, refuse_unsound
from equime_hub.progress import Progress
from equime_hub.schema.releases import Release

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, CommitOperationAdd

ATTEMPTS = 10
"""Commits that are tried while others commit too."""


@dataclass(frozen=True)
class Wanted:
    """How a dataset is to be published.

    Attributes:
        repository: "ORG/NAME".
        tag: Of the release; None takes the next one.
        note: What the changelog says.
        pr: Open a pull request instead. When it is merged, the same call again sets the tag.
        dry_run: Look and refuse, send nothing.
    """

    repository: str
    tag: str | None = None
    note: str = ""
    pr: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Parcel:
    """What one commit brings.

    Attributes:
        head: Commit that it is to follow; None if there is no repository yet.
        release: What the repository will say about it.
        files: All of it.
    """

    head: str | None
    release: Release
    files: tuple[Piece, ...]


@dataclass(frozen=True)
class PushReport:
    """What was published, or would be.

    Attributes:
        outcome: What became of it; "proposed" is a pull request.
        release: What the repository says about it.
        files: What was sent, or would be; empty if it was there already.
        pull_request: Its address, if one was opened.
    """

    outcome: Literal["planned", "published", "proposed", "there already"]
    release: Release
    files: tuple[Piece, ...] = ()
    pull_request: str | None = None


Pack = Callable[[Head | None, Path], Parcel | Release]
"""What to commit on a head (None: there is no repository yet), or the release that has brought it
there already. Files that it makes for that lie in the folder, which is empty."""


class _Overtaken(HubError):
    """A commit did not go through, and may if it is made anew on the head as it is then."""


def look(wanted: Wanted) -> Head:
    """The repository, if the person who is signed in may do there what is wanted.

    Raises:
        NotFoundError: There is none, or it is private to others.
        HubError: Nobody is signed in, or they may not write.
    """
    repository = wanted.repository
    check_name(repository)
    ask(repository, "tell who is signed in", lambda: api().whoami())
    head = read_head(repository)
    if not wanted.pr:
        call(repository, "write there", api().auth_check, write=True)
    return head


def published_release(
    source: FinishedDataset, wanted: Wanted, history: Sequence[Release], sums: Mapping[str, str]
) -> Release | None:
    """The release that brought a dataset into a repository; None if it is not there.

    Raises:
        HubError: It is there with other values (what is published never changes), or under
            another tag than is wanted.
    """
    builds = [release.build for release in history]
    if source.origin.fingerprint not in builds:
        return None
    number = builds.index(source.origin.fingerprint)
    release = history[number]
    for ours, theirs in source.names(first=number == 0).items():
        if sums.get(theirs) != source.sums[ours]:
            raise HubError(
                f"{wanted.repository} has this build as {release.tag}, but with another {theirs}: "
                f"{source.folder} was measured anew since. What is published never changes; push "
                "the folder to a new repository."
            )
    if wanted.tag not in (None, release.tag):
        raise HubError(
            f"{wanted.repository} has this build already, as {release.tag} and not as "
            f"{wanted.tag}. Leave --tag out."
        )
    return release


def publish(
    source: FinishedDataset,
    wanted: Wanted,
    head: Head | None,
    pack: Pack,
    *,
    check: Check,
    prepare: Callable[[], None] | None = None,
    progress: Progress | None = None,
) -> PushReport:
    """Bring a dataset into a repository, unless it is there or only a look is wanted.

    Args:
        source: The dataset.
        wanted: Where to, and how.
        head: The repository; None if there is none yet.
        pack: Says what to commit. It is asked again if the head moves meanwhile, and then refuses
            what does not fit any more.
        check: Says what is wrong with the folder; anything is a refusal.
        prepare: Makes the repository ready, just before the first byte is sent.
        progress: Called with bytes sent and bytes in all.

    Raises:
        DatasetError: The folder is not sound, or a file changed while it was sent; or by `pack`.
        HubError: The Hub refuses or fails. What was uploaded is kept there. Or by `pack`.
    """
    with tempfile.TemporaryDirectory() as name:

        def packed(head: Head | None) -> Parcel | Release:
            # A folder of its own each time: the client trusts files that lie there already.
            return pack(head, Path(tempfile.mkdtemp(dir=name)))

        found = packed(head)
        if isinstance(found, Release):
            if head and not (wanted.dry_run or wanted.pr):
                finish(head, found)
            return PushReport("there already", found)
        refuse_unsound(source, check)
        if wanted.dry_run:
            return PushReport("planned", found.release, found.files)
        if prepare:
            prepare()
        return _send(wanted, found, packed, progress)


def _send(
    wanted: Wanted,
    parcel: Parcel,
    packed: Callable[[Head | None], Parcel | Release],
    progress: Progress | None,
) -> PushReport:
    """Upload a parcel, commit it, see that all of it arrived, tag it."""
    # Only small files depend on the head, so large ones go up once, however often it moves.
    large = _upload(wanted, [p for p in parcel.files if p.name.endswith(".parquet")], progress)

    def attempt() -> PushReport:
        head = read_head(wanted.repository)
        refuse_open(head)
        found = parcel if head.commit == parcel.head else packed(head)
        if isinstance(found, Release):  # the answer to the last attempt was lost
            finish(head, found)
            return PushReport("published", found, parcel.files)
        made = _commit(head, large, found, wanted.pr)
        if wanted.pr:
            return PushReport("proposed", found.release, found.files, made.pr_url)
        there = read_head(wanted.repository, made.oid)
        _confirm(there, found.files)
        set_tag(there, found.release.tag, made.oid)
        return PushReport("published", found.release, found.files)

    for number in range(1, ATTEMPTS):
        try:
            return attempt()
        except _Overtaken:
            time.sleep(0.5 * number)
    return attempt()


def refuse_open(head: Head) -> None:
    """Refuse a repository of which nobody decides who reads it.

    Raises:
        HubError: It is not gated by hand.
    """
    if head.gated != "manual":
        raise HubError(
            f"{head.repository} lets in whoever comes, so nothing is sent there. Its keeper runs "
            f"`equime gate on {head.repository}` first."
        )


def finish(head: Head, release: Release) -> None:
    """See that a release which is in a repository has its tag.

    Raises:
        HubError: Another commit has it, or the Hub refuses or fails.
    """
    set_tag(head, release.tag, first_commit(head, release.build))


def _upload(
    wanted: Wanted, pieces: Sequence[Piece], progress: Progress | None
) -> list[CommitOperationAdd]:
    """Send the bytes of large files, which nobody sees before a commit names them.

    The Hub is asked first which it has, so those of an upload that broke off are not sent again.
    """
    from huggingface_hub import CommitOperationAdd

    operations = []
    done, total = 0, sum(piece.size for piece in pieces)
    if progress:
        progress(done, total)
    for piece in pieces:
        operation = CommitOperationAdd(piece.name, piece.path)
        given: dict[str, Any] = {"create_pr": wanted.pr, "free_memory": False}
        send = api().preupload_lfs_files
        call(wanted.repository, f"upload {piece.name}", send, [operation], **given)
        if operation.upload_info.sha256.hex() != piece.sha256:
            raise DatasetError(
                f"{piece.path} changed while it was sent, and nothing was published. When nothing "
                "writes into the folder any more, run the same again."
            )
        operations.append(operation)
        done += piece.size
        if progress:
            progress(done, total)
    return operations


def _commit(
    head: Head, large: Iterable[CommitOperationAdd], parcel: Parcel, pr: bool
) -> CommitInfo:
    """Publish everything together or nothing.

    Raises:
        _Overtaken: The head is not the newest commit any more, or it is not known whether the Hub
            made the commit: look again.
    """
    from huggingface_hub import CommitOperationAdd

    release = parcel.release
    rest = [
        CommitOperationAdd(piece.name, piece.path)
        for piece in parcel.files
        if not piece.name.endswith(".parquet")
    ]
    try:
        with speaking(head.repository, "commit"):
            return api().create_commit(
                head.repository,
                [*large, *rest],
                commit_message=f"{release.tag}: {sum(release.clips.values()):,} clips",
                commit_description=release.note,
                repo_type="dataset",
                parent_commit=head.commit,
                create_pr=pr,
            )
    except HubError as error:
        unsure = isinstance(error, OfflineError) or status(error) in (409, 412, *PASSING)
        if unsure and not pr:
            raise _Overtaken(str(error)) from error
        raise


def _confirm(head: Head, pieces: Iterable[Piece]) -> None:
    """See that a commit holds what was sent, small files by name."""
    wrong = [p.name for p in pieces if head.files.get(p.name, "missing") not in (None, p.sha256)]
    if wrong:
        raise HubError(
            f"Commit {head.commit} of {head.repository} was made, but {', '.join(wrong[:3])} is "
            "not in it as it was sent. It was not tagged; take it back on its page."
        )
