"""What the Hub of the tests keeps: repositories with their history, users and their rights."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

KINDS = ("model", "dataset", "space")
LFS_SUFFIXES = (
    "parquet", "arrow", "mp4", "avi", "webm", "png", "jpg", "safetensors", "bin", "pt", "npy",
    "npz", "zip", "gz",
)  # fmt: skip
GITATTRIBUTES = "".join(f"*.{end} filter=lfs diff=lfs merge=lfs -text\n" for end in LFS_SUFFIXES)
NO_DATA = ("README.md", ".gitattributes")
"""What a stranger may read of a dataset; every other file holds data."""


def prefix(kind: str) -> str:
    """What stands before the name of a repository in the address of its page."""
    return "" if kind == "model" else f"{kind}s/"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Refusal(Exception):
    """An answer that is an error, with the headers that the clients read."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers


@dataclass(frozen=True)
class File:
    """One content, regular (in the commit) or large (in the LFS store)."""

    content: bytes
    large: bool

    @cached_property
    def git_oid(self) -> str:
        """Of the blob, or of the pointer to the large file."""
        blob = self.pointer if self.large else self.content
        return hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest()

    @cached_property
    def oid(self) -> str:
        """SHA-256 of a large file, git's hash of a regular one: the ETag, and what uploads send."""
        return hashlib.sha256(self.content).hexdigest() if self.large else self.git_oid

    @property
    def pointer(self) -> bytes:
        version = "version https://git-lfs.github.com/spec/v1"
        return f"{version}\noid sha256:{self.oid}\nsize {len(self.content)}\n".encode()


@dataclass(frozen=True)
class Commit:
    """A state of all files."""

    oid: str
    parent: str | None
    title: str
    message: str
    author: str
    date: str
    files: Mapping[str, File]


@dataclass
class AccessRequest:
    """What somebody filled in to be let in, and what became of it."""

    user: str
    fields: dict[str, object]
    status: str = "pending"
    reason: str | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    timestamp: str = field(default_factory=now)


class Repository:
    """One repository; `requests` are by user, `objects` are the LFS contents by SHA-256."""

    def __init__(self, name: str, kind: str, private: bool, author: str) -> None:
        self.id, self.kind, self.private = name, kind, private
        self.gated: str | bool = False
        self.hides_names = False
        self.created = now()
        self.history: dict[str, Commit] = {}
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.pulls: dict[str, str] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: dict[str, AccessRequest] = {}
        start = {".gitattributes": File(GITATTRIBUTES.encode(), False)}
        self.branches["main"] = self.add(None, "initial commit", "", author, start).oid

    @property
    def page(self) -> str:
        return prefix(self.kind) + self.id

    @property
    def head(self) -> str:
        """The commit that `main` is at."""
        return self.branches["main"]

    @property
    def commits(self) -> list[Commit]:
        """Those of `main`, oldest first."""
        return [*self.ancestors(self.head)][::-1]

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """Every file of a branch, tag, pull request or commit."""
        return {path: file.content for path, file in self.at(revision).files.items()}

    def at(self, revision: str) -> Commit:
        refs = {**self.tags, **self.pulls, **self.branches}
        try:
            return self.history[refs.get(revision, revision)]
        except KeyError:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound") from None

    def ancestors(self, oid: str | None) -> Iterator[Commit]:
        """A commit and all before it, newest first."""
        while oid is not None:
            yield (commit := self.history[oid])
            oid = commit.parent

    def add(
        self, parent: str | None, title: str, message: str, author: str, files: Mapping[str, File]
    ) -> Commit:
        """A new commit that no branch is at yet."""
        tree = sorted((path, file.oid) for path, file in files.items())
        told = repr((self.id, parent, title, author, len(self.history), tree))
        oid = hashlib.sha1(told.encode()).hexdigest()
        self.history[oid] = Commit(oid, parent, title, message, author, now(), dict(files))
        return self.history[oid]

    def move(self, revision: str, oid: str) -> None:
        """Set a branch or a pull request to a commit."""
        (self.pulls if revision.startswith("refs/pr/") else self.branches)[revision] = oid

    def merge(self, number: int) -> None:
        """Take the files of a pull request as the next commit of `main`."""
        pull = self.at(f"refs/pr/{number}")
        self.move("main", self.add(self.head, pull.title, "", pull.author, pull.files).oid)


