"""A Space or a model repository: files that one commit puts there, and none if nothing changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from equime_hub.errors import HubError, NotFoundError
from equime_hub.files import inside, sha256
from equime_hub.hub.client import api, call, check_name, files_of
from equime_hub.loading_script.access import Kind, page

if TYPE_CHECKING:
    from huggingface_hub import RepoFile

_MADE_BY_THE_HUB = {".gitattributes", "README.md"}


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
    repository: str,
    kind: Literal["space", "model"],
    files: Mapping[str, Path | bytes],
    *,
    own: tuple[str, ...],
    sign: str,
    private: bool | None = None,
    tag: str | None = None,
    dry_run: bool = False,
) -> Sent:
    """Make a repository hold some files, in one commit. If it does so already, do nothing.

    Args:
        repository: As "ORG/NAME".
        kind: "space" (with gradio) or "model".
        files: Name → the file here, or its content.
        own: Patterns of names that are such a repository's alone. A file there that matches one
            and is not among `files` is left over from before and goes in the same commit.
        sign: File by which a repository that is not empty is known for one of these.
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

    check_name(repository)
    head, there = _look(repository, kind)
    if there.keys() - _MADE_BY_THE_HUB and sign not in there:
        raise HubError(
            f"{repository} holds something else ({', '.join(sorted(there)[:3])}), and no "
            f"{sign}. Choose another name."
        )
    new = [name for name, path in files.items() if not _same(path, there.get(name))]
    old = [n for n in there if n not in files and _matches(n, own)]
    told = Sent(
        repository=repository,
        page=page(repository, kind),
        created=head is None,
        sent=tuple(new),
        removed=tuple(old),
        num_bytes=sum(_size(files[name]) for name in new),
        commit=head,
    )
    if dry_run:
        return told
    _create(repository, kind, private, head is not None)
    if new or old:
        changes: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(name, files[name]) for name in new
        ]
        changes += [CommitOperationDelete(name) for name in old]
        message = f"{'Update' if sign in there else 'Add'} {sign}"
        commit = partial(api().create_commit, parent_commit=head, commit_message=message)
        head = call(repository, "commit", commit, changes, kind=kind).oid
    if tag is not None:
        _tag(repository, kind, tag, str(head))
    return replace(told, commit=str(head))


def _look(repository: str, kind: Kind) -> tuple[str | None, dict[str, RepoFile]]:
    """Head and files of the repository; None and nothing if there is none."""
    try:
        head = str(call(repository, "look at it", api().repo_info, kind=kind).sha)
    except NotFoundError:
        return None, {}
    return head, files_of(repository, "list its files", head, kind)


def _create(repository: str, kind: Kind, private: bool | None, exists: bool) -> None:
    if not exists:
        sdk = "gradio" if kind == "space" else None
        create = partial(api().create_repo, exist_ok=True, space_sdk=sdk)
        call(repository, "create it", create, kind=kind, private=private is not False)
    elif private is not None:
        change = api().update_repo_settings
        call(repository, "set who sees it", change, kind=kind, private=private)


def _tag(repository: str, kind: Kind, tag: str, commit: str) -> None:
    refs = call(repository, "list its tags", api().list_repo_refs, kind=kind)
    there = {ref.name: ref.target_commit for ref in refs.tags}
    if there.get(tag, commit) != commit:
        raise HubError(
            f"The tag {tag!r} of {repository} is another commit's ({there[tag][:8]}): what it "
            "means never changes. Choose a new one."
        )
    if tag not in there:
        create = partial(api().create_tag, tag=tag, revision=commit, exist_ok=True)
        call(repository, f"set the tag {tag}", create, kind=kind)


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
