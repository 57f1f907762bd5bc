"""Repositories that mean harm: nothing outside them is read, and nothing in them is run."""

from __future__ import annotations

import re
from pathlib import Path

import datasets
import pytest
import yaml

import equime_hub
from equime_hub.errors import DatasetError
from tests.support.hub_server.hub import Hub
from tests.support.pushed import NAME, files, gated, let_in, plant

MARKER = "ran.txt"
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: {path}
---
"""
OBJECT = """---
configs: !!python/object/apply:pathlib.Path.touch
- !!python/object/apply:pathlib.Path [{marker}]
---
"""


def hostile(hub: Hub, changes: dict[str, bytes]) -> int:
    """A repository with these files; how many requests were made until it was there."""
    gated(hub, {"README.md": b"---\nlicense: mit\n---\n"})
    plant(hub, changes)
    let_in(hub)
    return len(hub.log)


def secret(tmp_path: Path) -> Path:
    """A file of this machine that a repository has no business with."""
    path = tmp_path / "secret.csv"
    path.write_text("word\nsesame\n")
    return path


def elsewhere(hub: Hub, since: int) -> list[str]:
    """Addresses that were asked for since and are not this dataset's."""
    return [call.path for call in hub.log[since:] if NAME not in call.path]


# What `datasets` 5.2 alone does with each: it looks for the files, wherever they are, and refuses
# them only when it has found some. So a web address is called, and other repositories are listed.
@pytest.mark.parametrize(
    "path",
    ["{secret}", "../../{secret}", "../../../lab/other@main/x.csv", "data/../../x.parquet",
     "hf://datasets/lab/other/x.csv", "{endpoint}/elsewhere/x.csv", "file://{secret}",
     "zip://x.csv::{endpoint}/elsewhere/x.zip", "~/x.csv", "'C:\\x.csv'", "[data/*, {secret}]",
     "/"],
)  # fmt: skip
def test_files_from_outside(hub: Hub, tmp_path: Path, path: str) -> None:
    told = path.format(secret=secret(tmp_path), endpoint=hub.endpoint)
    since = hostile(hub, {"README.md": CARD.format(path=told).encode()})
    for streaming in (False, True):
        with pytest.raises(DatasetError, match=r"asks to read .*not inside the repository"):
            equime_hub.load(NAME, streaming=streaming)
    assert not elsewhere(hub, since)


@pytest.mark.parametrize("path", ["{secret}", "{endpoint}/elsewhere/x.csv"])
def test_what_datasets_alone_does_with_them(hub: Hub, tmp_path: Path, path: str) -> None:
    told = path.format(secret=secret(tmp_path), endpoint=hub.endpoint)
    since = hostile(hub, {"README.md": CARD.format(path=told).encode()})
    with pytest.raises((ValueError, FileNotFoundError)):
        datasets.load_dataset(NAME)
    assert bool(elsewhere(hub, since)) == (hub.endpoint in told)


@pytest.mark.parametrize("name", ["README.md", ".huggingface.yaml"])
def test_yaml_that_makes_objects(hub: Hub, tmp_path: Path, name: str) -> None:
    marker = tmp_path / MARKER
    text = OBJECT.format(marker=marker)
    if name != "README.md":
        text = text.replace("---\n", "")
    hostile(hub, {name: text.encode()})
    commit = hub.repository(NAME).head
    with pytest.raises(DatasetError, match=f"{re.escape(name)} of {NAME} cannot be read: could"):
        equime_hub.load(NAME, revision=commit)
    with pytest.raises(yaml.constructor.ConstructorError):
        datasets.load_dataset(NAME, revision=commit)
    assert not marker.exists()


def test_a_second_card_is_looked_at_too(hub: Hub, tmp_path: Path) -> None:
    text = CARD.format(path=secret(tmp_path)).replace("---\n", "")
    hostile(hub, {".huggingface.yaml": text.encode()})
    with pytest.raises(DatasetError, match=r"secret\.csv.*not inside the repository"):
        equime_hub.load(NAME)


@pytest.mark.parametrize("version", ["equime.py", "other.py"])
def test_programs_are_not_run(hub: Hub, built: Path, tmp_path: Path, version: str) -> None:
    marker = tmp_path / MARKER
    program = f"open({str(marker)!r}, 'w')\n".encode()
    card = files(built)["README.md"].replace(b"---\n", b"---\ntrust_remote_code: true\n", 1)
    hostile(hub, {**files(built), version: program, "README.md": card})
    if version == "equime.py":
        with pytest.raises(DatasetError, match=r"program of its own name \(equime\.py\).*not run"):
            equime_hub.load(NAME)
        with pytest.raises(RuntimeError, match=r"equime\.py"):
            datasets.load_dataset(NAME)
    else:
        assert len(equime_hub.load(NAME, split="test")) == 5
    assert not marker.exists()


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("configs: [}", "cannot be read"),
        ("- a\n- b", "cannot be read"),
        ("configs: data", "Cannot open lab/equime: .*configs"),
        ("configs:\n- data_files: [{split: 1}]", "Cannot open lab/equime: .*config_name"),
        ("configs:\n- config_name: default\n  data_files: {train: 7}", "lab/equime"),
    ],
)
def test_nonsense_is_refused(hub: Hub, head: str, words: str) -> None:
    hostile(hub, {"README.md": f"---\n{head}\n---\n".encode()})
    with pytest.raises(DatasetError, match=words):
        equime_hub.load(NAME, revision=hub.repository(NAME).head)


def test_other_files_than_ours(hub: Hub) -> None:
    card = CARD.format(path="data/x.csv").encode()
    hostile(hub, {"README.md": card, "data/x.csv": b"a\n1\n"})
    with pytest.raises(DatasetError, match="holds csv files"):
        equime_hub.load(NAME)


def test_an_older_cache_does_not_hide_a_broken_commit(hub: Hub, built: Path) -> None:
    hostile(hub, files(built))
    assert len(equime_hub.load(NAME, split="test")) == 5
    plant(hub, {"equime.py": b"1"})
    with pytest.raises(Exception, match=r"cannot be opened|own name") as caught:
        equime_hub.load(NAME, split="test")
    assert isinstance(caught.value, equime_hub.errors.EquimeError)
