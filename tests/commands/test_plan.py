from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from equime_hub.builder import plan as plans
from equime_hub.builder.causal import ExpertSampler
from equime_hub.builder.faces import index
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.plan import Plan
from equime_hub.builder.plan.balance import PlanBalance, Target
from equime_hub.cli import main

PLAN = Path("plan.parquet")


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 14 drawn people: a man and a woman of every age group, and two more."""
    path = tmp_path_factory.mktemp("people") / "faces.parquet"
    source = DrawnFaces(14, 0, 64)
    index.write(path, source, source.scan().faces)
    return path


def equime_plan(*arguments: str | int | Path) -> Result:
    return CliRunner().invoke(main, ["plan", *map(str, arguments)])


def planned(*arguments: str | int | Path) -> tuple[dict[str, Any], Plan, str]:
    """Report, plan and talk of a call that must succeed."""
    result = equime_plan(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), plans.read(PLAN), result.stderr


def test_an_index_of_faces_is_planned_without_looking_at_the_images(people: Path) -> None:
    report, plan, _ = planned("--faces", people)
    source, faces = index.read(people)
    assert plan.source == source
    assert [spec.face for spec in plan.specs[::5]] == list(faces)
    assert sum(report["clips"].values()) == 70


def test_shortfalls_are_a_table_on_stderr_and_in_the_report(people: Path) -> None:
    Path("census.csv").write_text("gender,share\nwoman,3\nman,1\n")
    report, plan, told = planned("--faces", people, "--balance", "census.csv", "--clips", 80)
    targets = (Target(("woman",), 3.0), Target(("man",), 1.0))
    assert plan.config.balance == PlanBalance("targets", ("gender",), targets, 80)
    woman, man = report["balance"]
    assert (woman["wanted"], woman["got"], woman["people"]) == (60, 35, 7)
    assert man == {"group": "man", "wanted": 20, "got": 20, "people": 7, "reason": None}
    assert "woman      60      35       7  people used up" in told
    assert "25 of the clips wanted are missing" in told
    _, _, told = planned(
        "--faces", people, "--balance", "census.csv", "--clips", 80, "--max-clips-per-person", 10
    )
    assert "missing" not in told


def test_uniform_says_which_groups_have_nobody(people: Path) -> None:
    report, _, told = planned("--faces", people, "--balance", "uniform")
    groups = [quota for quota in report["balance"] if quota["people"]]
    assert {quota["got"] for quota in groups} == {5}
    assert f"{72 - len(groups)} of 72 groups have nobody" in told


def test_counterfactuals_are_counted_and_those_without_effect_are_said(people: Path) -> None:
    report, plan, told = planned(
        "--faces", people, "--emotions", "happiness,sadness", "--counterfactual", "emotion=anger",
        "--do", "AU12=0",
    )  # fmt: skip
    assert report["counterfactuals"] == {"emotion=anger": 28, "do(AU12=0)": 14}
    assert len(plan.specs) == 28 + 28 + 14
    assert "do(AU12=0) changes nothing in 14 clips" in told
    shown = equime_plan("--faces", people, "--emotions", "fear", "--do", "AU45=1")
    assert "14 of them are counterfactuals: do(AU45=1)" in shown.stdout


def test_limits_are_for_ablations(people: Path) -> None:
    report, plan, _ = planned(
        "--faces", people, "--limit-people", 10, "--limit-vectors", 6, "--limit-clips", 40
    )
    assert len(plan.splits()) <= 10
    assert report["vectors"] <= 6
    assert len(plan.specs) == 40


def test_emotions_can_have_weights(people: Path) -> None:
    report, _, _ = planned("--faces", people, "--emotions", "happiness=3,anger", "--clips", 28)
    assert report["emotions"] == {"happiness": 21, "anger": 7}


def test_a_preset_gives_size_and_frames_unless_they_are_given(people: Path) -> None:
    config = planned("--faces", people, "--preset", "equime-readme")[1].config
    assert (config.width, config.height, config.num_frames) == (512, 512, 145)
    config = planned("--faces", people, "--preset", "equime-readme", "--size", 64)[1].config
    assert (config.width, config.height, config.num_frames) == (64, 64, 145)


def test_a_sampler_is_a_name_or_a_file(people: Path) -> None:
    assert planned("--faces", people, "--sampler", "expert")[1].sampler == ExpertSampler()
    Path("strong.json").write_text('{"name": "expert", "intensity": [0.4, 0.5]}')
    plan = planned("--faces", people, "--sampler", "strong.json")[1]
    assert plan.sampler == ExpertSampler(intensity=(0.4, 0.5))
    assert all(max(spec.au_apex) >= 0.4 for spec in plan.specs)


def test_options_override_the_balance_of_a_configuration_file(people: Path) -> None:
    Path("config.json").write_text('{"balance": {"rule": "uniform", "max_clips_per_person": 2}}')
    config = planned("--faces", people, "--config", "config.json", "--clips", 50)[1].config
    assert config.balance == PlanBalance("uniform", clips=50, max_clips_per_person=2)
    config = planned("--faces", people, "--config", "config.json", "--balance", "as-is")[1].config
    assert config.balance == PlanBalance(max_clips_per_person=2)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--balance", "fair"), 1, "There is no balance 'fair'"),
        (("--balance", "bad.csv"), 1, "bad.csv: There is no group 'female'"),
        (("--balance", "empty.csv"), 1, "Groups have a share but nobody in them (1): woman, asian"),
        (("--balance", "uniform", "--clips", 2), 1, "over 14 groups needs at least 14 clips"),
        (("--clips", 9, "--limit-clips", 5), 1, "limit_clips would undo a balance"),
        (("--limit-vectors", 2), 1, "leave each of the 5 emotions one"),
        (("--counterfactual", "emotion=anger"), 1, "must have another emotion than its clip"),
        (("--counterfactual", "emotion=rage"), 1, "There is no emotion 'rage'"),
        (("--do", "AU4"), 1, "'AU4' is no intervention"),
        (("--do", "AU4=2"), 1, "AU 4 must be set to a number in [0, 1]"),
        (("--emotions", "anger=x"), 1, "a weight that is no number"),
        (("--emotions", "anger=0"), 1, "emotion_weights must be above 0"),
        (("--emotions", "others"), 1, "No action units are known for 'others'"),
        (("--sampler", "guess"), 1, "There is no AU sampler 'guess'"),
        (("--sampler", "micro"), 1, "The sampler micro cannot be made: index"),
        (("--sampler", "none.json"), 1, "none.json cannot be read"),
        (("--sampler", "list.json"), 1, "list.json must hold one JSON object"),
        (("--sampler", "odd.json"), 1, "no field strength"),
        (("--size", 0), 1, "sizes must be positive"),
        (("--limit-people", 0), 2, "'--limit-people'"),
        (("--preset", "huge"), 2, "'huge'"),
    ],
)
def test_what_cannot_be_planned_is_a_sentence_and_nothing_is_written(
    people: Path, arguments: tuple[str | int, ...], code: int, sentence: str
) -> None:
    Path("bad.csv").write_text("gender,share\nfemale,1\n")
    Path("empty.csv").write_text("gender,race,age_group,share\nwoman,asian,over 60,1\n")
    Path("list.json").write_text("[]")
    Path("odd.json").write_text('{"name": "expert", "strength": 1}')
    result = equime_plan("--faces", people, *arguments)
    assert result.exit_code == code, result.output
    assert sentence in " ".join(result.stderr.split())
    assert not result.stdout
    assert not PLAN.exists()


def test_help_has_its_options_under_headings() -> None:
    shown = equime_plan("--help").stdout
    headings = [line[:-1] for line in shown.splitlines() if line and not line.startswith(" ")]
    assert headings[1:] == ["Faces", "Clips", "Causes", "Balance", "Ablations", "Options"]
