from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from equime_hub.cli import main


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


@pytest.fixture
def csvs() -> None:
    Path("real.csv").write_text("avg_psnr,avg_tv\n38,10\n40,20\n42,30\n", encoding="utf-8")
    Path("a.csv").write_text("psnr_mean,tv_mean\n39,12\n41,22\n43,32\n", encoding="utf-8")
    Path("b.csv").write_text("psnr_mean,tv_mean\n44,9\n46,19\n48,29\n", encoding="utf-8")


@pytest.mark.usefixtures("csvs")
def test_fidelity_prints_and_writes_one_report() -> None:
    call = ("fidelity", "--real", "SAMM=real.csv", "--synthetic", "a.csv", "--synthetic", "b.csv")
    done = run(*call, "--draws", "20", "--out", "out")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("# Fidelity of a and b to SAMM")
    assert Path("out/report.md").read_text(encoding="utf-8") == done.stdout
    told = run(*call, "--draws", "20", "--json")
    written = json.loads(Path("out/report.json").read_text(encoding="utf-8"))
    assert json.loads(told.stdout) == written
    psnr = written["metrics"]["psnr"]["synthetic"]
    assert psnr["a"]["wasserstein"]["value"] == 1
    assert psnr["b"]["deviation_percent"]["value"] == 15
    assert written["closest"]["Wasserstein"]["metrics"] == {"a": 1, "b": 1}
    assert {p.name for p in Path("out").iterdir()} == {
        "report.md", "report.json", "overlay.png", "overlay.svg",
        *(f"histograms-{name}.{kind}" for name in ("SAMM", "a", "b") for kind in ("png", "svg")),
    }  # fmt: skip


def test_fidelity_of_a_dataset_to_a_folder_of_clips(dataset: Path) -> None:
    Path("clips").mkdir()
    (shard,) = dataset.glob("data/train-*-of-*.parquet")
    for row in pq.read_table(shard, columns=["clip_id", "video"]).slice(0, 3).to_pylist():
        (Path("clips") / f"{row['clip_id']}.mp4").write_bytes(row["video"]["bytes"])
    done = run("fidelity", "--real", "clips", "--synthetic", dataset, "--json", "--draws", "0")
    assert done.exit_code == 0, done.output
    values = json.loads(done.stdout)
    assert values["sets"]["clips"]["clips"] == 3
    assert values["sets"]["clips"]["fps"] == [50]
    assert values["sets"]["clips"]["frame_sizes"] == [[64, 64]]
    assert values["sets"]["equime"]["people"] == 8
    size = values["metrics"]["size_mib"]
    found = [p.stat().st_size / 2**20 for p in Path("clips").iterdir()]
    assert size["real"]["mean"] == pytest.approx(sum(found) / 3)
    assert values["sets"]["clips"]["columns"]["psnr"] == "psnr"


@pytest.mark.usefixtures("csvs")
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--real", "nix.csv", "--synthetic", "a.csv"), 2, "'nix.csv'"),
        (("--real", "real.csv"), 2, "'--synthetic'"),
        (("--real", "a.csv", "--synthetic", "a.csv"), 1, "Two sets are called a."),
        (("--real", "a.csv", "--synthetic", "empty.csv"), 1, "empty.csv is empty"),
    ],
)
def test_fidelity_refuses_and_writes_nothing(
    arguments: tuple[str, ...], code: int, told: str
) -> None:
    Path("empty.csv").touch()
    done = run("fidelity", *arguments, "--out", "out")
    assert done.exit_code == code
    assert told in done.stderr
    assert not Path("out").exists()


def test_a_path_with_an_equals_sign_is_a_path_if_it_is_there() -> None:
    Path("crf=12.csv").write_text("tv\n1\n2\n", encoding="utf-8")
    done = run("fidelity", "--real", "crf=12.csv", "--synthetic", "x=crf=12.csv", "--json")
    assert done.exit_code == 0, done.output
    assert list(json.loads(done.stdout)["sets"]) == ["crf=12", "x"]


@pytest.mark.usefixtures("dataset")
def test_grid() -> None:
    done = run("grid")
    assert done.stdout == "grid.png\n"
    with Image.open("grid.png") as picture:
        wide = picture.width
    assert run("grid", "equime", "--frames", "3", "--out", "less.png").exit_code == 0
    with Image.open("less.png") as picture:
        assert picture.width < wide
    person = pq.read_table(next(Path("equime").glob("metadata/test-*")))["subject_id"][0].as_py()
    for name in ("a.svg", "b.svg"):
        assert run("grid", "equime", "--subject", person, "--out", name).exit_code == 0
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()
    images = ET.parse("a.svg").getroot().iter("{http://www.w3.org/2000/svg}image")
    assert len(list(images)) == 5 * 8  # seven frames and where they differ


@pytest.mark.usefixtures("dataset")
def test_demographics() -> None:
    done = run("demographics", "equime", "--out", "people.svg")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("| gender ")
    assert Path("people.svg").is_file()
    values = json.loads(run("demographics", "--json").stdout)
    assert values["totals"]["all"] == {"people": 8, "clips": 40}


@pytest.mark.usefixtures("dataset")
def test_motion() -> None:
    done = run("motion", "--number", "2", "--json", "--out", "curves.svg")
    assert done.exit_code == 0, done.output
    clips = json.loads(done.stdout)["clips"]
    assert len(clips) == 2
    assert ET.parse("curves.svg").getroot().tag.endswith("svg")
    named = run("motion", "equime", "--clip", clips[1]["clip_id"])
    assert clips[1]["clip_id"] in named.stdout
    assert clips[0]["clip_id"] not in named.stdout
    with Image.open("motion.png") as picture:
        assert picture.width > 1000


@pytest.mark.usefixtures("dataset")
def test_agreement_without_observations_says_how_to_get_them() -> None:
    done = run("agreement")
    assert done.exit_code == 1
    assert "equime observe equime --emotion deepface" in done.stderr
    assert run("agreement", "--threshold", "0").exit_code == 2


@pytest.mark.parametrize("command", ["grid", "demographics", "motion"])
def test_a_figure_needs_a_known_suffix_before_any_work(command: str) -> None:
    done = run(command, "nowhere", "--out", "figure.gif")
    assert done.exit_code == 2
    assert "'figure.gif' does not end in .png, .svg, .pdf" in done.stderr
