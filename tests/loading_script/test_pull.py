"""Local copies of a dataset of the Hub."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import datasets
import pytest
from huggingface_hub import HfApi

import equime_hub
from equime_hub import checksums
from equime_hub.errors import (
    DatasetError,
    HubError,
    NotFoundError,
    NotGrantedError,
    NotSignedInError,
    OfflineError,
)
from equime_hub.loading_script.pull import WORK, pull
from equime_hub.reports.verify import verify
from tests.support.hub_server import faults
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.log import Call
from tests.support.hub_server.store import Refusal
from tests.support.pushed import NAME, files, gated, let_in, plant, release, resummed

TRAIN = "data/train-00000-of-00001.parquet"


@pytest.fixture
def open_hub(hub: Hub, built: Path) -> Hub:
    """The dataset at v1.0.0, and `reader` let in and signed in."""
    gated(hub, files(built))
    let_in(hub)
    return hub


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy"


def shards_sent(hub: Hub, since: int = 0) -> list[str]:
    """Shards of which bytes were asked for."""
    return [c.path.split("/", 6)[-1] for c in hub.log[since:] if is_shard(c)]


def is_shard(call: Call) -> bool:
    return call.method == "GET" and call.path.endswith(".parquet")


def grown(built: Path, folder: Path) -> dict[str, bytes]:
    """The dataset with one more file, as a release that appends has it."""
    shutil.copytree(built, folder)
    (folder / "build-g12345678.json").write_text("{}")
    shutil.copy(folder / TRAIN, folder / "data/train-g12345678-00000-of-00001.parquet")
    return resummed(folder)


def test_a_copy_is_what_was_pushed(open_hub: Hub, built: Path, copy: Path) -> None:
    told: list[tuple[int, int]] = []
    done = pull(NAME, copy, revision="v1.0.0", progress=lambda *now: told.append(now))
    assert files(copy) == files(built)
    assert set(done.files) == set(done.fetched) == files(built).keys() - {checksums.NAME}
    assert done.commit == open_hub.repository(NAME).head and not done.removed
    assert told == sorted(told) and told[-1] == (done.num_bytes, done.num_bytes)
    assert verify(copy) == []
    assert len(equime_hub.load(copy, split="test")) == 5
    token = HfApi().token or open_hub._token("reader")
    assert all(str(token).encode() not in content for content in files(copy).values())

    since = len(open_hub.log)
    again = pull(NAME, copy)
    assert again.fetched == () == again.removed and not shards_sent(open_hub, since)
    assert files(copy) == files(built)


def test_missing_and_damaged_files_come_again(open_hub: Hub, built: Path, copy: Path) -> None:
    pull(NAME, copy)
    (copy / TRAIN).write_bytes(b"damaged")
    (copy / "metadata/test-00000-of-00001.parquet").unlink()
    (copy / "build.json").write_text("{}")
    (copy / "README.md").write_text("mine")
    (copy / "notes.txt").write_text("mine")
    since = len(open_hub.log)
    done = pull(NAME, copy)
    names = ["README.md", "build.json", TRAIN, "metadata/test-00000-of-00001.parquet"]
    assert sorted(done.fetched) == sorted(names) and not done.removed
    assert len(shards_sent(open_hub, since)) == 2
    assert files(copy) == {**files(built), "notes.txt": b"mine"}


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (faults.SERVER_ERROR, HubError, "status 500"),
        (faults.EXPIRED_TOKEN, NotSignedInError, "expired or revoked"),
        (Refusal(403, "Forbidden"), NotGrantedError, "Forbidden"),
        (Refusal(404, "gone", "EntryNotFound"), NotFoundError, "no file"),
    ],
)
def test_what_stops_it_and_how_it_goes_on(
    open_hub: Hub, built: Path, copy: Path, fault: faults.Fault, kind: type[HubError], words: str
) -> None:
    last = sorted(name for name in files(built) if name.endswith(".parquet"))[-1]
    open_hub.fail(fault, lambda call: is_shard(call) and call.path.endswith(last))
    with pytest.raises(kind, match=words) as caught:
        pull(NAME, copy)
    assert "hf_" not in str(caught.value)
    assert [path.name for path in copy.iterdir()] == [WORK]  # nothing looks finished
    with pytest.raises(DatasetError, match="holds no dataset"):
        equime_hub.load(copy)
    since = len(open_hub.log)
    told: list[tuple[int, int]] = []
    pull(NAME, copy, progress=lambda *now: told.append(now))
    assert len(shards_sent(open_hub, since)) == 1 and told[0][0] > 0
    assert files(copy) == files(built)


def test_a_line_that_breaks_is_mended(open_hub: Hub, built: Path, copy: Path) -> None:
    open_hub.fail(faults.DROPPED, is_shard)
    pull(NAME, copy)
    assert files(copy) == files(built)
    open_hub.stop()
    with pytest.raises(OfflineError, match="cannot be reached"):
        pull(NAME, copy)
    assert files(copy) == files(built)


def test_other_revisions(open_hub: Hub, built: Path, copy: Path, tmp_path: Path) -> None:
    pull(NAME, copy)
    later = grown(built, tmp_path / "later")
    release(open_hub, later, "v1.1.0")
    open_hub.sign_in("reader")
    new = later.keys() - files(built).keys()
    since = len(open_hub.log)
    done = pull(NAME, copy)
    assert set(done.fetched) == new and len(shards_sent(open_hub, since)) == 1
    assert files(copy) == later and not done.removed

    back = pull(NAME, copy, revision="v1.0.0")
    assert set(back.removed) == new and back.fetched == ()
    assert files(copy) == files(built)


class Crash(Exception):
    """What a lost power supply is here."""


@pytest.mark.parametrize("moves", [0, 1, 3, 8])
def test_a_crash_between_two_moves(
    open_hub: Hub, built: Path, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    moves: int,
) -> None:  # fmt: skip
    if moves:  # over an older copy too
        pull(NAME, copy)
        later = grown(built, tmp_path / "later")
        (tmp_path / "later/metadata/test-00000-of-00001.parquet").unlink()
        later = resummed(tmp_path / "later")
        release(open_hub, later)
        open_hub.sign_in("reader")
    wanted = {**open_hub.repository(NAME).files()}
    del wanted[".gitattributes"]
    left: Iterator[int] = iter(range(moves))
    replace = Path.replace

    def crash(self: Path, target: Path) -> Path:
        if target.parent in (copy, copy / "data") and next(left, None) is None:
            raise Crash
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        if moves < 8:
            with pytest.raises(Crash):
                pull(NAME, copy)
            assert not (copy / "README.md").exists()
        else:
            pull(NAME, copy)
    pull(NAME, copy)
    assert files(copy) == wanted


@pytest.mark.parametrize("revision", [None, "v1.0.0"])
def test_folders_of_something_else(
    open_hub: Hub, built: Path, tmp_path: Path, revision: str | None
) -> None:
    full, other, file = tmp_path / "full", tmp_path / "other", tmp_path / "file"
    full.mkdir()
    (full / "thesis.txt").write_text("mine")
    shutil.copytree(built, other)
    (other / "build.json").write_text("{}")
    resummed(other)
    file.write_text("mine")
    before = files(tmp_path)
    for folder in (full, other):
        with pytest.raises(DatasetError, match=r"holds something else .*--out"):
            pull(NAME, folder, revision=revision)
    with pytest.raises(DatasetError, match="is a file"):
        pull(NAME, file)
    assert files(tmp_path) == before


def test_a_disk_that_is_full(open_hub: Hub, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(copy.parent)._replace(free=100_000)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda place: usage)
        with pytest.raises(
            DatasetError, match=r"room for 100,000 bytes; \d+,\d+ are still to come"
        ):
            pull(NAME, copy)
    assert not shards_sent(open_hub)
    assert pull(NAME, copy).fetched


@pytest.mark.parametrize(
    "name",
    ["../evil.txt", "data/../../evil.txt", "/evil.txt", "data\\evil.txt", "C:evil.txt", "a//b",
     "evil\n.txt", "./evil.txt"],
)  # fmt: skip
def test_names_that_lead_out(open_hub: Hub, built: Path, tmp_path: Path, name: str) -> None:
    plant(open_hub, {name: b"evil"})
    before = files(tmp_path)
    with pytest.raises(HubError, match="which is no path inside a folder"):
        pull(NAME, tmp_path / "copy")
    assert files(tmp_path) == before and not (tmp_path / "copy").exists()


class Lie(NamedTuple):
    """Files that do not agree, and what is said about them; to the sums it is added."""

    files: dict[str, bytes]
    words: str


@pytest.mark.parametrize(
    "lie",
    [
        Lie({TRAIN: b"other bytes"}, f"bytes of {TRAIN} are not those"),
        Lie({checksums.NAME: f"{'0' * 64}  data/gone.parquet\n".encode()}, "data/gone.parquet is"),
        Lie({checksums.NAME: f"{'0' * 64}  ../evil.txt\n".encode()}, "evil.txt is only in"),
    ],
)
def test_files_that_are_not_what_the_sums_say(
    open_hub: Hub, built: Path, copy: Path, lie: Lie
) -> None:
    true = {checksums.NAME: files(built)[checksums.NAME]}
    plant(open_hub, {name: true.get(name, b"") + lie.files[name] for name in lie.files})
    with pytest.raises(HubError, match=f"is damaged: .*{lie.words}.*tell whoever keeps"):
        pull(NAME, copy)
    assert not copy.exists() or [path.name for path in copy.iterdir()] == [WORK]


def test_hidden_files_and_strangers_stay_there(open_hub: Hub, built: Path, copy: Path) -> None:
    sums = files(built)[checksums.NAME] + f"{'0' * 64}  .git/hooks/x\n".encode()
    plant(open_hub, {".git/hooks/x": b"evil", "extra.py": b"evil", checksums.NAME: sums})
    pull(NAME, copy)
    assert files(copy) == {**files(built), checksums.NAME: sums}


def test_a_damaged_cache_does_no_harm(open_hub: Hub, built: Path, copy: Path) -> None:
    cached = HfApi().hf_hub_download(NAME, TRAIN, repo_type="dataset")
    Path(cached).resolve().write_bytes(b"damaged")
    pull(NAME, copy)
    assert files(copy) == files(built)


def test_labels_alone(open_hub: Hub, built: Path, copy: Path) -> None:
    done = pull(NAME, copy, config="metadata")
    assert not any(path.startswith("data/") for path in shards_sent(open_hub))
    assert {name.partition("/")[0] for name in done.files if "/" in name} == {"metadata"}
    assert checksums.read(copy).keys() == files(copy).keys() - {checksums.NAME}
    rows = equime_hub.load(copy, config="metadata", split="test")
    assert len(rows) == 5 and len(datasets.load_dataset(str(copy), split="test")) == 5
    assert pull(NAME, copy, config="metadata").fetched == ()

    since = len(open_hub.log)
    assert pull(NAME, copy).fetched  # and the rest later
    assert files(copy) == files(built)
    assert not any(path.startswith("metadata/") for path in shards_sent(open_hub, since))
    with pytest.raises(DatasetError, match="holds the config 'default' too"):
        pull(NAME, copy, config="metadata")
    with pytest.raises(DatasetError, match="no config 'videos'"):
        pull(NAME, copy, config="videos")


def test_who_may_not_read_gets_nothing(hub: Hub, built: Path, copy: Path) -> None:
    gated(hub, files(built))
    with pytest.raises(NotSignedInError):
        pull(NAME, copy)
    hub.sign_in("reader")
    with pytest.raises(NotGrantedError):
        pull(NAME, copy)
    with pytest.raises(NotFoundError):
        pull("lab/none", copy)
    with pytest.raises(NotFoundError):
        pull("../..", copy)
    let_in(hub)
    with pytest.raises(NotFoundError, match="'v9'"):
        pull(NAME, copy, revision="v9")
    assert not copy.exists() and not hub.readable_without_grant()


def test_a_repository_of_something_else(hub: Hub, copy: Path) -> None:
    gated(hub, {"README.md": b"---\nlicense: mit\n---\n"})
    let_in(hub)
    with pytest.raises(HubError, match=r"no dataset of ours: it has no SHA256SUMS"):
        pull(NAME, copy)
    assert not copy.exists()
