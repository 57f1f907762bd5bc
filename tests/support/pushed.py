"""Datasets on the Hub of the tests, put there by plain commits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from equime_hub import checksums
from equime_hub.files import sha256
from tests.conftest import sums
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.store import File

NAME = "lab/equime"


def gated(hub: Hub, files: Mapping[str, bytes], tag: str = "v1.0.0") -> None:
    """A gated dataset of the organisation `lab`, kept by `keeper`; `reader` is a stranger."""
    hub.user("keeper")
    hub.user("reader")
    hub.organisation("lab", "keeper")
    hub.sign_in("keeper")
    HfApi().create_repo(NAME, repo_type="dataset", private=True)
    HfApi().update_repo_settings(NAME, repo_type="dataset", gated="manual")
    release(hub, files, tag)
    hub.sign_in("keeper")
    HfApi().update_repo_settings(NAME, repo_type="dataset", private=False)
    hub.sign_in(None)


def release(hub: Hub, files: Mapping[str, bytes], tag: str | None = None) -> None:
    """Make `files` all that the dataset holds, in one commit of `keeper`."""
    old = hub.repository(NAME).files()
    gone = [CommitOperationDelete(name) for name in old if name not in files and name[0] != "."]
    new = [CommitOperationAdd(n, files[n]) for n in files if old.get(n) != files[n]]
    hub.sign_in("keeper")
    HfApi().create_commit(NAME, [*new, *gone], commit_message="files", repo_type="dataset")
    if tag is not None:
        HfApi().create_tag(NAME, tag=tag, repo_type="dataset")
    hub.sign_in(None)


def plant(hub: Hub, changes: Mapping[str, bytes]) -> None:
    """Put files there past all checks of clients and Hub, as somebody who means harm would."""
    repository = hub.repository(NAME)
    old = repository.at("main").files
    new = {name: File(content, False) for name, content in changes.items()}
    commit = repository.add(repository.head, "files", "", "keeper", {**old, **new})
    repository.move("main", commit.oid)


def let_in(hub: Hub, user: str = "reader") -> None:
    """Have the request of a user accepted, and act as that user from now on."""
    if user not in hub.repository(NAME).requests:
        hub.ask(user, NAME)
    hub.sign_in("keeper")
    HfApi().accept_access_request(NAME, user, repo_type="dataset")
    hub.sign_in(user)


def files(folder: Path) -> dict[str, bytes]:
    """Files of a built dataset by name."""
    return sums(folder)


def resummed(folder: Path) -> dict[str, bytes]:
    """The same, after the sums were brought up to date."""
    names = [name for name in sums(folder) if name != checksums.NAME]
    checksums.write(folder, {name: sha256(folder / name) for name in names})
    return sums(folder)
