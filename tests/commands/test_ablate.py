from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from equime_hub import configs
from equime_hub.builder import plan as plans
from equime_hub.builder.causal import SAMPLERS
from equime_hub.builder.plan import PlanConfig
from equime_hub.evaluation import log, manifest
from equime_hub.evaluation.ablation import settings as ablations
from equime_hub.evaluation.ablation.settings import ABLATIONS
from equime_hub.evaluation.manifest import Manifest
from tests.commands.test_cli import equime
from tests.support import openface_csv as made_up


def test_list_names_settings_and_sources() -> None:
    done = equime("ablate", "list")
    for each in ABLATIONS.values():
        assert f"{each.name}: {each.about}\n" in done.stdout
        assert f"    Source: {each.source}.\n" in done.stdout
    told = json.loads(equime("ablate", "list", "--json").stdout)
    assert [s["num_frames"] for s in told["frames"]["settings"]] == [4, 8, 12, 16, None]


def test_training_ablation_is_a_file_a_run() -> None:
    done = equime("ablate", "plan", "frames", "--out", "out")
    assert done.exit_code == 0 and done.stdout == ""
    assert done.stderr.startswith("150 runs in out/frames.\n")
    files = sorted(Path("out/frames").rglob("*.json"))
    assert len(files) == 150
    run = json.loads(Path("out/frames/8/seed-29/ablation.json").read_text())
    assert (run["num_frames"], run["seed"], run["plan"]) == (8, 29, None)


def test_every_plan_can_be_planned() -> None:
    """The commands that are printed make plans, of drawn faces; each is what its setting says."""
    for name in ("intensity", "classes"):
        done = equime("ablate", "plan", name, "--seeds", 2)
        assert done.exit_code == 0, done.output
        commands = done.stdout.splitlines()
        assert len(commands) == (1 if ABLATIONS[name].one_plan else 3)
        _, *arguments = shlex.split(commands[-1].replace("--faces faces.parquet", "--people 3"))
        planned = equime(*arguments)
        assert planned.exit_code == 0, planned.output
    classes = plans.read(Path("ablations/classes/plan.parquet"))
    assert {spec.emotion for spec in classes.specs} == set(classes.config.emotions)
    strong = plans.read(Path("ablations/intensity/0.5-0.7/plan.parquet"))
    values = [value for spec in strong.specs for value in spec.au_apex if value]
    assert values and 0.5 <= min(values) <= max(values) <= 0.7


def test_sources_and_limits_stand_in_the_files() -> None:
    indices = ("--micro-index", made_up.micro(Path()), "--macro-index", made_up.macro(Path()))
    told = json.loads(equime("ablate", "plan", "clips", *indices, "--json").stdout)
    assert len(told["runs"]) == 40 and len(told["commands"]) == 4
    folder = Path("ablations/clips/54000")
    config = configs.from_file(PlanConfig, folder / "plan.json")
    assert (config.limit_people, config.limit_vectors, config.limit_clips) == (1000, 9000, 54000)
    assert config.repeats == 11
    sampler = SAMPLERS.restore(json.loads((folder / "sampler.json").read_text()))
    assert [part.sampler["name"] for part in sampler.parts] == ["micro", "macro", "expert"]
    assert equime("ablate", "plan", "apex", *indices).exit_code == 0
    late = json.loads(Path("ablations/apex/0.5-0.7/sampler.json").read_text())
    assert (late["name"], late["interval"]) == ("macro", [0.5, 0.7])


def test_a_refused_plan_writes_nothing() -> None:
    done = equime("ablate", "plan", "au-sources", "--macro-index", made_up.macro(Path()))
    assert done.exit_code == 1 and "give --micro-index" in done.stderr
    assert not Path("ablations").exists()
    assert "There is no ablation 'x'" in equime("ablate", "plan", "x").stderr


def trained(name: str, seeds: int, **stated: str) -> Path:
    """The runs of an ablation, with predictions that grow better with the setting."""
    for run in ablations.runs(ABLATIONS[name], seeds):
        folder = Path("ablations") / ablations.folder(name, run.setting, run.seed)
        configs.to_file(run, folder / ablations.RUN)
        place = [each.name for each in ABLATIONS[name].settings].index(run.setting)
        true = [n % len(run.classes) for n in range(42)]
        said = [n if (i + run.seed) % 6 <= place else 0 for i, n in enumerate(true)]
        clips, people = [f"c{n}" for n in range(42)], [f"s{n % 5}" for n in range(42)]
        found = log.of(
            {
                "clip_id": clips, "subject_id": people, "seed": run.seed,
                "reference": true, "prediction": said,
            },
            run.classes,
        )  # fmt: skip
        log.write(found, folder)
        if stated:
            manifest.write(Manifest(**stated), folder)  # type: ignore[arg-type]
    return Path("ablations", name)


def test_table_of_an_ablation() -> None:
    folder = trained("frames", 6)
    done = equime(
        "ablate", "table", folder, "--draws", 30, "--markdown", "t.md", "--latex", "t.tex"
    )
    assert done.exit_code == 0, done.output
    assert Path("t.md").read_text(encoding="utf-8") == done.stdout
    lines = [line.split("|")[1].strip() for line in done.stdout.splitlines() if "|" in line]
    assert lines[2:8] == ["4", "8", "12", "16", "all", "always happiness"]
    assert lines[10:12] == ["8 against 4", "12 against 4"] and len(lines) == 8 + 2 + 10
    assert Path("t.tex").read_text(encoding="utf-8").count(r"\toprule") == 2
    plain = json.loads(equime("ablate", "table", folder, "--draws", 30, "--json").stdout)
    assert {pair["p"] for pair in plain["pairs"] if pair["first"] == "4"} == {2 / 2**6}
    assert not plain["leaky"]


def test_settings_named_on_the_command_line() -> None:
    folder = trained("frames", 2)
    many = f"many={folder}/all/seed-00/predictions.parquet"
    done = equime(
        "ablate", "table", f"few={folder}/4/seed-00", many, "--interval", 0, "--score", "accuracy",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "| many against few |" in done.stdout and "Differences of accuracy" in done.stdout


def test_leaky_runs_need_the_word() -> None:
    folder = trained("frames", 1, selection="best-on-test (leaky)")
    refused = equime("ablate", "table", folder)
    assert refused.exit_code == 1 and "--leaky" in refused.stderr and not refused.stdout
    done = equime("ablate", "table", folder, "--leaky", "--draws", 5)
    assert done.stdout.count("(leaky: selected on the test)") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "'[SETTING=]RUN...'"),
        (("gone",), 1, "There is no predictions.parquet in gone"),
        (("a=gone",), 1, "There is no gone"),
        (("ablations",), 1, "runs of several ablations, classes, frames;"),
        (("ablations/frames/4", "ablations/frames/4/seed-00"), 1, "with the seed 0; give one"),
    ],
)
def test_wrong_calls(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    trained("frames", 1)
    trained("classes", 1)
    result = equime("ablate", "table", *arguments)
    assert result.exit_code == code and result.stdout == ""
    assert sentence in result.stderr


def test_predictions_without_a_cell_are_refused() -> None:
    folder = trained("frames", 1)
    (folder / "4/seed-00/ablation.json").unlink()
    result = equime("ablate", "table", folder)
    assert result.exit_code == 1 and "4/seed-00/ablation.json cannot be read" in result.stderr
