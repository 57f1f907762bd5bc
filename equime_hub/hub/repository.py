"""What a dataset repository on the Hub holds, at one commit."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from equime_hub import checksums
from equime_hub.cards import dataset_card
from equime_hub.errors import DatasetError, HubError, NotFoundError
from equime_hub.files import inside
from equime_hub.hub.client import api, call, files_of
from equime_hub.schema import releases
from equime_hub.schema.releases import Release
from equime_hub.schema.stamp import ORIGIN, ORIGINS, Origin, read_origin

LABELS = "metadata/"
"""Folder of the label files, which are read before anything is added."""

OF_AN_EMPTY_REPOSITORY = frozenset({".gitattributes", dataset_card.NAME})
"""What the Hub itself may have put there."""


@dataclass(frozen=True)
class Head:
    """A repository's state.

    Attributes:
        repository: "ORG/NAME".
        commit: What `main` points to (or the commit that was asked for).
        private: Whether only its organisation sees it.
        gated: "manual", "auto" (whoever asks is let in), or None: everybody reads it.
        files: Name → SHA-256, None for small files, which the Hub knows by another hash.
        tags: Tag → commit.
    """

    repository: str
    commit: str
    private: bool
    gated: Literal["manual", "auto"] | None
    files: Mapping[str, str | None]
    tags: Mapping[str, str]

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing that anybody put there."""
        return set(self.files) <= OF_AN_EMPTY_REPOSITORY


@dataclass(frozen=True)
class Published:
    """A dataset on the Hub, as its own files describe it.

    Attributes:
        folder: Local folder in which those files lie, all label files among them.
        origin: Of its first generation.
        releases: Oldest first.
        sums: File name → SHA-256.
        num_bytes: Config → split → bytes, as its card says.
    """

    folder: Path
    origin: Origin
    releases: tuple[Release, ...]
    sums: Mapping[str, str]
    num_bytes: Mapping[str, Mapping[str, int]]


def read_head(repository: str, revision: str | None = None) -> Head:
    """Look at a repository; the files are those of the commit.

    Raises:
        NotFoundError: There is none, or it is private to others.
        HubError: The Hub fails, or lists a file name that is no path inside a folder.
    """
    info = call(repository, "look at the repository", api().repo_info, revision=revision)
    found = files_of(repository, "list the files", str(info.sha))
    files = {name: file.lfs.sha256 if file.lfs else None for name, file in found.items()}
    for name in files:
        inside(Path(), name)
    return Head(
        repository, str(info.sha), bool(info.private), info.gated or None, files, _tags(repository)
    )


def fetch(head: Head, names: Iterable[str], folder: Path) -> None:
    """Download files of a commit into a folder of its own.

    Raises:
        HubError: One is missing or may not be read, or the Hub fails.
    """
    for name in names:
        inside(folder, name)
        place: dict[str, Any] = {"revision": head.commit, "local_dir": folder}
        call(head.repository, f"read {name}", api().hf_hub_download, name, **place)


def read_history(head: Head, folder: Path) -> tuple[tuple[Release, ...], dict[str, str]]:
    """Releases and sums of a repository; both empty if it holds no dataset of ours.

    Raises:
        DatasetError: `releases.json` is damaged.
        HubError: A file is missing or is not what the sums say, or the Hub fails.
    """
    names = (releases.NAME, checksums.NAME)
    if not {*names} <= {*head.files}:
        return (), {}
    fetch(head, names, folder)
    history, sums = releases.read_releases(folder), checksums.read(folder)
    for name in sums:
        if head.files.get(name, "missing") not in (None, sums[name]):
            raise _altered(head, name)
    return history, sums


def read_published(head: Head, folder: Path) -> Published:
    """Download what describes a dataset: card, origins, releases, sums and all labels.

    Raises:
        DatasetError: A file of it is damaged.
        HubError: The repository holds no dataset that `equime push` put there, a file is not what
            the sums say, or the Hub fails.
    """
    needed = (dataset_card.NAME, checksums.NAME, ORIGIN, releases.NAME)
    if missing := [name for name in needed if name not in head.files]:
        raise HubError(
            f"{head.repository} has no {', '.join(missing)}: it holds no dataset that `equime "
            "push` put there."
        )
    history, sums = read_history(head, folder)
    labels = [name for name in head.files if name.startswith(LABELS)]
    origins = [name for name in head.files if fnmatch(name, ORIGINS)]
    described = [dataset_card.NAME, *origins, *labels]
    fetch(head, described, folder)
    for name in (releases.NAME, *described):
        if not checksums.intact(folder, sums, name):
            raise _altered(head, name)
    origin = read_origin(folder)
    assert origin is not None  # it was fetched
    return Published(folder, origin, history, sums, card_sizes(head.repository, folder))


def card_sizes(repository: str, folder: Path) -> dict[str, dict[str, int]]:
    """Config → split → bytes, as the YAML of a downloaded card tells.

    Raises:
        DatasetError: It does not tell, or is YAML that would make objects.
    """
    import yaml
    from huggingface_hub import metadata_load

    try:
        described: Any = (metadata_load(folder / dataset_card.NAME) or {})["dataset_info"]
        return {
            config["config_name"]: {s["name"]: int(s["num_bytes"]) for s in config["splits"]}
            for config in described
        }
    except (yaml.YAMLError, LookupError, TypeError, ValueError) as error:
        raise DatasetError(
            f"The card of {repository} does not say how large its splits are ({error!r}). "
            "Take back the commit that changed it, then run the same again."
        ) from error


def first_commit(head: Head, build: str) -> str:
    """The commit that brought a build, which the head has among its releases."""
    listing = api().list_repo_commits
    commits = call(head.repository, "list the commits", listing, revision=head.commit)
    found = head.commit
    for commit in commits:
        earlier = dataclasses.replace(head, commit=commit.commit_id, files={})
        with tempfile.TemporaryDirectory() as folder:
            try:
                fetch(earlier, [releases.NAME], Path(folder))
            except NotFoundError:
                break
            if build not in {release.build for release in releases.read_releases(Path(folder))}:
                break
        found = commit.commit_id
    return found


def set_tag(head: Head, tag: str, commit: str) -> None:
    """Tag a commit; nothing happens if it has that tag.

    Raises:
        HubError: Another commit has it.
    """
    if head.tags.get(tag) != commit:
        given: dict[str, Any] = {"tag": tag, "revision": commit, "exist_ok": True}
        call(head.repository, f"set the tag {tag}", api().create_tag, **given)
        if (there := _tags(head.repository).get(tag)) != commit:
            raise HubError(
                f"The clips are in {head.repository}, but its tag {tag} belongs to commit "
                f"{there}, which is not theirs ({commit}). Delete that tag on its page and run the "
                "same again."
            )


def _altered(head: Head, name: str) -> HubError:
    return HubError(
        f"{name} of {head.repository} is missing there, or is not what {checksums.NAME} says. Take "
        "back the commit that changed it, then run the same again."
    )


def _tags(repository: str) -> dict[str, str]:
    refs = call(repository, "list the tags", api().list_repo_refs)
    return {tag.name: tag.target_commit for tag in refs.tags}
