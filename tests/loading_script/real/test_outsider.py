"""A licensed dataset of another package: one module, one entry point, nothing of ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support import forks
from tests.support.trees.drawing import recording

MODULE = '''
"""Grins: `grins.csv`, and a folder of frames a clip."""

from equime_hub.loading_script.real.dataset import Expected, RealDataset
from equime_hub.loading_script.real.labels import three
from equime_hub.loading_script.real.tables import Annotation, coding_columns


class Grins(RealDataset):
    """Nobody 2026."""

    name = "grins"
    title = "Grins of Nobody"
    licence = "Grins agreement"
    citation = "A. Nobody: Grins. 2026"
    needs = "grins.csv, and frames/sub01 and so on."
    fps = {"": 100.0}
    expected = {"": Expected(subjects=2, clips=3)}
    tables = {
        "": Annotation(
            ("grins.csv",), coding_columns("Onset", "Apex", "Offset", "AU", "Emotion")
        )
    }
    subject = "sub{:02}"
    raw = (("frames",),)
    label_source = "self_report"
    label_maps = {"megc3": three("smirk")}
'''
TABLE = """\
Subject,Filename,Onset,Apex,Offset,AU,Emotion
1,EP01,2,4,6,4+12C,smirk
1,EP02,2,3,5,12,happiness
2,EP01,1,,7,,surprise
"""
PROGRAM = """
import sys
import equime_hub
from equime_hub.loading_script.real.dataset import is_licensed
from tests.support import forks
rows = equime_hub.map_labels(equime_hub.load("grins", root=sys.argv[1], split="train"), "megc3")
print(rows["subject_id"][:], rows["label"][:], rows["emotion_3"][:], len(rows[0]["video"]))
print(is_licensed("Grins of Nobody"))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package as pip would install it (`site`), and a release (`root`)."""
    base = tmp_path_factory.mktemp("outsider")
    installed = base / "site/grins-1.0.dist-info"
    installed.mkdir(parents=True)
    (base / "site/grins.py").write_text(MODULE)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: grins\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[equime_hub.real]\ngrins = grins:Grins\n")
    for number, clip in enumerate(("sub01/EP01", "sub01/EP02", "sub02/EP01")):
        recording(base / "root", [f"frames/{clip}/img{n}.jpg" for n in range(1, 9)], number)
    (base / "root/grins.csv").write_text(TABLE)
    return base


def run(lab: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return forks.run(*arguments, cwd=lab, env=forks.environment(lab / "site"))


def test_it_is_listed_checked_imported_and_never_pushed(lab: Path) -> None:
    equime = "-m", "equime_hub"
    assert "Grins of Nobody\n" in run(lab, *equime, "import", "--list").stdout
    checked = run(lab, *equime, "import", "grins", "--root", "root", "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    out = run(lab, *equime, "import", "grins", "--root", "root", "--out", "out", "--workers", "1")
    assert out.stdout == "out: 3 clips of Grins of Nobody (3 read now)\n", out.stderr
    assert run(lab, *equime, "verify", "out").returncode == 0
    pushed = run(lab, *equime, "push", "out", "lab/grins", "--dry-run")
    assert pushed.returncode == 1
    assert "out may not be published: clip 'grins-sub01-EP01' is from 'grins'" in pushed.stderr


def test_it_opens_in_python_and_its_labels_are_mapped_as_it_says(lab: Path) -> None:
    done = run(lab, "-c", PROGRAM, "root")
    assert done.stdout.splitlines() == [
        "['grins/sub01', 'grins/sub01', 'grins/sub02'] [0, 1, 2] [0, 1, 2] 5",
        "True",
    ], done.stderr
