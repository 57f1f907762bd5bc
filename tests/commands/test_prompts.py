from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from equime_hub.builder import plan as plans
from equime_hub.builder import prompts
from equime_hub.builder.plan import Plan
from equime_hub.cli import main
from equime_hub.schema.taxonomy import AU_NUMBERS

SMILE = [0.2 * (n == 6) + 0.3 * (n == 12) for n in AU_NUMBERS]


def show(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["prompts", "show", *arguments])


@pytest.mark.parametrize("negative", [False, True])
def test_a_plan_is_shown_by_its_distinct_prompts(plan: Plan, negative: bool) -> None:
    plans.write(plan, Path("plan.parquet"))
    flags = ["--negative"] * negative
    found = json.loads(show("plan.parquet", "--json", *flags).stdout)
    expected = Counter(s.negative_prompt if negative else s.prompt for s in plan.specs)
    assert {row["text"]: row["clips"] for row in found["prompts"]} == expected
    assert found["clips"] == len(plan.specs)
    assert found["distinct"] == len(expected) < len(plan.specs)
    assert found["longest"] == max(map(prompts.tokens, expected)) < found["limit"] == 128
    printed = show("plan.parquet", *flags)
    assert printed.exit_code == 0, printed.output
    counts = [int(line.split()[0]) for line in printed.stdout.splitlines()]
    assert counts == sorted(expected.values(), reverse=True)
    assert f"{len(expected)} distinct texts for 40 clips" in printed.stderr


def test_an_emotion_and_its_units() -> None:
    text = prompts.prompt("happiness", SMILE)
    arguments = ("--emotion", "happiness", "--au", "6=0.2", "--au", "12=.3")
    assert show(*arguments).stdout == f"      1 {prompts.tokens(text):>4}  {text}\n"
    assert prompts.negative_prompt(SMILE) in show(*arguments, "--negative").stdout
    template = prompts.prompt("happiness", SMILE, style="equime-readme")
    assert show(*arguments, "--style", "equime-readme").stdout.endswith(f"  {template}\n")
    assert "on the left" in show("--emotion", "contempt", "--au", "L14=0.3").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "either a PLAN or --emotion"),
        (("plan.parquet", "--emotion", "fear"), 2, "either a PLAN or --emotion"),
        (("plan.parquet", "--au", "6=0.2"), 2, "are for --emotion"),
        (("nowhere.parquet",), 1, "There is no plan at nowhere.parquet"),
        (("--emotion", "joy"), 2, "'joy'"),
        (("--emotion", "fear", "--au", "6"), 2, "'6' is not like 6=0.2"),
        (("--emotion", "fear", "--au", "6=nan"), 2, "is not like"),
        (("--emotion", "fear", "--au", "3=0.2"), 2, "AU 3 is none of 1, 2, 4"),
        (("--emotion", "fear", "--au", "6=1.2"), 2, "AU 6 is at 1.2; at most 1"),
        (("--emotion", "fear", "--au", "6=0.2", "--au", "L6=0.2"), 2, "given more than once"),
        (("--emotion", "disgust", "--style", "equime-readme"), 1, "has templates for happiness"),
    ],
)
def test_a_wrong_call_is_a_sentence(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = show(*arguments)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert not result.stdout


def test_help_has_examples() -> None:
    assert "equime prompts show plan.parquet" in CliRunner().invoke(main, ["prompts", "-h"]).output
    assert "--au 6=0.2 --au 12=0.3" in show("--help").output
