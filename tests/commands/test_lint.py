from __future__ import annotations

import json
from pathlib import Path

import pytest

from equime_hub.evaluation import lint
from equime_hub.evaluation.manifest import MANIFEST, PREDICTIONS, ROWS
from tests.commands.test_cli import equime
from tests.support.trainings import Made, made


def leaky() -> Made:
    """Two donors, each in the fold where they are tested, and too few seeds."""
    run = made()
    donors = {("made-0", "unused"), ("made-1", "unused")}
    run.rows = [row for row in run.rows if (row["clip_id"], row["role"]) not in donors]
    run.declare(seeds=(0,), padding=None)
    run.predictions = [row for row in run.predictions or [] if row["seed"] == 0]
    return run


def test_a_clean_run_says_one_line() -> None:
    result = equime("lint", made().write(Path("run")))
    assert result.exit_code == 0, result.output
    assert result.stdout == "24 rules, 7 folds, 19 clips: 0 errors, 0 warnings, 0 unchecked.\n"
    assert result.stderr == ""


def test_findings_in_words() -> None:
    result = equime("lint", leaky().write(Path("run")), "--max-rows", 1)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "error: donors, fold f1: Clips learnt from with action units of people of the test: 1 "
        "(donors: 1). `equime_hub.splits.folds.drop_donors` takes such clips out.",
        "    Clips: made-0",
        "    People: celeba-hq/0",
        "    and 1 more fold like that",
        "    Source: MiE-X, section 5.1.",
        "warning: one-seed: All predictions are of one seed, 0: nobody knows the deviation.",
        "    Source: MiE-X: the mean of 3 runs; He et al., supplement: of 30 seeds.",
        "unchecked: zero-padding: run.json does not say padding.",
        "24 rules, 7 folds, 19 clips: 2 errors, 1 warning, 1 unchecked.",
    ]


def test_findings_as_json() -> None:
    result = equime("lint", leaky().write(Path("run")), "--json", "--max-rows", 0)
    told = json.loads(result.stdout)
    assert result.exit_code == 1 and not told["ok"]
    assert (told["folds"], told["clips"], told["rules"]) == (7, 19, lint.RULES.names())
    first = told["findings"][0]
    assert (first["rule"], first["fold"], first["severity"]) == ("donors", "f1", "error")
    assert (first["clips"], first["clip_count"], first["people"]) == ([], 1, [])
    assert {finding["source"] for finding in told["findings"]} <= {r.source for r in lint.chosen()}


def test_warnings_alone_are_no_failure() -> None:
    result = equime("lint", leaky().write(Path("run")), "--rule", "one-seed")
    assert result.exit_code == 0
    assert result.stdout.startswith("warning: one-seed: ")
    assert "1 rule, 7 folds, 19 clips: 0 errors, 1 warning, 0 unchecked." in result.stdout


def test_the_rules_are_listed_with_their_sources() -> None:
    result = equime("lint", "--list")
    assert result.exit_code == 0
    for rule in lint.chosen():
        assert f"{rule.id} ({rule.severity})\n    {rule.title}\n" in result.stdout
        assert f"    Source: {rule.source}.\n" in result.stdout
    told = json.loads(equime("lint", "--list", "--json", "--rule", "donors").stdout)
    assert told["rules"] == [
        {
            "id": "donors",
            "severity": "error",
            "title": "No action units of people of the test are learnt from, whoever shows them.",
            "source": "MiE-X, section 5.1",
        }
    ]


RULE_OF_OTHERS = """
from equime_hub.evaluation.lint import Found, rule, unchecked

@rule("warning", "our laboratory")
def ten_people(run):
    \"\"\"At least ten people are tested.\"\"\"
    if run.log is None:
        yield unchecked("There are no predictions.")
    elif len(run.log.people()[1]) < 10:
        yield Found(f"Only {len(run.log.people()[1])} people are tested.")

no_rule = print
"""


def install(folder: Path, *entry_points: str) -> None:
    """A package of somebody else: one module, and what its setup.cfg says."""
    (folder / "rules_of_others.py").write_text(RULE_OF_OTHERS)
    distribution = folder / "rules_of_others-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: rules-of-others\n")
    lines = "".join(f"{point}\n" for point in entry_points)
    (distribution / "entry_points.txt").write_text(f"[equime_hub.lint_rules]\n{lines}")


def test_another_package_adds_a_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "ten-people = rules_of_others:ten_people")
    monkeypatch.syspath_prepend(tmp_path)
    told = json.loads(equime("lint", "--list", "--json").stdout)["rules"]
    assert len(told) == 25 and told[-1] == {
        "id": "ten-people",
        "severity": "warning",
        "title": "At least ten people are tested.",
        "source": "our laboratory",
    }
    run = made().write(Path("run"))
    result = equime("lint", run)
    assert result.exit_code == 0
    assert "warning: ten-people: Only 7 people are tested.\n" in result.stdout
    assert "25 rules, 7 folds, 19 clips: 0 errors, 1 warning, 0 unchecked.\n" in result.stdout
    (run / PREDICTIONS).unlink()
    result = equime("lint", run, "--rule", "ten-people", "--json")
    assert json.loads(result.stdout)["findings"][0]["severity"] == "unchecked"


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        ("print = rules_of_others:no_rule", "registers as the rule 'print' is none, but <built-in"),
        ("donors = rules_of_others:ten_people", "Two packages register the rule 'donors'"),
    ],
)
def test_another_package_adds_nonsense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, sentence: str
) -> None:
    install(tmp_path, point)
    monkeypatch.syspath_prepend(tmp_path)
    result = equime("lint", "--list")
    assert result.exit_code == 1 and sentence in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "Name the folder of a run, or use --list."),
        (("gone",), 1, "equime: There is no folder gone; a run is a folder with run.json and"),
        (("run", "--rule", "x"), 1, "equime: There is no rule 'x'. Choose one of: shared-people,"),
        (("--list", "--rule", "x"), 1, "equime: There is no rule 'x'."),
    ],
)
def test_wrong_calls(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    made().write(Path("run"))
    result = equime("lint", *arguments)
    assert result.exit_code == code and result.stdout == ""
    assert sentence in result.stderr


@pytest.mark.parametrize("name", [MANIFEST, ROWS])
@pytest.mark.parametrize("text", [None, "", "{"])
def test_a_damaged_run_is_one_sentence(name: str, text: str | None) -> None:
    folder = made().write(Path("run"))
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text)
    result = equime("lint", folder)
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("equime: ") and result.stderr.count("\n") == 1
    assert name in result.stderr


def test_damaged_predictions_are_a_finding_among_others() -> None:
    folder = leaky().write(Path("run"))
    (folder / PREDICTIONS).write_text("no table")
    result = equime("lint", folder)
    assert result.exit_code == 1
    assert "error: donors, fold f1" in result.stdout
    assert "error: readable-predictions: run/predictions.parquet cannot be read" in result.stdout
