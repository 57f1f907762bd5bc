"""How files reach a repository: large ones one by one, then everything in one commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from equime_hub.errors import DatasetError, HubError, OfflineError
from equime_hub.hub.client import PASSING, api, ask, check_name, speaking, status
from equime_hub.hub.repository import Head, first_commit, read_head, set_tag
from equime_hub.hub.source import Piece, Source
from equime_hub.progress import Progress
from equime_hub.schema.releases import Release

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, CommitOperationAdd

Result = TypeVar("Result")

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

    @property
    def shards(self) -> list[Piece]:
        """Large files, the same however the head moves."""
        return [piece for piece in self.files if piece.name.endswith(".parquet")]

    @property
    def rest(self) -> list[Piece]:
        """Small files, which depend on the head."""
        return [piece for piece in self.files if not piece.name.endswith(".parquet")]


@dataclass(frozen=True)
class Report:
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


Pack = Callable[[Head], Parcel | Release]
"""What to commit on a head, or the release that has brought it there already."""


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
        ask(
            repository,
            "write there",
            lambda: api().auth_check(repository, repo_type="dataset", write=True),
        )
    return head


def published_release(
    source: Source, wanted: Wanted, history: Sequence[Release], sums: Mapping[str, str]
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


def send(wanted: Wanted, parcel: Parcel, pack: Pack, progress: Progress | None) -> Report:
    """Upload a parcel, commit it, see that all of it arrived, tag it.

    Args:
        wanted: How.
        parcel: As it was on the head that was looked at.
        pack: Makes it on a newer one; it refuses what does not fit any more.
        progress: Called with bytes sent and bytes in all.

    Raises:
        DatasetError: A file changed while it was sent.
        HubError: The Hub refuses or fails. What was uploaded is kept there.
    """
    large = _upload(wanted, parcel.shards, progress)

    def attempt() -> Report:
        head = read_head(wanted.repository)
        refuse_open(head)
        packed = parcel if head.commit == parcel.head else pack(head)
        if isinstance(packed, Release):  # the answer to the last attempt was lost
            finish(head, packed)
            return Report("published", packed, parcel.files)
        made = _commit(head, large, packed, wanted.pr)
        if wanted.pr:
            return Report("proposed", packed.release, packed.files, made.pr_url)
        there = read_head(wanted.repository, made.oid)
        _confirm(there, packed.files)
        set_tag(there, packed.release.tag, made.oid)
        return Report("published", packed.release, packed.files)

    return _until_done(attempt)


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
        ask(
            wanted.repository,
            f"upload {piece.name}",
            lambda operation=operation: api().preupload_lfs_files(  # type: ignore[misc]
                wanted.repository,
                [operation],
                repo_type="dataset",
                create_pr=wanted.pr,
                free_memory=False,
            ),
        )
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
    rest = [CommitOperationAdd(piece.name, piece.path) for piece in parcel.rest]
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


def _until_done(attempt: Callable[[], Result]) -> Result:
    for number in range(1, ATTEMPTS):
        try:
            return attempt()
        except _Overtaken:
            time.sleep(0.5 * number)
    return attempt()


def _confirm(head: Head, pieces: Iterable[Piece]) -> None:
    """See that a commit holds what was sent, small files by name."""
    wrong = [p.name for p in pieces if head.files.get(p.name, "missing") not in (None, p.sha256)]
    if wrong:
        raise HubError(
            f"Commit {head.commit} of {head.repository} was made, but {', '.join(wrong[:3])} is "
            "not in it as it was sent. It was not tagged; take it back on its page."
        )