@dataclass(frozen=True)
class Exposure:
    """A data file of a dataset that somebody could read without a grant.

    Args:
        repository: Its name.
        path: Of the file.
        how: What was wrong.
    """

    repository: str
    path: str
    how: str


@dataclass
class Store:
    """All repositories, users, tokens and organisations.

    `tokens` maps a token to (user, "read" or "write"), `organisations` a name to the roles of
    its members. A user's own name is a namespace too.
    """

    endpoint: str
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    users: set[str] = field(default_factory=set)
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    organisations: dict[str, dict[str, str]] = field(default_factory=dict)
    uploads: dict[str, tuple[Repository, str, int]] = field(default_factory=dict)
    exposures: dict[Exposure, None] = field(default_factory=dict)

    def role(self, user: str | None, namespace: str) -> str | None:
        """ "admin", "write", "read", or none."""
        if user is not None and user == namespace:
            return "admin"
        return self.organisations.get(namespace, {}).get(user or "")

    def writes(self, user: str | None, repository: Repository) -> bool:
        return self.role(user, repository.id.split("/")[0]) in ("admin", "write")

    def granted(self, user: str | None, repository: Repository) -> bool:
        """Whether somebody is of the house, or was let in."""
        request = repository.requests.get(user or "")
        accepted = request is not None and request.status == "accepted"
        return accepted or self.role(user, repository.id.split("/")[0]) is not None

    def found(self, user: str | None, kind: str, name: str) -> Repository:
        """A repository that `user` may know of.

        Raises:
            Refusal: There is none, or it is private and theirs it is not: one answer for both.
        """
        repository = self.repositories.get((kind, name))
        of_the_house = self.role(user, name.split("/")[0]) is not None
        if repository is None or (repository.private and not of_the_house):
            if user is None:
                raise Refusal(401, "Invalid username or password.", "RepoNotFound")
            raise Refusal(404, "Repository not found", "RepoNotFound")
        return repository

    def opened(self, user: str | None, kind: str, name: str) -> Repository:
        """A repository whose files `user` may read.

        Raises:
            Refusal: As in `found`, or it is gated and `user` was not let in.
        """
        repository = self.found(user, kind, name)
        if repository.gated and not self.granted(user, repository):
            raise self._gated(user, repository)
        return repository

    def watch(self) -> None:
        """Write down every data file of a dataset that the world can read now."""
        for repository in self.repositories.values():
            if repository.kind == "dataset" and not repository.private and not repository.gated:
                for commit in repository.history.values():
                    for path in {*commit.files} - {*NO_DATA}:
                        self.exposures[Exposure(repository.id, path, "public, not gated")] = None

    def sent(self, repository: Repository, path: str, user: str | None) -> None:
        """Write down that a content was sent, if it is one that `user` had no grant for."""
        data = repository.kind == "dataset" and path not in NO_DATA
        if data and not self.granted(user, repository):
            how = f"sent to {user or 'somebody unknown'}"
            self.exposures[Exposure(repository.id, path, how)] = None

    def _gated(self, user: str | None, repository: Repository) -> Refusal:
        what = f"{repository.kind} {repository.id}"
        request = repository.requests.get(user or "")
        if user is None:
            return Refusal(
                401,
                f"Access to {what} is restricted. You must have access to it and be "
                "authenticated to access it. Please log in.",
                "GatedRepo",
            )
        if request is None:
            said = (
                f"Access to {what} is restricted and you are not in the authorized list. Visit "
                f"{self.endpoint}/{repository.page} to ask for access."
            )
        elif request.status == "pending":
            said = f"Your request to access {what} is awaiting a review from the repo authors."
        else:
            said = f"Your request to access {what} has been rejected by the repo's authors."
        return Refusal(403, said, "GatedRepo")
