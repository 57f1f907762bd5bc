from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from equime_hub.cli import main
from equime_hub.commands.score import predict as command
from tests.prediction.test_video import face
from tests.support import tiny_classifier as tiny_model
from tests.support import videos
from tests.video.test_motion import APEX


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


@pytest.fixture
def clip() -> Path:
    return videos.write(Path("clip.mp4"), face(), fps=100)


def test_motion_alone_needs_no_model(clip: Path) -> None:
    done = run(clip)
    assert done.exit_code == 0, done.output
    line = next(line for line in done.stdout.splitlines() if "clip.mp4" in line)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[0] == "clip.mp4" and cells[1] == "–" and cells[5:8] == ["micro-like", "56", "100"]
    frame, _, ms = cells[3].partition(" ")
    assert abs(int(frame) - APEX) <= 4 and ms == f"({10 * int(frame)} ms)"


def test_one_of_several_cannot_be_read(clip: Path) -> None:
    Path("folder").mkdir()
    clip.rename("folder/clip.mp4")
    Path("folder/empty.mov").touch()
    Path("folder/text.mp4").write_text("no video at all")
    model = tiny_model.save(Path("model"))
    done = run("folder", "absent.mp4", "--model", model, "--csv", "told.csv", "--strip", "s.png")
    assert done.exit_code == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")][2:]
    assert [line.split("|")[1].strip() for line in lines] == [
        "clip.mp4", "empty.mov", "text.mp4", "absent.mp4"
    ]  # fmt: skip
    for line, said in zip(lines[1:], ("is empty", "cannot read", "There is no file"), strict=True):
        assert said in line
    assert any(name in lines[0] for name in tiny_model.FIVE)
    assert "3 videos of 4 cannot be read." in done.stderr
    with Path("told.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["error"] == "" for row in rows] == [True, False, False, False]
    assert sum(float(rows[0][f"p({name})"]) for name in tiny_model.FIVE) == pytest.approx(1)
    assert abs(int(rows[0]["apex_frame"]) - APEX) <= 4
    with Image.open("s.png") as figure:
        assert figure.width == 2100


def test_json_says_all(clip: Path) -> None:
    done = run(clip, "--json", "--fps", "200")
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)["videos"]
    assert found["error"] is None and found["fps"] == 200 and found["width"] == 128
    assert found["apex_ms"] == 5 * found["apex_frame"] and len(found["curve"]) == 56
    assert found["emotion"] is None and found["probabilities"] == {} and found["face"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "VIDEO"),
        (["clip.mp4", "--strip", "s.jpg"], 2, ".png"),
        (["clip.mp4", "--fps", "0"], 2, "--fps"),
        (["."], 1, "holds no video"),
        (["clip.mp4", "--model", "nowhere"], 1, "nowhere"),
    ],
)
def test_wrong_calls_are_sentences(arguments: list[str], code: int, said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == code and said in done.stderr and "Traceback" not in done.output


def test_a_picture_of_too_many_is_refused_before_any_work(clip: Path) -> None:
    for number in range(command.MOST):
        Path(f"{number}.mp4").touch()
    done = run(".", "--strip", "s.png")
    assert done.exit_code == 2 and "up to 40 videos, and these are 41" in done.stderr
