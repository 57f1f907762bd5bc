"""Repositories, their history and files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfFileSystem
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.conftest import sums
from tests.support.hub_server import faults
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.steps import DATASET, api, commit, download, note, refused, upload


def test_private_means_unknown(published: Hub) -> None:
    for user, status in {None: 401, "reader": 404}.items():
        published.sign_in(user)
        for action in (download, lambda: api.dataset_info("lab/equime"), commit):
            error = refused(action, RepositoryNotFoundError)
            assert error.response.status_code == status
            assert not isinstance(error, GatedRepoError)


def test_history(published: Hub) -> None:
    repository = published.repository("lab/equime")
    first = repository.head
    second = commit("second", parent_commit=first).oid
    assert refused(lambda: commit("late", parent_commit=first)).response.status_code == 412
    assert refused(lambda: api.create_tag(**DATASET, tag="v1")).response.status_code == 409
    api.create_tag(**DATASET, tag="v1", exist_ok=True)
    assert (repository.head, repository.tags) == (second, {"v1": first})
    assert download() == b"second" and download(revision="v1") == b"regular"
    api.create_branch(**DATASET, branch="next", revision="v1")
    assert commit("on a branch", revision="next").oid != repository.head == second
    assert [c.commit_id for c in api.list_repo_commits(**DATASET)] == [
        c.oid for c in repository.commits[::-1]
    ]
    refs = api.list_repo_refs(**DATASET)
    assert {ref.name for ref in refs.branches} == {"main", "next"}
    assert [(ref.name, ref.target_commit) for ref in refs.tags] == [("v1", first)]
    for action in (
        lambda: download(revision="v2"),
        lambda: api.dataset_info("lab/equime", revision="v2"),
        lambda: api.delete_tag(**DATASET, tag="v2"),
        lambda: commit(revision="v1"),
    ):
        refused(action, RevisionNotFoundError)
    refused(lambda: download("nothing.txt"), EntryNotFoundError)


def test_commits_are_whole_or_nothing(published: Hub) -> None:
    before = published.repository("lab/equime").head
    gone = [CommitOperationDelete("data/"), CommitOperationDelete("missing.txt")]
    refused(lambda: api.create_commit(**DATASET, operations=gone, commit_message="m"))
    assert published.repository("lab/equime").head == before
    api.create_commit(**DATASET, operations=gone[:1], commit_message="m")
    assert sorted(published.repository("lab/equime").files()) == [
        ".gitattributes", "README.md", "notes.txt",
    ]  # fmt: skip
    assert len(published.repository("lab/equime").files("v1")) == 5


def test_pull_requests(published: Hub) -> None:
    repository = published.repository("lab/equime")
    api.update_repo_settings(**DATASET, private=False)
    published.sign_in("reader")
    before = repository.head
    refused(commit)
    proposed = commit("proposed", create_pr=True)
    assert proposed.pr_num == 1 and repository.head == before
    assert download(revision="refs/pr/1") == b"proposed"
    refused(lambda: commit("again", revision="refs/pr/1"))
    repository.merge(1)
    assert repository.files()["notes.txt"] == b"proposed"


def test_files(published: Hub, folder: Path) -> None:
    shard = "data/train-00001-of-00002.parquet"
    content = (folder / shard).read_bytes()
    tree = {entry.path: entry for entry in api.list_repo_tree(**DATASET, recursive=True)}
    assert [*tree] == sorted([*sums(folder), ".gitattributes", "data"])
    assert tree[shard].lfs.sha256 == hashlib.sha256(content).hexdigest()
    assert tree[shard].size == len(content) and tree["notes.txt"].lfs is None
    top = [entry.path for entry in api.list_repo_tree(**DATASET)]
    assert top == [path for path in tree if "/" not in path]
    (found,) = api.get_paths_info(**DATASET, paths=[shard, "missing"])
    assert found == tree[shard]
    info = api.dataset_info("lab/equime", revision="v1", files_metadata=True)
    assert {s.rfilename: s.size for s in info.siblings}[shard] == len(content)
    assert info.card_data.license == "cc-by-4.0"
    with HfFileSystem().open(f"datasets/lab/equime/{shard}", block_size=100) as file:
        file.seek(200)
        assert file.read(50) == content[200:250]
    assert published.log[-1].status == 206 and len(published.log[-1].sent) <= 150


def test_long_lists_come_in_pages(published: Hub) -> None:
    published.server.page_size = 2
    assert len([*api.list_repo_tree(**DATASET, recursive=True)]) == 6
    pages = [call for call in published.log if "/tree/" in call.path]
    assert [len(json.loads(call.sent)) for call in pages] == [2, 2, 2]
    for number in range(3):
        commit(str(number))
    assert len(api.list_repo_commits(**DATASET)) == 5


def test_contents_are_sent_once(lab: Hub, folder: Path) -> None:
    api.create_repo(**DATASET)
    shards = [
        CommitOperationAdd(f"data/{path.name}", path) for path in sorted(folder.glob("data/*"))
    ]
    lab.fail(faults.STALE_PARENT, lambda call: "/commit/" in call.path)
    refused(lambda: api.create_commit(**DATASET, operations=shards, commit_message="m"))
    assert len(lab.repository("lab/equime").objects) == 2
    upload(folder)
    sent = [call for call in lab.log if call.method == "PUT"]
    assert sorted(call.received for call in sent) == sorted(
        path.read_bytes() for path in folder.glob("data/*")
    )
    before = lab.repository("lab/equime").head
    assert upload(folder) == before, "nothing changed"


def test_cards_are_checked(published: Hub) -> None:
    for text in ("---\nlicense: mine\n---\n", "---\na: [\n---\n"):
        adds = note(text, "README.md")
        with pytest.raises(ValueError, match=r"README\.md"):
            api.create_commit(**DATASET, operations=adds, commit_message="m")
    with pytest.warns(UserWarning, match=r"README\.md"):
        api.create_commit(**DATASET, operations=note("#", "README.md"), commit_message="m")
