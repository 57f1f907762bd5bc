"""What is packed and published, and the checks that stand in more than one file."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from equime_hub import __version__

ROOT = Path(__file__).parents[1]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def setup() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read_string(text("setup.cfg"))
    return found


@pytest.fixture
def tracked() -> list[str]:
    """Every file that git knows, links included."""
    if not (ROOT / ".git").exists():
        pytest.skip("only a checkout knows what is tracked")
    command = ["git", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\0").split("\0")


def test_the_version_and_its_date_are_the_same_everywhere() -> None:
    citation = yaml.safe_load(text("CITATION.cff"))
    found = re.search(r"^## (\S+) \((unreleased|\d{4}-\d\d-\d\d)\)$", text("CHANGELOG.md"), re.M)
    assert found, "no heading such as `## 0.1.0 (unreleased)`"
    version, date = found.groups()
    assert version == citation["version"] == __version__
    assert str(citation.get("date-released", "unreleased")) == date
    assert citation["license"] == setup()["metadata"]["license_expression"]


def test_every_python_that_is_promised_is_tried() -> None:
    classifiers = setup()["metadata"]["classifiers"]
    promised = re.findall(r"Python :: (3\.\d+)$", classifiers, flags=re.M)
    (job,) = yaml.safe_load(text(".github/workflows/ci.yml"))["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == promised
    assert setup()["options"]["python_requires"] == f">={promised[0]}"
    assert f'"py{promised[0].replace(".", "")}"' in text("ruff.toml")
    assert job["steps"][-1] == {"run": "bash .ci/run"}


def test_a_commit_is_checked_as_the_continuous_integration_checks() -> None:
    (repository,) = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    (hook,) = repository["hooks"]
    assert f"\n{hook['entry']}\n" in text(".ci/run")
    assert os.access(ROOT / hook["entry"], os.X_OK)


@pytest.mark.parametrize("name", ["bug_report", "feature_request"])
def test_issue_forms_have_what_the_host_asks_for(name: str) -> None:
    form: dict[str, Any] = yaml.safe_load(text(f".github/ISSUE_TEMPLATE/{name}.yml"))
    assert form["name"] and form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    asks = "equime doctor --json" in text(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert asks == (name == "bug_report")


def test_the_manifest_names_every_tracked_file(tracked: list[str]) -> None:
    lines = [line.split() for line in text("MANIFEST.in").splitlines() if line[:1] != "#"]
    folders = tuple(f"{name}/" for verb, *names in lines if verb == "graft" for name in names)
    single = [name for verb, *names in lines if verb == "include" for name in names]
    left = [
        name
        for name in tracked
        if not name.startswith(folders)
        and not ("/" not in name and any(fnmatch(name, pattern) for pattern in single))
    ]
    assert left == []


@pytest.mark.slow
def test_sdist_and_wheel_hold_every_tracked_file(tracked: list[str], tmp_path: Path) -> None:
    pytest.importorskip("build")
    source = tmp_path / "source"
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    command = [sys.executable, "-m", "build", "--no-isolation", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    (packed,) = source.glob("dist/*.tar.gz")
    with tarfile.open(packed) as archive:
        root = f"equime_hub-{__version__}/"
        # Links would not outlive an unpacking on Windows, nor the way into a wheel.
        assert all(member.isfile() or member.isdir() for member in archive)
        found = {member.name.removeprefix(root) for member in archive if member.isfile()}
        assert archive.getmember(f"{root}.ci/run").mode & 0o100
    made = {name for name in found if name.startswith("equime_hub.egg-info/")} | {"PKG-INFO"}
    assert found - made == set(tracked)

    (wheel,) = source.glob("dist/*.whl")
    with zipfile.ZipFile(wheel) as packages:
        inside = {name for name in packages.namelist() if ".dist-info/" not in name}
        assert inside == {name for name in tracked if name.startswith("equime_hub/")}
        for name in inside:
            assert packages.read(name) == (ROOT / name).read_bytes(), name
