"""`equime_hub.load` and plain `datasets` on a dataset of the Hub."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import datasets
import pytest
from huggingface_hub import HfApi

import equime_hub
from equime_hub.cards import dataset_card
from equime_hub.errors import (
    DatasetError,
    HubError,
    NotFoundError,
    NotGrantedError,
    NotSignedInError,
    OfflineError,
)
from equime_hub.loading_script import names
from equime_hub.schema.features import CONFIGS
from tests.support.hub_server import faults
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.log import Call
from tests.support.pushed import NAME, files, gated, let_in, release, resummed

PLAIN = """
import sys
from datasets import Video, load_dataset

def found(split, **more):
    rows = load_dataset("lab/equime", split=split, **more)
    if "video" in rows.features:
        rows = rows.cast_column("video", Video(decode=False))
    return [row["clip_id"] for row in rows]

result = {
    "tag": found("test", revision="v1.0.0"),
    "stream": found("validation", streaming=True),
    "metadata": found("validation", name="metadata"),
    "main": sorted(load_dataset("lab/equime", "metadata")),
    "ours": [name for name in sys.modules if name.startswith("equime_hub")],
}
"""


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(names.VARIABLE, raising=False)


@pytest.fixture
def open_hub(hub: Hub, built: Path) -> Hub:
    """The dataset at v1.0.0, and `reader` let in and signed in."""
    gated(hub, files(built))
    let_in(hub)
    return hub


def without_test(built: Path, folder: Path) -> dict[str, bytes]:
    """The dataset without its test split: another revision that is right too."""
    shutil.copytree(built, folder)
    for path in folder.glob("*/test-*"):
        path.unlink()
    dataset_card.write(folder)
    return resummed(folder)


def is_shard(call: Call) -> bool:
    """A request for the bytes of a shard; the client has more patience with others."""
    return call.method == "GET" and call.path.endswith(".parquet")


def same_rows(one: Any, other: Any) -> bool:
    raw = [rows.cast_column("video", datasets.Video(decode=False)) for rows in (one, other)]
    return all(a == b for a, b in zip(*raw, strict=True))


def test_who_may_not_read_is_told_why(hub: Hub, built: Path) -> None:
    gated(hub, files(built))
    with pytest.raises(NotSignedInError, match=f"hf auth login.*/datasets/{NAME}"):
        equime_hub.load(NAME)
    hub.sign_in("reader")
    with pytest.raises(NotGrantedError, match=f"was not asked for.*/datasets/{NAME}"):
        equime_hub.load(NAME)
    hub.ask("reader", NAME)
    with pytest.raises(NotGrantedError, match="is waiting or was refused"):
        equime_hub.load(NAME, streaming=True)
    let_in(hub)
    assert len(equime_hub.load(NAME, split="validation")) == 5
    hub.sign_in("keeper")
    HfApi().cancel_access_request(NAME, "reader", repo_type="dataset")
    hub.sign_in("reader")
    with pytest.raises(NotGrantedError):  # though it lies in the cache
        equime_hub.load(NAME, split="validation")
    assert not hub.readable_without_grant()


@pytest.mark.parametrize(
    ("name", "revision", "words"),
    [
        ("lab/none", None, "no dataset repository lab/none"),
        (NAME, "v9.9.9", "no tag, branch or commit 'v9.9.9'"),
        (NAME, "0" * 40, f"no tag, branch or commit '{'0' * 40}'"),
    ],
)
def test_what_is_not_there(open_hub: Hub, name: str, revision: str | None, words: str) -> None:
    with pytest.raises(NotFoundError, match=words):
        equime_hub.load(name, revision=revision)


def test_what_no_repository_is_called(open_hub: Hub) -> None:
    for name in ("equimee", "a/b/c", "http://x/y"):
        with pytest.raises(DatasetError, match="no folder, and no repository such as ORG/equime"):
            equime_hub.load(name)
    with pytest.raises(DatasetError, match=r"Cannot open lab/equime: .*nosuch"):
        equime_hub.load(NAME, split="nosuch")


def test_it_is_what_was_pushed(open_hub: Hub, built: Path) -> None:
    here, there = equime_hub.load(built), equime_hub.load(NAME, revision="v1.0.0")
    assert here.keys() == there.keys()
    for split in here:
        assert same_rows(here[split], there[split])
    assert there["test"][0]["video"][0].shape == (3, 64, 64)
    stream = equime_hub.load(NAME, split="test", streaming=True)
    assert same_rows(here["test"], stream)
    assert next(iter(stream))["video"][0].shape == (3, 64, 64)
    some = equime_hub.load(NAME, split="test", columns=["clip_id"])
    assert some.column_names == ["clip_id"] and some["clip_id"] == here["test"]["clip_id"]
    for config in CONFIGS:
        opened = equime_hub.load(NAME, config=config, split="validation")
        assert len(opened) == 5 and ("video" in opened.features) == (config == "default")


def test_the_bare_name_may_stand_for_it(open_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(names.VARIABLE, NAME)
    assert len(equime_hub.load(split="validation")) == 5
    open_hub.sign_in(None)
    with pytest.raises(NotSignedInError):
        equime_hub.load(split="validation")


def test_a_tag_stays_what_it_was(open_hub: Hub, built: Path, tmp_path: Path) -> None:
    release(open_hub, without_test(built, tmp_path / "later"), "v1.1.0")
    open_hub.sign_in("reader")
    assert len(equime_hub.load(NAME, split="test", revision="v1.0.0")) == 5
    assert set(equime_hub.load(NAME)) == {"train", "validation"}

    open_hub.stop()  # and what was loaded stays, each revision for itself
    assert set(equime_hub.load(NAME)) == {"train", "validation"}
    assert len(equime_hub.load(NAME, split="test", revision="v1.0.0")) == 5
    stream = equime_hub.load(NAME, split="test", revision="v1.0.0", streaming=True)
    assert len([*stream]) == 5
    with pytest.raises(OfflineError, match=r"cannot be reached.*does not hold .* at v1\.1\.0"):
        equime_hub.load(NAME, revision="v1.1.0")
    with pytest.raises(OfflineError, match="load it once while the Hub answers"):
        equime_hub.load(NAME, config="metadata")
    with pytest.raises(OfflineError, match="lab/other"):
        equime_hub.load("lab/other")


def test_some_columns_offline(open_hub: Hub) -> None:
    wanted: dict[str, Any] = {"split": "test", "columns": ["clip_id", "emotion"]}
    before = equime_hub.load(NAME, **wanted)["clip_id"]
    open_hub.stop()
    assert equime_hub.load(NAME, **wanted)["clip_id"] == before
    with pytest.raises(OfflineError):
        equime_hub.load(NAME, split="test")


def test_offline_by_wish(open_hub: Hub, tmp_path: Path) -> None:
    code = """
    import equime_hub
    from equime_hub.errors import OfflineError
    try:
        result = len(equime_hub.load("lab/equime", split="test", config="metadata"))
    except OfflineError as error:
        result = str(error)
    """
    home = tmp_path / "home"
    told = open_hub.python(code, "reader", offline=True, home=home).result
    assert told.startswith("lab/equime: HF_HUB_OFFLINE is set") and "does not hold" in told
    assert open_hub.python(code, "reader", home=home).result == 5
    asked = len(open_hub.log)
    assert open_hub.python(code, "reader", offline=True, home=home).result == 5
    assert len(open_hub.log) == asked


def test_nothing_but_datasets(open_hub: Hub, built: Path, tmp_path: Path) -> None:
    release(open_hub, without_test(built, tmp_path / "later"))
    found = open_hub.python(PLAIN, "reader").result
    here = equime_hub.load(built, config="metadata")
    assert found["tag"] == here["test"]["clip_id"]
    assert found["stream"] == found["metadata"] == here["validation"]["clip_id"]
    assert found["main"] == ["train", "validation"] and found["ours"] == []


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (faults.RATE_LIMIT, HubError, "too often"),
        (faults.SERVER_ERROR, HubError, "status 500"),
        (faults.EXPIRED_TOKEN, NotSignedInError, "expired or revoked"),
    ],
)
def test_a_hub_that_fails_while_loading(
    open_hub: Hub, fault: faults.Fault, kind: type[HubError], words: str
) -> None:
    open_hub.fail(fault, is_shard, times=99)
    with pytest.raises(kind, match=words):
        equime_hub.load(NAME, split="test")


def test_a_line_that_breaks_is_mended(open_hub: Hub) -> None:
    open_hub.fail(faults.DROPPED, is_shard, times=2)
    assert len(equime_hub.load(NAME, split="test")) == 5
