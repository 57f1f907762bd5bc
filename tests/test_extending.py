"""Another package adds each kind of thing by three files at most, as docs/extending.md says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from huggingface_hub import RepoCard

from equime_hub.builder import plan as plans
from equime_hub.models import registration
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS
from equime_hub.video import codec
from tests.commands.test_cli import equime
from tests.conftest import tiny_plan
from tests.support import packages
from tests.support.hub_server.hub import Hub
from tests.support.packages import Site
from tests.support.trainings import made
from tests.support.trees.drawing import recording

_OPEN = """
import sys, evaluate
sys.modules["equime_hub"] = None  # as if it were not there
result = evaluate.load("ORG/steady").compute(predictions=[[0, 0, 1], [2, 2, 2]])
"""
NAMES = ("glimmer", "grins", "glow", "steady", "solo", "laboratory")


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Has the package that the test is called after."""
    site = Site(tmp_path / "site-packages")
    site.install(request.function.__name__.removeprefix("test_"), tmp_path / "projects")
    monkeypatch.syspath_prepend(site.folder)
    return site


def test_each_is_three_files_at_most() -> None:
    projects = [name for name in packages.files() if name.endswith("/pyproject.toml")]
    assert projects == [f"{name}/pyproject.toml" for name in NAMES]
    assert all(len(packages.files(f"{name}/")) <= 3 for name in NAMES)


def test_glimmer(site: Site) -> None:
    plans.write(tiny_plan(1), Path("plan.parquet"))
    built, refused = site.follow("glimmer")
    assert built.startswith("lit: 5 clips (5 made now, 0 rejected)\n")
    assert "lit was built from other options or software (backend" in refused
    assert "'light': 0.3" in refused and "'light': 0.6" in refused
    origin = json.loads(Path("lit/build.json").read_text(encoding="utf-8"))["made_with"]
    assert origin["backend"] == {"name": "glimmer", "config": {"light": 0.3}}
    for row in pq.read_table("lit/data").to_pylist():
        assert (row["generator"], row["software"]) == ("glimmer", "glimmer 1.0")
        light = codec.decode(row["video"]["bytes"]).frames.mean((1, 2, 3))
        assert light[row["apex_frame"]] / light[row["onset_frame"]] == pytest.approx(1.3, rel=0.02)
        assert np.argmax(light) == row["apex_frame"]


def test_grins(site: Site) -> None:
    packages.write("release/", Path())
    for number, clip in enumerate(("sub01/EP01", "sub01/EP02", "sub02/EP01")):
        recording(Path("release"), [f"frames/{clip}/img{n}.jpg" for n in range(1, 9)], number)
    checked, imported, opened, refused = site.follow("grins")
    found = [line.split() for line in checked.splitlines()]
    assert ["ok", "subjects", "2"] in found and ["ok", "clips", "3"] in found
    assert imported == "grins-clips: 3 clips of Grins of Nobody (3 read now)\n"
    assert opened == "['grins/sub01', 'grins/sub01', 'grins/sub02'] [0, 1, 2] 5\n"
    assert "clip 'grins-sub01-EP01' is from 'grins'" in refused
    assert equime("verify", "grins-clips").exit_code == 0
    code = "from equime_hub.loading_script.real import dataset; print(dataset.is_licensed({!r}))"
    assert site.python("-c", code.format("Grins of Nobody")).stdout == "True\n"


def test_glow(site: Site, dataset: Path) -> None:
    registration.install()  # as `import equime_hub` does, which was before the package
    trained, opened = site.follow("glow")
    assert "## Scores" in trained
    assert opened == "GlowForVideoClassification 6 difference\n"
    config = json.loads(Path("runs/glow/model/config.json").read_text(encoding="utf-8"))
    assert (config["model_type"], config["grid"]) == ("glow", 6)


def test_steady(site: Site, hub: Hub) -> None:
    hub.user("keeper")
    hub.organisation("ORG", "keeper")
    hub.sign_in("keeper")
    scored, _ = site.follow("steady")
    assert scored == "{'steady': 0.6666666666666666}\n"
    opened = hub.python(_OPEN, "keeper")
    assert opened.result == {"steady": 0.6666666666666666}
    space = hub.repository("ORG/steady", "space").files()
    assert {"steady.py", "README.md", "app.py", "requirements.txt"} < space.keys()
    assert space["steady.py"].decode() == packages.files("steady/")["steady/steady/steady.py"]
    assert RepoCard(space["README.md"].decode()).data["license"] == "mit"


def test_solo(site: Site) -> None:
    packages.write("strong.json", Path())
    _, refused = site.follow("solo")
    assert "No action units are known for 'contempt'" in refused
    assert not Path("none.parquet").exists()
    plan = plans.read(Path("strong.parquet"))
    assert plan.sampler.intensity == (0.5, 0.6)  # type: ignore[attr-defined]
    units = {"happiness": 12, "sadness": 15, "surprise": 2, "disgust": 9, "anger": 4}
    for spec in plan.specs:
        moved = [AU_NUMBERS[index] for index, value in enumerate(spec.au_apex) if value]
        assert moved == [units[spec.emotion]] and not any(spec.au_onset)
        assert 0.5 <= spec.au_apex[AU_INDEX[moved[0]]] <= 0.6
    assert len({spec.au_apex for spec in plan.specs}) == len(plan.specs) == 10


def test_laboratory(site: Site) -> None:
    made().write(Path("runs/first"))
    found, listed = site.follow("laboratory")
    assert found == (
        "warning: ten-people: Only 7 people are tested.\n    Source: our laboratory.\n"
        "25 rules, 7 folds, 19 clips: 0 errors, 1 warning, 0 unchecked.\n"
    )
    assert listed == (
        "ten-people (warning)\n    At least ten people are tested.\n    Source: our laboratory.\n"
    )
