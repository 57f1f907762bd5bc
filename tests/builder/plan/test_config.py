"""What a configuration of a plan may say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from equime_hub import configs
from equime_hub.builder.plan import PlanConfig
from equime_hub.builder.plan.balance import PlanBalance
from equime_hub.errors import EquimeError, PlanError
from tests.conftest import TINY, tiny_plan


@pytest.mark.parametrize("fps", [24.0, 50.0, 100.0, 200.0])
def test_times_are_physical(fps: float) -> None:
    config = PlanConfig(width=64, height=64, num_frames=161, fps=fps)
    for spec in tiny_plan(4, config).specs:
        milliseconds = 1000 * (spec.offset_frame - spec.onset_frame) / fps
        assert 200 - 500 / fps <= milliseconds <= 500 + 500 / fps
        assert spec.offset_frame < 161


@pytest.mark.parametrize("longest", [70.0, 90.0, 100.0])
def test_the_rate_that_a_refusal_names_is_taken(longest: float) -> None:
    durations = {"duration_ms": (longest / 2, longest)}
    with pytest.raises(PlanError, match="fps must be at least") as refused:
        replace(PlanConfig(), fps=5.0, **durations)  # type: ignore[arg-type]
    least = float(str(refused.value).split("at least ")[1].split(";")[0])
    config = replace(PlanConfig(), fps=least, **durations)  # type: ignore[arg-type]
    assert config.duration_frames() == (2, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_frames": 5, "fps": 100.0}, "needs at least 21 frames"),
        ({"emotions": ()}, "at least one"),
        ({"emotions": ("anger", "anger")}, "must differ"),
        ({"emotion_weights": (1.0,)}, "5 numbers"),
        ({"emotion_weights": (1.0, 1.0, 1.0, 1.0, 0.0)}, "above 0"),
        ({"counterfactuals": ("emotion=anger",)}, "must have another emotion than its clip"),
        ({"counterfactuals": ("emotion=joy",)}, "no emotion 'joy'"),
        ({"counterfactuals": ("anger",)}, "'anger' is no intervention"),
        ({"counterfactuals": ("AU3=1",)}, "AU 3 cannot be set"),
        ({"counterfactuals": ("do(AU4=0.3)", "AU4=.30")}, "must differ"),
        ({"wording": "poem"}, "one of facs, facs-timed, equime-readme; got poem"),
        ({"limit_people": 0}, "limit_people must be at least 1"),
        ({"limit_vectors": 4}, "leave each of the 5 emotions one"),
        ({"limit_clips": 9, "balance": PlanBalance(clips=10)}, "would undo a balance"),
        ({"duration_ms": (500.0, 200.0)}, "duration_ms"),
        ({"duration_ms": (200.0, float("inf"))}, "duration_ms"),
        ({"fps": 0.0}, "fps must be positive"),
        ({"fps": 1.0}, "fps must be at least 4"),
        ({"split": (0.5, 0.4, 0.2)}, "sum to 1"),
        ({"repeats": 0}, "repeats"),
        ({"width": 0}, "sizes must be positive"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        replace(PlanConfig(), **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        {"split": [0.5, 0.5]},
        {"balance": {"clips": "many"}},
        {"limit_people": 1.5},
        {"repeats": 1.5},
        {"width": 256.5},
        {"seed": "x"},
        {"emotions": "anger"},
    ],
)
def test_a_configuration_of_wrong_types_names_the_field(values: dict[str, object]) -> None:
    with pytest.raises(EquimeError, match=next(iter(values))):
        configs.from_json(PlanConfig, values)


def test_a_configuration_survives_its_file(tmp_path: Path) -> None:
    configs.to_file(TINY, tmp_path / "config.json")
    assert configs.from_file(PlanConfig, tmp_path / "config.json") == TINY
    (tmp_path / "config.json").write_text('{"emotion": "anger"}')
    with pytest.raises(EquimeError, match="no field emotion; its fields are emotions"):
        configs.from_file(PlanConfig, tmp_path / "config.json")
