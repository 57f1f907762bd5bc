"""A backend of another package: its entry point is all that `equime build` needs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.commands.test_cli import equime
from tests.support import forks

TOY = """
from dataclasses import dataclass, field
from typing import ClassVar
import numpy as np
from equime_hub.builder.spec import Backend, Preset
from equime_hub.schema.records import Generation
from equime_hub.video.clip import Clip

@dataclass(frozen=True)
class ToyConfig:
    speed: int = field(default=1, metadata={"help": "grey levels a frame.", "min": 1, "max": 9})
    device: str | None = field(default=None, metadata={"help": "any.", "location": True})
    gates: int = field(default=0, metadata={"help": "taken by another option."})
    secret: float = 0.5

@dataclass(frozen=True)
class ToyBackend(Backend):
    config: ToyConfig = field(default_factory=ToyConfig)
    presets: ClassVar = {"quick": Preset(ToyConfig(speed=8), 64, 64, 32, "Quick.")}

    @property
    def generation(self):
        config = self.config
        return Generation(f"toy {config.speed} {config.secret}", "toy 1")

    def render(self, jobs):
        clips = []
        for job in jobs:
            steps = np.arange(job.spec.num_frames)[:, None, None, None] * self.config.speed
            clips.append(Clip((job.image[None] // 2 + steps % 100).astype(np.uint8), job.spec.fps))
        return clips
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    info = site / "toy-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1\n")
    points = "[equime_hub.backends]\ntoy = toy:ToyBackend\nbroken = nowhere:Backend\n"
    (info / "entry_points.txt").write_text(points)
    (site / "toy.py").write_text(TOY)
    monkeypatch.setenv("PYTHONPATH", f"{site}:{Path(__file__).parents[2]}")


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return forks.run("-m", "equime_hub", *arguments)


def test_it_has_options_presets_and_a_place_in_the_help(toy: None) -> None:
    shown = " ".join(call("build", "--help").stdout.split())
    assert "--backend [warp|ltx|toy|broken]" in shown
    assert "distilled|tiny|quick] ltx, toy: named settings." in shown
    assert "--speed INTEGER RANGE toy: grey levels a frame. [1<=x<=9]" in shown
    assert "--device TEXT ltx, toy: cuda, cuda:1 or cpu." in shown
    assert shown.count("--gates") == 2  # one is in an example
    options = ("--people", "1", "--emotions", "anger", "--preset", "quick", "--fps", "50")
    assert call("plan", *options).returncode == 0
    Path("toy.json").write_text('{"config": {"secret": 0.25}}')
    more = ("--backend-config", "toy.json", "--speed", "3", "--device", "x")
    done = call("build", "plan.parquet", "--backend", "toy", "--workers", "1", "--json", *more)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["made"] == 1
    (shard,) = Path("equime/data").glob("*.parquet")
    assert pq.read_table(shard, columns=["generator"])[0][0].as_py() == "toy 3 0.25"


def test_what_it_does_not_take_is_a_sentence(toy: None) -> None:
    for arguments, code, sentence in (
        (("--speed", "3"), 2, "the options marked toy are for --backend toy, not warp."),
        (("--backend", "toy", "--preset", "fast"), 2, "are for --backend ltx, not toy."),
        (("--backend", "toy", "--compile"), 2, "marked ltx are for --backend ltx, not toy."),
        (("--backend", "toy", "--speed", "10"), 2, "10 is not in the range 1<=x<=9"),
        (("--backend", "broken"), 1, "The backend 'broken' cannot be imported from nowhere"),
    ):
        done = call("build", "plan.parquet", *arguments)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert sentence in " ".join(done.stderr.split())


def test_no_backend_is_imported_for_the_list_of_commands(toy: None) -> None:
    code = (
        "import sys\nfrom equime_hub.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: print('toy' in sys.modules)"
    )
    assert forks.succeeded("-c", code).splitlines()[-1] == "False"


def test_ours_need_no_other_package() -> None:
    assert "[warp|ltx]" in equime("build", "--help").stdout
