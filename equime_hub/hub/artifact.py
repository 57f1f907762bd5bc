"""A Space or a model repository: files that one commit puts there, and none if nothing changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from equime_hub.errors import HubError, NotFoundError
from equime_hub.files import inside, sha256
from equime_hub.hub.client import api, ask, check_name
from equime_hub.loading_script.access import page

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

_MADE_BY_THE_HUB = {".gitattributes", "README.md"}


@dataclass(frozen=True)
class Artifact:
    """What a repository is to hold.

    Attributes:
        repository: As "ORG/NAME".
        kind: "space" (with gradio) or "model".
        files: Name → the file here, or its content.
        own: Patterns of names that are this artifact's alone. A file there that matches one and
            is not among `files` is left over from before and goes in the same commit.
        sign: File by which a repository that is not empty is known for one of these.
    """

    repository: str
    kind: Literal["space", "model"]
    files: Mapping[str, Path | bytes]
    own: tuple[str, ...]
    sign: str


@dataclass(frozen=True)
class Sent:
    """What was sent, or with `dry_run` would be.

    Attributes:
        repository: As "ORG/NAME".
        page: Its page.
        created: Whether it is new.
        sent: Names of new and changed files.
        removed: Names of files that went.
        num_bytes: Size of what was sent.
        commit: That holds exactly this; None if none was made.
    """

    repository: str
    page: str
    created: bool
    sent: tuple[str, ...]
    removed: tuple[str, ...]
    num_bytes: int
    commit: str | None


def send(
    artifact: Artifact,
    *,
    private: bool | None = None,
    tag: str | None = None,
    dry_run: bool = False,
) -> Sent:
    """Make a repository hold an artifact, in one commit. If it does so already, do nothing.

    Args:
        artifact: What and where.
        private: Whether only its organisation sees it; None leaves that as it is, and makes a new
            one private.
        tag: Set on the commit.
        dry_run: Only look.

    Raises:
        NotSignedInError: Nobody is signed in.
        NotGrantedError: The person or token may not write there.
        HubError: The repository holds something else, or the tag is another commit's; or the Hub
            fails, and the same call goes on.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    repository, kind = artifact.repository, artifact.kind
    check_name(repository)
    found = _look(artifact)
    head, there = found or (None, {})
    if there.keys() - _MADE_BY_THE_HUB and artifact.sign not in there:
        raise HubError(
            f"{repository} holds something else ({', '.join(sorted(there)[:3])}), and no "
            f"{artifact.sign}. Choose another name."
        )
    new = [name for name, path in artifact.files.items() if not _same(path, there.get(name))]
    old = [n for n in there if n not in artifact.files and _matches(n, artifact.own)]
    num_bytes = sum(_size(artifact.files[name]) for name in new)
    told = Sent(
        repository, page(repository, kind), found is None, tuple(new), tuple(old), num_bytes, head
    )
    if dry_run:
        return told
    _create(artifact, private, found is not None)
    if new or old:
        changes: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(name, artifact.files[name]) for name in new
        ]
        changes += [CommitOperationDelete(name) for name in old]
        head = ask(
            repository,
            "commit",
            lambda: api().create_commit(
                repository,
                changes,
                repo_type=kind,
                parent_commit=head,
                commit_message=f"{'Update' if artifact.sign in there else 'Add'} {artifact.sign}",
            ),
            kind,
        ).oid
    if tag is not None:
        _tag(artifact, tag, str(head))
    return Sent(repository, told.page, told.created, told.sent, told.removed, num_bytes, str(head))


def _look(artifact: Artifact) -> tuple[str, dict[str, RepoFile]] | None:
    """Head and files of the repository; None if there is none."""
    from huggingface_hub.hf_api import RepoFile

    repository, kind = artifact.repository, artifact.kind
    try:
        info = ask(
            repository, "look at it", lambda: api().repo_info(repository, repo_type=kind), kind
        )
    except NotFoundError:
        return None
    entries = ask(
        repository,
        "list its files",
        lambda: [
            *api().list_repo_tree(repository, recursive=True, revision=info.sha, repo_type=kind)
        ],
        kind,
    )
    return str(info.sha), {e.path: e for e in entries if isinstance(e, RepoFile)}


def _create(artifact: Artifact, private: bool | None, exists: bool) -> None:
    repository, kind = artifact.repository, artifact.kind
    if not exists:
        ask(
            repository,
            "create it",
            lambda: api().create_repo(
                repository,
                repo_type=kind,
                private=private is not False,
                exist_ok=True,
                space_sdk="gradio" if kind == "space" else None,
            ),
            kind,
        )
    elif private is not None:
        ask(
            repository,
            "set who sees it",
            lambda: api().update_repo_settings(repository, repo_type=kind, private=private),
            kind,
        )


def _tag(artifact: Artifact, tag: str, commit: str) -> None:
    repository, kind = artifact.repository, artifact.kind
    refs = ask(
        repository, "list its tags", lambda: api().list_repo_refs(repository, repo_type=kind), kind
    )
    there = {ref.name: ref.target_commit for ref in refs.tags}
    if there.get(tag, commit) != commit:
        raise HubError(
            f"The tag {tag!r} of {repository} is another commit's ({there[tag][:8]}): what it "
            "means never changes. Choose a new one."
        )
    if tag not in there:
        ask(
            repository,
            f"set the tag {tag}",
            lambda: api().create_tag(
                repository, tag=tag, revision=commit, repo_type=kind, exist_ok=True
            ),
            kind,
        )


def _size(content: Path | bytes) -> int:
    return content.stat().st_size if isinstance(content, Path) else len(content)


def _same(content: Path | bytes, there: RepoFile | None) -> bool:
    """Whether the Hub has this very content; it names small files by git's hash."""
    if there is None or there.size != _size(content):
        return False
    if there.lfs is not None and isinstance(content, Path):
        return bool(there.lfs.sha256 == sha256(content))
    whole = content.read_bytes() if isinstance(content, Path) else content
    return bool(there.blob_id == hashlib.sha1(b"blob %d\0" % len(whole) + whole).hexdigest())


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def local_files(folder: Path) -> dict[str, Path]:
    """Files below a folder by name, links followed; what Python and git leave there is left out.

    Raises:
        HubError: A name cannot be one in a repository.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not _matches(f"/{name}", ("*/__pycache__/*", "*/.*")):
            inside(folder, name)
            found[name] = path.resolve()
    return found
